package httpapi_test

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

var accessed = domain.Access{
	ID: uuid.MustParse("7d3c1b0a-2f4e-4c69-9a55-3e1d2f4a5b6c"), At: time.Date(2026, 3, 1, 12, 0, 0, 500_000, time.UTC),
	By: root, Response: responseID, Owner: alice.String(), Address: "192.0.2.7",
}

// TestAccessRecorded: a caller who sees another owner's contents is recorded,
// with the same address as in the request log.
func TestAccessRecorded(t *testing.T) {
	t.Parallel()
	var recorded []domain.Access
	s := assemble(t, fakes{
		get: func(context.Context, uuid.UUID) (domain.Response, domain.Contents, error) {
			return full(), domain.Contents{Prompt: "words of people"}, nil
		},
		record: func(l domain.Access) error {
			recorded = append(recorded, l)
			return nil
		},
	}, nil)
	tag := s.ask(t, "GET", item, "Authorization", "Bearer root").header.Get("ETag")
	for name, c := range map[string]struct {
		method, target   string
		headers          []string
		status, accesses int
	}{
		"own":              {"GET", item, nil, 200, 0},
		"another's":        {"GET", item, []string{"Authorization", "Bearer root"}, 200, 1},
		"head":             {"HEAD", item, []string{"Authorization", "Bearer root"}, 200, 0},
		"head, unchanged":  {"HEAD", item, []string{"Authorization", "Bearer root", "If-None-Match", tag}, 304, 0},
		"head, changed":    {"HEAD", item, []string{"Authorization", "Bearer root", "If-None-Match", `"x"`}, 200, 0},
		"head, by nobody":  {"HEAD", item, []string{"Authorization", "Bearer nobody"}, 403, 0},
		"without contents": {"GET", item + "?body=omit", []string{"Authorization", "Bearer root"}, 200, 0},
		"unchanged":        {"GET", item, []string{"Authorization", "Bearer root", "If-None-Match", tag}, 304, 0},
		"anything":         {"GET", item, []string{"Authorization", "Bearer root", "If-None-Match", "*"}, 304, 0},
		"changed":          {"GET", item, []string{"Authorization", "Bearer root", "If-None-Match", `"x"`}, 200, 1},
		"a list":           {"GET", list, []string{"Authorization", "Bearer root"}, 200, 0},
		"by nobody":        {"GET", item, []string{"Authorization", "Bearer nobody"}, 403, 0},
	} {
		recorded = nil
		if a := s.ask(t, c.method, c.target, c.headers...); a.status != c.status || len(recorded) != c.accesses {
			t.Errorf("%s: got status %d with %d records, want %d and %d", name, a.status, len(recorded), c.status, c.accesses)
		}
		for _, l := range recorded {
			want := domain.Access{ID: l.ID, At: l.At, By: root, Response: responseID, Owner: alice.String(), Address: "192.0.2.1"}
			if l != want || l.ID == uuid.Nil || time.Since(l.At) > time.Minute {
				t.Errorf("%s: recorded %+v, want %+v", name, l, want)
			}
			if !strings.Contains(s.log.String(), `"remote":"`+l.Address+`"`) {
				t.Errorf("%s: the request log has another address than %s", name, l.Address)
			}
		}
	}
}

func TestGetAccessNotRecorded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err    error
		status int
	}{
		"unavailable": {domain.ErrNotRecorded(domain.Errorf(domain.CodeUnavailable, "The database cannot be reached")), 503},
		"not ready":   {domain.ErrNotRecorded(domain.Errorf(domain.CodeInternal, "no table")), 503},
		"unknown":     {domain.ErrNotRecorded(errors.New("broken")), 503},
		"erased":      {errNone, 404},
	} {
		s := assemble(t, fakes{
			get: func(context.Context, uuid.UUID) (domain.Response, domain.Contents, error) {
				return full(), domain.Contents{Prompt: "words of people"}, nil
			},
			record: func(domain.Access) error { return c.err },
		}, nil)
		a := s.ask(t, "GET", item, "Authorization", "Bearer root")
		if a.status != c.status || strings.Contains(a.body, "words of people") || strings.Contains(s.log.String(), "words of people") {
			t.Errorf("%s: answered %d %s", name, a.status, a.body)
		}
		if c.status == 503 && (a.header.Get("Retry-After") == "" || !strings.HasPrefix(a.problem.Detail, "Could not record this access")) {
			t.Errorf("%s: answered %v %s", name, a.header, a.body)
		}
		if a := s.ask(t, "GET", item); a.status != 200 {
			t.Errorf("%s: the owner got status %d, want 200: %s", name, a.status, a.body)
		}
	}
}

func TestListAccessLog(t *testing.T) {
	t.Parallel()
	var asked domain.AccessQuery
	s := assemble(t, fakes{accessLog: accessLogPort{page: func(_ context.Context, q domain.AccessQuery) ([]domain.Access, error) {
		asked = q
		return slices.Repeat([]domain.Access{accessed}, int(q.Limit)), nil
	}}}, nil)
	a := s.ask(t, "GET", accessLog+"?limit=1", "Authorization", "Bearer root")
	got := decode(t, a.body)
	next, _ := got["next_cursor"].(string)
	delete(got, "next_cursor")
	want := map[string]any{
		"data": []any{map[string]any{
			"id": accessed.ID.String(), "response_id": responseID.String(), "owner": alice.String(), "owner_email": nil,
			"accessed_by": root.String(), "accessed_by_email": "alice@example.test", // the fakes' only address
			"accessed_at": "2026-03-01T12:00:00.0005Z", "address": "192.0.2.7", "export": nil,
		}},
		"limit": 1.0, "has_more": true,
	}
	if a.status != http.StatusOK || !reflect.DeepEqual(got, want) || next == "" {
		t.Errorf("got status %d: %v, want %v", a.status, got, want)
	}
	if a := s.ask(t, "GET", accessLog+"?limit=1000&after="+next, "Authorization", "Bearer root"); a.status != 200 || asked.After == nil || *asked.After != accessed.Position() || asked.Limit != domain.MaxLimit+1 {
		t.Errorf("got status %d, want 200: %s with the query %+v", a.status, a.body, asked)
	}
	query := "?response_id=" + strings.ToUpper(responseID.String()) + "&owner=it%27s&accessed_by=" + root.String() + "&accessed_after=2026-03-01T13:00:00%2B01:00&accessed_before=2026-03-02T00:00:00Z&unknown=1"
	if a := s.ask(t, "GET", accessLog+query, "Authorization", "Bearer root"); a.status != 200 {
		t.Errorf("got status %d, want 200: %s", a.status, a.body)
	}
	filter := domain.AccessFilter{
		Response: &responseID, Owner: new("it's"), By: &root,
		From: new(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)), To: new(time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)),
	}
	if !reflect.DeepEqual(asked.Filter, filter) || asked.Limit != domain.DefaultLimit+1 || asked.After != nil {
		t.Errorf("query: got %+v, want the filter %+v", asked, filter)
	}
}

func TestListAccessLogErrors(t *testing.T) {
	t.Parallel()
	s := assemble(t, fakes{accessLog: accessLogPort{page: func(context.Context, domain.AccessQuery) ([]domain.Access, error) {
		return []domain.Access{accessed, accessed}, nil
	}}}, nil)
	next := decode(t, s.ask(t, "GET", accessLog+"?limit=1", "Authorization", "Bearer root").body)["next_cursor"].(string)
	for query, parameter := range map[string]string{
		"limit=x": "limit", "limit=1&limit=2": "limit", "response_id=abc": "response_id", "response_id=": "response_id", "accessed_by=x": "accessed_by",
		"accessed_after=yesterday": "accessed_after", "accessed_before=2026-03-01": "accessed_before", "owner=%00": "owner", "owner=%ff": "owner", "owner=a&owner=b": "owner",
		"after=abc": "after", "owner=x&after=" + next: "after", "accessed_before=2026-03-02T00:00:00Z&after=" + next: "after", "after=" + next + "A": "after",
	} {
		a := s.ask(t, "GET", accessLog+"?"+query, "Authorization", "Bearer root")
		if a.status != 400 || a.problem.Parameter == nil || *a.problem.Parameter != parameter || !strings.HasPrefix(a.problem.Detail, parameter+": must be") {
			t.Errorf("%s: answered %d %s", query, a.status, a.body)
		}
	}
	if a := s.ask(t, "GET", list+"?after="+next, "Authorization", "Bearer root"); a.status != 400 {
		t.Errorf("cursor of the access log in a list of responses: got status %d, want 400: %s", a.status, a.body)
	}
	for key, status := range map[string]int{"alice": 403, "nobody": 403, "unknown": 401} {
		if a := s.ask(t, "GET", accessLog, "Authorization", "Bearer "+key); a.status != status || status == 403 && a.problem.Detail != "Insufficient permissions to Read AccessLog" {
			t.Errorf("%s: answered %d %s", key, a.status, a.body)
		}
	}
	s = assemble(t, fakes{accessLog: accessLogPort{page: func(context.Context, domain.AccessQuery) ([]domain.Access, error) {
		return nil, domain.Errorf(domain.CodeUnavailable, "gone")
	}}}, nil)
	if a := s.ask(t, "GET", accessLog, "Authorization", "Bearer root"); a.status != 503 || a.header.Get("Retry-After") == "" {
		t.Errorf("got status %d, want 503: %s", a.status, a.body)
	}
	s = assemble(t, fakes{}, nil)
	if a := s.ask(t, "GET", accessLog, "Authorization", "Bearer root"); a.status != 200 || !strings.Contains(a.body, `"data":[]`) {
		t.Errorf("empty log: got status %d, want 200: %s", a.status, a.body)
	}
}
