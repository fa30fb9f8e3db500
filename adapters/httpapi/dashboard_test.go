package httpapi_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/httpapi"
	"lethe/domain"
)

type profile func(context.Context, uuid.UUID) (domain.Profile, error)

func (p profile) Profile(ctx context.Context, id uuid.UUID) (domain.Profile, error) {
	return p(ctx, id)
}

const (
	dashboardUser   = "/admin/api/v1/users/current?include=organizations"
	dashboardConfig = "/admin/api/v1/config"
)

// TestDashboard: with a use case for it, dwctl's dashboard is told who its caller is and
// what to show, in dwctl's form; without one there are no such paths.
func TestDashboard(t *testing.T) {
	t.Parallel()
	acme, noon := uuid.MustParse("c0000200-0000-4000-8000-000000000001"), time.Date(2026, 3, 1, 13, 0, 0, 0, time.FixedZone("", 3600))
	s := assemble(t, fakes{}, func(_ *httpapi.Config, d *httpapi.Deps) {
		d.Profile = domain.NewGetProfile(profile(func(_ context.Context, id uuid.UUID) (domain.Profile, error) {
			if id == bob {
				return domain.Profile{}, domain.Errorf(domain.CodeUnavailable, "The database is away")
			}
			return domain.Profile{
				Username: "somebody", DisplayName: new("Some Body"), Source: "native", CreatedAt: noon, UpdatedAt: noon,
				Organizations: []domain.Affiliation{{ID: acme, Name: "Acme", Role: "owner"}},
			}, nil
		}))
	})
	for key, want := range map[string]struct {
		id    uuid.UUID
		admin bool
		roles []any
	}{
		"alice":  {alice, false, []any{"BatchAPIUser"}},
		"root":   {root, true, []any{"PlatformManager"}},
		"nobody": {alice, false, []any{}},
	} {
		a := s.ask(t, http.MethodGet, dashboardUser, "Authorization", "Bearer "+key)
		got := decode(t, a.body)
		for name, value := range map[string]any{
			"id": want.id.String(), "username": "somebody", "email": "alice@example.test", "display_name": "Some Body", "avatar_url": nil,
			"is_admin": want.admin, "roles": want.roles, "created_at": "2026-03-01T12:00:00Z", "updated_at": "2026-03-01T12:00:00Z", "last_login": nil,
			"auth_source": "native", "external_user_id": nil, "user_type": "individual", "has_payment_provider_id": false,
			"has_auto_topup_payment_method": false, "batch_notifications_enabled": false, "low_balance_threshold": nil, "auto_topup_amount": nil,
			"auto_topup_threshold": nil, "auto_topup_monthly_limit": nil, "verified": false, "zero_data_retention": false, "invoicing_enabled": false,
			"organizations": []any{map[string]any{"id": acme.String(), "name": "Acme", "role": "owner", "can_manage_keys": false, "zero_data_retention": false, "verified": false}},
		} {
			is, given := got[name]
			told, err := json.Marshal(is)
			meant, err2 := json.Marshal(value)
			if !given || err != nil || err2 != nil || string(told) != string(meant) {
				t.Errorf("%s, %s: want %s, got %s", key, name, meant, told)
			}
			delete(got, name)
		}
		if a.status != http.StatusOK || len(got) != 0 {
			t.Errorf("%s: want %d and no other fields, got %d %v", key, http.StatusOK, a.status, got)
		}
	}
	const config = `{"region":null,"organization":null,"payment_enabled":false,"docs_jsonl_url":null,"docs_url":"",` +
		`"batches":{"enabled":true,"allowed_completion_windows":["24h"],"allowed_url_paths":[],"async_requests":{"enabled":true,"completion_window":"1h"}},"onwards":{"strict_mode":false}}` + "\n"
	if a := s.ask(t, http.MethodGet, dashboardConfig); a.status != http.StatusOK || a.body != config {
		t.Errorf("config: want %d %s, got %d %s", http.StatusOK, config, a.status, a.body)
	}
	for _, path := range []string{dashboardUser, dashboardConfig} {
		if a := s.ask(t, http.MethodGet, path, "Authorization", "Bearer other"); a.status != http.StatusUnauthorized {
			t.Errorf("%s with another key: want %d, got %d %s", path, http.StatusUnauthorized, a.status, a.body)
		}
		if a := s.ask(t, http.MethodPost, path); a.status != http.StatusMethodNotAllowed {
			t.Errorf("POST %s: want %d, got %d %s", path, http.StatusMethodNotAllowed, a.status, a.body)
		}
		if a := assemble(t, fakes{}, nil).ask(t, http.MethodGet, path); a.status != http.StatusNotFound {
			t.Errorf("%s, switched off: want %d, got %d %s", path, http.StatusNotFound, a.status, a.body)
		}
	}
	if a := s.ask(t, http.MethodGet, dashboardUser, "Authorization", "Bearer bob"); a.status != http.StatusServiceUnavailable {
		t.Errorf("database away: want %d, got %d %s", http.StatusServiceUnavailable, a.status, a.body)
	}
}
