package serve_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lethe/internal/apptest"
	"lethe/internal/pgtest"
)

// maxAtOnce is how many requests are served at a time with few connections.
const maxAtOnce = 256

var inFlight = regexp.MustCompile(`(?m)^lethe_http_requests_in_flight (\d+)$`)

// answering returns the number of requests in progress, without the one that asks.
func (s *service) answering(t *testing.T) int {
	t.Helper()
	status, _, body := s.Get(t, "/metrics", "")
	found := inFlight.FindStringSubmatch(body)
	if status != http.StatusOK || found == nil {
		t.Fatalf("metrics: want %d with requests in flight, got %d %s", http.StatusOK, status, body)
	}
	n, err := strconv.Atoi(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return n - 1
}

// TestSlowDatabase: a table is locked for longer than anybody wants to wait. Every
// list gets a 503, excess requests get it sooner, and probes are still answered.
func TestSlowDatabase(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	s := start(t, "LETHE_DATABASE_URL="+database.RoleURL, "LETHE_DATABASE_MAX_CONNS=2")

	keys := []string{"sk-root-platform", "sk-alice-platform", "sk-bob-platform"} // one caller alone may have fewer
	for _, key := range keys {                                                   // unknown keys would wait for each other
		if status, _, body := s.Get(t, apptest.RequestsPath, key); status != http.StatusOK {
			t.Fatalf("want %d, got %d %s", http.StatusOK, status, body)
		}
	}

	conn, err := pgx.Connect(t.Context(), database.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	lock, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.Exec(t.Context(), "LOCK TABLE fusillade.requests IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}

	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	var asked atomic.Int64
	list := func() error {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+apptest.RequestsPath, nil)
		if err != nil {
			return err
		}
		request.Header.Set("Authorization", "Bearer "+keys[int(asked.Add(1))%len(keys)])
		response, err := client.Do(request)
		if err != nil {
			return err
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" {
			return fmt.Errorf("want 503 with Retry-After, got %d with %q", response.StatusCode, response.Header.Get("Retry-After"))
		}
		return nil
	}
	waiting := make(chan error)
	for range maxAtOnce {
		go func() { waiting <- list() }()
	}
	deadline := time.Now().Add(30 * time.Second)
	for s.answering(t) < maxAtOnce {
		if time.Now().After(deadline) {
			t.Fatalf("%d requests are being answered, want %d", s.answering(t), maxAtOnce)
		}
		time.Sleep(5 * time.Millisecond)
	}
	const surplus = 10
	tooMany := make(chan error)
	for range surplus {
		go func() { tooMany <- list() }()
	}
	for range surplus {
		if err := <-tooMany; err != nil {
			t.Errorf("list over the limit: %v", err)
		}
		if status, _, body := s.Get(t, "/healthz", ""); status != http.StatusOK {
			t.Errorf("healthz: want %d, got %d %s", http.StatusOK, status, body)
		}
	}
	if n := s.answering(t); n != maxAtOnce {
		t.Errorf("requests in progress: want %d, as those over the limit do not wait, got %d", maxAtOnce, n)
	}
	_, _, metrics := s.Get(t, "/metrics", "")
	if want := fmt.Sprintf("\nlethe_http_requests_refused_total %d\n", surplus); !regexp.MustCompile(want).MatchString(metrics) {
		t.Errorf("metrics: want %d refusals, got\n%s", surplus, metrics)
	}
	if status, _, body := s.Get(t, "/readyz", ""); status != http.StatusOK { // with its own connection
		t.Errorf("readyz: want %d, got %d %s", http.StatusOK, status, body)
	}
	for range maxAtOnce {
		if err := <-waiting; err != nil {
			t.Errorf("list that waited: %v", err)
		}
	}
	if err := lock.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if status, _, body := s.Get(t, apptest.RequestsPath, "sk-root-platform"); status != http.StatusOK {
		t.Errorf("after the lock: want %d, got %d %s", http.StatusOK, status, body)
	}
	if n := s.answering(t); n != 0 {
		t.Errorf("%d requests are still being answered, want 0", n)
	}
}
