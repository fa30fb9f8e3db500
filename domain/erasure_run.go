package domain

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"
)

// RunErasure goes on with an erasure.
type RunErasure struct {
	erasures Erasures
	pace     func(ctx context.Context, responses int) error
	now      func() time.Time
}

// NewRunErasure makes the use case. pace is called after each part with how
// many responses it took, and returns when the next may begin, or when ctx has
// ended. now is the clock.
func NewRunErasure(erasures Erasures, pace func(ctx context.Context, responses int) error, now func() time.Time) *RunErasure {
	return &RunErasure{erasures, pace, now}
}

// erasedAtOnce is how many responses one transaction erases at most. Its
// receipt has to hold a commitment to every request of theirs.
const erasedAtOnce = 200

// Execute goes on until the erasure is over and, where that is due, verified; it
// returns earlier when its turn has ended, so that others have theirs; 0 is no
// end. What has been erased by then stays so, and the next call goes on from
// there. over tells that nothing is left to do for now. The error is the one that
// kept it from going on, which is noted in the erasure, too; CodeNotFound where
// there is no such erasure.
func (u *RunErasure) Execute(ctx context.Context, id uuid.UUID, turn time.Duration) (over bool, err error) {
	end := u.now().Add(turn)
	for {
		before := int64(-1) // how many had been erased before the part; it erases none: -1
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
		// Also where the turn ends with it: the next one begins at once.
		if took := e.Done - before; before >= 0 && took > 0 {
			if err := u.pace(ctx, int(took)); err != nil {
				return false, err
			}
		}
		switch {
		case e.State.Finished() && (e.VerifyAt == nil || e.VerifyAt.After(u.now())):
			return true, nil
		case turn > 0 && !u.now().Before(end):
			return false, nil
		}
	}
}

// GiveUp ends an erasure that this error keeps from going on, and goes on doing
// so.
func (u *RunErasure) GiveUp(ctx context.Context, id uuid.UUID, because error) error {
	return u.erasures.Note(ctx, id, lastErrorOf(because), true)
}

// note returns the error of going on, whether it could be noted or not.
func (u *RunErasure) note(ctx context.Context, id uuid.UUID, err error) error {
	if ctx.Err() != nil || CodeOf(err) == CodeNotFound {
		return err
	}
	return errors.Join(err, u.erasures.Note(ctx, id, lastErrorOf(err), false))
}

// lastErrorOf is what is told of an error to who may see the erasure.
func lastErrorOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Message
	}
	return "The service failed; its log tells more"
}

// enqueue asks for an erasure to be gone on with. Where that fails, it begins
// all the same when Due is asked next.
func enqueue(ctx context.Context, jobs Jobs, log *slog.Logger, erasure uuid.UUID) {
	if err := jobs.Enqueue(ctx, erasure); err != nil && ctx.Err() == nil {
		log.WarnContext(ctx, "an erasure could not be enqueued; it begins when it is looked for next", "erasure", erasure, "error", err)
	}
}
