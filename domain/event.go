package domain

import (
	"time"

	"github.com/google/uuid"
)

// Event is something that has happened and that a webhook is told of.
type Event struct {
	ID       uuid.UUID // the same in every attempt
	Type     string    // a kind of subject and what became of it, such as erasure.finished
	At       time.Time
	Data     []byte // what is told: a JSON object without contents and owners
	Attempts int64  // to tell it, the present one included
}

// EventsWaiting is how much a webhook has still to be told.
type EventsWaiting struct {
	Count  int64
	Oldest *time.Time // when the oldest happened; nil: none waits
}
