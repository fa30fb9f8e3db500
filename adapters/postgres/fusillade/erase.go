package fusillade

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

// Erase makes three round trips for a response of one request, and more for a chain. A
// repeated request continues the erasure that has begun: that belongs to the new caller
// from then on, and holds placed since do not stop it.
func (r *Responses) Erase(ctx context.Context, id uuid.UUID, owners []string, permit func(domain.Found) (domain.Authorization, error)) (domain.Erased, error) {
	return r.erase(ctx, id, owners, false, permit)
}

// EraseWithLaterTurns makes three round trips more than Erase does for a chain, and
// three for each later turn in succession; a hold that is being placed waits for one of
// them.
func (r *Responses) EraseWithLaterTurns(ctx context.Context, id uuid.UUID, owners []string, permit func(domain.Found) (domain.Authorization, error)) (domain.Erased, error) {
	return r.erase(ctx, id, owners, true, permit)
}

// erase finds and locks the response, looks for later turns that arrived meanwhile,
// takes over what has begun, asks for permission, and deletes.
func (r *Responses) erase(ctx context.Context, id uuid.UUID, owners []string, laterTurns bool, permit func(domain.Found) (domain.Authorization, error)) (domain.Erased, error) {
	f := r.finisher()
	var done outcome
	var w domain.Authorization
	var refused error
	var deleting bool
	looked := 0
	err := f.begin(ctx, func(tx *postgres.Tx, b *pgx.Batch) error {
		done, refused, deleting = outcome{}, nil, false
		e := eraser{tx: tx, reach: r.reach, leads: &r.leads, turns: turns{along: laterTurns}}
		found, err := e.find(ctx, id, owners, r.outlet)
		if err != nil {
			return err
		}
		if looked++; looked <= lookAgainForTurns && !found.tooMany {
			if err := e.checkTurns(ctx, found.selection); err != nil {
				return err
			}
		}
		begun, err := e.takeOver(ctx, found.requests)
		if err != nil {
			return err
		}
		if len(begun) > 0 {
			if found.holds, err = e.holdsOnOthers(ctx, found.selection, begun); err != nil {
				return err
			}
			queueExec(b, (*dbsqlc.Queries).DropIntents, intentIDs(begun))
		}
		if w, refused = permit(found.toPermit()); refused != nil {
			return errRefused
		}
		if found.tooMany {
			return errTooManyTurns
		}
		done, err = f.carryOut(ctx, b, &e, found.selection, w, intended{before: begun, responses: 1})
		deleting = err != nil
		return err
	})
	if err == nil && done.later {
		done.erased, err = f.complete(ctx, w.Receipt)
	}
	switch {
	case refused != nil:
		return domain.Erased{}, refused
	case deleting && ctx.Err() == nil && domain.CodeOf(err) != domain.CodeRefused && whyRefused(err) == domain.CodeRefused:
		return domain.Erased{}, domain.ErrDatabaseRefuses(err)
	case err != nil:
		return domain.Erased{}, err
	}
	return done.erased, nil
}

// errRefused rolls back; the caller sees permit's own error.
var errRefused = domain.Errorf(domain.CodeForbidden, "Erasing was not permitted")

// foundResponse is a response that is locked, with what a permission depends on.
type foundResponse struct {
	selection
	holds   []domain.Hold // on any of the requests
	turns   []turn        // later turns that are erased along
	tooMany bool          // later turns would have to be erased along; none is
}

// toPermit returns what a permission is requested for.
func (f foundResponse) toPermit() domain.Found {
	return domain.Found{Owners: f.owners, Unowned: len(f.gone) == 1 && f.gone[f.requests[0]].unowned, Holds: f.holds, LaterTurns: countTurns(f.turns, f.links)}
}

// find reads a response of these owners, or of anyone if owners is nil, and locks all of
// it. It fails with CodeNotFound if it does not exist or, by the same statements, if it
// belongs to someone else. If a part of the chain does, it fails before it locks the
// chain: nobody waits for a response that will not be erased.
func (e *eraser) find(ctx context.Context, id uuid.UUID, owners []string, outlet string) (found foundResponse, err error) {
	alone, is, err := e.findAlone(ctx, id, owners, outlet)
	if err != nil || is {
		return alone, err
	}
	there := func(b *pgx.Batch) {
		queue(b, (*dbsqlc.Queries).IsResponse, dbsqlc.IsResponseParams{ID: id, Owners: owners}, func(found bool) { is = found })
	}
	all := linked{seeds: []uuid.UUID{id}}
	if err := e.send(ctx, func(b *pgx.Batch) {
		there(b)
		e.queueRetainedThere(b, id, owners, &is)
		queueChain(b, all.seeds, &all.chain)
	}); err != nil {
		return found, err
	}
	if !is {
		return e.findGone(ctx, id, owners)
	}
	if e.turns.along {
		with, err := e.followTurns(ctx, all, domain.MaxLaterTurns)
		switch {
		case err == nil:
			all = with
		case errors.Is(err, errTooManyTurns): // reported to permitted callers only
			found.tooMany = true
		default:
			return found, err
		}
	}
	if owners != nil {
		seen, err := e.glance(ctx, all, func(*pgx.Batch, []uuid.UUID) {})
		if err != nil {
			return found, err
		}
		if !allOf(seen.owners, owners) {
			return found, errNoResponse(id)
		}
	}
	found.selection, err = e.lock(ctx, all, func(b *pgx.Batch, requests []uuid.UUID) {
		there(b)
		e.queueHolds(b, requests, &found.holds)
	})
	if err == nil && !is && !found.moved[id] {
		err = errNoResponse(id)
	}
	found.selection = found.withoutGone()
	found.turns = slices.DeleteFunc(all.turns, func(t turn) bool { return !slices.Contains(found.requests, t.id) })
	return found, err
}

// findAlone prepares the erasure, and locks the response if it is a single request.
func (e *eraser) findAlone(ctx context.Context, id uuid.UUID, owners []string, outlet string) (found foundResponse, is bool, err error) {
	var alone []dbsqlc.LockRequestsRow
	var steps, shared bool
	err = e.send(ctx, func(b *pgx.Batch) {
		e.queuePrepare(b, outlet)
		if e.turns.along { // they are locked together, in order
			return
		}
		queue(b, (*dbsqlc.Queries).LockAlone, dbsqlc.LockAloneParams{ID: id, Owners: owners}, func(rows []dbsqlc.LockAloneRow) { alone = requestsAmong(rows) })
		queue(b, (*dbsqlc.Queries).ShareHoldsFor, dbsqlc.ShareHoldsForParams{ID: id, Owners: owners}, func(rows []string) { shared = len(rows) > 0 })
		queue(b, (*dbsqlc.Queries).HasSteps, id, func(has bool) { steps = has })
		e.queueHolds(b, []uuid.UUID{id}, &found.holds)
	})
	if err == nil {
		err = e.hidden()
	}
	found.selection = selectionOf(chain{requests: []uuid.UUID{id}}, requestRows{locked: alone})
	return found, len(alone) == 1 && !steps && shared, err
}

// allOf reports whether every owner is one of may; a nil may allows any.
func allOf(some, may []string) bool {
	return may == nil || !slices.ContainsFunc(some, func(owner string) bool { return !slices.Contains(may, owner) })
}

func errNoResponse(id uuid.UUID) error {
	return domain.Errorf(domain.CodeNotFound, "There is no response %s", id)
}
