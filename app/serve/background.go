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

// repeat calls the function at once and after each pause until the service stops. It
// reports a failure, but not again within quiet, and counts it under name; an empty
// name: it does not count it.
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

// whileServing runs works from the start of the service until it stops. Their context
// then ends, and the service waits until they have returned.
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

// every returns a function that calls do at once, and again after each pause.
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

// worries reports failures in the background. While a database is unreachable,
// everything there fails for this one reason, which is reported once.
type worries struct {
	log  *slog.Logger
	mu   sync.Mutex
	away map[string]time.Time // time of the last report for each database
}

// report logs what failed and why; or, if a database is unreachable, that, once a
// minute for each.
func (w *worries) report(ctx context.Context, level slog.Level, what string, err error, args ...any) {
	if away, ok := errors.AsType[*postgres.Away](err); ok {
		if w.said(away.Database) {
			return
		}
		// The rest of the error says the same.
		what, args, err = "a database is away; what needs it waits, and goes on by itself when it answers again", nil, away
	}
	w.log.Log(ctx, level, what, append(args, "error", err)...)
}

// said reports whether this was said recently of the database, and records that it is
// unreachable now. Of a lost connection it is not known which database it belonged to.
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
