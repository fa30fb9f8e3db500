package ops_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lethe/app/ops"
	"lethe/internal/apptest"
	"lethe/internal/pgtest"
)

// TestDoctorLog: doctor names what was changed, and finds no fault in a log that
// contains only sealed receipts.
func TestDoctorLog(t *testing.T) {
	t.Parallel()
	database, key := pgtest.WithFixture(t), apptest.NewKey(t)
	environ := []string{"LETHE_DATABASE_URL=" + database.RoleURL, "LETHE_ERASURE_KEY=" + key}
	s := apptest.Start(t, environ...)
	var ids []string
	for range 3 {
		ids = append(ids, apptest.Erased(t, database.URL, apptest.Origin).String())
	}
	apptest.Await(t, "all are sealed", func() bool {
		return apptest.Number(t, database.URL, "SELECT count(*) FROM lethe.receipts WHERE leaf_index IS NULL") == 0
	})
	s.Stop()
	report := apptest.Examine(t, environ...)
	if len(apptest.Found(report, ops.Problem))+len(apptest.Found(report, ops.Warning)) != 0 || !strings.Contains(apptest.Text(t, report), ": 3 receipts and") {
		t.Errorf("doctor: want no problem and 3 receipts, got\n%s", apptest.Text(t, report))
	}
	apptest.Exec(t, database.URL, "UPDATE lethe.receipts SET body = set_byte(body, 200, 33) WHERE id = '"+ids[1]+"'")
	report = apptest.Examine(t, environ...)
	if problems := apptest.Found(report, ops.Problem); len(problems) != 1 || !strings.Contains(problems[0].Detail, ids[1]) || problems[0].Advice == "" {
		t.Errorf("doctor: want one finding, about what the test changed, got\n%s", apptest.Text(t, report))
	}
	// It also finds the change without the key.
	report = apptest.ExamineAsIs(t, environ[0], "LETHE_ERASURE_CHECKPOINT_FILE="+filepath.Join(t.TempDir(), "checkpoint"))
	if problems := apptest.Found(report, ops.Problem); len(problems) != 1 || !strings.Contains(problems[0].Detail, ids[1]) {
		t.Errorf("doctor: want one finding, about what the test changed, got\n%s", apptest.Text(t, report))
	}
}

func TestDoctorLogMissing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sql, detail, advice string
	}{
		"no schema":     {"DROP SCHEMA lethe CASCADE", "table lethe.receipts is missing", "lethe migrate up"},
		"a table":       {"DROP TABLE lethe.checkpoints CASCADE", "table lethe.checkpoints is missing", "lethe migrate up"},
		"an old schema": {"DELETE FROM lethe.version_lethe WHERE version_id > 0", "0, but this version needs ", "lethe migrate up"},
		"old jobs":      {"DELETE FROM lethe.river_migration WHERE version > 6", "6, but this version needs ", "lethe migrate up"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := pgtest.New(t)
			apptest.Exec(t, database.URL, c.sql)
			report := apptest.Examine(t, "LETHE_DATABASE_URL="+database.RoleURL)
			if problems := apptest.Found(report, ops.Problem); len(problems) != 1 || !strings.Contains(problems[0].Detail, c.detail) || !strings.Contains(problems[0].Advice, c.advice) {
				t.Errorf("doctor: want one finding, about what the test changed, got\n%s", apptest.Text(t, report))
			}
			// The service is not ready either: it could not store a receipt.
			s := apptest.Start(t, "LETHE_DATABASE_URL="+database.RoleURL)
			if status, _, body := s.Get(t, "/readyz", ""); status != http.StatusServiceUnavailable || !strings.Contains(body, "lethe doctor") {
				t.Errorf("readyz: want %d, got %d %s", http.StatusServiceUnavailable, status, body)
			}
		})
	}
}

func TestDoctorStandbys(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	environ := []string{"LETHE_DATABASE_URL=" + database.RoleURL, "LETHE_ERASURE_STANDBYS=near, far"}
	report := apptest.Examine(t, environ...)
	if problems := apptest.Found(report, ops.Problem); len(problems) != 1 || !strings.Contains(problems[0].Advice, "pg_monitor") {
		t.Errorf("doctor: want one finding, about what the test changed, got\n%s", apptest.Text(t, report))
	}
	report = apptest.Examine(t, "LETHE_DATABASE_URL="+database.URL, environ[1])
	if warnings := apptest.Found(report, ops.Warning); len(warnings) != 1 || !strings.Contains(warnings[0].Detail, "far, near") {
		t.Errorf("doctor: want one finding, about what the test changed, got\n%s", apptest.Text(t, report))
	}
}

// TestDoctorKeyFile: doctor warns of a key file that others can read, and reports a
// damaged one.
func TestDoctorKeyFile(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(apptest.NewKey(t)), 0o644); err != nil {
		t.Fatal(err)
	}
	environ := []string{"LETHE_DATABASE_URL=" + database.RoleURL, "LETHE_ERASURE_KEY_FILE=" + file}
	if warnings := apptest.Found(apptest.Examine(t, environ...), ops.Warning); len(warnings) != 1 || !strings.Contains(warnings[0].Detail, "chmod 600") {
		t.Errorf("doctor, key file that others can read: want one warning, got %+v", warnings)
	}
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	if warnings := apptest.Found(apptest.Examine(t, environ...), ops.Warning); len(warnings) != 0 {
		t.Errorf("doctor, key file with mode 600: want no warning, got %+v", warnings)
	}
	if err := os.WriteFile(file, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if problems := apptest.Found(apptest.Examine(t, environ...), ops.Problem); len(problems) != 1 || !strings.Contains(problems[0].Detail, file) {
		t.Errorf("doctor, damaged key file: want one problem, got %+v", problems)
	}
}
