package domain

import (
	"context"
	"time"
)

const (
	// eventLease is longer than an attempt may take: meanwhile nobody else tells the
	// event.
	eventLease = time.Minute

	// With these an event is given up after some three days.
	maxEventAttempts = 20
	minEventPause    = time.Minute
	maxEventPause    = 6 * time.Hour
)

// DeliverEvents tells a webhook what has happened.
type DeliverEvents struct {
	events  Events
	webhook Webhook
	now     func() time.Time
}

// NewDeliverEvents returns the use case; now is the clock.
func NewDeliverEvents(events Events, webhook Webhook, now func() time.Time) *DeliverEvents {
	return &DeliverEvents{events, webhook, now}
}

// Execute tells every event that is due, one after the other. What could not be told is
// due again after a pause that doubles, and what the process dies over after a minute: so
// an event may be told twice, but is not lost. It returns the events that it gave up, even
// with an error: the last attempt failed, or the receiver wants no more. Errors are those
// of Events.
func (u *DeliverEvents) Execute(ctx context.Context) (givenUp []Event, err error) {
	for {
		now := u.now()
		e, err := u.events.Claim(ctx, now, now.Add(eventLease))
		if err != nil {
			if CodeOf(err) == CodeNotFound {
				err = nil
			}
			return givenUp, err
		}
		switch untold := u.webhook.Send(ctx, e); {
		case untold == nil:
			err = u.events.End(ctx, e.ID, u.now(), true)
		case ctx.Err() != nil:
			return givenUp, ctx.Err()
		case CodeOf(untold) == CodeNotFound || e.Attempts >= maxEventAttempts:
			if err = u.events.End(ctx, e.ID, u.now(), false); err == nil {
				givenUp = append(givenUp, e)
			}
		default:
			err = u.events.Retry(ctx, e.ID, u.now().Add(eventPause(e.Attempts)))
		}
		if err != nil {
			return givenUp, err
		}
	}
}

// eventPause is the pause after that many attempts.
func eventPause(attempts int64) time.Duration {
	pause := minEventPause
	for range attempts - 1 {
		pause = min(2*pause, maxEventPause)
	}
	return pause
}
