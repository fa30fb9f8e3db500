package translog

import (
	"testing"
	"time"
)

// TestReceiptCluster: a receipt names the cluster of the server that writes it,
// which may have changed since it was last read.
func TestReceiptCluster(t *testing.T) {
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
		"never read":            {time.Time{}, 0, here},
		"read since the start":  {startedAt, 42, 42},
		"read before the start": {startedAt.Add(-time.Microsecond), 42, here},
		"not readable":          {startedAt, 0, 0},
	} {
		r := newReceipt(t, origin)
		r.Server.StartedAt, r.Server.Cluster = c.startedAt, c.cluster
		b.writeReceipt(r)
		if got := b.number(`SELECT coalesce(cluster, 0) FROM lethe.receipts WHERE id = $1`, r.ID); got != c.want {
			t.Errorf("%s: want %d, got %d", name, c.want, got)
		}
	}
}
