package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"lethe/internal/pgtest"
)

// strange are settings that whoever runs a database may choose for its sessions.
// Each changes how values are written, or what a statement means.
var strange = []string{
	"datestyle = 'German, DMY'", "intervalstyle = sql_standard", "bytea_output = escape", "timezone = 'America/St_Johns'",
	"extra_float_digits = -15", "client_encoding = LATIN1", "standard_conforming_strings = off", "array_nulls = off", "transform_null_equals = on",
}

// TestStrangeSettings lists, fetches, erases one and erases many on a database
// whose sessions begin with settings of somebody else's.
func TestStrangeSettings(t *testing.T) {
	t.Parallel()
	same := func(address string) string { return address }
	for name, c := range map[string]struct {
		way      func(t *testing.T) func(string) string
		settings []string
	}{
		"direct":          {func(*testing.T) func(string) string { return same }, nil},
		"exec":            {queryMode("exec"), nil},
		"simple protocol": {queryMode("simple_protocol"), nil},
		"PgBouncer":       {func(t *testing.T) func(string) string { return pgtest.ThroughPgBouncer(t) }, []string{"LETHE_DATABASE_PGBOUNCER=true"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			way := c.way(t)
			database := pgtest.New(t)
			key := newKey(t, database.URL)
			conn := connect(t, database.URL)
			const model = "modèle \\ '"
			ids := addResponses(t, conn, 8)
			execute(t, conn, "UPDATE fusillade.requests SET model = $1, state = 'completed', created_at = '2026-03-13 12:00:00.5+05', claimed_at = now(), started_at = now() - interval '1 minute', completed_at = now(), response_status = 200, response_body = '{}'", model)
			for _, setting := range strange {
				execute(t, conn, "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET "+strings.ReplaceAll(setting, "'", "''")+"', current_database()); END $$")
			}
			p := serve(t, append(c.settings, databaseURL(way(database.URL)))...)
			p.awaitStatus(t, "/readyz", http.StatusOK)
			shown, err := p.listed(key, "?limit=100&min_duration=0&model="+url.QueryEscape(model))
			if err != nil || len(shown) != len(ids) {
				t.Errorf("%d of %d are listed, %v", len(shown), len(ids), err)
			}
			if a := p.ask(t, http.MethodGet, requestsPath+"/"+ids[0], key); a.status != http.StatusOK || !strings.Contains(a.body, `"2026-03-13T07:00:00.5Z"`) {
				t.Errorf("fetch: %d %s", a.status, a.body)
			}
			if a := p.ask(t, http.MethodDelete, requestsPath+"/"+ids[0], key); a.status != http.StatusNoContent {
				t.Errorf("erase: %d %s", a.status, a.body)
			}
			if e := p.eraseMany(t, key, map[string]any{"responses": ids[1:]}); e.Responses != int64(len(ids)-1) || e.NotFound != 0 {
				t.Errorf("erase many: %+v", e)
			}
			if n := count(t, conn, ids...); n != 0 {
				t.Errorf("%d responses are left", n)
			}
			if said := p.stderr.String(); strings.Contains(said, `"ERROR"`) {
				t.Errorf("logged\n%s", said)
			}
		})
	}
}

func queryMode(mode string) func(*testing.T) func(string) string {
	return func(t *testing.T) func(string) string {
		return func(address string) string {
			u, err := url.Parse(address)
			if err != nil {
				t.Fatal(err)
			}
			q := u.Query()
			q.Set("default_query_exec_mode", mode)
			u.RawQuery = q.Encode()
			return u.String()
		}
	}
}
