package domain

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/google/uuid"
)

// RepeatableFor is for how long an erasure of one response is told again to who
// repeats it with the same key.
const RepeatableFor = 24 * time.Hour

// Repeats lets erasures of single responses be repeated with a key: receipt and
// salt follow from a secret, the caller, the response and the key, so nothing of
// it has to be stored.
type Repeats struct {
	log     Log
	secrets [][]byte
}

// NewRepeats takes the newest secret first; the others are of keys that were in
// use before. There is at least one.
func NewRepeats(log Log, secrets [][]byte) *Repeats { return &Repeats{log, secrets} }

// derived are the receipt and the salt that a secret gives an erasure.
func derived(secret []byte, caller, response uuid.UUID, key string) (receipt uuid.UUID, salt Salt) {
	sum := func(what string) []byte {
		mac := hmac.New(sha256.New, secret)
		for _, part := range [][]byte{[]byte(what), caller[:], response[:], []byte(key)} {
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

// find returns the erasure that the caller's key was used for; CodeNotFound where
// there was none, CodeConflict where it was too long ago.
func (r *Repeats) find(ctx context.Context, caller, response uuid.UUID, key string, now time.Time) (Warrant, error) {
	for _, secret := range r.secrets {
		receipt, salt := derived(secret, caller, response, key)
		logged, err := r.log.Receipt(ctx, receipt)
		switch {
		case CodeOf(err) == CodeNotFound:
			continue
		case err != nil:
			return Warrant{}, err
		case now.Sub(logged.WrittenAt) > RepeatableFor:
			return Warrant{}, Errorf(CodeConflict, "This Idempotency-Key erased this response more than a day ago, and is not told again: choose another one")
		}
		return Warrant{Receipt: receipt, Salt: salt, Trigger: TriggerSingle, Again: true}, nil
	}
	return Warrant{}, errNoResponse(response)
}

// ExecuteOnce is Execute for who gives a key: the first time it erases, and for
// RepeatableFor the same caller's repetition with the same key is told the same
// receipt and salt, and that nothing was removed. CodeInvalid for a key that is
// none; CodeConflict for one that was used for this response longer ago.
func (u *EraseResponse) ExecuteOnce(ctx context.Context, caller Principal, id uuid.UUID, laterTurns bool, key string) (Erased, Warrant, error) {
	if len(key) < 1 || len(key) > MaxIdempotencyKey {
		return Erased{}, Warrant{}, errAbout("Idempotency-Key", "Idempotency-Key: must have 1 to 255 visible ASCII characters")
	}
	if caller.deleteReach() == none {
		return Erased{}, Warrant{}, errForbidden("Delete")
	}
	repeats := u.repeats
	if repeats == nil {
		return Erased{}, Warrant{}, errAbout("Idempotency-Key", "Idempotency-Key: single erasures take none here")
	}
	if w, err := repeats.find(ctx, caller.ID, id, key, u.now()); CodeOf(err) != CodeNotFound {
		return Erased{}, w, err
	}
	w := newWarrant(TriggerSingle, u.now())
	w.Receipt, w.Salt = derived(repeats.secrets[0], caller.ID, id, key)
	erased, w, err := u.execute(ctx, caller, id, laterTurns, w)
	if CodeOf(err) == CodeNotFound {
		// The same request may have come twice at the same time.
		w, err = repeats.find(ctx, caller.ID, id, key, u.now())
	}
	return erased, w, err
}
