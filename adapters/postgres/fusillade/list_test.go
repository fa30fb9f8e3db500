package fusillade

import (
	"errors"
	"fmt"
	"math"
	"reflect"
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
	"lethe/internal/pgfixture"
	"lethe/internal/pgtest"
)

// Four rows in five belong to batches. The rest belong to twenty owners in equal
// parts.
const crowd = 20_000

func (b *fixture) addCrowd() {
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
	b := newFixture(t, postgres.Config{MaxConns: 1, Tracer: m})
	b.addCrowd()
	owner := "owner-1"
	everything := []domain.ResponseFilter{
		{}, {Owners: []string{owner}}, {Models: []string{"model-1", "model-2"}}, {Owners: []string{owner}, Models: []string{"model-3"}},
	}

	t.Run("round trips", func(t *testing.T) {
		took := func(what string, limit int64, do func() error) {
			t.Helper()
			m.count.Store(0)
			if err := do(); err != nil {
				t.Errorf("%s: %v", what, err)
			}
			if n := m.count.Load(); n > limit {
				t.Errorf("%s: got %d round trips", what, n)
			}
		}
		for _, filter := range everything {
			for _, activeFirst := range []bool{true, false} {
				q := domain.PageQuery{Filter: filter, ActiveFirst: activeFirst, Limit: 20}
				var rows []domain.Response
				page := func() (err error) {
					if rows, err = b.responses.Page(t.Context(), q); err == nil && len(rows) != int(q.Limit) {
						t.Errorf("want a page of %d, got %d", q.Limit, len(rows))
					}
					return err
				}
				took("a page", 1, page)
				q.Limit = 5
				first := rows
				for _, r := range []domain.Response{first[0], first[14]} {
					after := domain.PositionOf(r, activeFirst)
					q.After = &after
					took("a page after another", 1, page)
				}
			}
			for mode, limit := range map[domain.CountMode]int64{domain.CountAuto: 2, domain.CountExact: 1, domain.CountEstimate: 1} {
				took("a count", limit, func() error {
					count, err := porttest.Count(t.Context(), b.responses, filter, mode)
					if mode != domain.CountAuto && count.Exact != (mode == domain.CountExact) {
						t.Errorf("mode %d: got %+v", mode, count)
					}
					return err
				})
			}
		}
		row := porttest.NewRow(owner, "completed", time.Now())
		b.AddResponse(row)
		took("a count of one owner", 1, func() error {
			count, err := porttest.Count(t.Context(), b.responses, domain.ResponseFilter{Owners: []string{owner}}, domain.CountAuto)
			if !count.Exact {
				t.Errorf("got %+v", count)
			}
			return err
		})
		took("fetching one", 1, func() error {
			_, _, err := b.responses.Get(t.Context(), row.ID, nil, math.MaxInt64, nil)
			return err
		})
	})

	t.Run("indexes", func(t *testing.T) {
		const fromStart, ranks, inRank = "NULL, NULL, 0, 10)", "3, -1, 0, 10)", "3, '2026-01-09', 'ffffffff-ffff-ffff-ffff-ffffffffffff', 10)"
		for sql, c := range map[string]struct{ index, more string }{
			dbsqlc.PageOfOwner:            {"idx_requests_user_created_sort", fromStart},
			dbsqlc.PageOfOwnerActiveFirst: {"idx_requests_user_active_sort", ranks},
			dbsqlc.PageOfOwnerInRank:      {"idx_requests_user_", inRank},      // either: nearly all have this rank
			dbsqlc.Page:                   {"idx_requests_created", fromStart}, // either: few are equal
			dbsqlc.PageActiveFirst:        {"idx_requests_active_sort", ranks},
			dbsqlc.PageInRank:             {"idx_requests_", inRank},
		} {
			for _, by := range []struct{ states, models string }{{"NULL", "NULL"}, {"NULL", "'{model-1,model-2}'"}, {"'{completed}'", "NULL"}} {
				narrowed := by.states+by.models != "NULLNULL"
				args := fmt.Sprintf("%t, NULL, ", narrowed)
				if strings.Contains(c.index, "user") {
					args = fmt.Sprintf("'owner-1', %t, ", narrowed)
				}
				args += by.states + ", NULL, NULL, NULL, " + by.models + ", NULL, NULL, NULL, NULL, " + c.more
				for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
					plan := b.planAfterMany(mode, sql, args)
					if !strings.Contains(plan, c.index) || strings.Contains(plan, "->  Sort") || strings.Contains(plan, "Seq Scan") ||
						strings.Contains(plan, "IS NULL") == (mode == "force_custom_plan") {
						t.Errorf("want %s and no sorting for (%s in mode %s, got\n%s", c.index, args, mode, plan)
					}
				}
			}
		}
		for sql, c := range map[string]struct{ index, args string }{
			dbsqlc.PageUnfilteredActiveFirst:        {"idx_requests_active_sort", "-1, 0, 10)"},
			dbsqlc.PageUnfilteredInRank:             {"idx_requests_", inRank},
			dbsqlc.PageOfOwnerUnfiltered:            {"idx_requests_user_created_sort", "'owner-1', " + fromStart},
			dbsqlc.PageOfOwnerUnfilteredActiveFirst: {"idx_requests_user_active_sort", "'owner-1', -1, 0, 10)"},
			dbsqlc.PageOfOwnerUnfilteredInRank:      {"idx_requests_user_", "'owner-1', " + inRank},
		} {
			// That is how they are run: without their arguments.
			plan := b.planAfterMany("force_generic_plan", sql, c.args)
			if !strings.Contains(plan, c.index) || strings.Contains(plan, "Sort") || strings.Contains(plan, "Seq Scan") {
				t.Errorf("want %s and no sorting for (%s, got\n%s", c.index, c.args, plan)
			}
		}
	})

	t.Run("estimate", func(t *testing.T) {
		exact := make([]domain.Count, len(everything))
		for i, filter := range everything {
			var err error
			if exact[i], err = porttest.Count(t.Context(), b.responses, filter, domain.CountExact); err != nil || !exact[i].Exact {
				t.Fatalf("want an exact count, got %+v, %v", exact[i], err)
			}
		}
		// From here on, reading a row takes ten milliseconds.
		b.exec(`CREATE POLICY slow ON requests USING (pg_sleep(0.01) IS NOT NULL)`)
		b.exec(`ALTER TABLE requests ENABLE ROW LEVEL SECURITY`)
		for i, filter := range everything {
			for _, mode := range []domain.CountMode{domain.CountAuto, domain.CountExact, domain.CountEstimate} {
				if mode == domain.CountExact && exact[i].Total < 200 {
					continue // slow, but within the limit
				}
				m.count.Store(0)
				got, err := porttest.Count(t.Context(), b.responses, filter, mode)
				if off := math.Abs(float64(got.Total - exact[i].Total)); err != nil || got.Exact || off > 0.3*float64(exact[i].Total) {
					t.Errorf("mode %d: want an estimate of %d, got %+v, %v", mode, exact[i].Total, got, err)
				}
				if n := m.count.Load(); n > 2 {
					t.Errorf("mode %d: estimate: got %d round trips", mode, n)
				}
			}
		}
		// The connection can be used as before.
		err := b.responses.src.Primary.Use(t.Context(), func(c postgres.Conn) error {
			var limit string
			if err := c.QueryRow(t.Context(), `SHOW statement_timeout`).Scan(&limit); err != nil || limit != "30s" {
				t.Errorf("want the limit of 30 s back, got %s, %v", limit, err)
			}
			if status := c.(*pgxpool.Conn).Conn().PgConn().TxStatus(); status != 'I' {
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

// planAfterMany is the plan of a prepared query in a plan_cache_mode, after several
// runs.
func (b *fixture) planAfterMany(mode, sql, args string) string {
	b.t.Helper()
	var plan []string
	err := b.responses.src.Primary.Use(b.t.Context(), func(c postgres.Conn) error {
		ctx := b.t.Context()
		if _, err := c.(*pgxpool.Conn).Conn().Prepare(ctx, "many", sql); err != nil {
			return err
		}
		if _, err := c.Exec(ctx, "SET plan_cache_mode = "+mode); err != nil {
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
		if _, err := c.Exec(ctx, "RESET plan_cache_mode"); err != nil {
			return err
		}
		return c.(*pgxpool.Conn).Conn().Deallocate(ctx, "many")
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return strings.Join(plan, "\n")
}

// TestBoundsBetweenMicroseconds: a bound between two microseconds excludes what is
// before it, although Postgres has no nanoseconds.
func TestBoundsBetweenMicroseconds(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
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
			if got, err := porttest.Count(t.Context(), b.responses, filter, domain.CountAuto); err != nil || got.Total != want {
				t.Errorf("%s %+d ns: want %d, got %+v, %v", name, ns, want, got, err)
			}
		}
	}
}

// TestFilterValuesPostgresCannotStore: filtering by a value that Postgres cannot store finds
// nothing, without an error.
func TestFilterValuesPostgresCannotStore(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	row := porttest.NewRow("somebody", "completed", time.Now())
	b.AddResponse(row)
	for _, word := range []string{"somebody\x00", "\xff", "completed\x00", "model-a\x00"} {
		for name, filter := range map[string]domain.ResponseFilter{
			"owner": {Owners: []string{word}}, "state": {States: []string{word}}, "model": {Models: []string{word}}, "tier": {Tiers: []string{word}},
		} {
			page, err := b.responses.Page(t.Context(), domain.PageQuery{Filter: filter, ActiveFirst: true, Limit: 10})
			if err != nil || len(page) != 0 {
				t.Errorf("%s %q: want nothing, got %v, %v", name, word, page, err)
			}
			if count, err := porttest.Count(t.Context(), b.responses, filter, domain.CountAuto); err != nil || count != (domain.Count{Exact: true}) {
				t.Errorf("%s %q: want none, got %+v, %v", name, word, count, err)
			}
		}
		page, err := b.responses.Page(t.Context(), domain.PageQuery{Filter: domain.ResponseFilter{Models: []string{word, row.Model}}, Limit: 10})
		if err != nil || len(page) != 1 {
			t.Errorf("want the other model found, got %v, %v", page, err)
		}
	}
	if page, err := b.responses.Page(t.Context(), domain.PageQuery{Skip: math.MaxInt64, Limit: math.MaxInt64}); err != nil || len(page) != 0 {
		t.Errorf("want no rows at such an offset, got %v (error %v)", page, err)
	}
}

func TestNewInvalidConfig(t *testing.T) {
	t.Parallel()
	if _, err := New(postgres.Source{}, "outlet", true, TestIssuer); err == nil {
		t.Error("want an error without a database")
	}
	b := newFixture(t, postgres.Config{})
	if _, err := New(b.responses.src, "", true, TestIssuer); err == nil {
		t.Error("want an error without the outlet's schema")
	}
}

// TestUnknownSchema: a missing schema is an error of the installation, not of the
// caller.
func TestUnknownSchema(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	db, err := postgres.Open(postgres.Config{URL: b.database.RoleURL, SearchPath: []string{`fus"illade`, "outlet"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	responses, err := New(postgres.Source{Primary: db}, `out"let`, true, TestIssuer)
	if err != nil {
		t.Fatal(err)
	}
	_, pageErr := responses.Page(t.Context(), domain.PageQuery{ActiveFirst: true, Limit: 10})
	_, countErr := porttest.Count(t.Context(), responses, domain.ResponseFilter{}, domain.CountAuto)
	_, _, getErr := responses.Get(t.Context(), uuid.New(), nil, math.MaxInt64, nil)
	_, eraseErr := responses.Erase(t.Context(), uuid.New(), nil, porttest.Permit)
	for name, err := range map[string]error{"page": pageErr, "count": countErr, "get": getErr, "erase": eraseErr} {
		if domain.CodeOf(err) != domain.CodeUnavailable || !strings.Contains(err.Error(), "lacks") {
			t.Errorf("%s: want %s naming what is missing, got %v", name, domain.CodeUnavailable, err)
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
	erased, err := responses.Erase(t.Context(), uuid.MustParse("00000000-0000-4000-8000-000000000001"), nil, porttest.Permit)
	if err != nil || erased != (domain.Erased{Requests: 1, RawRequests: 1}) {
		t.Errorf("want it erased with its copy, got %+v, %v", erased, err)
	}
}

// TestQueryModes: behind a pooler, pgx must use other query modes than its default.
func TestQueryModes(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	for _, mode := range []string{"cache_statement", "cache_describe", "describe_exec", "exec", "simple_protocol"} {
		responses := b.open(postgres.Config{URL: withParameter(t, b.database.RoleURL, "default_query_exec_mode", mode), MaxConns: 1})
		owner := "o'wner of " + mode
		requests := b.addChain(owner, 6)
		after := requests[0].CreatedAt.Add(-time.Minute)
		filter := domain.ResponseFilter{Owners: []string{owner}, Models: []string{"model-a", `o'"{}`}, CreatedAfter: &after}
		for range 2 {
			page, err := responses.Page(t.Context(), domain.PageQuery{Filter: filter, ActiveFirst: true, Limit: 10})
			if err != nil || len(page) != len(requests) {
				t.Errorf("%s: want a page of %d, got %d, %v", mode, len(requests), len(page), err)
			}
			if count, err := porttest.Count(t.Context(), responses, filter, domain.CountAuto); err != nil || count != (domain.Count{Total: int64(len(requests)), Exact: true}) {
				t.Errorf("%s: want %d, got %+v, %v", mode, len(requests), count, err)
			}
			b.exec(`CREATE POLICY slow ON requests USING (pg_sleep(0.1) IS NOT NULL)`)
			b.exec(`ALTER TABLE requests ENABLE ROW LEVEL SECURITY`)
			if count, err := porttest.Count(t.Context(), responses, filter, domain.CountAuto); err != nil || count.Exact {
				t.Errorf("%s: want an estimate, got %+v, %v", mode, count, err)
			}
			b.exec(`ALTER TABLE requests DISABLE ROW LEVEL SECURITY`)
			b.exec(`DROP POLICY slow ON requests`)
			if _, contents, err := responses.Get(t.Context(), requests[1].ID, nil, math.MaxInt64, nil); err != nil || contents.Prompt != requests[1].Prompt {
				t.Errorf("%s: got %+v, %v", mode, contents, err)
			}
		}
		if erased, err := responses.Erase(t.Context(), requests[2].ID, nil, porttest.Permit); err != nil || erased != whole(6, len(requests)) {
			t.Errorf("%s: got %+v, %v", mode, erased, err)
		}
	}
}

// TestGetUsage: a response has its latest usage if that is in the same
// database, and none otherwise.
func TestGetUsage(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	used, unused := porttest.NewRow("owner", "completed", at), porttest.NewRow("owner", "pending", at)
	b.AddResponse(used)
	b.AddResponse(unused)
	price := domain.Decimal("0.00000100")
	for i, prompt := range []int64{10, 30, 20} { // the latest is in the middle
		total := prompt + 1
		b.AddUsage(porttest.UsageRow{
			Response: used.ID, At: at.Add(time.Duration([]int{0, 2, 1}[i]) * time.Hour),
			PromptTokens: &prompt, CompletionTokens: new(int64(1)), TotalTokens: &total, ReasoningTokens: 7,
			PromptPrice: &price, CompletionPrice: &price,
		})
	}
	apart, err := New(b.responses.src, "outlet", false, TestIssuer)
	if err != nil {
		t.Fatal(err)
	}
	cost := domain.Decimal("0.00003100")
	for _, c := range []struct {
		port *Responses
		row  porttest.Row
		want *domain.Usage
	}{
		{b.responses, used, &domain.Usage{PromptTokens: new(int64(30)), CompletionTokens: new(int64(1)), ReasoningTokens: new(int64(7)), TotalTokens: new(int64(31)), Cost: &cost}},
		{b.responses, unused, &domain.Usage{}},
		{apart, used, nil},
	} {
		full, _, err := c.port.Get(t.Context(), c.row.ID, nil, math.MaxInt64, nil)
		if err != nil || !reflect.DeepEqual(full.KnownUsage, c.want) {
			t.Errorf("got %+v, %v", full.KnownUsage, err)
		}
		summary, err := c.port.GetSummary(t.Context(), c.row.ID, nil)
		if err != nil || !reflect.DeepEqual(summary.KnownUsage, c.want) {
			t.Errorf("without contents: got %+v, %v", summary.KnownUsage, err)
		}
	}
}

// TestListCostsInOtherDatabase: filtering lists by a cost in another database is an error.
func TestListCostsInOtherDatabase(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	responses, err := New(b.responses.src, "outlet", false, TestIssuer)
	if err != nil {
		t.Fatal(err)
	}
	for name, filter := range map[string]domain.ResponseFilter{
		"all owners": {MinTotalCost: new(domain.Decimal("0"))},
		"no owners":  {Owners: []string{}, MinTotalCost: new(domain.Decimal("0"))},
	} {
		_, pageErr := responses.Page(t.Context(), domain.PageQuery{Filter: filter, Limit: 10})
		_, countErr := porttest.Count(t.Context(), responses, filter, domain.CountAuto)
		if !errors.Is(pageErr, domain.ErrNoCosts) || !errors.Is(countErr, domain.ErrNoCosts) || domain.CodeOf(pageErr) != domain.CodeInvalid {
			t.Errorf("%s: want %v, got %v and %v", name, domain.ErrNoCosts, pageErr, countErr)
		}
	}
}

// TestGetCharges: a cost that no usage record has comes from the ledger, in
// one round trip. Without a ledger, the response has no cost.
func TestGetCharges(t *testing.T) {
	t.Parallel()
	m := &meddler{}
	open := func(database *pgtest.Database) *Responses {
		responses, err := New(postgres.Source{Primary: openDB(t, postgres.Config{URL: database.RoleURL, MaxConns: 1, Tracer: m})}, "outlet", true, TestIssuer)
		if err != nil {
			t.Fatal(err)
		}
		responses.WithLedger(func() bool { return true })
		return responses
	}
	database := pgtest.WithNewer(t)
	responses, rows := open(database), pgfixture.New(t, database.URL, pgfixture.Ports{})
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	price := domain.Decimal("1")
	for name, c := range map[string]struct {
		usage  *porttest.UsageRow
		charge *domain.Decimal
		want   *domain.Decimal
	}{
		"both":    {&porttest.UsageRow{PromptTokens: new(int64(1)), CompletionTokens: new(int64(1)), PromptPrice: &price, CompletionPrice: &price}, new(domain.Decimal("9")), new(domain.Decimal("2.00000000"))},
		"priced":  {&porttest.UsageRow{PromptTokens: new(int64(1))}, new(domain.Decimal("-0.25")), new(domain.Decimal("0.250000000000000"))},
		"expired": {nil, new(domain.Decimal("0.5")), new(domain.Decimal("0.500000000000000"))},
		"neither": {nil, nil, nil},
	} {
		row := porttest.NewRow("owner", "completed", at)
		rows.AddResponse(row)
		if c.usage != nil {
			c.usage.Response, c.usage.At = row.ID, at
			rows.AddUsage(*c.usage)
		}
		if c.charge != nil {
			rows.AddCharge(porttest.Charge{Response: row.ID, Amount: *c.charge})
		}
		m.count.Store(0)
		got, _, err := responses.Get(t.Context(), row.ID, nil, math.MaxInt64, nil)
		if err != nil || got.KnownUsage == nil || !reflect.DeepEqual(got.KnownUsage.Cost, c.want) || m.count.Load() != 1 {
			t.Errorf("%s: got %+v (error %v) in %d round trips", name, got.KnownUsage, err, m.count.Load())
		}
	}
	older := newFixture(t, postgres.Config{})
	row := porttest.NewRow("owner", "completed", at)
	older.AddResponse(row)
	costly := domain.ResponseFilter{Owners: []string{"owner"}, MinTotalCost: new(domain.Decimal("0.5"))}
	for name, c := range map[string]struct {
		responses *Responses
		want      int64
	}{"with a ledger": {responses, 2}, "without one": {open(older.database), 0}} {
		page, err := c.responses.Page(t.Context(), domain.PageQuery{Filter: costly, ActiveFirst: true, Limit: 10})
		count, countErr := porttest.Count(t.Context(), c.responses, costly, domain.CountExact)
		if err != nil || countErr != nil || int64(len(page)) != c.want || count.Total != c.want {
			t.Errorf("filtered by cost, %s: want %d, got %d, counted %d (errors %v, %v)", name, c.want, len(page), count.Total, err, countErr)
		}
	}
	if got, _, err := open(older.database).Get(t.Context(), row.ID, nil, math.MaxInt64, nil); err != nil || !reflect.DeepEqual(got.KnownUsage, &domain.Usage{}) {
		t.Errorf("without a ledger: got %+v, %v", got.KnownUsage, err)
	}
}
