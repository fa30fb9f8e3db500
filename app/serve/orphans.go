package serve

import (
	"context"
	"log/slog"
	"time"

	"go.uber.org/fx"
	"golang.org/x/time/rate"

	"lethe/adapters/telemetry"
	"lethe/app/boot"
	"lethe/app/config"
	"lethe/domain"
)

const (
	// orphansEvery is how often the service looks whether a pass over the raw
	// copies is due. Several processes share the work.
	orphansEvery = time.Minute
	// orphansRate is how many copies a second are looked at: all the day's time
	// lies between two passes.
	orphansRate = 2000
)

func newOrphans(orphans domain.Orphans) *domain.SweepOrphans {
	return domain.NewSweepOrphans(orphans, config.PerSecond(orphansRate).Pace(), time.Now)
}

// sweepOrphans removes raw copies whose request is gone, where that is switched
// on, until the service stops. It waits while it is not known of which requests
// there is anything: while the database is older than what was seen of it, or
// holds what is not served.
func sweepOrphans(lc fx.Lifecycle, cfg *config.Config, sweep *domain.SweepOrphans, b *background, places *boot.Places, metrics *telemetry.Metrics, worries *worries, log *slog.Logger) {
	if !cfg.Erasure.Orphans {
		return
	}
	failed := metrics.WatchWork("orphans")
	seldom := rate.Sometimes{Interval: workLogEvery}
	whileServing(lc, every(orphansEvery, func(ctx context.Context) {
		err := b.upToDate(ctx)
		if err == nil {
			err = b.rollback.check(ctx)
		}
		if err == nil {
			err = places.Check(ctx)
		}
		var erased domain.Erased
		if err == nil {
			erased, err = sweep.Execute(ctx)
		}
		if erased != (domain.Erased{}) {
			log.Info("removed raw copies whose request is gone", "raw_requests", erased.RawRequests, "raw_responses", erased.RawResponses)
		}
		if err != nil && ctx.Err() == nil {
			failed()
			seldom.Do(func() {
				worries.report(ctx, slog.LevelWarn, "not all raw copies whose request is gone could be removed; trying again", err, "within", orphansEvery)
			})
		}
	}))
}
