package domain

import (
	"context"

	"github.com/google/uuid"
)

// ReadLog shows the log of erasures, for anyone to mirror who may erase.
type ReadLog struct {
	log Log
}

// NewReadLog makes the use case.
func NewReadLog(log Log) *ReadLog { return &ReadLog{log} }

// Checkpoint returns the newest published checkpoint, a signed note.
// CodeForbidden for those who may erase nothing; CodeNotFound where none has
// been published yet.
func (u *ReadLog) Checkpoint(ctx context.Context, caller Principal) ([]byte, error) {
	if err := mayReadLog(caller, own); err != nil {
		return nil, err
	}
	return u.log.Checkpoint(ctx)
}

// Hashes returns the hashes of a tile, one after another. CodeForbidden for
// those who may erase nothing; CodeNotFound where the published tree has no
// such tile, or not that many hashes in it.
func (u *ReadLog) Hashes(ctx context.Context, caller Principal, t Tile) ([]byte, error) {
	if err := mayReadLog(caller, own); err != nil {
		return nil, err
	}
	return u.log.Hashes(ctx, t)
}

// Entries returns the receipts of a tile as a bundle: each after its length as
// a big-endian number of 16 bits. CodeForbidden for those who may not erase
// everyone's; CodeNotFound as of Hashes.
func (u *ReadLog) Entries(ctx context.Context, caller Principal, t Tile) ([]byte, error) {
	if err := mayReadLog(caller, everyone); err != nil {
		return nil, err
	}
	return u.log.Entries(ctx, t)
}

// Keys returns the public keys that checkpoints are signed with, the newest
// first, and then those of witnesses. CodeForbidden for those who may erase nothing.
func (u *ReadLog) Keys(_ context.Context, caller Principal) ([]string, error) {
	if err := mayReadLog(caller, own); err != nil {
		return nil, err
	}
	return u.log.Keys(), nil
}

// mayReadLog refuses those who may erase less than least.
func mayReadLog(caller Principal, least reach) error {
	if caller.deleteReach() < least {
		return Errorf(CodeForbidden, "Insufficient permissions to Read the Log")
	}
	return nil
}

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
