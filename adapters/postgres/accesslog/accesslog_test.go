package accesslog_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/accesslog"
	"lethe/adapters/postgres/accesslog/internal/dbsqlc"
	"lethe/adapters/postgres/fusillade"
	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/pgfixture"
	"lethe/internal/pgtest"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// fixture is a database with the ports on it, which use the role with the fewest
// grants.
type fixture struct {
	*pgfixture.Fixture
	*counter
	accessLog *accesslog.Log
	owner     *pgx.Conn
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	database := pgtest.New(t)
	b := &fixture{counter: &counter{}}
	db, err := postgres.Open(postgres.Config{URL: database.RoleURL, SearchPath: []string{"fusillade", "outlet"}, MaxConns: 8, Tracer: b.counter})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	responses, err := fusillade.New(postgres.Source{Primary: db}, "outlet", true, fusillade.Issuer{Origin: "lethe.test", Build: "test", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	if b.accessLog, err = accesslog.New(db); err != nil {
		t.Fatal(err)
	}
	if b.owner, err = pgx.Connect(t.Context(), database.URL); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.owner.Close(context.WithoutCancel(t.Context())) })
	b.Fixture = pgfixture.New(t, database.URL, pgfixture.Ports{Responses: responses, AccessLog: b.accessLog})
	return b
}

// counter counts round trips: a batch is one.
type counter struct{ sent atomic.Int64 }

func (c *counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.sent.Add(1)
	return ctx
}
func (c *counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
func (c *counter) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	c.sent.Add(1)
	return ctx
}
func (c *counter) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (c *counter) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}

func TestAccessLog(t *testing.T) {
	t.Parallel()
	porttest.AccessLog(t, func(t *testing.T) porttest.AccessLogFixture { return newFixture(t) })
}

func (b *fixture) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	if _, err := b.owner.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func (b *fixture) number(t *testing.T, sql string, args ...any) (n int64) {
	t.Helper()
	if err := b.owner.QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return n
}

// TestRoundTrips: a page is one round trip, and an impossible filter none.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	for name, c := range map[string]struct {
		filter domain.AccessFilter
		want   int64
	}{
		"everything": {domain.AccessFilter{}, 1},
		"impossible": {domain.AccessFilter{Owner: new("\x00")}, 0},
	} {
		before := b.sent.Load()
		if _, err := b.accessLog.Page(t.Context(), domain.AccessQuery{Filter: c.filter, Limit: 2}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := b.sent.Load() - before; got != c.want {
			t.Errorf("%s: got %d round trips, want %d", name, got, c.want)
		}
	}
}

// TestForget: old records are deleted, oldest first and a limited number at a time.
// Of several concurrent calls, one deletes.
func TestForget(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	const old = 2*accesslog.MaxRemoved + 7
	b.exec(t, `INSERT INTO lethe.access_log (id, accessed_at, accessed_by, request_id, owner, address)
		SELECT gen_random_uuid(), $1::timestamptz - i * interval '1 second', gen_random_uuid(), gen_random_uuid(), 'anna', ''
		FROM generate_series(1, $2::integer) AS i`, noon, old)
	b.exec(t, `INSERT INTO lethe.access_log (id, accessed_at, accessed_by, request_id, owner, address)
		SELECT gen_random_uuid(), $1::timestamptz + i * interval '1 second', gen_random_uuid(), gen_random_uuid(), 'anna', ''
		FROM generate_series(0, 9) AS i`, noon)

	tx, err := b.owner.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `SELECT pg_advisory_xact_lock(x'6c657468656c6f6b'::bigint)`); err != nil {
		t.Fatal(err)
	}
	if n, err := b.accessLog.RemoveOld(t.Context(), noon); n != 0 || err != nil {
		t.Errorf("during another Forget: deleted %d (error %v)", n, err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}

	if n, err := b.accessLog.RemoveOld(t.Context(), noon); n != accesslog.MaxRemoved || err != nil {
		t.Errorf("deleted %d (error %v)", n, err)
	}
	if n := b.number(t, `SELECT count(*) FROM lethe.access_log WHERE accessed_at < $1 AND accessed_at >= $2`, noon, noon.Add(-(old-accesslog.MaxRemoved)*time.Second)); n != old-accesslog.MaxRemoved {
		t.Errorf("%d records left, want %d, the newest", n, old-accesslog.MaxRemoved)
	}
	var total atomic.Int64
	for total.Load() < old-accesslog.MaxRemoved {
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() {
				n, err := b.accessLog.RemoveOld(t.Context(), noon)
				if err != nil {
					t.Error(err)
				}
				total.Add(n)
			})
		}
		wait.Wait()
		if t.Failed() {
			return
		}
	}
	if n := b.number(t, `SELECT count(*) FROM lethe.access_log`); n != 10 || total.Load() != old-accesslog.MaxRemoved {
		t.Errorf("%d records left, want 10; deleted %d", n, total.Load())
	}
	if n, err := b.accessLog.RemoveOld(t.Context(), noon); n != 0 || err != nil {
		t.Errorf("nothing to delete: deleted %d (error %v)", n, err)
	}
}

// TestPlans: each filter has an index in the list's order, however short the page.
func TestPlans(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	b.exec(t, `INSERT INTO lethe.access_log (id, accessed_at, accessed_by, request_id, owner, address)
		SELECT gen_random_uuid(), $1::timestamptz - i * interval '1 second', ('00000000-0000-4000-8000-' || lpad((i % 500)::text, 12, '0'))::uuid,
		       ('00000000-0000-4000-8000-' || lpad((i % 4000)::text, 12, '0'))::uuid, 'owner ' || i % 500, ''
		FROM generate_series(1, 20000) AS i`, noon)
	b.exec(t, `ANALYZE lethe.access_log`)
	id, owner := uuid.MustParse("00000000-0000-4000-8000-000000000007"), "owner 7"
	for index, args := range map[string][]any{ // request_id, owner, accessed_by, from, to, after_at, after_id, most
		"access_log_accessed_at_idx": {nil, nil, nil, nil, nil, noon.Add(-time.Hour), uuid.Max, 2},
		"access_log_request_idx":     {id, nil, nil, nil, nil, nil, nil, 2},
		"access_log_owner_idx":       {nil, owner, nil, nil, noon.Add(-time.Hour), nil, nil, 2},
		"access_log_accessed_by_idx": {nil, nil, id, noon.Add(-5 * time.Hour), nil, noon.Add(-time.Hour), uuid.Max, 2},
	} {
		tx, err := b.owner.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(t.Context(), dbsqlc.PlanForArguments); err != nil {
			t.Fatal(err)
		}
		rows, err := tx.Query(t.Context(), "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) "+dbsqlc.Page, args...)
		if err != nil {
			t.Fatal(err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		if err := tx.Rollback(t.Context()); err != nil {
			t.Fatal(err)
		}
		plan := strings.Join(lines, "\n")
		if !strings.Contains(plan, "Index Scan Backward using "+index) || strings.Contains(plan, "Sort") || strings.Contains(plan, "Filter") || !strings.Contains(plan, "rows=2") {
			t.Errorf("want the index %s, got the plan\n%s", index, plan)
		}
	}
}
