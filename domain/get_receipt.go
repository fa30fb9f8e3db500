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

// Execute returns the file that proves the erasure, or, where reached is not
// nil, the one that proves that it has come to a later level. It is for who
// asked for the erasure, whatever they may do by now, and for those who may
// erase everyone's: CodeNotFound for all others, just as where there is none,
// and where it has not come to the level. CodeNotSealed until a published
// checkpoint covers it.
func (u *GetReceipt) Execute(ctx context.Context, caller Principal, id uuid.UUID, reached *Level) ([]byte, error) {
	r, err := u.find(ctx, caller, id)
	if err == nil && reached != nil {
		var later uuid.UUID
		if later, err = u.log.Reached(ctx, id, *reached); CodeOf(err) == CodeNotFound {
			return nil, Errorf(CodeNotFound, "The erasure of receipt %s has not come to the level %s", id, *reached)
		}
		if err == nil {
			id = later
			r, err = u.find(ctx, caller, id)
		}
	}
	switch {
	case err != nil:
		return nil, err
	case r.File == nil:
		return nil, Errorf(CodeNotSealed, "Receipt with ID %s is not sealed and published yet", id)
	}
	return r.File, nil
}

func (u *GetReceipt) find(ctx context.Context, caller Principal, id uuid.UUID) (LoggedReceipt, error) {
	r, err := u.log.Receipt(ctx, id)
	mine := r.Actor != nil && *r.Actor == caller.ID
	if CodeOf(err) == CodeNotFound || err == nil && !mine && caller.deleteReach() != everyone {
		return LoggedReceipt{}, Errorf(CodeNotFound, "Receipt with ID %s not found", id)
	}
	return r, err
}
