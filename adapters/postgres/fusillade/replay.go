package fusillade

import (
	"context"
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

func (r *Responses) EraseAgain(ctx context.Context, ids []uuid.UUID, w domain.Authorization) (domain.Erased, error) {
	ctx = postgres.For(ctx, postgres.Bulk)
	f := r.finisher()
	var done outcome
	err := f.begin(ctx, func(tx *postgres.Tx, b *pgx.Batch) error {
		done = outcome{}
		e := eraser{tx: tx, reach: r.reach}
		if err := e.prepare(ctx, r.outlet); err != nil {
			return err
		}
		found, err := e.lookFor(ctx, ids)
		if err != nil || len(found) == 0 {
			return err
		}
		s, err := e.lockChain(ctx, found)
		if err != nil {
			return err
		}
		if slices.Contains(s.owners, "") {
			return domain.Errorf(domain.CodeRefused, "An erased response is now linked to a row of a batch, which is never erased, so nothing was erased: look at the steps of %s and %d more", found[0], len(found)-1)
		}
		if err := dbsqlc.New(tx).LockGone(ctx); err != nil {
			return err
		}
		if err := e.checkAhead(ctx, s.requests); err != nil {
			return err
		}
		if s, err = e.forgetErased(ctx, s); err != nil || len(s.requests) == 0 {
			return err
		}
		done, err = f.carryOut(ctx, b, &e, s, w, intended{})
		return err
	})
	if err == nil && done.later {
		done.erased, err = f.complete(ctx, w.Receipt)
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
	return done.erased, nil
}
