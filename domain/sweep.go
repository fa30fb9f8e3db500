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

// Bounds of the sweep for copies whose request is gone.
const (
	// OrphansAfter is how old they are at least: whoever is still writing of a
	// request has long come to its end.
	OrphansAfter = 7 * 24 * time.Hour

	orphansAtOnce = 1000           // copies that one turn looks at
	orphansPause  = 24 * time.Hour // from the end of a pass to the next one
)

// SweepOrphans removes raw copies whose request is gone.
type SweepOrphans struct {
	orphans Orphans
	pace    func(ctx context.Context, copies int) error
	now     func() time.Time
}

// NewSweepOrphans makes the use case; pace waits until so many more copies may
// be looked at, and now is the clock.
func NewSweepOrphans(orphans Orphans, pace func(context.Context, int) error, now func() time.Time) *SweepOrphans {
	return &SweepOrphans{orphans, pace, now}
}

// Execute takes turns until none is due. It returns what was removed, which
// receipts tell, too; also beside an error. What is refused keeps nothing else
// from being removed; any other error ends it, to be gone on with later.
func (u *SweepOrphans) Execute(ctx context.Context) (Erased, error) {
	var all Erased
	var refused []error
	for {
		now := u.now()
		w := newAuthorization(TriggerOrphans, now)
		w.Role = ActorSystem
		turn, err := u.orphans.SweepOrphans(ctx, now.Add(-OrphansAfter), orphansAtOnce, orphansPause, w)
		all.Add(turn.Erased)
		switch {
		case err != nil && CodeOf(err) != CodeRefused:
			return all, errors.Join(append(refused, err)...)
		case err != nil && len(refused) < errorsLogged:
			refused = append(refused, err)
		}
		if turn.Looked == 0 {
			return all, errors.Join(refused...)
		}
		if err := u.pace(ctx, turn.Looked); err != nil {
			return all, errors.Join(append(refused, err)...)
		}
	}
}
