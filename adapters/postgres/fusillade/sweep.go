package fusillade

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

// Sweep tries each request by itself after a refusal. It also looks for rows if earlier
// erasures could not be finished.
func (r *Responses) Sweep(ctx context.Context, limit int, w domain.Authorization) (looked int, erased domain.Erased, err error) {
	ctx = postgres.For(ctx, postgres.Bulk)
	f := r.finisher()
	unfinished := f.finishOpen(ctx)
	looked, erased, err = r.sweep(ctx, f, limit, w, false)
	if err != nil && whyRefused(err) != "" && ctx.Err() == nil {
		looked, erased, err = r.sweep(ctx, f, limit, w, true)
	}
	return looked, erased, errors.Join(unfinished, err)
}

// sweep is one try. If careful is set, it tries each request by itself before it
// erases, and skips refused ones, which the error names in addition to the results.
func (r *Responses) sweep(ctx context.Context, f finisher, limit int, w domain.Authorization, careful bool) (looked int, erased domain.Erased, err error) {
	var done outcome
	var refused int
	err = f.begin(ctx, func(tx *postgres.Tx, b *pgx.Batch) error {
		looked, done = 0, outcome{}
		e := eraser{tx: tx, reach: r.reach}
		due, err := e.due(ctx, r.outlet, limit)
		if err != nil || len(due) == 0 {
			return err
		}
		remain, err := e.remaining(ctx, due)
		if err != nil {
			return err
		}
		var left []uuid.UUID
		if refused = 0; careful {
			if remain, left, err = e.tried(ctx, remain); err != nil {
				return err
			}
			refused = len(left)
		}
		s, held, err := e.unheld(ctx, remain)
		if err != nil {
			return err
		}
		if len(s.requests) > 0 {
			if err := dbsqlc.New(tx).LockGone(ctx); err != nil {
				return err
			}
			if err := e.checkAhead(ctx, s.requests); err != nil {
				return err
			}
			if s, err = e.forgetErased(ctx, s); err != nil {
				return err
			}
		}
		if len(s.requests) > 0 {
			if done, err = f.carryOut(ctx, b, &e, s, w, intended{}); err != nil {
				return err
			}
		}
		for _, t := range due {
			looked += len(t.RequestIds)
		}
		queueNext(b, due, append(held, left...))
		return nil
	})
	if err == nil && done.later {
		done.erased, err = f.complete(ctx, w.Receipt)
	}
	if err != nil {
		return 0, domain.Erased{}, err
	}
	if refused > 0 {
		err = domain.Errorf(domain.CodeRefused, "The database refuses to delete rows of %d erased requests that were written after their erasure; the sweep will retry: look for triggers, constraints, locks and damaged rows", refused)
	}
	return looked, done.erased, err
}

// tried returns the requests that can be deleted entirely now, and the others.
func (e *eraser) tried(ctx context.Context, ids []uuid.UUID) (can, refused []uuid.UUID, err error) {
	if err := dbsqlc.New(e.tx).WaitShortly(ctx); err != nil {
		return nil, nil, err
	}
	for _, id := range ids {
		_, _, err := e.rehearse(ctx, func() (selection, error) { return e.lockRows(ctx, []uuid.UUID{id}) })
		switch {
		case err == nil:
			can = append(can, id)
		case whyRefused(postgres.MapError(err)) != "":
			refused = append(refused, id)
		default:
			return nil, nil, err
		}
	}
	return can, refused, nil
}

// due locks due tombstones, of about limit requests in all.
func (e *eraser) due(ctx context.Context, outlet string, limit int) (due []dbsqlc.DueTombstonesRow, err error) {
	err = e.send(ctx, func(b *pgx.Batch) {
		e.queuePrepare(b, outlet)
		queue(b, (*dbsqlc.Queries).DueTombstones, int32(limit), func(found []dbsqlc.DueTombstonesRow) { due = found })
	})
	if err == nil {
		err = e.hidden()
	}
	requests := 0
	for i, t := range due {
		if requests += len(t.RequestIds); i > 0 && requests > limit {
			return due[:i], err
		}
	}
	return due, err
}

// remaining returns the tombstones' requests of which something is left.
func (e *eraser) remaining(ctx context.Context, due []dbsqlc.DueTombstonesRow) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	for _, t := range due {
		ids = append(ids, t.RequestIds...)
	}
	return e.lookFor(ctx, ids)
}

// unheld locks, for erasing, those of these requests that no hold covers. It also returns
// the held ones.
func (e *eraser) unheld(ctx context.Context, remain []uuid.UUID) (free selection, held []uuid.UUID, err error) {
	if len(remain) == 0 {
		return free, nil, nil
	}
	holds := holdsOnEach{}
	var rows requestRows
	err = e.send(ctx, func(b *pgx.Batch) {
		queue(b, (*dbsqlc.Queries).StepsOf, remain, func([]uuid.UUID) {})
		e.queueRows(b, remain, true, &rows)
		queueFixed(b, (*dbsqlc.Queries).ShareHolds)
		holds.queue(b, remain, e.Retained)
	})
	if err == nil {
		err = e.addHoldsOnGone(ctx, withoutRow(remain, rows.locked), holds)
	}
	if err != nil {
		return free, nil, err
	}
	var requests []uuid.UUID
	for _, id := range remain {
		if len(holds[id]) > 0 {
			held = append(held, id)
		} else {
			requests = append(requests, id)
		}
	}
	free, err = e.lockRows(ctx, requests)
	return free, held, err
}

// addHoldsOnGone adds the holds on requests of which only copies are left, such as
// copies written after the row was erased.
func (e *eraser) addHoldsOnGone(ctx context.Context, ids []uuid.UUID, holds holdsOnEach) error {
	if len(ids) == 0 {
		return nil
	}
	found, err := e.lookForGone(ctx, ids)
	if err != nil || len(found) == 0 {
		return err
	}
	return e.send(ctx, func(b *pgx.Batch) {
		for id, g := range found {
			queueHoldsOnGone(b, id, g, func(on []domain.Hold) { holds.add(id, on) })
		}
	})
}

// lookFor returns the requests of which something is left, in order of identifiers.
func (e *eraser) lookFor(ctx context.Context, ids []uuid.UUID) ([]uuid.UUID, error) {
	remain := map[uuid.UUID]struct{}{}
	var copied located
	note := func(found []uuid.UUID) {
		for _, id := range found {
			remain[id] = struct{}{}
		}
	}
	err := e.send(ctx, func(b *pgx.Batch) {
		queue(b, (*dbsqlc.Queries).RowsRemain, ids, note)
		if e.Retained {
			queue(b, (*dbsqlc.Queries).RetainedRemain, ids, note)
		}
		if e.Analytics && e.RawRequests {
			queue(b, (*dbsqlc.Queries).RawRequestsRemain, ids, note)
		}
		if e.Analytics && e.RawResponses {
			queue(b, (*dbsqlc.Queries).RawResponsesRemain, ids, note)
		}
		if e.Tasks {
			queue(b, (*dbsqlc.Queries).TasksRemain, textsOf(ids), note)
		}
		if e.headersLead() {
			copied.queueByHeader(b, ids)
		}
	})
	if err == nil && e.copies != nil {
		copied, _, _, err = e.copies.find(ctx, e.tx, ids, nil)
	}
	note(copied.named())
	return inOrder(remain), err
}

// queueNext schedules the next sweep, and removes tombstones after their last one. A sweep
// does not count if anything is held.
func queueNext(b *pgx.Batch, due []dbsqlc.DueTombstonesRow, held []uuid.UUID) {
	var again, done []uuid.UUID
	var afters []pgtype.Interval
	var sweeps []int32
	for _, t := range due {
		next := t.Sweeps
		if !slices.ContainsFunc(t.RequestIds, func(id uuid.UUID) bool { return slices.Contains(held, id) }) {
			next++
		}
		if int(next) == len(domain.SweepAfter) {
			done = append(done, t.ReceiptID)
			continue
		}
		again, sweeps = append(again, t.ReceiptID), append(sweeps, next)
		afters = append(afters, postgres.Interval(domain.SweepAfter[next]))
	}
	if len(again) > 0 {
		queueExec(b, (*dbsqlc.Queries).PostponeTombstones, dbsqlc.PostponeTombstonesParams{ReceiptIds: again, Afters: afters, Sweeps: sweeps})
	}
	if len(done) > 0 {
		queueExec(b, (*dbsqlc.Queries).RemoveTombstones, done)
	}
}
