package app_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lethe/app"
	"lethe/internal/pgtest"
)

func TestAccessLogKeep(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]time.Duration{"not given": 365 * 24 * time.Hour, "1d": 24 * time.Hour, "3650d": 3650 * 24 * time.Hour} {
		environ := []string{"LETHE_DATA_DIR=" + t.TempDir()}
		if given != "not given" {
			environ = append(environ, "LETHE_ACCESS_LOG_KEEP="+given)
		}
		cfg, err := app.LoadConfig(app.Sources{Environ: environ})
		if err != nil || cfg.AccessLog.Keep != want {
			t.Errorf("%q: want %s, got %+v, %v", given, want, cfg, err)
			continue
		}
		var out strings.Builder
		if err := cfg.Print(&out); err != nil || !strings.Contains(out.String(), fmt.Sprintf("keep: %dd", want/(24*time.Hour))) {
			t.Errorf("%q: %v, printed %s", given, err, &out)
		}
	}
	for _, given := range []string{"0d", "-1d", "3651d", "365", "24h", "1.5d", "01d", "+1d", "d", "1 d", "99999999999999999999d"} {
		_, err := app.LoadConfig(app.Sources{Environ: []string{"LETHE_DATA_DIR=" + t.TempDir(), "LETHE_ACCESS_LOG_KEEP=" + given}})
		if err == nil || !strings.Contains(err.Error(), "access_log.keep") || !strings.Contains(err.Error(), "from 1d to 3650d") {
			t.Errorf("%q: got %v", given, err)
		}
	}
}

// A service removes what is older than it is to be kept, and stops cleanly.
func TestOldAccessesAreRemoved(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	exec(t, database.URL, `INSERT INTO lethe.access_log (id, accessed_at, accessed_by, request_id, owner, address)
		SELECT gen_random_uuid(), now() - i * interval '1 day', gen_random_uuid(), gen_random_uuid(), 'somebody', '192.0.2.7'
		FROM generate_series(1, 20) AS i`)
	cfg, err := app.LoadConfig(app.Sources{Environ: []string{
		"LETHE_DATABASE_URL=" + database.RoleURL, "LETHE_HTTP_ADDR=127.0.0.1:0", "LETHE_ACCESS_LOG_KEEP=10d", "LETHE_LOG_LEVEL=error",
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- app.Serve(ctx, cfg, nil) }()

	conn, err := pgx.Connect(t.Context(), database.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	left := func() (n int) {
		t.Helper()
		if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM lethe.access_log`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	// Those of the first nine days, and not the tenth's, which is just over.
	for deadline := time.Now().Add(20 * time.Second); left() != 9 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("it stopped with %v", err)
	}
	if n := left(); n != 9 {
		t.Errorf("%d records are left, want 9", n)
	}
}
