package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/multitracer"
	"go.uber.org/fx"

	"lethe/adapters/telemetry"
	"lethe/app/boot"
	"lethe/app/config"
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

// serveProfiles listens on the profile address if one is configured. The client chooses
// how long a profile takes, so only reading the request has a timeout.
func serveProfiles(lc fx.Lifecycle, cfg *config.Config, log *slog.Logger) {
	if cfg.ProfileAddr == "" {
		return
	}
	server := &http.Server{Handler: profiles(), ReadHeaderTimeout: 5 * time.Second, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn)}
	lc.Append(fx.Hook{
		OnStart: func(ctx context.Context) error {
			socket, err := listen(ctx, cfg.ProfileAddr, "http.profile_addr")
			if err != nil {
				return err
			}
			addr := socket.Addr()
			log.Info("Serving profiles", "url", fmt.Sprintf("http://%s/debug/pprof/", addr))
			if tcp, ok := addr.(*net.TCPAddr); !ok || !tcp.IP.IsLoopback() {
				log.Warn("other machines can request profiles and slow the service down: listen on 127.0.0.1, or block the port in a firewall", "addr", addr.String())
			}
			go func() {
				if err := server.Serve(socket); !errors.Is(err, http.ErrServerClosed) {
					log.Error("Stopped serving profiles", "error", err)
				}
			}()
			return nil
		},
		OnStop: func(context.Context) error { return server.Close() },
	})
}

// profiles omits pprof's cmdline, because the command line can contain a password.
func profiles() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}
