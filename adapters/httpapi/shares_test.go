package httpapi

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
)

// statusOf is the status of a refused share; 0 means it was granted.
func statusOf(err error) int {
	if p, ok := errors.AsType[*requestProblem](err); ok {
		return p.status
	}
	return 0
}

// TestShare: one caller gets no more than its part, all callers together get no
// more than the total, and a free place goes to the caller who has waited longest.
func TestShare(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newShare("things", 5, 2, 1)
		alice, bob, carol := uuid.New(), uuid.New(), uuid.New()
		var mu sync.Mutex
		var given []func()
		give := func(n int) {
			mu.Lock()
			giveBack := given[n]
			mu.Unlock()
			giveBack()
		}
		take := func(who uuid.UUID, n int64) int {
			giveBack, err := s.take(t.Context(), who, n)
			if err == nil {
				mu.Lock()
				given = append(given, giveBack)
				mu.Unlock()
			}
			return statusOf(err)
		}
		begun := time.Now()
		for _, who := range []uuid.UUID{alice, alice, bob, bob, carol} {
			if got := take(who, 1); got != 0 || time.Since(begun) > 0 {
				t.Fatalf("got status %d after %s, want a place at once", got, time.Since(begun))
			}
		}
		// Alice may have one request waiting; a second one is refused.
		late := make(chan int)
		go func() { late <- take(alice, 1) }()
		synctest.Wait()
		if got := take(alice, 1); got != http.StatusTooManyRequests || time.Since(begun) > 0 {
			t.Errorf("alice's second waiting request: got status %d after %s, want 429 at once", got, time.Since(begun))
		}
		if got := <-late; got != http.StatusTooManyRequests || time.Since(begun) != waitForShare {
			t.Errorf("alice's first waiting request: got status %d after %s, want 429 after waitForShare", got, time.Since(begun))
		}
		// Carol has none, but all places are taken.
		if got := take(carol, 1); got != http.StatusServiceUnavailable {
			t.Errorf("request beyond the total: got status %d, want 503", got)
		}
		order := make(chan string, 3)
		for _, w := range []struct {
			name string
			who  uuid.UUID
		}{{"alice", alice}, {"carol", carol}, {"bob", bob}} {
			go func() {
				take(w.who, 1)
				order <- w.name
			}()
			synctest.Wait()
		}
		give(2) // bob's place; alice still has hers, so carol is next
		give(2) // a second call has no effect
		synctest.Wait()
		give(0)
		if first, second := <-order, <-order; first != "carol" || second != "alice" {
			t.Errorf("got %s before %s, want carol before alice", first, second)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			_, err := s.take(ctx, uuid.New(), 1)
			order <- err.Error()
		}()
		synctest.Wait()
		cancel()
		if got := <-order; got != context.Canceled.Error() {
			t.Errorf("caller that left: got %q, want context.Canceled", got)
		}
		if got := <-order; got != "bob" { // in vain
			t.Errorf("got %s, want bob", got)
		}
		for n := range given {
			give(n)
		}
		if s.taken != 0 || len(s.by) != 0 || len(s.waiting) != 0 {
			t.Errorf("%d taken by %d callers and %d waiting, want none", s.taken, len(s.by), len(s.waiting))
		}
		// A request for more than a part gets all of the part.
		if got := take(alice, 100); got != 0 || s.taken != 2 {
			t.Errorf("%d places taken, status %d, want 2 and 0", s.taken, got)
		}
	})
}
