package serve_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"lethe/internal/apptest"
	"lethe/internal/pgtest"
)

// TestOwnersByAddress: whatever takes an owner takes an e-mail address, and tells whom it
// understood.
func TestOwnersByAddress(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	const alice = "c0000100-0000-4000-8000-000000000003"
	apptest.Exec(t, database.URL, `UPDATE public.users SET email = 'alice@example.test' WHERE id = '`+alice+`'`)
	apptest.Exec(t, database.URL, `INSERT INTO public.users (id, username, email, is_deleted) VALUES
		('c0000100-0000-4000-8000-0000000000f1', 'twin', 'twin@example.test', true),
		('c0000100-0000-4000-8000-0000000000f2', 'Twin', 'Twin@example.test', false)`)
	s := apptest.Start(t, "LETHE_DATABASE_URL="+database.RoleURL)
	const key = "sk-root-platform"
	const root = "/lethe/api/v1/"
	rule := func(owner string) string {
		return `{"name": "` + owner + `", "filter": {"owners": ["` + owner + `"]}, "age_days": 36500, "run_at": ["03:00"]}`
	}
	for name, c := range map[string]struct {
		method, path string
		body         func(owner string) string
	}{
		"preview": {"POST", "erasures/preview", func(owner string) string { return `{"owner": "` + owner + `"}` }},
		"start": {"POST", "erasures", func(owner string) string {
			if owner == alice || strings.HasPrefix(owner, "ALICE") {
				_, _, text := s.Send(t, "POST", root+"erasures/preview", key, `{"owner": "`+alice+`"}`)
				var preview struct{ Token string }
				if err := json.Unmarshal([]byte(text), &preview); err != nil {
					t.Fatal(err)
				}
				return `{"owner": "` + owner + `", "token": "` + preview.Token + `"}`
			}
			return `{"owner": "` + owner + `", "token": "none"}`
		}},
		"hold":       {"POST", "holds", func(owner string) string { return `{"owners": ["` + owner + `"], "reason": "test"}` }},
		"rule":       {"POST", "retention-rules", rule},
		"access log": {"GET", "access-log?owner=", nil},
		"readers":    {"GET", "access-log?accessed_by=", nil},
	} {
		send := func(owner string) (int, http.Header, string) {
			if c.body == nil {
				return s.Send(t, c.method, root+c.path+owner, key, "")
			}
			return s.Send(t, c.method, root+c.path, key, c.body(owner))
		}
		if status, h, text := send("ALICE@example.test"); status >= 300 || h.Get("Owner-Understood") != alice {
			t.Errorf("%s, by address: got %d, understood %q: %s", name, status, h.Get("Owner-Understood"), text)
		}
		if status, h, text := send(alice); status >= 300 || len(h.Values("Owner-Understood")) > 0 {
			t.Errorf("%s, by identifier: got %d, understood %q: %s", name, status, h.Get("Owner-Understood"), text)
		}
		status, _, text := send("TWIN@example.test")
		var problem struct{ Choices []struct{ ID, Email string } }
		if err := json.Unmarshal([]byte(text), &problem); err != nil || status != http.StatusConflict || len(problem.Choices) != 2 {
			t.Errorf("%s, of two: got %d: %s", name, status, text)
		}
		if status, _, text := send("nobody@example.test"); status != http.StatusBadRequest || !strings.Contains(text, "has this e-mail address") {
			t.Errorf("%s, of nobody: got %d: %s", name, status, text)
		}
	}
}
