package serve

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"lethe/adapters/gate"
	"lethe/adapters/postgres"
	"lethe/adapters/postgres/jobs"
	"lethe/adapters/postgres/migrate"
	"lethe/adapters/telemetry"
	"lethe/app/boot"
	"lethe/app/config"
	"lethe/domain"
)

const (
	// dispatchEvery is how often each process looks for erasures to continue, even those
	// of ended processes. Each erasure is enqueued once.
	dispatchEvery = 5 * time.Second
	maxDue        = 500
	expireEvery   = time.Minute      // between looks for erasures that nobody has approved in time
	tallyEvery    = 15 * time.Second // between two counts of erasures for metrics
	detailsFor    = 24 * time.Hour   // how long a finished erasure keeps its owners and responses

	workEvery    = 5 * time.Second // between attempts to start while the database is not ready
	workLogEvery = time.Minute
)

// newJobs returns the jobs of erasures, at the configured rate, and those of persons'
// files.
func newJobs(p *pools, cfg *config.Config, s *stores, files *personFiles, people *gate.People, log *slog.Logger) (*jobs.Jobs, error) {
	run := domain.NewRunErasure(s.erasures, cfg.Erasure.Rate.Pace(), time.Now).Checking(people)
	j, err := jobs.New(p.jobs, run, jobs.Config{}, log)
	if err == nil && files.make != nil {
		j.WithFiles(files.make)
	}
	return j, err
}

// background continues bulk erasures until the service stops.
type background struct {
	*worries
	stores   *stores
	jobs     *jobs.Jobs
	db       *postgres.DB
	metrics  *telemetry.ErasureMetrics
	failed   func()
	seldom   rate.Sometimes
	rollback *rollbackGuard
	migrated atomic.Bool // Lethe's own tables are as new as this program
}

func newBackground(w *workers, p *pools, rollback *rollbackGuard, s *stores, j *jobs.Jobs, figures *telemetry.ErasureMetrics) *background {
	return &background{
		worries: w.worries, stores: s, jobs: j, db: p.jobs, metrics: figures, failed: w.metrics.WatchWork("erasures"),
		seldom: rate.Sometimes{Interval: workLogEvery}, rollback: rollback,
	}
}

// runErasures runs bulk erasures while the service runs. It stops within seconds;
// another process continues them.
func runErasures(w *workers, b *background) {
	whileServing(w.lc, b.work, every(dispatchEvery, b.dispatch), every(expireEvery, b.expire), every(tallyEvery, b.count), every(removeEvery, b.forget))
}

// work processes jobs as soon as the database is reachable and ready.
func (b *background) work(ctx context.Context) {
	every(workEvery, func(ctx context.Context) {
		err := b.upToDate(ctx)
		if err == nil {
			err = b.rollback.check(ctx)
		}
		if err != nil {
			b.reported(ctx, "bulk erasures cannot run in this process yet", err)
			return
		}
		if err = b.jobs.Run(ctx); err != nil && ctx.Err() != nil {
			b.log.Warn("Stopping", "error", err)
		}
		b.reported(ctx, "bulk erasures cannot run in this process yet", err)
	})(ctx)
}

// upToDate fails if Lethe's own tables are older than this program needs.
func (b *background) upToDate(ctx context.Context) error {
	if b.migrated.Load() {
		return nil
	}
	versions, err := migrate.OwnVersions(ctx, b.db.Pool())
	if err != nil {
		return postgres.MapError(err)
	}
	for _, v := range versions {
		if v.Applied < v.Newest {
			return domain.Errorf(domain.CodeUnavailable, "The database's tables of set %s are at version %d, but this program needs %d; run `lethe doctor`", v.Set, v.Applied, v.Newest)
		}
	}
	b.migrated.Store(true)
	return nil
}

// reliable fails while the databases do not show all that there is, and nothing else:
// while Lethe's own tables are old, the database was rolled back, or it holds content that
// cannot be served.
func (b *background) reliable(ctx context.Context, places *boot.Places) error {
	for _, check := range []func(context.Context) error{b.upToDate, b.rollback.check, places.Check} {
		if err := check(ctx); err != nil {
			return err
		}
	}
	return nil
}

// dispatch enqueues erasures that nobody works on, such as those of ended processes and
// of restored databases, and those that are due for verification.
func (b *background) dispatch(ctx context.Context) {
	due, err := b.stores.erasures.Due(ctx, maxDue)
	for _, id := range due {
		if err == nil {
			err = b.jobs.Enqueue(ctx, id)
		}
	}
	b.reported(ctx, "Could not look for erasures to continue; will retry", err)
}

func (b *background) expire(ctx context.Context) {
	b.reported(ctx, "Could not end erasures that nobody has approved in time; will retry",
		domain.NewExpireApprovals(b.stores.erasures, time.Now).Execute(ctx))
}

func (b *background) forget(ctx context.Context) {
	b.reported(ctx, "Could not remove the details of finished erasures; will retry",
		b.stores.erasures.Forget(ctx, time.Now().Add(-detailsFor)))
}

func (b *background) count(ctx context.Context) {
	tally, err := b.stores.tally(ctx)
	if err == nil {
		var oldest, awaiting *time.Time
		counts := make([]telemetry.ErasureCount, len(tally))
		for i, t := range tally {
			counts[i] = telemetry.ErasureCount{State: string(t.State), Trigger: string(t.Trigger), Count: t.Count}
			if t.State == domain.ErasureAwaitingApproval {
				awaiting = &t.Oldest
			} else if !t.State.Finished() && (oldest == nil || t.Oldest.Before(*oldest)) {
				oldest = &t.Oldest
			}
		}
		b.metrics.Looked(counts, oldest, awaiting)
	}
	b.reported(ctx, "Could not count erasures for metrics", err)
}

// reported logs and counts an error, unless the service is stopping.
func (b *background) reported(ctx context.Context, what string, err error) {
	if err == nil || ctx.Err() != nil {
		return
	}
	b.failed()
	b.seldom.Do(func() { b.report(ctx, slog.LevelWarn, what, err) })
}
