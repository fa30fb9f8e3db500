package serve

import (
	"context"
	"log/slog"
	"time"

	"go.uber.org/fx"

	"lethe/adapters/telemetry"
	"lethe/domain"
)

// sweepEvery is how often the service looks whether something erased is due to
// be looked for again. Several processes share the work.
const sweepEvery = 15 * time.Second

// sweepErased looks again for what has been erased, until the service stops; and
// finishes what a process before this one has left half done.
func sweepErased(lc fx.Lifecycle, sweep *domain.SweepErased, metrics *telemetry.Metrics, worries *worries, log *slog.Logger) {
	failed := metrics.WatchWork("sweep")
	whileServing(lc, every(sweepEvery, func(ctx context.Context) { sweepOnce(ctx, sweep, failed, worries, log) }))
}

func sweepOnce(ctx context.Context, sweep *domain.SweepErased, failed func(), worries *worries, log *slog.Logger) {
	erased, err := sweep.Execute(ctx)
	if erased != (domain.Erased{}) {
		log.Info("removed what was written of erased responses afterwards",
			"requests", erased.Requests, "templates", erased.Templates, "steps", erased.Steps,
			"raw_requests", erased.RawRequests, "raw_responses", erased.RawResponses, "tasks", erased.Tasks,
			"files", erased.Files, "kept_templates", erased.KeptTemplates, "retained", erased.Retained)
	}
	if err != nil && ctx.Err() == nil {
		failed()
		worries.report(ctx, slog.LevelWarn, "could not look for what may have been written of erased responses; trying again", err, "within", sweepEvery)
	}
}
