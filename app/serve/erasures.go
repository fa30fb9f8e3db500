package serve

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/jobs"
	"lethe/adapters/postgres/migrate"
	"lethe/adapters/telemetry"
	"lethe/app/config"
	"lethe/domain"
)

const (
	// dispatchEvery is how often the service looks for erasures that are to be
	// gone on with, whoever has asked for them and whatever became of that
	// process. Several processes do so, and each erasure is enqueued once.
	dispatchEvery = 5 * time.Second
	maxDue        = 500
	// tallyEvery is how often erasures are counted, for metrics.
	tallyEvery = 15 * time.Second
	// detailsFor is for how long it is kept whose and which responses an erasure
	// was about that is over.
	detailsFor = 24 * time.Hour

	// workEvery is how often it is tried to begin with background work, as long
	// as the database is away or not as needed.
	workEvery    = 5 * time.Second
	workLogEvery = time.Minute
)

// newJobs makes the jobs of erasures, which go on at the pace of the
// configuration.
func newJobs(p *pools, cfg *config.Config, s *stores, log *slog.Logger) (*jobs.Jobs, error) {
	run := domain.NewRunErasure(s.erasures, cfg.Erasure.Rate.Pace(), time.Now)
	return jobs.New(p.jobs, run, jobs.Config{}, log)
}

// background goes on with bulk erasures, until the service stops.
type background struct {
	*worries
	stores   *stores
	jobs     *jobs.Jobs
	db       *postgres.DB
	metrics  *telemetry.ErasureMetrics
	failed   func()
	seldom   rate.Sometimes
	rollback *rollbackGuard
	migrated atomic.Bool // Lethe's own tables were once found as new as this program
}

func newBackground(w *workers, p *pools, rollback *rollbackGuard, s *stores, j *jobs.Jobs, figures *telemetry.ErasureMetrics) *background {
	return &background{
		worries: w.worries, stores: s, jobs: j, db: p.jobs, metrics: figures, failed: w.metrics.WatchWork("erasures"),
		seldom: rate.Sometimes{Interval: workLogEvery}, rollback: rollback,
	}
}

// runErasures starts it, and stops it within seconds: what is at work then is
// gone on with by the next process.
func runErasures(w *workers, b *background) {
	whileServing(w.lc, b.work, every(dispatchEvery, b.dispatch), every(tallyEvery, b.count), every(removeEvery, b.forget))
}

// work works on jobs as soon as the database is there and as needed.
func (b *background) work(ctx context.Context) {
	every(workEvery, func(ctx context.Context) {
		err := b.upToDate(ctx)
		if err == nil {
			err = b.rollback.check(ctx)
		}
		if err != nil {
			b.reported(ctx, "bulk erasures do not go on in this process yet", err)
			return
		}
		if err = b.jobs.Run(ctx); err != nil && ctx.Err() != nil {
			b.log.Warn("stopping", "error", err)
		}
		b.reported(ctx, "bulk erasures do not go on in this process yet", err)
	})(ctx)
}

// upToDate fails where Lethe's own tables are older than this program needs.
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
			return domain.Errorf(domain.CodeUnavailable, "The database's tables of set %s are at version %d, and this program needs %d; run `lethe doctor`", v.Set, v.Applied, v.Newest)
		}
	}
	b.migrated.Store(true)
	return nil
}

// dispatch enqueues what is to be gone on with: it makes up for processes that
// ended before they could, for restored databases, and knows when something is
// to be verified.
func (b *background) dispatch(ctx context.Context) {
	due, err := b.stores.erasures.Due(ctx, maxDue)
	for _, id := range due {
		if err == nil {
			err = b.jobs.Enqueue(ctx, id)
		}
	}
	b.reported(ctx, "could not look for erasures that are to be gone on with; trying again", err)
}

func (b *background) forget(ctx context.Context) {
	b.reported(ctx, "could not remove the details of erasures that are over; trying again",
		b.stores.erasures.Forget(ctx, time.Now().Add(-detailsFor)))
}

func (b *background) count(ctx context.Context) {
	tally, err := b.stores.tally(ctx)
	if err == nil {
		var oldest *time.Time
		counts := make([]telemetry.ErasureCount, len(tally))
		for i, t := range tally {
			counts[i] = telemetry.ErasureCount{State: string(t.State), Trigger: string(t.Trigger), Count: t.Count}
			if !t.State.Finished() && (oldest == nil || t.Oldest.Before(*oldest)) {
				oldest = &t.Oldest
			}
		}
		b.metrics.Looked(counts, oldest)
	}
	b.reported(ctx, "erasures could not be counted", err)
}

// reported notes an error, if there is one and the service does not just stop.
func (b *background) reported(ctx context.Context, what string, err error) {
	if err == nil || ctx.Err() != nil {
		return
	}
	b.failed()
	b.seldom.Do(func() { b.report(ctx, slog.LevelWarn, what, err) })
}
