package domain

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/google/uuid"
)

// RepeatableFor is how long an erasure of one response can be repeated with the same
// key.
const RepeatableFor = 24 * time.Hour

// Repeats lets callers repeat the erasure of a response with a key. Receipt and salt
// are derived from a secret, the caller, the response, the key and the other
// parameters, so nothing has to be stored.
type Repeats struct {
	log     Log
	secrets [][]byte
}

// NewRepeats takes the newest secret first; the others belong to keys that were in
// use before. There is at least one.
func NewRepeats(log Log, secrets [][]byte) *Repeats { return &Repeats{log, secrets} }

// repetition is what a repeated request has in common with the first one.
type repetition struct {
	caller, response uuid.UUID
	key              string
	laterTurns       bool
}

// derived returns the receipt and the salt that a secret gives an erasure.
func (r repetition) derived(secret []byte) (receipt uuid.UUID, salt Salt) {
	sum := func(what string) []byte {
		if r.laterTurns {
			what += " with later turns"
		}
		mac := hmac.New(sha256.New, secret)
		for _, part := range [][]byte{[]byte(what), r.caller[:], r.response[:], []byte(r.key)} {
			_ = binary.Write(mac, binary.BigEndian, uint64(len(part))) // never fails, as below
			_, _ = mac.Write(part)
		}
		return mac.Sum(nil)
	}
	copy(receipt[:], sum("receipt"))
	receipt[6] = receipt[6]&0x0f | 0x40 // version 4
	receipt[8] = receipt[8]&0x3f | 0x80
	copy(salt[:], sum("salt"))
	return receipt, salt
}

// find returns the erasure that the caller used the key for; CodeNotFound if there
// was none, CodeConflict if it is too old or had other parameters.
func (r *Repeats) find(ctx context.Context, asked repetition, now time.Time) (Authorization, error) {
	other := asked
	other.laterTurns = !asked.laterTurns
	for _, secret := range r.secrets {
		for _, before := range []repetition{asked, other} {
			receipt, salt := before.derived(secret)
			logged, err := r.log.Receipt(ctx, receipt)
			switch {
			case CodeOf(err) == CodeNotFound:
				continue
			case err != nil:
				return Authorization{}, err
			case before != asked:
				return Authorization{}, errOtherRequest
			case now.Sub(logged.WrittenAt) > RepeatableFor:
				return Authorization{}, Errorf(CodeConflict, "This Idempotency-Key erased this response more than a day ago and can no longer be repeated: use another one")
			}
			return Authorization{Receipt: receipt, Salt: salt, Trigger: TriggerSingle, Again: true}, nil
		}
	}
	return Authorization{}, errNoResponse(asked.response)
}

// ExecuteOnce is Execute with a key. The first call erases. For RepeatableFor, a
// repetition by the same caller with the same key returns the same receipt and salt,
// and that nothing was removed. CodeInvalid for an invalid key; CodeConflict for a
// key that was used for this response longer ago, or with another choice of later
// turns.
func (u *EraseResponse) ExecuteOnce(ctx context.Context, caller Principal, id uuid.UUID, laterTurns bool, key string) (Erased, Authorization, error) {
	if caller.deleteReach() == none {
		return Erased{}, Authorization{}, errForbidden("Delete")
	}
	return u.once(ctx, repetition{caller.ID, id, key, laterTurns}, func(w Authorization) (Erased, Authorization, error) {
		return u.execute(ctx, caller, id, laterTurns, w)
	})
}

// once calls erase unless the request repeats an erasure.
func (u *EraseResponse) once(ctx context.Context, asked repetition, erase func(Authorization) (Erased, Authorization, error)) (Erased, Authorization, error) {
	if len(asked.key) < 1 || len(asked.key) > MaxIdempotencyKey {
		return Erased{}, Authorization{}, errParameter("Idempotency-Key", "Idempotency-Key: must have 1 to 255 visible ASCII characters")
	}
	repeats := u.repeats
	if repeats == nil {
		return Erased{}, Authorization{}, errParameter("Idempotency-Key", "Idempotency-Key: not supported for single erasures on this server")
	}
	if w, err := repeats.find(ctx, asked, u.now()); CodeOf(err) != CodeNotFound {
		return Erased{}, w, err
	}
	w := newAuthorization(TriggerSingle, u.now())
	w.Receipt, w.Salt = asked.derived(repeats.secrets[0])
	erased, w, err := erase(w)
	if CodeOf(err) == CodeNotFound {
		// The same request may have come twice at the same time.
		w, err = repeats.find(ctx, asked, u.now())
	}
	return erased, w, err
}
