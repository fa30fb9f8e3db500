package ops_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"lethe/app/ops"
	"lethe/internal/apptest"
	"lethe/internal/pgtest"
)

// setInDatabase sets defaults for sessions, as a database administrator may.
func setInDatabase(t *testing.T, url string, settings ...string) {
	t.Helper()
	for _, setting := range settings {
		apptest.Exec(t, url, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET "+setting+"', current_database()); END $$")
	}
}

// aboutSettings returns the doctor's problems with settings, and its findings on
// indexes.
func aboutSettings(r *ops.Report) (settings, indexes string) {
	for _, c := range r.Checks {
		switch {
		case c.Name == "settings of sessions" && c.Finding == ops.Problem:
			settings += c.Detail + "\n"
		case strings.Contains(c.Name, "index"):
			indexes += fmt.Sprint(c.Name, c.Finding, c.Detail, c.SQL) + "\n"
		}
	}
	return settings, indexes
}

// TestQuoteAllIdentifiers: a copy that only a header leads to, and a later turn, are
// found by their indexes even if sessions quote all identifiers of index definitions.
func TestQuoteAllIdentifiers(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	environ := []string{"LETHE_DATABASE_URL=" + database.RoleURL, "LETHE_ERASURE_KEY=" + apptest.NewKey(t)}
	for _, c := range apptest.Examine(t, environ...).Checks {
		if strings.Contains(c.Name, "index") {
			for _, sql := range c.SQL {
				apptest.Exec(t, database.URL, sql)
			}
		}
	}
	_, usual := aboutSettings(apptest.Examine(t, environ...))
	first, later := apptest.AddFinished(t, database.URL, "first", 1, "1 hour")[0], apptest.AddFinished(t, database.URL, "later", 1, "1 hour")[0]
	apptest.Exec(t, database.URL, fmt.Sprintf(`UPDATE fusillade.request_templates SET body = '{"input":"x","previous_response_id":"resp_%s"}' WHERE id = '%s'`, first, later))
	apptest.Exec(t, database.URL, fmt.Sprintf(`INSERT INTO outlet.http_requests (instance_id, correlation_id, timestamp, method, uri, headers, body)
		VALUES (gen_random_uuid(), 1, now(), 'POST', '/v1/responses', jsonb_build_object('x-fusillade-request-id', '%s'), '{"words": "canary"}')`, first))
	setInDatabase(t, database.URL, "quote_all_identifiers = on")
	if settings, indexes := aboutSettings(apptest.Examine(t, environ...)); settings != "" || indexes != usual {
		t.Errorf("doctor: want no problem with settings and the indexes as before\n%s\ngot %s%s", usual, settings, indexes)
	}
	s := apptest.Start(t, environ...)
	if status, body := s.DeleteAs(t, apptest.RequestsPath+"/"+first+"?include_later_turns=true", "sk-bob-platform"); status != http.StatusNoContent {
		t.Errorf("want %d, got %d %s", http.StatusNoContent, status, body)
	}
	if n := apptest.Number(t, database.URL, `SELECT count(*) FROM outlet.http_requests WHERE body::text LIKE '%canary%'`); n != 0 {
		t.Errorf("%d raw copies are left, want 0", n)
	}
	if n := apptest.Number(t, database.URL, "SELECT count(*) FROM fusillade.requests WHERE id = '"+later+"'"); n != 0 {
		t.Errorf("%d later turns are left, want 0", n)
	}
}

// TestDefaultTransactionReadOnly: a bulk erasure in the background works if sessions
// are read-only by default; it is refused if sessions cannot change that.
func TestDefaultTransactionReadOnly(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	setInDatabase(t, database.URL, "default_transaction_isolation = ''repeatable read''", "default_transaction_read_only = on")
	environ := []string{"LETHE_DATABASE_URL=" + database.RoleURL, "LETHE_ERASURE_KEY=" + apptest.NewKey(t)}
	s := apptest.Start(t, environ...)
	if status, _, body := s.Get(t, "/readyz", ""); status != http.StatusOK {
		t.Errorf("want %d, got %d %s", http.StatusOK, status, body)
	}
	s.EraseAll(t, database.URL, apptest.Bob)
	if settings, _ := aboutSettings(apptest.Examine(t, environ...)); settings != "" {
		t.Errorf("doctor: want no problem with settings, got %s", settings)
	}
	s.Stop()

	environ[0] = "LETHE_DATABASE_URL=" + pgtest.ThroughPgBouncer(t)(database.RoleURL)
	environ = append(environ, "LETHE_DATABASE_PGBOUNCER=true")
	s = apptest.Start(t, environ...)
	if status, _, body := s.Get(t, "/readyz", ""); status != http.StatusServiceUnavailable || !strings.Contains(body, "default_transaction_read_only") {
		t.Errorf("readyz through PgBouncer: want %d, got %d %s", http.StatusServiceUnavailable, status, body)
	}
	settings, _ := aboutSettings(apptest.Examine(t, environ...))
	if !strings.Contains(settings, "default_transaction_read_only") || !strings.Contains(settings, "default_transaction_isolation") || strings.Contains(settings, "quote_all_identifiers") {
		t.Errorf("doctor: want a problem with the settings that cannot be changed, got %s", settings)
	}
}

// TestDoctorSessionReplicationRole: with replica, triggers do not fire; only a
// superuser can set or override it.
func TestDoctorSessionReplicationRole(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	setInDatabase(t, database.URL, "session_replication_role = replica")
	if settings, _ := aboutSettings(apptest.Examine(t, "LETHE_DATABASE_URL="+database.RoleURL)); !strings.Contains(settings, "session_replication_role") {
		t.Errorf("doctor: want a problem with the settings that cannot be changed, got %s", settings)
	}
}
