package ops_test

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"lethe/app/config"
	"lethe/app/ops"
	"lethe/internal/apptest"
	"lethe/internal/pgtest"
)

// orphaned are three copies of a missing request, and one of an existing one.
const orphaned = `
INSERT INTO outlet.http_requests (instance_id, correlation_id, timestamp, method, uri, headers)
SELECT '0a000000-0000-4000-8000-000000000001', n, now() - interval '8 days', 'POST', '/', jsonb_build_object('x-fusillade-request-id', '0b000000-0000-4000-8000-000000000001')
FROM generate_series(1, 3) n;
INSERT INTO outlet.http_requests (instance_id, correlation_id, timestamp, method, uri, headers)
SELECT '0a000000-0000-4000-8000-000000000001', 4, now() - interval '8 days', 'POST', '/', jsonb_build_object('x-fusillade-request-id', id)
FROM fusillade.requests ORDER BY id LIMIT 1;
INSERT INTO outlet.http_responses (instance_id, correlation_id, timestamp, status_code, headers, duration_to_first_byte_ms, duration_ms)
SELECT instance_id, correlation_id, timestamp, 200, '{}', 1, 1 FROM outlet.http_requests WHERE instance_id = '0a000000-0000-4000-8000-000000000001' AND correlation_id > 1`

const countCopies = `SELECT count(*) FROM outlet.http_requests WHERE instance_id = '0a000000-0000-4000-8000-000000000001'`

func countedOrphans(t *testing.T, environ string) (n ops.OrphansCounted) {
	t.Helper()
	cfg, err := config.Load(config.Sources{Environ: []string{environ}})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := ops.CountOrphans(t.Context(), cfg, ops.OrphansOptions{DryRun: true}, ops.Output{Out: &out, Progress: io.Discard, JSON: true}); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out.Bytes(), &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestOrphanedCopies: copies are counted, reported by the doctor, and removed only if
// that is enabled.
func TestOrphanedCopies(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	environ := "LETHE_DATABASE_URL=" + database.RoleURL
	before := countedOrphans(t, environ)
	apptest.Exec(t, database.URL, orphaned)
	n := countedOrphans(t, environ)
	if n.RawRequests-before.RawRequests != 3 || n.RawResponses-before.RawResponses != 2 || n.Looked-before.Looked != 7 || !n.All {
		t.Errorf("count: want 3 requests, 2 responses and 7 rows looked at more than %+v, got %+v", before, n)
	}
	told := func() ops.Check {
		t.Helper()
		return apptest.Named(t, apptest.Examine(t, environ), "orphaned copies")
	}
	if c := told(); c.Finding != ops.Warning || !strings.Contains(c.Advice, "erasure.orphans") {
		t.Errorf("doctor: want a warning that names erasure.orphans, got %+v", c)
	}

	apptest.Start(t, environ).Stop()
	if n := apptest.Number(t, database.URL, countCopies); n != 4 {
		t.Errorf("erasure.orphans off: %d copies left, want 4", n)
	}
	s := apptest.Start(t, environ, "LETHE_ERASURE_KEY="+apptest.NewKey(t), "LETHE_ERASURE_ORPHANS=true")
	apptest.Await(t, "they are removed", func() bool { return apptest.Number(t, database.URL, countCopies) == 1 })
	apptest.Await(t, "the receipt is sealed", func() bool {
		return apptest.Number(t, database.URL, `SELECT count(*) FROM lethe.receipts WHERE convert_from(body, 'UTF8') LIKE '%"trigger":"orphans"%' AND leaf_index IS NOT NULL`) >= 1
	})
	if _, _, metrics := s.Get(t, "/metrics", ""); !strings.Contains(metrics, `lethe_background_failures_total{work="orphans"} 0`) {
		t.Error("metrics: want 0 failures of orphans, got none")
	}
	if n := countedOrphans(t, environ); n.RawRequests+n.RawResponses != 0 {
		t.Errorf("count after the removal: want 0, got %+v", n)
	}
	if c := told(); c.Finding != ops.OK {
		t.Errorf("doctor, after the removal: want ok, got %+v", c)
	}
}
