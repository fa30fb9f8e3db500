package serve

import (
	"context"
	"errors"

	"lethe/adapters/postgres/accesslog"
	"lethe/adapters/postgres/analytics"
	"lethe/adapters/postgres/events"
	"lethe/adapters/postgres/fusillade"
	"lethe/adapters/postgres/subjects"
	"lethe/adapters/postgres/translog"
	"lethe/adapters/telemetry"
	"lethe/app/boot"
	"lethe/app/config"
	"lethe/domain"
)

// stores are the stores in the databases. They count erasures for metrics.
type stores struct {
	responses domain.Responses
	contents  domain.ContentsReader
	orphans   domain.Orphans
	erasures  domain.Erasures
	tally     func(context.Context) ([]fusillade.Tally, error)
	holds     *fusillade.Holds
	subjects  *subjects.SubjectRequests
	events    *events.Events
	retention domain.Retention
	nextRules func(ctx context.Context, limit int) ([]domain.DueRule, error)
	usage     *analytics.UsageRecords
	accessLog *accesslog.Log
	log       domain.Log
}

func newStores(p *pools, cfg *config.Config, db *boot.Databases, sign *boot.Signing, places *boot.Places,
	rollback *rollbackGuard, l *translog.Log, metrics *telemetry.ErasureMetrics,
) (*stores, error) {
	copies, noCopies := newCopies(p)
	issuer := places.Issuer(sign.Origin)
	issuer.Estimates = fusillade.NewEstimates()
	responses, noResponses := newResponses(p, copies, cfg, db, issuer, places)
	erasures, noErasures := newErasures(p, copies, cfg, issuer, places)
	holds, noHolds := fusillade.NewHolds(p.fusillade.Primary)
	asked, noSubjects := subjects.New(p.fusillade.Primary)
	happened, noEvents := events.New(p.fusillade.Primary)
	retention, noRetention := fusillade.NewRetention(p.fusillade.Primary)
	usage, noUsage := analytics.New(p.main)
	accessLog, noAccessLog := accesslog.New(p.fusillade.Primary)
	if err := errors.Join(noCopies, noResponses, noErasures, noHolds, noSubjects, noEvents, noRetention, noUsage, noAccessLog); err != nil {
		return nil, err
	}
	usage.WithLedger(places.Ledger)
	older := func(context.Context) *domain.Error { return rollback.older.Load() }
	return &stores{
		responses: countedResponses{responses, metrics},
		contents:  responses,
		orphans:   countedOrphans{responses, metrics},
		erasures:  countedErasures{erasures, []func(context.Context) *domain.Error{older, places.Reason}, metrics},
		tally:     erasures.Tally,
		holds:     holds, subjects: asked, events: happened, retention: countedRules{retention, metrics}, nextRules: retention.Next, usage: usage, accessLog: accessLog,
		log: countedLog{l, metrics},
	}, nil
}

// newCopies gives access to raw copies in their own database; nil: they have none.
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

func newResponses(p *pools, copies *fusillade.Copies, cfg *config.Config, db *boot.Databases, issuer fusillade.Issuer, places *boot.Places) (*fusillade.Responses, error) {
	responses, err := fusillade.New(p.fusillade, cfg.Outlet.Schema, !db.Apart(), issuer)
	if err != nil {
		return nil, err
	}
	responses.WithCopies(copies)
	responses.WithLedger(places.Ledger)
	responses.WithKnown(places.Known)
	responses.WithArsenal(places.Arsenal, places.Retained)
	return responses, nil
}

func newErasures(p *pools, copies *fusillade.Copies, cfg *config.Config, issuer fusillade.Issuer, places *boot.Places) (*fusillade.Erasures, error) {
	erasures, err := fusillade.NewErasures(p.fusillade.Primary, cfg.Outlet.Schema, issuer)
	if err != nil {
		return nil, err
	}
	erasures.WithCopies(copies)
	erasures.WithKnown(places.Known)
	if p.main.Primary != p.fusillade.Primary {
		erasures.WithMain(p.main.Primary)
	}
	return erasures, nil
}
