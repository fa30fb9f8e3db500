package serve_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lethe/app/config"
	"lethe/app/serve"
	"lethe/internal/apptest"
	"lethe/internal/pgtest"
)

// TestAccessLogExpiry: the service removes expired records, and stops cleanly.
func TestAccessLogExpiry(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	apptest.Exec(t, database.URL, `INSERT INTO lethe.access_log (id, accessed_at, accessed_by, request_id, owner, address)
		SELECT gen_random_uuid(), now() - i * interval '1 day', gen_random_uuid(), gen_random_uuid(), 'somebody', '192.0.2.7'
		FROM generate_series(1, 20) AS i`)
	cfg, err := config.Load(config.Sources{Environ: []string{
		"LETHE_DATABASE_URL=" + database.RoleURL, "LETHE_HTTP_ADDR=127.0.0.1:0", "LETHE_ACCESS_LOG_KEEP=10d", "LETHE_LOG_LEVEL=error",
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- serve.Run(ctx, cfg, nil) }()

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
	// The records of the first nine days remain; the tenth's has just expired.
	for deadline := time.Now().Add(20 * time.Second); left() != 9 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	cancel()
	if err := <-done; err != nil {
		t.Errorf("stop: got %v", err)
	}
	if n := left(); n != 9 {
		t.Errorf("%d records are left, want 9", n)
	}
}
