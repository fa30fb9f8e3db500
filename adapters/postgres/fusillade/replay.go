package fusillade

import (
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

var _ domain.Restored = (*Responses)(nil)

// Remaining is domain.Restored's. It makes two round trips.
func (r *Responses) Remaining(ctx context.Context, ids []uuid.UUID) (found []uuid.UUID, err error) {
	err = r.src.Primary.Tx(ctx, func(tx *postgres.Tx) (err error) {
		e := eraser{tx: tx}
		if err := e.prepare(ctx, r.outlet); err != nil {
			return err
		}
		found, err = e.lookFor(ctx, ids)
		return err
	})
	return found, err
}

// EraseAgain is domain.Restored's.
func (r *Responses) EraseAgain(ctx context.Context, ids []uuid.UUID, w domain.Warrant) (erased domain.Erased, err error) {
	err = r.src.Primary.Tx(ctx, func(tx *postgres.Tx) (err error) {
		erased = domain.Erased{}
		e := eraser{tx: tx}
		if err := e.prepare(ctx, r.outlet); err != nil {
			return err
		}
		if e.requests, err = e.lookFor(ctx, ids); err != nil || len(e.requests) == 0 {
			return err
		}
		if err := e.lockAll(ctx); err != nil {
			return err
		}
		if erased, err = e.delete(ctx); err != nil {
			return err
		}
		receipt, err := r.issuer.receipt(&e, erased, w)
		if err != nil {
			return err
		}
		var b pgx.Batch
		postgres.QueueReceipt(&b, receipt)
		return tx.CommitWith(ctx, &b)
	})
	if err != nil {
		return domain.Erased{}, err
	}
	return erased, nil
}

func (e *eraser) prepare(ctx context.Context, outlet string) error {
	if err := e.send(ctx, func(b *pgx.Batch) { e.queuePrepare(b, outlet) }); err != nil {
		return err
	}
	return e.hidden()
}

// lockAll locks the requests and every step that hangs together with them, and
// with those their requests, as lock does for one response.
func (e *eraser) lockAll(ctx context.Context) error {
	for {
		var locked []dbsqlc.LockRequestsRow
		steps, requests := map[uuid.UUID]struct{}{}, map[uuid.UUID]struct{}{}
		for _, id := range e.requests {
			requests[id] = struct{}{}
		}
		err := e.send(ctx, func(b *pgx.Batch) {
			if len(e.steps) > 0 {
				b.Queue(dbsqlc.LockSteps, e.steps)
			}
			b.Queue(dbsqlc.LockRequests, e.requests).Query(func(rows pgx.Rows) (err error) {
				locked, err = pgx.CollectRows(rows, pgx.RowToStructByPos[dbsqlc.LockRequestsRow])
				return err
			})
			b.Queue(dbsqlc.ChainsOf, e.requests).Query(func(rows pgx.Rows) error {
				links, err := pgx.CollectRows(rows, pgx.RowToStructByPos[dbsqlc.ChainsOfRow])
				for _, link := range links {
					steps[link.ID] = struct{}{}
					if link.RequestID != nil {
						requests[*link.RequestID] = struct{}{}
					}
				}
				return err
			})
		})
		if err != nil {
			return err
		}
		e.found(locked)
		found := chain{steps: inOrder(steps), requests: inOrder(requests)}
		if subset(found.steps, e.steps) && subset(found.requests, e.requests) {
			return nil
		}
		e.steps, e.requests = found.steps, found.requests
	}
}

func inOrder(ids map[uuid.UUID]struct{}) []uuid.UUID {
	return slices.SortedFunc(maps.Keys(ids), compareIDs)
}
