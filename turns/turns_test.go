package turns

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// TestFairOrder: waiting callers get places in turn, however many requests each has
// waiting.
func TestFairOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := New[string](Bounds{All: 2, Each: 2, Queue: 7, QueueEach: 4})
		var order []string
		places := make(chan func(), 10)
		wait := func(caller string) {
			go func() {
				giveBack, err := p.Take(t.Context(), caller)
				if err != nil {
					t.Error(err)
					return
				}
				order = append(order, caller)
				places <- giveBack
			}()
			synctest.Wait()
		}
		for _, caller := range strings.Fields("alice alice alice alice alice alice bob carol bob") {
			wait(caller)
		}
		if _, err := p.Take(t.Context(), "alice"); !errors.Is(err, ErrOwn) {
			t.Errorf("alice's fifth waiting request: got %v, want ErrOwn", err)
		}
		if _, err := p.Take(t.Context(), "dave"); !errors.Is(err, ErrAll) {
			t.Errorf("eighth waiting request: got %v, want ErrAll", err)
		}
		for range 9 {
			giveBack := <-places
			giveBack()
			giveBack() // a second call has no effect
			synctest.Wait()
		}
		if got := fmt.Sprint(order); got != "[alice alice bob carol alice bob alice alice alice]" {
			t.Errorf("got the order %s", got)
		}
		if p.taken != 0 || p.waiting != 0 || len(p.lines) != 0 || p.next.Len() != 0 {
			t.Errorf("want no places taken or waited for, got %+v", p)
		}
	})
}

// TestPerCallerLimit: no caller gets more than its share, even if no other caller waits.
func TestPerCallerLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := New[string](Bounds{All: 3, Each: 2})
		first, _ := p.Take(t.Context(), "alice")
		second, _ := p.Take(t.Context(), "alice")
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan error)
		go func() {
			_, err := p.Take(ctx, "alice")
			left <- err
		}()
		third := make(chan func())
		go func() {
			giveBack, _ := p.Take(t.Context(), "alice")
			third <- giveBack
		}()
		synctest.Wait()
		bobs, err := p.Take(t.Context(), "bob")
		if err != nil || p.taken != 3 {
			t.Fatalf("bob: got %v and %d places taken, want 3", err, p.taken)
		}
		cancel()
		if err := <-left; !errors.Is(err, ErrOwn) {
			t.Errorf("caller that left: got %v, want ErrOwn", err)
		}
		first()
		(<-third)()
		second()
		bobs()
		if p.taken != 0 || p.waiting != 0 || len(p.lines) != 0 || p.next.Len() != 0 {
			t.Errorf("want no places taken or waited for, got %+v", p)
		}
	})
}

// TestConcurrentTurns: while many callers come, leave and give up, no place is lost and
// none is lent twice.
func TestConcurrentTurns(t *testing.T) {
	t.Parallel()
	const all, each = 5, 3
	p := New[int](Bounds{All: all, Each: each, Queue: 40, QueueEach: 20})
	var taken atomic.Int64
	var by [4]atomic.Int64
	var callers sync.WaitGroup
	for n := range 100 {
		callers.Go(func() {
			for range 200 {
				ctx, cancel := context.WithCancel(t.Context())
				if rand.IntN(3) == 0 {
					go cancel()
				}
				caller := n % len(by)
				if giveBack, err := p.Take(ctx, caller); err == nil {
					if taken.Add(1) > all || by[caller].Add(1) > each {
						t.Error("more places were lent than allowed")
					}
					by[caller].Add(-1)
					taken.Add(-1)
					giveBack()
				}
				cancel()
			}
		})
	}
	callers.Wait()
	if p.taken != 0 || p.waiting != 0 || len(p.lines) != 0 || p.next.Len() != 0 {
		t.Errorf("left: %d taken, %d waiting, %d lines, %d next, want none", p.taken, p.waiting, len(p.lines), p.next.Len())
	}
}
