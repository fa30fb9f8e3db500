package ops_test

import (
	"strings"
	"testing"

	"lethe/app/ops"
	"lethe/internal/apptest"
	"lethe/internal/pgtest"
)

// TestDoctorPlaces names places that no response leads to, and what is not a table.
func TestDoctorPlaces(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	apptest.Exec(t, database.URL, `CREATE TABLE public.image_access (user_id uuid, sha256 bytea);
		CREATE TABLE public.prompt_cache_entries (principal_id uuid, prefix_hash bytea);
		ALTER TABLE outlet.http_responses RENAME TO http_responses_kept;
		CREATE VIEW outlet.http_responses AS SELECT * FROM outlet.http_responses_kept`)
	report := apptest.Examine(t, "LETHE_DATABASE_URL="+database.URL)
	warnings := apptest.Found(report, ops.Warning)
	if len(warnings) != 1 || !strings.HasPrefix(warnings[0].Detail, "outlet.http_responses is a view") || report.Problems() != 0 {
		t.Errorf("doctor: got\n%s", apptest.Text(t, report))
	}
	apptest.Exec(t, database.URL, `DROP VIEW outlet.http_responses; ALTER TABLE outlet.http_responses_kept RENAME TO http_responses`)
	if out := apptest.Text(t, apptest.Examine(t, "LETHE_DATABASE_URL="+database.URL)); !strings.Contains(out, "ok       main, places of content: ") ||
		!strings.Contains(out, "no response leads to public.image_access (image_store), public.prompt_cache_entries (prompt_cache)") {
		t.Errorf("doctor: got\n%s", out)
	}
}
