package domain

import (
	"context"

	"github.com/google/uuid"
)

// GetRule fetches one retention rule.
type GetRule struct {
	retention RuleReader
}

// NewGetRule returns the use case.
func NewGetRule(retention RuleReader) *GetRule { return &GetRule{retention} }

// Execute returns the rule, also if it is removed. CodeForbidden for those who may
// not decide about retention, CodeNotFound if there is none.
func (u *GetRule) Execute(ctx context.Context, caller Principal, id uuid.UUID) (RetentionRule, error) {
	if !caller.mayRetain() {
		return RetentionRule{}, errRuleForbidden("Read")
	}
	rule, err := u.retention.Get(ctx, id)
	return rule, ruleError(id, err)
}

// Version returns what the rule said in a version that a receipt names. CodeForbidden
// as in Execute, CodeNotFound if there is no such version.
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

// RuleListRequest is a caller's request for the list of retention rules.
type RuleListRequest struct {
	Removed bool    // true: the removed rules; false: the others
	After   *Cursor // end of an earlier page of the same list
	Limit   *int64  // clamped to 1 to MaxLimit; nil: DefaultLimit
}

// ListRules lists retention rules.
type ListRules struct {
	retention RuleReader
}

// NewListRules returns the use case.
func NewListRules(retention RuleReader) *ListRules { return &ListRules{retention} }

// Execute returns a page, newest first. CodeForbidden for those who may not decide
// about retention; CodeInvalid if After belongs to another list.
func (u *ListRules) Execute(ctx context.Context, caller Principal, r RuleListRequest) (Page[RetentionRule], error) {
	if !caller.mayRetain() {
		return Page[RetentionRule]{}, errRuleForbidden("Read")
	}
	return pageOf(fingerprintOf(struct{ RemovedRules bool }{r.Removed}), r.After, r.Limit,
		func(after *Position, limit int64) ([]RetentionRule, error) {
			return u.retention.Page(ctx, RuleQuery{Removed: r.Removed, After: after, Limit: limit})
		}, RetentionRule.Position)
}
