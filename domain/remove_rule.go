package domain

import (
	"context"

	"github.com/google/uuid"
)

// RemoveRule ends a retention rule. It stays as a record.
type RemoveRule struct {
	retention Retention
}

// NewRemoveRule makes the use case.
func NewRemoveRule(retention Retention) *RemoveRule { return &RemoveRule{retention} }

// Execute removes the rule; a run that is not over erases nothing more. One that
// has been removed already stays as it was. CodeForbidden for those who may not
// decide about retention, CodeNotFound where there is no such rule.
func (u *RemoveRule) Execute(ctx context.Context, caller Principal, id uuid.UUID) error {
	if !caller.mayRetain() {
		return errRuleForbidden("Remove")
	}
	return ruleError(id, u.retention.Remove(ctx, id, caller.ID))
}
