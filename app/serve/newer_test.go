package serve_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"lethe/app/ops"
	"lethe/internal/apptest"
	"lethe/internal/pgtest"
)

// TestNewerDwctl: dwctl 10.13.1 with fusillade 24.1.0.
func TestNewerDwctl(t *testing.T) {
	t.Parallel()
	database := pgtest.WithNewer(t)
	apptest.Exec(t, database.URL, apptest.NewerRows)
	environ := "LETHE_DATABASE_URL=" + database.RoleURL
	report := apptest.Examine(t, environ)
	if bad := append(apptest.Found(report, ops.Problem), apptest.Found(report, ops.Warning)...); len(bad) > 0 {
		t.Errorf("doctor: want no problem, got\n%s", apptest.Text(t, report))
	}
	s := start(t, environ)
	if status, _, body := s.Get(t, "/readyz", ""); status != http.StatusOK {
		t.Fatalf("want %d, got %d %s", http.StatusOK, status, body)
	}
	ids := func() []string {
		t.Helper()
		status, _, body := s.Get(t, apptest.RequestsPath+"?limit=100", "sk-bob-platform")
		var page struct {
			Data []struct {
				ID string `json:"id"`
			} `json:"data"`
		}
		if err := json.Unmarshal([]byte(body), &page); err != nil || status != http.StatusOK {
			t.Fatalf("list: want %d, got %d %s", http.StatusOK, status, body)
		}
		var ids []string
		for _, r := range page.Data {
			ids = append(ids, r.ID)
		}
		return ids
	}
	costs := func(want string) {
		t.Helper()
		for _, path := range []string{"?limit=100&service_tiers=background", "/" + apptest.Background} {
			if status, _, body := s.Get(t, apptest.RequestsPath+path, "sk-bob-platform"); status != http.StatusOK || !strings.Contains(body, `"total_cost":`+want) {
				t.Errorf("%s: want %d with total cost %s, got %d %s", path, http.StatusOK, want, status, body)
			}
		}
	}
	costs("0.25") // from the ledger
	apptest.Exec(t, database.URL, "ALTER TABLE public.credits_transactions DROP COLUMN fusillade_request_id CASCADE")
	costs("null")
	apptest.Exec(t, database.URL, `ALTER TABLE public.credits_transactions ADD fusillade_request_id uuid;
		CREATE INDEX ON public.credits_transactions (fusillade_request_id, seq DESC) WHERE fusillade_request_id IS NOT NULL`)
	costs("null") // may not be read
	if status, _, body := s.Get(t, "/readyz", ""); status != http.StatusOK {
		t.Errorf("a privilege that can be done without: want %d, got %d %s", http.StatusOK, status, body)
	}
	if report := apptest.Examine(t, environ); len(apptest.Found(report, ops.Problem)) > 0 || apptest.Named(t, report, "costs").Finding != ops.Warning {
		t.Errorf("doctor: want no problem, got\n%s", apptest.Text(t, report))
	}
	before := ids()
	for _, id := range []string{apptest.Background, apptest.Converted, apptest.LaterTurn} {
		if !slices.Contains(before, id) {
			t.Errorf("list: %s is missing", id)
		}
	}
	for id, want := range map[string][]string{apptest.Background: {"first", "one", `"background"`}, apptest.Converted: {"second", "two"}} {
		status, _, body := s.Get(t, apptest.RequestsPath+"/"+id, "sk-bob-platform")
		for _, part := range want {
			if status != http.StatusOK || !strings.Contains(body, part) {
				t.Errorf("%s: want %d with %s, got %d %s", id, http.StatusOK, part, status, body)
			}
		}
	}

	s.EraseOne(t, apptest.Background)
	if left := apptest.Number(t, database.URL, "SELECT count(*) FROM fusillade.request_templates WHERE body LIKE '%first%'"); left != 0 {
		t.Errorf("%d of its prompts are left, want 0", left)
	}

	s.EraseAll(t, database.URL, apptest.Bob)
	if left := ids(); len(left) != 0 {
		t.Errorf("list after the erasure: want none, got %v", left)
	}
	if left := apptest.Number(t, database.URL, "SELECT count(*) FROM fusillade.requests WHERE created_by = '"+apptest.Bob+"'"); left != 0 {
		t.Errorf("%d are left, want 0", left)
	}
	// Also those of the bulk erasures.
	receipts := apptest.Number(t, database.URL, "SELECT count(*) FROM lethe.receipts")
	if named := apptest.Number(t, database.URL, `SELECT count(*) FROM lethe.receipts
		WHERE convert_from(body, 'UTF8') LIKE '%"image_store","prompt_cache"]}'`); receipts < 3 || named != receipts-1 {
		t.Errorf("receipts that name image store and prompt cache: want %d of %d, got %d", receipts-1, receipts, named)
	}
	// Except the last, about other data kept by person.
	if last := apptest.Number(t, database.URL, `SELECT count(*) FROM lethe.receipts
		WHERE convert_from(body, 'UTF8') LIKE '%"image_store"]}' AND convert_from(body, 'UTF8') LIKE '%"responses":[],%'`); last != 1 {
		t.Errorf("receipts without the prompt cache: got %d", last)
	}
	if left := apptest.Number(t, database.URL, "SELECT (SELECT count(*) FROM public.image_access) + (SELECT count(*) FROM public.prompt_cache_entries)"); left != 0 {
		t.Errorf("%d rows that are kept by person are left, want 0", left)
	}
	if bills := apptest.Number(t, database.URL, "SELECT count(*) FROM public.credits_transactions WHERE source_id = 'one'"); bills != 1 {
		t.Errorf("transactions: want 1 left, got %d", bills)
	}
}

// TestArsenalUnservedContent: fusillade-arsenal 4.1.0. Unserved content is named, and
// every request is refused.
func TestArsenalUnservedContent(t *testing.T) {
	t.Parallel()
	database := pgtest.WithArsenal(t)
	apptest.Exec(t, database.URL, apptest.NewerRows)
	environ := "LETHE_DATABASE_URL=" + database.RoleURL
	if bad := apptest.Found(apptest.Examine(t, environ), ops.Problem); len(bad) > 0 {
		t.Errorf("doctor: want no problem, got %+v", bad)
	}
	s := start(t, environ)
	if status, _, body := s.Get(t, "/readyz", ""); status != http.StatusOK {
		t.Errorf("without what was dropped: want %d, got %d %s", http.StatusOK, status, body)
	}
	const kept, alone = "03900000-0000-7000-8000-000000000001", "03900000-0000-7000-8000-000000000003"
	apptest.Exec(t, database.URL, `WITH moved AS (DELETE FROM fusillade.request_templates WHERE id IN ('`+kept+`', '`+alone+`')
		    RETURNING id, endpoint, method, path, body, model, api_key)
		INSERT INTO fusillade.request_templates_g2 (created_on, id, endpoint, method, path, body, model, api_key)
		SELECT '2026-05-01', id, endpoint, method, path, body, model, api_key FROM moved;
		INSERT INTO fusillade.request_template_routes (id, created_on) VALUES ('`+kept+`', '2026-05-01'), ('`+alone+`', '2026-05-01');
		INSERT INTO fusillade.requests (id, template_id, state, model, created_by, created_at)
		VALUES ('01900000-0000-7000-8000-000000000004', '`+kept+`', 'pending', 'm', '`+apptest.Bob+`', now())`)
	prompts := func() int {
		t.Helper()
		return apptest.Number(t, database.URL, `SELECT count(*) FROM fusillade.request_templates_g2 FULL JOIN fusillade.request_template_routes USING (created_on, id)`)
	}
	apptest.Await(t, "the prompt is shown", func() bool {
		status, _, body := s.Get(t, apptest.RequestsPath+"/"+apptest.Background, "sk-bob-platform")
		return status == http.StatusOK && strings.Contains(body, "first") && strings.Contains(body, "one")
	})
	s.EraseOne(t, apptest.Background)
	if n := prompts(); n != 2 {
		t.Errorf("%d prompts are left, want also that which another request needs", n)
	}
	_, preview := s.Post(t, apptest.ErasuresPath+"/preview", map[string]any{"responses": []string{apptest.LaterTurn}})
	if preview["templates"] != 1.0 {
		t.Errorf("preview: want 1 template, got %v", preview)
	}
	s.EraseOne(t, apptest.LaterTurn)
	if n := prompts(); n != 1 {
		t.Errorf("%d prompts are left, want 1", n)
	}
	for _, counts := range []string{`%"templates":0,%"kept_templates":1,%`, `%"templates":1,%"kept_templates":0,%`} {
		if n := apptest.Number(t, database.URL, "SELECT count(*) FROM lethe.receipts WHERE convert_from(body, 'UTF8') LIKE '"+counts+"'"); n != 1 {
			t.Errorf("%d receipts are like %s, want 1", n, counts)
		}
	}
	s.EraseAll(t, database.URL, apptest.Bob)
	if left := apptest.Number(t, database.URL, "SELECT count(*) FROM fusillade.requests WHERE created_by = '"+apptest.Bob+"'") + prompts(); left != 0 {
		t.Errorf("%d are left, want 0", left)
	}

	// If the tables are not as expected, nothing may be said about their content.
	apptest.Exec(t, database.URL, `DROP TABLE fusillade.retained_response_resurrection_fences;
		INSERT INTO fusillade.retained_response_objects (delete_on, group_id, object_kind, object_id, schema_version, payload)
			VALUES ('2027-01-01', '`+apptest.Bob+`', 'group', '`+apptest.Bob+`', 1, '{}')`)
	apptest.Await(t, "it names the table", func() bool {
		status, _, body := s.Get(t, "/readyz", "")
		return status == http.StatusServiceUnavailable && strings.Contains(body, "fusillade.retained_response_objects")
	})
	if status, _, body := s.Get(t, apptest.RequestsPath, "sk-bob-platform"); status != http.StatusServiceUnavailable {
		t.Errorf("a list: want %d, got %d %s", http.StatusServiceUnavailable, status, body)
	}
	if problems := apptest.Found(apptest.Examine(t, environ), ops.Problem); len(problems) != 1 || problems[0].Name != "places of content" {
		t.Errorf("doctor: want one problem, with places of content, got %+v", problems)
	}
}
