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

// TestCallersTakeTurns: one caller, who has all connections that one may, whose
// statements do not get on and who waits for more, keeps nobody else waiting.
func TestCallersTakeTurns(t *testing.T) {
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
				t.Errorf("one too many: %v", err)
			}
		})
	}
	for range 20 {
		if err := db.Use(bob, func(c postgres.Conn) error {
			_, err := c.Exec(context.Background(), "SELECT 1")
			return err
		}); err != nil {
			t.Errorf("another's: %v", err)
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
		t.Errorf("she has %d more", len(begun))
	}
	close(finish)
	hers.Wait()
	if stat, _ := db.Stats(); stat.EmptyAcquireCount() < conns || stat.AcquireDuration() < conns*time.Second {
		t.Errorf("waits are counted as %d, %s", stat.EmptyAcquireCount(), stat.AcquireDuration())
	}
}
