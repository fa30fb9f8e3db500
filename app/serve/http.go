package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"go.uber.org/fx"

	"lethe/adapters/auth"
	"lethe/adapters/gate"
	"lethe/adapters/httpapi"
	"lethe/adapters/postgres"
	"lethe/adapters/postgres/jobs"
	"lethe/adapters/postgres/users"
	"lethe/adapters/telemetry"
	"lethe/app/boot"
	"lethe/app/config"
	"lethe/domain"
)

// newCases returns the use cases and the identification of callers.
func newCases(s *stores, j *jobs.Jobs, files *personFiles, people *gate.People, id identity, sign *boot.Signing, w watched, cfg *config.Config, log *slog.Logger) httpapi.Deps {
	// Erasures that finish before the response are so small that they need no pace.
	atOnce := domain.NewRunErasure(s.erasures, config.PerSecond(0).Pace(), time.Now)
	erase := domain.NewEraseResponse(s.responses, time.Now).Repeatable(domain.NewRepeats(s.log, sign.RepeatSecrets()))
	approval := domain.ApprovalLimits{Over: cfg.Erasure.ApprovalOver, Rules: cfg.Erasure.ApproveRules, Wait: cfg.Erasure.ApprovalWait}
	asked := domain.NewCheckSubjectRequest(s.subjects, s.erasures, files.rows, files.store != nil)
	return httpapi.Deps{
		Identify: id.now, IdentifyReader: id.reader,
		List:     domain.NewListResponses(s.responses, s.usage, people, log),
		Get:      domain.NewGetResponse(s.responses, s.usage, people, time.Now, log),
		Export:   domain.NewExportResponses(s.responses, s.contents, s.accessLog, s.usage, people, time.Now, log),
		Steps:    domain.NewListSteps(s.responses, s.usage, time.Now),
		Models:   domain.NewListModels(s.responses),
		Erase:    erase,
		GetWhole: domain.NewGetWholeResponse(s.responses), EraseWhole: domain.NewEraseWholeResponse(s.responses, erase),
		Receipt:       domain.NewGetReceipt(s.log),
		ReadLog:       domain.NewReadLog(s.log),
		AccessLog:     domain.NewListAccessLog(s.accessLog, people, log),
		Caller:        domain.NewGetCaller(people, log),
		Owners:        domain.NewFindOwners(people, s.responses),
		IdentifyOwner: domain.NewIdentifyOwner(people),
		Status:        domain.NewGetStatus(w, time.Now),
		Figures:       domain.NewGetFigures(s.responses, people, time.Now, log),
		Erasures: httpapi.Erasures{
			Preview: domain.NewPreviewErasure(s.erasures, time.Now), Start: domain.NewStartErasure(s.erasures, asked, atOnce, j, time.Now, log).
					Requiring(approval),
			List: domain.NewListErasures(s.erasures), Get: domain.NewGetErasure(s.erasures),
			Receipts: domain.NewListErasureReceipts(s.erasures), Cancel: domain.NewCancelErasure(s.erasures),
			Decide: domain.NewDecideErasure(s.erasures, time.Now),
		},
		Files: httpapi.PersonFiles{
			Start: domain.NewStartPersonFile(files.rows, asked, s.accessLog, j, files.store != nil, time.Now, log),
			List:  domain.NewListPersonFiles(files.rows), Get: domain.NewGetPersonFile(files.rows),
			Open: domain.NewOpenPersonFile(files.rows, files.store, s.accessLog, time.Now), Delete: domain.NewDeletePersonFile(files.rows, files.store),
		},
		Holds: httpapi.Holds{
			Place: domain.NewPlaceHold(s.holds, time.Now), List: domain.NewListHolds(s.holds),
			Get: domain.NewGetHold(s.holds), Release: domain.NewReleaseHold(s.holds),
		},
		Subjects: httpapi.Subjects{
			Open: domain.NewOpenSubjectRequest(s.subjects, time.Now), List: domain.NewListSubjectRequests(s.subjects),
			Get: domain.NewGetSubjectRequest(s.subjects, asked, time.Now), Process: domain.NewProcessSubjectRequest(s.subjects, asked, time.Now),
			Letter: domain.NewGetSubjectLetter(s.subjects, s.erasures, people),
		},
		Retention: httpapi.Retention{
			Create: domain.NewCreateRule(s.retention, time.Now), Change: domain.NewChangeRule(s.retention, time.Now),
			List: domain.NewListRules(s.retention), Get: domain.NewGetRule(s.retention),
			DryRun: domain.NewDryRunRule(s.retention, s.erasures, time.Now), Enable: domain.NewEnableRule(s.retention, approval, time.Now),
			Approve: domain.NewApproveRule(s.retention, people, time.Now),
			Disable: domain.NewDisableRule(s.retention), Remove: domain.NewRemoveRule(s.retention),
		},
	}
}

func newHandler(deps httpapi.Deps, ready *readiness, rollback *rollbackGuard, places *boot.Places,
	metrics *telemetry.Metrics, export *telemetry.Export, p *pools, keys boot.SessionKeys, cfg *config.Config, log *slog.Logger,
) (http.Handler, error) {
	credentials, err := auth.New(auth.Config{
		OwnSecrets:      keys,
		SessionSecret:   []byte(cfg.Auth.SessionSecret),
		SessionCookie:   cfg.Auth.SessionCookie,
		ProxyHeaders:    cfg.Auth.ProxyHeaders,
		ProxyUserHeader: cfg.Auth.ProxyUserHeader,
		ProxyTrusted:    cfg.Auth.ProxyTrusted,

		ProxySecret: []byte(cfg.Auth.ProxySecret), ProxySecretHeader: cfg.Auth.ProxySecretHeader,
	})
	if err != nil {
		return nil, err
	}
	deps.Credentials, deps.Ready, deps.Stopping = credentials.Read, ready.check, ready.stopping
	deps.SessionCookie, deps.IdleSession = credentials.SessionCookie, cfg.Auth.SessionIdle
	deps.Subjects.Words = httpapi.LetterWords{Controller: cfg.Privacy.Controller, Contact: cfg.Privacy.Contact, Authority: cfg.Privacy.Authority, Kept: cfg.Privacy.Kept}
	deps.ForHolds = func(ctx context.Context) context.Context { return postgres.For(ctx, postgres.Holds) }
	deps.By, deps.Metrics, deps.Observe, deps.Log = postgres.By, metrics.Handler(), metrics.Observe, log
	if cfg.Dashboard {
		profiles, err := users.NewProfiles(p.main.Primary)
		if err != nil {
			return nil, err
		}
		deps.Profile = domain.NewGetProfile(profiles)
	}
	// One connection for bulk work is reserved for the background.
	bounds := httpapi.Config{Requests: httpapi.MaxRequests(cfg.Database.MaxConns), Estimates: max(1, postgres.BulkOf(cfg.Database.MaxConns)-1), Searches: httpapi.SearchesOfOne(cfg.Database.MaxConns)}
	handler, err := httpapi.New(bounds, deps)
	if err != nil {
		return nil, err
	}
	paths, err := httpapi.Paths()
	if err != nil {
		return nil, err
	}
	open := httpapi.CloseWhile(export.Handler(handler, paths), log, rollback.reason, places.Reason)
	return httpapi.Admit(open, bounds.Requests, httpapi.ByCredentials(credentials.Read), postgres.By, metrics.Refuse, log), nil
}

// listener is the service's open socket.
type listener struct {
	failed chan error // receives why it stopped listening by itself
}

func newListener(lc fx.Lifecycle, cfg *config.Config, handler http.Handler, ready *readiness, log *slog.Logger, listening readyFunc) *listener {
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
			log.Info("Listening", "addr", addr, "version", boot.BuildVersion().Version)
			listening(addr)
			return nil
		},
		OnStop: func(ctx context.Context) error {
			close(ready.stopping)
			ctx, cancel := context.WithTimeout(ctx, drainTimeout)
			defer cancel()
			if err := server.Shutdown(ctx); err != nil {
				return errors.Join(fmt.Errorf("requests were still running after %s and were aborted", drainTimeout), server.Close())
			}
			return nil
		},
	})
	return l
}

// listen listens on the address of a setting. Its errors say what to do.
func listen(ctx context.Context, addr, key string) (net.Listener, error) {
	socket, err := new(net.ListenConfig).Listen(ctx, "tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("address %s is in use by another program: stop it, or choose another address with %s, such as %[2]s=127.0.0.1:8081", addr, config.EnvOf(key))
	case err != nil:
		return nil, fmt.Errorf("cannot listen on %s: %w: choose another address with %s", addr, err, config.EnvOf(key))
	}
	return socket, nil
}

// MayListen fails if one of the addresses is in use. It is called before anything else
// starts; the service listens only once it can answer requests.
func MayListen(ctx context.Context, cfg *config.Config) error {
	for key, addr := range map[string]string{"http.addr": cfg.HTTPAddr, "http.profile_addr": cfg.ProfileAddr} {
		if addr == "" {
			continue
		}
		socket, err := listen(ctx, addr, key)
		if err != nil {
			return err
		}
		_ = socket.Close()
	}
	return nil
}

// warnOfProxy logs a warning if the proxy's header is trusted without proof.
func warnOfProxy(cfg *config.Config, log *slog.Logger) {
	if worry := cfg.ProxyUnproven(); worry != "" {
		log.Warn(worry + ": " + config.ProxyAdvice)
	}
}
