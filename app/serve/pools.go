package serve

import (
	"context"
	"errors"
	"fmt"

	"go.uber.org/fx"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade"
	"lethe/adapters/postgres/jobs"
	"lethe/adapters/telemetry"
	"lethe/app/boot"
	"lethe/app/config"
)

// pools is the connections to each database. Replicas may be nil; fusillade is
// main where they share a database.
type pools struct {
	main, fusillade postgres.Source
	jobs            *postgres.DB   // to fusillade's database, as its primary
	outlet          *postgres.DB   // nil: where fusillade is
	standbys        []*postgres.DB // of the database that fusillade is in
	opened          map[string]*postgres.DB
}

func newPools(lc fx.Lifecycle, cfg *config.Config, db *boot.Databases, metrics *telemetry.Metrics, export *telemetry.Export) (*pools, error) {
	p := &pools{opened: map[string]*postgres.DB{}}
	var errs []error
	openWith := func(kept int32, name, url string, maxConns int, searchPath ...string) *postgres.DB {
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
	open := func(name, url string, maxConns int, searchPath ...string) *postgres.DB {
		return openWith(0, name, url, maxConns, searchPath...)
	}
	primary := func(name, url string, searchPath ...string) *postgres.DB {
		return openWith(postgres.KeptConns, name, url, cfg.Database.MaxConns, searchPath...)
	}
	// Tables of the main database are named with their schema, fusillade's and
	// outlet's are not.
	limit := cfg.Database.MaxConns
	schemas := boot.SearchPath(cfg)
	if db.Apart() {
		p.main = postgres.Source{
			Primary: primary("main", db.MainURL),
			Replica: open("main_replica", cfg.Database.ReplicaURL, limit),
			MaxLag:  cfg.Database.ReplicaMaxLag,
		}
		p.fusillade = postgres.Source{
			Primary: primary("fusillade", db.FusilladeURL, schemas...),
			Replica: open("fusillade_replica", cfg.Fusillade.ReplicaURL, limit, schemas...),
			MaxLag:  cfg.Database.ReplicaMaxLag,
		}
	} else {
		p.main = postgres.Source{
			Primary: primary("main", db.MainURL, schemas...),
			Replica: open("main_replica", cfg.Database.ReplicaURL, limit, schemas...),
			MaxLag:  cfg.Database.ReplicaMaxLag,
		}
		p.fusillade = p.main
	}
	p.outlet = open("outlet", db.OutletURL, limit, cfg.Outlet.Schema)
	// River's statements name the schema themselves.
	p.jobs = open("jobs", db.OwnURL(), jobs.MaxConns)
	for i, url := range cfg.Erasure.StandbyURLs {
		p.standbys = append(p.standbys, open(fmt.Sprintf("standby_%d", i+1), url, limit, schemas...))
	}
	lc.Append(fx.StopHook(p.close))
	return p, errors.Join(append(errs, metrics.WatchPools(p.stats))...)
}

// newCopies is the way to raw copies in a database of their own; nil where they
// have none.
func newCopies(p *pools) (*fusillade.Copies, error) {
	if p.outlet == nil {
		return nil, nil
	}
	usage := p.main.Primary
	if usage == p.fusillade.Primary {
		usage = nil
	}
	return fusillade.NewCopies(p.outlet, usage)
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
		return errors.New("connections to the database were still in use at the end")
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
