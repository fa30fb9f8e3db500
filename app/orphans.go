package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.uber.org/fx"
	"golang.org/x/time/rate"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade"
	"lethe/adapters/telemetry"
	"lethe/domain"
)

const (
	// orphansEvery is how often the service looks whether a pass over the raw
	// copies is due. Several processes share the work.
	orphansEvery = time.Minute
	// orphansRate is how many copies a second are looked at: all the day's time
	// lies between two passes.
	orphansRate = 2000

	countedAtOnce = 1000 // copies in each part of a count
)

func newOrphans(orphans domain.Orphans) *domain.SweepOrphans {
	return domain.NewSweepOrphans(orphans, pace(orphansRate), time.Now)
}

// sweepOrphans removes raw copies whose request is gone, where that is switched
// on, until the service stops. It waits while it is not known of which requests
// there is anything: while the database is older than what was seen of it, or
// holds what is not served.
func sweepOrphans(lc fx.Lifecycle, cfg *Config, sweep *domain.SweepOrphans, b *background, places *places, metrics *telemetry.Metrics, worries *worries, log *slog.Logger) {
	if !cfg.Erasure.Orphans {
		return
	}
	failed := metrics.WatchWork("orphans")
	seldom := rate.Sometimes{Interval: workLogEvery}
	whileServing(lc, every(orphansEvery, func(ctx context.Context) {
		err := b.upToDate(ctx)
		if err == nil {
			err = b.rollback.check(ctx)
		}
		if err == nil {
			err = places.check(ctx)
		}
		var erased domain.Erased
		if err == nil {
			erased, err = sweep.Execute(ctx)
		}
		if erased != (domain.Erased{}) {
			log.Info("removed raw copies whose request is gone", "raw_requests", erased.RawRequests, "raw_responses", erased.RawResponses)
		}
		if err != nil && ctx.Err() == nil {
			failed()
			seldom.Do(func() {
				worries.report(ctx, slog.LevelWarn, "not all raw copies whose request is gone could be removed; trying again", err, "within", orphansEvery)
			})
		}
	}))
}

// OrphansCounted is how many raw copies there are whose request is gone.
type OrphansCounted struct {
	Looked       int   `json:"looked"` // copies of seven days and more that were looked at
	RawRequests  int64 `json:"raw_requests"`
	RawResponses int64 `json:"raw_responses"`
	All          bool  `json:"all"` // all of them were looked at

	unreachable bool
}

// OrphansOptions say what may be done about raw copies whose request is gone.
type OrphansOptions struct {
	DryRun bool // count them, and change nothing: all that can be done by a command
}

// CountOrphans counts what a pass of erasure.orphans would remove now, and
// removes nothing.
func CountOrphans(ctx context.Context, cfg *Config, options OrphansOptions, o Output) (err error) {
	if !options.DryRun {
		return misused("give --dry-run, which counts them; it is the service that removes them, where erasure.orphans is true")
	}
	db, err := OpenDatabases(ctx, cfg, o.Progress)
	if err != nil {
		return err
	}
	defer closing(db, &err)
	if err := reach(ctx, db); err != nil {
		return err
	}
	reported := rate.Sometimes{Interval: searchesLogged}
	reported.Do(func() {}) // not at once
	n, err := countOrphansIn(ctx, cfg, db, 0, func(n OrphansCounted) {
		reported.Do(func() {
			fmt.Fprintf(o.Progress, "looked at %d raw copies, of which %d are of requests that are gone\n", n.Looked, n.RawRequests+n.RawResponses)
		})
	})
	if err != nil {
		return err
	}
	if n.unreachable {
		return misused("%s", orphansUnreachable)
	}
	if o.JSON {
		return writeJSON(o.Out, n)
	}
	return o.print("%d raw copies of requests and %d of responses name a request that is gone, of %d that are seven days old or older. The service removes them where erasure.orphans is true.",
		n.RawRequests, n.RawResponses, n.Looked)
}

const orphansUnreachable = "there are no raw copies in reach, or no usage records beside them that say what is a batch's, so it cannot be told which of them nothing needs"

// countOrphansIn looks at that many copies, or about as many; 0: at all.
func countOrphansIn(ctx context.Context, cfg *Config, db *Databases, limit int, report func(OrphansCounted)) (n OrphansCounted, err error) {
	pool, err := postgres.Open(postgres.Config{
		URL: db.fusilladeURL(), MaxConns: 2, SearchPath: searchPath(cfg), ApplicationName: applicationName, PgBouncer: cfg.Database.PgBouncer,
	})
	if err != nil {
		return n, err
	}
	defer pool.Close()
	copies, closeCopies, err := openCopies(cfg, db)
	if err != nil {
		return n, err
	}
	defer closeCopies()
	responses, err := fusillade.New(postgres.Source{Primary: pool}, cfg.Outlet.Schema, !db.apart(),
		fusillade.Issuer{Origin: "counts alone", Build: BuildVersion().Version, Now: time.Now})
	if err != nil {
		return n, err
	}
	responses.WithCopies(copies)
	before := time.Now().Add(-domain.OrphansAfter)
	wait := pace(orphansRate * 10)
	var at fusillade.OrphansPlace
	for limit == 0 || n.Looked < limit {
		part, next, over, err := responses.CountOrphans(ctx, before, countedAtOnce, at)
		if err != nil {
			return n, err
		}
		n.unreachable = part.Unreachable
		n.Looked += part.Looked
		n.RawRequests += part.RawRequests
		n.RawResponses += part.RawResponses
		if n.All = over; over {
			break
		}
		at = next
		report(n)
		if err := wait(ctx, part.Looked); err != nil {
			return n, err
		}
	}
	return n, nil
}
