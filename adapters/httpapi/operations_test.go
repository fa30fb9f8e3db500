package httpapi_test

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

func full() domain.Response {
	created := time.Date(2026, 3, 1, 13, 0, 0, 500_000, time.FixedZone("", 3600))
	return domain.Response{
		ID: responseID, Owner: alice.String(), Model: "modèle/<λ>", State: "completed", Tier: new("flex"),
		CreatedAt: created, StartedAt: new(created.Add(time.Second)),
		CompletedAt: new(created.Add(time.Second + 1234567*time.Microsecond)),
		FailedAt:    new(created), HTTPStatus: new(200),
	}
}

var usage = domain.Usage{
	PromptTokens: new(int64(14)), CompletionTokens: new(int64(120)), ReasoningTokens: new(int64(0)),
	TotalTokens: new(int64(134)), Cost: new(domain.Decimal("0.00012500")),
}

// wantFull is the summary of full, without its usage.
func wantFull() map[string]any {
	return map[string]any{
		"id": responseID.String(), "batch_id": nil, "model": "modèle/<λ>", "status": "completed",
		"created_at": "2026-03-01T12:00:00.0005Z", "completed_at": "2026-03-01T12:00:02.235067Z",
		"failed_at": "2026-03-01T12:00:00.0005Z", "duration_ms": 1234.567, "response_status": 200.0,
		"service_tier": "flex", "prompt_tokens": nil, "completion_tokens": nil, "reasoning_tokens": nil,
		"total_tokens": nil, "total_cost": nil, "created_by_email": "alice@example.test",
	}
}

func decode(t *testing.T, text string) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestList(t *testing.T) {
	t.Parallel()
	bare := domain.Response{ID: uuid.MustParse("c0000400-0000-4000-8000-000000000001"), Owner: "somebody", Model: "m", State: "pending", CreatedAt: time.Unix(0, 0)}
	s := assemble(t, fakes{
		page: func(context.Context, domain.PageQuery) ([]domain.Response, error) {
			return []domain.Response{full(), bare, full()}, nil
		},
		count: func(context.Context, domain.ResponseFilter, domain.CountMode) (domain.Count, error) {
			return domain.Count{Total: 69}, nil
		},
		latest: func(context.Context, []uuid.UUID) (map[uuid.UUID]domain.Usage, error) {
			return map[uuid.UUID]domain.Usage{responseID: usage}, nil
		},
	}, nil)
	a := s.ask(t, http.MethodGet, list+"?skip=-3&limit=2")
	first := wantFull()
	for name, value := range map[string]any{"prompt_tokens": 14.0, "completion_tokens": 120.0, "reasoning_tokens": 0.0, "total_tokens": 134.0, "total_cost": 0.000125} {
		first[name] = value
	}
	second := map[string]any{"id": bare.ID.String(), "model": "m", "status": "pending", "created_at": "1970-01-01T00:00:00Z"}
	for name := range first {
		if _, given := second[name]; !given {
			second[name] = nil
		}
	}
	want := map[string]any{"data": []any{first, second}, "total_count": 69.0, "count_kind": "estimate", "skip": 0.0, "limit": 2.0, "has_more": true}
	got := decode(t, a.body)
	next, _ := got["next_cursor"].(string)
	delete(got, "next_cursor")
	if a.status != http.StatusOK || !reflect.DeepEqual(got, want) {
		t.Errorf("got %d %v, want %v", a.status, got, want)
	}
	if !strings.Contains(a.body, `"duration_ms":1234.567,`) {
		t.Errorf("want the exact duration in %s", a.body)
	}

	// The cursor is valid for this list only.
	if a := s.ask(t, http.MethodGet, list+"?limit=7&count=none&after="+next); a.status != http.StatusOK || next == "" {
		t.Errorf("got status %d, want %d: %s after %q", a.status, http.StatusOK, a.body, next)
	}
	for _, query := range []string{"model=a&after=" + next, "after=" + next[:12] + strings.Replace(next[12:], "A", "B", 1)} {
		a := s.ask(t, http.MethodGet, list+"?"+query)
		if a.status != http.StatusBadRequest || a.problem.Detail != "after: must be the next_cursor of a page of this same list" || *a.problem.Parameter != "after" {
			t.Errorf("answered %d %s to %s", a.status, a.body, query)
		}
	}
	if a := s.ask(t, http.MethodGet, list+"?skip=1&after="+next); a.status != http.StatusBadRequest || *a.problem.Parameter != "skip" {
		t.Errorf("got status %d, want %d: %s", a.status, http.StatusBadRequest, a.body)
	}
	if a := s.ask(t, http.MethodGet, list+"?skip=0&after="+next); a.status != http.StatusOK {
		t.Errorf("got status %d, want %d: %s", a.status, http.StatusOK, a.body)
	}
}

func TestCounts(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]struct {
		mode  domain.CountMode
		kind  string
		total any
	}{
		"":               {domain.CountAuto, "exact", 69.0},
		"count=auto":     {domain.CountAuto, "exact", 69.0},
		"count=exact":    {domain.CountExact, "exact", 69.0},
		"count=estimate": {domain.CountEstimate, "estimate", 69.0},
		"count=none":     {-1, "none", nil},
	} {
		t.Run(query, func(t *testing.T) {
			t.Parallel()
			asked := domain.CountMode(-1)
			s := assemble(t, fakes{
				page: func(_ context.Context, q domain.PageQuery) ([]domain.Response, error) {
					return make([]domain.Response, q.Limit), nil
				},
				count: func(_ context.Context, _ domain.ResponseFilter, mode domain.CountMode) (domain.Count, error) {
					asked = mode
					return domain.Count{Total: 69, Exact: mode != domain.CountEstimate}, nil
				},
			}, nil)
			a := s.ask(t, http.MethodGet, list+"?"+query)
			got := decode(t, a.body)
			total, given := got["total_count"]
			if a.status != http.StatusOK || asked != want.mode || got["count_kind"] != want.kind || total != want.total || !given {
				t.Errorf("got mode %v, status %d, total %v, kind %v", asked, a.status, total, got["count_kind"])
			}
		})
	}
}

func TestEmptyList(t *testing.T) {
	t.Parallel()
	a := assemble(t, fakes{}, nil).ask(t, http.MethodGet, list)
	want := map[string]any{"data": []any{}, "total_count": 0.0, "count_kind": "exact", "skip": 0.0, "limit": 10.0, "has_more": false, "next_cursor": nil}
	if got := decode(t, a.body); a.status != http.StatusOK || !reflect.DeepEqual(got, want) {
		t.Errorf("got %d %v, want %v", a.status, got, want)
	}
}

func TestListParameters(t *testing.T) {
	t.Parallel()
	instant := func(text string) *time.Time {
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		return new(at.UTC())
	}
	for query, want := range map[string]func(*domain.PageQuery){
		"":                                   func(*domain.PageQuery) {},
		"skip=5&limit=7":                     func(a *domain.PageQuery) { a.Skip, a.Limit = 5, 8 },
		"skip=%2B5&limit=-0":                 func(a *domain.PageQuery) { a.Skip, a.Limit = 5, 2 },
		"skip=-9223372036854775808":          func(*domain.PageQuery) {},
		"skip=9223372036854775807":           func(a *domain.PageQuery) { a.Skip = 9223372036854775807 },
		"limit=007":                          func(a *domain.PageQuery) { a.Limit = 8 },
		"%6cimit=7":                          func(a *domain.PageQuery) { a.Limit = 8 },
		"status=completed":                   func(a *domain.PageQuery) { a.Filter.States = []string{"completed"} },
		"status=":                            func(a *domain.PageQuery) { a.Filter.States = []string{""} },
		"status":                             func(a *domain.PageQuery) { a.Filter.States = []string{""} },
		"status=a,b":                         func(a *domain.PageQuery) { a.Filter.States = []string{"a,b"} },
		"status=a;b":                         func(a *domain.PageQuery) { a.Filter.States = []string{"a;b"} },
		"status=a%3Bb":                       func(a *domain.PageQuery) { a.Filter.States = []string{"a;b"} },
		"model=a/b,c%2Cd":                    func(a *domain.PageQuery) { a.Filter.Models = []string{"a/b", "c", "d"} },
		"model=+a+,,%20b%C2%A0,":             func(a *domain.PageQuery) { a.Filter.Models = []string{"a", "b"} },
		"model=model=a,b":                    func(a *domain.PageQuery) { a.Filter.Models = []string{"model=a", "b"} },
		"model=x;drop":                       func(a *domain.PageQuery) { a.Filter.Models = []string{"x;drop"} },
		"model=":                             func(a *domain.PageQuery) { a.Filter.Models = []string{} },
		"model=,":                            func(a *domain.PageQuery) { a.Filter.Models = []string{} },
		"model=%20":                          func(a *domain.PageQuery) { a.Filter.Models = []string{} },
		"model":                              func(a *domain.PageQuery) { a.Filter.Models = []string{} },
		"model=%C3%A9":                       func(a *domain.PageQuery) { a.Filter.Models = []string{"é"} },
		"service_tiers=flex,auto":            func(a *domain.PageQuery) { a.Filter.Tiers = []string{"flex", "auto"} },
		"service_tiers=":                     func(a *domain.PageQuery) { a.Filter.Tiers = []string{} },
		"active_first=true":                  func(*domain.PageQuery) {},
		"active_first=false":                 func(a *domain.PageQuery) { a.ActiveFirst = false },
		"created_after=2026-03-01T12:00:00Z": func(a *domain.PageQuery) { a.Filter.CreatedAfter = instant("2026-03-01T12:00:00Z") },
		"created_after=2026-03-01t12:00:00z": func(a *domain.PageQuery) { a.Filter.CreatedAfter = instant("2026-03-01T12:00:00Z") },
		"created_after=2026-03-01+12:00:00Z": func(a *domain.PageQuery) { a.Filter.CreatedAfter = instant("2026-03-01T12:00:00Z") },
		"created_before=2026-03-01T12:00:00.5%2B02:00":        func(a *domain.PageQuery) { a.Filter.CreatedBefore = instant("2026-03-01T10:00:00.5Z") },
		"created_before=2026-03-01T12:00:00-23:59":            func(a *domain.PageQuery) { a.Filter.CreatedBefore = instant("2026-03-02T11:59:00Z") },
		"created_after=2026-03-01T11:00:00.123456789Z":        func(a *domain.PageQuery) { a.Filter.CreatedAfter = instant("2026-03-01T11:00:00.123456Z") },
		"created_after=2026-03-01T11:00:00.1234567890123456Z": func(a *domain.PageQuery) { a.Filter.CreatedAfter = instant("2026-03-01T11:00:00.123456Z") },
		"created_after=0000-01-01T00:00:00Z":                  func(a *domain.PageQuery) { a.Filter.CreatedAfter = instant("0000-01-01T00:00:00Z") },
		"created_before=9999-12-31T23:59:59Z":                 func(a *domain.PageQuery) { a.Filter.CreatedBefore = instant("9999-12-31T23:59:59Z") },
		"statuses=failed,+canceled,":                          func(a *domain.PageQuery) { a.Filter.States = []string{"failed", "canceled"} },
		"statuses=":                                           func(a *domain.PageQuery) { a.Filter.States = []string{} },
		"statuses=a,b&status=b":                               func(a *domain.PageQuery) { a.Filter.States = []string{"b"} },
		"statuses=a,b&status=c":                               func(a *domain.PageQuery) { a.Filter.States = []string{} },
		"response_status_min=400":                             func(a *domain.PageQuery) { a.Filter.StatusMin = new(int64(400)) },
		"response_status_max=-1":                              func(a *domain.PageQuery) { a.Filter.StatusMax = new(int64(-1)) },
		"min_duration_ms=0":                                   func(a *domain.PageQuery) { a.Filter.MinDuration = new(time.Duration(0)) },
		"min_duration_ms=%2B1500":                             func(a *domain.PageQuery) { a.Filter.MinDuration = new(1500 * time.Millisecond) },
		"min_duration_ms=9223372036854775807":                 func(a *domain.PageQuery) { a.Filter.MinDuration = new(9223372036854 * time.Millisecond) },
		"min_total_cost=0":                                    func(a *domain.PageQuery) { a.Filter.MinTotalCost = new(domain.Decimal("0")) },
		"min_total_cost=2.50":                                 func(a *domain.PageQuery) { a.Filter.MinTotalCost = new(domain.Decimal("2.5")) },
		"min_total_cost=1e-5":                                 func(a *domain.PageQuery) { a.Filter.MinTotalCost = new(domain.Decimal("0.00001")) },
		"has_error=true":                                      func(a *domain.PageQuery) { a.Filter.HasError = new(true) },
		"has_error=false":                                     func(a *domain.PageQuery) { a.Filter.HasError = new(false) },
		"unknown=1&unknown=2&&=":                              func(*domain.PageQuery) {},
		"Limit=abc&request_id=1&organization_id=x":            func(*domain.PageQuery) {},
		"model=" + strings.Repeat("x,", 999):                  func(a *domain.PageQuery) { a.Filter.Models = strings.Split(strings.Repeat("x,", 998)+"x", ",") },
	} {
		t.Run(query[:min(len(query), 60)], func(t *testing.T) {
			t.Parallel()
			expected := domain.PageQuery{Filter: domain.ResponseFilter{Owners: []string{alice.String()}}, ActiveFirst: true, Limit: 11}
			want(&expected)
			var got domain.PageQuery
			s := assemble(t, fakes{
				page: func(_ context.Context, q domain.PageQuery) ([]domain.Response, error) {
					got = q
					return nil, nil
				},
			}, nil)
			if a := s.ask(t, http.MethodGet, list+"?"+query); a.status != http.StatusOK {
				t.Fatalf("got status %d, want %d: %s", a.status, http.StatusOK, a.body)
			}
			if !reflect.DeepEqual(got, expected) {
				t.Errorf("asked for %+v, want %+v", got, expected)
			}
		})
	}
}

// malformed maps each refused query to the parameter that the error names.
var malformed = map[string]string{
	"limit=abc":                            "limit",
	"limit=1.5":                            "limit",
	"limit=":                               "limit",
	"limit":                                "limit",
	"limit=+5":                             "limit",
	"limit=5%20":                           "limit",
	"limit=%09" + "5":                      "limit",
	"limit=1_000":                          "limit",
	"limit=0x10":                           "limit",
	"limit=--1":                            "limit",
	"limit=-":                              "limit",
	"limit=9223372036854775808":            "limit",
	"limit=%D9%A5":                         "limit",
	"limit=5;":                             "limit",
	"skip=1e3":                             "skip",
	"skip=%201":                            "skip",
	"skip=-9223372036854775809":            "skip",
	"skip=1,2":                             "skip",
	"active_first=":                        "active_first",
	"active_first=1":                       "active_first",
	"active_first=TRUE":                    "active_first",
	"active_first=t":                       "active_first",
	"active_first=true%20":                 "active_first",
	"created_after=":                       "created_after",
	"created_after=yesterday":              "created_after",
	"created_after=2026-03-01":             "created_after",
	"created_after=2026-03-01T11:00:00":    "created_after",
	"created_after=2026-02-30T00:00:00Z":   "created_after",
	"created_after=2026-03-01T11:00Z":      "created_after",
	"created_after=2026-03-01T1:00:00Z":    "created_after",
	"created_after=2026-03-01T11:00:00,5Z": "created_after",
	"created_after=2026-03-01T11:00:00.Z":  "created_after",
	"created_after=2026-03-01T24:00:00Z":   "created_after",
	"created_after=2026-03-01T11:00:00%2B24:00":                    "created_after",
	"created_after=2026-03-01T11:00:00%2B0100":                     "created_after",
	"created_after=2026-03-01T11:00:00+01:00":                      "created_after",
	"created_after=2026-03-01T23:59:60Z":                           "created_after",
	"created_after=2026-03-01T11:00:00Z%0A":                        "created_after",
	"created_after=2026-03-01T11:00:00-00:60":                      "created_after",
	"created_after=2026-03-01_11:00:00Z":                           "created_after",
	"created_after=262142-12-31T23:59:59Z":                         "created_after",
	"created_after=-001-12-31T23:59:59Z":                           "created_after",
	"created_after=%202026-03-01T11:00:00Z":                        "created_after",
	"created_before=1740000000":                                    "created_before",
	"created_before=now":                                           "created_before",
	"member_id=":                                                   "member_id",
	"member_id=abc":                                                "member_id",
	"member_id=URN:UUID:" + "c0000100-0000-4000-8000-000000000004": "member_id",
	"member_id=(c0000100-0000-4000-8000-000000000004)":             "member_id",
	"member_id=c0000100-0000-4000-8000-000000000004,":              "member_id",
	"member_id=c0000100_0000_4000_8000_000000000004":               "member_id",
	"after=":    "after",
	"after=abc": "after",
	"after=AQMABkvxjT_oAMAABAAAAEAAgAAAAAAAAFo4dXBwPZX0AzQp7wT-6kO":      "after",
	"after=AgMABkvxjT_oAMAABAAAAEAAgAAAAAAAAFo4dXBwPZX0AzQp7wT-6kOS":     "after",
	"after=AQMABkvxjT_oAMAABAAAAEAAgAAAAAAAAFo4dXBwPZX0AzQp7wT-6kOS%0A":  "after",
	"after=AQMABkvxjT%2FoAMAABAAAAEAAgAAAAAAAAFo4dXBwPZX0AzQp7wT%2B6kOS": "after",
	"count=":                                "count",
	"count=none%20":                         "count",
	"count=Exact":                           "count",
	"count=true":                            "count",
	"count=exact&count=exact":               "count",
	"response_status_min=":                  "response_status_min",
	"response_status_min=4xx":               "response_status_min",
	"response_status_max=5e2":               "response_status_max",
	"min_duration_ms=":                      "min_duration_ms",
	"min_duration_ms=-1":                    "min_duration_ms",
	"min_duration_ms=1.5":                   "min_duration_ms",
	"min_duration_ms=9223372036854775808":   "min_duration_ms",
	"min_total_cost=":                       "min_total_cost",
	"min_total_cost=-0.01":                  "min_total_cost",
	"min_total_cost=NaN":                    "min_total_cost",
	"min_total_cost=0x1p4":                  "min_total_cost",
	"min_total_cost=1e400":                  "min_total_cost",
	"has_error=":                            "has_error",
	"has_error=1":                           "has_error",
	"has_error=True":                        "has_error",
	"created_by_email=%00":                  "created_by_email",
	"created_by_email=a&created_by_email=b": "created_by_email",
	"statuses=" + strings.Repeat(",", 1000): "statuses",
	"status=a&status=b":                     "status",
	"status=a&%73tatus=a":                   "status",
	"model=a&model=b":                       "model",
	"limit=1&limit=1":                       "limit",
	"status=%ZZ":                            "status",
	"status=%":                              "status",
	"status=%F":                             "status",
	"status=%00":                            "status",
	"model=a,%00":                           "model",
	"model=%FF":                             "model",
	"model=%C3":                             "model",
	"model=%ED%A0%80":                       "model",
	"created_after=%00":                     "created_after",
	"unknown=%ZZ":                           "unknown",
	"unknown=%00":                           "unknown",
	"%ZZ=1":                                 "",
	"%00=1":                                 "",
	"%FF":                                   "",
	"model=" + strings.Repeat(",", 1000):    "model",
	"service_tiers=" + strings.Repeat("%2C", 1000): "service_tiers",
	"x=" + strings.Repeat("x", 16<<10):             "",
	strings.Repeat("&", 1000):                      "",
}

func TestMalformedQuery(t *testing.T) {
	t.Parallel()
	s := assemble(t, fakes{}, nil)
	for query, parameter := range malformed {
		t.Run(query[:min(len(query), 60)], func(t *testing.T) {
			t.Parallel()
			// Refused even before the caller is authenticated.
			for _, key := range []string{"Bearer alice", "Bearer nobody", ""} {
				a := s.ask(t, http.MethodGet, list+"?"+query, "Authorization", key)
				if a.status != http.StatusBadRequest {
					t.Fatalf("got status %d, want %d: %s", a.status, http.StatusBadRequest, a.body)
				}
				var named string
				if a.problem.Parameter != nil {
					named = *a.problem.Parameter
				}
				if named != parameter {
					t.Errorf("got parameter %q, want %q", named, parameter)
				}
				for _, foreign := range []string{"strconv", "parsing", "invalid", "unmarshal", "error", "runtime", "Invalid format", "httpapi"} {
					if strings.Contains(strings.TrimPrefix(a.problem.Detail, parameter), foreign) {
						t.Errorf("%q of a parser is in the detail %q", foreign, a.problem.Detail)
					}
				}
			}
		})
	}
}

func TestMalformedID(t *testing.T) {
	t.Parallel()
	s := assemble(t, fakes{}, nil)
	for _, id := range []string{
		"abc", "%20c0000400-0000-4000-8000-00000000005a", "resp_c0000400-0000-4000-8000-00000000005a", "%00", "%FF",
		"c0000400-0000-4000-8000-00000000005a%00", "a%2Fb", "c0000400-0000-4000-8000-00000000005", "%2525", ":request_id", "+",
	} {
		for _, method := range []string{http.MethodGet, http.MethodDelete} {
			for _, key := range []string{"Bearer alice", ""} {
				a := s.ask(t, method, list+"/"+id, "Authorization", key)
				if a.status != http.StatusBadRequest || a.problem.Parameter == nil || *a.problem.Parameter != "request_id" {
					t.Errorf("%s %s: got status %d, want %d: %s", method, id, a.status, http.StatusBadRequest, a.body)
				}
			}
		}
	}
	for _, query := range []string{"a=%ZZ", "a=%00", "%FF=a"} {
		if a := s.ask(t, http.MethodDelete, item+"?"+query); a.status != http.StatusBadRequest {
			t.Errorf("%s: got status %d, want %d", query, a.status, http.StatusBadRequest)
		}
	}
}

func TestGet(t *testing.T) {
	t.Parallel()
	contents := domain.Contents{Prompt: "{\"input\": \"Λήθη\"}", Answer: new("<answer>"), Error: new("failed\n")}
	for name, c := range map[string]struct {
		path     string
		contents domain.Contents
		want     map[string]any
	}{
		"full":  {item, contents, map[string]any{"body": contents.Prompt, "response_body": "<answer>", "error": "failed\n"}},
		"empty": {item, domain.Contents{}, map[string]any{"body": "", "response_body": nil, "error": nil}},
		"encrypted": {item, domain.Contents{Prompt: "dwzdr1:x", Answer: new("dwzdr1:y"), Error: new("plain")},
			map[string]any{"body": "", "response_body": nil, "error": "plain", "withheld": []any{"body", "response_body"}}},
		"hex":    {list + "/c0000400000040008000" + "00000000005a", domain.Contents{}, nil},
		"braces": {list + "/%7Bc0000400-0000-4000-8000-00000000005A%7D?limit=abc&a=1&a=2", domain.Contents{}, nil},
		"urn":    {list + "/urn:uuid:c0000400-0000-4000-8000-00000000005a", domain.Contents{}, nil},
		"escape": {list + "/%630000400-0000-4000-8000-00000000005a", domain.Contents{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := assemble(t, fakes{get: func(_ context.Context, id uuid.UUID) (domain.Response, domain.Contents, error) {
				if id != responseID {
					t.Errorf("got id %s, want %s", id, responseID)
				}
				return full(), c.contents, nil
			}}, nil)
			a := s.ask(t, http.MethodGet, c.path)
			want := wantFull()
			want["created_by"], want["body"], want["response_body"], want["error"] = alice.String(), "", nil, nil
			want["withheld"] = []any{}
			for name, value := range c.want {
				want[name] = value
			}
			if got := decode(t, a.body); a.status != http.StatusOK || !reflect.DeepEqual(got, want) {
				t.Errorf("got %d %v, want %v", a.status, got, want)
			}
		})
	}
}

func TestDurations(t *testing.T) {
	t.Parallel()
	for duration, want := range map[time.Duration]string{
		0:                                  "0",
		15 * time.Microsecond:              "0.015",
		71 * time.Microsecond:              "0.071",
		48*time.Hour + time.Microsecond:    "172800000.001",
		-time.Millisecond:                  "-1",
		100*365*24*time.Hour + time.Second: "3153600001000",
	} {
		response := full()
		response.CompletedAt = new(response.StartedAt.Add(duration))
		s := assemble(t, fakes{get: func(context.Context, uuid.UUID) (domain.Response, domain.Contents, error) {
			return response, domain.Contents{}, nil
		}}, nil)
		if a := s.ask(t, http.MethodGet, item); !strings.Contains(a.body, `"duration_ms":`+want+`,`) {
			t.Errorf("want %s in %s", want, a.body)
		}
	}
}

func TestGetInvalidCost(t *testing.T) {
	t.Parallel()
	for _, cost := range []domain.Decimal{"NaN", "Infinity", "", "1e999"} {
		s := assemble(t, fakes{
			get: func(context.Context, uuid.UUID) (domain.Response, domain.Contents, error) {
				return full(), domain.Contents{}, nil
			},
			latest: func(context.Context, []uuid.UUID) (map[uuid.UUID]domain.Usage, error) {
				return map[uuid.UUID]domain.Usage{responseID: {Cost: &cost}}, nil
			},
		}, nil)
		if a := s.ask(t, http.MethodGet, item); a.status != http.StatusOK || !strings.Contains(a.body, `"total_cost":null`) {
			t.Errorf("%q: got status %d, want %d: %s", cost, a.status, http.StatusOK, a.body)
		}
	}
}

func TestErase(t *testing.T) {
	t.Parallel()
	var given domain.Authorization
	s := assemble(t, fakes{erase: func(_ context.Context, id uuid.UUID, permit func(domain.Found) (domain.Authorization, error)) (domain.Erased, error) {
		if id != responseID {
			t.Errorf("got id %s, want %s", id, responseID)
		}
		w, err := permit(domain.Found{Owners: []string{alice.String()}})
		given = w
		return domain.Erased{Requests: 3, Templates: 2, Steps: 4, RawRequests: 5, RawResponses: 6, Tasks: 7, Files: 8, KeptTemplates: 9, Retained: 10}, err
	}}, nil)
	a := s.ask(t, http.MethodDelete, item)
	if a.status != http.StatusNoContent || a.body != "" || a.header.Get("Content-Type") != "" {
		t.Errorf("got status %d, want %d: %q %v", a.status, http.StatusNoContent, a.body, a.header)
	}
	if want := "/lethe/api/v1/erasures/" + given.Receipt.String() + "/receipt"; a.header.Get("Location") != want {
		t.Errorf("want %s, got %s", want, a.header.Get("Location"))
	}
	salt := hex.EncodeToString(given.Salt[:])
	if a.header.Get("Receipt-Salt") != salt || given.Salt == (domain.Salt{}) || given.Role != domain.ActorOwner || given.Actor == nil || *given.Actor != alice {
		t.Errorf("want %s for the salt of %+v, got %s", salt, given, a.header.Get("Receipt-Salt"))
	}
	if strings.Contains(s.log.String(), salt) {
		t.Error("the log contains the salt")
	}
	for _, figure := range []string{`"requests":3`, `"templates":2`, `"steps":4`, `"raw_requests":5`, `"raw_responses":6`, `"tasks":7`, `"files":8`, `"kept_templates":9`, `"retained":10`, `"caller":"` + alice.String() + `"`} {
		if !strings.Contains(s.log.String(), figure) {
			t.Errorf("want %s in the log: %s", figure, s.log)
		}
	}
}

// TestEraseLaterTurns: later turns are erased only on request, and too many of them
// are an error.
func TestEraseLaterTurns(t *testing.T) {
	t.Parallel()
	erasing := func(n int64, err error) func(context.Context, uuid.UUID, func(domain.Found) (domain.Authorization, error)) (domain.Erased, error) {
		return func(_ context.Context, _ uuid.UUID, permit func(domain.Found) (domain.Authorization, error)) (domain.Erased, error) {
			_, refused := permit(domain.Found{Owners: []string{alice.String()}})
			return domain.Erased{Requests: n}, cmp.Or(refused, err)
		}
	}
	s := assemble(t, fakes{erase: erasing(1, nil), eraseWithLaterTurns: erasing(2, nil)}, nil)
	for query, want := range map[string]int64{"": 1, "?include_later_turns=false": 1, "?include_later_turns=true": 2} {
		before := len(s.log.String())
		if a := s.ask(t, http.MethodDelete, item+query); a.status != http.StatusNoContent || !strings.Contains(s.log.String()[before:], fmt.Sprintf(`"requests":%d,`, want)) {
			t.Errorf("%q: answered %d %s; logged %s", query, a.status, a.body, s.log)
		}
	}
	for _, query := range []string{"?include_later_turns=yes", "?include_later_turns=1", "?include_later_turns=TRUE", "?include_later_turns=", "?include_later_turns=true&include_later_turns=true"} {
		if a := s.ask(t, http.MethodDelete, item+query); a.status != http.StatusBadRequest || a.problem.Parameter == nil || *a.problem.Parameter != "include_later_turns" {
			t.Errorf("%q: got status %d, want %d: %s", query, a.status, http.StatusBadRequest, a.body)
		}
	}
	s = assemble(t, fakes{eraseWithLaterTurns: erasing(0, domain.Errorf(domain.CodeRefused, "Too many follow"))}, nil)
	if a := s.ask(t, http.MethodDelete, item+"?include_later_turns=true"); a.status != http.StatusConflict || a.problem.Detail != "Too many follow" {
		t.Errorf("answered %d %s", a.status, a.body)
	}
}

// failure makes every port of the operations fail.
func failure(err error) fakes {
	return fakes{
		page: func(context.Context, domain.PageQuery) ([]domain.Response, error) {
			return nil, err
		},
		get: func(context.Context, uuid.UUID) (domain.Response, domain.Contents, error) {
			return domain.Response{}, domain.Contents{}, err
		},
		erase: func(context.Context, uuid.UUID, func(domain.Found) (domain.Authorization, error)) (domain.Erased, error) {
			return domain.Erased{}, err
		},
	}
}

func TestErrorStatuses(t *testing.T) {
	t.Parallel()
	driver := errors.New("pq: password authentication failed for user lethe")
	const notFound = "Response with ID c0000400-0000-4000-8000-00000000005a not found"
	const internal = "Internal error; the service's log has details under this request_id"
	for name, c := range map[string]struct {
		fakes          fakes
		method, target string
		key            string
		status         int
		detail         string
		parameter      string
	}{
		"list, unauthenticated":        {fakes{}, "GET", list, "Bearer x", 401, "Authentication required", ""},
		"fetch, unauthenticated":       {fakes{}, "GET", item, "", 401, "Authentication required", ""},
		"erase, unauthenticated":       {fakes{}, "DELETE", item, "", 401, "Authentication required", ""},
		"list, forbidden":              {fakes{}, "GET", list, "Bearer nobody", 403, "Insufficient permissions to Read Batches", ""},
		"list, forbidden, filtered":    {fakes{}, "GET", list + "?member_id=" + alice.String(), "Bearer nobody", 403, "Insufficient permissions to Read Batches", ""},
		"fetch, forbidden":             {fakes{}, "GET", item, "Bearer nobody", 403, "Insufficient permissions to Read Batches", ""},
		"erase, forbidden":             {fakes{}, "DELETE", item, "Bearer nobody", 403, "Insufficient permissions to Delete Batches", ""},
		"list, forbidden filter":       {fakes{}, "GET", list + "?member_id=" + alice.String(), "Bearer alice", 400, "member_id filter requires platform manager permissions", "member_id"},
		"list, forbidden email filter": {fakes{}, "GET", list + "?created_by_email=a", "Bearer alice", 400, "created_by_email filter requires platform manager permissions", "created_by_email"},
		"next page, unauthenticated":   {fakes{}, "GET", list + "?skip=1&after=AQMABkvxjT_oAMAABAAAAEAAgAAAAAAAAFo4dXBwPZX0AzQp7wT-6kOS", "Bearer x", 401, "Authentication required", ""},
		"next page, foreign cursor":    {fakes{}, "GET", list + "?after=AQMABkvxjT_oAMAABAAAAEAAgAAAAAAAAFo4dXBwPZX0AzQp7wT-6kOS", "Bearer alice", 400, "after: must be the next_cursor of a page of this same list", "after"},
		"fetch, not found":             {fakes{}, "GET", item, "Bearer alice", 404, notFound, ""},
		"erase, not found":             {fakes{}, "DELETE", item, "Bearer alice", 404, notFound, ""},
		"list fails":                   {failure(driver), "GET", list, "Bearer alice", 500, internal, ""},
		"fetch fails":                  {failure(&domain.Error{Code: domain.CodeInternal, Message: "secret", Cause: driver}), "GET", item, "Bearer alice", 500, internal, ""},
		"erase fails":                  {failure(driver), "DELETE", item, "Bearer alice", 500, internal, ""},
		"list unavailable":             {failure(&domain.Error{Code: domain.CodeUnavailable, Message: "Try later", Cause: driver}), "GET", list, "Bearer alice", 503, "Try later", ""},
		"fetch unavailable":            {failure(&domain.Error{Code: domain.CodeUnavailable, Message: "Try later", Cause: driver}), "GET", item, "Bearer alice", 503, "Try later", ""},
		"erase unavailable":            {failure(&domain.Error{Code: domain.CodeUnavailable, Message: "Try later", Cause: driver}), "DELETE", item, "Bearer alice", 503, "Try later", ""},
		"fetch is invalid":             {failure(domain.Errorf(domain.CodeInvalid, "No")), "GET", item, "Bearer alice", 400, "No", ""},
		"no keys to be had": {fakes{byKey: func(context.Context, string) (domain.Key, error) {
			return domain.Key{}, &domain.Error{Code: domain.CodeUnavailable, Message: "Try later", Cause: driver}
		}}, "GET", list, "Bearer alice", 503, "Try later", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := assemble(t, c.fakes, nil)
			a := s.ask(t, c.method, c.target, "Authorization", c.key)
			if a.status != c.status || a.problem.Detail != c.detail {
				t.Errorf("answered %d %q", a.status, a.problem.Detail)
			}
			if got := a.problem.Parameter; (got == nil) != (c.parameter == "") || got != nil && *got != c.parameter {
				t.Errorf("got parameter %v", got)
			}
			if got := a.header.Get("Retry-After"); (got == "30") != (c.status == 503) {
				t.Errorf("got Retry-After %q", got)
			}
			if got := a.header.Get("WWW-Authenticate"); (got != "") != (c.status == 401) {
				t.Errorf("got WWW-Authenticate %q", got)
			}
			if strings.Contains(a.body, "pq:") {
				t.Errorf("the answer quotes the driver: %s", a.body)
			}
			if c.status >= 500 && c.detail == internal && !strings.Contains(s.log.String(), "pq: password") {
				t.Errorf("want the cause in the log: %s", s.log)
			}
		})
	}
}
