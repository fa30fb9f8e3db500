package domain

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Events stores what a webhook is told of. Whatever happens writes its event in its own
// transaction, so there is none of what did not happen, and none is missing. Errors are
// those of Responses. Nothing is stale.
type Events interface {
	// Claim returns the event that has been due the longest, and counts an attempt. It is
	// not due again before againAt, for any process. CodeNotFound if none is due.
	Claim(ctx context.Context, now, againAt time.Time) (Event, error)

	// Retry makes an event due at that time, unless it has ended.
	Retry(ctx context.Context, id uuid.UUID, at time.Time) error

	// End records that an event was delivered or given up: it is never due again.
	End(ctx context.Context, id uuid.UUID, at time.Time, delivered bool) error

	// Waiting counts the events that have not ended.
	Waiting(ctx context.Context) (EventsWaiting, error)

	// Remove deletes the events that ended before that time, and those that happened
	// before it and have not ended. It returns how many there were.
	Remove(ctx context.Context, before time.Time) (int64, error)
}

// Webhook tells somebody else's service of events.
type Webhook interface {
	// Send makes one attempt, of some seconds at most. CodeNotFound if the receiver wants
	// no more attempts of this event; any other error may pass.
	Send(ctx context.Context, e Event) error
}
