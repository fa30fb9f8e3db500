package domain

import (
	"context"

	"github.com/google/uuid"
)

// GetHold fetches one hold.
type GetHold struct {
	holds Holds
}

// NewGetHold returns the use case.
func NewGetHold(holds Holds) *GetHold { return &GetHold{holds} }

// Execute returns the hold, also if it is released or expired. CodeForbidden for
// those who may not hold, CodeNotFound if there is none.
func (u *GetHold) Execute(ctx context.Context, caller Principal, id uuid.UUID) (Hold, error) {
	if !caller.mayHold() {
		return Hold{}, errHoldForbidden("Read")
	}
	hold, err := u.holds.Get(ctx, id)
	if CodeOf(err) == CodeNotFound {
		return Hold{}, errNoHold(id)
	}
	return hold, err
}

// HoldListRequest is a caller's request for the list of holds.
type HoldListRequest struct {
	Active *bool   // nil: all
	After  *Cursor // end of an earlier page of the same list
	Limit  *int64  // clamped to 1 to MaxLimit; nil: DefaultLimit
}

// ListHolds lists holds, including released and expired ones.
type ListHolds struct {
	holds Holds
}

// NewListHolds returns the use case.
func NewListHolds(holds Holds) *ListHolds { return &ListHolds{holds} }

// Execute returns a page, newest first. CodeForbidden for those who may not hold;
// CodeInvalid if After belongs to another list.
func (u *ListHolds) Execute(ctx context.Context, caller Principal, r HoldListRequest) (Page[Hold], error) {
	if !caller.mayHold() {
		return Page[Hold]{}, errHoldForbidden("Read")
	}
	return pageOf(fingerprintOf(struct{ ActiveHolds *bool }{r.Active}), r.After, r.Limit,
		func(after *Position, limit int64) ([]Hold, error) {
			return u.holds.Page(ctx, HoldQuery{Active: r.Active, After: after, Limit: limit})
		}, Hold.Position)
}
