package domain

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// ChangeRule makes a new version of a retention rule.
type ChangeRule struct {
	retention Retention
	now       func() time.Time
}

// NewChangeRule makes the use case; now is the clock.
func NewChangeRule(retention Retention, now func() time.Time) *ChangeRule {
	return &ChangeRule{retention, now}
}

// Execute puts the request in the place of this version of the rule, and returns
// the next one: not enabled, and to be tried by a dry run first. A run of the
// version before erases nothing more from then on. CodeForbidden and CodeInvalid
// as of CreateRule, and CodeInvalid where the version is not 1 or more;
// CodeNotFound where there is no such rule, CodeConflict where it has another
// version by now or has been removed.
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
		Version: version + 1, RetentionTerms: terms, ChangedAt: toMicroseconds(u.now()), ChangedBy: caller.ID,
	})
	return rule, ruleError(id, err)
}

// ruleOf is a rule that is to be of this version and not removed.
func ruleOf(ctx context.Context, retention Retention, id uuid.UUID, version int64) (RetentionRule, error) {
	if version < firstVersion {
		return RetentionRule{}, errParameter("version", "version: must be the one that the rule had when you read it, 1 or more")
	}
	rule, err := retention.Get(ctx, id)
	switch {
	case err != nil:
		return RetentionRule{}, ruleError(id, err)
	case rule.RemovedAt != nil:
		return RetentionRule{}, errRuleRemoved(id)
	case rule.Version != version:
		return RetentionRule{}, Errorf(CodeConflict, "Retention rule with ID %s has version %d by now, not %d; read it and decide again", id, rule.Version, version)
	}
	return rule, nil
}

func errRuleRemoved(id uuid.UUID) *Error {
	return Errorf(CodeConflict, "Retention rule with ID %s has been removed; create another one", id)
}

// toMicroseconds is a time as the database keeps it.
func toMicroseconds(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
