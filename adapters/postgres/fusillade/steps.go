package fusillade

import (
	"context"
	"errors"
	"math"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

var (
	errNoChain      = domain.Errorf(domain.CodeNotFound, "no such chain of these owners")
	errTooManySteps = domain.Errorf(domain.CodeUnavailable, "The response has more than 10,000 steps, which are too many to list")
)

// chain returns the steps of a chain, the head first; nothing if there are none of these
// owners. CodeNotFound unless they own each request.
func (r *Responses) chain(ctx context.Context, id uuid.UUID, owners []string) ([]dbsqlc.ChainOfRow, error) {
	steps, err := read(ctx, r.src.Primary, func(d *dbsqlc.Queries) ([]dbsqlc.ChainOfRow, error) {
		return d.ChainOf(ctx, dbsqlc.ChainOfParams{ID: id, Owners: owners, AtMost: domain.MaxStepsOfChain + 1})
	})
	if err != nil {
		return nil, err
	}
	if len(steps) > domain.MaxStepsOfChain {
		return nil, errTooManySteps
	}
	for _, step := range steps {
		if step.RequestID != nil && (step.Owner == nil || owners != nil && !slices.Contains(owners, *step.Owner)) {
			return nil, errNoChain
		}
	}
	return steps, nil
}

// Chain makes one round trip.
func (r *Responses) Chain(ctx context.Context, id uuid.UUID, owners []string) (domain.Chain, error) {
	steps, err := r.chain(ctx, id, owners)
	if err != nil {
		return domain.Chain{}, err
	}
	var chain domain.Chain
	for _, step := range steps {
		if step.RequestID != nil {
			chain.Requests = append(chain.Requests, *step.RequestID)
		}
	}
	if len(chain.Requests) == 0 {
		return domain.Chain{ID: id, Requests: []uuid.UUID{id}}, nil
	}
	chain.ID = steps[0].ID
	return chain, nil
}

// Steps makes two round trips, or one if there is no chain, and one more for payloads.
func (r *Responses) Steps(ctx context.Context, q domain.StepQuery, record *domain.Recording) (domain.StepPart, error) {
	chain, err := r.chain(ctx, q.ID, q.Owners)
	if err != nil || len(chain) == 0 {
		return domain.StepPart{}, err
	}
	ids := make([]uuid.UUID, len(chain))
	var access *dbsqlc.RecordParams
	for i, step := range chain {
		ids[i] = step.ID
		if step.RequestID == nil || !record.Covers(*step.Owner) {
			continue
		}
		if access == nil || step.ID == q.ID || *step.RequestID == q.ID {
			access = &dbsqlc.RecordParams{
				AccessID: record.ID, AccessedAt: record.At, AccessedBy: record.By, Address: record.Address,
				ID: *step.RequestID, Max: math.MaxInt64, Elsewhere: true,
			}
		}
	}
	p := dbsqlc.StepsParams{Ids: ids, After: q.After, PageSize: q.Limit + 1}
	if q.Payloads {
		p.Max = new(int64(noContents))
	}
	rows, err := read(ctx, r.src.Primary, func(d *dbsqlc.Queries) ([]dbsqlc.StepsRow, error) { return d.Steps(ctx, p) })
	if err != nil {
		return domain.StepPart{}, err
	}
	found := len(rows)
	rows = rows[:min(int64(found), q.Limit)]
	if q.Payloads && len(rows) > 0 {
		var left int64
		if rows, left, err = r.payloads(ctx, q, rows, access); err != nil || left > 0 {
			return domain.StepPart{Left: left}, err
		}
	}
	part := domain.StepPart{Steps: make([]domain.Step, len(rows)), More: found > len(rows)}
	for i, row := range rows {
		part.Steps[i] = step(row, q.Payloads)
	}
	return part, nil
}

// payloads reads those of the first steps, and records the access. It returns these
// steps, or the size of their payloads if that is above the limit.
func (r *Responses) payloads(ctx context.Context, q domain.StepQuery, rows []dbsqlc.StepsRow, access *dbsqlc.RecordParams) (with []dbsqlc.StepsRow, left int64, err error) {
	size := rows[0].Bytes
	p := dbsqlc.StepsParams{Ids: []uuid.UUID{rows[0].ID}, Max: &size}
	for _, row := range rows[1:] {
		if size+row.Bytes > domain.MaxStepBytes {
			break
		}
		size += row.Bytes
		p.Ids = append(p.Ids, row.ID)
	}
	if size > q.Max {
		return nil, size, nil
	}
	p.PageSize = int64(len(p.Ids))
	var f fetched
	isRead := false
	err = r.src.Primary.Use(ctx, func(c postgres.Conn) error {
		var b pgx.Batch
		if access != nil {
			f.queueRecord(&b, *access)
		}
		queue(&b, (*dbsqlc.Queries).Steps, p, func(found []dbsqlc.StepsRow) { with, isRead = found, true })
		err := c.SendBatch(ctx, &b).Close()
		early, is := errors.AsType[pgx.ErrPreprocessingBatch](err)
		f.unrecorded = access != nil && (f.unrecorded || isRead) && !(is && early.SQL() == dbsqlc.Steps) // after rows only the commit can fail
		return err
	})
	switch {
	case err != nil && f.unrecorded && ctx.Err() == nil:
		return nil, 0, domain.ErrNotRecorded(err)
	case err != nil:
		return nil, 0, err
	case len(with) == 0 || access != nil && f.recorded == 0:
		return nil, 0, errNoChain // it was erased meanwhile
	}
	var grown int64
	for _, row := range with {
		grown += row.Bytes
	}
	if grown > size {
		return nil, grown, nil
	}
	return with, 0, nil
}

func step(row dbsqlc.StepsRow, payloads bool) domain.Step {
	s := domain.Step{
		ID: row.ID, Request: row.RequestID, Kind: row.StepKind, State: row.State, Model: row.Model,
		CreatedAt: row.CreatedAt, StartedAt: row.StartedAt, CompletedAt: row.CompletedAt, FailedAt: row.FailedAt, CanceledAt: row.CanceledAt,
		HasError: row.HasError,
	}
	if row.Tool != "" {
		s.Tool = &row.Tool
	}
	if row.ResponseStatus != nil {
		s.HTTPStatus = new(int(*row.ResponseStatus))
	}
	if payloads {
		s.Prompt = row.Prompt
		if row.HasAnswer {
			s.Answer = &row.Answer
		}
		if row.HasError {
			s.Error = &row.ErrorText
		}
	}
	return s
}
