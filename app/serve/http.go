package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"go.uber.org/fx"

	"lethe/adapters/auth"
	"lethe/adapters/httpapi"
	"lethe/adapters/postgres"
	"lethe/adapters/telemetry"
	"lethe/app/boot"
	"lethe/app/config"
	"lethe/domain"
)

func newHandler(id identity, list *domain.ListResponses, get *domain.GetResponse, erase *domain.EraseResponse,
	receipt *domain.GetReceipt, readLog *domain.ReadLog, erasures httpapi.Erasures, holds httpapi.Holds, retention httpapi.Retention, accessLog *domain.ListAccessLog,
	credentials *auth.Reader, ready *readiness, rollback *rollbackGuard, places *boot.Places, metrics *telemetry.Metrics, export *telemetry.Export, cfg *config.Config, log *slog.Logger,
) (http.Handler, error) {
	// One connection for bulk work is for what goes on in the background.
	config := httpapi.Config{Requests: httpapi.MaxRequests(cfg.Database.MaxConns), Estimates: max(1, postgres.BulkOf(cfg.Database.MaxConns)-1)}
	handler, err := httpapi.New(config, httpapi.Deps{
		Identify: id.now, IdentifyReader: id.reader, List: list, Get: get, Erase: erase,
		Receipt: receipt, ReadLog: readLog, Erasures: erasures, Holds: holds, Retention: retention, AccessLog: accessLog,
		Credentials: credentials.Read, Ready: ready.check, Stopping: ready.stopping,
		ForHolds: func(ctx context.Context) context.Context { return postgres.For(ctx, postgres.Holds) },
		By:       postgres.By,
		Metrics:  metrics.Handler(), Observe: metrics.Observe, Log: log,
	})
	if err != nil {
		return nil, err
	}
	paths, err := contractPaths()
	if err != nil {
		return nil, err
	}
	open := httpapi.CloseWhile(export.Handler(handler, paths), log, rollback.reason, places.Reason)
	return httpapi.Admit(open, config.Requests, httpapi.ByCredentials(credentials.Read), postgres.By, metrics.Refuse, log), nil
}

// listener is the service's open door.
type listener struct {
	failed chan error // receives why it stopped listening by itself
}

func newListener(lc fx.Lifecycle, cfg *config.Config, handler http.Handler, ready *readiness, log *slog.Logger, listening readyFunc) *listener {
	l := &listener{failed: make(chan error, 1)}
	server := httpapi.Server(cfg.HTTPAddr, handler, log)
	lc.Append(fx.Hook{
		OnStart: func(ctx context.Context) error {
			socket, err := listen(ctx, cfg.HTTPAddr, "http.addr")
			if err != nil {
				return err
			}
			go func() {
				if err := server.Serve(socket); !errors.Is(err, http.ErrServerClosed) {
					l.failed <- fmt.Errorf("the service stopped listening: %w", err)
				}
			}()
			addr := socket.Addr().String()
			log.Info("listening", "addr", addr, "version", boot.BuildVersion().Version)
			listening(addr)
			return nil
		},
		OnStop: func(ctx context.Context) error {
			close(ready.stopping)
			ctx, cancel := context.WithTimeout(ctx, drainTimeout)
			defer cancel()
			if err := server.Shutdown(ctx); err != nil {
				return errors.Join(fmt.Errorf("requests were still running after %s and have been cut off", drainTimeout), server.Close())
			}
			return nil
		},
	})
	return l
}
