package domain_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
	"lethe/internal/memory"
)

// receiver answers attempts one after the other, and the last answer from then on.
type receiver struct {
	answers []error
	told    []domain.Event
	at      []time.Time
	now     *time.Time
	meet    func() // called during an attempt; nil: nothing
}

func (r *receiver) Send(_ context.Context, e domain.Event) error {
	r.told, r.at = append(r.told, e), append(r.at, *r.now)
	if r.meet != nil {
		r.meet()
	}
	return r.answers[min(len(r.told), len(r.answers))-1]
}

func happened(at time.Time) domain.Event {
	return domain.Event{ID: uuid.New(), Type: "erasure.finished", At: at, Data: []byte(`{}`)}
}

var errReceiver = domain.Errorf(domain.CodeUnavailable, "answered 500")

// TestDeliverEvents: each event is told once, the oldest first.
func TestDeliverEvents(t *testing.T) {
	t.Parallel()
	now, events := noon, &memory.Events{}
	later, earlier := happened(noon.Add(-time.Minute)), happened(noon.Add(-time.Hour))
	events.Add(later)
	events.Add(earlier)
	events.Add(happened(noon.Add(time.Second))) // not yet
	r := &receiver{answers: []error{nil}, now: &now}
	for range 2 {
		if givenUp, err := domain.NewDeliverEvents(events, r, func() time.Time { return now }).Execute(t.Context()); err != nil || len(givenUp) > 0 {
			t.Errorf("got %+v, %v", givenUp, err)
		}
	}
	if len(r.told) != 2 || r.told[0].ID != earlier.ID || r.told[1].ID != later.ID || r.told[1].Type != later.Type || !r.told[1].At.Equal(later.At) {
		t.Errorf("want %s and %s, got %+v", earlier.ID, later.ID, r.told)
	}
	if w, err := events.Waiting(t.Context()); err != nil || w.Count != 1 {
		t.Errorf("want one left, got %+v, %v", w, err)
	}
}

// TestDeliverEventsRetries: the pauses double up to six hours, and the twentieth failure
// is the last.
func TestDeliverEventsRetries(t *testing.T) {
	t.Parallel()
	now, events, e := noon, &memory.Events{}, happened(noon)
	events.Add(e)
	r := &receiver{answers: []error{errReceiver}, now: &now}
	deliver := domain.NewDeliverEvents(events, r, func() time.Time { return now })
	var lost []domain.Event
	for ; now.Before(noon.Add(100 * time.Hour)); now = now.Add(time.Minute) {
		givenUp, err := deliver.Execute(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		lost = append(lost, givenUp...)
	}
	var pauses []time.Duration
	for i, at := range r.at[1:] {
		pauses = append(pauses, at.Sub(r.at[i])/time.Minute)
	}
	want := []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360, 360, 360, 360, 360, 360, 360, 360}
	if !slices.Equal(pauses, want) {
		t.Errorf("pauses in minutes: want %d, got %d", want, pauses)
	}
	if len(lost) != 1 || lost[0].ID != e.ID || lost[0].Attempts != 20 {
		t.Errorf("want %s given up after 20 attempts, got %+v", e.ID, lost)
	}
	for _, told := range r.told {
		if told.ID != e.ID {
			t.Errorf("want the identifier %s in every attempt, got %s", e.ID, told.ID)
		}
	}
}

// TestDeliverEventsGone: a receiver that wants no more is asked no more.
func TestDeliverEventsGone(t *testing.T) {
	t.Parallel()
	now, events, unwanted, next := noon, &memory.Events{}, happened(noon.Add(-time.Hour)), happened(noon)
	events.Add(unwanted)
	events.Add(next)
	r := &receiver{answers: []error{domain.Errorf(domain.CodeNotFound, "answered 410"), nil}, now: &now}
	givenUp, err := domain.NewDeliverEvents(events, r, func() time.Time { return now }).Execute(t.Context())
	if err != nil || len(givenUp) != 1 || givenUp[0].ID != unwanted.ID {
		t.Errorf("want %s given up, got %+v, %v", unwanted.ID, givenUp, err)
	}
	if w, err := events.Waiting(t.Context()); err != nil || w.Count != 0 || len(r.told) != 2 {
		t.Errorf("want two attempts and none left, got %d and %+v, %v", len(r.told), w, err)
	}
}

// TestDeliverEventsInterrupted: what a process was telling when it ended is told again
// after a minute, under the same identifier.
func TestDeliverEventsInterrupted(t *testing.T) {
	t.Parallel()
	now, events, e := noon, &memory.Events{}, happened(noon)
	events.Add(e)
	ctx, end := context.WithCancel(t.Context())
	r := &receiver{answers: []error{context.Canceled, nil}, now: &now, meet: end}
	deliver := domain.NewDeliverEvents(events, r, func() time.Time { return now })
	if givenUp, err := deliver.Execute(ctx); !errors.Is(err, context.Canceled) || len(givenUp) > 0 {
		t.Errorf("want %v, got %+v, %v", context.Canceled, givenUp, err)
	}
	for _, c := range []struct {
		after time.Duration
		told  int
	}{{time.Minute - 1, 1}, {time.Minute, 2}, {time.Hour, 2}} {
		now = noon.Add(c.after)
		if _, err := deliver.Execute(t.Context()); err != nil || len(r.told) != c.told {
			t.Errorf("after %s: want %d attempts, got %d, %v", c.after, c.told, len(r.told), err)
		}
	}
	if r.told[1].ID != e.ID || r.told[1].Attempts != 2 {
		t.Errorf("want %s in the second attempt, got %+v", e.ID, r.told[1])
	}
}

// lostEvents fails to record what became of an event.
type lostEvents struct{ *memory.Events }

func (lostEvents) End(context.Context, uuid.UUID, time.Time, bool) error { return errReceiver }
func (lostEvents) Retry(context.Context, uuid.UUID, time.Time) error     { return errReceiver }

// TestDeliverEventsUnrecorded: without the database nothing more is told, and nothing
// counts as given up.
func TestDeliverEventsUnrecorded(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]error{"told": nil, "failed": errReceiver, "gone": domain.Errorf(domain.CodeNotFound, "answered 410")} {
		now, events := noon, &memory.Events{}
		events.Add(happened(noon))
		events.Add(happened(noon))
		r := &receiver{answers: []error{answer}, now: &now}
		givenUp, err := domain.NewDeliverEvents(lostEvents{events}, r, func() time.Time { return now }).Execute(t.Context())
		if !errors.Is(err, errReceiver) || len(givenUp) > 0 || len(r.told) != 1 {
			t.Errorf("%s: want one attempt and the error, got %d, %+v, %v", name, len(r.told), givenUp, err)
		}
	}
}
