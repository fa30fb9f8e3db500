package serve_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"lethe/app/ops"
	"lethe/internal/apptest"
	"lethe/internal/pgtest"
)

// TestUnservedContent: if finished responses have been moved to unserved tables,
// nothing is answered: neither that one does not exist, nor that one is gone.
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
		"no privilege to read": {
			`CREATE TABLE fusillade.retained_response_objects (delete_on date NOT NULL, payload jsonb NOT NULL)`,
			`INSERT INTO fusillade.retained_response_objects VALUES ('2026-12-01', '{}')`, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := pgtest.WithFixture(t)
			environ := "LETHE_DATABASE_URL=" + database.RoleURL
			apptest.Exec(t, database.URL, sql.create)
			if sql.mayRead {
				parsed, err := url.Parse(database.RoleURL)
				if err != nil {
					t.Fatal(err)
				}
				apptest.Exec(t, database.URL, "GRANT SELECT ON "+table+" TO "+pgx.Identifier{parsed.User.Username()}.Sanitize())
			}
			s := start(t, environ)
			for _, path := range []string{"/readyz", apptest.RequestsPath} {
				if status, _, body := s.Get(t, path, "sk-root-platform"); status != http.StatusOK {
					t.Errorf("while it is empty, %s: want %d, got %d %s", path, http.StatusOK, status, body)
				}
			}
			if report := apptest.Examine(t, environ); report.Problems() > 0 {
				t.Errorf("doctor, with an empty table: want no problem, got\n%s", apptest.Text(t, report))
			}

			apptest.Exec(t, database.URL, sql.fill)
			apptest.Await(t, "the service is closed", func() bool {
				status, _, body := s.Get(t, "/readyz", "")
				return status == http.StatusServiceUnavailable && strings.Contains(body, table) && strings.Contains(body, "lethe doctor")
			})
			for _, path := range []string{apptest.RequestsPath, apptest.RequestsPath + "/" + apptest.MissingID} {
				status, header, body := s.Get(t, path, "sk-root-platform")
				if status != http.StatusServiceUnavailable || !strings.Contains(body, table) || header.Get("Retry-After") == "" {
					t.Errorf("%s: want %d with %s and Retry-After, got %d %s", path, http.StatusServiceUnavailable, table, status, body)
				}
			}
			for _, path := range []string{"/healthz", "/metrics", "/openapi.yaml"} {
				if status, _, body := s.Get(t, path, ""); status != http.StatusOK {
					t.Errorf("%s: want %d, got %d %s", path, http.StatusOK, status, body)
				}
			}
			report := apptest.Examine(t, environ)
			if problems := apptest.Found(report, ops.Problem); len(problems) != 1 || problems[0].Name != "places of content" ||
				!strings.HasPrefix(problems[0].Detail, table) || problems[0].Advice == "" {
				t.Errorf("doctor: want one problem with the table and advice, got\n%s", apptest.Text(t, report))
			}
			// A second service is closed from its first response on.
			if status, _, body := start(t, environ).Get(t, apptest.RequestsPath, "sk-root-platform"); status != http.StatusServiceUnavailable {
				t.Errorf("a new one: want %d, got %d %s", http.StatusServiceUnavailable, status, body)
			}

			apptest.Exec(t, database.URL, "TRUNCATE "+table)
			apptest.Await(t, "the service is open again", func() bool {
				status, _, _ := s.Get(t, apptest.RequestsPath, "sk-root-platform")
				return status == http.StatusOK
			})
		})
	}
}
