package serve

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"go.uber.org/fx"

	"lethe/adapters/postgres/fusillade"
	"lethe/adapters/telemetry"
)

// lookAtHeldEvery is how often it is looked whether something has passed by
// holds.
const lookAtHeldEvery = time.Minute

// watchHeld looks for held responses that are gone, and for purges of what is
// held, until the service stops. What is found is said once.
func watchHeld(lc fx.Lifecycle, p *pools, rollback *rollbackGuard, metrics *telemetry.Metrics, worries *worries, log *slog.Logger) error {
	holds, err := newHolds(p)
	if err != nil {
		return err
	}
	bypassed, err := metrics.WatchHolds()
	if err != nil {
		return err
	}
	failed := metrics.WatchWork("holds")
	reported := map[uuid.UUID]bool{}
	whileServing(lc, every(lookAtHeldEvery, func(ctx context.Context) {
		// In a database that is older than what was seen, what is there may be gone.
		err := rollback.check(ctx)
		if err == nil {
			err = holds.See(ctx)
		}
		var found fusillade.Bypassed
		if err == nil {
			found, err = holds.Bypassed(ctx)
		}
		if err != nil {
			if ctx.Err() == nil {
				failed()
				worries.report(ctx, slog.LevelWarn, "it could not be looked whether held responses are gone; trying again", err, "within", lookAtHeldEvery)
			}
			return
		}
		bypassed.Looked(len(found.Gone), found.Waiting, found.Failed)
		still := map[uuid.UUID]bool{}
		for _, g := range found.Gone {
			if still[g.Response] = true; !reported[g.Response] {
				log.Error("a held response is gone, and Lethe has not erased it", "hold", g.Hold, "response", g.Response)
			}
		}
		reported = still
	}))
	return nil
}
