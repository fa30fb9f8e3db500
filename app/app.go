package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"time"

	"go.uber.org/dig"
	"go.uber.org/fx"
	"go.uber.org/fx/fxevent"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"

	"lethe/adapters/auth"
	"lethe/adapters/httpapi"
	"lethe/adapters/postgres"
	"lethe/adapters/postgres/analytics"
	"lethe/adapters/postgres/fusillade"
	"lethe/adapters/postgres/inspect"
	"lethe/adapters/postgres/jobs"
	"lethe/adapters/postgres/users"
	"lethe/adapters/telemetry"
	"lethe/domain"
)

const (
	startTimeout = time.Minute
	drainTimeout = 30 * time.Second // for requests that are running when the service stops
	stopTimeout  = drainTimeout + 10*time.Second

	readyTimeout = 2 * time.Second

	heapBallast = 4 << 20
)

// Serve runs the service until ctx ends, then lets running requests finish and
// stops; that is no error. ready, where not nil, is called with the address
// once the service listens. Without a configured database it runs the embedded
// one. A configured one may be away: the service starts, is not ready, and
// becomes so by itself.
func Serve(ctx context.Context, cfg *Config, ready func(addr string)) error {
	log, err := newLogger(cfg)
	if err != nil {
		return err
	}
	if err := mayListen(ctx, cfg); err != nil {
		return err
	}
	db, err := OpenDatabases(ctx, cfg, logLines{log})
	if err != nil {
		return err
	}
	err = serve(ctx, cfg, db, log, ready)
	closing(db, &err)
	return err
}

// serve runs the service on databases that are open.
func serve(ctx context.Context, cfg *Config, db *Databases, log *slog.Logger, ready func(addr string)) (err error) {
	if ready == nil {
		ready = func(string) {}
	}
	// The collector runs whenever the heap has doubled, which for one of four
	// megabytes is all the time. These bytes make it look larger; as nobody
	// touches them, they take no memory.
	ballast := make([]byte, heapBallast)
	defer runtime.KeepAlive(ballast)

	var l *listener
	application := fx.New(graph(cfg, db, log, ready), fx.Populate(&l))
	if err := application.Err(); err != nil {
		return dig.RootCause(err)
	}
	start, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := application.Start(start); err != nil {
		return dig.RootCause(err)
	}
	select {
	case <-ctx.Done():
		log.Info("stopping; running requests may finish", "within", drainTimeout)
	case err = <-l.failed:
	case <-db.gone():
		err = errors.New("the embedded database has ended: see postgres/postgres.log in data_dir, then start again")
	}
	stop, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	return errors.Join(err, application.Stop(stop))
}

// graph is the parts of the service and how they hang together.
func graph(cfg *Config, db *Databases, log *slog.Logger, ready func(addr string)) fx.Option {
	return fx.Options(
		fx.WithLogger(func() fxevent.Logger {
			events := &fxevent.SlogLogger{Logger: log}
			events.UseLogLevel(slog.LevelDebug)
			events.UseErrorLevel(slog.LevelDebug) // errors are returned, and said once
			return events
		}),
		fx.StartTimeout(startTimeout),
		fx.StopTimeout(stopTimeout),
		fx.Supply(cfg, db, log, readyFunc(ready)),
		fx.Module("telemetry", fx.Provide(newMetrics, newErasureMetrics, newExport)),
		fx.Module("postgres", fx.Provide(
			newPools,
			newCopies,
			newResponses,
			countResponses,
			countOrphans,
			newErasures,
			countErasures,
			fx.Annotate(newJobs, fx.As(fx.Self()), fx.As(new(domain.Jobs))),
			fx.Annotate(newHolds, fx.As(new(domain.Holds))),
			fx.Annotate(newRetention, fx.As(new(domain.Retention))),
			fx.Annotate(newUsage, fx.As(new(domain.UsageRecords))),
			newPeople,
			fx.Annotate(newGate, fx.As(new(domain.People))),
			fx.Annotate(newAccessLog, fx.As(fx.Self()), fx.As(new(domain.AccessLog))),
			newSigning,
			openLog,
			countLog,
			newRollbackGuard,
			newPlaces,
		)),
		fx.Module("domain", fx.Provide(
			domain.NewListResponses,
			newGetter,
			domain.NewListAccessLog,
			newEraser,
			domain.NewGetReceipt,
			domain.NewReadLog,
			newErasureCases,
			newHoldCases,
			newRetentionCases,
			newSweep,
			newOrphans,
			newRunRules,
			newBackground,
			newWorries,
			newIdentity,
		)),
		fx.Module("http", fx.Provide(
			newAuth,
			newReadiness,
			newHandler,
			newListener,
		)),
		fx.Invoke(serveProfiles, startSealer, runErasures, runRules, sweepErased, sweepOrphans, attestReplicated, removeOldAccesses, reportMissing, warnOfProxy, watchPlaces, watchHeld, giveMemoryBack, func(*listener) {}),
	)
}

type readyFunc func(addr string)

func newLogger(cfg *Config) (*slog.Logger, error) {
	return telemetry.NewLogger(cfg.Log.Level, cfg.Log.Format, os.Stderr)
}

// logLines writes each line of progress to the log.
type logLines struct{ log *slog.Logger }

var _ io.Writer = logLines{}

func (l logLines) Write(line []byte) (int, error) {
	l.log.Info(oneLine(string(line)))
	return len(line), nil
}

// pools is the connections to each database. Replicas may be nil; fusillade is
// main where they share a database.
type pools struct {
	main, fusillade postgres.Source
	jobs            *postgres.DB   // to fusillade's database, as its primary
	outlet          *postgres.DB   // nil: where fusillade is
	standbys        []*postgres.DB // of the database that fusillade is in
	opened          map[string]*postgres.DB
}

func newPools(lc fx.Lifecycle, cfg *Config, db *Databases, metrics *telemetry.Metrics, export *telemetry.Export) (*pools, error) {
	p := &pools{opened: map[string]*postgres.DB{}}
	var errs []error
	openWith := func(kept int32, name, url string, maxConns int, searchPath ...string) *postgres.DB {
		if url == "" {
			return nil
		}
		pool, err := postgres.Open(postgres.Config{
			URL: url, MaxConns: int32(maxConns), Kept: kept, SearchPath: searchPath, ApplicationName: applicationName,
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
	schemas := searchPath(cfg)
	if db.apart() {
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
	p.jobs = open("jobs", db.fusilladeURL(), jobs.MaxConns)
	for i, url := range cfg.Erasure.StandbyURLs {
		p.standbys = append(p.standbys, open(fmt.Sprintf("standby_%d", i+1), url, limit, schemas...))
	}
	lc.Append(fx.StopHook(p.close))
	return p, errors.Join(append(errs, metrics.WatchPools(p.stats))...)
}

// searchPath leads to the tables beside fusillade's, and at last to what stands in
// for those that it may lack.
func searchPath(cfg *Config) []string {
	if cfg.Outlet.DatabaseURL != "" {
		return []string{cfg.Fusillade.Schema, inspect.Own}
	}
	return []string{cfg.Fusillade.Schema, cfg.Outlet.Schema, inspect.Own}
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

// openCopies is newCopies for a command, which is to close them.
func openCopies(cfg *Config, db *Databases) (copies *fusillade.Copies, closeAll func(), err error) {
	if db.OutletURL == "" {
		return nil, func() {}, nil
	}
	open := func(url string, searchPath ...string) (*postgres.DB, error) {
		return postgres.Open(postgres.Config{
			URL: url, MaxConns: 2, SearchPath: searchPath, ApplicationName: applicationName, PgBouncer: cfg.Database.PgBouncer,
		})
	}
	outlet, err := open(db.OutletURL, cfg.Outlet.Schema)
	if err != nil {
		return nil, nil, err
	}
	closeAll = outlet.Close
	var usage *postgres.DB
	if db.apart() {
		if usage, err = open(db.MainURL); err != nil {
			outlet.Close()
			return nil, nil, err
		}
		closeAll = func() { outlet.Close(); usage.Close() }
	}
	copies, err = fusillade.NewCopies(outlet, usage)
	return copies, closeAll, err
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

func newResponses(p *pools, copies *fusillade.Copies, cfg *Config, db *Databases, s *signing, places *places) (*fusillade.Responses, error) {
	responses, err := fusillade.New(p.fusillade, cfg.Outlet.Schema, !db.apart(), issuer(s.origin, places))
	if err != nil {
		return nil, err
	}
	responses.WithCopies(copies)
	responses.WithLedger(places.ledger.Load)
	responses.WithKnown(places.known.Load)
	responses.WithArsenal(places.arsenal.Load, places.retained.Load)
	return responses, nil
}

func newEraser(responses domain.Responses, log domain.Log, s *signing) *domain.EraseResponse {
	return domain.NewEraseResponse(responses, time.Now).Repeatable(domain.NewRepeats(log, s.repeatSecrets()))
}

func newSweep(responses domain.Responses) *domain.SweepErased {
	return domain.NewSweepErased(responses, time.Now)
}

func newHolds(p *pools) (*fusillade.Holds, error) { return fusillade.NewHolds(p.fusillade.Primary) }

func newHoldCases(holds domain.Holds) httpapi.Holds {
	return httpapi.Holds{
		Place: domain.NewPlaceHold(holds, time.Now), List: domain.NewListHolds(holds),
		Get: domain.NewGetHold(holds), Release: domain.NewReleaseHold(holds),
	}
}

func newUsage(p *pools, places *places) (*analytics.UsageRecords, error) {
	usage, err := analytics.New(p.main)
	if err != nil {
		return nil, err
	}
	usage.WithLedger(places.ledger.Load)
	return usage, nil
}

func newPeople(lc fx.Lifecycle, p *pools, log *slog.Logger) (*users.People, error) {
	people, err := users.New(p.main, log)
	if err != nil {
		return nil, err
	}
	lc.Append(fx.StopHook(people.Close))
	return people, nil
}

func newAuth(cfg *Config) (*auth.Reader, error) {
	return auth.New(auth.Config{
		SessionSecret:   []byte(cfg.Auth.SessionSecret),
		SessionCookie:   cfg.Auth.SessionCookie,
		ProxyHeaders:    cfg.Auth.ProxyHeaders,
		ProxyUserHeader: cfg.Auth.ProxyUserHeader,
		ProxyTrusted:    cfg.Auth.ProxyTrusted,

		ProxySecret: []byte(cfg.Auth.ProxySecret), ProxySecretHeader: cfg.Auth.ProxySecretHeader,
	})
}

// readiness says whether requests can be answered.
type readiness struct {
	pools    *pools
	schemas  inspect.Schemas
	rollback *rollbackGuard
	places   *places
	work     *background
	asked    singleflight.Group
	stopping chan struct{} // closed when the service stops
}

func newReadiness(p *pools, db *Databases, rollback *rollbackGuard, places *places, work *background) *readiness {
	return &readiness{pools: p, schemas: db.schemas, rollback: rollback, places: places, work: work, stopping: make(chan struct{})}
}

// check asks each database whether it takes changes, and for its tables and the
// role's privileges on them, which is a query each, and then whether its log is as new as what was
// seen of it, which is another; now and then whether it holds what is not
// served; and, until it was so once, whether the migrations are as new as this
// program. A replica that is away is none to wait for: reads turn to the
// primary.
func (r *readiness) check(ctx context.Context) error {
	select {
	case <-r.stopping:
		return domain.Errorf(domain.CodeUnavailable, "The service is stopping")
	default:
	}
	// Anybody may ask, and as often as they like: one look at a time is for all
	// who ask meanwhile, and lives on where one of them leaves.
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
	// First, as tables may be missing for the same reason.
	if err := r.places.check(ctx); err != nil {
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
		return domain.Errorf(domain.CodeUnavailable, "The database is not as needed: %s; run `lethe doctor`, which says what to do", firstOf(missing))
	}
	if err := r.work.upToDate(ctx); err != nil {
		return err
	}
	return r.rollback.check(ctx)
}

// firstOf is the first of what is missing, and how much else is.
func firstOf(missing []string) string {
	if others := len(missing) - 1; others > 0 {
		return fmt.Sprintf("%s, and %d more", missing[0], others)
	}
	return missing[0]
}

// primaries are the databases without which nothing is answered.
func (r *readiness) primaries() []*postgres.DB {
	if r.pools.main.Primary == r.pools.fusillade.Primary {
		return []*postgres.DB{r.pools.main.Primary}
	}
	return []*postgres.DB{r.pools.main.Primary, r.pools.fusillade.Primary}
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

// missingCopies is missing of raw copies in a database of their own. That it is
// away keeps nothing from being read.
func (r *readiness) missingCopies(ctx context.Context) ([]string, error) {
	if r.pools.outlet == nil {
		return nil, nil
	}
	return lacking(ctx, r.pools.outlet, inspect.Requirements(r.schemas, inspect.Outlet))
}

func newHandler(id identity, list *domain.ListResponses, get *domain.GetResponse, erase *domain.EraseResponse,
	receipt *domain.GetReceipt, readLog *domain.ReadLog, erasures httpapi.Erasures, holds httpapi.Holds, retention httpapi.Retention, accessLog *domain.ListAccessLog,
	credentials *auth.Reader, ready *readiness, rollback *rollbackGuard, places *places, metrics *telemetry.Metrics, export *telemetry.Export, cfg *Config, log *slog.Logger,
) (http.Handler, error) {
	// One connection for bulk work is for what goes on in the background.
	config := httpapi.Config{Requests: httpapi.MaxRequests(cfg.Database.MaxConns), Estimates: max(1, postgres.BulkOf(cfg.Database.MaxConns)-1)}
	handler, err := httpapi.New(config, httpapi.Deps{
		Identify: id.now, IdentifyReader: id.reader, List: list, Get: get, Erase: erase,
		Receipt: receipt, ReadLog: readLog, Erasures: erasures, Holds: holds, Retention: retention, AccessLog: accessLog,
		Credentials: credentials.Read, Ready: ready.check, Stopping: ready.stopping,
		ForHolds: func(ctx context.Context) context.Context { return postgres.For(ctx, postgres.Holds) },
		By:       postgres.By,
		Metrics:  metrics.Handler(), Observe: metrics.Observe, Log: log,
	})
	if err != nil {
		return nil, err
	}
	paths, err := contractPaths()
	if err != nil {
		return nil, err
	}
	open := httpapi.CloseWhile(export.Handler(handler, paths), log, rollback.reason, places.reason)
	return httpapi.Admit(open, config.Requests, httpapi.ByCredentials(credentials.Read), postgres.By, metrics.Refuse, log), nil
}

// listener is the service's open door.
type listener struct {
	failed chan error // receives why it stopped listening by itself
}

func newListener(lc fx.Lifecycle, cfg *Config, handler http.Handler, ready *readiness, log *slog.Logger, listening readyFunc) *listener {
	l := &listener{failed: make(chan error, 1)}
	server := httpapi.Server(cfg.HTTPAddr, handler, log)
	lc.Append(fx.Hook{
		OnStart: func(ctx context.Context) error {
			socket, err := listen(ctx, cfg.HTTPAddr, "http.addr")
			if err != nil {
				return err
			}
			go func() {
				if err := server.Serve(socket); !errors.Is(err, http.ErrServerClosed) {
					l.failed <- fmt.Errorf("the service stopped listening: %w", err)
				}
			}()
			addr := socket.Addr().String()
			log.Info("listening", "addr", addr, "version", BuildVersion().Version)
			listening(addr)
			return nil
		},
		OnStop: func(ctx context.Context) error {
			close(ready.stopping)
			ctx, cancel := context.WithTimeout(ctx, drainTimeout)
			defer cancel()
			if err := server.Shutdown(ctx); err != nil {
				return errors.Join(fmt.Errorf("requests were still running after %s and have been cut off", drainTimeout), server.Close())
			}
			return nil
		},
	})
	return l
}

// reportMissing logs once what a given database lacks. It holds up nothing.
func reportMissing(lc fx.Lifecycle, ready *readiness, worries *worries, log *slog.Logger) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	lc.Append(fx.Hook{
		OnStart: func(context.Context) error {
			go func() {
				defer close(done)
				missing, err := ready.missing(ctx)
				switch {
				case ctx.Err() != nil:
				case err != nil:
					worries.report(ctx, slog.LevelWarn, "it could not be looked whether the database is as needed", err)
				case len(missing) > 0:
					log.Error("the database is not as needed; run `lethe doctor` for what to do", "missing", firstOf(missing))
				}
				missing, err = ready.missingCopies(ctx)
				switch {
				case ctx.Err() != nil:
				case err != nil:
					worries.report(ctx, slog.LevelWarn, "it could not be looked whether the database of raw copies is as needed", err)
				case len(missing) > 0:
					log.Error("the database of raw copies is not as needed, so nothing can be erased; run `lethe doctor` for what to do", "missing", firstOf(missing))
				}
			}()
			return nil
		},
		OnStop: func(context.Context) error {
			cancel()
			<-done
			return nil
		},
	})
}

// lacking says what a database lacks, and its role, in two queries.
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
