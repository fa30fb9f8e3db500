package porttest

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

// Events tests an implementation of domain.Events; newPort returns an empty one, and what
// adds an event that is due at once.
func Events(t *testing.T, newPort func(t *testing.T) (domain.Events, func(domain.Event))) {
	t.Run("each is claimed by one", func(t *testing.T) {
		p, add := newPort(t)
		testEventsAreClaimed(t, p, add)
	})
	t.Run("old ones are removed", func(t *testing.T) {
		p, add := newPort(t)
		testEventsAreRemoved(t, p, add)
	})
}

func eventAt(at time.Time) domain.Event {
	return domain.Event{ID: uuid.New(), Type: "erasure.finished", At: at, Data: []byte(`{"b": 1, "a": 2}`)}
}

func claims(t *testing.T, p domain.Events, now, againAt time.Time, want domain.Event) {
	t.Helper()
	if got, err := p.Claim(t.Context(), now, againAt); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("claim at %s: want %+v, got %+v, %v", now, want, got, err)
	}
}

func claimsNone(t *testing.T, p domain.Events, now time.Time) {
	t.Helper()
	if got, err := p.Claim(t.Context(), now, now); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("claim at %s: want %s, got %+v, %v", now, domain.CodeNotFound, got, err)
	}
}

func wait(t *testing.T, p domain.Events, count int64, oldest *time.Time) {
	t.Helper()
	if w, err := p.Waiting(t.Context()); err != nil || !reflect.DeepEqual(w, domain.EventsWaiting{Count: count, Oldest: oldest}) {
		t.Errorf("want %d waiting since %v, got %+v, %v", count, oldest, w, err)
	}
}

func testEventsAreClaimed(t *testing.T, p domain.Events, add func(domain.Event)) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 1000, time.UTC)
	claimsNone(t, p, at)
	wait(t, p, 0, nil)
	second, first := eventAt(at.Add(time.Second)), eventAt(at)
	add(second)
	add(first)
	wait(t, p, 2, &at)
	claimsNone(t, p, at.Add(-time.Microsecond))
	first.Attempts, second.Attempts = 1, 1
	claims(t, p, at.Add(time.Minute), at.Add(time.Hour), first)
	claims(t, p, at.Add(time.Minute), at.Add(2*time.Hour), second)
	claimsNone(t, p, at.Add(time.Hour-time.Microsecond))
	// Whoever claimed them has died; then both are tried again.
	first.Attempts = 2
	claims(t, p, at.Add(time.Hour), at.Add(3*time.Hour), first)
	if err := p.Retry(t.Context(), second.ID, at.Add(90*time.Minute)); err != nil {
		t.Error(err)
	}
	claimsNone(t, p, at.Add(90*time.Minute-time.Microsecond))
	second.Attempts = 2
	claims(t, p, at.Add(90*time.Minute), at.Add(3*time.Hour), second)
	wait(t, p, 2, &at)
	for i, e := range []domain.Event{first, second} {
		if err := p.End(t.Context(), e.ID, at.Add(4*time.Hour), i == 0); err != nil {
			t.Error(err)
		}
	}
	if err := p.Retry(t.Context(), first.ID, at); err != nil {
		t.Error(err)
	}
	claimsNone(t, p, at.Add(9*time.Hour))
	wait(t, p, 0, nil)
}

func testEventsAreRemoved(t *testing.T, p domain.Events, add func(domain.Event)) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ended, waiting := eventAt(at), eventAt(at.Add(time.Hour))
	add(ended)
	add(waiting)
	if err := p.End(t.Context(), ended.ID, at.Add(2*time.Hour), true); err != nil {
		t.Error(err)
	}
	for _, step := range []struct {
		before time.Duration
		want   int64
	}{{time.Hour, 0}, {time.Hour + time.Microsecond, 1}, {2 * time.Hour, 0}, {2*time.Hour + time.Microsecond, 1}, {9 * time.Hour, 0}} {
		if n, err := p.Remove(t.Context(), at.Add(step.before)); err != nil || n != step.want {
			t.Errorf("after %s: want %d removed, got %d, %v", step.before, step.want, n, err)
		}
	}
	wait(t, p, 0, nil)
}
