package ops_test

import (
	"io"
	"strings"
	"testing"

	"lethe/app/config"
	"lethe/app/ops"
	"lethe/internal/apptest"
	"lethe/internal/pgtest"
)

// TestMigrateDwctlDatabase: in dwctl's database, migrate creates only the log and the
// jobs.
func TestMigrateDwctlDatabase(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	apptest.Exec(t, database.URL, "DROP SCHEMA lethe CASCADE")
	cfg, err := config.Load(config.Sources{Environ: []string{"LETHE_DATABASE_URL=" + database.URL, "LETHE_ERASURE_KEY=" + apptest.NewKey(t)}})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := ops.MigrateUp(t.Context(), cfg, &out, io.Discard, true); err != nil {
		t.Fatal(err)
	}
	if strings.Count(out.String(), "foreign") != 4 || strings.Count(out.String(), `"created"`) != 2 {
		t.Errorf("wrote\n%s", &out)
	}
	if report := apptest.Examine(t, "LETHE_DATABASE_URL="+database.URL); report.Problems() != 0 {
		t.Errorf("found\n%s", apptest.Text(t, report))
	}
}
