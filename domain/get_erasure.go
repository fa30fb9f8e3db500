package domain

import (
	"context"

	"github.com/google/uuid"
)

// GetErasure fetches a bulk erasure.
type GetErasure struct {
	erasures Erasures
}

// NewGetErasure makes the use case.
func NewGetErasure(erasures Erasures) *GetErasure { return &GetErasure{erasures} }

// Execute returns the erasure, without its secret. It is for who asked for it,
// whatever they may do by now, and for those who may erase everyone's:
// CodeNotFound for all others, just as where there is none.
func (u *GetErasure) Execute(ctx context.Context, caller Principal, id uuid.UUID) (Erasure, error) {
	return visibleErasure(ctx, u.erasures, caller, id)
}

func visibleErasure(ctx context.Context, erasures Erasures, caller Principal, id uuid.UUID) (Erasure, error) {
	e, err := erasures.Get(ctx, id)
	switch {
	case CodeOf(err) == CodeNotFound, err == nil && !e.visibleTo(caller):
		return Erasure{}, errNoErasure(id)
	case err != nil:
		return Erasure{}, err
	}
	return e.shownTo(caller), nil
}
