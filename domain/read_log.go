package domain

import "context"

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
