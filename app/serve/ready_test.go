package serve_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"lethe/internal/apptest"
	"lethe/internal/pgtest"
)

// TestReadyMissingPrivilege: /readyz reports a missing privilege like a missing table,
// and names it.
func TestReadyMissingPrivilege(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	parsed, err := url.Parse(database.RoleURL)
	if err != nil {
		t.Fatal(err)
	}
	role := pgx.Identifier{parsed.User.Username()}.Sanitize()
	s := start(t, "LETHE_DATABASE_URL="+database.RoleURL)
	if status, _, body := s.Get(t, "/readyz", ""); status != http.StatusOK {
		t.Fatalf("with all grants: want %d, got %d %s", http.StatusOK, status, body)
	}
	for _, c := range []struct{ revoke, grant, want string }{
		{"REVOKE DELETE ON fusillade.requests FROM ", "GRANT DELETE ON fusillade.requests TO ", "the role lacks DELETE on fusillade.requests; run"},
		{"REVOKE USAGE ON SCHEMA lethe FROM ", "GRANT USAGE ON SCHEMA lethe TO ", "the role lacks USAGE on schema lethe; run"},
		{"REVOKE SELECT (email), SELECT (id) ON public.users FROM ", "GRANT SELECT (email), SELECT (id) ON public.users TO ", " on public.users, and 1 more; run"},
	} {
		apptest.Exec(t, database.URL, c.revoke+role)
		status, _, body := s.Get(t, "/readyz", "")
		if status != http.StatusServiceUnavailable || !strings.Contains(body, c.want) || !strings.Contains(body, "lethe doctor") {
			t.Errorf("%s: want %d with %q, got %d %s", c.revoke, http.StatusServiceUnavailable, c.want, status, body)
		}
		apptest.Exec(t, database.URL, c.grant+role)
		if status, _, body := s.Get(t, "/readyz", ""); status != http.StatusOK {
			t.Errorf("%s: want %d, got %d %s", c.grant, http.StatusOK, status, body)
		}
	}
}

var otherQueries = regexp.MustCompile(`(?m)^lethe_query_duration_seconds_count\{pool="main",query="other"\} (\d+)$`)

// TestReadyQueries: every process is asked every few seconds.
func TestReadyQueries(t *testing.T) {
	t.Parallel()
	s := start(t, "LETHE_DATABASE_URL="+pgtest.New(t).RoleURL)
	made := func() int {
		t.Helper()
		_, _, body := s.Get(t, "/metrics", "")
		found := otherQueries.FindStringSubmatch(body)
		if found == nil {
			t.Fatal("metrics: want a count of queries, got none")
		}
		n, err := strconv.Atoi(found[1])
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	const calls, pings = 50, 20
	s.Get(t, "/readyz", "")
	before := made()
	for range calls {
		if status, _, body := s.Get(t, "/readyz", ""); status != http.StatusOK {
			t.Fatalf("want %d, got %d %s", http.StatusOK, status, body)
		}
	}
	if n := made() - before; n < 2*calls || n > 2*calls+pings {
		t.Errorf("%d calls made %d queries, want two each", calls, n)
	}
}
