package domain

import (
	"context"
	"errors"
	"time"
)

// SweepAfter are the intervals after an erasure, and then after each search, at which
// erased requests are searched for again: the gateway and its tasks may write about
// them late.
var SweepAfter = []time.Duration{time.Minute, time.Hour, 24 * time.Hour}

// SweepErased searches again for what has been erased.
type SweepErased struct {
	responses Sweeper
	now       func() time.Time
}

// NewSweepErased returns the use case; now is the clock.
func NewSweepErased(responses Sweeper, now func() time.Time) *SweepErased {
	return &SweepErased{responses, now}
}

// sweepAtOnce is the number of requests that one transaction searches for.
const sweepAtOnce = 500

// errorsLogged is the maximum number of errors reported at once.
const errorsLogged = 10

// Execute searches for everything that is due. It returns what it removed, even with
// an error; receipts record that too. An error does not stop the rest of the search.
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

// Limits of the sweep for copies whose request is gone.
const (
	// OrphansAfter is their minimum age: whatever was still writing about a request
	// has long finished.
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

// NewSweepOrphans returns the use case; pace waits until that many more copies may
// be looked at, and now is the clock.
func NewSweepOrphans(orphans Orphans, pace func(context.Context, int) error, now func() time.Time) *SweepOrphans {
	return &SweepOrphans{orphans, pace, now}
}

// Execute takes turns until none is due. It returns what it removed, even with an
// error; receipts record that too. A refusal does not stop it; any other error ends
// it, to be continued later.
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
