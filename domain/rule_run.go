package domain

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"
)

// RunRules starts the runs of retention rules that are due.
type RunRules struct {
	retention RuleRunner
	jobs      Jobs
	now       func() time.Time
	log       *slog.Logger
}

// NewRunRules returns the use case; now is the clock. log receives which runs were
// started, and which were not.
func NewRunRules(retention RuleRunner, jobs Jobs, now func() time.Time, log *slog.Logger) *RunRules {
	return &RunRules{retention, jobs, now, log}
}

// Execute starts what is due. Any number of missed times counts as one. The error
// joins those of all rules whose runs could not start; it does not stop the other
// rules.
func (u *RunRules) Execute(ctx context.Context) error {
	now := ToMicroseconds(u.now())
	due, err := u.retention.Due(ctx, now, rulesAtOnce)
	errs := []error{err}
	for _, id := range due {
		rule, outcome, err := u.retention.Start(ctx, id, now, func(r RetentionRule) (Erasure, time.Time) {
			return r.run(now), r.next(now)
		})
		switch {
		case err != nil:
			errs = append(errs, err)
		case outcome == RunSkipped:
			u.log.WarnContext(ctx, "Retention run skipped: the previous run is not over",
				"rule", id, "version", rule.Version, "running", rule.LastRun.Erasure, "next_run_at", rule.NextRunAt)
		case outcome == RunStarted:
			u.log.InfoContext(ctx, "Retention run started",
				"rule", id, "version", rule.Version, "erasure", rule.LastRun.Erasure, "next_run_at", rule.NextRunAt)
			enqueue(ctx, u.jobs, u.log, rule.LastRun.Erasure)
		}
	}
	return errors.Join(errs...)
}

// ended are the final states.
var ended = []string{"completed", "failed", "canceled"}

// target selects what is old enough at now.
func (t RetentionTerms) target(now time.Time) ErasureTarget {
	before := now.Add(-time.Duration(t.AgeDays) * 24 * time.Hour)
	f := ResponseFilter{States: t.Filter.States, Models: t.Filter.Models, Tiers: t.Filter.Tiers, CreatedBefore: &before}
	if f.States == nil {
		f.States = ended
	}
	for _, owner := range t.Filter.Owners {
		f.Owners = append(f.Owners, owner.String())
	}
	return ErasureTarget{Filter: &f}
}

// next returns the first time after now at which the rule runs.
func (t RetentionTerms) next(now time.Time) time.Time {
	midnight := now.UTC().Truncate(24 * time.Hour)
	for _, at := range t.RunAt {
		if run := midnight.Add(time.Duration(at) * time.Minute); run.After(now) {
			return run
		}
	}
	return midnight.Add(24*time.Hour + time.Duration(t.RunAt[0])*time.Minute)
}

// run returns the erasure that the rule starts now. Nobody asked for it, so nobody
// gets the secret of its receipts.
func (r RetentionRule) run(now time.Time) Erasure {
	target := r.target(now)
	return Erasure{
		ID: uuid.New(), Trigger: TriggerRetention, Rule: &RuleVersion{r.ID, r.Version},
		Kind: TargetFilter, Target: &target, AsOf: *target.Filter.CreatedBefore, Max: r.MaxPerRun,
		Ground: GroundRetention, RequestedAt: now, Role: ActorSystem, State: ErasurePending,
	}
}
