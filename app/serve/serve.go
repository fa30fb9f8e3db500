// Package serve is the service: Run assembles its parts (graph), listens, runs the
// background work, and stops cleanly.
package serve

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"go.uber.org/dig"
	"go.uber.org/fx"
	"go.uber.org/fx/fxevent"

	"lethe/app/boot"
	"lethe/app/config"
)

const (
	startTimeout = time.Minute
	drainTimeout = 30 * time.Second // for requests in progress when the service stops
	stopTimeout  = drainTimeout + 10*time.Second

	readyTimeout = 2 * time.Second

	// collectAfter is by how many percent the heap may grow before garbage is collected.
	// What is in use is some six megabytes, so the default of 100 would collect all the
	// time. GOGC, if set, counts instead; GOMEMLIMIT bounds what this can take.
	collectAfter = 150
)

// Run runs the service until ctx ends, lets running requests finish and returns nil.
// ready, if not nil, is called with the address once the service listens. Without a
// configured database it runs the embedded one. If a configured database is
// unreachable, the service starts all the same and becomes ready by itself.
func Run(ctx context.Context, cfg *config.Config, ready func(addr string)) error {
	log, err := boot.NewLogger(cfg)
	if err != nil {
		return err
	}
	if err := MayListen(ctx, cfg); err != nil {
		return err
	}
	db, err := boot.Open(ctx, cfg, logLines{log})
	if err != nil {
		return err
	}
	err = RunOn(ctx, cfg, db, log, ready)
	db.CloseInto(&err)
	return err
}

// RunOn runs the service on open databases.
func RunOn(ctx context.Context, cfg *config.Config, db *boot.Databases, log *slog.Logger, ready func(addr string)) (err error) {
	if ready == nil {
		ready = func(string) {}
	}
	var l *listener
	application := fx.New(graph(cfg, db, log, ready), fx.Populate(&l))
	if err := application.Err(); err != nil {
		return dig.RootCause(err)
	}
	start, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := application.Start(start); err != nil {
		return dig.RootCause(err)
	}
	if os.Getenv("GOGC") == "" { // what starting leaves behind is collected early
		defer debug.SetGCPercent(debug.SetGCPercent(collectAfter))
	}
	select {
	case <-ctx.Done():
		log.Info("Stopping; waiting for running requests", "within", drainTimeout)
	case err = <-l.failed:
	case <-db.Gone():
		err = errors.New("the embedded database has stopped: see postgres/postgres.log in data_dir, then start lethe again")
	}
	stop, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	return errors.Join(err, application.Stop(stop))
}

// graph is the parts of the service and their dependencies.
func graph(cfg *config.Config, db *boot.Databases, log *slog.Logger, ready func(addr string)) fx.Option {
	return fx.Options(
		fx.WithLogger(func() fxevent.Logger {
			events := &fxevent.SlogLogger{Logger: log}
			events.UseLogLevel(slog.LevelDebug)
			events.UseErrorLevel(slog.LevelDebug) // Run returns the error, which is reported once
			return events
		}),
		fx.StartTimeout(startTimeout),
		fx.StopTimeout(stopTimeout),
		fx.Supply(cfg, db, log, readyFunc(ready)),
		fx.Module("telemetry", fx.Provide(newMetrics, newErasureMetrics, newFileMetrics, newExport)),
		fx.Module("databases", fx.Provide(newPools, boot.NewSigning, openLog, newRollbackGuard, newPlaces, newStores, newPersonFiles, newWatched)),
		fx.Module("background", fx.Provide(newWorkers, newJobs, newBackground)),
		fx.Module("http", fx.Provide(boot.ReadSessionKeys, newGate, newIdentity, newCases, newReadiness, newHandler, newListener)),
		fx.Invoke(serveProfiles, startSealer, runErasures, runRules, sweepErased, sweepOrphans, attestReplicated, removeOldAccesses, watchSubjects, makeFiles, tellWebhook, reportMissing, warnOfProxy, watchPlaces, watchHeld, giveMemoryBack, func(*listener) {}),
	)
}

type readyFunc func(addr string)

// logLines writes each line of progress to the log.
type logLines struct{ log *slog.Logger }

var _ io.Writer = logLines{}

func (l logLines) Write(line []byte) (int, error) {
	l.log.Info(strings.Join(strings.Fields(string(line)), " "))
	return len(line), nil
}
