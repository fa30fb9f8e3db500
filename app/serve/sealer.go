package serve

import (
	"context"
	"log/slog"
	"time"

	"go.uber.org/fx"
	"golang.org/x/time/rate"

	"lethe/adapters/postgres/translog"
	"lethe/adapters/telemetry"
	"lethe/app/boot"
	"lethe/app/config"
	"lethe/domain"
)

const (
	sealPauseBusy = 500 * time.Millisecond // after a step that found work
	sealPauseIdle = time.Second
	sealPauseFail = 5 * time.Second
	// compareAtStart limits the first check for a rolled-back database.
	compareAtStart = time.Second
	sealAtStop     = 5 * time.Second // for the receipts of the last requests
	sealLogEvery   = time.Minute     // between log lines about the same kind of failure
)

// sealer periodically seals receipts and publishes checkpoints.
type sealer struct {
	translog *translog.Log
	rollback *rollbackGuard
	may      bool // there is a key
	metrics  *telemetry.LogMetrics
	figures  *telemetry.ErasureMetrics
	*worries
	failing rate.Sometimes
	waiting rate.Sometimes

	compared int64 // size of the published tree that was last compared with the newest checkpoint seen; negative: none
}

// startSealer seals while the service runs, and once more after the last response, so
// it must start before the service listens.
func startSealer(w *workers, cfg *config.Config, l *translog.Log, rollback *rollbackGuard, sign *boot.Signing, figures *telemetry.ErasureMetrics) error {
	watched, err := w.metrics.WatchLog()
	if err != nil {
		return err
	}
	s := &sealer{translog: l, rollback: rollback, compared: -1, may: len(sign.Signers) > 0, metrics: watched, figures: figures, worries: w.worries,
		failing: rate.Sometimes{Interval: sealLogEvery}, waiting: rate.Sometimes{Interval: sealLogEvery}}
	running, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	w.lc.Append(fx.Hook{
		OnStart: func(ctx context.Context) error {
			if !s.may {
				w.log.Warn("Receipts of erasures are not sealed, because no key is configured to sign the log: " + sign.NoKey())
			}
			if sign.Advice != "" {
				w.log.Warn(sign.Advice)
			}
			if boot.CheckpointFile(cfg) == nil {
				w.log.Warn("A database restored from a backup goes unnoticed after a restart, because the newest checkpoint of the log is not stored: " + boot.NoCheckpointFile)
			}
			go func() {
				defer close(done)
				s.run(running)
			}()
			// So that the result is usually known when the service listens.
			ctx, end := context.WithTimeout(ctx, compareAtStart)
			defer end()
			_ = rollback.check(ctx) // run reports it
			return nil
		},
		OnStop: func(ctx context.Context) error {
			cancel()
			<-done
			ctx, end := context.WithTimeout(ctx, sealAtStop)
			defer end()
			s.step(ctx)
			return nil
		},
	})
	return nil
}

func (s *sealer) run(ctx context.Context) {
	for {
		timer := time.NewTimer(s.step(ctx))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
	}
}

// step does the work that is due and returns the pause until the next step.
func (s *sealer) step(ctx context.Context) (pause time.Duration) {
	busy, err := s.work(ctx)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		s.metrics.Failed()
		countDamage(s.figures, err)
		s.failing.Do(func() {
			level := slog.LevelError
			if domain.CodeOf(err) == domain.CodeUnavailable {
				level = slog.LevelWarn
			}
			s.report(ctx, level, "Could not seal or publish the log of erasures; will retry", err)
		})
		return sealPauseFail
	case busy:
		return sealPauseBusy
	}
	return sealPauseIdle
}

// work reports whether there was anything to do.
func (s *sealer) work(ctx context.Context) (busy bool, err error) {
	backlog, err := s.look(ctx)
	if err != nil {
		return false, err
	}
	if err := s.compare(ctx, backlog.Published); err != nil {
		return true, err
	}
	unpublished := backlog.Published < backlog.Size
	if !s.may || !backlog.Waiting && !unpublished {
		return false, nil
	}
	for n := translog.MaxSealed; backlog.Waiting && n == translog.MaxSealed; {
		if n, err = s.translog.Seal(ctx); err != nil {
			return true, err
		}
		unpublished = unpublished || n > 0
	}
	if unpublished {
		_, absent, err := s.translog.Publish(ctx)
		if err != nil {
			return true, err
		}
		if len(absent) > 0 {
			s.waiting.Do(func() {
				s.log.Warn("No checkpoint of the log of erasures is published: standbys are not connected under these names", "standbys", absent)
			})
		}
	}
	if backlog, err = s.look(ctx); err != nil {
		return true, err
	}
	return true, s.compare(ctx, backlog.Published)
}

// compare checks that the published log continues the newest checkpoint seen, and stores
// the newer one.
func (s *sealer) compare(ctx context.Context, published int64) error {
	if published == s.compared {
		return nil
	}
	s.compared = -1
	err := s.rollback.check(ctx)
	if err == nil {
		s.compared = published
	}
	return err
}

func (s *sealer) look(ctx context.Context) (translog.Backlog, error) {
	backlog, err := s.translog.Backlog(ctx)
	if err == nil {
		s.metrics.Looked(backlog.Waiting, backlog.Oldest, backlog.Size, backlog.Published)
	}
	return backlog, err
}
