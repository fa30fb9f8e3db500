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

// Remaining makes two round trips.
func (r *Responses) Remaining(ctx context.Context, ids []uuid.UUID) (found []uuid.UUID, err error) {
	err = r.src.Primary.Tx(ctx, func(tx *postgres.Tx) (err error) {
		e := eraser{tx: tx, reach: r.reach}
		if err := e.prepare(ctx, r.outlet); err != nil {
			return err
		}
		found, err = e.lookFor(ctx, ids)
		return err
	})
	return found, err
}

func (r *Responses) EraseAgain(ctx context.Context, ids []uuid.UUID, w domain.Authorization) (erased domain.Erased, err error) {
	ctx = postgres.For(ctx, postgres.Bulk)
	f := r.finisher()
	var later bool
	err = f.begin(ctx, func(tx *postgres.Tx, b *pgx.Batch) (ahead []dbsqlc.IntentsOnRow, err error) {
		erased, later = domain.Erased{}, false
		e := eraser{tx: tx, reach: r.reach}
		if err := e.prepare(ctx, r.outlet); err != nil {
			return nil, err
		}
		found, err := e.lookFor(ctx, ids)
		if err != nil || len(found) == 0 {
			return nil, err
		}
		if err := e.lockChain(ctx, found); err != nil {
			return nil, err
		}
		if slices.Contains(e.owners, "") {
			return nil, domain.Errorf(domain.CodeRefused, "Something that was erased hangs together with a row of a batch now, which is never erased: nothing of it was; look at the steps of %s and %d more", found[0], len(found)-1)
		}
		if err := dbsqlc.New(tx).LockGone(ctx); err != nil {
			return nil, err
		}
		if ahead, err = e.ahead(ctx); err != nil || len(ahead) > 0 {
			return ahead, err
		}
		if err := e.forgetErased(ctx); err != nil || len(e.requests) == 0 {
			return nil, err
		}
		erased, _, later, err = f.carryOut(ctx, b, &e, w, intended{})
		return nil, err
	})
	if err == nil && later {
		erased, err = f.complete(ctx, w.Receipt)
	}
	switch why := whyRefused(err); {
	case why == "" || ctx.Err() != nil || domain.CodeOf(err) == why:
	case why == domain.CodeRefused:
		err = domain.ErrDatabaseRefuses(err)
	default:
		err = &domain.Error{Code: why, Message: domain.ErasureFailure{Code: why}.Reason(), Cause: err}
	}
	if err != nil {
		return domain.Erased{}, err
	}
	return erased, nil
}

// forgetErased drops requests that others erased while this erasure waited for their
// rows, and of which nothing is left.
func (e *eraser) forgetErased(ctx context.Context) error {
	without := e.withoutRow(e.requests)
	if len(without) == 0 {
		return nil
	}
	left, err := e.lookFor(ctx, without)
	e.requests = slices.DeleteFunc(e.requests, func(id uuid.UUID) bool { return slices.Contains(without, id) && !slices.Contains(left, id) })
	return err
}

// withoutRow returns the requests of which no row was locked.
func (e *eraser) withoutRow(ids []uuid.UUID) []uuid.UUID { return withoutRow(ids, e.locked) }

func withoutRow(ids []uuid.UUID, rows []dbsqlc.LockRequestsRow) []uuid.UUID {
	locked := make(map[uuid.UUID]bool, len(rows))
	for _, row := range rows {
		locked[row.ID] = true
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id uuid.UUID) bool { return locked[id] })
}

func (e *eraser) prepare(ctx context.Context, outlet string) error {
	if err := e.send(ctx, func(b *pgx.Batch) { e.queuePrepare(b, outlet) }); err != nil {
		return err
	}
	return e.hidden()
}

// prepareSharing is prepare for work that locks no row: no hold is placed from then on.
func (e *eraser) prepareSharing(ctx context.Context, outlet string) error {
	if err := e.prepare(ctx, outlet); err != nil {
		return err
	}
	return dbsqlc.New(e.tx).ShareHolds(ctx)
}

func inOrder[T any](ids map[uuid.UUID]T) []uuid.UUID {
	return slices.SortedFunc(maps.Keys(ids), compareIDs)
}
