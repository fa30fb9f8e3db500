package domain

import (
	"context"

	"github.com/google/uuid"
)

// GetHold fetches one hold.
type GetHold struct {
	holds Holds
}

// NewGetHold makes the use case.
func NewGetHold(holds Holds) *GetHold { return &GetHold{holds} }

// Execute returns the hold, a released or expired one too. CodeForbidden for
// those who may not hold, CodeNotFound where there is none.
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
