package serve

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/multitracer"
	"go.uber.org/fx"
	"go.yaml.in/yaml/v3"

	"lethe"
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
			log.Warn("the last of telemetry could not be sent", "error", err)
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

// contractPaths are the paths of the contract, as patterns.
func contractPaths() ([]string, error) {
	var contract struct {
		Paths map[string]any `yaml:"paths"`
	}
	if err := yaml.Unmarshal(lethe.OpenAPI, &contract); err != nil {
		return nil, fmt.Errorf("read the contract: %w", err)
	}
	paths := make([]string, 0, len(contract.Paths))
	for path := range contract.Paths {
		// A tile's index contains slashes.
		paths = append(paths, strings.Replace(path, "{index}", "{index...}", 1))
	}
	return paths, nil
}
