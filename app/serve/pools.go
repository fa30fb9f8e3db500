package serve

import (
	"context"
	"errors"
	"fmt"

	"go.uber.org/fx"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/jobs"
	"lethe/adapters/telemetry"
	"lethe/app/boot"
	"lethe/app/config"
)

// pools are the connections to each database. Replicas may be nil; fusillade is main
// if they share a database.
type pools struct {
	main, fusillade postgres.Source
	jobs            *postgres.DB   // to fusillade's database, as its primary
	outlet          *postgres.DB   // nil: in fusillade's database
	standbys        []*postgres.DB // of the database that fusillade is in
	opened          map[string]*postgres.DB
}

func newPools(lc fx.Lifecycle, cfg *config.Config, db *boot.Databases, metrics *telemetry.Metrics, export *telemetry.Export) (*pools, error) {
	p := &pools{opened: map[string]*postgres.DB{}}
	var errs []error
	open := func(name, url string, maxConns int, kept int32, searchPath ...string) *postgres.DB {
		if url == "" {
			return nil
		}
		pool, err := postgres.Open(postgres.Config{
			URL: url, MaxConns: int32(maxConns), Kept: kept, SearchPath: searchPath, ApplicationName: boot.ApplicationName,
			Tracer: newQueryTracer(name, metrics, export), PgBouncer: cfg.Database.PgBouncer,
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("the %s database: %w", name, err))
			return nil
		}
		p.opened[name] = pool
		return pool
	}
	limit := cfg.Database.MaxConns
	source := func(name, url, replica string, searchPath ...string) postgres.Source {
		return postgres.Source{
			Primary: open(name, url, limit, postgres.KeptConns, searchPath...),
			Replica: open(name+"_replica", replica, limit, 0, searchPath...),
			MaxLag:  cfg.Database.ReplicaMaxLag,
		}
	}
	schemas := boot.SearchPath(cfg)
	if db.Apart() {
		// Statements qualify tables of the main database, but not fusillade's and
		// outlet's.
		p.main = source("main", db.MainURL, cfg.Database.ReplicaURL)
		p.fusillade = source("fusillade", db.FusilladeURL, cfg.Fusillade.ReplicaURL, schemas...)
	} else {
		p.main = source("main", db.MainURL, cfg.Database.ReplicaURL, schemas...)
		p.fusillade = p.main
	}
	p.outlet = open("outlet", db.OutletURL, limit, 0, cfg.Outlet.Schema)
	// River's statements name the schema.
	p.jobs = open("jobs", db.OwnURL(), jobs.MaxConns, 0)
	for i, url := range cfg.Erasure.StandbyURLs {
		p.standbys = append(p.standbys, open(fmt.Sprintf("standby_%d", i+1), url, limit, 0, schemas...))
	}
	lc.Append(fx.StopHook(p.close))
	return p, errors.Join(append(errs, metrics.WatchPools(p.stats))...)
}

func newPlaces(p *pools, db *boot.Databases) *boot.Places {
	return boot.NewPlaces(p.main.Primary, p.fusillade.Primary, db.Schemas)
}

func (p *pools) close(ctx context.Context) error {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		for _, pool := range p.opened {
			pool.Close()
		}
	}()
	select {
	case <-closed:
		return nil
	case <-ctx.Done():
		return errors.New("database connections were still in use when the service stopped")
	}
}

func (p *pools) stats() map[string]telemetry.PoolStat {
	stats := make(map[string]telemetry.PoolStat, len(p.opened))
	for name, pool := range p.opened {
		of, kept := pool.Stats()
		if stats[name] = of; kept != nil {
			stats[name+"_kept"] = kept
		}
	}
	return stats
}
