package domain

import (
	"context"

	"github.com/google/uuid"
)

// CancelErasure ends a bulk erasure before it has come to its end.
type CancelErasure struct {
	erasures Erasures
}

// NewCancelErasure makes the use case.
func NewCancelErasure(erasures Erasures) *CancelErasure { return &CancelErasure{erasures} }

// Execute ends the erasure and returns it. What is gone stays gone; one that is
// over stays as it was, but is not verified any more. CodeNotFound as of
// GetErasure.
func (u *CancelErasure) Execute(ctx context.Context, caller Principal, id uuid.UUID) (Erasure, error) {
	if _, err := visibleErasure(ctx, u.erasures, caller, id); err != nil {
		return Erasure{}, err
	}
	e, err := u.erasures.Cancel(ctx, id)
	switch {
	case CodeOf(err) == CodeNotFound:
		return Erasure{}, errNoErasure(id)
	case err != nil:
		return Erasure{}, err
	}
	return e.shownTo(caller), nil
}
