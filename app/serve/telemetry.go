package serve

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/multitracer"
	"go.uber.org/fx"

	"lethe/adapters/telemetry"
	"lethe/app/boot"
)

// stopExportTimeout limits the sending of the last telemetry.
const stopExportTimeout = 5 * time.Second

func newMetrics() (*telemetry.Metrics, error) {
	return telemetry.NewMetrics(boot.BuildVersion().Version)
}

// newExport sends traces and metrics if the environment configures it. Its users stop
// before it does.
func newExport(lc fx.Lifecycle, metrics *telemetry.Metrics, log *slog.Logger) (*telemetry.Export, error) {
	export, err := telemetry.StartExport(context.Background(), boot.BuildVersion().Version, metrics, log)
	if err != nil {
		return nil, err
	}
	lc.Append(fx.StopHook(func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, stopExportTimeout)
		defer cancel()
		if err := export.Stop(ctx); err != nil {
			log.Warn("Could not send the last telemetry", "error", err)
		}
	}))
	return export, nil
}

func newQueryTracer(pool string, metrics *telemetry.Metrics, export *telemetry.Export) pgx.QueryTracer {
	times, spans := metrics.QueryTracer(pool), export.QueryTracer(pool)
	if spans == nil {
		return times
	}
	return multitracer.New(times, spans)
}
