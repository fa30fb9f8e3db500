package domain

import (
	"context"

	"github.com/google/uuid"
)

// GetRule fetches one retention rule.
type GetRule struct {
	retention Retention
}

// NewGetRule makes the use case.
func NewGetRule(retention Retention) *GetRule { return &GetRule{retention} }

// Execute returns the rule, a removed one too. CodeForbidden for those who may
// not decide about retention, CodeNotFound where there is none.
func (u *GetRule) Execute(ctx context.Context, caller Principal, id uuid.UUID) (RetentionRule, error) {
	if !caller.mayRetain() {
		return RetentionRule{}, errRuleForbidden("Read")
	}
	rule, err := u.retention.Get(ctx, id)
	return rule, ruleError(id, err)
}

// Version returns what the rule said in a version of it, which receipts name.
// CodeForbidden as of Execute, CodeNotFound where there is no such version.
func (u *GetRule) Version(ctx context.Context, caller Principal, id uuid.UUID, version int64) (RetentionVersion, error) {
	if !caller.mayRetain() {
		return RetentionVersion{}, errRuleForbidden("Read")
	}
	v, err := u.retention.Version(ctx, id, version)
	if CodeOf(err) == CodeNotFound {
		return RetentionVersion{}, Errorf(CodeNotFound, "Version %d of the retention rule with ID %s not found", version, id)
	}
	return v, err
}
