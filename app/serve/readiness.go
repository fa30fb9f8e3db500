package serve

import (
	"context"
	"log/slog"
	"slices"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/inspect"
	"lethe/app/boot"
	"lethe/domain"
)

// readiness reports whether requests can be answered.
type readiness struct {
	pools    *pools
	schemas  inspect.Schemas
	rollback *rollbackGuard
	places   *boot.Places
	work     *background
	asked    singleflight.Group
	stopping chan struct{} // closed when the service stops
}

func newReadiness(p *pools, db *boot.Databases, rollback *rollbackGuard, places *boot.Places, work *background) *readiness {
	return &readiness{pools: p, schemas: db.Schemas, rollback: rollback, places: places, work: work, stopping: make(chan struct{})}
}

// check asks each database whether it accepts changes, whether its tables and the
// role's privileges exist, and whether it was rolled back. From time to time it looks
// for content that cannot be served, and, until that once succeeded, checks the
// migrations. An unreachable replica does not matter: reads use the primary.
func (r *readiness) check(ctx context.Context) error {
	select {
	case <-r.stopping:
		return domain.Errorf(domain.CodeUnavailable, "The service is stopping")
	default:
	}
	// Anyone can ask at any rate: concurrent callers share one check, which continues if
	// one of them disconnects.
	asked := r.asked.DoChan("", func() (any, error) {
		ctx, cancel := context.WithTimeout(postgres.For(context.WithoutCancel(ctx), postgres.Ready), readyTimeout)
		defer cancel()
		return nil, r.look(ctx)
	})
	select {
	case <-ctx.Done():
		return ctx.Err()
	case answer := <-asked:
		return answer.Err
	}
}

func (r *readiness) look(ctx context.Context) error {
	// First, because it also explains missing tables.
	if err := r.places.Check(ctx); err != nil {
		return err
	}
	for _, db := range r.primaries() {
		if err := db.TakesChanges(ctx); err != nil {
			return err
		}
	}
	missing, err := r.missing(ctx)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return domain.Errorf(domain.CodeUnavailable, "The database is not set up as needed: %s; run `lethe doctor` for what to do", boot.FirstOf(missing))
	}
	if err := r.work.upToDate(ctx); err != nil {
		return err
	}
	return r.rollback.check(ctx)
}

// primaries are the databases that every request needs.
func (r *readiness) primaries() []*postgres.DB {
	return slices.Compact([]*postgres.DB{r.pools.main.Primary, r.pools.fusillade.Primary})
}

func (r *readiness) missing(ctx context.Context) ([]string, error) {
	if r.pools.main.Primary == r.pools.fusillade.Primary {
		return lacking(ctx, r.pools.main.Primary, inspect.Requirements(r.schemas, inspect.Main, inspect.Fusillade))
	}
	var main, fusillade []string
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		main, err = lacking(ctx, r.pools.main.Primary, inspect.Requirements(r.schemas, inspect.Main))
		return err
	})
	g.Go(func() (err error) {
		fusillade, err = lacking(ctx, r.pools.fusillade.Primary, inspect.Requirements(r.schemas, inspect.Fusillade))
		return err
	})
	err := g.Wait()
	return append(main, fusillade...), err
}

// missingCopies is missing for raw copies in their own database, which reads do not
// need.
func (r *readiness) missingCopies(ctx context.Context) ([]string, error) {
	if r.pools.outlet == nil {
		return nil, nil
	}
	return lacking(ctx, r.pools.outlet, inspect.Requirements(r.schemas, inspect.Outlet))
}

// reportMissing logs once what the databases lack. It does not delay the start.
func reportMissing(w *workers, ready *readiness) {
	whileServing(w.lc, func(ctx context.Context) {
		look := func(missing func(context.Context) ([]string, error), database, but string) {
			lacks, err := missing(ctx)
			switch {
			case ctx.Err() != nil:
			case err != nil:
				w.report(ctx, slog.LevelWarn, "Could not check "+database, err)
			case len(lacks) > 0:
				w.log.Error("Not set up as needed: "+database+but+"; run `lethe doctor` for what to do", "missing", boot.FirstOf(lacks))
			}
		}
		look(ready.missing, "the database", "")
		look(ready.missingCopies, "the database of raw copies", ", so nothing can be erased")
	})
}

// lacking returns what a database and its role lack, in two queries.
func lacking(ctx context.Context, db *postgres.DB, reqs []inspect.Requirement) (all []string, err error) {
	err = db.Use(ctx, func(c postgres.Conn) error {
		if all, err = inspect.MissingTables(ctx, c, reqs); err != nil {
			return err
		}
		privileges, err := inspect.MissingPrivileges(ctx, c, reqs)
		for _, privilege := range privileges {
			all = append(all, "the role lacks "+privilege)
		}
		return err
	})
	return all, err
}
