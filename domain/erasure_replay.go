package domain

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// ReplayErasures erases again what a restore has brought back.
type ReplayErasures struct {
	restored Restored
	now      func() time.Time
}

// NewReplayErasures returns the use case; now is the clock.
func NewReplayErasures(restored Restored, now func() time.Time) *ReplayErasures {
	return &ReplayErasures{restored, now}
}

// Replayed is the result of a replay.
type Replayed struct {
	Found    int         // requests of which anything remained
	Erased   Erased      // in total
	Receipts []uuid.UUID // one for each transaction that erased
	Refused  []Refusal   // what the database prevented from being erased
}

// Refusal is a request that could not be erased.
type Refusal struct {
	Request uuid.UUID
	Code    Code // CodeRefused or CodeBusy
}

// replayedAtOnce is the maximum number of requests that one transaction erases. Its
// receipt has to hold a commitment to each.
const replayedAtOnce = 500

// Execute erases what exists again of these requests, which were erased before. It
// acts for the service itself: whoever runs it has the list of erasures and the
// database. It ignores holds. With look it only reports what exists. progress, which
// may be nil, is called with the number of requests processed. What was erased before
// an error stays erased and is returned with the error; running it again is harmless.
// Requests that the database refuses to delete are listed, and the rest goes on.
func (u *ReplayErasures) Execute(ctx context.Context, ids []uuid.UUID, look bool, progress func(done int)) (Replayed, error) {
	var all Replayed
	for done := 0; done < len(ids); {
		part := ids[done:min(done+replayedAtOnce, len(ids))]
		found, err := u.restored.Remaining(ctx, part)
		if err != nil {
			return all, err
		}
		all.Found += len(found)
		if len(found) > 0 && !look {
			if err := u.erase(ctx, found, &all); err != nil {
				return all, err
			}
		}
		if done += len(part); progress != nil {
			progress(done)
		}
	}
	return all, nil
}

// erase erases these, halving the list on a refusal until it has found the refused one.
func (u *ReplayErasures) erase(ctx context.Context, ids []uuid.UUID, all *Replayed) error {
	w := newAuthorization(TriggerReplay, u.now())
	w.Role = ActorSystem
	erased, err := u.restored.EraseAgain(ctx, ids, w)
	switch code := CodeOf(err); {
	case err == nil && erased != (Erased{}):
		all.Erased.Add(erased)
		all.Receipts = append(all.Receipts, w.Receipt)
	case err == nil:
	case code != CodeRefused && code != CodeBusy:
		return err
	case len(ids) == 1:
		all.Refused = append(all.Refused, Refusal{ids[0], code})
	default:
		half := len(ids) / 2
		if err := u.erase(ctx, ids[:half], all); err != nil {
			return err
		}
		return u.erase(ctx, ids[half:], all)
	}
	return nil
}
