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

// CreateRule makes a retention rule. It erases nothing until it is enabled.
type CreateRule struct {
	retention Retention
	now       func() time.Time
}

// NewCreateRule makes the use case; now is the clock.
func NewCreateRule(retention Retention, now func() time.Time) *CreateRule {
	return &CreateRule{retention, now}
}

// Execute stores the rule and returns it. CodeForbidden for those who may not
// decide about retention; CodeInvalid where the name is blank or longer than
// MaxRuleName characters, the age, the times or the bound are not within
// theirs, or the filter has a list that is empty, has more than MaxHeld entries
// or a word that nothing can pass.
func (u *CreateRule) Execute(ctx context.Context, caller Principal, r RuleRequest) (RetentionRule, error) {
	if !caller.mayRetain() {
		return RetentionRule{}, errRuleForbidden("Create")
	}
	terms, err := r.terms()
	if err != nil {
		return RetentionRule{}, err
	}
	now := toMicroseconds(u.now())
	return u.retention.Create(ctx, RetentionRule{
		ID: uuid.New(), CreatedAt: now, CreatedBy: caller.ID,
		RetentionVersion: RetentionVersion{Version: firstVersion, RetentionTerms: terms, ChangedAt: now, ChangedBy: caller.ID},
	})
}

// terms are what is asked for, in its one spelling.
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
