package serve_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lethe/app/config"
	"lethe/app/ops"
	"lethe/app/serve"
	"lethe/internal/apptest"
	"lethe/internal/pgtest"
	"lethe/receipt"
)

func TestServeSeals(t *testing.T) {
	t.Parallel()
	database, key := pgtest.WithFixture(t), apptest.NewKey(t)
	s := start(t, "LETHE_DATABASE_URL="+database.RoleURL, "LETHE_ERASURE_KEY="+key)
	id := apptest.Erased(t, database.URL, apptest.Origin)
	var file string
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		status, header, body := s.Get(t, apptest.ReceiptsPath+id.String()+"/receipt", "sk-alice-platform")
		if status == http.StatusOK {
			file = body
			break
		}
		if status != http.StatusAccepted || header.Get("Retry-After") != "1" || time.Now().After(deadline) {
			t.Fatalf("receipt: want %d with Retry-After until it is sealed, got %d %s", http.StatusAccepted, status, body)
		}
	}
	result, err := receipt.Check([]byte(file), apptest.PublicOf(t, key), receipt.Options{})
	if err != nil || result.Receipt.ID != id || result.Checkpoint.Origin != apptest.Origin {
		t.Errorf("got %+v, %v", result, err)
	}
	if status, _, body := s.Get(t, apptest.ReceiptsPath+id.String()+"/receipt", "sk-bob-platform"); status != http.StatusNotFound {
		t.Errorf("another one gets want %d, got %d %s", http.StatusNotFound, status, body)
	}
	for path, want := range map[string]string{
		"/log/checkpoint":      apptest.Origin + "\n1\n",
		"/log/keys":            apptest.PublicOf(t, key)[0].String() + "\n",
		"/log/tile/0/000.p/1":  "",
		"/metrics":             "lethe_log_failures_total 0\n",
		"/admin/api/v1/x":      "No such path",
		"/log/tile/0/000.p/2":  "no such tile",
		"/log/tile/entries/00": "index: must be",
	} {
		if status, _, body := s.Get(t, path, "sk-root-platform"); !strings.Contains(body, want) {
			t.Errorf("%s: want %q, got %d %s", path, want, status, body)
		}
	}

	// The last receipts are sealed at the end.
	apptest.Erased(t, database.URL, apptest.Origin)
	s.Stop()
	if err := <-s.Result; err != nil {
		t.Fatal(err)
	}
	s.Result <- nil
	if n := apptest.Number(t, database.URL, "SELECT count(*) FROM lethe.receipts WHERE leaf_index IS NULL"); n != 0 {
		t.Errorf("%d receipts were left unsealed, want 0", n)
	}
	if n := apptest.Number(t, database.URL, "SELECT max(size) FROM lethe.checkpoints WHERE published_at IS NOT NULL"); n != 2 {
		t.Errorf("a checkpoint of %d leaves is the newest, want 2", n)
	}
}

// TestServeSealsSeparateDatabase: the log is in fusillade's database.
func TestServeSealsSeparateDatabase(t *testing.T) {
	t.Parallel()
	main, fusillade := pgtest.WithFixture(t), pgtest.New(t)
	s := start(t, "LETHE_DATABASE_URL="+main.RoleURL, "LETHE_FUSILLADE_DATABASE_URL="+fusillade.RoleURL,
		"LETHE_FUSILLADE_SCHEMA=fusillade", "LETHE_OUTLET_SCHEMA=outlet", "LETHE_ERASURE_KEY="+apptest.NewKey(t))
	id := apptest.Erased(t, fusillade.URL, apptest.Origin)
	apptest.Await(t, "the receipt is sealed", func() bool {
		status, _, _ := s.Get(t, apptest.ReceiptsPath+id.String()+"/receipt", "sk-alice-platform")
		return status == http.StatusOK
	})
}

// TestCostsInOtherDatabase: where usage records are in another database than
// responses, a filter by cost gets an error that says so.
func TestCostsInOtherDatabase(t *testing.T) {
	t.Parallel()
	main, fusillade := pgtest.WithFixture(t), pgtest.New(t)
	s := start(t, "LETHE_DATABASE_URL="+main.RoleURL, "LETHE_FUSILLADE_DATABASE_URL="+fusillade.RoleURL,
		"LETHE_FUSILLADE_SCHEMA=fusillade", "LETHE_OUTLET_SCHEMA=outlet")
	status, _, body := s.Get(t, apptest.RequestsPath+"?min_total_cost=1", "sk-alice-platform")
	if status != http.StatusBadRequest || !strings.Contains(body, `"parameter":"min_total_cost"`) || !strings.Contains(body, "another database") {
		t.Errorf("filter by cost: want %d for min_total_cost, got %d %s", http.StatusBadRequest, status, body)
	}
}

// TestServeWithoutKey: the service works, receipts wait, and the metrics show it.
func TestServeWithoutKey(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	s := start(t, "LETHE_DATABASE_URL="+database.RoleURL)
	id := apptest.Erased(t, database.URL, apptest.Origin)
	apptest.Await(t, "the metrics tell of it", func() bool {
		_, _, body := s.Get(t, "/metrics", "")
		return strings.Contains(body, "lethe_log_oldest_unsealed_seconds ") && !strings.Contains(body, "lethe_log_oldest_unsealed_seconds 0\n")
	})
	if status, _, body := s.Get(t, apptest.ReceiptsPath+id.String()+"/receipt", "sk-alice-platform"); status != http.StatusAccepted {
		t.Errorf("answered want %d, got %d %s", http.StatusAccepted, status, body)
	}
	if status, _, body := s.Get(t, "/log/keys", "sk-alice-platform"); status != http.StatusOK || body != "" {
		t.Errorf("/log/keys: want %d and no key, got %d %q", http.StatusOK, status, body)
	}
	if status, _, _ := s.Get(t, "/readyz", ""); status != http.StatusOK {
		t.Errorf("it is not ready: want %d, got %d", http.StatusOK, status)
	}
	report := apptest.ExamineAsIs(t, "LETHE_DATABASE_URL="+database.RoleURL, "LETHE_ERASURE_CHECKPOINT_FILE="+filepath.Join(t.TempDir(), "checkpoint"))
	if warnings := apptest.Found(report, ops.Warning); len(warnings) != 1 || !strings.Contains(warnings[0].Advice, "lethe keys new") {
		t.Errorf("doctor: want one warning, with `lethe keys new`, got\n%s", apptest.Text(t, report))
	}
	if n := apptest.Number(t, database.URL, "SELECT count(*) FROM lethe.receipts WHERE leaf_index IS NULL"); n != 1 {
		t.Errorf("%d receipts are unsealed, want 1", n)
	}
}

// TestServeInvalidKey: the service does not run without a key if the configured one
// cannot be used.
func TestServeInvalidKey(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	good := apptest.NewKey(t)
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
		"no file":                 {[]string{"LETHE_ERASURE_KEY_FILE=" + filepath.Join(folder, "none")}, "lethe keys new"},
		"a folder":                {[]string{"LETHE_ERASURE_KEY_FILE=" + folder}, folder},
		"an empty file":           {[]string{"LETHE_ERASURE_KEY_FILE=" + file("empty", "")}, "restore the original content"},
		"a damaged file":          {[]string{"LETHE_ERASURE_KEY_FILE=" + file("damaged", good[:len(good)-8]+"AAAAAAA=\n")}, "line 1"},
		"a damaged second":        {[]string{"LETHE_ERASURE_KEY_FILE=" + file("second", good+"\n"+good[:40]+"\n")}, "line 2"},
		"too long":                {[]string{"LETHE_ERASURE_KEY_FILE=" + file("long", strings.Repeat(good+"\n", 1000))}, "line 2"},
		"another name":            {[]string{"LETHE_ERASURE_KEY_FILE=" + file("good", good), "LETHE_ERASURE_ORIGIN=example.com/other"}, "example.com/other"},
		"damaged key in variable": {[]string{"LETHE_ERASURE_KEY=" + good[:len(good)-8]}, "erasure.key (environment LETHE_ERASURE_KEY)"},
		"key and key file":        {[]string{"LETHE_ERASURE_KEY=" + good, "LETHE_ERASURE_KEY_FILE=" + file("both", good)}, "erasure.key_file"},
		"invalid origin":          {[]string{"LETHE_ERASURE_ORIGIN=a b"}, "erasure.origin"},
		"standby/twice":           {[]string{"LETHE_ERASURE_STANDBYS=a,b,a"}, "erasure.standbys"},
		"standby URL/twice":       {[]string{"LETHE_ERASURE_STANDBY_URLS=postgres://h/d, postgres://h/d"}, "erasure.standby_urls"},
		"standby URL/invalid":     {[]string{"LETHE_ERASURE_STANDBY_URLS=h"}, "erasure.standby_urls"},
		"standby/without URL":     {[]string{"LETHE_ERASURE_STANDBYS=a,b", "LETHE_ERASURE_STANDBY_URLS=postgres://h/d"}, "erasure.standby_urls"},
		"standby/too long":        {[]string{"LETHE_ERASURE_STANDBYS=" + strings.Repeat("a", 64)}, "erasure.standbys"},
	} {
		environ := append([]string{"LETHE_DATABASE_URL=postgres://u@127.0.0.1:1/d", "LETHE_HTTP_ADDR=127.0.0.1:0", "LETHE_LOG_LEVEL=error"}, c.environ...)
		cfg, err := config.Load(config.Sources{Environ: environ})
		if err == nil {
			err = serve.Run(t.Context(), cfg, func(string) { t.Errorf("%s: the service started, want an error", name) })
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: want an error about %q, got %v", name, c.want, err)
		}
	}
}
