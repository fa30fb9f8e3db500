package app_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/app"
	"lethe/internal/pgtest"
	"lethe/internal/testreceipt"
	"lethe/receipt"
)

const (
	origin       = testreceipt.Origin
	receiptsPath = "/lethe/api/v1/erasures/"

	alice = "c0000100-0000-4000-8000-000000000003" // of the fixture; her key is sk-alice-platform
)

// newKey makes a private key of the log.
func newKey(t *testing.T) string {
	t.Helper()
	private, _, err := receipt.GenerateKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

func publicOf(t *testing.T, private string) []receipt.PublicKey {
	t.Helper()
	signers, err := receipt.ParsePrivateKeys([]byte(private))
	if err != nil {
		t.Fatal(err)
	}
	return []receipt.PublicKey{signers[0].PublicKey()}
}

// erased writes the receipt of an erasure that alice asked for.
func erased(t *testing.T, url, log string) uuid.UUID {
	t.Helper()
	id, salt, body := testreceipt.New(t, log)
	actor := uuid.MustParse(alice)
	var batch pgx.Batch
	postgres.QueueReceipt(&batch, postgres.Receipt{ID: id, Body: body, Salt: salt[:], Actor: &actor})
	ctx := context.WithoutCancel(t.Context())
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	if err := conn.SendBatch(ctx, &batch).Close(); err != nil {
		t.Fatal(err)
	}
	return id
}

func number(t *testing.T, url, sql string) (n int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	if err := conn.QueryRow(t.Context(), sql).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestServeSeals(t *testing.T) {
	t.Parallel()
	database, key := pgtest.WithFixture(t), newKey(t)
	s := start(t, "LETHE_DATABASE_URL="+database.RoleURL, "LETHE_ERASURE_KEY="+key)
	id := erased(t, database.URL, origin)
	var file string
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		status, header, body := s.get(t, receiptsPath+id.String()+"/receipt", "sk-alice-platform")
		if status == http.StatusOK {
			file = body
			break
		}
		if status != http.StatusAccepted || header.Get("Retry-After") != "1" || time.Now().After(deadline) {
			t.Fatalf("answered %d %s", status, body)
		}
	}
	result, err := receipt.Check([]byte(file), publicOf(t, key), receipt.Options{})
	if err != nil || result.Receipt.ID != id || result.Checkpoint.Origin != origin {
		t.Errorf("got %+v, %v", result, err)
	}
	if status, _, body := s.get(t, receiptsPath+id.String()+"/receipt", "sk-bob-platform"); status != http.StatusNotFound {
		t.Errorf("another one gets %d %s", status, body)
	}
	for path, want := range map[string]string{
		"/log/checkpoint":      origin + "\n1\n",
		"/log/keys":            publicOf(t, key)[0].String() + "\n",
		"/log/tile/0/000.p/1":  "",
		"/metrics":             "lethe_log_failures_total 0\n",
		"/admin/api/v1/x":      "There is nothing at this path",
		"/log/tile/0/000.p/2":  "no such tile",
		"/log/tile/entries/00": "index: must be",
	} {
		if status, _, body := s.get(t, path, "sk-root-platform"); !strings.Contains(body, want) {
			t.Errorf("%s: answered %d %s", path, status, body)
		}
	}

	// What comes last is sealed at the end.
	erased(t, database.URL, origin)
	s.stop()
	if err := <-s.result; err != nil {
		t.Fatal(err)
	}
	s.result <- nil
	if n := number(t, database.URL, "SELECT count(*) FROM lethe.receipts WHERE leaf_index IS NULL"); n != 0 {
		t.Errorf("%d receipts were left unsealed", n)
	}
	if n := number(t, database.URL, "SELECT max(size) FROM lethe.checkpoints WHERE published_at IS NOT NULL"); n != 2 {
		t.Errorf("a checkpoint of %d leaves is the newest", n)
	}
}

// TestServeSealsApart: the log is where fusillade is.
func TestServeSealsApart(t *testing.T) {
	t.Parallel()
	main, fusillade := pgtest.WithFixture(t), pgtest.New(t)
	s := start(t, "LETHE_DATABASE_URL="+main.RoleURL, "LETHE_FUSILLADE_DATABASE_URL="+fusillade.RoleURL,
		"LETHE_FUSILLADE_SCHEMA=fusillade", "LETHE_OUTLET_SCHEMA=outlet", "LETHE_ERASURE_KEY="+newKey(t))
	id := erased(t, fusillade.URL, origin)
	await(t, "the receipt is sealed", func() bool {
		status, _, _ := s.get(t, receiptsPath+id.String()+"/receipt", "sk-alice-platform")
		return status == http.StatusOK
	})
}

// TestServeWithoutAKey: the service works, receipts wait, and the metrics tell.
func TestServeWithoutAKey(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	s := start(t, "LETHE_DATABASE_URL="+database.RoleURL)
	id := erased(t, database.URL, origin)
	await(t, "the metrics tell of it", func() bool {
		_, _, body := s.get(t, "/metrics", "")
		return strings.Contains(body, "lethe_log_oldest_unsealed_seconds ") && !strings.Contains(body, "lethe_log_oldest_unsealed_seconds 0\n")
	})
	if status, _, body := s.get(t, receiptsPath+id.String()+"/receipt", "sk-alice-platform"); status != http.StatusAccepted {
		t.Errorf("answered %d %s", status, body)
	}
	if status, _, body := s.get(t, "/log/keys", "sk-alice-platform"); status != http.StatusOK || body != "" {
		t.Errorf("the keys are %d %q", status, body)
	}
	if status, _, _ := s.get(t, "/readyz", ""); status != http.StatusOK {
		t.Errorf("it is not ready: %d", status)
	}
	report := examineAsIs(t, "LETHE_DATABASE_URL="+database.RoleURL, "LETHE_ERASURE_CHECKPOINT_FILE="+filepath.Join(t.TempDir(), "checkpoint"))
	if warnings := found(report, app.Warning); len(warnings) != 1 || !strings.Contains(warnings[0].Advice, "lethe keys new") {
		t.Errorf("the doctor found\n%s", text(t, report))
	}
	if n := number(t, database.URL, "SELECT count(*) FROM lethe.receipts WHERE leaf_index IS NULL"); n != 1 {
		t.Errorf("%d receipts are unsealed", n)
	}
}

// TestServeRefusesKeys: a key that is configured and cannot be used is no reason
// to go on without one.
func TestServeRefusesKeys(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	good := newKey(t)
	file := func(name, content string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	secret := good[len(good)-20:]
	for name, c := range map[string]struct {
		environ []string
		want    string
	}{
		"no file":               {[]string{"LETHE_ERASURE_KEY_FILE=" + filepath.Join(folder, "none")}, "lethe keys new"},
		"a folder":              {[]string{"LETHE_ERASURE_KEY_FILE=" + folder}, folder},
		"an empty file":         {[]string{"LETHE_ERASURE_KEY_FILE=" + file("empty", "")}, "put back what was there"},
		"a damaged file":        {[]string{"LETHE_ERASURE_KEY_FILE=" + file("damaged", good[:len(good)-8]+"AAAAAAA=\n")}, "line 1"},
		"a damaged second":      {[]string{"LETHE_ERASURE_KEY_FILE=" + file("second", good+"\n"+good[:40]+"\n")}, "line 2"},
		"too long":              {[]string{"LETHE_ERASURE_KEY_FILE=" + file("long", strings.Repeat(good+"\n", 1000))}, "line 2"},
		"another name":          {[]string{"LETHE_ERASURE_KEY_FILE=" + file("good", good), "LETHE_ERASURE_ORIGIN=example.com/other"}, "example.com/other"},
		"damaged, as such":      {[]string{"LETHE_ERASURE_KEY=" + good[:len(good)-8]}, "erasure.key (environment LETHE_ERASURE_KEY)"},
		"both":                  {[]string{"LETHE_ERASURE_KEY=" + good, "LETHE_ERASURE_KEY_FILE=" + file("both", good)}, "erasure.key_file"},
		"no name for a log":     {[]string{"LETHE_ERASURE_ORIGIN=a b"}, "erasure.origin"},
		"a standby twice":       {[]string{"LETHE_ERASURE_STANDBYS=a,b,a"}, "erasure.standbys"},
		"a standby's URL twice": {[]string{"LETHE_ERASURE_STANDBY_URLS=postgres://h/d, postgres://h/d"}, "erasure.standby_urls"},
		"no standby's URL":      {[]string{"LETHE_ERASURE_STANDBY_URLS=h"}, "erasure.standby_urls"},
		"a standby without URL": {[]string{"LETHE_ERASURE_STANDBYS=a,b", "LETHE_ERASURE_STANDBY_URLS=postgres://h/d"}, "erasure.standby_urls"},
		"a standby too long":    {[]string{"LETHE_ERASURE_STANDBYS=" + strings.Repeat("a", 64)}, "erasure.standbys"},
	} {
		environ := append([]string{"LETHE_DATABASE_URL=postgres://u@127.0.0.1:1/d", "LETHE_HTTP_ADDR=127.0.0.1:0", "LETHE_LOG_LEVEL=error"}, c.environ...)
		cfg, err := app.LoadConfig(app.Sources{Environ: environ})
		if err == nil {
			err = app.Serve(t.Context(), cfg, func(string) { t.Errorf("%s: it listens", name) })
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: want an error about %q, got %v", name, c.want, err)
		}
	}
}

// TestDoctorLog: what has been changed is named, and a log of nothing but sealed
// receipts is well.
func TestDoctorLog(t *testing.T) {
	t.Parallel()
	database, key := pgtest.WithFixture(t), newKey(t)
	environ := []string{"LETHE_DATABASE_URL=" + database.RoleURL, "LETHE_ERASURE_KEY=" + key}
	s := start(t, environ...)
	var ids []string
	for range 3 {
		ids = append(ids, erased(t, database.URL, origin).String())
	}
	await(t, "all are sealed", func() bool {
		return number(t, database.URL, "SELECT count(*) FROM lethe.receipts WHERE leaf_index IS NULL") == 0
	})
	s.stop()
	report := examine(t, environ...)
	if len(found(report, app.Problem))+len(found(report, app.Warning)) != 0 || !strings.Contains(text(t, report), ": 3 receipts and") {
		t.Errorf("found\n%s", text(t, report))
	}
	exec(t, database.URL, "UPDATE lethe.receipts SET body = set_byte(body, 200, 33) WHERE id = '"+ids[1]+"'")
	report = examine(t, environ...)
	if problems := found(report, app.Problem); len(problems) != 1 || !strings.Contains(problems[0].Detail, ids[1]) || problems[0].Advice == "" {
		t.Errorf("found\n%s", text(t, report))
	}
	// Without the key the change is found, too.
	report = examineAsIs(t, environ[0], "LETHE_ERASURE_CHECKPOINT_FILE="+filepath.Join(t.TempDir(), "checkpoint"))
	if problems := found(report, app.Problem); len(problems) != 1 || !strings.Contains(problems[0].Detail, ids[1]) {
		t.Errorf("found\n%s", text(t, report))
	}
}

func TestDoctorLogNotThere(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sql, detail, advice string
	}{
		"no schema":     {"DROP SCHEMA lethe CASCADE", "table lethe.receipts is missing", "lethe migrate up"},
		"a table":       {"DROP TABLE lethe.checkpoints CASCADE", "table lethe.checkpoints is missing", "lethe migrate up"},
		"an old schema": {"DELETE FROM lethe.version_lethe WHERE version_id > 0", "0, and this version needs ", "lethe migrate up"},
		"old jobs":      {"DELETE FROM lethe.river_migration WHERE version > 6", "6, and this version needs ", "lethe migrate up"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := pgtest.New(t)
			exec(t, database.URL, c.sql)
			report := examine(t, "LETHE_DATABASE_URL="+database.RoleURL)
			if problems := found(report, app.Problem); len(problems) != 1 || !strings.Contains(problems[0].Detail, c.detail) || !strings.Contains(problems[0].Advice, c.advice) {
				t.Errorf("found\n%s", text(t, report))
			}
			// Nor is the service ready: an erasure would have nowhere to put its receipt.
			s := start(t, "LETHE_DATABASE_URL="+database.RoleURL)
			if status, _, body := s.get(t, "/readyz", ""); status != http.StatusServiceUnavailable || !strings.Contains(body, "lethe doctor") {
				t.Errorf("answered %d %s", status, body)
			}
		})
	}
}

// TestMigrateBesideAnother: in dwctl's database the log and the jobs are all that migrate creates.
func TestMigrateBesideAnother(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	exec(t, database.URL, "DROP SCHEMA lethe CASCADE")
	cfg, err := app.LoadConfig(app.Sources{Environ: []string{"LETHE_DATABASE_URL=" + database.URL, "LETHE_ERASURE_KEY=" + newKey(t)}})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := app.MigrateUp(t.Context(), cfg, &out, io.Discard, true); err != nil {
		t.Fatal(err)
	}
	if strings.Count(out.String(), "foreign") != 4 || strings.Count(out.String(), `"created"`) != 2 {
		t.Errorf("wrote\n%s", &out)
	}
	if report := examine(t, "LETHE_DATABASE_URL="+database.URL); report.Problems() != 0 {
		t.Errorf("found\n%s", text(t, report))
	}
}

func TestDoctorStandbys(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	environ := []string{"LETHE_DATABASE_URL=" + database.RoleURL, "LETHE_ERASURE_STANDBYS=near, far"}
	report := examine(t, environ...)
	if problems := found(report, app.Problem); len(problems) != 1 || !strings.Contains(problems[0].Advice, "pg_monitor") {
		t.Errorf("found\n%s", text(t, report))
	}
	report = examine(t, "LETHE_DATABASE_URL="+database.URL, environ[1])
	if warnings := found(report, app.Warning); len(warnings) != 1 || !strings.Contains(warnings[0].Detail, "far, near") {
		t.Errorf("found\n%s", text(t, report))
	}
}

// TestDoctorKeyFile that others may read.
func TestDoctorKeyFile(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(newKey(t)), 0o644); err != nil {
		t.Fatal(err)
	}
	environ := []string{"LETHE_DATABASE_URL=" + database.RoleURL, "LETHE_ERASURE_KEY_FILE=" + file}
	if warnings := found(examine(t, environ...), app.Warning); len(warnings) != 1 || !strings.Contains(warnings[0].Detail, "chmod 600") {
		t.Errorf("found %+v", warnings)
	}
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	if warnings := found(examine(t, environ...), app.Warning); len(warnings) != 0 {
		t.Errorf("found %+v", warnings)
	}
	if err := os.WriteFile(file, []byte("damaged"), 0o600); err != nil {
		t.Fatal(err)
	}
	if problems := found(examine(t, environ...), app.Problem); len(problems) != 1 || !strings.Contains(problems[0].Detail, file) {
		t.Errorf("found %+v", problems)
	}
}
