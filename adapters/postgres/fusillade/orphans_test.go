package fusillade

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/postgres"
	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/pgtest"
	"lethe/receipt"
)

// old is an older raw copy and what it names.
type old struct {
	request, step, batch *uuid.UUID // named by a usage record
	owner                *uuid.UUID
	header, batchHeader  string
	young                bool
	only                 string // the only table it is in; "": both
}

// addOld stores a copy and returns its place.
func (b *fixture) addOld(raw *postgres.DB, o old) copyAt {
	b.t.Helper()
	at := copyAt{uuid.New(), time.Now().UnixNano()}
	when := time.Now().Add(-domain.OrphansAfter - time.Hour)
	if o.young {
		when = time.Now().Add(-domain.OrphansAfter + time.Hour)
	}
	if o.owner != nil {
		b.exec(`INSERT INTO public.users (id, username, email) VALUES ($1::uuid, $1::uuid::text, $1::uuid::text) ON CONFLICT DO NOTHING`, o.owner)
	}
	if o.request != nil || o.step != nil || o.batch != nil {
		b.exec(`INSERT INTO public.http_analytics (instance_id, correlation_id, timestamp, method, uri, fusillade_request_id, response_step_id, fusillade_batch_id, user_id)
			VALUES ($1, $2, $3, 'POST', '/v1/responses', $4, $5, $6, $7)`, at.instance, at.correlation, when, o.request, o.step, o.batch, o.owner)
	}
	for table, sql := range map[string]string{
		"http_requests": `INSERT INTO outlet.http_requests (instance_id, correlation_id, timestamp, method, uri, headers, body)
			VALUES ($1, $2, $3, 'POST', '/v1/responses', jsonb_strip_nulls(jsonb_build_object('x-fusillade-request-id', nullif($4, ''), 'x-fusillade-batch-id', nullif($5, ''))), '{"words": "of people"}')`,
		"http_responses": `INSERT INTO outlet.http_responses (instance_id, correlation_id, timestamp, status_code, headers, body, duration_to_first_byte_ms, duration_ms)
			VALUES ($1, $2, $3, 200, jsonb_build_object('not-looked-at', $4::text, 'either', $5::text), '{"words": "of a model"}', 1, 2)`,
	} {
		if o.only == "" || o.only == table {
			if _, err := raw.Pool().Exec(b.t.Context(), sql, at.instance, at.correlation, when, o.header, o.batchHeader); err != nil {
				b.t.Fatal(err)
			}
		}
	}
	return at
}

// there counts the copies at a place.
func (b *fixture) there(raw *postgres.DB, at copyAt) (n int64) {
	b.t.Helper()
	err := raw.Pool().QueryRow(b.t.Context(), `SELECT (SELECT count(*) FROM outlet.http_requests WHERE instance_id = $1 AND correlation_id = $2)
		+ (SELECT count(*) FROM outlet.http_responses WHERE instance_id = $1 AND correlation_id = $2)`, at.instance, at.correlation).Scan(&n)
	if err != nil {
		b.t.Fatal(err)
	}
	return n
}

func orphansAuthorization() domain.Authorization {
	w := sweepAuthorization()
	w.Trigger = domain.TriggerOrphans
	return w
}

// sweepOrphans makes a whole pass.
func (b *fixture) sweepOrphans(limit int) (all domain.Erased, looked int, err error) {
	b.t.Helper()
	b.exec(`UPDATE lethe.orphans SET after_request = 0, after_response = 0, responses = false, due_at = '-infinity'`)
	for {
		turn, failed := b.responses.SweepOrphans(b.t.Context(), time.Now().Add(-domain.OrphansAfter), limit, time.Hour, orphansAuthorization())
		if failed != nil {
			err = failed
		}
		all.Add(turn.Erased)
		if looked += turn.Looked; turn.Looked == 0 || failed != nil && domain.CodeOf(failed) != domain.CodeRefused {
			return all, looked, err
		}
	}
}

func (b *fixture) countOrphans() (n OrphansCount) {
	b.t.Helper()
	var at OrphansPlace
	for over := false; !over; {
		part, next, last, err := b.responses.CountOrphans(b.t.Context(), time.Now().Add(-domain.OrphansAfter), 7, at)
		if err != nil {
			b.t.Fatal(err)
		}
		n.Looked, n.RawRequests, n.RawResponses = n.Looked+part.Looked, n.RawRequests+part.RawRequests, n.RawResponses+part.RawResponses
		at, over = next, last
	}
	return n
}

var besideAndApart = map[string]func(t *testing.T) (*fixture, *postgres.DB){
	"beside": func(t *testing.T) (*fixture, *postgres.DB) {
		b := newFixture(t, postgres.Config{})
		return b, b.owner
	},
	"apart": func(t *testing.T) (*fixture, *postgres.DB) {
		a := newApart(t, 2)
		return a.fixture, a.copies
	},
}

// TestSweepOrphans: copies whose request is deleted are removed with a receipt.
// Copies of what exists, or may exist, stay.
func TestSweepOrphans(t *testing.T) {
	t.Parallel()
	for name, open := range besideAndApart {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, raw := open(t)
			live := b.addChain("somebody", 3)[0].ID
			var step uuid.UUID
			if err := b.owner.Pool().QueryRow(t.Context(), `SELECT id FROM fusillade.response_steps WHERE step_kind = 'tool_call' LIMIT 1`).Scan(&step); err != nil {
				t.Fatal(err)
			}
			batched := porttest.NewRow("somebody", "completed", time.Now())
			batched.Batched = true
			b.AddResponse(batched)
			b.exec(`CREATE TABLE fusillade.retained_response_request_routes (request_id uuid PRIMARY KEY, group_id uuid, delete_on date)`)
			b.exec(`CREATE TABLE fusillade.batch_requests_archive (id uuid PRIMARY KEY)`)
			b.exec(`GRANT SELECT ON fusillade.retained_response_request_routes, fusillade.batch_requests_archive TO PUBLIC`)
			id := func() *uuid.UUID { id := uuid.New(); return &id }
			retained, archived, queued, inBatch, held, other := id(), id(), id(), id(), id(), id()
			b.exec(`INSERT INTO fusillade.retained_response_request_routes VALUES ($1, $1, now())`, retained)
			b.exec(`INSERT INTO fusillade.batch_requests_archive VALUES ($1)`, archived)
			b.AddTask(*queued, false)
			owner := id()
			b.exec(`INSERT INTO lethe.holds (id, responses, reason, created_by) VALUES (gen_random_uuid(), ARRAY[$1::uuid], 'a case', gen_random_uuid())`, held)

			stay := map[string]copyAt{
				"usage of a live request":                       b.addOld(raw, old{request: &live}),
				"header of a live request":                      b.addOld(raw, old{header: live.String()}),
				"header of a live request, in capitals":         b.addOld(raw, old{header: strings.ToUpper(live.String())}),
				"usage of a live step":                          b.addOld(raw, old{step: &step, header: id().String()}),
				"header of a live step":                         b.addOld(raw, old{header: step.String()}),
				"usage of a live step as a request":             b.addOld(raw, old{request: &step}),
				"usage of a live request as a step":             b.addOld(raw, old{request: id(), step: &live}),
				"a batch's row":                                 b.addOld(raw, old{request: &batched.ID}),
				"usage of a batch":                              b.addOld(raw, old{request: inBatch, batch: id()}),
				"header of the same request as a batch's usage": b.addOld(raw, old{header: inBatch.String()}),
				"header of a batch":                             b.addOld(raw, old{header: id().String(), batchHeader: id().String()}),
				"younger":                                       b.addOld(raw, old{request: id(), young: true}),
				"held by name":                                  b.addOld(raw, old{request: held}),
				"retained":                                      b.addOld(raw, old{request: retained}),
				"archived":                                      b.addOld(raw, old{header: archived.String()}),
				"queued":                                        b.addOld(raw, old{request: queued}),
				"names nothing":                                 b.addOld(raw, old{}),
				"usage of a deleted step only":                  b.addOld(raw, old{step: id()}),
				"header is not an id":                           b.addOld(raw, old{header: "of people"}),
				"usage of a deleted, header of a live request":  b.addOld(raw, old{request: id(), header: live.String()}),
				"usage of a live, header of a deleted request":  b.addOld(raw, old{request: &live, header: id().String()}),
				"answer of a live request":                      b.addOld(raw, old{request: &live, only: "http_responses"}),
				"answer without usage":                          b.addOld(raw, old{header: id().String(), only: "http_responses"}),
				"request copy of a live request":                b.addOld(raw, old{header: live.String(), only: "http_requests"}),
			}
			go_ := map[string]copyAt{
				"usage":            b.addOld(raw, old{request: other, owner: owner}),
				"header":           b.addOld(raw, old{header: id().String()}),
				"usage and header": b.addOld(raw, old{request: other, header: other.String()}),
				"usage and header of two deleted requests": b.addOld(raw, old{request: id(), header: id().String()}),
				"answer only":                                  b.addOld(raw, old{request: id(), only: "http_responses"}),
				"request only":                                 b.addOld(raw, old{request: id(), only: "http_requests"}),
				"usage of a deleted request and step":          b.addOld(raw, old{request: id(), step: id()}),
				"usage of a step, header of a deleted request": b.addOld(raw, old{step: id(), header: id().String()}),
			}
			before := copied(t, raw)
			want := domain.Erased{RawRequests: 7, RawResponses: 7}
			if n := b.countOrphans(); n.RawRequests != want.RawRequests || n.RawResponses != want.RawResponses || copied(t, raw) != before {
				t.Errorf("want %+v counted and nothing removed, got %+v", want, n)
			}
			erased, looked, err := b.sweepOrphans(5)
			if err != nil || erased != want {
				t.Fatalf("want %+v erased, got %+v, %v", want, erased, err)
			}
			// No copy is examined twice.
			if looked > int(before[0]+before[1]) {
				t.Errorf("examined %d copies of %v", looked, before)
			}
			for name, at := range stay {
				if b.there(raw, at) == 0 {
					t.Errorf("erased: %s", name)
				}
			}
			for name, at := range go_ {
				if n := b.there(raw, at); n != 0 {
					t.Errorf("%d left: %s", n, name)
				}
			}
			if n := copied(t, raw); n[0] != before[0]-want.RawRequests || n[1] != before[1]-want.RawResponses {
				t.Errorf("of %v copies, %v are left", before, n)
			}
			if n := b.number(`SELECT (SELECT count(*) FROM lethe.intents) + (SELECT count(*) FROM lethe.tombstones)`); n != 0 {
				t.Errorf("%d intents and tombstones left", n)
			}
			var told domain.Erased
			rows, err := b.owner.Pool().Query(t.Context(), `SELECT r.body FROM lethe.receipts r`)
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			for rows.Next() {
				var body []byte
				if err := rows.Scan(&body); err != nil {
					t.Fatal(err)
				}
				r, err := receipt.Parse(body)
				if err != nil {
					t.Fatal(err)
				}
				if r.Trigger != receipt.TriggerOrphans || r.Actor != receipt.ActorSystem || !slices.Contains(r.NotCovered, receipt.GapUnlocatedCopies) || len(r.Responses) == 0 {
					t.Errorf("got the receipt %+v", r)
				}
				told.Add(domain.Erased{Requests: r.Counts.Requests, RawRequests: r.Counts.RawRequests, RawResponses: r.Counts.RawResponses})
			}
			if told != want {
				t.Errorf("receipts have %+v, want %+v", told, want)
			}

			// After a pass it pauses, and the next pass finds nothing.
			if turn, err := b.responses.SweepOrphans(t.Context(), time.Now(), 10, time.Hour, orphansAuthorization()); err != nil || turn.Looked != 0 {
				t.Errorf("want a pause, got %+v, %v", turn, err)
			}
			if erased, _, err := b.sweepOrphans(1000); err != nil || erased != (domain.Erased{}) {
				t.Errorf("want nothing more, got %+v, %v", erased, err)
			}
			// A hold with a filter may cover any of them.
			at := b.addOld(raw, old{request: id()})
			b.exec(`INSERT INTO lethe.holds (id, models, reason, created_by) VALUES ('00000000-0000-4000-8000-000000000001', ARRAY['a model'], 'a case', gen_random_uuid())`)
			if erased, _, err := b.sweepOrphans(1000); err != nil || erased != (domain.Erased{}) || b.there(raw, at) != 2 {
				t.Errorf("want all held, got %+v, %v", erased, err)
			}
			b.exec(`UPDATE lethe.holds SET released_at = now(), released_by = gen_random_uuid() WHERE models IS NOT NULL`)
			if erased, _, err := b.sweepOrphans(1000); err != nil || erased != (domain.Erased{RawRequests: 1, RawResponses: 1}) || b.there(raw, at) != 0 {
				t.Errorf("want what was held erased, got %+v, %v", erased, err)
			}
		})
	}
}

// TestHoldOwnerKeepsCopies: a hold on an owner keeps the copies of deleted
// responses that usage records ascribe to the owner, even if only by the copy's
// place, and the copies without a known owner.
func TestHoldOwnerKeepsCopies(t *testing.T) {
	t.Parallel()
	layouts := map[string]func(t *testing.T) (*fixture, *postgres.DB){
		"arsenal": func(t *testing.T) (*fixture, *postgres.DB) {
			b := newFixtureOn(t, pgtest.WithArsenal(t), postgres.Config{})
			b.exec(`TRUNCATE outlet.http_requests, outlet.http_responses`)
			return b, b.owner
		},
	}
	maps.Copy(layouts, besideAndApart)
	admin := domain.Principal{ID: uuid.New(), Admin: true}
	type way func(t *testing.T, b *fixture, ids []uuid.UUID) (gone map[uuid.UUID]bool)
	ways := map[string]way{
		"DELETE": func(t *testing.T, b *fixture, ids []uuid.UUID) map[uuid.UUID]bool {
			gone := map[uuid.UUID]bool{}
			for _, id := range ids {
				_, _, err := domain.NewEraseResponse(b.responses, time.Now).Execute(t.Context(), admin, id, false)
				if gone[id] = err == nil; err != nil && domain.CodeOf(err) != domain.CodeHeld {
					t.Errorf("want %s, got %v", domain.CodeHeld, err)
				}
			}
			return gone
		},
		"sweep": func(t *testing.T, b *fixture, ids []uuid.UUID) map[uuid.UUID]bool {
			before, counted := b.number(`SELECT count(*) FROM lethe.receipts`), b.countOrphans()
			erased, _, err := b.sweepOrphans(5)
			if err != nil || counted.RawRequests != erased.RawRequests || b.number(`SELECT count(*) FROM lethe.receipts`) == before {
				t.Errorf("counted %+v, erased %+v, %v", counted, erased, err)
			}
			return nil
		},
	}
	for name, open := range layouts {
		for how, erase := range ways {
			t.Run(name+"/"+how, func(t *testing.T) {
				t.Parallel()
				b, raw := open(t)
				index(t, b.owner)
				if raw != b.owner {
					index(t, raw)
				}
				alice, ben, step := uuid.New(), uuid.New(), uuid.New()
				b.exec(`INSERT INTO lethe.holds (id, owners, reason, created_by) VALUES (gen_random_uuid(), ARRAY[$1::text], 'a case', gen_random_uuid())`, alice.String())
				type copies struct {
					what string
					id   uuid.UUID
					at   []copyAt
					held bool
				}
				var all []copies
				add := func(what string, held bool, of func(id uuid.UUID) []old) {
					c := copies{what: what, id: uuid.New(), held: held}
					for _, o := range of(c.id) {
						c.at = append(c.at, b.addOld(raw, o))
					}
					all = append(all, c)
				}
				add("hers", true, func(id uuid.UUID) []old { return []old{{request: &id, owner: &alice}} })
				add("nobody's", true, func(id uuid.UUID) []old { return []old{{request: &id}} })
				add("without a usage record", true, func(id uuid.UUID) []old { return []old{{header: id.String()}} })
				add("her step's, by its place", true, func(id uuid.UUID) []old { return []old{{step: &step, owner: &alice, header: id.String()}} })
				add("nobody's step's", true, func(id uuid.UUID) []old { return []old{{step: &step, header: id.String()}} })
				add("his and nobody's", true, func(id uuid.UUID) []old { return []old{{request: &id, owner: &ben}, {request: &id}} })
				add("his and, by its place, hers", true, func(id uuid.UUID) []old {
					return []old{{request: &id, owner: &ben}, {step: &step, owner: &alice, header: id.String()}}
				})
				add("his", false, func(id uuid.UUID) []old { return []old{{request: &id, owner: &ben}} })
				add("his, also by header", false, func(id uuid.UUID) []old { return []old{{request: &id, owner: &ben}, {header: id.String()}} })
				add("his step's, by its place", false, func(id uuid.UUID) []old { return []old{{step: &step, owner: &ben, header: id.String()}} })
				for _, held := range []bool{true, false} {
					var ids []uuid.UUID
					for _, c := range all {
						if held || c.held {
							ids = append(ids, c.id)
						}
					}
					gone := erase(t, b, ids)
					for _, c := range all {
						stays := held && c.held
						for _, at := range c.at {
							if n := b.there(raw, at); (n == 2) != stays || n == 1 {
								t.Errorf("%s: held %t, but %d left", c.what, stays, n)
							}
						}
						if gone != nil && (held || c.held) && gone[c.id] == stays {
							t.Errorf("%s: held %t, but reported as deleted: %t", c.what, stays, gone[c.id])
						}
					}
					b.exec(`UPDATE lethe.holds SET released_at = now(), released_by = gen_random_uuid()`)
				}
			})
		}
	}
}

// TestEraseByStepID: the id of an existing step is not the id of a
// response, existing or deleted.
func TestEraseByStepID(t *testing.T) {
	t.Parallel()
	for name, open := range besideAndApart {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, raw := open(t)
			index(t, b.owner)
			if raw != b.owner {
				index(t, raw)
			}
			owner := uuid.New()
			b.addChain("somebody", 3)
			var step uuid.UUID
			if err := b.owner.Pool().QueryRow(t.Context(), `SELECT id FROM fusillade.response_steps WHERE step_kind = 'tool_call'`).Scan(&step); err != nil {
				t.Fatal(err)
			}
			headed, used := uuid.New(), uuid.New() // deleted
			places := []copyAt{
				b.addOld(raw, old{header: step.String()}), b.addOld(raw, old{request: &step, owner: &owner}),
				b.addOld(raw, old{step: &step, owner: &owner, header: headed.String()}), b.addOld(raw, old{request: &used, step: &step, owner: &owner}),
			}
			for _, id := range []uuid.UUID{step, headed, used} {
				if _, err := b.responses.Erase(t.Context(), id, nil, porttest.Permit); domain.CodeOf(err) != domain.CodeNotFound {
					t.Errorf("want %s, got %v", domain.CodeNotFound, err)
				}
			}
			for _, at := range places {
				if n := b.there(raw, at); n != 2 {
					t.Errorf("%d copies left", n)
				}
			}
		})
	}
}

// TestErasePersonStepCopies: erasing an owner removes the copies of steps whose
// headers name a deleted request. Receipts of deleted responses never claim that
// every copy was found.
func TestErasePersonStepCopies(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T) (*fixture, *Erasures, *postgres.DB){
		"beside": func(t *testing.T) (*fixture, *Erasures, *postgres.DB) {
			b := newFixture(t, postgres.Config{})
			index(t, b.owner)
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
			carol, ben, step := uuid.New(), uuid.New(), uuid.New()
			live := b.addChain(ben.String(), 1)[0].ID
			liveStep := b.step(b.addChain(ben.String(), 3)[0].ID)
			hers, hisToo, single := uuid.New(), uuid.New(), uuid.New()
			gone := map[string]copyAt{
				"request":                b.addOld(raw, old{request: &hers, owner: &carol}),
				"step of the request":    b.addOld(raw, old{step: &step, owner: &carol, header: hers.String()}),
				"step alone":             b.addOld(raw, old{step: &step, owner: &carol, header: uuid.NewString()}),
				"second step":            b.addOld(raw, old{step: &step, owner: &carol, header: uuid.NewString()}),
				"third step":             b.addOld(raw, old{step: &step, owner: &carol, header: uuid.NewString()}),
				"step without an answer": b.addOld(raw, old{step: &step, owner: &carol, header: uuid.NewString(), only: "http_requests"}),
			}
			stay := map[string]copyAt{
				"another owner":                     b.addOld(raw, old{step: &step, owner: &ben, header: uuid.NewString()}),
				"existing step":                     b.addOld(raw, old{step: &liveStep, owner: &carol, header: uuid.NewString()}),
				"header of a live request":          b.addOld(raw, old{step: &step, owner: &carol, header: live.String()}),
				"header of a batch":                 b.addOld(raw, old{step: &step, owner: &carol, header: uuid.NewString(), batchHeader: uuid.NewString()}),
				"usage of a batch":                  b.addOld(raw, old{step: &step, batch: &step, owner: &carol, header: uuid.NewString()}),
				"no header":                         b.addOld(raw, old{step: &step, owner: &carol}),
				"header of a request of two owners": b.addOld(raw, old{step: &step, owner: &carol, header: hisToo.String()}),
				"usage of a request of two owners":  b.addOld(raw, old{request: &hisToo, owner: &ben}),
				"request of another owner":          b.addOld(raw, old{request: &single, owner: &ben}),
			}
			want := domain.Erased{RawRequests: 6, RawResponses: 5}
			target := domain.ErasureTarget{Owner: &carol}
			estimate, err := erasures.Estimate(t.Context(), target, []string{carol.String()}, time.Now())
			if err != nil || estimate.Responses != 5 || estimate.RawRequests != want.RawRequests || estimate.RawResponses != want.RawResponses {
				t.Errorf("want %+v of 5 counted, got %+v, %v", want, estimate, err)
			}
			if e := b.finish(erasures, b.create(erasures, target).ID, 2); e.Done != 5 || e.Erased != want {
				t.Errorf("want %+v of 5 erased, got %+v", want, e.ErasureProgress)
			}
			for name, at := range gone {
				if n := b.there(raw, at); n != 0 {
					t.Errorf("%s: %d left", name, n)
				}
			}
			for name, at := range stay {
				if n := b.there(raw, at); n != 2 {
					t.Errorf("%s: %d left", name, n)
				}
			}
			if _, err := b.responses.Erase(t.Context(), single, nil, porttest.Permit); err != nil {
				t.Error(err)
			}
			told := 0
			rows, err := b.owner.Pool().Query(t.Context(), `SELECT r.body FROM lethe.receipts r`)
			if err != nil {
				t.Fatal(err)
			}
			defer rows.Close()
			for ; rows.Next(); told++ {
				var body []byte
				if err := rows.Scan(&body); err != nil {
					t.Fatal(err)
				}
				if r, err := receipt.Parse(body); err != nil || !slices.Contains(r.NotCovered, receipt.GapUnlocatedCopies) {
					t.Errorf("want %s named, got %+v, %v", receipt.GapUnlocatedCopies, r, err)
				}
			}
			if told < 4 {
				t.Errorf("got %d receipts", told)
			}
		})
	}
}

// TestSweepOrphansRefusedDelete: a copy that the database refuses to delete stays
// whole and does not stop others.
func TestSweepOrphansRefusedDelete(t *testing.T) {
	t.Parallel()
	for name, open := range besideAndApart {
		for how, body := range map[string]string{
			"raises":       `RAISE EXCEPTION 'words of people: %', OLD`,
			"returns null": `RETURN NULL`,
		} {
			t.Run(name+"/"+how, func(t *testing.T) {
				t.Parallel()
				b, raw := open(t)
				var places []copyAt
				for range 9 {
					id := uuid.New()
					places = append(places, b.addOld(raw, old{request: &id}))
				}
				if _, err := raw.Pool().Exec(t.Context(), `CREATE FUNCTION public.refuse() RETURNS trigger AS $$ BEGIN `+body+`; END $$ LANGUAGE plpgsql;
					CREATE TRIGGER refuse BEFORE DELETE ON outlet.http_responses FOR EACH ROW WHEN (OLD.instance_id = '`+places[4].instance.String()+`') EXECUTE FUNCTION public.refuse()`); err != nil {
					t.Fatal(err)
				}
				erased, _, err := b.sweepOrphans(4)
				if erased != (domain.Erased{RawRequests: 8, RawResponses: 8}) || domain.CodeOf(err) != domain.CodeRefused {
					t.Errorf("want 8 erased and an error for the other, got %+v, %v", erased, err)
				}
				if err != nil && strings.Contains(err.Error(), "words of people") {
					t.Errorf("the error quotes a row: %v", err)
				}
				for i, at := range places {
					want := int64(0)
					if i == 4 {
						want = 2
					}
					if n := b.there(raw, at); n != want {
						t.Errorf("copy %d: got %d left, want %d", i, n, want)
					}
				}
				if n := b.number(`SELECT count(*) FROM lethe.intents`); n != 0 {
					t.Errorf("%d intents left", n)
				}
			})
		}
	}
}

// TestSweepOrphansUnreadableTables: if a table that may need the copies cannot be read,
// nothing is removed.
func TestSweepOrphansUnreadableTables(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	id := uuid.New()
	at := b.addOld(b.owner, old{request: &id})
	b.exec(`CREATE TABLE fusillade.batch_requests_archive (id uuid PRIMARY KEY)`)
	if erased, _, err := b.sweepOrphans(10); err == nil || !strings.Contains(err.Error(), "batch_requests_archive") || erased != (domain.Erased{}) || b.there(b.owner, at) != 2 {
		t.Errorf("want nothing erased and an error naming the table, got %+v, %v", erased, err)
	}
}

// TestSweepOrphansMaxPerReceipt: a turn removes no more copies than one receipt can hold,
// and leaves the rest to the next.
func TestSweepOrphansMaxPerReceipt(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	b.exec(`INSERT INTO outlet.http_requests (instance_id, correlation_id, timestamp, method, uri, headers)
		SELECT gen_random_uuid(), n, now() - interval '8 days', 'POST', '/', jsonb_build_object('x-fusillade-request-id', gen_random_uuid()) FROM generate_series(1, 1000) n`)
	erased, looked, err := b.sweepOrphans(1000)
	if err != nil || erased != (domain.Erased{RawRequests: 1000}) || looked != 1000 {
		t.Errorf("want 1000 erased, got %+v of %d, %v", erased, looked, err)
	}
	if n := b.number(`SELECT count(*) FROM lethe.receipts`); n != 4 {
		t.Errorf("got %d receipts", n)
	}
}

// TestSweepOrphansResumed: a process that ends between the two databases leaves
// an intent, which the next sweep finishes. Copies of a request that was restored
// meanwhile stay.
func TestSweepOrphansResumed(t *testing.T) {
	t.Parallel()
	for _, back := range []bool{false, true} {
		a := newApart(t, 2)
		first, second := uuid.New(), porttest.NewRow("somebody", "completed", time.Now())
		a.addOld(a.copies, old{request: &first})
		at := a.addOld(a.copies, old{request: &second.ID})
		if _, err := a.copies.Pool().Exec(t.Context(), `ALTER TABLE outlet.http_requests RENAME TO away`); err != nil {
			t.Fatal(err)
		}
		if _, _, err := a.sweepOrphans(10); err == nil {
			t.Fatal("the sweep removed copies although it failed")
		}
		if _, err := a.copies.Pool().Exec(t.Context(), `ALTER TABLE outlet.away RENAME TO http_requests`); err != nil {
			t.Fatal(err)
		}
		a.exec(`REVOKE INSERT ON lethe.receipts FROM ` + role(t, a.fixture))
		if _, _, err := a.sweepOrphans(10); err == nil {
			t.Fatal("the sweep finished without a receipt")
		}
		if n := a.number(`SELECT count(*) FROM lethe.intents`); n != 1 || a.there(a.copies, at) != 0 {
			t.Fatalf("want the copies removed and an intent, got %d intents", n)
		}
		a.exec(`GRANT INSERT ON lethe.receipts TO ` + role(t, a.fixture))
		if back { // too late to keep them
			a.AddResponse(second)
		}
		if err := a.sweep(); err != nil {
			t.Fatal(err)
		}
		if n := a.number(`SELECT count(*) FROM lethe.receipts WHERE convert_from(body, 'UTF8') LIKE '%"orphans"%' AND convert_from(body, 'UTF8') LIKE '%"raw_requests":2,"raw_responses":2%'`); n != 1 {
			t.Errorf("got %d receipts of two copies each", n)
		}
		if n := a.number(`SELECT count(*) FROM fusillade.requests`); (n == 1) != back {
			t.Errorf("got %d requests", n)
		}
	}
}

func role(t *testing.T, b *fixture) (name string) {
	t.Helper()
	if err := b.owner.Pool().QueryRow(t.Context(), `SELECT quote_ident(grantee) FROM information_schema.column_privileges WHERE table_schema = 'lethe' AND table_name = 'orphans' AND privilege_type = 'UPDATE' AND grantee <> current_user LIMIT 1`).Scan(&name); err != nil {
		t.Fatal(err)
	}
	return name
}
