package fusillade

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

var _ domain.Orphans = (*Responses)(nil)

// orphansInTurn is the maximum number of places emptied with one receipt: a place names at
// most two requests.
const orphansInTurn = requestsAtOnce / 2

// SweepOrphans tries each place by itself after a refusal.
func (r *Responses) SweepOrphans(ctx context.Context, before time.Time, limit int, pause time.Duration, w domain.Authorization) (domain.OrphansTurn, error) {
	ctx = postgres.For(ctx, postgres.Bulk)
	turn, refused, err := r.sweepOrphans(ctx, before, limit, pause, w, false)
	if err != nil && whyRefused(err) != "" && ctx.Err() == nil {
		turn, refused, err = r.sweepOrphans(ctx, before, limit, pause, w, true)
	}
	if err == nil && refused > 0 {
		err = domain.Errorf(domain.CodeRefused, "The database refuses to delete %d copies whose request is gone; the next pass will retry: look for triggers, constraints, locks and damaged rows", refused)
	}
	return turn, err
}

// sweepOrphans is one try. It counts the copies that were refused.
func (r *Responses) sweepOrphans(ctx context.Context, before time.Time, limit int, pause time.Duration, w domain.Authorization, careful bool) (turn domain.OrphansTurn, refused int64, err error) {
	f := r.finisher()
	var noted int64 // copies in the intent
	err = f.begin(ctx, func(tx *postgres.Tx, b *pgx.Batch) error {
		turn, noted, refused = domain.OrphansTurn{}, 0, 0
		stands, err := dbsqlc.New(tx).OrphansTurn(ctx)
		if err != nil || len(stands) == 0 {
			return err
		}
		e := eraser{tx: tx, reach: r.reach}
		if err := e.prepareSharing(ctx, r.outlet); err != nil {
			return err
		}
		if err := dbsqlc.New(tx).LockGone(ctx); err != nil {
			return err
		}
		at, over := OrphansPlace(stands[0]), !e.judgesOrphans()
		var orphans []orphan
		if !over {
			if orphans, turn.Looked, over, err = e.nextOrphans(ctx, &at, before, limit); err != nil {
				return err
			}
		}
		if len(orphans) > 0 {
			if err := e.checkAhead(ctx, ofOrphans(orphans).requests); err != nil {
				return err
			}
			if e.copies != nil {
				noted, err = f.recordOrphans(ctx, b, &e, orphans, w)
			} else {
				turn.Erased, refused, err = f.eraseOrphans(ctx, b, &e, orphans, w, careful)
			}
			if err != nil {
				return err
			}
		}
		if !over {
			pause = 0
		} else {
			at = OrphansPlace{}
		}
		queueExec(b, (*dbsqlc.Queries).RecordOrphans, dbsqlc.RecordOrphansParams{
			AfterRequest: at.AfterRequest, AfterResponse: at.AfterResponse, Responses: at.Responses, Pause: postgres.Interval(pause),
		})
		return nil
	})
	if err == nil && noted > 0 {
		turn.Erased, err = f.complete(ctx, w.Receipt)
		if domain.CodeOf(err) == domain.CodeNotFound {
			err = nil // another caller finished it, and could remove nothing
		}
		refused = noted - turn.RawRequests - turn.RawResponses
	}
	if err != nil {
		return domain.OrphansTurn{}, 0, err
	}
	return turn, refused, nil
}

// nextOrphans returns the orphans among the next copies, at most orphansInTurn, with the
// number of copies that it has looked at, and moves at past them. over reports that no
// more copies follow.
func (e *eraser) nextOrphans(ctx context.Context, at *OrphansPlace, before time.Time, limit int) (orphans []orphan, looked int, over bool, err error) {
	start := *at
	copies, over, err := e.nextCopies(ctx, at, before, limit)
	if err != nil {
		return nil, 0, false, err
	}
	found, err := e.orphansAmong(ctx, placesOf(copies), before)
	if err != nil || len(found.orphans) <= orphansInTurn {
		return found.orphans, len(copies), over, err
	}
	last := found.orphans[orphansInTurn-1].copyAt
	n := slices.IndexFunc(copies, func(c dbsqlc.CopiedRequestsRow) bool { return copyAt{c.InstanceID, c.CorrelationID} == last })
	*at = start
	at.pass(copies[n].ID)
	return found.orphans[:orphansInTurn], n + 1, false, nil
}

// OrphansPlace is how far the copies have been examined, by their numbers: first those
// of requests.
type OrphansPlace struct {
	AfterRequest, AfterResponse int64
	Responses                   bool // come next
}

func (at *OrphansPlace) pass(id int64) {
	if at.Responses {
		at.AfterResponse = id
	} else {
		at.AfterRequest = id
	}
}

// OrphansCount is what was found among some copies.
type OrphansCount struct {
	Looked                    int   // copies
	RawRequests, RawResponses int64 // of these, those whose request is gone
	// Unreachable reports that copies or usage records are out of reach.
	Unreachable bool
}

// CountOrphans looks at the next copies older than before, at most limit, and removes
// nothing. over reports that no more follow.
func (r *Responses) CountOrphans(ctx context.Context, before time.Time, limit int, at OrphansPlace) (n OrphansCount, next OrphansPlace, over bool, err error) {
	ctx = postgres.For(ctx, postgres.Bulk)
	err = r.src.Primary.Tx(ctx, func(tx *postgres.Tx) error {
		n, next, over = OrphansCount{}, at, true
		e := eraser{tx: tx, reach: r.reach}
		if err := e.prepareSharing(ctx, r.outlet); err != nil {
			return err
		}
		if n.Unreachable = !e.judgesOrphans(); n.Unreachable {
			return nil
		}
		var copies []dbsqlc.CopiedRequestsRow
		if copies, over, err = e.nextCopies(ctx, &next, before, limit); err != nil {
			return err
		}
		n.Looked = len(copies)
		found, err := e.orphansAmong(ctx, placesOf(copies), before)
		there := make(map[copyAt]bool)
		for _, o := range found.orphans {
			there[o.copyAt] = true
		}
		for _, c := range copies {
			switch {
			case !there[copyAt{c.InstanceID, c.CorrelationID}]:
			case at.Responses:
				n.RawResponses++
			default:
				n.RawRequests++
			}
		}
		return err
	})
	return n, next, over, err
}
