package httpapi_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
	"lethe/internal/memory"
)

// post sends a body as JSON.
func (s *service) post(t testing.TB, target, key, body string) answer {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	return s.serve(t, r)
}

func holding(t testing.TB) *service {
	return assemble(t, fakes{holds: memory.New().Holds()}, nil)
}

func TestPlaceAndReleaseHold(t *testing.T) {
	t.Parallel()
	s := holding(t)
	expiry := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond).Format("2006-01-02T15:04:05.999999Z")
	for body, shown := range map[string]map[string]any{
		`{"responses": ["` + responseID.String() + `", "URN"], "reason": " a \"reason\" ", "expires_at": "` + expiry + `"}`: {
			"responses": []any{responseID.String(), bob.String()}, "reason": `a "reason"`, "expires_at": expiry,
		},
		`{"owners":["` + alice.String() + `"],"reason":"canary-reason"}`: {"owners": []any{alice.String()}, "reason": "canary-reason"},
		`{"filter":{"states":["failed"],"models":["it's","λ"],"tiers":["auto"],"created_after":"2026-03-01T13:00:00.0000019+01:00","created_before":"2026-03-02t00:00:00z"},"reason":"r"}`: {
			"filter": map[string]any{
				"states": []any{"failed"}, "models": []any{"it's", "λ"}, "tiers": []any{"auto"},
				"created_after": "2026-03-01T12:00:00.000001Z", "created_before": "2026-03-02T00:00:00Z",
			},
			"reason": "r",
		},
		`{"filter":{"models":["m"]},"reason":"r"}`: {"filter": map[string]any{"models": []any{"m"}}, "reason": "r"},
	} {
		// Ids may have any spelling.
		body = strings.Replace(body, `"URN"`, `"urn:uuid:`+strings.ToUpper(bob.String())+`"`, 1)
		a := s.post(t, holds, "root", body)
		got := decode(t, a.body)
		id, _ := got["id"].(string)
		at := holds + "/" + id
		if a.status != http.StatusCreated || a.header.Get("Location") != at {
			t.Fatalf("got status %d, want %d: %v %s", a.status, http.StatusCreated, a.header, a.body)
		}
		want := map[string]any{
			"id": id, "active": true, "responses": []any{}, "owners": []any{}, "filter": nil, "created_at": got["created_at"],
			"created_by": root.String(), "expires_at": nil, "released_at": nil, "released_by": nil,
		}
		for name, value := range shown {
			want[name] = value
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("want %v, got %v", want, got)
		}
		if a := s.ask(t, http.MethodGet, at, "Authorization", "Bearer root"); a.status != http.StatusOK || !reflect.DeepEqual(decode(t, a.body), want) {
			t.Errorf("got status %d, want %d: %s", a.status, http.StatusOK, a.body)
		}
		a = s.ask(t, http.MethodDelete, at, "Authorization", "Bearer root")
		got = decode(t, a.body)
		want["active"], want["released_at"], want["released_by"] = false, got["released_at"], root.String()
		if a.status != http.StatusOK || got["released_at"] == nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got status %d: %s, want %v", a.status, a.body, want)
		}
		if again := s.ask(t, http.MethodDelete, at, "Authorization", "Bearer root"); again.body != a.body || again.status != http.StatusOK {
			t.Errorf("released again: got status %d, want %d: %s", again.status, http.StatusOK, again.body)
		}
		for _, told := range []string{`"msg":"Hold placed"`, `"msg":"Hold released"`, `"hold":"` + id + `"`} {
			if !strings.Contains(s.log.String(), told) {
				t.Errorf("the log lacks %s", told)
			}
		}
	}
	if strings.Contains(s.log.String(), "canary-reason") {
		t.Error("the log contains a reason")
	}
}

func TestListHolds(t *testing.T) {
	t.Parallel()
	s := holding(t)
	if a := s.ask(t, http.MethodGet, holds, "Authorization", "Bearer root"); a.body != `{"data":[],"has_more":false,"limit":10,"next_cursor":null}`+"\n" {
		t.Errorf("got status %d: %s", a.status, a.body)
	}
	var ids []string
	for range 5 {
		a := s.post(t, holds, "root", `{"owners":["`+alice.String()+`"],"reason":"r"}`)
		ids = append([]string{decode(t, a.body)["id"].(string)}, ids...)
	}
	s.ask(t, http.MethodDelete, holds+"/"+ids[1], "Authorization", "Bearer root")
	for query, want := range map[string][]string{
		"": ids, "active=true": {ids[0], ids[2], ids[3], ids[4]}, "active=false": {ids[1]},
	} {
		for limit := 1; limit <= 5; limit += 2 {
			var got []string
			for after := ""; ; {
				a := s.ask(t, http.MethodGet, fmt.Sprintf("%s?limit=%d&%s%s", holds, limit, query, after), "Authorization", "Bearer root")
				page := decode(t, a.body)
				for _, item := range page["data"].([]any) {
					got = append(got, item.(map[string]any)["id"].(string))
				}
				if page["limit"] != float64(limit) || page["has_more"] != (page["next_cursor"] != nil) || len(got) > 5 {
					t.Fatalf("got status %d: %s", a.status, a.body)
				}
				if page["next_cursor"] == nil {
					break
				}
				after = "&after=" + page["next_cursor"].(string)
			}
			// Equal times may come in any order, which the port's tests check.
			if len(got) != len(want) || !sameWords(got, want) {
				t.Errorf("%q by %d: want %v, got %v", query, limit, want, got)
			}
		}
	}
	first := decode(t, s.ask(t, http.MethodGet, holds+"?limit=1", "Authorization", "Bearer root").body)
	for query, parameter := range map[string]string{
		"active=true&after=" + first["next_cursor"].(string): "after",
		"after=x": "after", "active=yes": "active", "active=true&active=true": "active", "limit=ten": "limit", "a=%ZZ": "a",
	} {
		if a := s.ask(t, http.MethodGet, holds+"?"+query, "Authorization", "Bearer root"); a.status != http.StatusBadRequest || *a.problem.Parameter != parameter {
			t.Errorf("%s: got status %d, want %d: %s", query, a.status, http.StatusBadRequest, a.body)
		}
	}
}

func sameWords(a, b []string) bool {
	in := make(map[string]int)
	for i := range a {
		in[a[i]]++
		in[b[i]]--
	}
	for _, n := range in {
		if n != 0 {
			return false
		}
	}
	return true
}

// TestPlaceHoldInvalidBody: an ambiguous or invalid body is refused with the field's name,
// before the caller is authenticated.
func TestPlaceHoldInvalidBody(t *testing.T) {
	t.Parallel()
	s := holding(t)
	for body, c := range map[string]struct{ parameter, detail string }{
		"":                            {"", "The request body must be a single JSON value in UTF-8"},
		"{":                           {"", "The request body must be a single JSON value in UTF-8"},
		"{} {}":                       {"", "The request body must be a single JSON value in UTF-8"},
		"{\"reason\":\"\xff\"}":       {"", "The request body must be a single JSON value in UTF-8"},
		"null":                        {"", "The request body must not be null; leave it out instead"},
		"[]":                          {"", "The request body must be an object"},
		`"text"`:                      {"", "The request body must be an object"},
		`{"reasons":"r"}`:             {"reasons", "reasons: is not a known field; use expires_at, filter, owners, reason, responses"},
		`{"Reason":"r"}`:              {"Reason", "Reason: is not a known field; use expires_at, filter, owners, reason, responses"},
		`{"":1}`:                      {"", "The request body is not a known field; use expires_at, filter, owners, reason, responses"},
		`{"reason":"r","reason":"r"}`: {"reason", "reason: must be given once"},
		`{"reason":null}`:             {"reason", "reason: must not be null; leave it out instead"},
		`{"reason":7}`:                {"reason", "reason: must be a string"},
		`{"expires_at":"tomorrow"}`:   {"expires_at", "expires_at: must be an RFC 3339 time with an offset, such as 2026-03-01T12:00:00Z"},
		`{"expires_at":1}`:            {"expires_at", "expires_at: must be an RFC 3339 time with an offset, such as 2026-03-01T12:00:00Z"},
		`{"responses":"x"}`:           {"responses", "responses: must be a list"},
		`{"responses":["` + responseID.String() + `", "x"]}`: {"responses[1]", "responses[1]: " + domain.ErrNoID.Error()},
		`{"owners":[{}]}`:                                       {"owners[0]", "owners[0]: must be a string"},
		`{"owners":[null]}`:                                     {"owners[0]", "owners[0]: must not be null; leave it out instead"},
		`{"filter":[]}`:                                         {"filter", "filter: must be an object"},
		`{"filter":{"owner":"a"}}`:                              {"filter.owner", "filter.owner: is not a known field; use created_after, created_before, models, states, tiers"},
		`{"filter":{"models":["a",1]}}`:                         {"filter.models[1]", "filter.models[1]: must be a string"},
		`{"filter":{"created_after":"now"}}`:                    {"filter.created_after", "filter.created_after: must be an RFC 3339 time with an offset, such as 2026-03-01T12:00:00Z"},
		`{"` + strings.Repeat("ä", 1000) + `":1}`:               {strings.Repeat("ä", 50) + "…", strings.Repeat("ä", 50) + "…: is not a known field; use expires_at, filter, owners, reason, responses"},
		strings.Repeat("[", 20000) + strings.Repeat("]", 20000): {"", "The request body must be a single JSON value in UTF-8"},
	} {
		for _, key := range []string{"root", "alice", ""} {
			a := s.post(t, holds, key, body)
			if a.status != http.StatusBadRequest || a.problem.Detail != c.detail {
				t.Errorf("%.60q: answered %d %s", body, a.status, a.body)
			}
			if got := a.problem.Parameter; (got == nil) != (c.parameter == "") || got != nil && *got != c.parameter {
				t.Errorf("%.60q: wrong parameter in %v", body, a.body)
			}
		}
	}
	// Valid syntax, refused by the use case.
	for body, parameter := range map[string]string{
		`{}`: "", `{"owners":[],"reason":"r"}`: "owners", `{"owners":["` + alice.String() + `"]}`: "reason",
		`{"filter":{},"reason":"r"}`: "filter", `{"filter":{"states":[""]},"reason":"r"}`: "filter.states",
	} {
		if a := s.post(t, holds, "root", body); a.status != http.StatusBadRequest || a.problem.Parameter == nil != (parameter == "") ||
			parameter != "" && *a.problem.Parameter != parameter {
			t.Errorf("%s: got status %d, want %d: %s", body, a.status, http.StatusBadRequest, a.body)
		}
	}
	large := `{"owners":["` + alice.String() + `"],"reason":"r"` + strings.Repeat(" ", 64<<10) + `}`
	for _, announced := range []bool{true, false} {
		r := httptest.NewRequest(http.MethodPost, holds, bytes.NewReader([]byte(large)))
		if !announced {
			r.ContentLength = -1
		}
		r.Header.Set("Authorization", "Bearer root")
		r.Header.Set("Content-Type", "application/json")
		if a := s.serve(t, r); a.status != http.StatusRequestEntityTooLarge {
			t.Errorf("got status %d, want %d: %s", a.status, http.StatusRequestEntityTooLarge, a.body)
		}
	}
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "application/json,", "json"} {
		r := httptest.NewRequest(http.MethodPost, holds, strings.NewReader(`{"owners":["`+alice.String()+`"],"reason":"r"}`))
		r.Header.Set("Authorization", "Bearer root")
		r.Header.Set("Content-Type", kind)
		if a := s.serve(t, r); a.status != http.StatusUnsupportedMediaType {
			t.Errorf("%q: got status %d, want %d: %s", kind, a.status, http.StatusUnsupportedMediaType, a.body)
		}
	}
	if page := decode(t, s.ask(t, http.MethodGet, holds, "Authorization", "Bearer root").body); len(page["data"].([]any)) != 0 {
		t.Errorf("a hold was placed: %v", page)
	}
	// A newer dwctl may have other states and tiers.
	if a := s.post(t, holds, "root", `{"filter":{"states":["paused"],"tiers":["background"]},"reason":"r"}`); a.status != http.StatusCreated {
		t.Errorf("got status %d, want %d: %s", a.status, http.StatusCreated, a.body)
	}
}

func TestHoldPermissions(t *testing.T) {
	t.Parallel()
	s := holding(t)
	const body = `{"owners":["c0000100-0000-4000-8000-000000000003"],"reason":"r"}`
	id := decode(t, s.post(t, holds, "root", body).body)["id"].(string)
	for _, target := range []string{id, uuid.NewString()} {
		for _, method := range []string{http.MethodGet, http.MethodDelete} {
			if a := s.ask(t, method, holds+"/"+target); a.status != http.StatusForbidden {
				t.Errorf("%s: got status %d, want %d: %s", method, a.status, http.StatusForbidden, a.body)
			}
			if a := s.ask(t, method, holds+"/"+target, "Authorization", "Bearer x"); a.status != http.StatusUnauthorized {
				t.Errorf("%s: got status %d, want %d: %s", method, a.status, http.StatusUnauthorized, a.body)
			}
		}
	}
	for key, want := range map[string]int{"alice": http.StatusForbidden, "nobody": http.StatusForbidden, "x": http.StatusUnauthorized} {
		if a := s.post(t, holds, key, body); a.status != want {
			t.Errorf("%s: got status %d, want %d: %s", key, a.status, want, a.body)
		}
		if a := s.ask(t, http.MethodGet, holds, "Authorization", "Bearer "+key); a.status != want {
			t.Errorf("%s: got status %d, want %d: %s", key, a.status, want, a.body)
		}
	}
	none := uuid.NewString()
	for _, method := range []string{http.MethodGet, http.MethodDelete} {
		if a := s.ask(t, method, holds+"/"+none, "Authorization", "Bearer root"); a.status != http.StatusNotFound || a.problem.Detail != "Hold with ID "+none+" not found" {
			t.Errorf("%s: answered %d %s", method, a.status, a.body)
		}
		if a := s.ask(t, method, holds+"/x", "Authorization", "Bearer root"); a.status != http.StatusBadRequest || *a.problem.Parameter != "hold_id" {
			t.Errorf("%s: got status %d, want %d: %s", method, a.status, http.StatusBadRequest, a.body)
		}
	}
}

// TestEraseHeld: a caller who could erase the response is told that it is held.
// Only those who may see holds are told which.
func TestEraseHeld(t *testing.T) {
	t.Parallel()
	hold := domain.Hold{ID: uuid.New(), Reason: "canary"}
	s := assemble(t, fakes{erase: func(_ context.Context, _ uuid.UUID, permit func(domain.Found) (domain.Authorization, error)) (domain.Erased, error) {
		_, err := permit(domain.Found{Owners: []string{alice.String()}, Holds: []domain.Hold{hold}})
		return domain.Erased{}, err
	}}, nil)
	for key, want := range map[string]struct {
		status int
		names  bool
	}{"alice": {409, false}, "root": {409, true}, "bob": {404, false}} {
		a := s.ask(t, http.MethodDelete, item, "Authorization", "Bearer "+key)
		if a.status != want.status || strings.Contains(a.body, hold.ID.String()) != want.names || strings.Contains(a.body, "canary") {
			t.Errorf("%s: got status %d, want %d: %s", key, a.status, want.status, a.body)
		}
	}
}
