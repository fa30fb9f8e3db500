package httpapi_test

import (
	"context"
	"net/http"
	"reflect"
	"testing"
	"time"

	"lethe/domain"
)

func TestGetStatus(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 11, 0, 0, 0, time.FixedZone("", 3600))
	s := assemble(t, fakes{status: func(context.Context) (domain.Status, error) {
		return domain.Status{
			Log:      domain.LogStatus{SealedAt: &at, Leaves: 12, Published: 11, Unsealed: 3, Oldest: 1500 * time.Millisecond},
			Erasures: domain.ErasureStatus{Unfinished: 2, Oldest: &at, Failed: 1, Awaiting: 3, OldestAwaiting: &at},
			Holds:    domain.HoldStatus{PurgesFailed: 4},
			Subjects: domain.SubjectRequestStatus{Open: 3, NextDue: new(time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC))},
			Rules:    []domain.DueRule{{ID: responseID, Name: "two weeks", At: at}},
			Version:  "v1", Databases: []domain.SchemaVersion{{Schema: "public", Migration: new(int64(97))}, {Schema: "fusillade", Failed: []int64{7}}},
		}, nil
	}}, nil)
	a := s.ask(t, "GET", statusURL, "Authorization", "Bearer root")
	want := map[string]any{
		"at": "2026-03-01T12:00:00Z", "well": false, "version": "v1",
		"sentence":         "Sealed receipts that no published checkpoint covers: 1; `lethe doctor` names the standby of erasure.standbys that is not connected.",
		"log":              map[string]any{"sealed_at": "2026-03-01T10:00:00Z", "leaves": 12.0, "published_leaves": 11.0, "unsealed": 3.0, "oldest_unsealed_seconds": 1.5},
		"erasures":         map[string]any{"unfinished": 2.0, "awaiting_approval": 3.0, "oldest_awaiting_at": "2026-03-01T10:00:00Z", "oldest_unfinished_at": "2026-03-01T10:00:00Z", "failed": 1.0},
		"subject_requests": map[string]any{"open": 3.0, "overdue": 0.0, "next_due_at": "2026-03-02T12:00:00Z"},
		"holds":            map[string]any{"held_responses_gone": 0.0, "purges_waiting": 0.0, "purges_failed": 4.0},
		"next_rules":       []any{map[string]any{"rule_id": responseID.String(), "name": "two weeks", "next_run_at": "2026-03-01T10:00:00Z"}},
		"schemas": []any{
			map[string]any{"schema": "public", "migration": 97.0, "failed_migrations": []any{}},
			map[string]any{"schema": "fusillade", "migration": nil, "failed_migrations": []any{7.0}},
		},
	}
	if got := decode(t, a.body); a.status != http.StatusOK || !reflect.DeepEqual(got, want) {
		t.Errorf("got status %d: %v, want %v", a.status, got, want)
	}
	for key, status := range map[string]int{"alice": 403, "nobody": 403, "unknown": 401} {
		if a := s.ask(t, "GET", statusURL, "Authorization", "Bearer "+key); a.status != status {
			t.Errorf("%s: answered %d %s", key, a.status, a.body)
		}
	}
	s = assemble(t, fakes{}, nil)
	if a := s.ask(t, "GET", statusURL, "Authorization", "Bearer root"); a.status != 200 || decode(t, a.body)["sentence"] != "All is well." {
		t.Errorf("answered %d %s", a.status, a.body)
	}
	s = assemble(t, fakes{status: func(context.Context) (domain.Status, error) {
		return domain.Status{}, domain.Errorf(domain.CodeUnavailable, "gone")
	}}, nil)
	if a := s.ask(t, "GET", statusURL, "Authorization", "Bearer root"); a.status != 503 || a.header.Get("Retry-After") == "" {
		t.Errorf("got status %d, want 503: %s", a.status, a.body)
	}
}
