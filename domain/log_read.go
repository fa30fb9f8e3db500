package domain

import (
	"context"

	"github.com/google/uuid"
)

// ReadLog shows the log of erasures; everyone who may erase can mirror it.
type ReadLog struct {
	log Log
}

// NewReadLog returns the use case.
func NewReadLog(log Log) *ReadLog { return &ReadLog{log} }

// Checkpoint returns the newest published checkpoint, a signed note. CodeForbidden
// for those who may erase nothing; CodeNotFound if none has been published yet.
func (u *ReadLog) Checkpoint(ctx context.Context, caller Principal) ([]byte, error) {
	if err := mayReadLog(caller, own); err != nil {
		return nil, err
	}
	return u.log.Checkpoint(ctx)
}

// Hashes returns the concatenated hashes of a tile. CodeForbidden for those who may
// erase nothing; CodeNotFound if the published tree has no such tile, or fewer hashes
// in it.
func (u *ReadLog) Hashes(ctx context.Context, caller Principal, t Tile) ([]byte, error) {
	if err := mayReadLog(caller, own); err != nil {
		return nil, err
	}
	return u.log.Hashes(ctx, t)
}

// Entries returns the receipts of a tile as a bundle: each after its length as a
// 16-bit big-endian number. CodeForbidden for those who may not erase everyone's
// responses; CodeNotFound as in Hashes.
func (u *ReadLog) Entries(ctx context.Context, caller Principal, t Tile) ([]byte, error) {
	if err := mayReadLog(caller, everyone); err != nil {
		return nil, err
	}
	return u.log.Entries(ctx, t)
}

// Keys returns the public keys that checkpoints are signed with, the newest first,
// and then those of witnesses. CodeForbidden for those who may erase nothing.
func (u *ReadLog) Keys(_ context.Context, caller Principal) ([]string, error) {
	if err := mayReadLog(caller, own); err != nil {
		return nil, err
	}
	return u.log.Keys(), nil
}

// mayReadLog refuses callers whose right to erase does not reach least.
func mayReadLog(caller Principal, least Reach) error {
	if caller.deleteReach() < least {
		return Errorf(CodeForbidden, "Insufficient permissions to Read the Log")
	}
	return nil
}

// GetReceipt fetches the receipt of an erasure.
type GetReceipt struct {
	log Log
}

// NewGetReceipt returns the use case.
func NewGetReceipt(log Log) *GetReceipt { return &GetReceipt{log} }

// Execute returns the file that proves the erasure or, if reached is not nil, the
// file that proves that the erasure has reached a later level. The person who asked
// for the erasure gets it, whatever their rights are now, and so do those who may
// erase everyone's. For all others CodeNotFound, as if there were none, and also if
// the level has not been reached. CodeNotSealed until a published checkpoint covers
// it.
func (u *GetReceipt) Execute(ctx context.Context, caller Principal, id uuid.UUID, reached *Level) ([]byte, error) {
	r, err := u.find(ctx, caller, id)
	if err == nil && reached != nil {
		var later uuid.UUID
		if later, err = u.log.Reached(ctx, id, *reached); CodeOf(err) == CodeNotFound {
			return nil, Errorf(CodeNotFound, "The erasure of receipt %s has not reached level %s", id, *reached)
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
