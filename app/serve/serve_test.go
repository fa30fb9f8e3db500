package serve_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"iter"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"lethe/app/config"
	"lethe/app/demo"
	"lethe/app/ops"
	"lethe/app/serve"
	"lethe/internal/apptest"
	"lethe/internal/pgtest"
)

// service is a service under test, with methods that only these tests need.
type service struct{ *apptest.Service }

func start(t *testing.T, environ ...string) *service {
	t.Helper()
	return &service{apptest.Start(t, environ...)}
}

func TestServe(t *testing.T) {
	t.Parallel()
	s := start(t, "LETHE_DATABASE_URL="+pgtest.WithFixture(t).RoleURL)
	for path, want := range map[string]string{
		"/healthz": "alive", "/readyz": "ready", "/openapi.yaml": "openapi: 3.0.3", "/metrics": `lethe_pool_connections_max{pool="main"} 10`,
	} {
		if status, _, body := s.Get(t, path, ""); status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: want %d with %q, got %d %s", path, http.StatusOK, want, status, body)
		}
	}
	status, _, body := s.Get(t, apptest.RequestsPath+"?limit=2", "sk-root-platform")
	var page struct {
		Data []any `json:"data"`
	}
	if err := json.Unmarshal([]byte(body), &page); err != nil || status != http.StatusOK || len(page.Data) != 2 {
		t.Errorf("list: want %d with 2 responses, got %d %s", http.StatusOK, status, body)
	}
	s.Stop()
	if err := <-s.Result; err != nil {
		t.Errorf("stopped with %v", err)
	}
	s.Result <- nil
	if response, err := http.Get(s.URL + "/healthz"); err == nil {
		_ = response.Body.Close()
		t.Error("the address still answers after the stop")
	}
}

// TestServeErasures: everything of a person, from the preview to the end that the
// events report; and the service stops while a client still watches another erasure.
func TestServeErasures(t *testing.T) {
	t.Parallel()
	db := pgtest.WithFixture(t)
	s := start(t, "LETHE_DATABASE_URL="+db.RoleURL)
	const alice, bob = "c0000100-0000-4000-8000-000000000003", "c0000100-0000-4000-8000-000000000004"
	begin := func(owner string) (path string, expected float64) {
		t.Helper()
		target := map[string]any{"owner": owner}
		status, preview := s.Post(t, apptest.ErasuresPath+"/preview", target)
		if status != http.StatusOK || preview["responses"] == 0.0 {
			t.Fatalf("preview: want %d with responses, got %d %v", http.StatusOK, status, preview)
		}
		return apptest.ErasuresPath + "/" + s.StartErasure(t, http.StatusAccepted, target, preview), preview["responses"].(float64)
	}

	path, expected := begin(alice)
	var last event
	for last = range s.events(t, path) {
	}
	if last.name != "end" || last.erasure["state"] != "finished" || last.erasure["responses"] != expected || last.erasure["held"] != 0.0 {
		t.Errorf("want %v responses, got %v", expected, last)
	}
	_, _, body := s.Get(t, apptest.RequestsPath+"?member_id="+alice, "sk-root-platform")
	var left struct{ Data []any }
	if err := json.Unmarshal([]byte(body), &left); err != nil || len(left.Data) != 0 {
		t.Errorf("list after the erasure: want none, got %s", body)
	}

	// Rows that another transaction has locked cannot be erased yet.
	conn, err := pgx.Connect(t.Context(), db.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	if _, err := conn.Exec(t.Context(), "BEGIN; SELECT FROM fusillade.requests FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	path, _ = begin(bob)
	for event := range s.events(t, path) {
		if event.name == "end" {
			t.Errorf("want the erasure to wait for locked rows, but it finished: %v", event.erasure)
		}
		s.Stop()
	}
	if err := <-s.Result; err != nil {
		t.Errorf("stopped with %v", err)
	}
	s.Result <- nil
}

type event struct {
	name    string
	erasure map[string]any
}

// events yields the events of an erasure until the service ends them.
func (s *service) events(t *testing.T, path string) iter.Seq[event] {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+path+"/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer sk-root-platform")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		t.Fatalf("events: want %d, got %d", http.StatusOK, response.StatusCode)
	}
	return func(yield func(event) bool) {
		defer func() { _ = response.Body.Close() }()
		lines, e := bufio.NewScanner(response.Body), event{}
		for lines.Scan() {
			if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				e = event{name: name}
			}
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				if err := json.Unmarshal([]byte(data), &e.erasure); err != nil {
					t.Error(err)
				}
				if !yield(e) {
					return
				}
			}
		}
		if err := lines.Err(); err != nil {
			t.Errorf("read the events: %v", err)
		}
	}
}

// TestServeSeparateDatabases: fusillade in its own database, tables in public.
func TestServeSeparateDatabases(t *testing.T) {
	t.Parallel()
	main, fusillade := pgtest.New(t), pgtest.Empty(t)
	environ := []string{"LETHE_DATABASE_URL=" + main.URL, "LETHE_FUSILLADE_DATABASE_URL=" + fusillade.URL}
	s := start(t, environ...)
	if status, _, body := s.Get(t, "/readyz", ""); status != http.StatusServiceUnavailable || !strings.Contains(body, "lethe doctor") {
		t.Errorf("readyz without tables: want %d, got %d %s", http.StatusServiceUnavailable, status, body)
	}
	cfg, err := config.Load(config.Sources{Environ: environ})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := ops.MigrateUp(t.Context(), cfg, &out, io.Discard, false); err != nil {
		t.Fatal(err)
	}
	if status, _, body := s.Get(t, "/readyz", ""); status != http.StatusOK {
		t.Errorf("after %s\nwant %d, got %d %s", &out, http.StatusOK, status, body)
	}
	for url, sql := range map[string]string{
		main.URL: `INSERT INTO public.users (id, username, email, is_admin) VALUES ('11111111-1111-4111-8111-111111111111', 'a', 'a@example.com', true);
			INSERT INTO public.api_keys (name, secret, user_id, created_by, purpose)
			VALUES ('k', 'sk-apart', '11111111-1111-4111-8111-111111111111', '11111111-1111-4111-8111-111111111111', 'platform')`,
		fusillade.URL: `INSERT INTO requests (model, created_by) VALUES ('apart', '11111111-1111-4111-8111-111111111111')`,
	} {
		apptest.Exec(t, url, sql)
	}
	status, _, body := s.Get(t, apptest.RequestsPath, "sk-apart")
	if status != http.StatusOK || !strings.Contains(body, `"model":"apart"`) || !strings.Contains(body, "a@example.com") {
		t.Errorf("list: want %d with the response, got %d %s", http.StatusOK, status, body)
	}
}

func TestServeAddressTaken(t *testing.T) {
	t.Parallel()
	database := "LETHE_DATABASE_URL=" + pgtest.New(t).URL
	first := start(t, database)
	cfg, err := config.Load(config.Sources{Environ: []string{database, "LETHE_HTTP_ADDR=" + strings.TrimPrefix(first.URL, "http://")}})
	if err != nil {
		t.Fatal(err)
	}
	err = serve.Run(t.Context(), cfg, func(string) { t.Error("the service started, want an error") })
	if err == nil || !strings.Contains(err.Error(), "LETHE_HTTP_ADDR") || strings.Contains(err.Error(), "bind:") {
		t.Errorf("got %v", err)
	}
}

// TestAddressTakenBeforeSetup: a taken address, of the service or for profiles, is
// reported before the embedded database is set up.
func TestAddressTakenBeforeSetup(t *testing.T) {
	t.Parallel()
	taken := strings.TrimPrefix(start(t, "LETHE_DATABASE_URL="+pgtest.New(t).URL).URL, "http://")
	for _, settings := range [][]string{
		{"LETHE_HTTP_ADDR=" + taken},
		{"LETHE_HTTP_ADDR=127.0.0.1:0", "LETHE_HTTP_PROFILE_ADDR=" + taken},
	} {
		folder := filepath.Join(t.TempDir(), "data")
		cfg, err := config.Load(config.Sources{Environ: append(settings, "LETHE_DATA_DIR="+folder)})
		if err != nil {
			t.Fatal(err)
		}
		name, _, _ := strings.Cut(settings[len(settings)-1], "=")
		for command, run := range map[string]func() error{
			"serve": func() error { return serve.Run(t.Context(), cfg, nil) },
			"demo":  func() error { return demo.Run(t.Context(), cfg, demo.Options{}, io.Discard, io.Discard) },
		} {
			if err := run(); err == nil || !strings.Contains(err.Error(), taken+" is in use by another program") || !strings.Contains(err.Error(), name) {
				t.Errorf("%s with %v: got %v", command, settings, err)
			}
		}
		if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("with %v: want no data folder, got %v", settings, err)
		}
	}
}

// TestServeSchemaNames: the names of the schemas are configurable.
func TestServeSchemaNames(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	apptest.Exec(t, database.URL, `ALTER SCHEMA fusillade RENAME TO "Jobs, odd"; ALTER SCHEMA outlet RENAME TO raw`)
	s := start(t, "LETHE_DATABASE_URL="+database.RoleURL, "LETHE_FUSILLADE_SCHEMA=Jobs, odd", "LETHE_OUTLET_SCHEMA=raw")
	if status, _, body := s.Get(t, "/readyz", ""); status != http.StatusOK {
		t.Errorf("want %d, got %d %s", http.StatusOK, status, body)
	}
	if status, _, body := s.Get(t, apptest.RequestsPath, "sk-root-platform"); status != http.StatusOK || !strings.Contains(body, `"total_count":`) {
		t.Errorf("list: want %d with the response, got %d %s", http.StatusOK, status, body)
	}
}
