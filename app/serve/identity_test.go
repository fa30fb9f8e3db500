package serve_test

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"

	"lethe/internal/apptest"
	"lethe/internal/pgtest"
)

// What becomes of them.
const (
	cachedKey = "sk-cached"
	dropRole  = `DELETE FROM public.user_roles WHERE user_id = '22222222-2222-4222-8222-222222222222'`
	revokeKey = `UPDATE public.api_keys SET is_deleted = true WHERE secret = 'sk-cached'`
)

var (
	queriesMade = regexp.MustCompile(`(?m)^lethe_query_duration_seconds_count\{pool="main",query="(\w+)"\} (\d+)$`)
	cacheDrops  = regexp.MustCompile(`(?m)^lethe_cache_drops_total\{cache="callers"\} (\d+)$`)
)

// queries returns the number of all queries, and of those that look up a key.
func (s *service) queries(t *testing.T) (all, byKey int) {
	t.Helper()
	_, _, body := s.Get(t, "/metrics", "")
	for _, found := range queriesMade.FindAllStringSubmatch(body, -1) {
		n, err := strconv.Atoi(found[2])
		if err != nil {
			t.Fatal(err)
		}
		switch found[1] {
		case "SawLogin", "Backlog", "Published", "TakeTurn", "Forget", "DueErasures", "DueRules", "TallyErasures", "RedactErasures", "RemovePreviews", "RemovePreviewed", "Prepare", "TakesChanges", "ShareHolds", "Leads", "DueTombstones", "OpenIntents", "SeeHeld", "Surroundings", "HeldGone", "HeldPurges", "KeySecret", "KnownKeys", "RecordKeys", "RemoveKeys", "OpenSubjectRequests", "ForgetSubjects", "DueFiles", "ExpireFiles", "ForgetFiles", "RemovableFiles", "LiveFiles", "TallyFiles", "UnapprovedErasures", "ClaimEvent", "WaitingEvents", "RemoveEvents", "begin", "commit", "other": // in the background; pings and the like
			continue
		case "ByKey":
			byKey = n
		}
		all += n
	}
	return all, byKey
}

// list lists as the cached caller, and returns the status.
func (s *service) list(t *testing.T) int {
	t.Helper()
	status, _, _ := s.Get(t, apptest.RequestsPath, cachedKey)
	return status
}

func (s *service) wantList(t *testing.T, want int, when string) {
	t.Helper()
	if got := s.list(t); got != want {
		t.Errorf("%s: %d, want %d", when, got, want)
	}
}

// erase erases a missing response as the cached caller.
func (s *service) erase(t *testing.T) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, s.URL+apptest.RequestsPath+"/"+uuid.NewString(), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+cachedKey)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// startCaching starts the service and waits until it listens.
func startCaching(t *testing.T, database *pgtest.Database, ttl string) *service {
	t.Helper()
	s := start(t, "LETHE_DATABASE_URL="+database.RoleURL, "LETHE_AUTH_CACHE_TTL="+ttl)
	apptest.Await(t, "it listens for changes", func() bool { return s.drops(t) > 0 })
	return s
}

func (s *service) drops(t *testing.T) int {
	t.Helper()
	_, _, body := s.Get(t, "/metrics", "")
	found := cacheDrops.FindStringSubmatch(body)
	if found == nil {
		t.Fatalf("metrics: want a count of drops, got\n%s", body)
	}
	n, err := strconv.Atoi(found[1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestCallerCache: a cached caller costs no query until the database notifies of a
// change or the listening is interrupted; an erasure looks the caller up all the
// same.
func TestCallerCache(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	apptest.Exec(t, database.URL, apptest.AddCached)
	s := startCaching(t, database, "60s")

	s.wantList(t, http.StatusOK, "the first time")
	first, byKey := s.queries(t)
	if byKey != 1 {
		t.Errorf("the caller was looked up %d times, want once", byKey)
	}
	s.wantList(t, http.StatusOK, "the second time")
	both, byKey := s.queries(t)
	if both-first != first-1 || byKey != 1 {
		t.Errorf("the second list made %d queries after %d of the first, want one fewer; the caller was looked up %d times", both-first, first, byKey)
	}

	// No trigger notifies of roles.
	apptest.Exec(t, database.URL, dropRole)
	s.wantList(t, http.StatusOK, "a role less, and not told")
	if status := s.erase(t); status != http.StatusForbidden {
		t.Errorf("an erasure without the role: want %d, got %d", http.StatusForbidden, status)
	}
	s.wantList(t, http.StatusOK, "after the erasure")
	drops := s.drops(t)
	apptest.Exec(t, database.URL, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'lethe listener'`)
	apptest.Await(t, "the lost connection makes it forget", func() bool { return s.list(t) == http.StatusForbidden })
	apptest.Await(t, "it listens again", func() bool { return s.drops(t) >= drops+2 })

	s.wantList(t, http.StatusForbidden, "remembered without the role")
	apptest.Exec(t, database.URL, revokeKey)
	apptest.Await(t, "the revoked key is told of", func() bool { return s.list(t) == http.StatusUnauthorized })
	if status := s.erase(t); status != http.StatusUnauthorized {
		t.Errorf("an erasure with the revoked key: want %d, got %d", http.StatusUnauthorized, status)
	}
}

// TestCallerCacheTimeToLive: a change without a notification takes effect within the
// time to live. Without triggers it is as through a pooler.
func TestCallerCacheTimeToLive(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change string
		want   int
	}{
		"role":   {dropRole, http.StatusForbidden},
		"person": {`UPDATE public.users SET is_deleted = true WHERE email = 'cached@example.com'`, http.StatusUnauthorized},
		"key, without triggers": {`ALTER TABLE public.api_keys DISABLE TRIGGER api_keys_notify; ` + revokeKey,
			http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := pgtest.New(t)
			apptest.Exec(t, database.URL, apptest.AddCached)
			s := startCaching(t, database, "1s")
			s.wantList(t, http.StatusOK, "before")
			drops := s.drops(t)
			apptest.Exec(t, database.URL, c.change)
			apptest.Await(t, "it is noticed", func() bool { return s.list(t) == c.want })
			if n := s.drops(t); n != drops {
				t.Errorf("%d drops, want none: it was told of", n-drops)
			}
		})
	}
}

// TestCallerCacheOff: without the setting nothing is cached and nothing listens.
func TestCallerCacheOff(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	apptest.Exec(t, database.URL, apptest.AddCached)
	s := start(t, "LETHE_DATABASE_URL="+database.RoleURL)
	for range 3 {
		s.wantList(t, http.StatusOK, "without a cache")
	}
	if _, byKey := s.queries(t); byKey != 3 {
		t.Errorf("the caller was looked up %d times, want 3", byKey)
	}
	if _, _, body := s.Get(t, "/metrics", ""); strings.Contains(body, "lethe_cache") {
		t.Error("metrics: want none of the cache, as it is off")
	}
	apptest.Exec(t, database.URL, `DO $$ BEGIN
		IF EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE '%listener%') THEN
			RAISE 'somebody listens';
		END IF;
	END $$`)
}
