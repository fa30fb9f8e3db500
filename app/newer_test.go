package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"lethe/app"
	"lethe/internal/pgtest"
)

// The newer rows are of bob, who has others, too.
const (
	bob        = "c0000100-0000-4000-8000-000000000004"
	background = "01900000-0000-7000-8000-000000000001" // of a tier that came later
	converted  = "01900000-0000-7000-8000-000000000002" // was in a batch of its own
	laterTurn  = "01900000-0000-7000-8000-000000000003" // quotes the first
)

const newerRows = `
INSERT INTO public.user_roles (user_id, role) VALUES ('` + bob + `', 'BACKGROUNDINFERENCEUSER');
UPDATE public.user_organizations SET status = 'requested' WHERE user_id = '` + bob + `';
INSERT INTO public.image_access (user_id, sha256, mime, bytes_len) VALUES ('` + bob + `', '\xaa', 'image/png', 3);
INSERT INTO public.prompt_cache_entries (principal_id, virtual_model, tokenizer_version, prefix_hash, cumulative_token_count, ttl_tier, expires_at)
VALUES ('` + bob + `', 'm', '1', '\xbb', 1024, '1h', now() + interval '1 h');
INSERT INTO fusillade.files (id, name, purpose) VALUES ('02900000-0000-7000-8000-000000000002', 'single_request', 'batch');
INSERT INTO fusillade.batches (file_id, expires_at, total_requests, created_by) VALUES ('02900000-0000-7000-8000-000000000002', now(), 1, '` + bob + `');
INSERT INTO fusillade.request_templates (id, file_id, endpoint, method, path, body, model, api_key, metadata) VALUES
    ('03900000-0000-7000-8000-000000000001', NULL, 'e', 'POST', '/v1/responses', '{"input": "first"}', 'm', 'k', '{}'),
    ('03900000-0000-7000-8000-000000000002', '02900000-0000-7000-8000-000000000002', 'e', 'POST', '/v1/responses', '{"input": "second"}', 'm', 'k', NULL),
    ('03900000-0000-7000-8000-000000000003', NULL, 'e', 'POST', '/v1/responses', '{"input": "third", "previous_response_id": "resp_` + background + `"}', 'm', 'k', NULL);
INSERT INTO fusillade.requests (id, template_id, state, model, created_by, created_at, response_status, response_body, completed_at, service_tier) VALUES
    ('` + background + `', '03900000-0000-7000-8000-000000000001', 'completed', 'm', '` + bob + `', now(), 200, '{"output": "one"}', now(), 'background'),
    ('` + converted + `', '03900000-0000-7000-8000-000000000002', 'completed', 'm', '` + bob + `', now(), 200, '{"output": "two"}', now(), NULL),
    ('` + laterTurn + `', '03900000-0000-7000-8000-000000000003', 'completed', 'm', '` + bob + `', now(), 200, '{"output": "three"}', now(), 'default');
INSERT INTO public.credits_transactions (user_id, transaction_type, amount, source_id, fusillade_request_id)
VALUES ('` + bob + `', 'usage', -0.25, 'one', '` + background + `');`

// TestBesideNewer: dwctl 10.13.1 with fusillade 24.1.0.
func TestBesideNewer(t *testing.T) {
	t.Parallel()
	database := pgtest.WithNewer(t)
	exec(t, database.URL, newerRows)
	environ := "LETHE_DATABASE_URL=" + database.RoleURL
	report := examine(t, environ)
	if bad := append(found(report, app.Problem), found(report, app.Warning)...); len(bad) > 0 {
		t.Errorf("found\n%s", text(t, report))
	}
	s := start(t, environ)
	if status, _, body := s.get(t, "/readyz", ""); status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	ids := func() []string {
		t.Helper()
		status, _, body := s.get(t, requestsPath+"?limit=100", "sk-bob-platform")
		var page struct {
			Data []struct {
				ID string `json:"id"`
			} `json:"data"`
		}
		if err := json.Unmarshal([]byte(body), &page); err != nil || status != http.StatusOK {
			t.Fatalf("%d %s", status, body)
		}
		var ids []string
		for _, r := range page.Data {
			ids = append(ids, r.ID)
		}
		return ids
	}
	costs := func(want string) {
		t.Helper()
		for _, path := range []string{"?limit=100&service_tiers=background", "/" + background} {
			if status, _, body := s.get(t, requestsPath+path, "sk-bob-platform"); status != http.StatusOK || !strings.Contains(body, `"total_cost":`+want) {
				t.Errorf("%s: %d %s", path, status, body)
			}
		}
	}
	costs("0.25") // as the ledger says
	exec(t, database.URL, "ALTER TABLE public.credits_transactions DROP COLUMN fusillade_request_id CASCADE")
	costs("null")
	exec(t, database.URL, `ALTER TABLE public.credits_transactions ADD fusillade_request_id uuid;
		CREATE INDEX ON public.credits_transactions (fusillade_request_id, seq DESC) WHERE fusillade_request_id IS NOT NULL`)
	costs("null") // may not be read
	if status, _, body := s.get(t, "/readyz", ""); status != http.StatusOK {
		t.Errorf("a privilege that can be done without: %d %s", status, body)
	}
	if report := examine(t, environ); len(found(report, app.Problem)) > 0 || !slices.ContainsFunc(found(report, app.Warning), func(c app.Check) bool { return c.Name == "costs" }) {
		t.Errorf("found\n%s", text(t, report))
	}
	before := ids()
	for _, id := range []string{background, converted, laterTurn} {
		if !slices.Contains(before, id) {
			t.Errorf("%s is not in the list", id)
		}
	}
	for id, want := range map[string][]string{background: {"first", "one", `"background"`}, converted: {"second", "two"}} {
		status, _, body := s.get(t, requestsPath+"/"+id, "sk-bob-platform")
		for _, part := range want {
			if status != http.StatusOK || !strings.Contains(body, part) {
				t.Errorf("%s: %d %s lacks %s", id, status, body, part)
			}
		}
	}

	s.eraseOne(t, background)
	if left := number(t, database.URL, "SELECT count(*) FROM fusillade.request_templates WHERE body LIKE '%first%'"); left != 0 {
		t.Errorf("%d of its prompts are left", left)
	}

	s.eraseAll(t, database.URL, bob)
	if left := ids(); len(left) != 0 {
		t.Errorf("%v are left", left)
	}
	if left := number(t, database.URL, "SELECT count(*) FROM fusillade.requests WHERE created_by = '"+bob+"'"); left != 0 {
		t.Errorf("%d are left", left)
	}
	// Also those of the many.
	receipts := number(t, database.URL, "SELECT count(*) FROM lethe.receipts")
	if named := number(t, database.URL, `SELECT count(*) FROM lethe.receipts
		WHERE convert_from(body, 'UTF8') LIKE '%"image_store","prompt_cache"]}'`); receipts < 3 || named != receipts-1 {
		t.Errorf("%d of %d receipts name what no response leads to", named, receipts)
	}
	// But for the last, of what was kept by person.
	if last := number(t, database.URL, `SELECT count(*) FROM lethe.receipts
		WHERE convert_from(body, 'UTF8') LIKE '%"image_store"]}' AND convert_from(body, 'UTF8') LIKE '%"responses":[],%'`); last != 1 {
		t.Errorf("%d receipts leave the prompt cache out", last)
	}
	if left := number(t, database.URL, "SELECT (SELECT count(*) FROM public.image_access) + (SELECT count(*) FROM public.prompt_cache_entries)"); left != 0 {
		t.Errorf("%d rows that are kept by person are left", left)
	}
	if bills := number(t, database.URL, "SELECT count(*) FROM public.credits_transactions WHERE source_id = 'one'"); bills != 1 {
		t.Error("the bill is gone")
	}
}

// TestBesideArsenal: fusillade-arsenal 4.1.0. What is not served is named, and
// nothing is answered.
func TestBesideArsenal(t *testing.T) {
	t.Parallel()
	database := pgtest.WithArsenal(t)
	exec(t, database.URL, newerRows)
	environ := "LETHE_DATABASE_URL=" + database.RoleURL
	if bad := found(examine(t, environ), app.Problem); len(bad) > 0 {
		t.Errorf("found %+v", bad)
	}
	s := start(t, environ)
	if status, _, body := s.get(t, "/readyz", ""); status != http.StatusOK {
		t.Errorf("without what was dropped: %d %s", status, body)
	}
	const kept, alone = "03900000-0000-7000-8000-000000000001", "03900000-0000-7000-8000-000000000003"
	exec(t, database.URL, `WITH moved AS (DELETE FROM fusillade.request_templates WHERE id IN ('`+kept+`', '`+alone+`')
		    RETURNING id, endpoint, method, path, body, model, api_key)
		INSERT INTO fusillade.request_templates_g2 (created_on, id, endpoint, method, path, body, model, api_key)
		SELECT '2026-05-01', id, endpoint, method, path, body, model, api_key FROM moved;
		INSERT INTO fusillade.request_template_routes (id, created_on) VALUES ('`+kept+`', '2026-05-01'), ('`+alone+`', '2026-05-01');
		INSERT INTO fusillade.requests (id, template_id, state, model, created_by, created_at)
		VALUES ('01900000-0000-7000-8000-000000000004', '`+kept+`', 'pending', 'm', '`+bob+`', now())`)
	prompts := func() int {
		t.Helper()
		return number(t, database.URL, `SELECT count(*) FROM fusillade.request_templates_g2 FULL JOIN fusillade.request_template_routes USING (created_on, id)`)
	}
	await(t, "the prompt is shown", func() bool {
		status, _, body := s.get(t, requestsPath+"/"+background, "sk-bob-platform")
		return status == http.StatusOK && strings.Contains(body, "first") && strings.Contains(body, "one")
	})
	s.eraseOne(t, background)
	if n := prompts(); n != 2 {
		t.Errorf("%d prompts are left, want also that which another request needs", n)
	}
	_, preview := s.post(t, erasuresPath+"/preview", map[string]any{"responses": []string{laterTurn}})
	if preview["templates"] != 1.0 {
		t.Errorf("previewed %v", preview)
	}
	s.eraseOne(t, laterTurn)
	if n := prompts(); n != 1 {
		t.Errorf("%d prompts are left, want 1", n)
	}
	for _, counts := range []string{`%"templates":0,%"kept_templates":1,%`, `%"templates":1,%"kept_templates":0,%`} {
		if n := number(t, database.URL, "SELECT count(*) FROM lethe.receipts WHERE convert_from(body, 'UTF8') LIKE '"+counts+"'"); n != 1 {
			t.Errorf("%d receipts are like %s", n, counts)
		}
	}
	s.eraseAll(t, database.URL, bob)
	if left := number(t, database.URL, "SELECT count(*) FROM fusillade.requests WHERE created_by = '"+bob+"'") + prompts(); left != 0 {
		t.Errorf("%d are left", left)
	}

	// Where it is not as it should be, nothing may be said of what it holds.
	exec(t, database.URL, `DROP TABLE fusillade.retained_response_resurrection_fences;
		INSERT INTO fusillade.retained_response_objects (delete_on, group_id, object_kind, object_id, schema_version, payload)
			VALUES ('2027-01-01', '`+bob+`', 'group', '`+bob+`', 1, '{}')`)
	await(t, "it names the table", func() bool {
		status, _, body := s.get(t, "/readyz", "")
		return status == http.StatusServiceUnavailable && strings.Contains(body, "fusillade.retained_response_objects")
	})
	if status, _, body := s.get(t, requestsPath, "sk-bob-platform"); status != http.StatusServiceUnavailable {
		t.Errorf("a list: %d %s", status, body)
	}
	if problems := found(examine(t, environ), app.Problem); len(problems) != 1 || problems[0].Name != "places of content" {
		t.Errorf("problems %+v", problems)
	}
}

// eraseOne erases one of bob's responses, and looks that it is gone.
func (s *service) eraseOne(t *testing.T, id string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, s.url+requestsPath+"/"+id, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer sk-bob-platform")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusNoContent || response.Header.Get("Location") == "" {
		t.Errorf("erasing one: %s", response.Status)
	}
	if status, _, body := s.get(t, requestsPath+"/"+id, "sk-bob-platform"); status != http.StatusNotFound {
		t.Errorf("after erasing it: %d %s", status, body)
	}
}

// eraseAll erases all of a person's responses.
func (s *service) eraseAll(t *testing.T, databaseURL, owner string) {
	t.Helper()
	_, preview := s.post(t, erasuresPath+"/preview", map[string]any{"owner": owner})
	status, erasure := s.post(t, erasuresPath, map[string]any{"owner": owner, "ground": "request", "token": preview["token"]})
	if status != http.StatusAccepted {
		t.Fatalf("erasing the rest: %d %v, previewed %v", status, erasure, preview)
	}
	await(t, "all of it is erased", func() bool {
		return number(t, databaseURL, fmt.Sprintf("SELECT count(*) FROM lethe.erasures WHERE id = '%s' AND state = 'finished'", erasure["id"])) == 1
	})
}
