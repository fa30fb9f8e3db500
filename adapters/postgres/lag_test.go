package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// TestReplicaLagCheckDoesNotBlock: while one caller checks the lag of a replica, others
// use the previous result. Otherwise each check would send them to the primary.
func TestReplicaLagCheckDoesNotBlock(t *testing.T) {
	t.Parallel()
	var l lag
	for _, before := range []bool{false, true} {
		if got, _ := l.state(); got != before {
			t.Fatalf("want near %v, got %v", before, got)
		}
		during := false
		if err := l.look(t.Context(), replica{asked: func() { during = l.near.Load() }}, time.Second); err != nil {
			t.Fatal(err)
		}
		if during != before || !l.near.Load() {
			t.Errorf("want near %v during the check and true after it, got %v and %v", before, during, l.near.Load())
		}
	}
}

// replica has replayed everything, and calls asked on each query.
type replica struct {
	Conn
	asked func()
}

func (r replica) QueryRow(context.Context, string, ...any) pgx.Row { r.asked(); return r }

func (replica) Scan(to ...any) error {
	*to[0].(*bool) = true
	return nil
}
