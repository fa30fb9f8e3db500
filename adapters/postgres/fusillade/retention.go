package fusillade

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

// Retention stores rules in schema lethe beside fusillade's tables.
type Retention struct {
	db *postgres.DB
}

var _ domain.Retention = (*Retention)(nil)

// NewRetention makes the port on the primary of fusillade's database.
func NewRetention(db *postgres.DB) (*Retention, error) {
	if db == nil {
		return nil, errors.New("retention needs a database")
	}
	return &Retention{db}, nil
}

var errOtherRule = domain.Errorf(domain.CodeConflict, "the retention rule has changed")

// Create makes three round trips.
func (r *Retention) Create(ctx context.Context, rule domain.RetentionRule) (domain.RetentionRule, error) {
	err := r.db.Tx(ctx, func(tx *postgres.Tx) error {
		q := dbsqlc.New(tx)
		if err := q.Durably(ctx); err != nil {
			return err
		}
		if err := q.AddRuleVersion(ctx, versionParams(rule.ID, rule.RetentionVersion)); err != nil {
			return err
		}
		return q.AddRule(ctx, dbsqlc.AddRuleParams{ID: rule.ID, Version: rule.Version, CreatedAt: rule.CreatedAt, CreatedBy: rule.CreatedBy})
	})
	if err != nil {
		return domain.RetentionRule{}, err
	}
	return rule, nil
}

// Change makes five round trips, and waits for work in progress of the rule's run.
func (r *Retention) Change(ctx context.Context, id uuid.UUID, v domain.RetentionVersion) (domain.RetentionRule, error) {
	return r.change(ctx, id, func(q *dbsqlc.Queries, rule *domain.RetentionRule, now time.Time) error {
		if rule.Version != v.Version-1 || rule.RemovedAt != nil {
			return errOtherRule
		}
		rule.RetentionVersion, rule.DryRun = v, nil
		if err := q.AddRuleVersion(ctx, versionParams(id, v)); err != nil {
			return err
		}
		return stop(ctx, q, rule, now)
	})
}

// RecordDryRun makes three round trips.
func (r *Retention) RecordDryRun(ctx context.Context, id uuid.UUID, version int64, d domain.DryRun) (domain.RetentionRule, error) {
	return r.change(ctx, id, func(_ *dbsqlc.Queries, rule *domain.RetentionRule, _ time.Time) error {
		if rule.Version != version || rule.RemovedAt != nil {
			return errOtherRule
		}
		rule.DryRun = &d
		return nil
	})
}

// Enable makes three round trips.
func (r *Retention) Enable(ctx context.Context, id uuid.UUID, decide func(domain.RetentionRule) (domain.RetentionRule, error)) (domain.RetentionRule, error) {
	return r.change(ctx, id, func(_ *dbsqlc.Queries, rule *domain.RetentionRule, _ time.Time) error {
		decided, err := decide(*rule)
		rule.Enabled, rule.Enabling, rule.NextRunAt = decided.Enabled, decided.Enabling, decided.NextRunAt
		return err
	})
}

// Disable makes four round trips, and waits for work in progress of the rule's run.
func (r *Retention) Disable(ctx context.Context, id uuid.UUID) (domain.RetentionRule, error) {
	return r.change(ctx, id, func(q *dbsqlc.Queries, rule *domain.RetentionRule, now time.Time) error {
		return stop(ctx, q, rule, now)
	})
}

// Remove makes as many round trips as Disable, and waits likewise.
func (r *Retention) Remove(ctx context.Context, id, by uuid.UUID) error {
	_, err := r.change(ctx, id, func(q *dbsqlc.Queries, rule *domain.RetentionRule, now time.Time) error {
		if rule.RemovedAt == nil {
			rule.RemovedAt, rule.RemovedBy = &now, &by
		}
		return stop(ctx, q, rule, now)
	})
	return err
}

// Start makes up to five round trips.
func (r *Retention) Start(ctx context.Context, id uuid.UUID, now time.Time, begin func(domain.RetentionRule) (domain.Erasure, time.Time)) (domain.RetentionRule, domain.RunOutcome, error) {
	var outcome domain.RunOutcome
	rule, err := r.change(ctx, id, func(q *dbsqlc.Queries, rule *domain.RetentionRule, _ time.Time) error {
		outcome = domain.RunNotDue
		if rule.NextRunAt == nil || rule.NextRunAt.After(now) {
			return nil
		}
		running, err := q.RunOfRule(ctx, id)
		if err != nil {
			return err
		}
		e, next := begin(*rule)
		rule.NextRunAt = &next
		if running {
			outcome, rule.SkippedAt = domain.RunSkipped, &now
			return nil
		}
		outcome, rule.LastRun = domain.RunStarted, &domain.RetentionRun{At: now, Version: rule.Version, Erasure: e.ID}
		p, err := createParams(e)
		if err != nil {
			return err
		}
		_, err = q.CreateErasure(ctx, p)
		return err
	})
	if err != nil {
		return domain.RetentionRule{}, domain.RunNotDue, err
	}
	return rule, outcome, nil
}

// change locks a rule, calls fn with it and the time, and stores what fn changed except
// the rule's versions.
func (r *Retention) change(ctx context.Context, id uuid.UUID, fn func(*dbsqlc.Queries, *domain.RetentionRule, time.Time) error) (rule domain.RetentionRule, err error) {
	err = r.db.Tx(ctx, func(tx *postgres.Tx) error {
		q := dbsqlc.New(tx)
		locked, err := q.LockRule(ctx, id)
		if err != nil {
			return err
		}
		row, err := q.Rule(ctx, id)
		if err != nil {
			return err
		}
		rule = ruleOf(row.LetheRetentionRule, row.LetheRetentionVersion)
		if err := fn(q, &rule, locked.Now); err != nil {
			return err
		}
		return q.UpdateRule(ctx, updateParams(rule))
	})
	if err != nil {
		return domain.RetentionRule{}, err
	}
	return rule, nil
}

// stop disables a rule and ends its current run, if any.
func stop(ctx context.Context, q *dbsqlc.Queries, rule *domain.RetentionRule, now time.Time) error {
	rule.Enabled, rule.Enabling, rule.NextRunAt = false, nil, nil
	return q.CancelRuns(ctx, dbsqlc.CancelRunsParams{RuleID: rule.ID, At: now})
}

// Get makes one round trip.
func (r *Retention) Get(ctx context.Context, id uuid.UUID) (domain.RetentionRule, error) {
	row, err := read(ctx, r.db, func(q *dbsqlc.Queries) (dbsqlc.RuleRow, error) { return q.Rule(ctx, id) })
	if err != nil {
		return domain.RetentionRule{}, err
	}
	return ruleOf(row.LetheRetentionRule, row.LetheRetentionVersion), nil
}

// Version makes one round trip.
func (r *Retention) Version(ctx context.Context, id uuid.UUID, version int64) (domain.RetentionVersion, error) {
	row, err := read(ctx, r.db, func(q *dbsqlc.Queries) (dbsqlc.LetheRetentionVersion, error) {
		return q.RuleVersion(ctx, dbsqlc.RuleVersionParams{ID: id, Version: version})
	})
	if err != nil {
		return domain.RetentionVersion{}, err
	}
	return versionOf(row), nil
}

// Page makes one round trip.
func (r *Retention) Page(ctx context.Context, q domain.RuleQuery) ([]domain.RetentionRule, error) {
	p := dbsqlc.RulesParams{Removed: q.Removed, PageSize: q.Limit}
	if q.After != nil {
		p.AfterCreatedAt, p.AfterID = &q.After.CreatedAt, &q.After.ID
	}
	rows, err := read(ctx, r.db, func(q *dbsqlc.Queries) ([]dbsqlc.RulesRow, error) { return q.Rules(ctx, p) })
	if err != nil {
		return nil, err
	}
	page := make([]domain.RetentionRule, len(rows))
	for i, row := range rows {
		page[i] = ruleOf(row.LetheRetentionRule, row.LetheRetentionVersion)
	}
	return page, nil
}

// Due makes one round trip.
func (r *Retention) Due(ctx context.Context, now time.Time, limit int) ([]uuid.UUID, error) {
	return read(ctx, r.db, func(q *dbsqlc.Queries) ([]uuid.UUID, error) {
		return q.DueRules(ctx, dbsqlc.DueRulesParams{Now: now, Max: int64(limit)})
	})
}

// Next returns the enabled rules, the next one first, at most limit. It makes one round
// trip.
func (r *Retention) Next(ctx context.Context, limit int) ([]domain.DueRule, error) {
	rows, err := read(ctx, r.db, func(q *dbsqlc.Queries) ([]dbsqlc.NextRulesRow, error) { return q.NextRules(ctx, int64(limit)) })
	rules := make([]domain.DueRule, len(rows))
	for i, row := range rows {
		rules[i] = domain.DueRule(row)
	}
	return rules, err
}

func versionParams(id uuid.UUID, v domain.RetentionVersion) dbsqlc.AddRuleVersionParams {
	p := dbsqlc.AddRuleVersionParams{
		RuleID: id, Version: v.Version, Name: v.Name,
		States: v.Filter.States, Models: v.Filter.Models, Tiers: v.Filter.Tiers, Owners: v.Filter.Owners,
		AgeDays: v.AgeDays, RunAt: make([]int32, len(v.RunAt)), MaxPerRun: v.MaxPerRun, ChangedAt: v.ChangedAt, ChangedBy: v.ChangedBy,
	}
	for i, at := range v.RunAt {
		p.RunAt[i] = int32(at)
	}
	return p
}

func versionOf(row dbsqlc.LetheRetentionVersion) domain.RetentionVersion {
	v := domain.RetentionVersion{
		Version: row.Version, ChangedAt: row.ChangedAt, ChangedBy: row.ChangedBy,
		RetentionTerms: domain.RetentionTerms{
			Name: row.Name, AgeDays: row.AgeDays, MaxPerRun: row.MaxPerRun, RunAt: make([]domain.TimeOfDay, len(row.RunAt)),
			Filter: domain.RetentionFilter{States: row.States, Models: row.Models, Tiers: row.Tiers, Owners: row.Owners},
		},
	}
	for i, at := range row.RunAt {
		v.RunAt[i] = domain.TimeOfDay(at)
	}
	return v
}

func updateParams(r domain.RetentionRule) dbsqlc.UpdateRuleParams {
	p := dbsqlc.UpdateRuleParams{
		ID: r.ID, Version: r.Version, NextRunAt: r.NextRunAt, SkippedAt: r.SkippedAt, RemovedAt: r.RemovedAt, RemovedBy: r.RemovedBy,
	}
	if d := r.DryRun; d != nil {
		p.DryRunAt = &d.At
		p.DryRunCounts = []int64{d.Responses, d.Requests, d.Steps, d.Templates, d.RawRequests, d.RawResponses, d.Tasks, d.Held, 0, d.Files, d.KeptTemplates, d.Retained}
		if d.Partial {
			p.DryRunCounts[8] = 1
		}
	}
	if e := r.Enabling; e != nil {
		p.EnabledBy, p.EnabledAt, p.ApproveBy, p.ApprovedBy, p.ApprovedAt = &e.By, &e.At, e.ApproveBy, e.ApprovedBy, e.ApprovedAt
	}
	if run := r.LastRun; run != nil {
		p.LastRunAt, p.LastVersion, p.LastErasureID = &run.At, &run.Version, &run.Erasure
	}
	return p
}

func ruleOf(row dbsqlc.LetheRetentionRule, v dbsqlc.LetheRetentionVersion) domain.RetentionRule {
	r := domain.RetentionRule{
		ID: row.ID, RetentionVersion: versionOf(v), Enabled: row.NextRunAt != nil, CreatedAt: row.CreatedAt, CreatedBy: row.CreatedBy,
		NextRunAt: row.NextRunAt, SkippedAt: row.SkippedAt, RemovedAt: row.RemovedAt, RemovedBy: row.RemovedBy,
	}
	if n := row.DryRunCounts; row.DryRunAt != nil && len(n) == 12 {
		r.DryRun = &domain.DryRun{At: *row.DryRunAt, Estimate: domain.Estimate{
			Responses: n[0], Requests: n[1], Steps: n[2], Templates: n[3], RawRequests: n[4], RawResponses: n[5], Tasks: n[6], Held: n[7], Partial: n[8] == 1,
			Files: n[9], KeptTemplates: n[10], Retained: n[11],
		}}
	}
	if row.EnabledBy != nil && row.EnabledAt != nil {
		r.Enabling = &domain.RuleEnabling{By: *row.EnabledBy, At: *row.EnabledAt, ApproveBy: row.ApproveBy, ApprovedBy: row.ApprovedBy, ApprovedAt: row.ApprovedAt}
	}
	if row.LastRunAt != nil && row.LastVersion != nil && row.LastErasureID != nil {
		r.LastRun = &domain.RetentionRun{At: *row.LastRunAt, Version: *row.LastVersion, Erasure: *row.LastErasureID}
	}
	return r
}
