package ops

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/time/rate"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade"
	"lethe/app/boot"
	"lethe/app/config"
	"lethe/domain"
)

const (
	countedAtOnce = 1000   // copies in each part of a count
	countedRate   = 20_000 // per second
)

// OrphansCounted is the number of raw copies whose request is gone.
type OrphansCounted struct {
	Looked       int   `json:"looked"` // checked copies, at least seven days old
	RawRequests  int64 `json:"raw_requests"`
	RawResponses int64 `json:"raw_responses"`
	All          bool  `json:"all"` // all of them were checked

	unreachable bool
}

// OrphansOptions say what to do about raw copies whose request is gone.
type OrphansOptions struct {
	DryRun bool // count them and change nothing; required
}

// CountOrphans counts what a pass of erasure.orphans would remove now; it removes
// nothing.
func CountOrphans(ctx context.Context, cfg *config.Config, options OrphansOptions, o Output) (err error) {
	if !options.DryRun {
		return config.Misused("add --dry-run: this command only counts; the service removes the copies if erasure.orphans is true")
	}
	db, err := boot.Open(ctx, cfg, o.Progress)
	if err != nil {
		return err
	}
	defer db.CloseInto(&err)
	if err := db.Reach(ctx); err != nil {
		return err
	}
	reported := rate.Sometimes{Interval: progressLogged}
	reported.Do(func() {}) // not immediately
	n, err := countOrphansIn(ctx, cfg, db, 0, func(n OrphansCounted) {
		reported.Do(func() {
			fmt.Fprintf(o.Progress, "Checked %d raw copies, of which %d belong to requests that are gone\n", n.Looked, n.RawRequests+n.RawResponses)
		})
	})
	if err != nil {
		return err
	}
	if n.unreachable {
		return config.Misused("%s", orphansUnreachable)
	}
	if o.JSON {
		return writeJSON(o.Out, n)
	}
	return o.print("%d raw copies of requests and %d of responses name a request that is gone, of %d that are at least seven days old. The service removes them if erasure.orphans is true.",
		n.RawRequests, n.RawResponses, n.Looked)
}

const orphansUnreachable = "cannot count orphaned copies: no raw copies are in reach, or no usage records that show which belong to a batch; check outlet.database_url"

// countOrphansIn checks about that many copies; 0: all.
func countOrphansIn(ctx context.Context, cfg *config.Config, db *boot.Databases, limit int, report func(OrphansCounted)) (n OrphansCounted, err error) {
	pool, err := boot.OpenPool(cfg, db.OwnURL(), 2, boot.SearchPath(cfg)...)
	if err != nil {
		return n, err
	}
	defer pool.Close()
	copies, closeCopies, err := boot.OpenCopies(cfg, db)
	if err != nil {
		return n, err
	}
	defer closeCopies()
	responses, err := fusillade.New(postgres.Source{Primary: pool}, cfg.Outlet.Schema, !db.Apart(),
		fusillade.Issuer{Origin: "counts alone", Build: boot.BuildVersion().Version, Now: time.Now})
	if err != nil {
		return n, err
	}
	responses.WithCopies(copies)
	before := time.Now().Add(-domain.OrphansAfter)
	wait := config.PerSecond(countedRate).Pace()
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
