package domain

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"
)

// Bounds of a page.
const (
	DefaultLimit = 10
	MaxLimit     = 101
)

// ListRequest is what a caller asks of a list. Nil means not given; an empty
// list of models or tiers was given and matches nothing.
type ListRequest struct {
	MemberID      *uuid.UUID
	State         *string
	Models        []string
	Tiers         []string
	CreatedAfter  *time.Time
	CreatedBefore *time.Time
	ActiveFirst   *bool  // nil: true
	Skip          *int64 // below 0 counts as 0
	Limit         *int64 // brought into 1 to MaxLimit; nil: DefaultLimit
}

// ResponsePage is one page of a list; Skip and Limit are as they were applied.
type ResponsePage struct {
	Items []ResponseSummary
	Count Count
	Skip  int64
	Limit int64
}

// ResponseSummary is a response as lists show it.
type ResponseSummary struct {
	Response
	Usage      Usage
	OwnerEmail *string // nil where the owner is no known person
}

// ListResponses lists the responses that a caller may see.
type ListResponses struct {
	responses Responses
	described describer
}

// NewListResponses makes the use case; log receives what went wrong without
// failing the request.
func NewListResponses(responses Responses, usage UsageRecords, people People, log *slog.Logger) *ListResponses {
	return &ListResponses{responses, describer{usage, people, log}}
}

// Execute returns a page. CodeForbidden for those who may read nothing,
// CodeInvalid where MemberID is given by one who may not read everyone's.
func (u *ListResponses) Execute(ctx context.Context, caller Principal, r ListRequest) (ResponsePage, error) {
	owner, err := listOwner(caller, r.MemberID)
	if err != nil {
		return ResponsePage{}, err
	}
	filter := ResponseFilter{
		Owner: owner, State: r.State, Models: r.Models, Tiers: r.Tiers,
		CreatedAfter: r.CreatedAfter, CreatedBefore: r.CreatedBefore,
	}
	page := ResponsePage{Limit: DefaultLimit}
	if r.Skip != nil {
		page.Skip = max(*r.Skip, 0)
	}
	if r.Limit != nil {
		page.Limit = min(max(*r.Limit, 1), MaxLimit)
	}
	var found []Response
	err = both(ctx,
		func(ctx context.Context) (err error) {
			found, err = u.responses.Page(ctx, filter, r.ActiveFirst == nil || *r.ActiveFirst, page.Skip, page.Limit)
			return err
		},
		func(ctx context.Context) (err error) {
			page.Count, err = u.responses.Count(ctx, filter)
			return err
		})
	if err != nil {
		return ResponsePage{}, err
	}
	page.Items, err = u.described.describe(ctx, caller, found)
	return page, err
}

// listOwner decides whose responses a list shows; nil is everyone's.
func listOwner(caller Principal, member *uuid.UUID) (*string, error) {
	text := func(id uuid.UUID) *string { s := id.String(); return &s }
	reach := caller.readReach()
	switch {
	case reach == none:
		return nil, errForbidden("Read")
	case member != nil && reach != everyone:
		return nil, Errorf(CodeInvalid, "member_id filter requires platform manager permissions")
	case member != nil:
		return text(*member), nil
	case caller.Organization != nil:
		return text(*caller.Organization), nil
	case reach == everyone:
		return nil, nil
	}
	return text(caller.ID), nil
}
