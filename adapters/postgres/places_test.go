package postgres_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/postgres"
	"lethe/domain"
	"lethe/internal/pgtest"
)

// TestConnectionsPerCaller: a caller that has its maximum of connections, all with
// blocked statements, and waits for more, keeps no other caller waiting.
func TestConnectionsPerCaller(t *testing.T) {
	t.Parallel()
	const conns, each = 4, 3
	db := open(t, postgres.Config{URL: pgtest.Empty(t).URL, MaxConns: conns, AcquireTimeout: time.Second})
	alice, bob := postgres.By(t.Context(), uuid.New()), postgres.By(t.Context(), uuid.New())
	finish := make(chan struct{})
	begun := make(chan struct{}, 2*conns)
	var hers sync.WaitGroup
	ask := func() error {
		return db.Use(alice, func(postgres.Conn) error {
			begun <- struct{}{}
			<-finish
			return nil
		})
	}
	for range each {
		hers.Go(func() {
			if err := ask(); err != nil {
				t.Error(err)
			}
		})
	}
	for range each {
		<-begun
	}
	for range conns {
		hers.Go(func() {
			err := ask()
			if _, away := errors.AsType[*postgres.Away](err); domain.CodeOf(err) != domain.CodeUnavailable || away {
				t.Errorf("request beyond the maximum: got %v", err)
			}
		})
	}
	for range 20 {
		if err := db.Use(bob, func(c postgres.Conn) error {
			_, err := c.Exec(context.Background(), "SELECT 1")
			return err
		}); err != nil {
			t.Errorf("another caller: got %v", err)
		}
	}
	for {
		// The four have waited in vain.
		if stat, _ := db.Stats(); stat.CanceledAcquireCount() == conns {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if len(begun) > 0 {
		t.Errorf("the caller got %d more connections, want none", len(begun))
	}
	close(finish)
	hers.Wait()
	if stat, _ := db.Stats(); stat.EmptyAcquireCount() < conns || stat.AcquireDuration() < conns*time.Second {
		t.Errorf("counted %d waits of %s", stat.EmptyAcquireCount(), stat.AcquireDuration())
	}
}
