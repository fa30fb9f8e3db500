package serve

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"go.uber.org/fx"
	"golang.org/x/time/rate"

	"lethe/adapters/postgres"
	"lethe/adapters/telemetry"
)

// workers run the background work and report what goes wrong there.
type workers struct {
	*worries
	lc      fx.Lifecycle
	metrics *telemetry.Metrics
}

func newWorkers(lc fx.Lifecycle, metrics *telemetry.Metrics, log *slog.Logger) *workers {
	return &workers{&worries{log: log, away: map[string]time.Time{}}, lc, metrics}
}

// repeat calls do at once and after each pause until the service stops. It logs a
// failure at most once within quiet, and counts every failure under name, unless name
// is empty.
func (w *workers) repeat(name string, pause, quiet time.Duration, failure string, do func(context.Context) error) {
	failed := func() {}
	if name != "" {
		failed = w.metrics.WatchWork(name)
	}
	said := rate.Sometimes{Interval: max(quiet, 1)}
	whileServing(w.lc, every(pause, func(ctx context.Context) {
		if err := do(ctx); err != nil && ctx.Err() == nil {
			failed()
			said.Do(func() { w.report(ctx, slog.LevelWarn, failure, err, "within", pause) })
		}
	}))
}

// whileServing runs works while the service runs. When it stops, their context ends and
// it waits until they have returned.
func whileServing(lc fx.Lifecycle, works ...func(context.Context)) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	lc.Append(fx.StartStopHook(func() {
		for _, work := range works {
			running.Go(func() { work(ctx) })
		}
	}, func() {
		cancel()
		running.Wait()
	}))
}

// every returns a function that calls do at once and after each pause.
func every(pause time.Duration, do func(context.Context)) func(context.Context) {
	return func(ctx context.Context) {
		tick := time.NewTicker(pause)
		defer tick.Stop()
		for {
			do(ctx)
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
		}
	}
}

// worries logs failures of background work. While a database is unreachable, all of it
// fails for that reason, which is logged once a minute.
type worries struct {
	log  *slog.Logger
	mu   sync.Mutex
	away map[string]time.Time // time of the last report for each database
}

// report logs what failed and why. If a database is unreachable it logs only that.
func (w *worries) report(ctx context.Context, level slog.Level, what string, err error, args ...any) {
	if away, ok := errors.AsType[*postgres.Away](err); ok {
		if w.said(away.Database) {
			return
		}
		what, args, err = "A database is away; background work on it resumes by itself when it answers again", nil, away
	}
	w.log.Log(ctx, level, what, append(args, "error", err)...)
}

// said reports whether this database was logged as unreachable within workLogEvery, and
// records that it is now. An empty name is a lost connection to an unknown database.
func (w *worries) said(database string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for known, at := range w.away {
		if lately := time.Since(at) < workLogEvery; !lately {
			delete(w.away, known)
		} else if database == "" || known == database || known == "" {
			return true
		}
	}
	w.away[database] = time.Now()
	return false
}
