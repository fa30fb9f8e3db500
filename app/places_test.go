package app_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"lethe/app"
	"lethe/internal/pgtest"
)

// TestUnservedContent: where finished responses have been moved to tables that
// are not served, nothing is answered: neither that one is not there, nor that
// one is gone.
func TestUnservedContent(t *testing.T) {
	t.Parallel()
	const table = "fusillade.retained_response_objects"
	for name, sql := range map[string]struct {
		create, fill string
		mayRead      bool
	}{
		"partitioned": {
			`CREATE TABLE fusillade.retained_response_objects (delete_on date NOT NULL, payload jsonb NOT NULL) PARTITION BY RANGE (delete_on);
			 CREATE TABLE fusillade.retained_response_objects_d20261201 PARTITION OF fusillade.retained_response_objects
			     FOR VALUES FROM ('2026-12-01') TO ('2026-12-02')`,
			`INSERT INTO fusillade.retained_response_objects VALUES ('2026-12-01', '{}')`, true,
		},
		"that it may not read": {
			`CREATE TABLE fusillade.retained_response_objects (delete_on date NOT NULL, payload jsonb NOT NULL)`,
			`INSERT INTO fusillade.retained_response_objects VALUES ('2026-12-01', '{}')`, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := pgtest.WithFixture(t)
			environ := "LETHE_DATABASE_URL=" + database.RoleURL
			exec(t, database.URL, sql.create)
			if sql.mayRead {
				parsed, err := url.Parse(database.RoleURL)
				if err != nil {
					t.Fatal(err)
				}
				exec(t, database.URL, "GRANT SELECT ON "+table+" TO "+pgx.Identifier{parsed.User.Username()}.Sanitize())
			}
			s := start(t, environ)
			for _, path := range []string{"/readyz", requestsPath} {
				if status, _, body := s.get(t, path, "sk-root-platform"); status != http.StatusOK {
					t.Errorf("while it is empty, %s: %d %s", path, status, body)
				}
			}
			if report := examine(t, environ); report.Problems() > 0 {
				t.Errorf("while it is empty\n%s", text(t, report))
			}

			exec(t, database.URL, sql.fill)
			await(t, "the service is closed", func() bool {
				status, _, body := s.get(t, "/readyz", "")
				return status == http.StatusServiceUnavailable && strings.Contains(body, table) && strings.Contains(body, "lethe doctor")
			})
			for _, path := range []string{requestsPath, requestsPath + "/" + missingID} {
				status, header, body := s.get(t, path, "sk-root-platform")
				if status != http.StatusServiceUnavailable || !strings.Contains(body, table) || header.Get("Retry-After") == "" {
					t.Errorf("%s: %d %s", path, status, body)
				}
			}
			for _, path := range []string{"/healthz", "/metrics", "/openapi.yaml"} {
				if status, _, body := s.get(t, path, ""); status != http.StatusOK {
					t.Errorf("%s: %d %s", path, status, body)
				}
			}
			report := examine(t, environ)
			if problems := found(report, app.Problem); len(problems) != 1 || problems[0].Name != "places of content" ||
				!strings.HasPrefix(problems[0].Detail, table) || problems[0].Advice == "" {
				t.Errorf("found\n%s", text(t, report))
			}
			// One that comes up beside it is closed from its first answer on.
			if status, _, body := start(t, environ).get(t, requestsPath, "sk-root-platform"); status != http.StatusServiceUnavailable {
				t.Errorf("a new one: %d %s", status, body)
			}

			exec(t, database.URL, "TRUNCATE "+table)
			await(t, "the service is open again", func() bool {
				status, _, _ := s.get(t, requestsPath, "sk-root-platform")
				return status == http.StatusOK
			})
		})
	}
}

// missingID is nobody's.
const missingID = "01900000-0000-7000-8000-00000000dead"

// TestDoctorPlaces names what no response leads to, and what is no table.
func TestDoctorPlaces(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	exec(t, database.URL, `CREATE TABLE public.image_access (user_id uuid, sha256 bytea);
		CREATE TABLE public.prompt_cache_entries (principal_id uuid, prefix_hash bytea);
		ALTER TABLE outlet.http_responses RENAME TO http_responses_kept;
		CREATE VIEW outlet.http_responses AS SELECT * FROM outlet.http_responses_kept`)
	report := examine(t, "LETHE_DATABASE_URL="+database.URL)
	warnings := found(report, app.Warning)
	if len(warnings) != 1 || !strings.HasPrefix(warnings[0].Detail, "outlet.http_responses is a view") || report.Problems() != 0 {
		t.Errorf("found\n%s", text(t, report))
	}
	exec(t, database.URL, `DROP VIEW outlet.http_responses; ALTER TABLE outlet.http_responses_kept RENAME TO http_responses`)
	if out := text(t, examine(t, "LETHE_DATABASE_URL="+database.URL)); !strings.Contains(out, "ok       main, places of content: ") ||
		!strings.Contains(out, "no response leads to public.image_access (image_store), public.prompt_cache_entries (prompt_cache)") {
		t.Errorf("found\n%s", out)
	}
}
