package serve_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lethe/app/config"
	"lethe/app/ops"
	"lethe/app/serve"
	"lethe/internal/apptest"
	"lethe/internal/pgtest"
)

// TestServeOlderDatabase: a database older than what was seen of it is neither served
// nor sealed, and the messages say what to do.
func TestServeOlderDatabase(t *testing.T) {
	t.Parallel()
	database, key := pgtest.WithFixture(t), apptest.NewKey(t)
	environ := []string{"LETHE_DATABASE_URL=" + database.RoleURL, "LETHE_ERASURE_KEY=" + key, "LETHE_ERASURE_CHECKPOINT_FILE=" + apptest.SeenOf(t, key, 2)}
	s := start(t, environ...)
	for _, path := range []string{"/readyz", apptest.RequestsPath, "/log/checkpoint"} {
		status, header, body := s.Get(t, path, "sk-root-platform")
		if status != http.StatusServiceUnavailable || !strings.Contains(body, "lethe replay") || header.Get("Retry-After") == "" {
			t.Errorf("%s: want %d with `lethe replay` and Retry-After, got %d %s", path, http.StatusServiceUnavailable, status, body)
		}
	}
	for _, path := range []string{"/healthz", "/metrics", "/openapi.yaml"} {
		if status, _, body := s.Get(t, path, ""); status != http.StatusOK {
			t.Errorf("%s: answered want %d, got %d %s", path, http.StatusOK, status, body)
		}
	}
	apptest.Erased(t, database.URL, apptest.Origin)
	apptest.Await(t, "the refusal to seal is counted", func() bool {
		_, _, body := s.Get(t, "/metrics", "")
		return !strings.Contains(body, "lethe_log_failures_total 0\n")
	})
	if n := apptest.Number(t, database.URL, "SELECT count(*) FROM lethe.receipts WHERE leaf_index IS NULL"); n != 1 {
		t.Errorf("%d receipts are unsealed, want 1", n)
	}
	report := apptest.Examine(t, environ...)
	if problems := apptest.Found(report, ops.Problem); len(problems) != 1 || !strings.Contains(problems[0].Advice, "lethe replay") {
		t.Errorf("doctor: got\n%s", apptest.Text(t, report))
	}
}

// TestServeWritesCheckpointFile: the file has the newest checkpoint, where the next
// start continues.
func TestServeWritesCheckpointFile(t *testing.T) {
	t.Parallel()
	database, key := pgtest.WithFixture(t), apptest.NewKey(t)
	file := filepath.Join(t.TempDir(), "checkpoint")
	environ := []string{"LETHE_DATABASE_URL=" + database.RoleURL, "LETHE_ERASURE_KEY=" + key, "LETHE_ERASURE_CHECKPOINT_FILE=" + file}
	for n, want := range []string{apptest.Origin + "\n1\n", apptest.Origin + "\n2\n"} {
		s := start(t, environ...)
		apptest.Erased(t, database.URL, apptest.Origin)
		apptest.Await(t, "it is kept", func() bool {
			kept, err := os.ReadFile(file)
			return err == nil && strings.HasPrefix(string(kept), want)
		})
		if status, _, body := s.Get(t, "/readyz", ""); status != http.StatusOK {
			t.Errorf("after start %d: want %d, got %d %s", n+1, http.StatusOK, status, body)
		}
		s.Stop()
	}
	if report := apptest.Examine(t, environ...); len(apptest.Found(report, ops.Problem))+len(apptest.Found(report, ops.Warning)) != 0 {
		t.Errorf("doctor: got\n%s", apptest.Text(t, report))
	}
	report := apptest.ExamineAsIs(t, environ[:2]...)
	if warnings := apptest.Found(report, ops.Warning); len(warnings) != 1 || !strings.Contains(warnings[0].Advice, "LETHE_ERASURE_CHECKPOINT_FILE") {
		t.Errorf("doctor without a checkpoint file: want one warning that names the setting, got\n%s", apptest.Text(t, report))
	}
}

// TestServeInvalidCheckpointFile that cannot be used.
func TestServeInvalidCheckpointFile(t *testing.T) {
	t.Parallel()
	key := apptest.NewKey(t)
	damaged := apptest.SeenOf(t, key, 3)
	if err := os.WriteFile(damaged, []byte("words"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ file, want string }{
		"damaged":   {damaged, "restore the file's content"},
		"no folder": {filepath.Join(t.TempDir(), "none", "checkpoint"), "make its folder"},
		"a folder":  {t.TempDir(), "restore the file's content"},
	} {
		cfg, err := config.Load(config.Sources{Environ: []string{
			"LETHE_DATABASE_URL=postgres://u@127.0.0.1:1/d", "LETHE_HTTP_ADDR=127.0.0.1:0", "LETHE_LOG_LEVEL=error",
			"LETHE_ERASURE_KEY=" + key, "LETHE_ERASURE_CHECKPOINT_FILE=" + c.file,
		}})
		if err != nil {
			t.Fatal(err)
		}
		err = serve.Run(t.Context(), cfg, func(string) { t.Errorf("%s: the service started, want an error", name) })
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), c.file) {
			t.Errorf("%s: want an error about %q, got %v", name, c.want, err)
		}
	}
	database := pgtest.New(t)
	report := apptest.Examine(t, "LETHE_DATABASE_URL="+database.RoleURL, "LETHE_ERASURE_KEY="+key, "LETHE_ERASURE_CHECKPOINT_FILE="+damaged)
	if problems := apptest.Found(report, ops.Problem); len(problems) != 1 || !strings.Contains(problems[0].Detail, damaged) {
		t.Errorf("doctor: got\n%s", apptest.Text(t, report))
	}
}
