package accesslog_test

import (
	"context"
	"fmt"
	"math"
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

func (b *fixture) add(t *testing.T, owner string) domain.Access {
	t.Helper()
	row := porttest.NewRow(owner, "completed", noon)
	b.AddResponse(row)
	return domain.Access{ID: uuid.New(), At: noon, By: uuid.New(), Response: row.ID, Owner: owner, Address: "192.0.2.7"}
}

// TestRoundTrips: every call is one round trip, however the session starts and
// ends.
func TestRoundTrips(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	l := b.add(t, "anna")
	for name, call := range map[string]func() error{
		"record": func() error { l.ID = uuid.New(); return b.accessLog.Record(t.Context(), l) },
		"record, deleted response": func() error {
			gone := l
			gone.Response = uuid.New()
			return ignore(b.accessLog.Record(t.Context(), gone))
		},
		"page": func() error { _, err := b.accessLog.Page(t.Context(), domain.AccessQuery{Limit: 2}); return err },
		"page, impossible filter": func() error {
			_, err := b.accessLog.Page(t.Context(), domain.AccessQuery{Filter: domain.AccessFilter{Owner: new("\x00")}, Limit: 2})
			return err
		},
		"fetch, for comparison": func() error { _, _, err := b.Responses().Get(t.Context(), l.Response, nil, math.MaxInt64); return err },
	} {
		before := b.sent.Load()
		if err := call(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		want := int64(1)
		if strings.Contains(name, "impossible") {
			want = 0
		}
		if got := b.sent.Load() - before; got != want {
			t.Errorf("%s: got %d round trips, want %d", name, got, want)
		}
	}
}

func ignore(err error) error {
	if domain.CodeOf(err) == domain.CodeNotFound {
		return nil
	}
	return fmt.Errorf("want not found, got %w", err)
}

// nobody has no addresses and no separate usage records.
type nobody struct{ domain.People }

func (nobody) Emails(context.Context, []uuid.UUID) (map[uuid.UUID]string, error) { return nil, nil }

// TestGetRoundTrips: fetching a response of the caller or of the active
// organization, or without contents, takes no extra query. Recording an access
// takes one.
func TestGetRoundTrips(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	anna, ben := uuid.New(), uuid.New()
	get := domain.NewGetResponse(b.Responses(), nil, nobody{}, b.accessLog, time.Now, nil)
	admin := domain.Principal{ID: anna, Admin: true, Organization: &ben}
	for name, c := range map[string]struct {
		caller   domain.Principal
		owner    string
		omit     bool
		want     int64
		accesses int64
	}{
		"own":                         {domain.Principal{ID: anna, Roles: []domain.Role{domain.RoleBatchAPIUser}}, anna.String(), false, 1, 0},
		"own, as an administrator":    {admin, anna.String(), false, 1, 0},
		"active organization's":       {admin, ben.String(), false, 1, 0},
		"another's, without contents": {domain.Principal{ID: anna, Admin: true}, ben.String(), true, 1, 0},
		"another's":                   {domain.Principal{ID: anna, Admin: true}, ben.String(), false, 2, 1},
		"without an owner":            {domain.Principal{ID: anna, Admin: true}, "", false, 2, 1},
		"another organization's":      {admin, uuid.NewString(), false, 2, 1},
	} {
		l := b.add(t, c.owner)
		before := b.sent.Load()
		if _, err := get.Execute(t.Context(), c.caller, domain.GetRequest{ID: l.Response, OmitContents: c.omit}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := b.sent.Load() - before; got != c.want {
			t.Errorf("%s: got %d round trips, want %d", name, got, c.want)
		}
		if got := b.number(t, `SELECT count(*) FROM lethe.access_log WHERE request_id = $1`, l.Response); got != c.accesses {
			t.Errorf("%s: got %d records, want %d", name, got, c.accesses)
		}
	}
}

// TestRecordErrors: a failed write is an error, and stores nothing.
func TestRecordErrors(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	l := b.add(t, "anna")
	b.exec(t, `ALTER TABLE lethe.access_log ADD CONSTRAINT never CHECK (false) NOT VALID`)
	if err := b.accessLog.Record(t.Context(), l); domain.CodeOf(err) != domain.CodeInternal || strings.Contains(err.Error(), "192.0.2.7") {
		t.Errorf("got %v, want an internal error without the address", err)
	}
	b.exec(t, `ALTER TABLE lethe.access_log DROP CONSTRAINT never`)
	b.exec(t, `ALTER TABLE lethe.access_log RENAME TO elsewhere`)
	if err := b.accessLog.Record(t.Context(), l); domain.CodeOf(err) != domain.CodeUnavailable {
		t.Errorf("got the error %v", err)
	}
	b.exec(t, `ALTER TABLE lethe.elsewhere RENAME TO access_log`)
	if n := b.number(t, `SELECT count(*) FROM lethe.access_log`); n != 0 {
		t.Errorf("got %d records, want none", n)
	}
	if err := b.accessLog.Record(t.Context(), l); err != nil {
		t.Error(err)
	}
}

// TestRecordDuringUpdateAndErase: recording an access waits for an erasure of the
// response, but not for an update.
func TestRecordDuringUpdateAndErase(t *testing.T) {
	t.Parallel()
	b := newFixture(t)
	changed, erased := b.add(t, "anna"), b.add(t, "anna")
	tx, err := b.owner.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	if _, err := tx.Exec(t.Context(), `UPDATE fusillade.requests SET updated_at = now() WHERE id = $1`, changed.Response); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `DELETE FROM fusillade.requests WHERE id = $1`, erased.Response); err != nil {
		t.Fatal(err)
	}
	if err := b.accessLog.Record(t.Context(), changed); err != nil {
		t.Errorf("during an update: got %v, want no error", err)
	}
	done := make(chan error, 1)
	go func() { done <- b.accessLog.Record(t.Context(), erased) }()
	select {
	case err := <-done:
		t.Errorf("recording did not wait for the erasure: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("want not found, got %v", err)
	}
	if n := b.number(t, `SELECT count(*) FROM lethe.access_log`); n != 1 {
		t.Errorf("got %d records, want 1", n)
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
