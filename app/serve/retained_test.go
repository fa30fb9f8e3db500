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

// TestRetained: moved responses are shown and erased like any others.
func TestRetained(t *testing.T) {
	t.Parallel()
	database := pgtest.WithArsenal(t)
	apptest.Exec(t, database.URL, apptest.NewerRows)
	environ := "LETHE_DATABASE_URL=" + database.RoleURL
	s := start(t, environ)
	type page struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
		Total int `json:"total_count"`
	}
	get := func(path, key string) string {
		t.Helper()
		status, _, body := s.Get(t, apptest.RequestsPath+path, key)
		if status != http.StatusOK {
			t.Fatalf("%s: want %d, got %d %s", path, http.StatusOK, status, body)
		}
		return body
	}
	queries := []string{
		"?limit=100", "?limit=100&active_first=false", "?limit=7&skip=3", "?limit=3&skip=1&active_first=false", "?limit=100&status=completed",
		"?limit=100&status=failed", "?limit=100&service_tiers=background", "?limit=100&model=m", "?limit=100&status=completed&skip=2",
		"?limit=100&created_after=2026-03-01T00:00:00Z&created_before=2026-06-01T00:00:00Z", "?limit=5&active_first=true",
	}
	keys := []string{"sk-bob-platform", "sk-root-platform", "sk-alice-platform"}
	pages := func() map[string]string {
		t.Helper()
		all := map[string]string{}
		for _, key := range keys {
			for _, q := range queries {
				all[key+q] = get(q, key)
			}
		}
		return all
	}
	before := pages()
	var everything page
	if err := json.Unmarshal([]byte(get("?limit=100", "sk-root-platform")), &everything); err != nil {
		t.Fatal(err)
	}
	var finished []string
	shown := map[string]string{}
	for i, r := range everything.Data {
		body := get("/"+r.ID, "sk-root-platform")
		var detail struct {
			Status string `json:"status"`
		}
		if err := json.Unmarshal([]byte(body), &detail); err != nil {
			t.Fatal(err)
		}
		if slices.Contains([]string{"completed", "failed", "canceled"}, detail.Status) && (i%2 == 0 || strings.HasPrefix(r.ID, "0190")) {
			finished, shown[r.ID] = append(finished, r.ID), body
			apptest.Exec(t, database.URL, pgtest.Moved(r.ID))
		}
	}
	if len(finished) < 10 {
		t.Fatalf("moved responses: want 10 or more, got %d", len(finished))
	}

	if report := apptest.Examine(t, environ); len(apptest.Found(report, ops.Problem)) > 0 {
		t.Errorf("doctor: want no problem, got\n%s", apptest.Text(t, report))
	}
	if status, _, body := s.Get(t, "/readyz", ""); status != http.StatusOK {
		t.Errorf("want %d, got %d %s", http.StatusOK, status, body)
	}
	for at, body := range pages() {
		if body != before[at] {
			t.Errorf("%s after the move: want\n%s\ngot\n%s", at, before[at], body)
		}
	}
	for id, body := range shown {
		if now := get("/"+id, "sk-root-platform"); now != body {
			t.Errorf("%s after the move: want\n%s\ngot\n%s", id, body, now)
		}
	}
	if status, _, body := s.Get(t, apptest.RequestsPath+"/"+apptest.Background, "sk-alice-platform"); status != http.StatusNotFound {
		t.Errorf("other owner: want %d, got %d %s", http.StatusNotFound, status, body)
	}

	// A response in both places is listed once.
	apptest.Exec(t, database.URL, `INSERT INTO fusillade.requests (id, state, model, created_by, created_at, response_status, response_body, completed_at, service_tier)
		SELECT object_id, state, model, created_by, created_at, 200, '{"output": "one"}', terminal_at, service_tier
		FROM fusillade.retained_response_objects WHERE object_kind = 'request' AND object_id = '`+apptest.Background+`'`)
	if again := get("?limit=100", "sk-bob-platform"); again != before["sk-bob-platform?limit=100"] {
		t.Errorf("response in both places: want it listed once\n%s\ngot\n%s", before["sk-bob-platform?limit=100"], again)
	}

	// A bucket that is being dropped is not read.
	apptest.Exec(t, database.URL, `UPDATE fusillade.retained_response_buckets SET state = 'retiring'`)
	if status, _, body := s.Get(t, apptest.RequestsPath+"/"+apptest.Converted, "sk-bob-platform"); status != http.StatusNotFound {
		t.Errorf("fetch from a retiring bucket: want %d, got %d %s", http.StatusNotFound, status, body)
	}
	if body := get("?limit=100", "sk-bob-platform"); strings.Contains(body, apptest.Converted) {
		t.Errorf("list with a retiring bucket: want none of its responses, got %s", body)
	}
	apptest.Exec(t, database.URL, `UPDATE fusillade.retained_response_buckets SET state = 'active', partition_oid = 1`)
	if body := get("?limit=100", "sk-bob-platform"); strings.Contains(body, apptest.Converted) {
		t.Errorf("list with a bucket of another partition: want none of its responses, got %s", body)
	}
	apptest.Exec(t, database.URL, `UPDATE fusillade.retained_response_buckets SET partition_oid = 'fusillade.retained_response_objects_d20270101'::regclass`)

	// One by one: a hold keeps it; then it is erased, and no late write restores it.
	hold := func(target map[string]any) string {
		t.Helper()
		target["reason"] = "court"
		status, placed := s.Post(t, "/lethe/api/v1/holds", target)
		if status != http.StatusCreated {
			t.Fatalf("place a hold: want %d, got %d %v", http.StatusCreated, status, placed)
		}
		return placed["id"].(string)
	}
	release := func(id string) {
		t.Helper()
		if status, _ := s.DeleteAs(t, "/lethe/api/v1/holds/"+id, "sk-root-platform"); status != http.StatusOK {
			t.Fatalf("release a hold: want %d, got %d", http.StatusOK, status)
		}
	}
	for name, target := range map[string]map[string]any{
		"by identifier": {"responses": []string{apptest.LaterTurn}}, "by owner": {"owners": []string{apptest.Bob}},
		"by filter": {"filter": map[string]any{"models": []string{"m"}}},
	} {
		id := hold(target)
		if status, _ := s.DeleteAs(t, apptest.RequestsPath+"/"+apptest.LaterTurn, "sk-bob-platform"); status != http.StatusConflict {
			t.Errorf("%s: want %d, got %d", name, http.StatusConflict, status)
		}
		_, preview := s.Post(t, apptest.ErasuresPath+"/preview", map[string]any{"responses": []string{apptest.LaterTurn}})
		if preview["held"] != 1.0 || preview["responses"] != 0.0 {
			t.Errorf("%s: preview: want 1 held and no other, got %v", name, preview)
		}
		release(id)
	}
	_, preview := s.Post(t, apptest.ErasuresPath+"/preview", map[string]any{"responses": []string{apptest.LaterTurn, apptest.MissingID}})
	if preview["responses"] != 1.0 || preview["retained"] != 2.0 || preview["requests"] != 0.0 || preview["not_found"] != 1.0 {
		t.Errorf("preview by ID: want 1 response, 2 retained objects and 1 not found, got %v", preview)
	}
	s.EraseOne(t, apptest.LaterTurn)
	s.EraseOne(t, apptest.Background) // which is in both places
	for _, id := range []string{apptest.LaterTurn, apptest.Background} {
		if n := apptest.Number(t, database.URL, `SELECT count(*) FROM fusillade.retained_response_resurrection_fences
			WHERE object_id = '`+id+`' AND reason = 'erased' AND expires_at BETWEEN now() + interval '6 d' AND now() + interval '8 d'`); n != 1 {
			t.Errorf("%s: want 1 fence, got %d", id, n)
		}
		if n := apptest.Number(t, database.URL, `SELECT (SELECT count(*) FROM fusillade.retained_response_objects WHERE object_id = '`+id+`')
			+ (SELECT count(*) FROM fusillade.retained_response_request_routes WHERE request_id = '`+id+`')
			+ (SELECT count(*) FROM fusillade.retained_response_group_routes WHERE group_id = '`+id+`')`); n != 0 {
			t.Errorf("%s: want no rows left, got %d", id, n)
		}
	}
	if n := apptest.Number(t, database.URL, `SELECT count(*) FROM lethe.receipts WHERE convert_from(body, 'UTF8') LIKE '%"requests":0,%"retained":2}%'`); n != 1 {
		t.Errorf("receipts of a moved response: want 1, got %d", n)
	}
	if n := apptest.Number(t, database.URL, `SELECT count(*) FROM lethe.receipts WHERE convert_from(body, 'UTF8') LIKE '%"requests":1,%"retained":2}%'`); n != 1 {
		t.Errorf("receipts of a response in both places: want 1, got %d", n)
	}

	// If it differs from its group, nothing of it is erased.
	apptest.Exec(t, database.URL, `UPDATE fusillade.retained_response_objects SET payload = jsonb_set(payload, '{request_ids}', '["`+apptest.MissingID+`"]')
		WHERE object_kind = 'group' AND object_id = '`+apptest.Converted+`'`)
	rows := apptest.Number(t, database.URL, apptest.KeptElsewhere)
	if status, _ := s.DeleteAs(t, apptest.RequestsPath+"/"+apptest.Converted, "sk-bob-platform"); status == http.StatusNoContent || status == http.StatusNotFound || apptest.Number(t, database.URL, apptest.KeptElsewhere) != rows {
		t.Errorf("response that differs from its group: want it refused and left, got %d", status)
	}
	target := map[string]any{"owner": apptest.Bob}
	_, preview = s.Post(t, apptest.ErasuresPath+"/preview", target)
	apptest.AwaitErasure(t, database.URL, s.StartErasure(t, http.StatusAccepted, target, preview), "refused = 1")
	if n := apptest.Number(t, database.URL, `SELECT count(*) FROM fusillade.retained_response_objects WHERE created_by = '`+apptest.Bob+`'`); n != 1 {
		t.Errorf("%d of the owner's are left, want 1", n)
	}
	apptest.Exec(t, database.URL, `UPDATE fusillade.retained_response_objects SET payload = jsonb_set(payload, '{request_ids}', '["`+apptest.Converted+`"]')
		WHERE object_kind = 'group' AND object_id = '`+apptest.Converted+`'`)

	// By a filter: what its preview counted.
	target = map[string]any{"filter": map[string]any{"models": []string{"m"}}}
	_, preview = s.Post(t, apptest.ErasuresPath+"/preview", target)
	if preview["responses"] != 1.0 || preview["retained"] != 2.0 {
		t.Errorf("preview by filter: want 1 response and 2 retained objects, got %v", preview)
	}
	apptest.AwaitErasure(t, database.URL, s.StartErasure(t, http.StatusAccepted, target, preview), "done = 1 AND retained = 2")

	// The rest by name.
	var rest []string
	for _, id := range finished {
		if apptest.Number(t, database.URL, `SELECT count(*) FROM fusillade.retained_response_request_routes WHERE request_id = '`+id+`'`) == 1 {
			rest = append(rest, id)
		}
	}
	target = map[string]any{"responses": rest}
	_, preview = s.Post(t, apptest.ErasuresPath+"/preview", target)
	if preview["responses"] != float64(len(rest)) || len(rest) < 5 {
		t.Errorf("preview by IDs: want %d responses (5 or more), got %v", len(rest), preview)
	}
	s.StartErasure(t, http.StatusCreated, target, preview)
	apptest.Await(t, "nothing is left", func() bool { return apptest.Number(t, database.URL, apptest.KeptElsewhere) == 0 })
}
