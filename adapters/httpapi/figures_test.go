package httpapi_test

import (
	"context"
	"net/http"
	"reflect"
	"testing"
	"time"

	"lethe/domain"
)

func TestGetFigures(t *testing.T) {
	t.Parallel()
	var asked domain.FigureQuery
	hour := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := assemble(t, fakes{figures: func(_ context.Context, q domain.FigureQuery) ([]domain.FigurePoint, domain.Basis, error) {
		asked = q
		return []domain.FigurePoint{
			{Key: new("m"), At: hour, Responses: 3, Failures: 1, P50: new(1500001 * time.Microsecond), P95: new(2 * time.Second), Usage: domain.Usage{
				PromptTokens: new(int64(1)), CompletionTokens: new(int64(2)), ReasoningTokens: new(int64(3)), TotalTokens: new(int64(4)), Cost: new(domain.Decimal("0.25")),
			}},
			{Other: true, At: hour.Add(-time.Hour), Responses: 9},
		}, domain.BasisUsage, nil
	}}, nil)
	a := s.ask(t, "GET", figures+"?group_by=model", "Authorization", "Bearer root")
	unknown := map[string]any{
		"prompt_tokens": nil, "completion_tokens": nil, "reasoning_tokens": nil, "total_tokens": nil, "total_cost": nil,
		"duration_p50_ms": nil, "duration_p95_ms": nil, "responses": 9.0, "failures": 0.0, "from": "2026-03-01T11:00:00Z", "to": "2026-03-01T12:00:00Z",
	}
	want := map[string]any{
		"from": "2026-02-28T13:00:00Z", "to": "2026-03-01T12:30:00Z", "bucket": "hour", "group_by": "model", "basis": "usage",
		"series": []any{
			map[string]any{"key": "m", "other": false, "email": nil, "points": []any{map[string]any{
				"prompt_tokens": 1.0, "completion_tokens": 2.0, "reasoning_tokens": 3.0, "total_tokens": 4.0, "total_cost": 0.25,
				"duration_p50_ms": 1500.001, "duration_p95_ms": 2000.0, "responses": 3.0, "failures": 1.0, "from": "2026-03-01T12:00:00Z", "to": "2026-03-01T12:30:00Z",
			}}},
			map[string]any{"key": nil, "other": true, "email": nil, "points": []any{unknown}},
		},
	}
	if got := decode(t, a.body); a.status != http.StatusOK || !reflect.DeepEqual(got, want) {
		t.Errorf("got status %d: %v, want %v", a.status, got, want)
	}
	query := "?from=2026-02-01T01:00:00%2B01:00&to=2026-03-01T00:00:00Z&bucket=day&group_by=owner&status=failed&statuses=failed,canceled&model=a,b&service_tiers=flex" +
		"&response_status_min=400&response_status_max=599&min_duration_ms=5&has_error=true&min_total_cost=0.5&member_id=" + bob.String()
	if a := s.ask(t, "GET", figures+query, "Authorization", "Bearer root"); a.status != http.StatusOK || decode(t, a.body)["bucket"] != "day" {
		t.Errorf("got status %d, want 200: %s", a.status, a.body)
	}
	wantQuery := domain.FigureQuery{Bucket: domain.Daily, GroupBy: domain.ByOwner, Filter: domain.ResponseFilter{
		Owners: []string{bob.String()}, States: []string{"failed"}, Models: []string{"a", "b"}, Tiers: []string{"flex"},
		CreatedAfter:  new(time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)),
		CreatedBefore: new(time.Date(2026, 2, 28, 23, 59, 59, 999_999_000, time.UTC)),
		StatusMin:     new(int64(400)), StatusMax: new(int64(599)), MinDuration: new(5 * time.Millisecond), HasError: new(true), MinTotalCost: new(domain.Decimal("0.5")),
	}}
	if !reflect.DeepEqual(asked, wantQuery) {
		t.Errorf("asked for %+v, want %+v", asked, wantQuery)
	}
	for query, parameter := range map[string]string{
		"from=yesterday": "from", "to=2026-03-01": "to", "bucket=week": "bucket", "bucket=": "bucket", "group_by=email": "group_by", "group_by=model&group_by=tier": "group_by",
		"from=2026-03-02T00:00:00Z": "from", "from=2026-01-01T00:00:00Z": "from", "has_error=1": "has_error",
	} {
		if a := s.ask(t, "GET", figures+"?"+query, "Authorization", "Bearer root"); a.status != 400 || a.problem.Parameter == nil || *a.problem.Parameter != parameter {
			t.Errorf("%s: answered %d %s", query, a.status, a.body)
		}
	}
	for _, c := range []struct {
		key, query string
		status     int
	}{
		{"alice", "", 200}, {"alice", "?group_by=owner", 400}, {"alice", "?member_id=" + bob.String(), 400}, {"nobody", "", 403}, {"unknown", "", 401},
	} {
		if a := s.ask(t, "GET", figures+c.query, "Authorization", "Bearer "+c.key); a.status != c.status {
			t.Errorf("%s %s: answered %d %s", c.key, c.query, a.status, a.body)
		}
	}
	s = assemble(t, fakes{figures: func(context.Context, domain.FigureQuery) ([]domain.FigurePoint, domain.Basis, error) {
		return nil, "", domain.Errorf(domain.CodeUnavailable, "too long")
	}}, nil)
	if a := s.ask(t, "GET", figures, "Authorization", "Bearer root"); a.status != 503 || a.header.Get("Retry-After") == "" {
		t.Errorf("got status %d, want 503: %s", a.status, a.body)
	}
	s = assemble(t, fakes{}, nil)
	if got := decode(t, s.ask(t, "GET", figures, "Authorization", "Bearer root").body); !reflect.DeepEqual(got["series"], []any{}) || got["group_by"] != nil || got["basis"] != "usage" {
		t.Errorf("got %v, want no series", got)
	}
}
