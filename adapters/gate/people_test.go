package gate_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/gate"
	"lethe/domain"
)

// slow takes a second to look up a key, and knows keys that begin with "good".
type slow struct {
	domain.People
	running, limit, asked atomic.Int64
	away                  atomic.Bool
	changed               atomic.Bool // the person of good keys is now deleted
}

var caller = uuid.New()

func (s *slow) ByKey(ctx context.Context, secret string) (domain.Key, error) {
	s.asked.Add(1)
	s.limit.Store(max(s.limit.Load(), s.running.Add(1)))
	defer s.running.Add(-1)
	select {
	case <-time.After(time.Second):
	case <-ctx.Done():
		return domain.Key{}, ctx.Err()
	}
	switch {
	case s.away.Load():
		return domain.Key{}, domain.Errorf(domain.CodeUnavailable, "away")
	case strings.HasPrefix(secret, "good") && !s.changed.Load():
		return domain.Key{Owner: caller, Creator: domain.Person{ID: caller}, Purpose: "platform"}, nil
	case strings.HasPrefix(secret, "other purpose"):
		return domain.Key{Owner: caller, Creator: domain.Person{ID: caller}, Purpose: "inference"}, nil
	case strings.HasPrefix(secret, "good"), strings.HasPrefix(secret, "nobody's"):
		return domain.Key{Owner: caller, Creator: domain.Person{ID: caller, Deleted: true}, Purpose: "platform"}, nil
	}
	return domain.Key{}, domain.Errorf(domain.CodeNotFound, "none")
}

func newGate(t *testing.T, s *slow, refused *atomic.Int64) *gate.People {
	t.Helper()
	p, err := gate.New(s, gate.Config{AtOnce: 2, Waiting: 4, Wait: 1500 * time.Millisecond, Entries: 3, Refused: func() { refused.Add(1) }})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestLookupLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s slow
		var refused atomic.Int64
		p := newGate(t, &s, &refused)
		p.Remember([]byte("secret"), nil)
		code := func(key string) domain.Code {
			_, err := p.ByKey(t.Context(), key)
			if err == nil {
				return "known"
			}
			return domain.CodeOf(err)
		}
		if got := code("good"); got != "known" {
			t.Fatalf("got %s, want known", got)
		}
		if fresh := p.Fresh(); len(fresh) != 1 || p.Fresh() != nil {
			t.Errorf("%d fresh keys, want 1 once", len(fresh))
		}
		// Two are looked up and four wait, two of them in vain. The others are
		// refused at once.
		codes := make(chan domain.Code, 20)
		for i := range 20 {
			go func() { codes <- code(fmt.Sprint("guess", i)) }()
		}
		synctest.Wait()
		if got := refused.Load(); got != 14 {
			t.Errorf("%d were refused at once, want 14", got)
		}
		begin := time.Now()
		if got := code("good"); got != "known" || time.Since(begin) != time.Second {
			t.Errorf("a key that has worked: got %s after %s, want known after 1s", got, time.Since(begin))
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		got := map[domain.Code]int{}
		for range 20 {
			got[<-codes]++
		}
		if got[domain.CodeNotFound] != 4 || got[domain.CodeCrowded] != 16 || refused.Load() != 16 {
			t.Errorf("got %v and %d refused, want 4 not found and 16 crowded", got, refused.Load())
		}
		if s.limit.Load() > 3 { // two guesses and the known key
			t.Errorf("%d lookups at a time, want at most 3", s.limit.Load())
		}
		if got := code("guess"); got != domain.CodeNotFound {
			t.Errorf("guess after the crowd: got %s, want not found", got)
		}

		// A program that starts with many requests at once.
		for i := range 20 {
			go func() { codes <- code([]string{"guess twice", "good and new"}[i%2]) }()
		}
		clear(got)
		for range 20 {
			got[<-codes]++
		}
		if got["known"] != 10 || got[domain.CodeNotFound] != 10 {
			t.Errorf("got %v, want 10 known and 10 not found", got)
		}
	})
}

// TestForgetRejectedKeys: a key that no longer works loses its precedence; a key whose
// lookup failed keeps it.
func TestForgetRejectedKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s slow
		var refused atomic.Int64
		p := newGate(t, &s, &refused)
		first := newGate(t, &s, &refused)
		first.Remember([]byte("secret"), nil)
		_, _ = first.ByKey(t.Context(), "good")
		fresh := first.Fresh()
		first.Remember([]byte("another"), nil)
		_, _ = first.ByKey(t.Context(), "good")
		if other := first.Fresh(); len(other) != 1 || other[0] == fresh[0] {
			t.Error("two secrets give the same fingerprint of a key")
		}
		_, _ = p.ByKey(t.Context(), "good")
		if p.Fresh() != nil {
			t.Error("keys were remembered before Remember")
		}
		revoked := gate.Mark{7}
		p.Remember([]byte("secret"), append(fresh, revoked))
		crowd := func() (leave func()) {
			ctx, cancel := context.WithCancel(t.Context())
			for guesser := range 6 {
				go func() {
					for n := 0; ctx.Err() == nil; n++ {
						_, _ = p.ByKey(ctx, fmt.Sprint("guess", guesser, n))
						time.Sleep(time.Microsecond)
					}
				}()
			}
			synctest.Wait()
			return func() { cancel(); time.Sleep(3 * time.Second); synctest.Wait() }
		}
		s.away.Store(true)
		if _, err := p.ByKey(t.Context(), "good"); domain.CodeOf(err) != domain.CodeUnavailable {
			t.Errorf("database away: got %v, want unavailable", err)
		}
		s.away.Store(false)
		leave := crowd()
		if _, err := p.ByKey(t.Context(), "good"); err != nil {
			t.Errorf("known key in a crowd: got %v, want no error", err)
		}
		leave()
		if fresh := p.Fresh(); fresh != nil {
			t.Errorf("%d fresh keys, want none", len(fresh))
		}
		// Of several callers with one key, the first leaves.
		early, hurry := context.WithCancel(t.Context())
		results := make(chan error, 2)
		for _, ctx := range []context.Context{early, t.Context()} {
			go func() {
				_, err := p.ByKey(ctx, "good and patient")
				results <- err
			}()
			synctest.Wait()
		}
		hurry()
		if err := <-results; !errors.Is(err, context.Canceled) {
			t.Errorf("caller that left: got %v, want context.Canceled", err)
		}
		if err := <-results; err != nil {
			t.Errorf("caller that stayed: got %v, want no error", err)
		}
		// A caller that leaves gives its place back.
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		leave = crowd()
		if _, err := p.ByKey(ctx, "new"); !errors.Is(err, context.DeadlineExceeded) && domain.CodeOf(err) != domain.CodeCrowded {
			t.Errorf("got %v, want a deadline error or crowded", err)
		}
		leave()
		if _, err := p.ByKey(t.Context(), "good and new"); err != nil {
			t.Errorf("after the crowd left: got %v, want no error", err)
		}
	})
}

// TestRememberAcceptedKeys: a key that exists but authenticates nobody counts as
// a guess.
func TestRememberAcceptedKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s slow
		var refused atomic.Int64
		p := newGate(t, &s, &refused)
		p.Remember([]byte("secret"), nil)
		passes := func(key string) bool {
			t.Helper()
			// Six others take all places.
			done := make(chan struct{}, 6)
			for i := range 6 {
				go func() { _, _ = p.ByKey(t.Context(), fmt.Sprint("guess", i)); done <- struct{}{} }()
			}
			synctest.Wait()
			_, err := p.ByKey(t.Context(), key)
			for range 6 {
				<-done
			}
			return domain.CodeOf(err) != domain.CodeCrowded
		}
		for _, key := range []string{"nobody's", "other purpose", "good"} {
			if _, err := p.ByKey(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
		if fresh := p.Fresh(); len(fresh) != 2 || passes("nobody's") || !passes("other purpose") || !passes("good") {
			t.Errorf("%d fresh keys; want two, and only these to pass", len(fresh))
		}
		s.changed.Store(true)
		if !passes("good") || passes("good") {
			t.Error("a key keeps its precedence after its person was deleted")
		}
		s.changed.Store(false)

		// Beyond the limit, the latest keys stay.
		var marks []gate.Mark
		for _, key := range []string{"good 1", "good 2", "good 3", "good 4"} { // latest first
			if _, err := p.ByKey(t.Context(), key); err != nil {
				t.Fatal(err)
			}
			marks = append(marks, p.Fresh()...)
		}
		p = newGate(t, &s, &refused)
		p.Remember([]byte("secret"), marks[:3])
		if _, err := p.ByKey(t.Context(), "good 4"); err != nil {
			t.Fatal(err)
		}
		if !passes("good 1") || !passes("good 2") || passes("good 3") {
			t.Error("the latest keys were evicted before older ones")
		}
	})
}

func TestNewInvalidConfig(t *testing.T) {
	t.Parallel()
	whole := gate.Config{AtOnce: 1, Waiting: 1, Wait: 1, Entries: 1, Refused: func() {}}
	for name, change := range map[string]func(*gate.Config){
		"nobody passes":  func(c *gate.Config) { c.AtOnce = 0 },
		"nobody waits":   func(c *gate.Config) { c.Waiting = 0 },
		"no time":        func(c *gate.Config) { c.Wait = 0 },
		"no room":        func(c *gate.Config) { c.Entries = 0 },
		"nobody to tell": func(c *gate.Config) { c.Refused = nil },
	} {
		cfg := whole
		change(&cfg)
		if _, err := gate.New(&slow{}, cfg); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
	if _, err := gate.New(nil, whole); err == nil {
		t.Error("New without people: got no error")
	}
}
