package app

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"go.uber.org/fx"

	"lethe/adapters/telemetry"
	"lethe/domain"
)

// sweepEvery is how often the service looks whether something erased is due to
// be looked for again. Several processes share the work.
const sweepEvery = 15 * time.Second

// sweepErased looks again for what has been erased, until the service stops.
func sweepErased(lc fx.Lifecycle, cfg *Config, sweep *domain.SweepErased, metrics *telemetry.Metrics, log *slog.Logger) {
	failed := metrics.WatchWork("sweep")
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	lc.Append(fx.StartStopHook(func() {
		running.Go(func() {
			if cfg.Outlet.DatabaseURL != "" { // a process before this one may have left something half done
				sweepOnce(ctx, sweep, failed, log)
			}
			tick := time.NewTicker(sweepEvery)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
					sweepOnce(ctx, sweep, failed, log)
				}
			}
		})
	}, func() {
		cancel()
		running.Wait()
	}))
}

func sweepOnce(ctx context.Context, sweep *domain.SweepErased, failed func(), log *slog.Logger) {
	erased, err := sweep.Execute(ctx)
	if erased != (domain.Erased{}) {
		log.Info("removed what was written of erased responses afterwards",
			"requests", erased.Requests, "templates", erased.Templates, "steps", erased.Steps,
			"raw_requests", erased.RawRequests, "raw_responses", erased.RawResponses, "tasks", erased.Tasks)
	}
	if err != nil && ctx.Err() == nil {
		failed()
		log.Warn("could not look for what may have been written of erased responses; trying again", "within", sweepEvery, "error", err)
	}
}
