package e2e

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"lethe/internal/pgtest"
)

// strange are settings that whoever runs a database may choose for its sessions.
// Each changes how values are written, or what a statement means.
var strange = []string{
	"datestyle = 'German, DMY'", "intervalstyle = sql_standard", "bytea_output = escape", "timezone = 'America/St_Johns'",
	"extra_float_digits = -15", "client_encoding = LATIN1", "standard_conforming_strings = off", "array_nulls = off", "transform_null_equals = on",
	"quote_all_identifiers = on", "gin_fuzzy_search_limit = 1", "default_transaction_isolation = 'repeatable read'",
}

// TestSessionSettings: it lists, fetches, erases one and erases many on a database
// whose sessions start with unusual settings.
func TestSessionSettings(t *testing.T) {
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
				t.Errorf("list: want %d responses, got %d, %v", len(ids), len(shown), err)
			}
			if a := p.ask(t, http.MethodGet, requestsPath+"/"+ids[0], key); a.status != http.StatusOK || !strings.Contains(a.body, `"2026-03-13T07:00:00.5Z"`) {
				t.Errorf("fetch: want 200 with the time in UTC, got %d %s", a.status, a.body)
			}
			if a := p.ask(t, http.MethodDelete, requestsPath+"/"+ids[0], key); a.status != http.StatusNoContent {
				t.Errorf("erase: want 204, got %d %s", a.status, a.body)
			}
			if e := p.eraseMany(t, key, map[string]any{"responses": ids[1:]}); e.Responses != int64(len(ids)-1) || e.NotFound != 0 {
				t.Errorf("bulk erasure: want %d erased, got %+v", len(ids)-1, e)
			}
			if n := count(t, conn, ids...); n != 0 {
				t.Errorf("%d responses are left, want 0", n)
			}
			if said := p.stderr.String(); strings.Contains(said, `"ERROR"`) {
				t.Errorf("log: want no error, got\n%s", said)
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

// TestSchemaChange: column types change while the service's connections have prepared
// statements.
func TestSchemaChange(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	key := newKey(t, database.URL)
	conn := connect(t, database.URL)
	ids := addResponses(t, conn, 60)
	p := serve(t, databaseURL(database.URL), "LETHE_DATABASE_MAX_CONNS=4")
	p.awaitStatus(t, "/readyz", http.StatusOK)
	use := func(when string, own []string) {
		t.Helper()
		var callers sync.WaitGroup
		for some := range slices.Chunk(own, 5) {
			callers.Go(func() {
				for _, id := range some {
					for _, step := range []struct {
						method, path string
						want         int
					}{
						{http.MethodGet, requestsPath + "?status=pending&model=m", http.StatusOK},
						{http.MethodGet, requestsPath + "/" + id, http.StatusOK},
						{http.MethodDelete, requestsPath + "/" + id, http.StatusNoContent},
						{http.MethodGet, "/readyz", http.StatusOK},
					} {
						if a, err := p.try(step.method, step.path, key); err != nil || a.status != step.want {
							t.Errorf("%s: %s %s: want %d, got %d %s %v", when, step.method, step.path, step.want, a.status, a.body, err)
						}
					}
				}
			})
		}
		callers.Wait()
	}
	use("before", ids[:20])
	for i, change := range []string{
		"fusillade.requests ALTER model TYPE varchar(200), ALTER service_tier TYPE varchar(20)",
		"public.users ALTER email TYPE varchar(300), ALTER display_name TYPE varchar(300)",
		"fusillade.requests ADD extra text, ALTER model TYPE text",
		"fusillade.request_templates ALTER endpoint TYPE varchar(900), ALTER path TYPE varchar(900)",
	} {
		execute(t, conn, "ALTER TABLE "+change)
		use("after "+change, ids[20+i*10:30+i*10])
	}
}
