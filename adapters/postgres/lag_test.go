package postgres

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// While one looks how far a replica is behind, others go by what was so before:
// else each look would send them to the primary.
func TestOthersGoOnDuringALook(t *testing.T) {
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
			t.Errorf("want near %v during the look and true after it, got %v and %v", before, during, l.near.Load())
		}
	}
}

// replica has replayed everything, and calls asked when it is asked.
type replica struct {
	Conn
	asked func()
}

func (r replica) QueryRow(context.Context, string, ...any) pgx.Row { r.asked(); return r }

func (replica) Scan(to ...any) error {
	*to[0].(*bool) = true
	return nil
}
