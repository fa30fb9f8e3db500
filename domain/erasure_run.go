package domain

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"
)

// RunErasure continues an erasure.
type RunErasure struct {
	erasures ErasureRunner
	pace     func(ctx context.Context, responses int) error
	now      func() time.Time
	people   People // nil: see Checking
}

// NewRunErasure returns the use case. pace is called after each part with the number
// of responses erased; it returns when the next part may begin, or when ctx has
// ended. now is the clock.
func NewRunErasure(erasures ErasureRunner, pace func(ctx context.Context, responses int) error, now func() time.Time) *RunErasure {
	return &RunErasure{erasures: erasures, pace: pace, now: now}
}

// erasedAtOnce is the maximum number of responses that one transaction erases. Its
// receipt has to hold a commitment to each of their requests.
const erasedAtOnce = 200

// Execute continues until the erasure is over and, if that is due, verified. It
// returns earlier when its turn ends, to let others have theirs; 0 means no limit.
// What has been erased stays erased, and the next call continues there. over reports
// that nothing is left to do for now. The error is the one that stopped it, and is
// also stored in the erasure; CodeNotFound if there is no such erasure.
func (u *RunErasure) Execute(ctx context.Context, id uuid.UUID, turn time.Duration) (over bool, err error) {
	end := u.now().Add(turn)
	if begins, err := u.mayBegin(ctx, id); err != nil {
		return false, u.note(ctx, id, err)
	} else if !begins {
		return true, nil
	}
	for {
		before := int64(-1) // number erased before the part; -1: none, because it erases nothing
		e, err := u.erasures.Advance(ctx, id, erasedAtOnce, func(e Erasure, parts []Part) ([]Verdict, Authorization) {
			if len(parts) > 0 {
				before = e.Done
			}
			verdicts := make([]Verdict, len(parts))
			for i, p := range parts {
				verdicts[i] = e.judge(p)
			}
			return verdicts, e.authorization()
		})
		if err != nil {
			return false, u.note(ctx, id, err)
		}
		// Pace even if the turn ends here: the next turn begins at once.
		if took := e.Done - before; before >= 0 && took > 0 {
			if err := u.pace(ctx, int(took)); err != nil {
				return false, err
			}
		}
		switch {
		case e.State == ErasureAwaitingApproval, e.State.Finished() && (e.VerifyAt == nil || e.VerifyAt.After(u.now())):
			return true, nil
		case turn > 0 && !u.now().Before(end):
			return false, nil
		}
	}
}

// GiveUp ends an erasure that this error prevents from proceeding.
func (u *RunErasure) GiveUp(ctx context.Context, id uuid.UUID, because error) error {
	return u.erasures.Note(ctx, id, lastErrorOf(because), true)
}

// note stores the error in the erasure and returns it, even if it could not be
// stored.
func (u *RunErasure) note(ctx context.Context, id uuid.UUID, err error) error {
	if ctx.Err() != nil || CodeOf(err) == CodeNotFound {
		return err
	}
	return errors.Join(err, u.erasures.Note(ctx, id, lastErrorOf(err), false))
}

// lastErrorOf is the text of an error for those who may see the erasure.
func lastErrorOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Message
	}
	return "The service failed; see its log"
}

// enqueue asks for an erasure to be continued. If that fails, the erasure still
// begins at the next call of Due.
func enqueue(ctx context.Context, jobs Jobs, log *slog.Logger, erasure uuid.UUID) {
	if err := jobs.Enqueue(ctx, erasure); err != nil && ctx.Err() == nil {
		log.WarnContext(ctx, "Could not enqueue an erasure; it starts with the next scan", "erasure", erasure, "error", err)
	}
}
