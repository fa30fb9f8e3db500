package translog

import (
	"testing"
	"time"
)

// TestClusterOfAReceipt: it is that of the server that writes the receipt, which
// may be another one than when somebody last asked.
func TestClusterOfAReceipt(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	var startedAt time.Time
	if err := b.owner.Pool().QueryRow(t.Context(), `SELECT pg_postmaster_start_time()`).Scan(&startedAt); err != nil {
		t.Fatal(err)
	}
	here := b.number(`SELECT lethe.cluster()`)
	for name, c := range map[string]struct {
		startedAt time.Time
		cluster   int64
		want      int64
	}{
		"nobody has asked": {time.Time{}, 0, here},
		"of this run":      {startedAt, 42, 42},
		"of another run":   {startedAt.Add(-time.Microsecond), 42, here},
		"not to be known":  {startedAt, 0, 0},
	} {
		r := newReceipt(t, origin)
		r.Server.StartedAt, r.Server.Cluster = c.startedAt, c.cluster
		b.writeReceipt(r)
		if got := b.number(`SELECT coalesce(cluster, 0) FROM lethe.receipts WHERE id = $1`, r.ID); got != c.want {
			t.Errorf("%s: want %d, got %d", name, c.want, got)
		}
	}
}
