package domain

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/google/uuid"
)

// DryRunRule counts what a retention rule would erase.
type DryRunRule struct {
	retention Retention
	erasures  Erasures
	now       func() time.Time
}

// NewDryRunRule makes the use case; now is the clock.
func NewDryRunRule(retention Retention, erasures Erasures, now func() time.Time) *DryRunRule {
	return &DryRunRule{retention, erasures, now}
}

// Execute counts what runs of the rule would erase in all if it ran now,
// stores that with the rule and returns it. Nothing is erased. CodeForbidden
// for those who may not decide about retention; CodeNotFound where there is no
// such rule, CodeConflict where it has been removed, or changed while its
// responses were counted.
func (u *DryRunRule) Execute(ctx context.Context, caller Principal, id uuid.UUID) (RetentionRule, error) {
	if !caller.mayRetain() {
		return RetentionRule{}, errRuleForbidden("Try")
	}
	rule, err := u.retention.Get(ctx, id)
	switch {
	case err != nil:
		return RetentionRule{}, ruleError(id, err)
	case rule.RemovedAt != nil:
		return RetentionRule{}, errRuleRemoved(id)
	}
	now := toMicroseconds(u.now())
	e := rule.run(now)
	estimate, err := u.erasures.Estimate(ctx, *e.Target, e.Scope, e.AsOf)
	if err != nil {
		return RetentionRule{}, err
	}
	estimate.Sum, estimate.Counted = [sha256.Size]byte{}, nil
	rule, err = u.retention.RecordDryRun(ctx, id, rule.Version, DryRun{At: now, Estimate: estimate})
	return rule, ruleError(id, err)
}
