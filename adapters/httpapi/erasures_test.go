package httpapi_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/httpapi"
	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/memory"
)

// owned adds a response of owner, with a prompt and raw copies.
func owned(store *memory.Store, owner uuid.UUID, state string) uuid.UUID {
	id := uuid.New()
	store.AddResponse(porttest.Row{Response: domain.Response{
		ID: id, Owner: owner.String(), State: state, Model: "m", CreatedAt: time.Now().Add(-time.Hour),
	}})
	store.AddUsage(porttest.UsageRow{Response: id, At: time.Now(), Copied: true})
	return id
}

func erasing(t testing.TB) (*service, *memory.Store) {
	t.Helper()
	store := memory.New()
	return assemble(t, fakes{erasures: store.Erasures(), jobs: store.Jobs(), holds: store.Holds()}, nil), store
}

// start sends the body of an erasure, with an idempotency key if one is given.
func (s *service) start(t testing.TB, caller, idempotencyKey, body string) answer {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, erasures, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+caller)
	r.Header.Set("Content-Type", "application/json")
	if idempotencyKey != "" {
		r.Header.Set("Idempotency-Key", idempotencyKey)
	}
	return s.serve(t, r)
}

// withToken adds the token of its preview to target.
func (s *service) withToken(t *testing.T, caller, target string) string {
	t.Helper()
	a := s.post(t, erasures+"/preview", caller, target)
	if a.status != http.StatusOK {
		t.Fatalf("%s: got status %d, want %d: %s", target, a.status, http.StatusOK, a.body)
	}
	return strings.TrimSuffix(target, "}") + `,"token":"` + decode(t, a.body)["token"].(string) + `"}`
}

func finish(t testing.TB, store *memory.Store, id string) {
	t.Helper()
	if over, err := runner(store.Erasures()).Execute(context.Background(), uuid.MustParse(id), 0); err != nil || !over {
		t.Fatalf("erasure finished: %t (error %v), want true", over, err)
	}
}

func zeroCounts() map[string]any {
	return map[string]any{"requests": 0.0, "steps": 0.0, "templates": 0.0, "raw_requests": 0.0, "raw_responses": 0.0, "tasks": 0.0, "files": 0.0, "kept_templates": 0.0, "retained": 0.0}
}

var saltShape = regexp.MustCompile(`^[0-9a-f]{64}$`)

// TestStartErasureLaterTurns: later turns are erased only on request, and a token
// is valid only for what was previewed.
func TestStartErasureLaterTurns(t *testing.T) {
	t.Parallel()
	s, store := erasing(t)
	first := owned(store, alice, "completed")
	turn := porttest.NewTurn(alice.String(), first, time.Now())
	store.AddResponse(turn)
	named := `"responses":["` + first.String() + `"]`
	preview := func(body string, responses, turns float64) string {
		t.Helper()
		a := s.post(t, erasures+"/preview", "alice", body)
		shown := decode(t, a.body)
		if a.status != http.StatusOK || shown["responses"] != responses || shown["later_turns"] != turns {
			t.Fatalf("got status %d, want %d: %s", a.status, http.StatusOK, a.body)
		}
		return `,"token":"` + shown["token"].(string) + `"}`
	}
	without := preview(`{`+named+`}`, 1, 1)
	along := `{` + named + `,"include_later_turns":true`
	with := preview(along+`}`, 2, 1)
	if a := s.start(t, "alice", "", along+without); a.status != http.StatusConflict {
		t.Errorf("token of another preview: got status %d, want 409: %s", a.status, a.body)
	}
	a := s.start(t, "alice", "", along+with)
	e := decode(t, a.body)
	if target, _ := e["target"].(map[string]any); a.status != http.StatusCreated || e["responses"] != 2.0 || target["include_later_turns"] != true {
		t.Errorf("got status %d, want %d: %s", a.status, http.StatusCreated, a.body)
	}
	for _, body := range []string{`{` + named + `,"include_later_turns":"true"}`, `{` + named + `,"include_later_turns":1}`} {
		if a := s.post(t, erasures+"/preview", "alice", body); a.status != http.StatusBadRequest {
			t.Errorf("%s: got status %d, want %d: %s", body, a.status, http.StatusBadRequest, a.body)
		}
	}
}

// TestStartErasureOwner goes through preview, start, get, finish and receipts.
func TestStartErasureOwner(t *testing.T) {
	t.Parallel()
	s, store := erasing(t)
	for range 3 {
		owned(store, alice, "completed")
	}
	kept := owned(store, bob, "completed")
	target := `{"owner":"` + strings.ToUpper(alice.String()) + `"}`

	a := s.post(t, erasures+"/preview", "alice", target)
	shown := decode(t, a.body)
	want := map[string]any{
		"token": shown["token"], "expires_at": shown["expires_at"], "as_of": shown["as_of"],
		"responses": 3.0, "requests": 3.0, "steps": 0.0, "templates": 3.0, "raw_requests": 3.0, "raw_responses": 3.0, "tasks": 0.0, "files": 0.0, "kept_templates": 0.0, "retained": 0.0,
		"held": 0.0, "not_found": 0.0, "complete": true, "later_turns": 0.0, "later_turns_complete": true, "later_turns_searched": nil,
	}
	if a.status != http.StatusOK || !reflect.DeepEqual(shown, want) {
		t.Fatalf("got status %d, want %d: %s", a.status, http.StatusOK, a.body)
	}

	body := strings.TrimSuffix(target, "}") + `,"token":"` + shown["token"].(string) + `","ground":"request","ticket":"canary-ticket"}`
	a = s.start(t, "alice", "canary-key", body)
	e := decode(t, a.body)
	id, _ := e["id"].(string)
	at := erasures + "/" + id
	salt := a.header.Get("Receipt-Salt")
	if a.status != http.StatusAccepted || a.header.Get("Location") != at || !saltShape.MatchString(salt) {
		t.Fatalf("got status %d, want %d: %v %s", a.status, http.StatusAccepted, a.header, a.body)
	}
	want = map[string]any{
		"id": id, "state": "pending", "trigger": "bulk", "rule": nil, "subject_request": nil, "kind": "owner",
		"target": map[string]any{"responses": []any{}, "owner": alice.String(), "filter": nil, "include_later_turns": false},
		"ground": "request", "ticket": "canary-ticket", "requested_at": e["requested_at"], "requested_by": alice.String(),
		"started_at": nil, "finished_at": nil, "verify_at": nil, "verified_at": nil, "approval": nil, "as_of": shown["as_of"],
		"expected": 3.0, "responses": 0.0, "counts": zeroCounts(), "held": 0.0, "not_found": 0.0, "refused": 0.0, "receipts": 0.0,
		"failures": []any{}, "last_error": nil,
	}
	if !reflect.DeepEqual(e, want) {
		t.Errorf("want %v, got %v", want, e)
	}
	if got := store.Enqueued(); !slices.Equal(got, []uuid.UUID{uuid.MustParse(id)}) {
		t.Errorf("enqueued %v, want the erasure", got)
	}

	finish(t, store, id)
	a = s.ask(t, http.MethodGet, at)
	e = decode(t, a.body)
	for _, name := range []string{"started_at", "finished_at", "verify_at"} {
		if e[name] == nil {
			t.Errorf("%s is null", name)
		}
		want[name] = e[name]
	}
	want["state"], want["responses"], want["receipts"] = "finished", 3.0, 1.0
	maps.Copy(want["counts"].(map[string]any), map[string]any{"requests": 3.0, "templates": 3.0, "raw_requests": 3.0, "raw_responses": 3.0})
	if a.status != http.StatusOK || !reflect.DeepEqual(e, want) {
		t.Errorf("got status %d, want %v, got %v", a.status, want, e)
	}
	if got := store.Stored().Requests; got != 1 {
		t.Errorf("%d requests left, want that of %s only", got, kept)
	}

	a = s.ask(t, http.MethodGet, at+"/receipts")
	receipts := decode(t, a.body)
	first, _ := receipts["data"].([]any)[0].(map[string]any)
	if a.status != http.StatusOK || first["responses"] != 3.0 || first["location"] != erasures+"/"+first["id"].(string)+"/receipt" ||
		receipts["has_more"] != false || receipts["next_cursor"] != nil || receipts["limit"] != 10.0 {
		t.Errorf("got status %d, want %d: %s", a.status, http.StatusOK, a.body)
	}

	// The same request again returns the same erasure in its current state. Its
	// token is used up, but no longer needed.
	a = s.start(t, "alice", "canary-key", body)
	if a.status != http.StatusCreated || !reflect.DeepEqual(decode(t, a.body), want) || a.header.Get("Receipt-Salt") != salt || a.header.Get("Location") != at {
		t.Errorf("got status %d, want %d: %v %s", a.status, http.StatusCreated, a.header, a.body)
	}
	logged := s.log.String()
	for _, told := range []string{`"msg":"Erasure requested"`, `"erasure":"` + id + `"`} {
		if !strings.Contains(logged, told) {
			t.Errorf("the log lacks %s", told)
		}
	}
	for _, secret := range []string{"canary", salt, shown["token"].(string)} {
		if strings.Contains(logged, secret) {
			t.Errorf("the log contains %s", secret)
		}
	}
}

// TestStartErasureResponses: named responses are erased before the answer. Those that are held
// or not the caller's are reported and do not stop the others.
func TestStartErasureResponses(t *testing.T) {
	t.Parallel()
	for caller, sees := range map[string]bool{"alice": false, "root": true} {
		s, store := erasing(t)
		mine, held, others, nothing := owned(store, alice, "completed"), owned(store, alice, "completed"), uuid.New(), uuid.New()
		if caller == "alice" {
			others = owned(store, bob, "completed")
		}
		hold := decode(t, s.post(t, holds, "root", `{"responses":["`+held.String()+`"],"reason":"canary"}`).body)["id"]
		a := s.start(t, caller, "", fmt.Sprintf(`{"responses":[%q,%q,%q,%q,%q]}`, mine, held, others, nothing, mine))
		e := decode(t, a.body)
		names := []any{}
		if sees {
			names = append(names, hold)
		}
		failures := map[any]any{ // in any order
			held.String():    map[string]any{"response": held.String(), "reason": "held", "message": "A hold covers this response", "holds": names},
			others.String():  map[string]any{"response": others.String(), "reason": "not_found", "message": "No such response that you may erase", "holds": []any{}},
			nothing.String(): map[string]any{"response": nothing.String(), "reason": "not_found", "message": "No such response that you may erase", "holds": []any{}},
		}
		got := make(map[any]any)
		for _, failure := range e["failures"].([]any) {
			got[failure.(map[string]any)["response"]] = failure
		}
		if a.status != http.StatusCreated || e["state"] != "finished" || e["responses"] != 1.0 || e["held"] != 1.0 || e["not_found"] != 2.0 ||
			e["ground"] != "unspecified" || e["ticket"] != nil || e["expected"] != nil || e["verify_at"] != nil || !reflect.DeepEqual(got, failures) {
			t.Errorf("%s: got status %d, want %d: %s", caller, a.status, http.StatusCreated, a.body)
		}
		if want := []any{mine.String(), held.String(), others.String(), nothing.String()}; !reflect.DeepEqual(e["target"].(map[string]any)["responses"], want) {
			t.Errorf("%s: want %v, got %s", caller, want, a.body)
		}
		if len(store.Enqueued()) != 0 {
			t.Errorf("%s: enqueued a finished erasure", caller)
		}
	}
}

// TestStartErasureFilter: the erasure shows its filter, which is limited to the
// responses that the caller's list shows.
func TestStartErasureFilter(t *testing.T) {
	t.Parallel()
	s, store := erasing(t)
	owned(store, alice, "failed")
	owned(store, bob, "failed")
	owned(store, alice, "completed")
	for _, c := range []struct {
		caller, filter string
		responses      float64
		shown          map[string]any
	}{
		{"root", `{"states":["failed"]}`, 2, map[string]any{"states": []any{"failed"}}},
		{"root", `{"states":["failed"],"member_id":"` + bob.String() + `"}`, 1, map[string]any{"states": []any{"failed"}, "owners": []any{bob.String()}}},
		{"alice", `{"states":["failed"]}`, 1, map[string]any{"states": []any{"failed"}, "owners": []any{alice.String()}}},
		{"alice", `{"all":true}`, 2, map[string]any{"owners": []any{alice.String()}}},
		{"root", `{"all":true}`, 3, map[string]any{}},
		{"root", `{"has_error":false,"models":["m","it's"],"tiers":["auto"],"created_after":"2026-03-01T13:00:00.0000019+01:00","created_before":"2026-03-02t00:00:00z",
			"response_status_min":-1,"response_status_max":599,"min_duration_ms":1500}`, 0, map[string]any{
			"has_error": false, "models": []any{"m", "it's"}, "tiers": []any{"auto"},
			"created_after": "2026-03-01T12:00:00.000001Z", "created_before": "2026-03-02T00:00:00Z",
			"response_status_min": -1.0, "response_status_max": 599.0, "min_duration_ms": 1500.0,
		}},
	} {
		a := s.post(t, erasures+"/preview", c.caller, `{"filter":`+c.filter+`}`)
		if a.status != http.StatusOK || decode(t, a.body)["responses"] != c.responses {
			t.Errorf("%s %s: got status %d, want %d: %s", c.caller, c.filter, a.status, http.StatusOK, a.body)
		}
		a = s.start(t, c.caller, "", s.withToken(t, c.caller, `{"filter":`+c.filter+`}`))
		target, _ := decode(t, a.body)["target"].(map[string]any)
		if a.status != http.StatusAccepted || !reflect.DeepEqual(target["filter"], any(c.shown)) {
			t.Errorf("%s %s: got status %d, want %d: %s", c.caller, c.filter, a.status, http.StatusAccepted, a.body)
		}
	}
}

// TestGetErasure: an old erasure of a rule shows null for what was deleted, and
// shows its error.
func TestGetErasure(t *testing.T) {
	t.Parallel()
	s, store := erasing(t)
	rule := &domain.RuleVersion{ID: uuid.New(), Version: 3}
	e, _, err := store.Erasures().Create(t.Context(), domain.Erasure{
		ID: uuid.New(), Trigger: domain.TriggerRetention, Rule: rule, Kind: domain.TargetFilter, Ground: domain.GroundRetention,
		RequestedAt: time.Now(), AsOf: time.Now(), State: domain.ErasurePending,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Erasures().Note(t.Context(), e.ID, "The database is away", true); err != nil {
		t.Fatal(err)
	}
	a := s.ask(t, http.MethodGet, erasures+"/"+e.ID.String(), "Authorization", "Bearer root")
	got := decode(t, a.body)
	for name, want := range map[string]any{
		"state": "failed", "last_error": "The database is away", "target": nil, "requested_by": nil, "trigger": "retention", "ground": "retention",
		"rule": map[string]any{"id": rule.ID.String(), "version": 3.0},
	} {
		if !reflect.DeepEqual(got[name], want) {
			t.Errorf("%s: want %v, got %v", name, want, got[name])
		}
	}
}

func TestListErasures(t *testing.T) {
	t.Parallel()
	s, _ := erasing(t)
	if a := s.ask(t, http.MethodGet, erasures); a.body != `{"data":[],"has_more":false,"limit":10,"next_cursor":null}`+"\n" {
		t.Errorf("got status %d: %s", a.status, a.body)
	}
	var all, mine []string
	for i := range 5 {
		caller := []string{"alice", "bob"}[i%2]
		a := s.start(t, caller, "", `{"responses":["`+uuid.NewString()+`"]}`)
		id := decode(t, a.body)["id"].(string)
		all = append(all, id)
		if caller == "alice" {
			mine = append(mine, id)
		}
	}
	a := s.start(t, "alice", "", s.withToken(t, "alice", `{"owner":"`+alice.String()+`"}`))
	pending := decode(t, a.body)["id"].(string)
	all, mine = append(all, pending), append(mine, pending)
	for _, c := range []struct {
		caller, query string
		want          []string
	}{
		{"root", "", all}, {"alice", "", mine}, {"alice", "trigger=bulk", mine}, {"alice", "trigger=retention", nil}, {"alice", "trigger=x", nil},
		{"alice", "state=pending", []string{pending}}, {"root", "state=finished", slices.Concat(all[:5])},
		{"root", "state=pending,%20finished", all}, {"root", "state=", nil}, {"root", "state=lost", nil},
	} {
		for limit := 1; limit <= 5; limit += 2 {
			var got []string
			for after := ""; ; {
				a := s.ask(t, http.MethodGet, fmt.Sprintf("%s?limit=%d&%s%s", erasures, limit, c.query, after), "Authorization", "Bearer "+c.caller)
				page := decode(t, a.body)
				for _, item := range page["data"].([]any) {
					got = append(got, item.(map[string]any)["id"].(string))
				}
				if page["limit"] != float64(limit) || page["has_more"] != (page["next_cursor"] != nil) || len(got) > len(all) {
					t.Fatalf("got status %d: %s", a.status, a.body)
				}
				if page["next_cursor"] == nil {
					break
				}
				after = "&after=" + page["next_cursor"].(string)
			}
			if len(got) != len(c.want) || !sameWords(got, c.want) {
				t.Errorf("%s %q by %d: want %v, got %v", c.caller, c.query, limit, c.want, got)
			}
		}
	}
	first := decode(t, s.ask(t, http.MethodGet, erasures+"?limit=1").body)["next_cursor"].(string)
	for query, parameter := range map[string]string{
		"?state=pending&after=" + first: "after", "?after=x": "after", "?limit=ten": "limit", "?state=a&state=b": "state",
		"?state=" + strings.Repeat(",", 1000): "state", "?a=%ZZ": "a", "/" + pending + "/receipts?limit=ten": "limit",
		"/" + pending + "/receipts?after=" + first: "after",
	} {
		if a := s.ask(t, http.MethodGet, erasures+query); a.status != http.StatusBadRequest || *a.problem.Parameter != parameter {
			t.Errorf("%.60s: got status %d, want %d: %s", query, a.status, http.StatusBadRequest, a.body)
		}
	}
}

// TestStartErasureInvalidBody: an invalid request is refused with the field's name, and
// nothing is erased.
func TestStartErasureInvalidBody(t *testing.T) {
	t.Parallel()
	s, store := erasing(t)
	mine := owned(store, alice, "completed")
	many := func(n int) string {
		ids := make([]string, n)
		for i := range ids {
			ids[i] = `"` + uuid.NewString() + `"`
		}
		return strings.Join(ids, ",")
	}
	for body, c := range map[string]struct {
		status    int
		parameter string
		detail    string
	}{
		`{}`: {400, "", "exactly one of responses, owner and filter must be given"},
		`{"owner":"` + alice.String() + `","filter":{"all":true}}`: {400, "", "exactly one of responses, owner and filter must be given"},
		`{"owners":["` + alice.String() + `"]}`:                    {400, "owners", "owners: is not a known field"},
		`{"owner":"alice"}`:                                        {400, "owner", "owner: " + noOwner},
		`{"owner":"` + bob.String() + `"}`:                         {400, "owner", "owner: must be you or your active organization"},
		`{"responses":[]}`:                                         {400, "responses", "responses: must have 1 to 1000 entries"},
		`{"responses":[` + many(1001) + `]}`:                       {400, "responses", "responses: must have 1 to 1000 entries; to erase more, use owner or filter"},
		`{"responses":[` + many(10000) + `]}`:                      {413, "", "The request body must not exceed 65536 bytes"},
		`{"responses":["` + mine.String() + `",7]}`:                {400, "responses[1]", "responses[1]: " + domain.ErrNoID.Error()},
		`{"filter":{}}`:                                            {400, "filter", "filter: matches everything; add a condition, or set all to true"},
		`{"filter":{"all":false}}`:                                 {400, "filter.all", "filter.all: must be true, to match everything; leave it out"},
		`{"filter":{"all":false,"states":["failed"]}}`:             {400, "filter.all", "filter.all: must be true, to match everything; leave it out"},
		`{"filter":{"all":true,"states":["failed"]}}`:              {400, "filter.all", "filter.all: must be omitted if there are conditions"},
		`{"filter":{"all":"true"}}`:                                {400, "filter.all", "filter.all: must be true, to match everything; leave it out"},
		`{"filter":{"state":"failed"}}`:                            {400, "filter.state", "filter.state: is not a known field; use all, created_after"},
		`{"filter":{"states":[""]}}`:                               {400, "filter.states", ""},
		`{"filter":{"models":[]}}`:                                 {400, "filter.models", ""},
		`{"filter":{"tiers":[""]}}`:                                {400, "filter.tiers", ""},
		`{"filter":{"created_after":"yesterday"}}`:                 {400, "filter.created_after", "filter.created_after: must be an RFC 3339 time"},
		`{"filter":{"member_id":"` + bob.String() + `"}}`:          {400, "member_id", "member_id filter requires platform manager permissions"},
		`{"filter":{"response_status_min":4e2}}`:                   {400, "filter.response_status_min", "filter.response_status_min: must be a whole number of at most 64 bits"},
		`{"filter":{"response_status_max":"4"}}`:                   {400, "filter.response_status_max", "filter.response_status_max: must be a whole number of at most 64 bits"},
		`{"filter":{"min_duration_ms":-1}}`:                        {400, "filter.min_duration_ms", "filter.min_duration_ms: must be a whole number, 0 or more, of at most 64 bits"},
		`{"filter":{"min_duration_ms":"1"}}`:                       {400, "filter.min_duration_ms", "filter.min_duration_ms: must be a whole number, 0 or more, of at most 64 bits"},
		`{"filter":{"has_error":1}}`:                               {400, "filter.has_error", "filter.has_error: must be true or false"},
	} {
		for _, path := range []string{erasures + "/preview", erasures} {
			a := s.post(t, path, "alice", body)
			if got := a.problem.Parameter; a.status != c.status || !strings.HasPrefix(a.problem.Detail, c.detail) ||
				(got == nil) != (c.parameter == "") || got != nil && *got != c.parameter {
				t.Errorf("%s %.80s: answered %d %s", path, body, a.status, a.body)
			}
		}
	}
	named := `{"responses":["` + mine.String() + `"]`
	for body, parameter := range map[string]string{
		named + `,"ground":"retention"}`: "ground", named + `,"ground":"whim"}`: "ground", named + `,"ground":7}`: "ground",
		named + `,"ticket":"` + strings.Repeat("ä", 201) + `"}`: "ticket", named + `,"ticket":"\u0000"}`: "ticket",
		named + `,"token":null}`: "token", named + `,"reason":"r"}`: "reason",
		`{"owner":"` + alice.String() + `"}`: "token", `{"filter":{"all":true},"token":""}`: "token",
	} {
		if a := s.post(t, erasures, "alice", body); a.status != http.StatusBadRequest || a.problem.Parameter == nil || *a.problem.Parameter != parameter {
			t.Errorf("%.80s: got status %d, want %d: %s", body, a.status, http.StatusBadRequest, a.body)
		}
	}
	for _, keys := range [][]string{{""}, {strings.Repeat("k", 256)}, {"a b"}, {"é"}, {"a", "b"}, {"\t"}} {
		r := httptest.NewRequest(http.MethodPost, erasures, strings.NewReader(named+"}"))
		r.Header.Set("Authorization", "Bearer alice")
		r.Header.Set("Content-Type", "application/json")
		r.Header["Idempotency-Key"] = keys
		if a := s.serve(t, r); a.status != http.StatusBadRequest || *a.problem.Parameter != "Idempotency-Key" ||
			a.problem.Detail != "Idempotency-Key: must be given once, in 1 to 255 visible ASCII characters" {
			t.Errorf("%q: answered %d %s", keys, a.status, a.body)
		}
	}
	if got := store.Stored().Requests; got != 1 {
		t.Errorf("%d requests left, want 1", got)
	}
	if a := s.start(t, "alice", strings.Repeat("k", 255), named+"}"); a.status != http.StatusCreated {
		t.Errorf("got status %d, want %d: %s", a.status, http.StatusCreated, a.body)
	}
}

// TestStartErasureConflict: a request that contradicts its preview or an earlier
// request is refused, and nothing is erased.
func TestStartErasureConflict(t *testing.T) {
	t.Parallel()
	s, store := erasing(t)
	first := owned(store, alice, "completed")
	target := `{"owner":"` + alice.String() + `"}`
	const other, changed = "The token does not belong to a preview of this request", "The matching responses have changed since the preview"
	refused := func(caller, key, body, detail string) {
		t.Helper()
		if a := s.start(t, caller, key, body); a.status != http.StatusConflict || !strings.HasPrefix(a.problem.Detail, detail) {
			t.Errorf("answered %d %s", a.status, a.body)
		}
	}
	token := s.withToken(t, "alice", target)
	refused("alice", "", strings.TrimSuffix(target, "}")+`,"token":"EZ7KQDM4WHX2TGBV5YJN3RCLPA"}`, other)
	refused("root", "", token, other) // another caller's token
	refused("alice", "", strings.Replace(token, target[:len(target)-1], `{"filter":{"all":true}`, 1), other)
	refused("alice", "", strings.Replace(token, target[:len(target)-1], `{"responses":["`+first.String()+`"]`, 1), other)
	owned(store, alice, "completed")
	refused("alice", "", token, changed)

	if a := s.start(t, "alice", "key", `{"responses":["`+uuid.NewString()+`"]}`); a.status != http.StatusCreated {
		t.Errorf("got status %d, want %d: %s", a.status, http.StatusCreated, a.body)
	}
	refused("alice", "key", `{"responses":["`+first.String()+`"]}`, "This Idempotency-Key was used with a different request")
	if got := store.Stored().Requests; got != 2 {
		t.Errorf("%d requests left, want 2", got)
	}
	if a := s.start(t, "bob", "key", `{"responses":["`+first.String()+`"]}`); a.status != http.StatusCreated {
		t.Errorf("another caller's key: got status %d, want %d: %s", a.status, http.StatusCreated, a.body)
	}

	late := assemble(t, fakes{erasures: store.Erasures(), jobs: store.Jobs()}, func(_ *httpapi.Config, d *httpapi.Deps) {
		d.Erasures.Start = domain.NewStartErasure(store.Erasures(), subjectCheck(store), runner(store.Erasures()), store.Jobs(),
			func() time.Time { return time.Now().Add(domain.PreviewFor) }, d.Log)
	})
	if a := late.start(t, "alice", "", s.withToken(t, "alice", target)); a.status != http.StatusConflict || !strings.HasPrefix(a.problem.Detail, "The preview has expired") {
		t.Errorf("answered %d %s", a.status, a.body)
	}
}

func TestCancelErasure(t *testing.T) {
	t.Parallel()
	s, store := erasing(t)
	owned(store, alice, "completed")
	id := decode(t, s.start(t, "alice", "", s.withToken(t, "alice", `{"owner":"`+alice.String()+`"}`)).body)["id"].(string)
	a := s.ask(t, http.MethodPost, erasures+"/"+id+"/cancel")
	if e := decode(t, a.body); a.status != http.StatusOK || e["state"] != "canceled" || e["finished_at"] == nil {
		t.Errorf("got status %d, want %d: %s", a.status, http.StatusOK, a.body)
	}
	if again := s.ask(t, http.MethodPost, erasures+"/"+id+"/cancel"); again.status != http.StatusOK || again.body != a.body {
		t.Errorf("got status %d, want %d: %s", again.status, http.StatusOK, again.body)
	}
	if !strings.Contains(s.log.String(), `"msg":"Erasure canceled"`) {
		t.Error("the log lacks the cancellation")
	}
	finish(t, store, id)
	if got := store.Stored().Requests; got != 1 {
		t.Errorf("%d requests left, want 1", got)
	}
}

// TestApproval: somebody else than who asked approves or refuses.
func TestApproval(t *testing.T) {
	t.Parallel()
	s, store := erasing(t)
	s = assemble(t, fakes{}, func(_ *httpapi.Config, d *httpapi.Deps) {
		d.Erasures.Start = domain.NewStartErasure(store.Erasures(), subjectCheck(store), runner(store.Erasures()), store.Jobs(), time.Now, d.Log).
			Requiring(domain.ApprovalLimits{Over: 1, Wait: time.Hour})
		d.Erasures.Get, d.Erasures.Decide = domain.NewGetErasure(store.Erasures()), domain.NewDecideErasure(store.Erasures(), time.Now)
	})
	wait := func() string {
		a := s.start(t, "alice", "", `{"responses":["`+owned(store, alice, "completed").String()+`","`+owned(store, alice, "completed").String()+`"]}`)
		e := decode(t, a.body)
		if approval, _ := e["approval"].(map[string]any); a.status != http.StatusAccepted || e["state"] != "awaiting_approval" || approval["expires_at"] == nil || approval["decided_by"] != nil {
			t.Fatalf("answered %d %s", a.status, a.body)
		}
		return erasures + "/" + e["id"].(string)
	}
	path := wait()
	if a := s.post(t, path+"/approve", "alice", ""); a.status != http.StatusForbidden || !strings.Contains(a.problem.Detail, "somebody else who may erase everyone's responses") {
		t.Errorf("answered %d %s", a.status, a.body)
	}
	a := s.post(t, path+"/approve", "root", "")
	e := decode(t, a.body)
	if approval, _ := e["approval"].(map[string]any); a.status != http.StatusOK || e["state"] != "pending" || approval["decided_by"] == nil || approval["refusal"] != nil {
		t.Errorf("answered %d %s", a.status, a.body)
	}
	path = wait()
	if a := s.post(t, path+"/refuse", "root", `{"reason":"because"}`); a.status != http.StatusBadRequest {
		t.Errorf("answered %d %s", a.status, a.body)
	}
	a = s.post(t, path+"/refuse", "root", `{"reason":"too_broad"}`)
	e = decode(t, a.body)
	if approval, _ := e["approval"].(map[string]any); a.status != http.StatusOK || e["state"] != "refused" || approval["refusal"] != "too_broad" || e["finished_at"] == nil {
		t.Errorf("answered %d %s", a.status, a.body)
	}
	if a := s.post(t, path+"/approve", "root", ""); a.status != http.StatusConflict {
		t.Errorf("answered %d %s", a.status, a.body)
	}
}

// TestErasurePermissions: an erasure is visible to the caller who requested it and to
// those who may erase everyone's responses. Anyone else gets 404.
func TestErasurePermissions(t *testing.T) {
	t.Parallel()
	s, _ := erasing(t)
	id := decode(t, s.start(t, "alice", "", `{"responses":["`+uuid.NewString()+`"]}`).body)["id"].(string)
	for _, path := range []string{"", "/receipts", "/events", "/cancel"} {
		method := http.MethodGet
		if path == "/cancel" {
			method = http.MethodPost
		}
		// "nobody" is alice after she lost the permission to erase.
		for caller, want := range map[string]int{"alice": 200, "nobody": 200, "root": 200, "bob": 404, "": 401} {
			a := s.ask(t, method, erasures+"/"+id+path, "Authorization", "Bearer "+caller)
			if a.status != want || want == 404 && a.problem.Detail != "Erasure with ID "+id+" not found" {
				t.Errorf("%s of %q: answered %d %s", path, caller, a.status, a.body)
			}
		}
		none := uuid.NewString()
		if a := s.ask(t, method, erasures+"/"+none+path, "Authorization", "Bearer root"); a.status != 404 || a.problem.Detail != "Erasure with ID "+none+" not found" {
			t.Errorf("%s: answered %d %s", path, a.status, a.body)
		}
		if a := s.ask(t, method, erasures+"/x"+path, "Authorization", "Bearer root"); a.status != 400 || *a.problem.Parameter != "erasure_id" {
			t.Errorf("%s: got status %d, want 400: %s", path, a.status, a.body)
		}
	}
	for caller, want := range map[string]int{"nobody": 403, "": 401} {
		answers := []answer{
			s.post(t, erasures+"/preview", caller, `{"filter":{"all":true}}`), s.start(t, caller, "", `{"responses":["`+id+`"]}`),
			s.ask(t, http.MethodGet, erasures, "Authorization", "Bearer "+caller),
		}
		for i, a := range answers {
			if a.status != want {
				t.Errorf("call %d of %q: got status %d, want %d: %s", i, caller, a.status, want, a.body)
			}
		}
	}
}
