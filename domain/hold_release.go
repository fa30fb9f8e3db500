package domain

import (
	"context"

	"github.com/google/uuid"
)

// ReleaseHold ends a hold. The hold remains as a record.
type ReleaseHold struct {
	holds Holds
}

// NewReleaseHold returns the use case.
func NewReleaseHold(holds Holds) *ReleaseHold { return &ReleaseHold{holds} }

// Execute releases the hold and returns it; a released hold stays as it was.
// CodeForbidden for those who may not hold, CodeNotFound if there is none.
func (u *ReleaseHold) Execute(ctx context.Context, caller Principal, id uuid.UUID) (Hold, error) {
	if !caller.mayHold() {
		return Hold{}, errHoldForbidden("Release")
	}
	hold, err := u.holds.Release(ctx, id, caller.ID)
	if CodeOf(err) == CodeNotFound {
		return Hold{}, errNoHold(id)
	}
	return hold, err
}
