package domain

import (
	"context"
	"errors"
	"time"
)

// SweepAfter is how long after an erasure, and then after each look, what was
// erased is looked for again: the gateway and its tasks may write of it late.
var SweepAfter = []time.Duration{time.Minute, time.Hour, 24 * time.Hour}

// SweepErased looks again for what has been erased.
type SweepErased struct {
	responses Responses
	now       func() time.Time
}

// NewSweepErased makes the use case; now is the clock.
func NewSweepErased(responses Responses, now func() time.Time) *SweepErased {
	return &SweepErased{responses, now}
}

// sweepAtOnce is how many requests one transaction looks for.
const sweepAtOnce = 500

// errorsLogged bounds how many errors are told of at once.
const errorsLogged = 10

// Execute looks for everything that is due. It returns what it found and
// removed, which receipts tell, too; also beside an error, which keeps nothing
// else from being looked for.
func (u *SweepErased) Execute(ctx context.Context) (Erased, error) {
	var all Erased
	var errs []error
	for {
		w := newAuthorization(TriggerSweep, u.now())
		w.Role = ActorSystem
		looked, erased, err := u.responses.Sweep(ctx, sweepAtOnce, w)
		all.Add(erased)
		if err != nil && len(errs) < errorsLogged {
			errs = append(errs, err)
		}
		if looked == 0 {
			return all, errors.Join(errs...)
		}
	}
}
