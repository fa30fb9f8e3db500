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

// statusOf is what a share answers; 0: it granted what was asked for.
func statusOf(err error) int {
	if p, ok := errors.AsType[*requestProblem](err); ok {
		return p.status
	}
	return 0
}

// TestShare: one caller gets no more than its part, all together no more than
// there is, and what is given back goes to who has waited longest.
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
				t.Fatalf("refused with %d after %s", got, time.Since(begun))
			}
		}
		// One of alice's waits, and the next need not: she has her part.
		late := make(chan int)
		go func() { late <- take(alice, 1) }()
		synctest.Wait()
		if got := take(alice, 1); got != http.StatusTooManyRequests || time.Since(begun) > 0 {
			t.Errorf("her second that waits: %d after %s", got, time.Since(begun))
		}
		if got := <-late; got != http.StatusTooManyRequests || time.Since(begun) != waitForShare {
			t.Errorf("her first that waits: %d after %s", got, time.Since(begun))
		}
		// Carol has not, but there is none left.
		if got := take(carol, 1); got != http.StatusServiceUnavailable {
			t.Errorf("the one beyond all: %d", got)
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
		give(2) // bob's: alice has hers still, so carol is next
		give(2) // twice is once
		synctest.Wait()
		give(0)
		if first, second := <-order, <-order; first != "carol" || second != "alice" {
			t.Errorf("%s came before %s", first, second)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			_, err := s.take(ctx, uuid.New(), 1)
			order <- err.Error()
		}()
		synctest.Wait()
		cancel()
		if got := <-order; got != context.Canceled.Error() {
			t.Errorf("who left got %q", got)
		}
		if got := <-order; got != "bob" { // in vain
			t.Errorf("%s is left", got)
		}
		for n := range given {
			give(n)
		}
		if s.taken != 0 || len(s.by) != 0 || len(s.waiting) != 0 {
			t.Errorf("%d are taken, of %d, and %d wait", s.taken, len(s.by), len(s.waiting))
		}
		// What is more than a part is all of it.
		if got := take(alice, 100); got != 0 || s.taken != 2 {
			t.Errorf("%d of too much are taken, %d", s.taken, got)
		}
	})
}
