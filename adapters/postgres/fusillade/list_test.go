package fusillade

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
	"lethe/domain/porttest"
)

// Four rows in five are of batches; of the rest each of twenty owners has as
// many.
const crowd = 20_000

func (b *bench) addCrowd() {
	b.t.Helper()
	b.exec(`INSERT INTO batches (id, expires_at) VALUES ('00000000-0000-4000-8000-00000000ba7c', now())`)
	b.exec(`INSERT INTO requests (state, model, created_at, created_by, batch_id, canceled_at, response_status, response_body, completed_at)
		SELECT CASE WHEN n % 1000 = 5 THEN 'pending' WHEN n % 10 = 0 THEN 'canceled' ELSE 'completed' END, 'model-' || n % 7,
			timestamptz '2026-01-01' + (n::bigint * 7919 % $1) * interval '1 minute',
			CASE WHEN n % 5 = 0 THEN 'owner-' || n / 5 % 20 END,
			CASE WHEN n % 5 > 0 THEN '00000000-0000-4000-8000-00000000ba7c'::uuid END,
			now(), 200, 'words', now()
		FROM generate_series(1, $1::int) n`, crowd)
	b.exec(`ANALYZE requests`)
}

func TestLargeLists(t *testing.T) {
	t.Parallel()
	m := &meddler{}
	b := newBench(t, postgres.Config{MaxConns: 1, Tracer: m})
	b.addCrowd()
	owner := "owner-1"
	everything := []domain.ResponseFilter{
		{}, {Owner: &owner}, {Models: []string{"model-1", "model-2"}}, {Owner: &owner, Models: []string{"model-3"}},
	}

	t.Run("round trips", func(t *testing.T) {
		for _, filter := range everything {
			for _, activeFirst := range []bool{true, false} {
				m.count.Store(0)
				if rows, err := b.responses.Page(t.Context(), filter, activeFirst, 0, 20); err != nil || len(rows) != 20 {
					t.Errorf("want a page of 20, got %d, %v", len(rows), err)
				}
				if n := m.count.Load(); n != 1 {
					t.Errorf("a page took %d round trips", n)
				}
			}
			m.count.Store(0)
			if count, err := b.responses.Count(t.Context(), filter); err != nil || !count.Exact {
				t.Errorf("want an exact count, got %+v, %v", count, err)
			}
			if n := m.count.Load(); n != 1 {
				t.Errorf("a count took %d round trips", n)
			}
		}
		row := porttest.NewRow(owner, "completed", time.Now())
		b.AddResponse(row)
		m.count.Store(0)
		if _, _, err := b.responses.Get(t.Context(), row.ID); err != nil || m.count.Load() != 1 {
			t.Errorf("fetching one took %d round trips, %v", m.count.Load(), err)
		}
	})

	t.Run("indexes", func(t *testing.T) {
		for sql, want := range map[string]string{
			dbsqlc.PageOfOwnerActiveFirst: "idx_requests_user_active_sort",
			dbsqlc.PageOfOwner:            "idx_requests_user_created_sort",
			dbsqlc.PageActiveFirst:        "idx_requests_active_sort",
			dbsqlc.Page:                   "idx_requests_created", // either: ties are few
		} {
			for _, narrowed := range []string{"NULL, NULL", "NULL, '{model-1,model-2}'", "'completed', NULL"} {
				args := narrowed + ", NULL, NULL, NULL, 0, 10)"
				if strings.Contains(want, "user") {
					args = "'owner-1', " + args
				}
				plan := b.planAfterMany(sql, args)
				if !strings.Contains(plan, want) || strings.Contains(plan, "->  Sort") || strings.Contains(plan, "IS NULL OR") {
					t.Errorf("want %s and no sorting for (%s, got\n%s", want, args, plan)
				}
			}
		}
	})

	t.Run("estimate", func(t *testing.T) {
		exact := make([]domain.Count, len(everything))
		for i, filter := range everything {
			var err error
			if exact[i], err = b.responses.Count(t.Context(), filter); err != nil || !exact[i].Exact {
				t.Fatalf("want an exact count, got %+v, %v", exact[i], err)
			}
		}
		// From here on, looking at a row takes ten milliseconds.
		b.exec(`CREATE POLICY slow ON requests USING (pg_sleep(0.01) IS NOT NULL)`)
		b.exec(`ALTER TABLE requests ENABLE ROW LEVEL SECURITY`)
		for i, filter := range everything {
			m.count.Store(0)
			got, err := b.responses.Count(t.Context(), filter)
			if off := math.Abs(float64(got.Total - exact[i].Total)); err != nil || got.Exact || off > 0.3*float64(exact[i].Total) {
				t.Errorf("want an estimate of %d, got %+v, %v", exact[i].Total, got, err)
			}
			if n := m.count.Load(); n != 2 {
				t.Errorf("an estimate took %d round trips", n)
			}
		}
		// The one connection is as good as before.
		err := b.responses.src.Primary.Use(t.Context(), func(c *pgxpool.Conn) error {
			var limit string
			if err := c.QueryRow(t.Context(), `SHOW statement_timeout`).Scan(&limit); err != nil || limit != "30s" {
				t.Errorf("want the limit of 30 s back, got %s, %v", limit, err)
			}
			if status := c.Conn().PgConn().TxStatus(); status != 'I' {
				t.Errorf("want no transaction left open, got %c", status)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		if n := b.responses.src.Primary.Pool().Stat().NewConnsCount(); n != 1 {
			t.Errorf("want one connection to have done it all, got %d", n)
		}
	})
}

// planAfterMany is the plan that a prepared query is run with after so many
// runs that Postgres would take a generic one if it were let.
func (b *bench) planAfterMany(sql, args string) string {
	b.t.Helper()
	var plan []string
	err := b.responses.src.Primary.Use(b.t.Context(), func(c *pgxpool.Conn) error {
		ctx := b.t.Context()
		if _, err := c.Conn().Prepare(ctx, "many", sql); err != nil {
			return err
		}
		for range 10 {
			if _, err := c.Exec(ctx, "EXECUTE many ("+args); err != nil {
				return err
			}
		}
		rows, err := c.Query(ctx, "EXPLAIN EXECUTE many ("+args)
		if err != nil {
			return err
		}
		if plan, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil {
			return err
		}
		return c.Conn().Deallocate(ctx, "many")
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return strings.Join(plan, "\n")
}

// A bound between two microseconds leaves out what is before it, though
// Postgres knows no nanoseconds.
func TestBoundsBetweenMicroseconds(t *testing.T) {
	t.Parallel()
	b := newBench(t, postgres.Config{})
	at := time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)
	rows := make([]domain.Response, 3)
	for i := range rows {
		row := porttest.NewRow("somebody", "completed", at.Add(time.Duration(i)*time.Microsecond))
		b.AddResponse(row)
		rows[i] = row.Response
	}
	for ns := time.Duration(-500); ns <= 3500; ns += 500 {
		bound := at.Add(ns)
		for name, filter := range map[string]domain.ResponseFilter{"after": {CreatedAfter: &bound}, "before": {CreatedBefore: &bound}} {
			want := int64(0)
			for _, r := range rows {
				if filter.Matches(r) {
					want++
				}
			}
			if got, err := b.responses.Count(t.Context(), filter); err != nil || got.Total != want {
				t.Errorf("%s %+d ns: want %d, got %+v, %v", name, ns, want, got, err)
			}
		}
	}
}

// What Postgres cannot hold, no row has; asking for it is no fault.
func TestWordsThatNoRowCanHold(t *testing.T) {
	t.Parallel()
	b := newBench(t, postgres.Config{})
	row := porttest.NewRow("somebody", "completed", time.Now())
	b.AddResponse(row)
	for _, word := range []string{"somebody\x00", "\xff", "completed\x00", "model-a\x00"} {
		for name, filter := range map[string]domain.ResponseFilter{
			"owner": {Owner: &word}, "state": {State: &word}, "model": {Models: []string{word}}, "tier": {Tiers: []string{word}},
		} {
			page, err := b.responses.Page(t.Context(), filter, true, 0, 10)
			if err != nil || len(page) != 0 {
				t.Errorf("%s %q: want nothing, got %v, %v", name, word, page, err)
			}
			if count, err := b.responses.Count(t.Context(), filter); err != nil || count != (domain.Count{Exact: true}) {
				t.Errorf("%s %q: want none, got %+v, %v", name, word, count, err)
			}
		}
		page, err := b.responses.Page(t.Context(), domain.ResponseFilter{Models: []string{word, row.Model}}, true, 0, 10)
		if err != nil || len(page) != 1 {
			t.Errorf("want the other model found, got %v, %v", page, err)
		}
	}
	if page, err := b.responses.Page(t.Context(), domain.ResponseFilter{}, false, math.MaxInt64, math.MaxInt64); err != nil || len(page) != 0 {
		t.Errorf("want nothing so far out, got %v, %v", page, err)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	if _, err := New(postgres.Source{}, "outlet"); err == nil {
		t.Error("want an error without a database")
	}
	b := newBench(t, postgres.Config{})
	if _, err := New(b.responses.src, ""); err == nil {
		t.Error("want an error without the outlet's schema")
	}
}

// A schema that is not there is a fault of the installation, not of the caller.
func TestUnknownSchema(t *testing.T) {
	t.Parallel()
	b := newBench(t, postgres.Config{})
	db, err := postgres.Open(postgres.Config{URL: b.database.RoleURL, SearchPath: []string{`fus"illade`, "outlet"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	responses, err := New(postgres.Source{Primary: db}, `out"let`)
	if err != nil {
		t.Fatal(err)
	}
	_, pageErr := responses.Page(t.Context(), domain.ResponseFilter{}, true, 0, 10)
	_, countErr := responses.Count(t.Context(), domain.ResponseFilter{})
	_, _, getErr := responses.Get(t.Context(), uuid.New())
	_, eraseErr := responses.Erase(t.Context(), uuid.New(), always)
	for name, err := range map[string]error{"page": pageErr, "count": countErr, "get": getErr, "erase": eraseErr} {
		if domain.CodeOf(err) != domain.CodeInternal || !strings.Contains(err.Error(), "lacks") {
			t.Errorf("%s: want %s that says what is missing, got %v", name, domain.CodeInternal, err)
		}
	}

	// Names that need quoting work.
	b.exec(`ALTER SCHEMA fusillade RENAME TO "fus""illade"`)
	b.exec(`ALTER SCHEMA outlet RENAME TO "out""let"`)
	quoted, err := postgres.Open(postgres.Config{URL: b.database.RoleURL, SearchPath: []string{`fus"illade`, `out"let`}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(quoted.Close)
	responses.src.Primary = quoted
	b.exec(`INSERT INTO "fus""illade".requests (id, model, created_by) VALUES ('00000000-0000-4000-8000-000000000001', 'm', 'o')`)
	b.exec(`INSERT INTO public.http_analytics (instance_id, correlation_id, timestamp, method, uri, fusillade_request_id)
		VALUES ('00000000-0000-4000-8000-000000000002', 1, now(), 'POST', '/', '00000000-0000-4000-8000-000000000001')`)
	b.exec(`INSERT INTO "out""let".http_requests (instance_id, correlation_id, timestamp, method, uri, headers)
		VALUES ('00000000-0000-4000-8000-000000000002', 1, now(), 'POST', '/', '{}')`)
	erased, err := responses.Erase(t.Context(), uuid.MustParse("00000000-0000-4000-8000-000000000001"), always)
	if err != nil || erased != (domain.Erased{Requests: 1, RawRequests: 1}) {
		t.Errorf("want it erased with its copy, got %+v, %v", erased, err)
	}
}

// Behind a pooler, connections are used in other modes than pgx's own.
func TestQueryModes(t *testing.T) {
	t.Parallel()
	b := newBench(t, postgres.Config{})
	for _, mode := range []string{"cache_statement", "cache_describe", "describe_exec", "exec", "simple_protocol"} {
		responses := b.open(postgres.Config{URL: withParameter(t, b.database.RoleURL, "default_query_exec_mode", mode), MaxConns: 1})
		owner := "o'wner of " + mode
		requests := b.addChain(owner, 6)
		after := requests[0].CreatedAt.Add(-time.Minute)
		filter := domain.ResponseFilter{Owner: &owner, Models: []string{"model-a", `o'"{}`}, CreatedAfter: &after}
		for range 2 {
			page, err := responses.Page(t.Context(), filter, true, 0, 10)
			if err != nil || len(page) != len(requests) {
				t.Errorf("%s: want a page of %d, got %d, %v", mode, len(requests), len(page), err)
			}
			if count, err := responses.Count(t.Context(), filter); err != nil || count != (domain.Count{Total: int64(len(requests)), Exact: true}) {
				t.Errorf("%s: want %d, got %+v, %v", mode, len(requests), count, err)
			}
			b.exec(`CREATE POLICY slow ON requests USING (pg_sleep(0.1) IS NOT NULL)`)
			b.exec(`ALTER TABLE requests ENABLE ROW LEVEL SECURITY`)
			if count, err := responses.Count(t.Context(), filter); err != nil || count.Exact {
				t.Errorf("%s: want an estimate, got %+v, %v", mode, count, err)
			}
			b.exec(`ALTER TABLE requests DISABLE ROW LEVEL SECURITY`)
			b.exec(`DROP POLICY slow ON requests`)
			if _, contents, err := responses.Get(t.Context(), requests[1].ID); err != nil || contents.Prompt != requests[1].Prompt {
				t.Errorf("%s: got %+v, %v", mode, contents, err)
			}
		}
		if erased, err := responses.Erase(t.Context(), requests[2].ID, always); err != nil || erased != whole(6, len(requests)) {
			t.Errorf("%s: got %+v, %v", mode, erased, err)
		}
	}
}
