// Package plans_test looks at how Postgres runs the service's queries on large
// tables: what the ports send is recorded and explained.
package plans_test

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/analytics"
	"lethe/adapters/postgres/fusillade"
	"lethe/adapters/postgres/inspect"
	"lethe/adapters/postgres/users"
	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/pgtest"
)

//go:embed testdata/load.sql
var load string

// recorder keeps the statements that a connection is sent.
type recorder struct {
	mu       sync.Mutex
	sent     []statement
	settings map[string]string
}

type statement struct {
	sql  string
	args []any
	// What the service has set for it, but for how plans are kept.
	settings map[string]string
}

var setting = regexp.MustCompile(`set_config\('(enable_\w+|jit)', '(\w+)', true\)`)

func (r *recorder) add(sql string, args []any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, set := range setting.FindAllStringSubmatch(sql, -1) {
		r.settings[set[1]] = set[2]
	}
	r.sent = append(r.sent, statement{sql, args, maps.Clone(r.settings)})
}

// take returns what was sent since, but for what only sets something.
func (r *recorder) take() []statement {
	r.mu.Lock()
	defer r.mu.Unlock()
	var taken []statement
	for _, s := range r.sent {
		if regexp.MustCompile(`(?s)\b(FROM|DELETE|UPDATE)\b`).MatchString(s.sql) && !strings.HasPrefix(s.sql, "EXPLAIN") {
			taken = append(taken, s)
		}
	}
	r.sent = nil
	return taken
}

func (r *recorder) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	r.settings = map[string]string{}
	r.add(data.SQL, data.Args)
	return ctx
}
func (r *recorder) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
func (r *recorder) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	r.settings = map[string]string{}
	return ctx
}
func (r *recorder) TraceBatchQuery(_ context.Context, _ *pgx.Conn, data pgx.TraceBatchQueryData) {
	r.add(data.SQL, data.Args)
}
func (r *recorder) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// fixture is a large database with the ports on it.
type fixture struct {
	t         *testing.T
	conn      *pgx.Conn // the owner's
	recorder  recorder
	responses domain.Responses
	// newResponses makes others, which remember no estimates.
	newResponses func()
	erasures     domain.Erasures
	usage        domain.UsageRecords
	people       domain.People
}

// newFixture makes it of these rows. The changes are made once they are there.
func newFixture(t *testing.T, rows string, changes ...func(*fixture, *pgtest.Database)) *fixture {
	t.Helper()
	return newFixtureOn(t, pgtest.New(t), rows, changes...)
}

func newFixtureOn(t *testing.T, database *pgtest.Database, rows string, changes ...func(*fixture, *pgtest.Database)) *fixture {
	t.Helper()
	b := &fixture{t: t}
	var err error
	if b.conn, err = pgx.Connect(t.Context(), database.URL); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.conn.Close(context.Background()) })
	// Some servers come without the library that it needs.
	b.exec(`SET jit = off; DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET jit = off', current_database()); END $$`)
	b.exec(`SET max_parallel_workers_per_gather = 0`) // as the service has it
	b.exec(rows)
	for _, change := range changes {
		change(b, database)
	}
	b.exec("VACUUM ANALYZE")
	db, err := postgres.Open(postgres.Config{
		URL: database.RoleURL, SearchPath: []string{"fusillade", "outlet", inspect.Own}, MaxConns: 1, Tracer: &b.recorder,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	src := postgres.Source{Primary: db}
	issuer := fusillade.Issuer{Origin: "lethe.test", Build: "test", Now: time.Now}
	b.newResponses = func() {
		if b.responses, err = fusillade.New(src, "outlet", true, issuer); err != nil {
			t.Fatal(err)
		}
	}
	b.newResponses()
	if b.erasures, err = fusillade.NewErasures(db, "outlet", issuer); err != nil {
		t.Fatal(err)
	}
	if b.usage, err = analytics.New(src); err != nil {
		t.Fatal(err)
	}
	people, err := users.New(src, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(people.Close)
	b.people = people
	return b
}

func (b *fixture) exec(sql string) {
	b.t.Helper()
	if _, err := b.conn.Exec(b.t.Context(), sql); err != nil {
		b.t.Fatalf("%s: %v", sql, err)
	}
}

// explain returns the plan of a recorded statement in a plan_cache_mode.
func (b *fixture) explain(s statement, mode, options string) string {
	b.t.Helper()
	ctx := b.t.Context()
	prepared, err := b.conn.Prepare(ctx, "recorded", s.sql)
	if err != nil {
		b.t.Fatal(err)
	}
	literals := make([]string, len(s.args))
	for i, arg := range s.args {
		text, err := b.conn.TypeMap().Encode(prepared.ParamOIDs[i], pgtype.TextFormatCode, arg, nil)
		if err != nil {
			b.t.Fatal(err)
		}
		literals[i] = "NULL"
		if text != nil {
			literals[i] = "'" + strings.ReplaceAll(string(text), "'", "''") + "'"
		}
	}
	b.exec("SET plan_cache_mode = force_" + mode + "_plan")
	for name, value := range s.settings {
		b.exec("SET " + name + " = " + value)
	}
	execute := "EXECUTE recorded"
	if len(literals) > 0 {
		execute += " (" + strings.Join(literals, ", ") + ")"
	}
	rows, err := b.conn.Query(ctx, "EXPLAIN "+options+" "+execute, pgx.QueryExecModeSimpleProtocol)
	if err != nil {
		b.t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		b.t.Fatal(err)
	}
	for name := range s.settings {
		b.exec("RESET " + name)
	}
	if err := b.conn.Deallocate(ctx, "recorded"); err != nil {
		b.t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

// scan is a reading of the whole of a table that grows with every response.
var scan = regexp.MustCompile(`Seq Scan on (requests|http_analytics|response_steps)\b`)

const large = "owner-large"

// response is the n-th row of the large database.
func response(n int) uuid.UUID {
	return uuid.MustParse(fmt.Sprintf("00000000-0000-4000-8000-%012x", n))
}

func createdAt(n int) time.Time {
	return time.Date(2026, 1, 1, 0, 0, 10*n, 0, time.UTC)
}

var filters = map[string]domain.ResponseFilter{
	"none":           {},
	"state":          {States: []string{"failed"}},
	"states":         {States: []string{"pending", "failed"}},
	"at work":        {States: []string{"processing", "claimed", "pending"}},
	"common state":   {States: []string{"completed"}},
	"model":          {Models: []string{"model-9"}},
	"failed model":   {States: []string{"failed"}, Models: []string{"model-5"}},
	"state, model":   {States: []string{"completed"}, Models: []string{"model-8", "model-9"}},
	"tier":           {Tiers: []string{"flex", "auto"}},
	"after":          {CreatedAfter: new(createdAt(199_000))},
	"before":         {CreatedBefore: new(createdAt(1_000))},
	"between":        {CreatedAfter: new(createdAt(50_000)), CreatedBefore: new(createdAt(50_100))},
	"status from":    {StatusMin: new(int64(400))},
	"status to":      {StatusMax: new(int64(199))},
	"status between": {StatusMin: new(int64(200)), StatusMax: new(int64(299))},
	"duration":       {MinDuration: new(99 * time.Second)},
	"error":          {HasError: new(true)},
	"no error":       {HasError: new(false)},
	"all of them": {
		States: []string{"completed"}, Models: []string{"model-1"}, Tiers: []string{"flex"}, CreatedAfter: new(createdAt(100_000)),
		CreatedBefore: new(createdAt(150_000)), StatusMin: new(int64(200)), StatusMax: new(int64(299)),
		MinDuration: new(time.Second), HasError: new(false),
	},
}

var scopes = map[string][]string{
	"everyone": nil, "a large owner": {large}, "a small owner": {"owner-1900"}, "nobody": {"owner-none"},
	"several owners": {large, "owner-1900", "owner-none"},
}

func TestPlans(t *testing.T) {
	t.Parallel()
	b := newFixture(t, load)
	t.Run("lists", b.testLists)
	t.Run("single responses", b.testSingleResponses)
	t.Run("erase/other owner", b.testEraseOtherOwner)
	t.Run("bulk erasures", b.testErasures)
	t.Run("page depth", b.testDepth)
	t.Run("counts", b.testCounts)
	t.Run("models", b.testModels)
	t.Run("figures", b.testFigures)
	t.Run("advised indexes", b.testAdvisedIndexes) // last, as it makes them
	t.Run("models, with advised indexes", b.testModels)
}

// sortsResponses finds a sort of more than the usage records of one response.
var sortsResponses = regexp.MustCompile(`"Sort Key": \["(requests\.|\(?CASE)`)

// noScan runs something and explains what it sent.
func (b *fixture) noScan(t *testing.T, what string, do func(context.Context) error) {
	t.Helper()
	b.recorder.take()
	if err := do(t.Context()); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	sent := b.recorder.take()
	if len(sent) == 0 {
		t.Errorf("%s: want a statement, got none", what)
	}
	for _, s := range sent {
		for _, mode := range []string{"custom", "generic"} {
			if plan := b.explain(s, mode, ""); scan.MatchString(plan) {
				t.Errorf("%s, %s plan: want no sequential scan, got\n%s\n%s", what, mode, s.sql, plan)
			}
		}
	}
}

func (b *fixture) testLists(t *testing.T) {
	// In each rank, and beyond the rows there are.
	positions := []*domain.Position{nil, {Rank: 3, CreatedAt: createdAt(100_000), ID: uuid.Max}, {Rank: 2, CreatedAt: createdAt(199_950)}, {Rank: 3, CreatedAt: createdAt(-1)}}
	for name, filter := range filters {
		for scope, owners := range scopes {
			filter.Owners = owners
			for _, activeFirst := range []bool{true, false} {
				for _, after := range positions {
					q := domain.PageQuery{Filter: filter, ActiveFirst: activeFirst, After: after, Limit: 11}
					if after != nil && !activeFirst {
						q.After = &domain.Position{CreatedAt: after.CreatedAt, ID: after.ID}
					}
					impossible := activeFirst && after != nil && after.Rank == 3 && name == "at work"
					if impossible { // nothing is asked then
						continue
					}
					b.noScan(t, fmt.Sprintf("%s of %s, active first %t, after %+v", name, scope, activeFirst, after), func(ctx context.Context) error {
						_, err := b.responses.Page(ctx, q)
						return err
					})
				}
			}
			b.recorder.take()
			if _, err := porttest.Count(t.Context(), b.responses, filter, domain.CountAuto); err != nil {
				t.Fatal(err)
			}
			// Counts set their own plan_cache_mode.
			for _, s := range b.recorder.take() {
				if plan := b.explain(s, "custom", ""); scan.MatchString(plan) {
					t.Errorf("count %s of %s: want no sequential scan, got\n%s", name, scope, plan)
				}
			}
		}
	}
}

// testErasesNothing erases a response of somebody else and one that does not
// exist. Were the statements different, then their time or their locks would
// tell which of the two it is.
func (b *fixture) testEraseOtherOwner(t *testing.T) {
	type erase func(context.Context, uuid.UUID, []string, func(domain.Found) (domain.Authorization, error)) (domain.Erased, error)
	for name, erase := range map[string]erase{"alone": b.responses.Erase, "with later turns": b.responses.EraseWithLaterTurns} {
		t.Run(name, func(t *testing.T) {
			sent := func(id uuid.UUID) (texts []string) {
				b.recorder.take()
				if _, err := erase(t.Context(), id, []string{"owner-none"}, porttest.Permit); domain.CodeOf(err) != domain.CodeNotFound {
					t.Fatalf("got %v, want not found", err)
				}
				for _, s := range b.recorder.sent {
					texts = append(texts, s.sql)
				}
				return texts
			}
			sent(uuid.New()) // what leads to copies is asked once
			another := sent(response(20_002))
			missing := sent(uuid.MustParse("10000000-0000-4000-8000-000000000000"))
			if len(another) == 0 || !slices.Equal(another, missing) {
				t.Errorf("want the same statements for another owner's response, got %d\n%s\nas for a missing one, got %d\n%s", len(another), strings.Join(another, "\n"), len(missing), strings.Join(missing, "\n"))
			}
		})
	}
}

func (b *fixture) testSingleResponses(t *testing.T) {
	id := response(20_002)
	ids := make([]uuid.UUID, domain.MaxLimit)
	for i := range ids {
		ids[i] = response(20_001 + 10*i)
	}
	b.noScan(t, "get", func(ctx context.Context) error {
		_, _, err := b.responses.Get(ctx, id, nil, math.MaxInt64, nil)
		return err
	})
	b.noScan(t, "get and record", func(ctx context.Context) error {
		record := &domain.Recording{Access: domain.Access{ID: uuid.New(), By: uuid.New()}, Exempt: []string{"owner-none"}}
		_, _, err := b.responses.Get(ctx, id, nil, math.MaxInt64, record)
		return err
	})
	for what, q := range map[string]domain.StepQuery{
		"steps": {ID: id}, "steps of a chain": {ID: response(2)}, "an owner's steps": {ID: response(2), Owners: []string{"owner-none"}},
		"payloads": {ID: response(3), Payloads: true, Max: math.MaxInt64}, "payloads of an owner": {ID: response(1), Owners: []string{large}, Payloads: true, Max: math.MaxInt64},
	} {
		b.noScan(t, what, func(ctx context.Context) error {
			q.Limit = 11
			record := &domain.Recording{Access: domain.Access{ID: uuid.New(), By: uuid.New()}}
			_, err := b.responses.Steps(ctx, q, record)
			return err
		})
	}
	b.noScan(t, "usage", func(ctx context.Context) error {
		_, err := b.usage.Latest(ctx, ids)
		return err
	})
	b.noScan(t, "erase", func(ctx context.Context) error {
		_, err := b.responses.Erase(ctx, id, nil, porttest.Permit)
		return err
	})
	b.noScan(t, "erase a step", func(ctx context.Context) error {
		_, err := b.responses.Erase(ctx, response(2), nil, porttest.Permit)
		return err
	})

	// People are few next to responses, but not so few as to be read for each.
	people := regexp.MustCompile(`Seq Scan on users`)
	for what, do := range map[string]func(context.Context) error{
		"e-mails":   func(ctx context.Context) error { _, err := b.people.Emails(ctx, ids); return err },
		"by e-mail": func(ctx context.Context) error { _, err := b.people.ByEmail(ctx, "user17@example.com"); return err },
	} {
		b.recorder.take()
		if err := do(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, s := range b.recorder.take() {
			for _, mode := range []string{"custom", "generic"} {
				if plan := b.explain(s, mode, ""); people.MatchString(plan) {
					t.Errorf("%s, %s plan: want no scan of all people, got\n%s", what, mode, plan)
				}
			}
		}
	}
}

// spareAll leaves everything that an erasure comes to.
func spareAll(_ domain.Erasure, parts []domain.Part) ([]domain.Verdict, domain.Authorization) {
	verdicts := make([]domain.Verdict, len(parts))
	for i := range verdicts {
		verdicts[i] = domain.Spare
	}
	authorization, _ := porttest.Permit(domain.Found{}) // of a receipt that nothing was found
	return verdicts, authorization
}

// start begins an erasure of what there was before the end.
func (b *fixture) start(target domain.ErasureTarget) uuid.UUID {
	b.t.Helper()
	e, _, err := b.erasures.Create(b.t.Context(), domain.Erasure{
		ID: uuid.New(), Trigger: domain.TriggerBulk, Kind: target.Kind(), Target: &target, AsOf: createdAt(300_000),
		Ground: domain.GroundRequest, RequestedAt: time.Now(), Role: domain.ActorSystem, State: domain.ErasurePending,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return e.ID
}

// testErasures looks at parts of erasures at their beginning and in their midst.
// Those that leave most rows out may be found and sorted by another index; what
// is large is gone through in the order of one.
func (b *fixture) testErasures(t *testing.T) {
	advance := func(what string, id uuid.UUID, inOrder bool) {
		t.Helper()
		for range 2 {
			b.recorder.take()
			if _, err := b.erasures.Advance(t.Context(), id, 200, spareAll); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			for _, s := range b.recorder.take() {
				mode := "generic"
				if s.settings["enable_seqscan"] == "off" { // what the filters are known for
					mode = "custom"
				}
				plan := b.explain(s, mode, "")
				if scan.MatchString(plan) {
					t.Errorf("%s: want no sequential scan, got\n%s\n%s", what, s.sql, plan)
				}
				if inOrder && strings.Contains(s.sql, "-- name: Next") && strings.Contains(plan, "->  Sort ") {
					t.Errorf("%s: want rows read in order, got a sort by\n%s\n%s", what, s.sql, plan)
				}
			}
		}
	}
	for name, filter := range filters {
		for scope, owners := range scopes {
			filter.Owners = owners
			large := (name == "none" || name == "common state" || name == "no error") && (scope == "everyone" || scope == "a large owner")
			advance(name+" of "+scope, b.start(domain.ErasureTarget{Filter: &filter}), large)
		}
	}
	owner := uuid.New() // the plan is the same for all
	advance("an owner", b.start(domain.ErasureTarget{Owner: &owner}), true)

	ids := make([]uuid.UUID, 200)
	for i := range ids {
		ids[i] = response(60_001 + 10*i)
	}
	id := b.start(domain.ErasureTarget{Responses: ids})
	b.recorder.take()
	if e, err := b.erasures.Advance(t.Context(), id, len(ids), porttest.JudgeAll); err != nil || e.Done != int64(len(ids)) {
		t.Fatalf("want %d erased, got %d, %v", len(ids), e.Done, err)
	}
	for _, s := range b.recorder.take() {
		if plan := b.explain(s, "generic", ""); scan.MatchString(plan) {
			t.Errorf("named: want no sequential scan, got\n%s\n%s", s.sql, plan)
		}
	}
}

var shared = regexp.MustCompile(`shared (?:hit=(\d+))?\s?(?:read=(\d+))?`)

// blocks is how many blocks of tables and indexes were read, as a plan tells.
func blocks(t *testing.T, plan string) int {
	t.Helper()
	found := shared.FindStringSubmatch(plan)
	if found == nil {
		t.Fatalf("want blocks in the plan, got\n%s", plan)
	}
	var hit, read int
	_, _ = fmt.Sscan(found[1], &hit)
	_, _ = fmt.Sscan(found[2], &read)
	return hit + read
}

// testDepth: a page far out reads no more than the first.
func (b *fixture) testDepth(t *testing.T) {
	for scope, owners := range map[string][]string{"everyone": nil, "a large owner": {large}} {
		for _, activeFirst := range []bool{true, false} {
			far := domain.Position{CreatedAt: createdAt(60_000), ID: uuid.Max}
			if activeFirst {
				far.Rank = 3
			}
			for _, after := range []*domain.Position{nil, &far} {
				b.recorder.take()
				q := domain.PageQuery{Filter: domain.ResponseFilter{Owners: owners}, ActiveFirst: activeFirst, After: after, Limit: 11}
				if page, err := b.responses.Page(t.Context(), q); err != nil || len(page) != 11 {
					t.Fatalf("want a whole page, got %d, %v", len(page), err)
				}
				for _, s := range b.recorder.take() {
					for _, mode := range []string{"custom", "generic"} {
						plan := b.explain(s, mode, "(ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF)")
						if n := blocks(t, plan); n > 150 {
							t.Errorf("%s, active first %t, after %+v, %s plan: want 150 blocks or fewer, got %d\n%s", scope, activeFirst, after, mode, n, plan)
						}
					}
				}
			}
		}
	}
}

// exactly counts what passes the filter, again where a busy machine made that
// take longer than an answer may.
func (b *fixture) exactly(t *testing.T, filter domain.ResponseFilter) domain.Count {
	t.Helper()
	var count domain.Count
	var err error
	for range 20 {
		if count, err = porttest.Count(t.Context(), b.responses, filter, domain.CountExact); err != nil || count.Exact {
			break
		}
	}
	if err != nil || !count.Exact {
		t.Fatalf("want an exact count of %+v, got %+v, %v", filter, count, err)
	}
	return count
}

func (b *fixture) testCounts(t *testing.T) {
	for name, filter := range filters {
		for scope, owners := range scopes {
			filter.Owners = owners
			auto, err := porttest.Count(t.Context(), b.responses, filter, domain.CountAuto)
			if err != nil {
				t.Fatal(err)
			}
			estimate, err := porttest.Count(t.Context(), b.responses, filter, domain.CountEstimate)
			if err != nil {
				t.Fatal(err)
			}
			exact := b.exactly(t, filter)
			if estimate.Exact || auto.Exact && auto != exact || !auto.Exact && auto != estimate {
				t.Errorf("%s of %s: want auto to be the exact count or the estimate, got exact %+v, estimate %+v, auto %+v", name, scope, exact, estimate, auto)
			}
			// Of durations the planner knows nothing, and of what is rare its
			// sample holds but a few.
			if filter.MinDuration != nil || exact.Total < 5000 {
				continue
			}
			if off := math.Abs(float64(estimate.Total - exact.Total)); !auto.Exact && off > 0.15*float64(exact.Total) {
				t.Errorf("%s of %s: want an estimate within 15 %% of %d, got %d", name, scope, exact.Total, estimate.Total)
			}
		}
	}
	for scope, want := range map[string]bool{"everyone": false, "a large owner": false, "a small owner": true, "nobody": true} {
		if count, err := porttest.Count(t.Context(), b.responses, domain.ResponseFilter{Owners: scopes[scope]}, domain.CountAuto); err != nil || count.Exact != want {
			t.Errorf("%s: want a count that is exact: %t, got %+v, %v", scope, want, count, err)
		}
	}
}

// testAdvisedIndexes makes the indexes that the doctor advises and looks
// whether lists use them.
func (b *fixture) testAdvisedIndexes(t *testing.T) {
	advice, err := inspect.MissingFilterIndexes(t.Context(), b.conn, inspect.Schemas{})
	if err != nil || len(advice) == 0 {
		t.Fatalf("want indexes to make, got %v, %v", advice, err)
	}
	for _, a := range advice {
		for _, statement := range a.Statements {
			b.exec(statement)
		}
	}
	b.exec("ANALYZE fusillade.requests")
	used := make(map[string]bool)
	for _, list := range []struct {
		filter string
		owners []string
	}{
		{"state", []string{large}}, {"states", []string{large}}, {"status from", []string{large}}, {"error", []string{large}},
		{"model", nil}, {"failed model", nil},
	} {
		filter := filters[list.filter]
		filter.Owners = list.owners
		b.recorder.take()
		if _, err := b.responses.Page(t.Context(), domain.PageQuery{Filter: filter, ActiveFirst: true, Limit: 11}); err != nil {
			t.Fatal(err)
		}
		for _, s := range b.recorder.take() {
			var explained []struct{ Plan json.RawMessage }
			if err := json.Unmarshal([]byte(b.explain(s, "custom", "(FORMAT JSON)")), &explained); err != nil {
				t.Fatal(err)
			}
			plan := string(explained[0].Plan)
			for _, a := range advice {
				used[a.Index] = used[a.Index] || strings.Contains(plan, `"`+a.Index+`"`)
			}
			if list.filter == "failed model" && sortsResponses.MatchString(plan) {
				t.Errorf("%s of everyone: want rows read in order, got a sort by\n%s", list.filter, plan)
			}
		}
	}
	for _, a := range advice {
		if !used[a.Index] {
			t.Errorf("index %s: want a list that uses it", a.Index)
		}
	}
}
