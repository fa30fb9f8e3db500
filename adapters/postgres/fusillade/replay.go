package fusillade

import (
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
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
		found, err := e.lookFor(ctx, ids)
		if err != nil || len(found) == 0 {
			return err
		}
		e.requests = found
		if err := e.lock(ctx, found, func(*pgx.Batch) {}); err != nil {
			return err
		}
		if slices.Contains(e.owners, "") {
			return domain.Errorf(domain.CodeInternal, "Something that was erased hangs together with a row of a batch now, which is never erased: nothing of it was; look at the steps of %s and %d more", found[0], len(found)-1)
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

func inOrder(ids map[uuid.UUID]struct{}) []uuid.UUID {
	return slices.SortedFunc(maps.Keys(ids), compareIDs)
}
