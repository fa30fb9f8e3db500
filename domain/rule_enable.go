package domain

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/google/uuid"
)

// EnableRule lets a retention rule run.
type EnableRule struct {
	retention RuleWriter
	now       func() time.Time
}

// NewEnableRule returns the use case; now is the clock.
func NewEnableRule(retention RuleWriter, now func() time.Time) *EnableRule {
	return &EnableRule{retention, now}
}

// Execute enables this version of the rule and returns it: it erases from its next
// set time on. An enabled rule stays as it is. CodeForbidden for those who may not
// decide about retention; CodeInvalid if the version is not 1 or more; CodeNotFound
// if there is no such rule; CodeConflict if it has another version by now, has had no
// dry run in this one, or has been removed.
func (u *EnableRule) Execute(ctx context.Context, caller Principal, id uuid.UUID, version int64) (RetentionRule, error) {
	if !caller.mayRetain() {
		return RetentionRule{}, errRuleForbidden("Enable")
	}
	rule, err := ruleOf(ctx, u.retention, id, version)
	switch {
	case err != nil:
		return RetentionRule{}, err
	case rule.DryRun == nil:
		return RetentionRule{}, Errorf(CodeConflict, "Retention rule with ID %s has no dry run of version %d; make one, check its counts, then enable the rule", id, version)
	}
	rule, err = u.retention.Enable(ctx, id, version, rule.next(u.now()))
	return rule, ruleError(id, err)
}

// DisableRule keeps a retention rule from running.
type DisableRule struct {
	retention RuleWriter
}

// NewDisableRule returns the use case.
func NewDisableRule(retention RuleWriter) *DisableRule { return &DisableRule{retention} }

// Execute disables the rule and returns it; a run in progress erases nothing more. A
// rule that is not enabled stays as it is, also a removed one. CodeForbidden for
// those who may not decide about retention, CodeNotFound if there is no such rule.
func (u *DisableRule) Execute(ctx context.Context, caller Principal, id uuid.UUID) (RetentionRule, error) {
	if !caller.mayRetain() {
		return RetentionRule{}, errRuleForbidden("Disable")
	}
	rule, err := u.retention.Disable(ctx, id)
	return rule, ruleError(id, err)
}

// DryRunRule counts what a retention rule would erase.
type DryRunRule struct {
	retention RuleWriter
	erasures  Estimator
	now       func() time.Time
}

// NewDryRunRule returns the use case; now is the clock.
func NewDryRunRule(retention RuleWriter, erasures Estimator, now func() time.Time) *DryRunRule {
	return &DryRunRule{retention, erasures, now}
}

// Execute counts what runs of the rule would erase in total if it ran now, stores
// that with the rule and returns it. It erases nothing. CodeForbidden for those who
// may not decide about retention; CodeNotFound if there is no such rule; CodeConflict
// if it has been removed, or changed during the count.
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
	now := ToMicroseconds(u.now())
	e := rule.run(now)
	estimate, err := u.erasures.Estimate(ctx, *e.Target, e.Scope, e.AsOf)
	if err != nil {
		return RetentionRule{}, err
	}
	estimate.Sum, estimate.Counted = [sha256.Size]byte{}, nil
	rule, err = u.retention.RecordDryRun(ctx, id, rule.Version, DryRun{At: now, Estimate: estimate})
	return rule, ruleError(id, err)
}
