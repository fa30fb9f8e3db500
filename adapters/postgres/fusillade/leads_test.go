package fusillade

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/inspect"
	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/receipt"
)

// index creates the indexes that erasures use to find copies, as the doctor prints
// them.
func index(t testing.TB, databases ...*postgres.DB) {
	t.Helper()
	for _, db := range databases {
		conn, err := db.Pool().Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Release()
		advice, err := inspect.MissingCopyIndexes(t.Context(), conn, inspect.Schemas{})
		if err != nil || len(advice) == 0 {
			t.Fatalf("want advice on indexes, got %+v (error %v)", advice, err)
		}
		for _, a := range advice {
			for _, statement := range a.Statements {
				if _, err := conn.Exec(t.Context(), statement); err != nil {
					t.Fatalf("%s: %v", statement, err)
				}
			}
		}
	}
}

// index does the same for a port that may have checked before.
func (b *fixture) index() {
	b.t.Helper()
	index(b.t, b.owner)
	b.responses.leads.seen.Store(nil)
}

// addCopy stores a raw copy and what leads to it: a usage record of a request or of
// a step, or a header.
func (b *fixture) addCopy(raw *postgres.DB, request, step, header *uuid.UUID) {
	b.t.Helper()
	instance, correlation := uuid.New(), time.Now().UnixNano()
	if request != nil || step != nil {
		b.exec(`INSERT INTO public.http_analytics (instance_id, correlation_id, timestamp, method, uri, fusillade_request_id, response_step_id)
			VALUES ($1, $2, now(), 'POST', '/v1/responses', $3, $4)`, instance, correlation, request, step)
	}
	for _, sql := range []string{
		`INSERT INTO outlet.http_requests (instance_id, correlation_id, timestamp, method, uri, headers, body)
			VALUES ($1, $2, now(), 'POST', '/v1/responses', CASE WHEN $3::uuid IS NULL THEN '{}' ELSE jsonb_build_object('x-fusillade-request-id', $3) END, '{"words": "of people"}')`,
		`INSERT INTO outlet.http_responses (instance_id, correlation_id, timestamp, status_code, headers, body, duration_to_first_byte_ms, duration_ms)
			VALUES ($1, $2, now(), 200, jsonb_build_object('of', $3::uuid), '{"words": "of a model"}', 1, 2)`,
	} {
		if _, err := raw.Pool().Exec(b.t.Context(), sql, instance, correlation, header); err != nil {
			b.t.Fatal(err)
		}
	}
}

// copied counts the copies of requests and of answers.
func copied(t testing.TB, raw *postgres.DB) (n [2]int64) {
	t.Helper()
	err := raw.Pool().QueryRow(t.Context(), `SELECT (SELECT count(*) FROM outlet.http_requests), (SELECT count(*) FROM outlet.http_responses)`).Scan(&n[0], &n[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestEraseFindsEveryCopy: an erasure finds a copy by everything that leads to it:
// single and bulk erasures, copies written late, copies restored; in the same
// database and in another. The preview counts it, and the receipt does not mention
// copies that may be left.
func TestEraseFindsEveryCopy(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T) (*fixture, *Erasures, *postgres.DB){
		"beside": func(t *testing.T) (*fixture, *Erasures, *postgres.DB) {
			b := newFixture(t, postgres.Config{})
			b.index()
			return b, b.erasures(postgres.Config{}), b.owner
		},
		"apart": func(t *testing.T) (*fixture, *Erasures, *postgres.DB) {
			a := newApart(t, 2)
			index(t, a.owner, a.copies)
			return a.fixture, a.erasures, a.copies
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, erasures, raw := open(t)
			owner := uuid.New()
			other := b.addChain("somebody else", 3)
			b.addCopy(raw, nil, nil, &other[0].ID)
			b.addCopy(raw, nil, nil, nil)
			kept := copied(t, raw)
			unlocated := func() bool {
				var body []byte
				if err := b.owner.Pool().QueryRow(t.Context(), `SELECT body FROM lethe.receipts ORDER BY created_at DESC LIMIT 1`).Scan(&body); err != nil {
					t.Fatal(err)
				}
				r, err := receipt.Parse(body)
				if err != nil {
					t.Fatal(err)
				}
				return slices.Contains(r.NotCovered, receipt.GapUnlocatedCopies)
			}
			for _, steps := range []int{1, 3} {
				for _, many := range []bool{false, true} {
					requests := b.addChain(owner.String(), steps)
					id := requests[0].ID
					more := int64(3)
					b.addCopy(raw, nil, nil, &id) // with an expired usage record
					b.addCopy(raw, &id, nil, &id)
					b.addCopy(raw, &id, nil, nil)
					if steps > 1 {
						var step uuid.UUID
						if err := b.owner.Pool().QueryRow(t.Context(), `SELECT id FROM fusillade.response_steps s WHERE s.step_kind = 'tool_call'
							AND s.parent_step_id IN (SELECT h.id FROM fusillade.response_steps h WHERE h.request_id = $1)`, id).Scan(&step); err != nil {
							t.Fatal(err)
						}
						more += 2
						b.addCopy(raw, nil, &step, nil)
						b.addCopy(raw, &id, &step, &id)
					}
					want := whole(steps, len(requests))
					want.RawRequests += more
					want.RawResponses += more
					estimate, err := erasures.Estimate(t.Context(), domain.ErasureTarget{Owner: &owner}, nil, time.Now())
					if err != nil || estimate.RawRequests != want.RawRequests || estimate.RawResponses != want.RawResponses {
						t.Errorf("%d steps: want %d copies counted, got %+v, %v", steps, want.RawRequests, estimate, err)
					}
					var erased domain.Erased
					if many {
						erased = b.finish(erasures, b.create(erasures, domain.ErasureTarget{Owner: &owner}).ID, 10).Erased
					} else if erased, err = b.responses.Erase(t.Context(), id, nil, porttest.Permit); err != nil {
						t.Fatal(err)
					}
					if erased != want || copied(t, raw) != kept || unlocated() {
						t.Errorf("%d steps, of many %t: want %+v erased, got %+v, left %v of %v", steps, many, want, erased, copied(t, raw), kept)
					}
					b.addCopy(raw, nil, nil, &id) // written late
					b.Hasten()
					if _, erased, err := b.responses.Sweep(t.Context(), 10, sweepAuthorization()); err != nil || erased.RawRequests != 1 || copied(t, raw) != kept {
						t.Errorf("late: %+v, %v; left %v of %v", erased, err, copied(t, raw), kept)
					}
					b.addCopy(raw, nil, nil, &id) // restored
					w := sweepAuthorization()
					w.Trigger = domain.TriggerReplay
					if left, err := b.responses.Remaining(t.Context(), []uuid.UUID{id}); err != nil || !slices.Equal(left, []uuid.UUID{id}) {
						t.Errorf("restored: left %v (error %v)", left, err)
					}
					if erased, err := b.responses.EraseAgain(t.Context(), []uuid.UUID{id}, w); err != nil || erased.RawRequests != 1 || copied(t, raw) != kept {
						t.Errorf("restored: %+v, %v; left %v of %v", erased, err, copied(t, raw), kept)
					}
				}
			}
		})
	}
}

// TestEraseHeaderCopiesRefusedDelete: an answer found by a header and not deleted is
// detected, although nothing leads to it afterwards.
func TestEraseHeaderCopiesRefusedDelete(t *testing.T) {
	t.Parallel()
	for _, table := range []string{"http_requests", "http_responses"} {
		b := newFixture(t, postgres.Config{})
		b.index()
		b.exec(`CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'`)
		b.exec(`CREATE TRIGGER refuse BEFORE DELETE ON outlet.` + table + ` FOR EACH ROW EXECUTE FUNCTION public.refuse()`)
		for _, steps := range []int{1, 3} {
			requests := b.addChain("somebody", steps)
			b.exec(`DELETE FROM public.http_analytics`)
			b.exec(`TRUNCATE outlet.http_requests, outlet.http_responses`)
			b.addCopy(b.owner, nil, nil, &requests[0].ID)
			before := b.Stored()
			if _, err := b.responses.Erase(t.Context(), requests[0].ID, nil, porttest.Permit); domain.CodeOf(err) != domain.CodeRefused || b.Stored() != before {
				t.Errorf("%s, %d steps: want %s and everything left, got %v", table, steps, domain.CodeRefused, err)
			}
		}
	}
}

// TestLeadIndexes: only an index that a search by header can use counts.
func TestLeadIndexes(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	const named = inspect.CopyResponse
	for sql, want := range map[string][2]bool{
		`SELECT 1`: {},
		// The index as advised before, which covers only one spelling.
		`CREATE INDEX i ON outlet.http_requests ((headers ->> 'x-fusillade-request-id'))`:                                                        {},
		`CREATE INDEX i ON outlet.http_requests ((headers ->> 'x-fusillade-request-id')) WHERE headers ->> 'x-fusillade-request-id' IS NOT NULL`: {},
		`CREATE INDEX i ON outlet.http_requests (lower(headers ->> 'x-fusillade-request-id'))`:                                                   {},
		`CREATE INDEX i ON outlet.http_requests ((` + strings.ReplaceAll(named, "request", "another") + `))`:                                     {},
		`CREATE INDEX i ON outlet.http_requests ((` + named + `)) WHERE method = 'POST'`:                                                         {},
		`CREATE INDEX i ON ONLY outlet.http_requests ((` + named + `))`:                                                                          {},
		`CREATE INDEX i ON outlet.http_requests ((` + named + `))`:                                                                               {true, false},
		`CREATE INDEX i ON outlet.http_requests ((` + named + `)) WHERE (` + named + `) IS NOT NULL`:                                             {true, false},
		`CREATE INDEX i ON public.http_analytics (response_step_id) WHERE fusillade_request_id IS NULL`:                                          {},
		`CREATE INDEX i ON public.http_analytics (model, response_step_id)`:                                                                      {},
		`CREATE INDEX i ON public.http_analytics (response_step_id)`:                                                                             {false, true},
		`CREATE INDEX i ON public.http_analytics (response_step_id) WHERE response_step_id IS NOT NULL`:                                          {false, true},
	} {
		b.exec(sql)
		var e eraser
		err := b.owner.Tx(t.Context(), func(tx *postgres.Tx) error {
			e = eraser{tx: tx}
			return e.prepare(t.Context(), "outlet")
		})
		if err != nil || e.ByHeader != want[0] || e.ByStep != want[1] {
			t.Errorf("%s: got by header %t, by step %t (error %v)", sql, e.ByHeader, e.ByStep, err)
		}
		b.exec(`DROP INDEX IF EXISTS outlet.i, public.i`)
	}
	// The planner uses it, also for parameters.
	b.index()
	conn, err := b.owner.Pool().Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	for _, sql := range []string{
		`SET enable_seqscan = off`, `SET plan_cache_mode = force_generic_plan`,
		`PREPARE by_header (text[]) AS SELECT FROM outlet.http_requests WHERE ` + named + ` = ANY ($1)`,
	} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	var plan string
	if err := conn.QueryRow(t.Context(), `EXPLAIN (FORMAT JSON) EXECUTE by_header ('{a}')`).Scan(&plan); err != nil || !strings.Contains(plan, "http_requests_default_names_request_idx") {
		t.Errorf("want the index used, got %s, %v", plan, err)
	}
}

func TestLeadIndexesRechecked(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	erase := func() {
		if _, err := b.responses.Erase(t.Context(), b.addChain("ben", 1)[0].ID, nil, porttest.Permit); err != nil {
			t.Fatal(err)
		}
	}
	erase()
	index(t, b.owner)
	if seen := b.responses.leads.lately(); seen == nil || seen.ByHeader {
		t.Fatalf("after an erasure without an index: got %+v", seen)
	}
	b.responses.leads.seen.Load().until = time.Now()
	erase()
	if seen := b.responses.leads.lately(); seen == nil || !seen.ByHeader || !seen.ByTurn {
		t.Errorf("after the result has expired: got %+v, want a new look", seen)
	}
}
