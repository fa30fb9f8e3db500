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

// RuleListRequest is what a caller asks of the list of retention rules.
type RuleListRequest struct {
	Removed bool    // those that have been removed, in the place of those that have not
	After   *Cursor // where an earlier page of the same list ended
	Limit   *int64  // brought into 1 to MaxLimit; nil: DefaultLimit
}

// RulePage is one page of rules; Limit is as it was applied.
type RulePage struct {
	Items []RetentionRule
	Next  *Cursor // where to go on; nil: nothing follows
	Limit int64
}

// ListRules lists retention rules.
type ListRules struct {
	retention Retention
}

// NewListRules makes the use case.
func NewListRules(retention Retention) *ListRules { return &ListRules{retention} }

// Execute returns a page, newest first. CodeForbidden for those who may not
// decide about retention; CodeInvalid where After belongs to another list.
func (u *ListRules) Execute(ctx context.Context, caller Principal, r RuleListRequest) (RulePage, error) {
	if !caller.mayRetain() {
		return RulePage{}, errRuleForbidden("Read")
	}
	var page RulePage
	var err error
	page.Items, page.Next, page.Limit, err = pageOf(ruleList(r.Removed), r.After, r.Limit,
		func(after *Position, limit int64) ([]RetentionRule, error) {
			return u.retention.Page(ctx, RuleQuery{Removed: r.Removed, After: after, Limit: limit})
		}, RetentionRule.Position)
	return page, err
}
