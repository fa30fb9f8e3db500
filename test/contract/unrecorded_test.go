package contract

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	list  = "/admin/api/v1/batches/requests"
	row   = list + "/c0000400-0000-4000-8000-0000000000"
	acme  = "c0000200-0000-4000-8000-000000000001"
	alice = "c0000100-0000-4000-8000-000000000003"
	bob   = "c0000100-0000-4000-8000-000000000004"
)

func proxied(name string, more ...string) map[string]string {
	return with(append([]string{"x-doubleword-user", "idp|" + name}, more...)...)
}

func keyed(key string, more ...string) map[string]string {
	return with(append([]string{"authorization", "Bearer " + key}, more...)...)
}

func with(pairs ...string) map[string]string {
	headers := make(map[string]string)
	for i := 0; i < len(pairs); i += 2 {
		headers[pairs[i]] = pairs[i+1]
	}
	return headers
}

func session(t *testing.T, user string) string {
	t.Helper()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": user, "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(),
	}).SignedString([]byte("contract-secret-key-of-enough-length"))
	if err != nil {
		t.Fatal(err)
	}
	return "dwctl_session=" + token
}

func (s *service) ask(t *testing.T, method, path string, headers map[string]string) answer {
	t.Helper()
	got, err := s.send(t.Context(), method, path, headers)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestUnrecorded: documented behaviour that no recorded exchange shows; nothing here
// erases.
func TestUnrecorded(t *testing.T) {
	t.Parallel()
	s := start(t)
	aliceSession, bobSession, goneSession := session(t, alice), session(t, bob), session(t, "c0000100-0000-4000-8000-00000000000a")
	for _, c := range []struct {
		name, method, path string
		headers            map[string]string
		status             int
		total              int // of a list; -1: none
	}{
		{"HEAD of a list", "HEAD", list, proxied("alice"), 200, -1},
		{"HEAD of one", "HEAD", row + "5a", proxied("alice"), 200, -1},
		{"HEAD of somebody's", "HEAD", row + "6e", proxied("alice"), 404, -1},
		{"HEAD by nobody", "HEAD", list, nil, 401, -1},
		{"HEAD of nonsense", "HEAD", list + "?limit=x", nil, 400, -1},
		{"OPTIONS of a list", "OPTIONS", list, nil, 200, -1},
		{"POST", "POST", list, proxied("alice"), 405, -1},
		{"DELETE of a list", "DELETE", list, proxied("root"), 405, -1},
		{"elsewhere", "GET", "/admin/api/v1/batches", proxied("root"), 404, -1},
		{"trailing slash", "GET", list + "/", proxied("root"), 404, -1},

		{"the first session counts", "GET", list, with("cookie", bobSession+"; "+aliceSession), 200, 17},
		{"the first valid session counts", "GET", list, with("cookie", "dwctl_session=x; "+goneSession+"; "+aliceSession), 200, 69},
		{"a key before a session", "GET", list, keyed("sk-alice-platform", "cookie", bobSession), 200, 69},
		{"a session before the proxy", "GET", list, proxied("bob", "cookie", aliceSession), 200, 69},
		{"a deleted user's key, then the proxy", "GET", list, proxied("alice", "authorization", "Bearer sk-gone-platform"), 200, 69},
		{"a key that is no text", "GET", list, keyed("\xff"), 401, -1},
		{"a proxy's word that is no text", "GET", list, with("x-doubleword-user", "\xff"), 401, -1},
		{"an e-mail alone", "GET", list, with("x-doubleword-email", "alice@example.test"), 401, -1},

		{"a key with a cookie's organization", "GET", list, keyed("sk-alice-platform", "cookie", "dw_active_org="+acme), 200, 14},
		{"a key with a header's organization", "GET", list, keyed("sk-alice-platform", "x-organization-id", acme), 200, 14},
		{"an empty cookie leaves it to the header", "GET", list, proxied("alice", "cookie", "dw_active_org=", "x-organization-id", acme), 200, 14},
		{"the header is nonsense", "GET", list, proxied("alice", "x-organization-id", "acme"), 200, 69},
		{"the active organization does not hide one's own", "GET", row + "5a", proxied("alice", "cookie", "dw_active_org="+acme), 200, -1},
		{"member_id before the organization", "GET", list + "?member_id=" + bob, proxied("pam", "cookie", "dw_active_org="+acme), 200, 17},

		{"a plus", "GET", list + "?limit=%2B3", proxied("alice"), 200, 69},
		{"a plus that is a space", "GET", list + "?limit=+3", proxied("alice"), 400, -1},
		{"negative", "GET", list + "?skip=-1&limit=-1", proxied("alice"), 200, 69},
		{"the largest", "GET", list + "?skip=9223372036854775807&limit=9223372036854775807", proxied("alice"), 200, 69},
		{"the smallest", "GET", list + "?skip=-9223372036854775808&limit=-9223372036854775808", proxied("alice"), 200, 69},
		{"semicolons", "GET", list + "?status=completed;x", proxied("alice"), 200, 0},
		{"unknown twice", "GET", list + "?x=1&x=2", proxied("alice"), 200, 69},
		{"not UTF-8", "GET", list + "?model=%ff", proxied("alice"), 400, -1},
		{"NUL in a list", "GET", list + "?model=a,%00", proxied("alice"), 400, -1},
		{"NUL in the path", "GET", row + "5a%00", proxied("alice"), 400, -1},
		{"long ago", "GET", list + "?created_after=0000-01-01T00:00:00%2B23:59", proxied("alice"), 200, 69},
		{"far ahead", "GET", list + "?created_before=9999-12-31T23:59:59-23:59", proxied("alice"), 200, 69},
		{"lower case", "GET", list + "?created_after=2000-01-01t00:00:00z", proxied("alice"), 200, 69},
		{"a space for the T", "GET", list + "?created_after=2000-01-01%2000:00:00Z", proxied("alice"), 200, 69},
		{"in braces", "GET", list + "/{c0000400-0000-4000-8000-00000000005a}", proxied("alice"), 200, -1},
		{"after urn", "GET", list + "?member_id=urn:uuid:" + bob, proxied("pam"), 200, 17},
		{"upper-case URN", "GET", list + "?member_id=URN:UUID:" + bob, proxied("pam"), 400, -1},

		{"another site", "DELETE", row + "5a", proxied("alice", "cookie", "a=b", "origin", "https://evil.test"), 403, -1},
		{"another site, reading", "GET", row + "5a", proxied("alice", "cookie", "a=b", "origin", "https://evil.test"), 200, -1},

		{"alive", "GET", "/healthz", nil, 200, -1},
		{"ready", "GET", "/readyz", nil, 200, -1},
		{"metrics", "GET", "/metrics", nil, 200, -1},
		{"contract", "GET", "/openapi.yaml", nil, 200, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := s.ask(t, c.method, c.path, c.headers)
			if got.status != c.status {
				t.Fatalf("want %d, got %d %.300s", c.status, got.status, got.body)
			}
			if c.total < 0 {
				return
			}
			var page struct {
				Total int    `json:"total_count"`
				Kind  string `json:"count_kind"`
			}
			if err := json.Unmarshal(got.body, &page); err != nil || page.Total != c.total || page.Kind != "exact" {
				t.Errorf("counted %+v, want %d, %v", page, c.total, err)
			}
		})
	}
}

// TestLargeContents: a prompt and an answer of some hundred KiB are returned as
// stored.
func TestLargeContents(t *testing.T) {
	t.Parallel()
	s := start(t)
	got := s.ask(t, http.MethodGet, row+"5b", proxied("alice"))
	var answered struct {
		Body         string
		ResponseBody string `json:"response_body"`
	}
	if err := json.Unmarshal(got.body, &answered); err != nil || got.status != http.StatusOK {
		t.Fatalf("fetch: want %d, got %d, %v", http.StatusOK, got.status, err)
	}
	var body, responseBody string
	if err := s.db.QueryRow(t.Context(), `
		SELECT t.body, r.response_body FROM fusillade.requests r JOIN fusillade.request_templates t ON t.id = r.template_id
		WHERE r.id = 'c0000400-0000-4000-8000-00000000005b'`).Scan(&body, &responseBody); err != nil {
		t.Fatal(err)
	}
	if len(body) < 100_000 || len(responseBody) < 100_000 {
		t.Fatalf("contents of the fixture: want 100,000 bytes each or more, got %d and %d", len(body), len(responseBody))
	}
	if answered.Body != body || answered.ResponseBody != responseBody {
		t.Error("contents: want them as stored")
	}
}

// TestEraseChain: the ID of each part erases the whole chain: heads, parts, an
// organization's chain, and one by a platform manager.
func TestEraseChain(t *testing.T) {
	t.Parallel()
	s := start(t)
	total := s.rows(t, list)
	for _, c := range []struct {
		name    string
		part    string
		parts   []string
		headers map[string]string
		status  int
	}{
		{"somebody's", "6f", []string{"6e", "6f", "70"}, proxied("alice"), 404},
		{"the organization's, not acting for it", "6c", []string{"6b", "6c", "6d"}, proxied("alice"), 404},
		{"the organization's, membership pending", "6c", []string{"6b", "6c", "6d"}, proxied("bob", "cookie", "dw_active_org="+acme), 404},
		{"by the last part", "67", []string{"65", "66", "67"}, proxied("alice"), 204},
		{"by the head", "68", []string{"68", "69", "6a"}, keyed("sk-alice-platform"), 204},
		{"the organization's, by its key", "6c", []string{"6b", "6c", "6d"}, keyed("sk-acme-alice-platform"), 204},
		{"everyone's", "6f", []string{"6e", "6f", "70"}, proxied("pam"), 204},
	} {
		t.Run(c.name, func(t *testing.T) {
			want := s.rows(t, list)
			if got := s.ask(t, http.MethodDelete, row+c.part, c.headers); got.status != c.status {
				t.Fatalf("want %d, got %d %s", c.status, got.status, got.body)
			}
			left := 200
			if c.status == http.StatusNoContent {
				want.Requests -= 3
				want.Templates -= 3
				want.AllSteps -= 4
				left = 404
			}
			if got := s.rows(t, list); got != want {
				t.Errorf("left rows %+v, want %+v", got, want)
			}
			for _, part := range c.parts {
				if got := s.ask(t, http.MethodGet, row+part, proxied("root")); got.status != left {
					t.Errorf("part %s: want %d, got %d", part, left, got.status)
				}
				if c.status == http.StatusNoContent {
					if got := s.ask(t, http.MethodDelete, row+part, c.headers); got.status != http.StatusNotFound {
						t.Errorf("part %s, erased again: want %d, got %d", part, http.StatusNotFound, got.status)
					}
				}
			}
		})
	}
	if got := s.rows(t, list); got.AllSteps != 0 || got.Analytics != total.Analytics {
		t.Errorf("want no steps and all analytics left, got %+v of %+v", got, total)
	}
}

// TestLastLogin: the time of a request is stored soon after the response.
func TestLastLogin(t *testing.T) {
	t.Parallel()
	s := start(t)
	lastLogin := func() (at *time.Time) {
		if err := s.db.QueryRow(t.Context(), `SELECT last_login FROM public.users WHERE id = $1`, alice).Scan(&at); err != nil {
			t.Fatal(err)
		}
		return at
	}
	if _, err := s.db.Exec(t.Context(), `UPDATE public.users SET last_login = now() - interval '1 hour' WHERE id = $1`, alice); err != nil {
		t.Fatal(err)
	}
	began := lastLogin()
	s.ask(t, http.MethodGet, list, proxied("alice"))
	for deadline := time.Now().Add(20 * time.Second); !lastLogin().After(*began); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("want the login stored, got none before the deadline")
		}
	}
}

// TestRouteMetrics: requests are counted by route, never by path.
func TestRouteMetrics(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.ask(t, http.MethodGet, row+"5a", proxied("alice"))
	got := s.ask(t, http.MethodGet, "/metrics", nil)
	text := string(got.body)
	want := fmt.Sprintf(`lethe_http_request_duration_seconds_count{method="GET",route="%s/:request_id",status="200"} 1`, list)
	if !strings.Contains(text, want) || strings.Contains(text, "c0000400") {
		t.Errorf("%s is missing, or there is an identifier in %s", want, text)
	}
}
