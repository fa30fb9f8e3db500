package fusillade

import (
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/postgres"
	"lethe/domain"
	"lethe/domain/porttest"
)

// spellings are headers, written by the gateway or its callers, that name this
// request and no other.
func spellings(id uuid.UUID) map[string]any {
	text, digits := id.String(), hex.EncodeToString(id[:])
	return map[string]any{
		"plain":                text,
		"capitals":             strings.ToUpper(text),
		"API id":               "resp_" + text,
		"API id in capitals":   strings.ToUpper("resp_" + text),
		"digits":               digits,
		"digits in capitals":   strings.ToUpper(digits),
		"API id of digits":     "resp_" + digits,
		"list":                 []string{text},
		"list, in capitals":    []string{strings.ToUpper(text)},
		"list of an API id":    []string{"resp_" + text},
		"list of digits":       []string{digits},
		"quoted":               `"` + text + `"`,
		"braces":               "{" + text + "}",
		"URN":                  "urn:uuid:" + text,
		"nested list":          [][]string{{text}},
		"some hyphens missing": text[:9] + digits[8:],
	}
}

// unnamed are headers that do not name this request.
func unnamed(id uuid.UUID) map[string]any {
	long := strings.Repeat(id.String(), 100) + "."
	for range 300 { // random, so compression does not shrink it
		long += uuid.NewString() + "ß"
	}
	return map[string]any{
		"nothing":            "",
		"null":               nil,
		"not an id":          "of people",
		"number":             12,
		"empty list":         []string{},
		"empty object":       map[string]any{},
		"very long":          long,
		"wide":               strings.Repeat("𝔸", 40),
		"cut short":          id.String()[1:],
		"too long":           id.String() + "0",
		"another id":         uuid.New(),
		"first id of a list": []string{id.String(), uuid.NewString()},
	}
}

// addHeaded stores a copy with this header and the header of a batch.
func (b *fixture) addHeaded(raw *postgres.DB, value any, batch string) copyAt {
	b.t.Helper()
	at := copyAt{uuid.New(), time.Now().UnixNano()}
	header, err := json.Marshal(value)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, sql := range []string{
		`INSERT INTO outlet.http_requests (instance_id, correlation_id, timestamp, method, uri, headers, body)
			VALUES ($1, $2, $3, 'POST', '/v1/responses', jsonb_build_object('x-fusillade-request-id', $4::jsonb, 'x-fusillade-batch-id', $5::text), '{"words": "of people"}')`,
		`INSERT INTO outlet.http_responses (instance_id, correlation_id, timestamp, status_code, headers, body, duration_to_first_byte_ms, duration_ms)
			VALUES ($1, $2, $3, 200, jsonb_build_object('not-looked-at', $4::jsonb, 'either', $5::text), '{"words": "of a model"}', 1, 2)`,
	} {
		if _, err := raw.Pool().Exec(b.t.Context(), sql, at.instance, at.correlation, time.Now().Add(-domain.OrphansAfter-time.Hour), string(header), batch); err != nil {
			b.t.Fatal(err)
		}
	}
	return at
}

// addSpelled stores a copy for each header.
func (b *fixture) addSpelled(raw *postgres.DB, headers map[string]any) map[string]copyAt {
	b.t.Helper()
	places := make(map[string]copyAt)
	for how, value := range headers {
		places[how] = b.addHeaded(raw, value, "")
	}
	return places
}

// TestHeaderSpellings: however a header spells a request, every kind of
// erasure finds its copy, and no other copies.
func TestHeaderSpellings(t *testing.T) {
	t.Parallel()
	for name, open := range besideAndApart {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, raw := open(t)
			erasures := b.erasures(postgres.Config{})
			if raw == b.owner {
				b.index()
			} else {
				index(t, b.owner, raw)
				erasures.WithCopies(b.responses.copies)
			}
			n := int64(len(spellings(uuid.Nil)))
			// gone checks that none of these copies is left.
			gone := func(what string, places map[string]copyAt) {
				t.Helper()
				for how, at := range places {
					if left := b.there(raw, at); left != 0 {
						t.Errorf("%s: %d copies left with the header spelled %s", what, left, how)
					}
				}
			}
			stays := func(what string, places map[string]copyAt) {
				t.Helper()
				for how, at := range places {
					if left := b.there(raw, at); left != 2 {
						t.Errorf("%s: erased the copy with the header %s", what, how)
					}
				}
			}
			copies := domain.Erased{RawRequests: n, RawResponses: n}
			for _, steps := range []int{1, 3} {
				for _, many := range []bool{false, true} {
					owner := uuid.New()
					requests := b.addChain(owner.String(), steps)
					id := requests[len(requests)-1].ID
					others := b.addSpelled(raw, unnamed(id))
					spelled := b.addSpelled(raw, spellings(id))
					want := whole(steps, len(requests))
					want.Add(copies)
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
					if erased != want {
						t.Errorf("%d steps, of many %t: want %+v erased, got %+v", steps, many, want, erased)
					}
					gone("erased", spelled)
					spelled = b.addSpelled(raw, spellings(id))
					b.Hasten()
					if _, erased, err := b.responses.Sweep(t.Context(), 10, sweepAuthorization()); err != nil || erased != copies {
						t.Errorf("written late: got %+v (error %v)", erased, err)
					}
					gone("late", spelled)
					spelled = b.addSpelled(raw, spellings(id))
					w := sweepAuthorization()
					w.Trigger = domain.TriggerReplay
					if left, err := b.responses.Remaining(t.Context(), []uuid.UUID{id}); err != nil || !slices.Equal(left, []uuid.UUID{id}) {
						t.Errorf("restored: got %v (error %v)", left, err)
					}
					if erased, err := b.responses.EraseAgain(t.Context(), []uuid.UUID{id}, w); err != nil || erased != copies {
						t.Errorf("restored: got %+v (error %v)", erased, err)
					}
					gone("restored", spelled)
					stays("of one that was erased", others)
				}
			}

			// Requests whose rows are deleted: found by id and by owner, but not
			// those of a batch.
			id := uuid.New()
			others, spelled := b.addSpelled(raw, unnamed(id)), b.addSpelled(raw, spellings(id))
			if erased, err := b.responses.Erase(t.Context(), id, nil, porttest.Permit); err != nil || erased != copies {
				t.Errorf("deleted request: got %+v (error %v)", erased, err)
			}
			gone("of what is gone", spelled)
			stays("of what is gone", others)
			owner := uuid.New()
			id = uuid.New()
			b.exec(`INSERT INTO public.users (id, username, email) VALUES ($1::uuid, $1::uuid::text, $1::uuid::text)`, owner)
			b.exec(`INSERT INTO public.http_analytics (instance_id, correlation_id, timestamp, method, uri, fusillade_request_id, user_id)
				VALUES (gen_random_uuid(), 1, now(), 'POST', '/v1/responses', $1, $2)`, id, owner)
			spelled = b.addSpelled(raw, spellings(id))
			if erased := b.finish(erasures, b.create(erasures, domain.ErasureTarget{Owner: &owner}).ID, 10).Erased; erased != copies {
				t.Errorf("deleted requests of an owner: got %+v", erased)
			}
			gone("of an owner's that are gone", spelled)
			for how := range spellings(id) {
				id := uuid.New()
				at := map[string]copyAt{how: b.addHeaded(raw, spellings(id)[how], "a batch")}
				at["as it is, of no batch"] = b.addHeaded(raw, id, "")
				if _, err := b.responses.Erase(t.Context(), id, nil, porttest.Permit); domain.CodeOf(err) != domain.CodeNotFound {
					t.Errorf("request of a batch, %s: want %s, got %v", how, domain.CodeNotFound, err)
				}
				stays("of a batch's", at)
			}

			// The sweep of orphans: a copy alone tells whether its request exists.
			if _, err := raw.Pool().Exec(t.Context(), `TRUNCATE outlet.http_requests, outlet.http_responses`); err != nil {
				t.Fatal(err)
			}
			live, held, dead := b.addChain("somebody", 1)[0].ID, uuid.New(), uuid.New()
			b.exec(`INSERT INTO lethe.holds (id, responses, reason, created_by) VALUES (gen_random_uuid(), ARRAY[$1::uuid], 'a case', gen_random_uuid())`, held)
			ofLive, ofHeld, ofDead := b.addSpelled(raw, spellings(live)), b.addSpelled(raw, spellings(held)), b.addSpelled(raw, spellings(dead))
			ofNone := b.addSpelled(raw, unnamed(dead))
			another := ofNone["another id"]
			delete(ofNone, "another id")
			ofBatch := make(map[string]copyAt)
			for how := range spellings(id) {
				id := uuid.New()
				ofBatch[how] = b.addHeaded(raw, spellings(id)[how], "a batch")
				ofBatch["plain, of no batch, beside "+how] = b.addHeaded(raw, id, "")
			}
			erased, _, err := b.sweepOrphans(7)
			if want := (domain.Erased{RawRequests: n + 1, RawResponses: n + 1}); err != nil || erased != want {
				t.Errorf("sweep: want %+v erased, got %+v (error %v)", want, erased, err)
			}
			gone("sweep", ofDead)
			gone("sweep", map[string]copyAt{"plain": another})
			stays("sweep, live request", ofLive)
			stays("sweep, held request", ofHeld)
			stays("sweep, request of a batch", ofBatch)
			stays("sweep, no request", ofNone)
		})
	}
}

// TestHeaderSeveralIDs: a header with several ids names the last one.
func TestHeaderSeveralIDs(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	b.index()
	first, last := b.addChain("ann", 1)[0].ID, b.addChain("ben", 1)[0].ID
	at := b.addHeaded(b.owner, []uuid.UUID{first, last}, "")
	if _, err := b.responses.Erase(t.Context(), first, nil, porttest.Permit); err != nil || b.there(b.owner, at) != 2 {
		t.Errorf("first id: got %v, %d left", err, b.there(b.owner, at))
	}
	if _, err := b.responses.Erase(t.Context(), last, nil, porttest.Permit); err != nil || b.there(b.owner, at) != 0 {
		t.Errorf("last id: got %v, %d left", err, b.there(b.owner, at))
	}
}
