package plans_test

import (
	"context"
	_ "embed"
	"errors"
	"math"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"

	"lethe/adapters/postgres/inspect"
	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/pgtest"
)

//go:embed testdata/partition.sql
var partition string

// parts is how many parts partition.sql makes; partOf is the one of the n-th row.
const parts = 12

func partOf(n int) int { return n/(2*8640) + 1 }

// partitioned makes fusillade.requests a table that is partitioned by time.
func partitioned(b *fixture, database *pgtest.Database) {
	b.t.Helper()
	b.exec(partition)
	role, err := url.Parse(database.RoleURL)
	if err != nil {
		b.t.Fatal("the URL of the role cannot be read")
	}
	present, err := inspect.Present(b.t.Context(), b.conn, inspect.Requirements(inspect.Schemas{}, inspect.Fusillade))
	if err != nil {
		b.t.Fatal(err)
	}
	_, grants := inspect.Grants(role.User.Username(), present)
	for _, grant := range grants {
		b.exec(grant)
	}
}

// TestPartitions: it shows what the service's queries do where fusillade.requests is
// partitioned by time, and what that costs. docs/scaling.md quotes it; -v prints the
// plans.
func TestPartitions(t *testing.T) {
	t.Parallel()
	b := newFixture(t, load, partitioned)
	t.Run("lists", b.testPartitionedLists)
	t.Run("counts", b.testPartitionedCounts)
	t.Run("by id", b.testPartitionedByID)
	t.Run("default partition", b.testDefaultPartition)
	t.Run("lost constraints", b.testLostConstraints) // last, as it writes
}

// inParts is how a statement went about the parts.
type inParts struct {
	planned, read int // of how many there is a scan, and how many of these ran
	order         string
	blocks        int
}

var (
	partScan = regexp.MustCompile(`(\w+ Scan)(?: Backward)?(?: using \w+)? on requests_\d\d\b.*\((?:actual|(never executed))`)
	appended = regexp.MustCompile(`->  (Merge Append|Append) \(`)
	// Usage records of one response are sorted, too.
	sorted = regexp.MustCompile(`->  Sort \(.*\n +Sort Key: \(?(?:CASE )?requests`)
)

// look explains a statement and fails where a part is read as a whole.
func (b *fixture) look(t *testing.T, what string, s statement, mode string) inParts {
	t.Helper()
	plan := b.explain(s, mode, "(ANALYZE, BUFFERS, COSTS OFF, TIMING OFF)")
	found := inParts{blocks: blocks(t, plan)}
	for _, scan := range partScan.FindAllStringSubmatch(plan, -1) {
		found.planned++
		if scan[2] == "" {
			found.read++
		}
		if scan[1] == "Seq Scan" {
			t.Errorf("%s, %s plan: want no sequential scan of a partition, got\n%s\n%s", what, mode, s.sql, plan)
		}
	}
	if m := appended.FindStringSubmatch(plan); m != nil {
		found.order = m[1]
	}
	if sorted.MatchString(plan) {
		found.order = "Sort"
	}
	t.Logf("%s, %s plan: %+v\n%s\n%s", what, mode, found, s.sql, plan)
	return found
}

func (b *fixture) testPartitionedLists(t *testing.T) {
	const far = 60_000
	everyone, own, nobody := []string(nil), []string{large}, []string{"owner-none"}
	for _, c := range []struct {
		what        string
		owners      []string
		filter      string
		activeFirst bool
		after       bool // far
		want        inParts
	}{
		// A row of each part, as any of them may be at work.
		{what: "first page, of everyone", owners: everyone, filter: "none", activeFirst: true, want: inParts{planned: parts, read: parts, order: "Merge Append"}},
		{what: "first page, own", owners: own, filter: "none", activeFirst: true, want: inParts{planned: parts, read: parts, order: "Merge Append"}},
		{what: "first page, of nobody", owners: nobody, filter: "none", activeFirst: true, want: inParts{planned: parts, read: parts, order: "Merge Append"}},
		// One part after another, until the page is full.
		{what: "newest, of everyone", owners: everyone, filter: "none", want: inParts{planned: parts, read: 1, order: "Append"}},
		{what: "newest, own", owners: own, filter: "none", want: inParts{planned: parts, read: 1, order: "Append"}},
		{what: "newest, of nobody", owners: nobody, filter: "none", want: inParts{planned: parts, read: parts, order: "Append"}},
		// A cursor compares rows, which leaves out no part: those that are newer
		// are looked into, and have nothing.
		{what: "after a cursor, of everyone", owners: everyone, filter: "none", activeFirst: true, after: true, want: inParts{planned: parts, read: parts - partOf(far) + 1, order: "Append"}},
		{what: "after a cursor, own", owners: own, filter: "none", activeFirst: true, after: true, want: inParts{planned: parts, read: parts - partOf(far) + 1, order: "Append"}},
		{what: "newest after a cursor, of everyone", owners: everyone, filter: "none", after: true, want: inParts{planned: parts, read: parts - partOf(far) + 1, order: "Append"}},
		{what: "newest after a cursor, own", owners: own, filter: "none", after: true, want: inParts{planned: parts, read: parts - partOf(far) + 1, order: "Append"}},
		// A plan that is made for a filter by time knows of its parts alone.
		{what: "between two times, of everyone", owners: everyone, filter: "between", activeFirst: true, want: inParts{planned: 1, read: 1}},
		{what: "between two times, own", owners: own, filter: "between", activeFirst: true, want: inParts{planned: 1, read: 1}},
		{what: "from a time on, own", owners: own, filter: "after", activeFirst: true, want: inParts{planned: 1, read: 1}},
	} {
		q := domain.PageQuery{Filter: filters[c.filter], ActiveFirst: c.activeFirst, Limit: 11}
		q.Filter.Owners = c.owners
		if c.after {
			q.After = &domain.Position{CreatedAt: createdAt(far), ID: uuid.Max}
			if c.activeFirst {
				q.After.Rank = 3
			}
		}
		wantRows := 11
		if len(c.owners) == 1 && c.owners[0] == nobody[0] {
			wantRows = 0
		} else if c.filter == "between" && c.owners != nil {
			wantRows = 10
		}
		b.recorder.take()
		if page, err := b.responses.Page(t.Context(), q); err != nil || len(page) != wantRows {
			t.Fatalf("%s: want %d rows, got %d, %v", c.what, wantRows, len(page), err)
		}
		modes := []string{"custom", "generic"}
		if c.filter != "none" {
			modes = modes[:1] // the only one that the service uses with filters
		}
		for _, s := range b.recorder.take() {
			for _, mode := range modes {
				got := b.look(t, c.what, s, mode)
				if got.blocks > 150 {
					t.Errorf("%s, %s plan: want 150 blocks or fewer read, got %d", c.what, mode, got.blocks)
				}
				if got.blocks = 0; c.filter != "none" {
					got.order = "" // few rows, and how they are sorted is all the same
				}
				if got != c.want {
					t.Errorf("%s, %s plan: want %+v, got %+v", c.what, mode, c.want, got)
				}
			}
		}
	}
}

func (b *fixture) testPartitionedCounts(t *testing.T) {
	for _, owners := range [][]string{nil, {large}} {
		for name, filter := range map[string]domain.ResponseFilter{
			"all": {}, "a state": filters["common state"], "a time": {CreatedAfter: new(createdAt(150_000))}, "no part": {CreatedAfter: new(createdAt(400_000))},
		} {
			filter.Owners = owners
			exact := b.exactly(t, filter)
			estimate, err := porttest.Count(t.Context(), b.responses, filter, domain.CountEstimate)
			if off := math.Abs(float64(estimate.Total - exact.Total)); err != nil || off > 0.15*float64(exact.Total)+1 {
				t.Errorf("%s of %v: want an estimate within 15 %% of %d, got %d, %v", name, owners, exact.Total, estimate.Total, err)
			}
		}
	}
}

// testPartitionedByID: an identifier tells nothing of the time, so every part
// is looked into.
func (b *fixture) testPartitionedByID(t *testing.T) {
	every := func(what string, do func(context.Context) error) {
		b.recorder.take()
		if err := do(t.Context()); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		n := 0
		for _, s := range b.recorder.take() {
			if !regexp.MustCompile(`\brequests r?\b`).MatchString(s.sql) || strings.HasPrefix(s.sql, "-- name: HoldsOn ") {
				continue // holds look at responses only where there are any
			}
			n++
			for _, mode := range []string{"custom", "generic"} {
				if got := b.look(t, what, s, mode); got.planned == 0 || got.planned%parts != 0 || got.read != parts || got.blocks < 2*parts {
					t.Errorf("%s, %s plan: want every part's key looked into, got %+v by\n%s", what, mode, got, s.sql)
				}
			}
		}
		if n == 0 {
			t.Errorf("%s: want a statement about responses, got none", what)
		}
	}
	every("fetch", func(ctx context.Context) error {
		_, _, err := b.responses.Get(ctx, response(20_002), nil, math.MaxInt64, nil)
		return err
	})
	every("fetch without contents", func(ctx context.Context) error {
		_, err := b.responses.GetSummary(ctx, response(20_002), nil)
		return err
	})
	every("erase", func(ctx context.Context) error {
		erased, err := b.responses.Erase(ctx, response(2), nil, porttest.Permit)
		if erased.Requests != 1 || erased.Steps != 1 {
			t.Errorf("want 1 request and 1 step erased, got %+v", erased)
		}
		return err
	})
}

// testDefaultPartition: with a part for all other times, the parts are no longer in
// the order of time, and none can be left for later.
func (b *fixture) testDefaultPartition(t *testing.T) {
	b.exec(`CREATE TABLE fusillade.requests_00 PARTITION OF fusillade.requests DEFAULT`)
	defer b.exec(`DROP TABLE fusillade.requests_00`)
	b.recorder.take()
	if _, err := b.responses.Page(t.Context(), domain.PageQuery{Limit: 11}); err != nil {
		t.Fatal(err)
	}
	for _, s := range b.recorder.take() {
		for _, mode := range []string{"custom", "generic"} {
			if got := b.look(t, "newest, with a default part", s, mode); got.read != parts+1 || got.order != "Merge Append" {
				t.Errorf("%s plan: want every part read, got %+v", mode, got)
			}
		}
	}
}

// testLostConstraints: partitioned tables cannot have these constraints.
func (b *fixture) testLostConstraints(t *testing.T) {
	code := func(sql string) string {
		t.Helper()
		_, err := b.conn.Exec(t.Context(), sql)
		if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
			return pg.Code
		} else if err != nil {
			t.Fatal(err)
		}
		return ""
	}
	const (
		notSupported       = "0A000"
		noSuchKey          = "42830"
		noSuchConflict     = "42P10"
		responseOfTheFirst = "'00000000-0000-4000-8000-000000000001'"
	)
	for what, c := range map[string]struct{ sql, want string }{
		"unique/without the time": {`ALTER TABLE fusillade.requests ADD UNIQUE (id)`, notSupported},
		"foreign key/by ID": {
			`ALTER TABLE fusillade.response_steps ADD FOREIGN KEY (request_id) REFERENCES fusillade.requests (id) ON DELETE CASCADE`, noSuchKey,
		},
		"upsert/by ID": {
			`INSERT INTO fusillade.requests (id, model, created_by, created_at) VALUES (` + responseOfTheFirst + `, 'm', 'o', '2026-01-02') ON CONFLICT (id) DO NOTHING`, noSuchConflict,
		},
		"same ID, other time": {
			`INSERT INTO fusillade.requests (id, model, created_by, created_at) VALUES (` + responseOfTheFirst + `, 'm', 'o', '2026-01-02')`, "",
		},
		"step without a response": {
			`INSERT INTO fusillade.response_steps (request_id, step_kind, step_sequence, request_payload) VALUES (gen_random_uuid(), 'model_call', 0, '{}')`, "",
		},
	} {
		if got := code(c.sql); got != c.want {
			t.Errorf("%s: want %q, got %q", what, c.want, got)
		}
	}

	// An erasure does not wait for a first step that is being written, as it does
	// where steps refer to responses.
	id := response(20_003)
	b.exec(`BEGIN`)
	if _, err := b.conn.Exec(t.Context(), `INSERT INTO fusillade.response_steps (request_id, step_kind, step_sequence, request_payload) VALUES ($1, 'model_call', 0, '{}')`, id); err != nil {
		t.Fatal(err)
	}
	if erased, err := b.responses.Erase(t.Context(), id, nil, porttest.Permit); err != nil || erased.Requests != 1 || erased.Steps != 0 {
		t.Errorf("want 1 request and no step erased, got %+v, %v", erased, err)
	}
	b.exec(`COMMIT`)
	var left int
	if err := b.conn.QueryRow(t.Context(), `SELECT count(*) FROM fusillade.response_steps WHERE request_id = $1`, id).Scan(&left); err != nil || left != 1 {
		t.Errorf("want the step left behind, got %d, %v", left, err)
	}

	// Every part and its key are locked for one look, even where the plan is kept.
	const look = `EXECUTE look (` + responseOfTheFirst + `)`
	for _, sql := range []string{
		`SET plan_cache_mode = force_generic_plan`, `PREPARE look AS SELECT FROM fusillade.requests WHERE id = $1`, look, `BEGIN`, look,
	} {
		b.exec(sql)
	}
	var locks int
	if err := b.conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_locks l JOIN pg_class c ON c.oid = l.relation WHERE l.pid = pg_backend_pid() AND c.relname LIKE 'requests\_%'`).Scan(&locks); err != nil {
		t.Fatal(err)
	}
	b.exec(`ROLLBACK`)
	if locks != 2*parts {
		t.Errorf("want %d tables and indexes locked for a look, got %d", 2*parts, locks)
	}

	// Nothing is amiss by the doctor's lights, but what it advises otherwise is
	// for tables that are not partitioned.
	tables, err := inspect.MissingTables(t.Context(), b.conn, inspect.Requirements(inspect.Schemas{}))
	if err != nil || len(tables) > 0 {
		t.Errorf("want nothing to be missing, got %v, %v", tables, err)
	}
	indexes, err := inspect.MissingIndexes(t.Context(), b.conn, inspect.Schemas{})
	if err != nil || len(indexes) > 0 {
		t.Errorf("want no index to be missing, got %+v, %v", indexes, err)
	}
	advice, err := inspect.MissingFilterIndexes(t.Context(), b.conn, inspect.Schemas{})
	if err != nil || len(advice) == 0 {
		t.Fatalf("want indexes to make, got %v, %v", advice, err)
	}
	for _, a := range advice {
		for _, statement := range a.Statements {
			if got := code(statement); got != notSupported {
				t.Errorf("%s: want it refused, got %q", statement, got)
			}
			b.exec(strings.Replace(statement, " CONCURRENTLY", "", 1))
		}
	}
	if left, err := inspect.MissingFilterIndexes(t.Context(), b.conn, inspect.Schemas{}); err != nil || len(left) > 0 {
		t.Errorf("want no index to be missing, got %+v, %v", left, err)
	}
}
