package serve_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"lethe/app/boot"
	"lethe/app/config"
	"lethe/app/serve"
	"lethe/internal/apptest"
	"lethe/internal/pgtest"
)

// TestDashboard: the service tells dwctl's dashboard who its caller is, by session too,
// if that is switched on.
func TestDashboard(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	// The owner's role, as with the embedded database.
	cfg, err := config.Load(config.Sources{Environ: []string{
		"LETHE_DATABASE_URL=" + database.URL, "LETHE_HTTP_ADDR=127.0.0.1:0", "LETHE_AUTH_SESSION_KEY_FILE=" + sessionKeys(t, strings.Repeat("0123456789abcdef", 2)),
	}})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Dashboard = true
	db, err := boot.Open(t.Context(), cfg, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	addr, done := make(chan string, 1), make(chan error, 1)
	go func() {
		done <- serve.RunOn(ctx, cfg, db, slog.New(slog.DiscardHandler), func(a string) { addr <- a })
	}()
	s := &service{&apptest.Service{URL: "http://" + <-addr}}
	cookie := s.exchange(t, "sk-acme-alice-platform")
	status, _, body := s.Send(t, http.MethodGet, "/admin/api/v1/users/current?include=organizations", "", "", "Cookie", cookie)
	for _, want := range []string{`"username":"alice"`, `"roles":["BatchAPIUser"`, `"name":"acme"`, `"active_organization_id":"c0000200-0000-4000-8000-000000000001"`} {
		if status != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("want %d with %s, got %d %s", http.StatusOK, want, status, body)
		}
	}
	if status, _, body := s.Get(t, "/admin/api/v1/config", "sk-bob-platform"); status != http.StatusOK || !strings.Contains(body, `"async_requests":{"enabled":true`) {
		t.Errorf("config: want %d, got %d %s", http.StatusOK, status, body)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	off := start(t, "LETHE_DATABASE_URL="+database.RoleURL)
	if status, _, body := off.Get(t, "/admin/api/v1/config", "sk-bob-platform"); status != http.StatusNotFound {
		t.Errorf("switched off: want %d, got %d %s", http.StatusNotFound, status, body)
	}
}
