// Package fusillade reads and erases responses where fusillade keeps them.
package fusillade

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

// Responses are the rows of fusillade's tables.
type Responses struct {
	src    postgres.Source
	outlet string
}

var _ domain.Responses = (*Responses)(nil)

// New makes the port. The search_path of the source's databases is fusillade's
// schema and then outletSchema, which holds the gateway's log, if any.
func New(src postgres.Source, outletSchema string) (*Responses, error) {
	if src.Primary == nil {
		return nil, errors.New("responses need a database")
	}
	if outletSchema == "" {
		return nil, errors.New("the name of the outlet's schema is missing")
	}
	return &Responses{src, outletSchema}, nil
}

// Page is domain.Responses'. It makes one round trip; where a replica answered,
// one more to the primary, and a third where rows have been erased meanwhile.
func (r *Responses) Page(ctx context.Context, q domain.PageQuery) ([]domain.Response, error) {
	f, possible := narrow(q.Filter)
	if !possible {
		return nil, ctx.Err()
	}
	queries, particular := f.pages(q)
	if len(queries) == 0 {
		return nil, ctx.Err()
	}
	var page []domain.Response
	read := func(c postgres.Conn) error {
		rows, err := collect(ctx, c, queries, particular)
		page = make([]domain.Response, min(int64(len(rows)), q.Limit))
		for i := range page {
			page[i] = response(rows[i], "")
		}
		return err
	}
	fromReplica, err := r.src.ReadAnywhere(ctx, read)
	if err == nil && fromReplica && len(page) > 0 {
		err = r.src.Primary.Use(ctx, func(c postgres.Conn) error {
			ids := make([]uuid.UUID, len(page))
			for i, row := range page {
				ids[i] = row.ID
			}
			n, err := dbsqlc.New(c).StillThere(ctx, ids)
			if err == nil && n < int64(len(ids)) {
				// Leaving out what is gone would end the list too early.
				err = read(c)
			}
			return err
		})
	}
	if err != nil {
		return nil, err
	}
	return page, nil
}

// collect runs the queries together and returns their rows one after another.
func collect(ctx context.Context, c postgres.Conn, queries []query, particular bool) (all []dbsqlc.PageRow, err error) {
	if len(queries) == 1 && !particular {
		return rowsOf(c.Query(ctx, queries[0].sql, queries[0].args...))
	}
	var batch pgx.Batch
	if particular {
		batch.Queue(dbsqlc.PlanForArguments)
	}
	for _, q := range queries {
		batch.Queue(q.sql, q.args...)
	}
	results := c.SendBatch(ctx, &batch)
	defer func() { err = errors.Join(err, results.Close()) }()
	if particular {
		if _, err := results.Exec(); err != nil {
			return nil, err
		}
	}
	for range queries {
		rows, err := rowsOf(results.Query())
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	return all, nil
}

// rowsOf reads what any of the queries for pages returns: they have the same
// columns.
func rowsOf(rows pgx.Rows, err error) ([]dbsqlc.PageRow, error) {
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[dbsqlc.PageRow])
}

// Get is domain.Responses'. It makes one round trip, and one more to the primary
// where a replica answered.
func (r *Responses) Get(ctx context.Context, id uuid.UUID) (domain.Response, domain.Contents, error) {
	var row dbsqlc.GetRow
	prompt, err := r.one(ctx, id, func(c postgres.Conn) (err error) {
		row, err = dbsqlc.New(c).Get(ctx, id)
		return err
	})
	if err != nil {
		return domain.Response{}, domain.Contents{}, err
	}
	if !prompt {
		row.Prompt = ""
	}
	return response(dbsqlc.PageRow{
		ID: row.ID, Owner: row.Owner, Model: row.Model, State: row.State, ServiceTier: row.ServiceTier,
		CreatedAt: row.CreatedAt, StartedAt: row.StartedAt, CompletedAt: row.CompletedAt,
		FailedAt: row.FailedAt, ResponseStatus: row.ResponseStatus, HasError: row.Error != nil,
	}, revision(row.Revision, prompt)), domain.Contents{Prompt: row.Prompt, Answer: row.ResponseBody, Error: row.Error}, nil
}

// GetSummary is domain.Responses'. Round trips as of Get.
func (r *Responses) GetSummary(ctx context.Context, id uuid.UUID) (domain.Response, error) {
	var row dbsqlc.GetSummaryRow
	prompt, err := r.one(ctx, id, func(c postgres.Conn) (err error) {
		row, err = dbsqlc.New(c).GetSummary(ctx, id)
		return err
	})
	if err != nil {
		return domain.Response{}, err
	}
	return response(dbsqlc.PageRow{
		ID: row.ID, Owner: row.Owner, Model: row.Model, State: row.State, ServiceTier: row.ServiceTier,
		CreatedAt: row.CreatedAt, StartedAt: row.StartedAt, CompletedAt: row.CompletedAt,
		FailedAt: row.FailedAt, ResponseStatus: row.ResponseStatus, HasError: row.HasError,
	}, revision(row.Revision, prompt)), nil
}

// one reads a response from anywhere. Where that was a replica, the primary
// decides whether there still is such a response, and whether its prompt may
// be shown.
func (r *Responses) one(ctx context.Context, id uuid.UUID, read func(postgres.Conn) error) (prompt bool, err error) {
	fromReplica, err := r.src.ReadAnywhere(ctx, read)
	if err != nil || !fromReplica {
		return true, err
	}
	err = r.src.Primary.Use(ctx, func(c postgres.Conn) (err error) {
		prompt, err = dbsqlc.New(c).MayBeShown(ctx, id)
		return err
	})
	return prompt, err
}

// revision tells a response whose prompt only the primary withholds from the
// one that a replica has.
func revision(read string, prompt bool) string {
	if !prompt {
		return read + " withheld"
	}
	return read
}

func response(row dbsqlc.PageRow, revision string) domain.Response {
	r := domain.Response{
		Revision: revision,
		ID:       row.ID, Owner: row.Owner, Model: row.Model, State: row.State, Tier: row.ServiceTier,
		CreatedAt: row.CreatedAt, StartedAt: row.StartedAt, CompletedAt: row.CompletedAt, FailedAt: row.FailedAt,
		HasError: row.HasError,
	}
	if row.ResponseStatus != nil {
		status := int(*row.ResponseStatus)
		r.HTTPStatus = &status
	}
	return r
}
