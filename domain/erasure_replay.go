package domain

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// ReplayErasures erases once more what a restore has brought back.
type ReplayErasures struct {
	restored Restored
	now      func() time.Time
}

// NewReplayErasures makes the use case; now is the clock.
func NewReplayErasures(restored Restored, now func() time.Time) *ReplayErasures {
	return &ReplayErasures{restored, now}
}

// Replayed is what came of it.
type Replayed struct {
	Found    int         // requests of which there was something
	Erased   Erased      // in all
	Receipts []uuid.UUID // one for each transaction that erased
	Refused  []Refusal   // what could not be erased for a reason of the database's
}

// Refusal is a request that could not be erased.
type Refusal struct {
	Request uuid.UUID
	Code    Code // CodeRefused or CodeBusy
}

// replayedAtOnce is how many requests one transaction erases at most. Its
// receipt has to hold a commitment to each.
const replayedAtOnce = 500

// Execute erases what there is again of these requests, which had been erased.
// It is the service's own doing: whoever runs it has the list of what was erased
// and the database. Holds are not asked. With look it only finds what there is.
// progress is called with how many requests were gone through; it may be nil. What
// was erased before an error stays so, and is returned beside it; to run it again
// is harmless. What the database refuses to delete is named, and the rest goes on.
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

// erase erases these, in halves where one of them is refused, until that is found.
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
