package domain

import (
	"context"

	"github.com/google/uuid"
)

// GetReceipt fetches the receipt of an erasure.
type GetReceipt struct {
	log Log
}

// NewGetReceipt makes the use case.
func NewGetReceipt(log Log) *GetReceipt { return &GetReceipt{log} }

// Execute returns the file that proves the erasure. It is for who asked for it,
// whatever they may do by now, and for those who may erase everyone's:
// CodeNotFound for all others, just as where there is none. CodeNotSealed until
// a published checkpoint covers it.
func (u *GetReceipt) Execute(ctx context.Context, caller Principal, id uuid.UUID) ([]byte, error) {
	r, err := u.log.Receipt(ctx, id)
	mine := r.Actor != nil && *r.Actor == caller.ID
	switch {
	case CodeOf(err) == CodeNotFound, err == nil && !mine && caller.deleteReach() != everyone:
		return nil, Errorf(CodeNotFound, "Receipt with ID %s not found", id)
	case err != nil:
		return nil, err
	case r.File == nil:
		return nil, Errorf(CodeNotSealed, "Receipt with ID %s is not sealed and published yet", id)
	}
	return r.File, nil
}
