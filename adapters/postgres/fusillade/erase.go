package fusillade

import (
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

// Erase is domain.Responses'.
func (r *Responses) Erase(ctx context.Context, id uuid.UUID, permit func(owners []string) error) (domain.Erased, error) {
	var erased domain.Erased
	var refused error
	err := r.src.Primary.Tx(ctx, func(tx pgx.Tx) (err error) {
		e := eraser{Queries: dbsqlc.New(tx), id: id}
		if e.PrepareRow, err = e.Prepare(ctx, r.outlet); err != nil {
			return err
		}
		if e.Hidden {
			return domain.Errorf(domain.CodeInternal, "A table of the fusillade schema hides one of the outlet's: give the outlet a schema of its own, or name the right one")
		}
		if err := e.lock(ctx); err != nil {
			return err
		}
		if refused = permit(e.owners); refused != nil {
			return errRefused
		}
		erased, err = e.delete(ctx)
		return err
	})
	switch {
	case refused != nil:
		return domain.Erased{}, refused
	case err != nil:
		return domain.Erased{}, err
	}
	return erased, nil
}

// errRefused rolls back; the caller sees permit's own error.
var errRefused = domain.Errorf(domain.CodeForbidden, "Erasing was not permitted")

// eraser is one erasure, within its transaction.
type eraser struct {
	*dbsqlc.Queries
	dbsqlc.PrepareRow

	id        uuid.UUID
	steps     []uuid.UUID
	requests  []uuid.UUID
	owners    []string // of the requests, in their order
	templates []uuid.UUID
}

// lock finds the chain and locks every row of it. Others may lengthen the
// chain until its rows are locked, and after that no more: a new step needs a
// lock on the rows that it refers to. So it looks again until nothing is new.
func (e *eraser) lock(ctx context.Context) error {
	for {
		steps, requests, err := e.chain(ctx)
		if err != nil {
			return err
		}
		if e.requests != nil && subset(steps, e.steps) && subset(requests, e.requests) {
			return nil
		}
		e.steps, e.requests = steps, requests
		if err := e.LockSteps(ctx, steps); err != nil {
			return err
		}
		locked, err := e.LockRequests(ctx, requests)
		if err != nil {
			return err
		}
		e.owners, e.templates = make([]string, len(locked)), nil
		for i, row := range locked {
			e.owners[i] = row.Owner
			if row.TemplateID != nil {
				e.templates = append(e.templates, *row.TemplateID)
			}
		}
	}
}

// chain returns the steps that hang together with the response and their
// requests, each in order. CodeNotFound where there is no such response.
func (e *eraser) chain(ctx context.Context) (steps, requests []uuid.UUID, err error) {
	rows, err := e.Chain(ctx, e.id)
	if err != nil {
		return nil, nil, err
	}
	if len(rows) == 0 {
		return nil, nil, domain.Errorf(domain.CodeNotFound, "There is no response %s", e.id)
	}
	found := map[uuid.UUID]struct{}{e.id: {}}
	for _, row := range rows {
		if row.StepID != nil {
			steps = append(steps, *row.StepID)
		}
		if row.RequestID != nil {
			found[*row.RequestID] = struct{}{}
		}
	}
	compare := func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) }
	slices.SortFunc(steps, compare)
	return steps, slices.SortedFunc(maps.Keys(found), compare), nil
}

// delete removes everything that was locked and every copy within reach, and
// reads back that it is gone. The gateway may write a copy at any moment: one
// that came in between is removed in another round.
func (e *eraser) delete(ctx context.Context) (domain.Erased, error) {
	var erased domain.Erased
	for range deleteRounds {
		if err := e.deleteOnce(ctx, &erased); err != nil {
			return domain.Erased{}, err
		}
		left, err := e.left(ctx)
		if err != nil {
			return domain.Erased{}, err
		}
		if left == 0 {
			return erased, nil
		}
	}
	return domain.Erased{}, domain.Errorf(domain.CodeInternal, "Rows of the response were still there after they had been deleted, so nothing was erased: look for triggers, rules and row security on its tables")
}

const deleteRounds = 3

// deleteOnce adds what it removes to erased.
func (e *eraser) deleteOnce(ctx context.Context, erased *domain.Erased) error {
	steps := []struct {
		present bool
		removed *int64
		delete  func() (int64, error)
	}{
		{e.Analytics && e.RawRequests, &erased.RawRequests, func() (int64, error) { return e.DeleteRawRequests(ctx, e.requests) }},
		{e.Analytics && e.RawResponses, &erased.RawResponses, func() (int64, error) { return e.DeleteRawResponses(ctx, e.requests) }},
		{e.Tasks, &erased.Tasks, func() (int64, error) { return e.DeleteTasks(ctx, e.requestTexts()) }},
		// Requests after steps, as deleting a request takes its step along, and
		// templates last, as their requests refer to them.
		{true, &erased.Steps, func() (int64, error) { return e.DeleteSteps(ctx, e.steps) }},
		{true, &erased.Requests, func() (int64, error) { return e.DeleteRequests(ctx, e.requests) }},
		{true, &erased.Templates, func() (int64, error) { return e.DeleteTemplates(ctx, e.templates) }},
	}
	for _, step := range steps {
		if !step.present {
			continue
		}
		n, err := step.delete()
		if err != nil {
			return err
		}
		*step.removed += n
	}
	return nil
}

// left is how many rows of the response and of its copies there still are.
func (e *eraser) left(ctx context.Context) (int64, error) {
	left, err := e.Left(ctx, dbsqlc.LeftParams{StepIds: e.steps, RequestIds: e.requests, TemplateIds: e.templates})
	if err == nil && e.Analytics && e.RawRequests {
		var n int64
		n, err = e.RawRequestsLeft(ctx, e.requests)
		left += n
	}
	if err == nil && e.Analytics && e.RawResponses {
		var n int64
		n, err = e.RawResponsesLeft(ctx, e.requests)
		left += n
	}
	if err == nil && e.Tasks {
		var n int64
		n, err = e.TasksLeft(ctx, e.requestTexts())
		left += n
	}
	return left, err
}

func (e *eraser) requestTexts() []string {
	texts := make([]string, len(e.requests))
	for i, id := range e.requests {
		texts[i] = id.String()
	}
	return texts
}

func subset(part, whole []uuid.UUID) bool {
	for _, id := range part {
		if !slices.Contains(whole, id) {
			return false
		}
	}
	return true
}
