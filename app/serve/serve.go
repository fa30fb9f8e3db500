// Package serve is the service: Run puts its parts together (graph), listens, works
// in the background, and stops cleanly.
package serve

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"time"

	"go.uber.org/dig"
	"go.uber.org/fx"
	"go.uber.org/fx/fxevent"

	"lethe/adapters/auth"
	"lethe/adapters/httpapi"
	"lethe/adapters/postgres/analytics"
	"lethe/adapters/postgres/fusillade"
	"lethe/adapters/postgres/users"
	"lethe/app/boot"
	"lethe/app/config"
	"lethe/domain"
)

const (
	startTimeout = time.Minute
	drainTimeout = 30 * time.Second // for requests that are running when the service stops
	stopTimeout  = drainTimeout + 10*time.Second

	readyTimeout = 2 * time.Second

	heapBallast = 4 << 20
)

// Run runs the service until ctx ends, then lets running requests finish and
// stops; that is no error. ready, where not nil, is called with the address
// once the service listens. Without a configured database it runs the embedded
// one. A configured one may be away: the service starts, is not ready, and
// becomes so by itself.
func Run(ctx context.Context, cfg *config.Config, ready func(addr string)) error {
	log, err := boot.NewLogger(cfg)
	if err != nil {
		return err
	}
	if err := MayListen(ctx, cfg); err != nil {
		return err
	}
	db, err := boot.Open(ctx, cfg, logLines{log})
	if err != nil {
		return err
	}
	err = RunOn(ctx, cfg, db, log, ready)
	db.CloseInto(&err)
	return err
}

// RunOn runs the service on databases that are open.
func RunOn(ctx context.Context, cfg *config.Config, db *boot.Databases, log *slog.Logger, ready func(addr string)) (err error) {
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
	case <-db.Gone():
		err = errors.New("the embedded database has ended: see postgres/postgres.log in data_dir, then start again")
	}
	stop, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	return errors.Join(err, application.Stop(stop))
}

// graph is the parts of the service and how they hang together.
func graph(cfg *config.Config, db *boot.Databases, log *slog.Logger, ready func(addr string)) fx.Option {
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
			boot.NewSigning,
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

// logLines writes each line of progress to the log.
type logLines struct{ log *slog.Logger }

var _ io.Writer = logLines{}

func (l logLines) Write(line []byte) (int, error) {
	l.log.Info(strings.Join(strings.Fields(string(line)), " "))
	return len(line), nil
}

func newResponses(p *pools, copies *fusillade.Copies, cfg *config.Config, db *boot.Databases, s *boot.Signing, places *boot.Places) (*fusillade.Responses, error) {
	responses, err := fusillade.New(p.fusillade, cfg.Outlet.Schema, !db.Apart(), places.Issuer(s.Origin))
	if err != nil {
		return nil, err
	}
	responses.WithCopies(copies)
	responses.WithLedger(places.Ledger)
	responses.WithKnown(places.Known)
	responses.WithArsenal(places.Arsenal, places.Retained)
	return responses, nil
}

func newEraser(responses domain.Responses, log domain.Log, s *boot.Signing) *domain.EraseResponse {
	return domain.NewEraseResponse(responses, time.Now).Repeatable(domain.NewRepeats(log, s.RepeatSecrets()))
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

func newUsage(p *pools, places *boot.Places) (*analytics.UsageRecords, error) {
	usage, err := analytics.New(p.main)
	if err != nil {
		return nil, err
	}
	usage.WithLedger(places.Ledger)
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

func newAuth(cfg *config.Config) (*auth.Reader, error) {
	return auth.New(auth.Config{
		SessionSecret:   []byte(cfg.Auth.SessionSecret),
		SessionCookie:   cfg.Auth.SessionCookie,
		ProxyHeaders:    cfg.Auth.ProxyHeaders,
		ProxyUserHeader: cfg.Auth.ProxyUserHeader,
		ProxyTrusted:    cfg.Auth.ProxyTrusted,

		ProxySecret: []byte(cfg.Auth.ProxySecret), ProxySecretHeader: cfg.Auth.ProxySecretHeader,
	})
}
