package fusillade

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/domain"
	"lethe/domain/porttest"
)

// TestEraseAtomic fails each statement of an erasure in turn: it is never
// sent, the server ends the session before it, or the server refuses it.
func TestEraseAtomic(t *testing.T) {
	t.Parallel()
	for _, steps := range []int{1, 3, 50} {
		t.Run(fmt.Sprint(steps), func(t *testing.T) {
			t.Parallel()
			m := &meddler{}
			b := newFixture(t, postgres.Config{Tracer: m, MaxConns: 1})
			b.addChain("somebody else", 3)
			unsent := func(ctx context.Context, _ *pgx.Conn) context.Context {
				ctx, cancel := context.WithCancel(ctx)
				cancel()
				return ctx
			}
			ended := func(ctx context.Context, c *pgx.Conn) context.Context {
				b.number(`SELECT pg_terminate_backend($1, 10000)::int`, c.PgConn().PID())
				return ctx
			}
			for name, failure := range map[string]struct {
				each  bool
				act   func(context.Context, *pgx.Conn) context.Context
				least int // how many must fail
			}{
				"unsent":        {false, unsent, 3},
				"session ended": {false, ended, 2},
				"refused":       {true, unsent, 7},
			} {
				requests := b.addChain("somebody", steps)
				before := b.Stored()
				m.each, m.act = failure.each, failure.act
				failed := 0
				for at := int64(1); ; at++ {
					receipts := b.number(`SELECT count(*) FROM lethe.receipts`)
					m.count.Store(0)
					m.at = at
					part := requests[rand.N(len(requests))].ID
					erased, err := b.responses.Erase(t.Context(), part, nil, porttest.Permit)
					after := b.Stored()
					if n := b.number(`SELECT count(*) FROM lethe.receipts`) - receipts; n != map[bool]int64{true: 1, false: 0}[err == nil] {
						t.Fatalf("%s at statement %d: got %d receipts (error %v)", name, at, n, err)
					}
					if err == nil {
						if want := whole(steps, len(requests)); erased != want || after != before.Less(want) {
							t.Fatalf("%s at statement %d: want %+v erased, got %+v, left %+v", name, at, want, erased, after)
						}
						if m.count.Load() < at { // every statement failed once
							break
						}
						// A session that ends before the transaction starts has no
						// effect: another one is used.
						if at > 1 {
							t.Fatalf("%s at statement %d: want an error, got none", name, at)
						}
						requests = b.addChain("somebody", steps)
						before = b.Stored()
						continue
					}
					failed++
					if after != before {
						t.Fatalf("%s at statement %d: want everything left, %+v, got %+v (%v)", name, at, before, after, err)
					}
				}
				if failed < failure.least {
					t.Errorf("%s: only %d statements failed", name, failed)
				}
			}
		})
	}
}

// whole is what erasing a response of addChain removes.
func whole(steps, requests int) domain.Erased {
	n := int64(requests)
	e := domain.Erased{Requests: n, Templates: n, Steps: int64(steps), RawRequests: n, RawResponses: n, Tasks: 2 * n}
	if steps == 1 {
		e.Steps = 0
	}
	return e
}

// TestEraseRefusedDelete: each table in turn refuses a delete, and then ignores it
// silently.
func TestEraseRefusedDelete(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	chain, alone := b.addChain("somebody", 4), b.addChain("somebody", 1)
	made, _, _, _ := b.addMade("somebody")
	b.exec(`INSERT INTO lethe.access_log (id, accessed_at, accessed_by, request_id, owner, address)
		SELECT gen_random_uuid(), now(), gen_random_uuid(), id, created_by, '192.0.2.7' FROM fusillade.requests`)
	before := b.Stored()
	b.exec(`CREATE FUNCTION refuse() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'words of people: %', OLD; END $$ LANGUAGE plpgsql`)
	b.exec(`CREATE FUNCTION pretend() RETURNS trigger AS $$ BEGIN RETURN NULL; END $$ LANGUAGE plpgsql`)
	for _, table := range []string{
		"outlet.http_requests", "outlet.http_responses", "underway.task",
		"fusillade.response_steps", "fusillade.requests", "fusillade.request_templates", "lethe.access_log",
		"fusillade.files", "fusillade.batches",
	} {
		for _, how := range []string{"refuse", "pretend"} {
			b.exec(`CREATE TRIGGER meddle BEFORE DELETE ON ` + table + ` FOR EACH ROW EXECUTE FUNCTION ` + how + `()`)
			refused := []uuid.UUID{chain[0].ID, alone[0].ID, made.ID}
			switch table { // tables without a row of some responses
			case "fusillade.response_steps":
				refused = refused[:1]
			case "fusillade.files", "fusillade.batches":
				refused = refused[2:]
			case "outlet.http_requests", "outlet.http_responses", "underway.task":
				refused = refused[:2]
			}
			for _, id := range refused {
				erased, err := b.responses.Erase(t.Context(), id, nil, porttest.Permit)
				if domain.CodeOf(err) != domain.CodeRefused || erased != (domain.Erased{}) {
					t.Errorf("%s, %s: want %s and nothing erased, got %+v, %v", table, how, domain.CodeRefused, erased, err)
				}
				if err != nil && strings.Contains(err.Error(), "words of people") {
					t.Errorf("%s: the error quotes a row: %v", table, err)
				}
			}
			if records := b.number(`SELECT count(*) FROM lethe.access_log`); records != before.Requests {
				t.Errorf("%s, %s: want all %d records left, got %d", table, how, before.Requests, records)
			}
			if after := b.Stored(); after != before {
				t.Errorf("%s, %s: want everything left, %+v, got %+v", table, how, before, after)
			}
			b.exec(`DROP TRIGGER meddle ON ` + table)
		}
	}
	for _, id := range []uuid.UUID{chain[1].ID, alone[0].ID, made.ID} {
		if _, err := b.responses.Erase(t.Context(), id, nil, porttest.Permit); err != nil {
			t.Errorf("after the refusals: got %v, want it erased", err)
		}
	}
	if records := b.number(`SELECT count(*) FROM lethe.access_log`); records != 0 {
		t.Errorf("%d usage records are left of the erased response", records)
	}
}

func TestEraseChainConcurrently(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{MaxConns: 8})
	for _, steps := range []int{1, 2, 12, 50} {
		requests := b.addChain("somebody", steps)
		before := b.Stored()
		errs := make([]error, 8)
		var wait sync.WaitGroup
		for i := range errs {
			wait.Go(func() {
				_, errs[i] = b.responses.Erase(t.Context(), requests[rand.N(len(requests))].ID, nil, porttest.Permit)
			})
		}
		wait.Wait()
		succeeded := 0
		for _, err := range errs {
			if err == nil {
				succeeded++
			} else if domain.CodeOf(err) != domain.CodeNotFound {
				t.Errorf("%d steps: want %s for the later callers, got %v", steps, domain.CodeNotFound, err)
			}
		}
		if succeeded != 1 {
			t.Errorf("%d steps: want one erasure to succeed, got %d", steps, succeeded)
		}
		if after := b.Stored(); after != before.Less(whole(steps, len(requests))) {
			t.Errorf("%d steps: left %+v of %+v", steps, after, before)
		}
	}
}

// TestEraseGrowingChain: a step added while an erasure waits for its chain is
// erased with it, after its owner is checked.
func TestEraseGrowingChain(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{ApplicationName: "eraser"})
	// Code that reads again after locking needs a newer snapshot than its first.
	b.exec(`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = ''repeatable read''', current_database()); END $$`)
	for name, steps := range map[string]int{"chain": 4, "no chain yet": 1} {
		requests := b.addChain("anna", steps)
		late := porttest.NewRow("ben", "completed", time.Now())
		b.AddResponse(late)
		before := b.Stored()

		tx, err := b.owner.Pool().Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
		insert := `INSERT INTO response_steps (id, request_id, parent_step_id, step_kind, step_sequence, request_payload)
			SELECT gen_random_uuid(), $2, s.id, 'model_call', 9, '{}' FROM response_steps s WHERE s.request_id = $1`
		if steps == 1 {
			insert = `WITH head AS (
				INSERT INTO response_steps (request_id, step_kind, step_sequence, request_payload) VALUES ($1, 'model_call', 0, '{}') RETURNING id
			)
			INSERT INTO response_steps (request_id, parent_step_id, step_kind, step_sequence, request_payload)
			SELECT $2, id, 'model_call', 1, '{}' FROM head`
		}
		if tag, err := tx.Exec(t.Context(), insert, requests[0].ID, late.ID); err != nil || tag.RowsAffected() != 1 {
			t.Fatalf("%s: %v, %v", name, tag, err)
		}
		var erased domain.Erased
		var owners []string
		done := make(chan error)
		go func() {
			var err error
			erased, err = b.responses.Erase(t.Context(), requests[len(requests)-1].ID, nil, func(found domain.Found) (domain.Authorization, error) {
				owners = found.Owners
				return porttest.Permit(found)
			})
			done <- err
		}()
		b.await(`SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'eraser' AND wait_event_type = 'Lock')`)
		if err := tx.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		want := whole(steps, len(requests))
		want.Requests, want.Templates, want.Steps = want.Requests+1, want.Templates+1, want.Steps+1
		after := before.Less(want)
		after.Steps++ // the added step
		if steps == 1 {
			want.Steps, after.Steps = 2, before.Steps
		}
		if erased != want || b.Stored() != after {
			t.Errorf("%s: want %+v erased, got %+v; left %+v of %+v", name, want, erased, b.Stored(), before)
		}
		if strings.Count(strings.Join(owners, " "), "ben") != 1 {
			t.Errorf("%s: the owner of the added step was not checked: %v", name, owners)
		}
	}
}

// TestEraseUnusualChains: everything a cascade could reach belongs to the response, however
// its steps refer to each other.
func TestEraseUnusualChains(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	type link struct{ parent, prev int } // -1: none
	for name, links := range map[string][]link{
		"prev only":             {{-1, -1}, {-1, 0}, {-1, 1}},
		"nested parents":        {{-1, -1}, {0, -1}, {1, -1}, {2, -1}},
		"two heads joined":      {{-1, -1}, {0, 0}, {-1, 1}, {2, 2}},
		"prev of another chain": {{-1, -1}, {0, 0}, {-1, -1}, {2, 1}},
	} {
		for asked := range links {
			ids := make([]uuid.UUID, len(links))
			rows := make([]porttest.Row, len(links))
			for i, l := range links {
				ids[i] = uuid.New()
				rows[i] = porttest.NewRow("somebody", "completed", time.Now())
				b.AddResponse(rows[i])
				var parent, prev *uuid.UUID
				if l.parent >= 0 {
					parent = &ids[l.parent]
				}
				if l.prev >= 0 {
					prev = &ids[l.prev]
				}
				b.exec(`INSERT INTO response_steps (id, request_id, parent_step_id, prev_step_id, step_kind, step_sequence, request_payload)
					VALUES ($1, $2, $3, $4, 'model_call', $5, '{}')`, ids[i], rows[i].ID, parent, prev, i)
			}
			n := int64(len(links))
			erased, err := b.responses.Erase(t.Context(), rows[asked].ID, nil, porttest.Permit)
			if want := (domain.Erased{Requests: n, Templates: n, Steps: n}); err != nil || erased != want {
				t.Errorf("%s, part %d: want %+v, got %+v, %v", name, asked, want, erased, err)
			}
		}
	}
	// A cycle must not make the search endless.
	requests := b.addChain("somebody", 3)
	b.exec(`UPDATE response_steps SET prev_step_id = (SELECT id FROM response_steps WHERE step_sequence = 2) WHERE step_sequence = 0`)
	if _, err := b.responses.Erase(t.Context(), requests[0].ID, nil, porttest.Permit); err != nil {
		t.Errorf("cycle: got %v, want no error", err)
	}
	if left := b.Stored(); left != (porttest.Stored{Usage: 2}) {
		t.Errorf("want only usage left, got %+v", left)
	}
}

// TestEraseLockedTask: a worker that is running a task has it locked, so
// nothing is erased.
func TestEraseLockedTask(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	impatient := b.open(postgres.Config{URL: withParameter(t, b.database.RoleURL, "lock_timeout", "50ms")})
	requests := b.addChain("somebody", 3)
	before := b.Stored()
	tx, err := b.owner.Pool().Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	if _, err := tx.Exec(t.Context(), `SELECT FROM underway.task LIMIT 1 FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	if _, err := impatient.Erase(t.Context(), requests[0].ID, nil, porttest.Permit); domain.CodeOf(err) != domain.CodeUnavailable {
		t.Errorf("want %s, got %v", domain.CodeUnavailable, err)
	}
	if after := b.Stored(); after != before {
		t.Errorf("want everything left, %+v, got %+v", before, after)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := impatient.Erase(t.Context(), requests[0].ID, nil, porttest.Permit); err != nil {
		t.Errorf("after the worker: got %v, want it erased", err)
	}
}

// TestEraseMissingTables: in a database of its own, fusillade lacks the tables
// of the other schemas.
func TestEraseMissingTables(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change string
		absent func(*domain.Erased)
	}{
		"answers":  {`DROP TABLE outlet.http_responses`, func(e *domain.Erased) { e.RawResponses = 0 }},
		"outlet":   {`DROP SCHEMA outlet CASCADE`, func(e *domain.Erased) { e.RawRequests, e.RawResponses = 0, 0 }},
		"underway": {`DROP SCHEMA underway CASCADE`, func(e *domain.Erased) { e.Tasks = 0 }},
		"usage":    {`DROP TABLE public.http_analytics`, func(e *domain.Erased) { e.RawRequests, e.RawResponses = 0, 0 }},
		"everything": {
			`DROP SCHEMA outlet CASCADE; DROP SCHEMA underway CASCADE; DROP TABLE public.http_analytics`,
			func(e *domain.Erased) { e.RawRequests, e.RawResponses, e.Tasks = 0, 0, 0 },
		},
		// A table of the same name in another schema is not the outlet's.
		"namesake": {
			`CREATE TABLE fusillade.http_requests AS SELECT instance_id, correlation_id FROM outlet.http_requests;
			DROP SCHEMA outlet CASCADE`,
			func(e *domain.Erased) { e.RawRequests, e.RawResponses = 0, 0 },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(t, postgres.Config{})
			chain, alone := b.addChain("somebody", 4), b.addChain("somebody", 1)
			b.exec(c.change)
			for _, r := range []struct {
				id   uuid.UUID
				want domain.Erased
			}{{chain[0].ID, whole(4, 3)}, {alone[0].ID, whole(1, 1)}} {
				c.absent(&r.want)
				if erased, err := b.responses.Erase(t.Context(), r.id, nil, porttest.Permit); err != nil || erased != r.want {
					t.Errorf("want %+v, got %+v, %v", r.want, erased, err)
				}
			}
			if name == "namesake" && b.number(`SELECT count(*) FROM fusillade.http_requests`) != 4 {
				t.Error("the rows of the table of the same name changed")
			}
		})
	}
}

func TestEraseUnreadableOutlet(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	requests := b.addChain("somebody", 3)
	b.exec(`CREATE TABLE fusillade.http_responses (instance_id uuid, correlation_id bigint)`)
	before := b.Stored()
	if _, err := b.responses.Erase(t.Context(), requests[0].ID, nil, porttest.Permit); domain.CodeOf(err) != domain.CodeInternal {
		t.Errorf("want %s, got %v", domain.CodeInternal, err)
	}
	if after := b.Stored(); after != before {
		t.Errorf("want everything left, %+v, got %+v", before, after)
	}
}

// TestEraseSynchronousCommit: an erasure reported before its commit is on disk could be
// undone by a crash.
func TestEraseSynchronousCommit(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	requests := b.addChain("somebody", 2)
	b.exec(`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); END $$`)
	b.exec(`CREATE TABLE public.seen (level text)`)
	b.exec(`CREATE FUNCTION look() RETURNS trigger SECURITY DEFINER AS $$ BEGIN
		INSERT INTO public.seen VALUES (current_setting('synchronous_commit')); RETURN OLD; END $$ LANGUAGE plpgsql`)
	b.exec(`CREATE TRIGGER look BEFORE DELETE ON requests FOR EACH ROW EXECUTE FUNCTION look()`)
	if _, err := b.responses.Erase(t.Context(), requests[0].ID, nil, porttest.Permit); err != nil {
		t.Fatal(err)
	}
	if n := b.number(`SELECT count(*) FROM public.seen WHERE level = 'on'`); n != 2 {
		t.Errorf("want both rows deleted with synchronous_commit on, got %d", n)
	}
}

// TestEraseKeepsUsageAndCredits: billing does not change.
func TestEraseKeepsUsageAndCredits(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	b.addChain("somebody else", 3)
	requests := b.addChain("somebody", 5)
	b.exec(`INSERT INTO public.credits_transactions (user_id, transaction_type, amount, source_id)
		SELECT '00000000-0000-0000-0000-000000000000', 'usage', 1, id::text FROM public.http_analytics`)
	const accounts = `SELECT hashtextextended(string_agg(t, ';' ORDER BY t), 0) FROM (
		SELECT a::text FROM public.http_analytics a UNION ALL SELECT c::text FROM public.credits_transactions c) AS rows (t)`
	before := b.number(accounts)
	if _, err := b.responses.Erase(t.Context(), requests[2].ID, nil, porttest.Permit); err != nil {
		t.Fatal(err)
	}
	if after := b.number(accounts); after != before {
		t.Error("usage or credits changed")
	}
}
