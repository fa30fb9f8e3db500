package domain

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
)

// CreateRule creates a retention rule. It erases nothing until it is enabled.
type CreateRule struct {
	retention RuleWriter
	now       func() time.Time
}

// NewCreateRule returns the use case; now is the clock.
func NewCreateRule(retention RuleWriter, now func() time.Time) *CreateRule {
	return &CreateRule{retention, now}
}

// Execute stores the rule and returns it. CodeForbidden for those who may not decide
// about retention; CodeInvalid if the name is blank or longer than MaxRuleName
// characters, the age, the times or the maximum are out of range, or the filter has a
// list that is empty or has more than MaxHeld entries, or a word that nothing can
// pass.
func (u *CreateRule) Execute(ctx context.Context, caller Principal, r RuleRequest) (RetentionRule, error) {
	if !caller.mayRetain() {
		return RetentionRule{}, errRuleForbidden("Create")
	}
	terms, err := r.terms()
	if err != nil {
		return RetentionRule{}, err
	}
	now := ToMicroseconds(u.now())
	return u.retention.Create(ctx, RetentionRule{
		ID: uuid.New(), CreatedAt: now, CreatedBy: caller.ID,
		RetentionVersion: RetentionVersion{Version: firstVersion, RetentionTerms: terms, ChangedAt: now, ChangedBy: caller.ID},
	})
}

// terms returns the requested terms in canonical form.
func (r RuleRequest) terms() (RetentionTerms, error) {
	t := RetentionTerms{
		Name: strings.TrimSpace(r.Name), Filter: r.Filter, AgeDays: r.AgeDays,
		RunAt: slices.Compact(slices.Sorted(slices.Values(r.RunAt))), MaxPerRun: DefaultMaxPerRun,
	}
	if r.MaxPerRun != nil {
		t.MaxPerRun = *r.MaxPerRun
	}
	switch n := utf8.RuneCountInString(t.Name); {
	case n == 0 || n > MaxRuleName || !Storable(t.Name):
		return RetentionTerms{}, errParameter("name", fmt.Sprintf("name: must have 1 to %d characters, not all of them spaces, and no NUL", MaxRuleName))
	case t.AgeDays < 1 || t.AgeDays > MaxAgeDays:
		return RetentionTerms{}, errParameter("age_days", fmt.Sprintf("age_days: must be 1 to %d", MaxAgeDays))
	case len(t.RunAt) < 1 || len(t.RunAt) > MaxRunsADay:
		return RetentionTerms{}, errParameter("run_at", fmt.Sprintf("run_at: must have 1 to %d times of day", MaxRunsADay))
	case t.MaxPerRun < 1 || t.MaxPerRun > MaxPerRun:
		return RetentionTerms{}, errParameter("max_per_run", fmt.Sprintf("max_per_run: must be 1 to %d", MaxPerRun))
	case t.Filter.Owners != nil && !listable(len(t.Filter.Owners)):
		return RetentionTerms{}, errEntries("filter.owners")
	}
	return t, checkWords("filter", t.Filter.States, t.Filter.Models, t.Filter.Tiers, nil, nil)
}

// ChangeRule creates a new version of a retention rule.
type ChangeRule struct {
	retention RuleWriter
	now       func() time.Time
}

// NewChangeRule returns the use case; now is the clock.
func NewChangeRule(retention RuleWriter, now func() time.Time) *ChangeRule {
	return &ChangeRule{retention, now}
}

// Execute replaces this version of the rule with the request, and returns the next
// version: not enabled, and without a dry run. From then on a run of the old version
// erases nothing more. CodeForbidden and CodeInvalid as in CreateRule, and
// CodeInvalid if the version is not 1 or more; CodeNotFound if there is no such rule;
// CodeConflict if it has another version by now or has been removed.
func (u *ChangeRule) Execute(ctx context.Context, caller Principal, id uuid.UUID, version int64, r RuleRequest) (RetentionRule, error) {
	if !caller.mayRetain() {
		return RetentionRule{}, errRuleForbidden("Change")
	}
	terms, err := r.terms()
	if err != nil {
		return RetentionRule{}, err
	}
	if _, err := ruleOf(ctx, u.retention, id, version); err != nil {
		return RetentionRule{}, err
	}
	rule, err := u.retention.Change(ctx, id, RetentionVersion{
		Version: version + 1, RetentionTerms: terms, ChangedAt: ToMicroseconds(u.now()), ChangedBy: caller.ID,
	})
	return rule, ruleError(id, err)
}

// ruleOf returns a rule, which must have this version and not be removed.
func ruleOf(ctx context.Context, retention RuleReader, id uuid.UUID, version int64) (RetentionRule, error) {
	rule, err := retention.Get(ctx, id)
	if err != nil {
		return RetentionRule{}, ruleError(id, err)
	}
	return rule, rule.mustHave(version)
}

// mustHave refuses another version than the rule's, and a removed rule.
func (r RetentionRule) mustHave(version int64) error {
	switch {
	case version < firstVersion:
		return errParameter("version", "version: must be the version of the rule that you read, 1 or more")
	case r.RemovedAt != nil:
		return errRuleRemoved(r.ID)
	case r.Version != version:
		return Errorf(CodeConflict, "Retention rule with ID %s now has version %d, not %d; read it and try again", r.ID, r.Version, version)
	}
	return nil
}

func errRuleRemoved(id uuid.UUID) *Error {
	return Errorf(CodeConflict, "Retention rule with ID %s has been removed; create a new one", id)
}

// RemoveRule ends a retention rule. The rule remains as a record.
type RemoveRule struct {
	retention RuleWriter
}

// NewRemoveRule returns the use case.
func NewRemoveRule(retention RuleWriter) *RemoveRule { return &RemoveRule{retention} }

// Execute removes the rule; a run in progress erases nothing more. A removed rule
// stays as it was. CodeForbidden for those who may not decide about retention,
// CodeNotFound if there is no such rule.
func (u *RemoveRule) Execute(ctx context.Context, caller Principal, id uuid.UUID) error {
	if !caller.mayRetain() {
		return errRuleForbidden("Remove")
	}
	return ruleError(id, u.retention.Remove(ctx, id, caller.ID))
}
