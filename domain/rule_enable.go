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
	approval  ApprovalLimits
	now       func() time.Time
}

// NewEnableRule returns the use case; now is the clock.
func NewEnableRule(retention RuleWriter, approval ApprovalLimits, now func() time.Time) *EnableRule {
	return &EnableRule{retention, approval, now}
}

// Execute enables this version of the rule and returns it: it erases from its next
// set time on, or from the first one after its approval. An enabled rule stays as it
// is, and so does one that waits for approval. CodeForbidden for those who may not
// decide about retention; CodeInvalid if the version is not 1 or more; CodeNotFound
// if there is no such rule; CodeConflict if it has another version by now, has had no
// dry run in this one, or has been removed.
func (u *EnableRule) Execute(ctx context.Context, caller Principal, id uuid.UUID, version int64) (RetentionRule, error) {
	if !caller.mayRetain() {
		return RetentionRule{}, errRuleForbidden("Enable")
	}
	now := ToMicroseconds(u.now())
	return enableRule(ctx, u.retention, id, version, func(r RetentionRule) (RetentionRule, error) {
		switch {
		case r.DryRun == nil:
			return r, Errorf(CodeConflict, "Retention rule with ID %s has no dry run of version %d; make one, check its counts, then enable the rule", id, version)
		case r.Enabled, u.approval.Rules && r.Enabling.awaits(now):
			return r, nil
		}
		r.Enabling = &RuleEnabling{By: caller.ID, At: now}
		if u.approval.Rules {
			r.Enabling.ApproveBy = new(now.Add(u.approval.Wait))
			return r, nil
		}
		return r.enabled(now), nil
	})
}

// enableRule decides about this version of a rule; decide gets it as it is stored.
func enableRule(ctx context.Context, retention RuleWriter, id uuid.UUID, version int64, decide func(RetentionRule) (RetentionRule, error)) (RetentionRule, error) {
	rule, err := retention.Enable(ctx, id, func(r RetentionRule) (RetentionRule, error) {
		if err := r.mustHave(version); err != nil {
			return r, err
		}
		return decide(r)
	})
	if CodeOf(err) == CodeNotFound {
		return RetentionRule{}, ruleError(id, err)
	}
	return rule, err
}

func (r RetentionRule) enabled(now time.Time) RetentionRule {
	r.Enabled, r.NextRunAt = true, new(r.next(now))
	return r
}

// awaits reports whether somebody can approve it, if the rule is not enabled yet.
func (e *RuleEnabling) awaits(now time.Time) bool {
	return e != nil && now.Before(*e.ApproveBy)
}

// ApproveRule lets a retention rule run that somebody else has enabled.
type ApproveRule struct {
	retention RuleWriter
	people    People
	now       func() time.Time
}

// NewApproveRule returns the use case; now is the clock.
func NewApproveRule(retention RuleWriter, people People, now func() time.Time) *ApproveRule {
	return &ApproveRule{retention, people, now}
}

// Execute approves this version of the rule and returns it: it erases from its next
// set time on. An enabled rule stays as it is. CodeForbidden for those who may not
// decide about retention, and for the person who enabled it, with whatever key;
// CodeInvalid and CodeNotFound as in EnableRule; CodeConflict as there, and if nobody
// has enabled it, it has waited too long, or who enabled it may not any more.
func (u *ApproveRule) Execute(ctx context.Context, caller Principal, id uuid.UUID, version int64) (RetentionRule, error) {
	if !caller.mayRetain() {
		return RetentionRule{}, errRuleForbidden("Approve")
	}
	read, err := ruleOf(ctx, u.retention, id, version)
	if err != nil {
		return RetentionRule{}, err
	}
	var by uuid.UUID // whose right was looked up
	if read.Enabling != nil {
		by = read.Enabling.By
		person, err := presentPerson(ctx, u.people, by)
		if err != nil {
			return RetentionRule{}, err
		}
		if person == nil || !person.principal().mayRetain() {
			by = uuid.Nil
		}
	}
	now := ToMicroseconds(u.now())
	return enableRule(ctx, u.retention, id, version, func(r RetentionRule) (RetentionRule, error) {
		switch e := r.Enabling; {
		case r.Enabled:
			return r, nil
		case e == nil:
			return r, Errorf(CodeConflict, "Nobody has enabled the retention rule with ID %s; enable it, then somebody else can approve it", id)
		case e.By == caller.ID:
			return r, Errorf(CodeForbidden, "You enabled this retention rule, so somebody else who may decide about retention must approve it; you can disable it")
		case !e.awaits(now):
			return r, Errorf(CodeConflict, "Retention rule with ID %s has waited too long for approval; look at a new dry run and enable it again", id)
		case e.By != by:
			return r, Errorf(CodeConflict, "Who enabled the retention rule with ID %s may not decide about retention any more; enable it again, then somebody else can approve it", id)
		}
		e := *r.Enabling
		e.ApprovedBy, e.ApprovedAt = &caller.ID, &now
		r.Enabling = &e
		return r.enabled(now), nil
	})
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
