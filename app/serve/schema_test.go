package serve_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"lethe/internal/apptest"
	"lethe/internal/pgtest"
)

// TestVarcharColumns: columns with the type varchar instead of text are read, held and
// erased alike, because they fit the requirements.
func TestVarcharColumns(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	ids := apptest.AddFinished(t, database.URL, "chars", 3, "1 hour")
	s := start(t, "LETHE_DATABASE_URL="+database.RoleURL, "LETHE_ERASURE_KEY="+apptest.NewKey(t), "LETHE_DATABASE_MAX_CONNS=2")
	const root = "sk-root-platform"
	use := func(id string) {
		t.Helper()
		for _, path := range []string{
			"/readyz", apptest.RequestsPath, apptest.RequestsPath + "?member_id=" + apptest.Bob + "&status=completed", apptest.RequestsPath + "/" + id,
			"/lethe/api/v1/access-log", "/lethe/api/v1/holds", apptest.ErasuresPath,
		} {
			if status, _, body := s.Get(t, path, root); status != http.StatusOK {
				t.Errorf("%s: want %d, got %d %s", path, http.StatusOK, status, body)
			}
		}
		if status, body := s.DeleteAs(t, apptest.RequestsPath+"/"+id+"?include_later_turns=true", root); status != http.StatusNoContent {
			t.Errorf("erase: want %d, got %d %s", http.StatusNoContent, status, body)
		}
	}
	use(ids[0])
	apptest.Exec(t, database.URL, `DO $$ DECLARE c record; BEGIN
		FOR c IN SELECT table_schema, table_name, column_name FROM information_schema.columns a
			WHERE data_type = 'text' AND (table_schema, table_name) IN (('fusillade', 'requests'), ('fusillade', 'request_templates'), ('fusillade', 'response_steps'),
				('public', 'users'), ('public', 'api_keys'))
			AND NOT EXISTS (SELECT FROM information_schema.columns g WHERE (g.table_schema, g.table_name) = (a.table_schema, a.table_name) AND g.is_generated = 'ALWAYS' AND g.generation_expression LIKE '%' || a.column_name || '%')
		LOOP BEGIN
			EXECUTE format('ALTER TABLE %I.%I ALTER %I TYPE varchar(900000)', c.table_schema, c.table_name, c.column_name);
		EXCEPTION WHEN feature_not_supported THEN NULL; -- a view or the like names it
		END; END LOOP;
	END $$`)
	if n := apptest.Number(t, database.URL, `SELECT count(*) FROM information_schema.columns WHERE table_schema = 'fusillade' AND table_name = 'requests' AND column_name IN ('created_by', 'state', 'model') AND data_type = 'character varying'`); n != 3 {
		t.Fatalf("%d of 3 columns have another type, want 3", n)
	}
	use(ids[1])
	s.EraseAll(t, database.URL, apptest.Bob)
	if n := apptest.Number(t, database.URL, fmt.Sprintf("SELECT count(*) FROM fusillade.requests WHERE created_by = '%s' AND batch_id IS NULL", apptest.Bob)); n != 0 {
		t.Errorf("%d are left, want 0", n)
	}
}

// TestRenamedTable: while a table that may still hold copies is missing, because it
// was renamed, nothing is erased, and receipts do not claim what they do not know.
func TestRenamedTable(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	id := apptest.AddFinished(t, database.URL, "copied", 1, "1 hour")[0]
	apptest.Exec(t, database.URL, fmt.Sprintf(`WITH c AS (INSERT INTO outlet.http_requests (instance_id, correlation_id, timestamp, method, uri, headers, body)
		VALUES (gen_random_uuid(), 7, now(), 'POST', '/v1/responses', '{}', '{"words": "canary"}') RETURNING instance_id)
		INSERT INTO public.http_analytics (instance_id, correlation_id, timestamp, method, uri, fusillade_request_id) SELECT instance_id, 7, now(), 'POST', '/v1/responses', '%s' FROM c`, id))
	s := start(t, "LETHE_DATABASE_URL="+database.RoleURL, "LETHE_ERASURE_KEY="+apptest.NewKey(t))
	const root = "sk-root-platform"
	apptest.Await(t, "ready", func() bool { status, _, _ := s.Get(t, "/readyz", ""); return status == http.StatusOK }) // it has looked
	receipts := apptest.Number(t, database.URL, "SELECT count(*) FROM lethe.receipts")
	for _, table := range []string{"outlet.http_requests", "outlet.http_responses", "underway.task", "public.http_analytics"} {
		schema, name, _ := strings.Cut(table, ".")
		apptest.Exec(t, database.URL, "ALTER TABLE "+table+" RENAME TO elsewhere")
		if status, body := s.DeleteAs(t, apptest.RequestsPath+"/"+id, root); status != http.StatusServiceUnavailable || !strings.Contains(body, name) {
			t.Errorf("DELETE without %s: want %d with %q, got %d %s", table, http.StatusServiceUnavailable, name, status, body)
		}
		apptest.Await(t, "not ready without "+table, func() bool {
			status, _, _ := s.Get(t, "/readyz", "")
			return status == http.StatusServiceUnavailable
		})
		if status, _, body := s.Get(t, apptest.RequestsPath, root); status != http.StatusOK && table != "public.http_analytics" {
			t.Errorf("list without %s: want %d, got %d %s", table, http.StatusOK, status, body)
		}
		apptest.Exec(t, database.URL, "ALTER TABLE "+schema+".elsewhere RENAME TO "+name)
	}
	if n := apptest.Number(t, database.URL, "SELECT count(*) FROM lethe.receipts"); n != receipts {
		t.Errorf("%d receipts of what was not erased, want %d", n-receipts, receipts)
	}
	apptest.Await(t, "ready again", func() bool { status, _, _ := s.Get(t, "/readyz", ""); return status == http.StatusOK })
	if status, body := s.DeleteAs(t, apptest.RequestsPath+"/"+id, root); status != http.StatusNoContent {
		t.Errorf("with all of them: want %d, got %d %s", http.StatusNoContent, status, body)
	}
	if n := apptest.Number(t, database.URL, `SELECT count(*) FROM outlet.http_requests WHERE body::text LIKE '%canary%'`); n != 0 {
		t.Errorf("%d copies are left, want 0", n)
	}

	// A table that every response needs.
	apptest.Exec(t, database.URL, "ALTER TABLE public.users RENAME TO elsewhere")
	for _, path := range []string{"/readyz", apptest.RequestsPath, apptest.RequestsPath + "/" + id, "/lethe/api/v1/access-log"} {
		if status, _, body := s.Get(t, path, root); status != http.StatusServiceUnavailable {
			t.Errorf("%s without users: want %d, got %d %s", path, http.StatusServiceUnavailable, status, body)
		}
	}
}
