package porttest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

// Sessions tests the contract of domain.Sessions. newPort makes an empty one.
func Sessions(t *testing.T, newPort func(t *testing.T) domain.Sessions) {
	t.Run("end", func(t *testing.T) {
		t.Parallel()
		testEndSession(t, newPort(t))
	})
	t.Run("limit", func(t *testing.T) {
		t.Parallel()
		testEndedSessionsLimit(t, newPort(t))
	})
	t.Run("canceled context", func(t *testing.T) {
		t.Parallel()
		port := newPort(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		id := uuid.New()
		_, askErr := port.Ended(ctx, id)
		for name, err := range map[string]error{"end": port.End(ctx, id, uuid.New(), time.Now().Add(time.Hour)), "ended": askErr} {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("%s: want the context's error, got %v", name, err)
			}
		}
		wantEnded(t, port, id, false)
	})
}

func wantEnded(t *testing.T, port domain.Sessions, id uuid.UUID, want bool) {
	t.Helper()
	if got, err := port.Ended(t.Context(), id); err != nil || got != want {
		t.Errorf("%s ended: want %t, got %t, %v", id, want, got, err)
	}
}

// testEndSession: a session that was ended stays ended, and no other is.
func testEndSession(t *testing.T, port domain.Sessions) {
	id, other, by, until := uuid.New(), uuid.New(), uuid.New(), time.Now().Add(time.Hour)
	wantEnded(t, port, id, false)
	for range 2 {
		if err := port.End(t.Context(), id, by, until); err != nil {
			t.Fatal(err)
		}
		wantEnded(t, port, id, true)
		wantEnded(t, port, other, false)
	}
	for range 3 { // what is over makes room, and nothing else does
		if err := port.End(t.Context(), uuid.New(), by, time.Now().Add(-time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	wantEnded(t, port, id, true)
}

// testEndedSessionsLimit: a person can end only so many, and ending one of them again
// is no more; what is over, and others' sessions, do not count.
func testEndedSessionsLimit(t *testing.T, port domain.Sessions) {
	by, until := uuid.New(), time.Now().Add(time.Hour)
	if err := port.End(t.Context(), uuid.New(), by, time.Now().Add(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	first := uuid.New()
	for i := range domain.MaxEndedSessions {
		id := uuid.New()
		if i == 0 {
			id = first
		}
		if err := port.End(t.Context(), id, by, until); err != nil {
			t.Fatalf("session %d: %v", i+1, err)
		}
	}
	more := uuid.New()
	if err := port.End(t.Context(), more, by, until); domain.CodeOf(err) != domain.CodeCrowded {
		t.Errorf("one more: want %s, got %v", domain.CodeCrowded, err)
	}
	wantEnded(t, port, more, false)
	if err := port.End(t.Context(), first, by, until); err != nil {
		t.Errorf("the first one again: %v", err)
	}
	if err := port.End(t.Context(), more, uuid.New(), until); err != nil {
		t.Errorf("by somebody else: %v", err)
	}
}
