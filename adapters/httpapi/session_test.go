package httpapi_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/httpapi"
	"lethe/domain"
	"lethe/internal/memory"
)

// withSessions is a service whose sessions are those in kept, by the value of their
// cookie.
func withSessions(t *testing.T, f fakes, sessions domain.Sessions, kept map[string]domain.Session) *service {
	t.Helper()
	return assemble(t, f, func(_ *httpapi.Config, d *httpapi.Deps) {
		d.IdleSession = 30 * time.Minute
		d.Identify.Accepting(sessions, domain.SessionLimits{Idle: d.IdleSession, Max: 12 * time.Hour})
		read, bake := d.Credentials, d.SessionCookie
		d.Credentials = func(r *http.Request) domain.Credentials {
			c := read(r)
			if cookie, err := r.Cookie("own"); err == nil {
				if s, known := kept[cookie.Value]; known {
					c.Session = &s
				}
			}
			return c
		}
		d.SessionCookie = func(r *http.Request, s *domain.Session) *http.Cookie {
			if s != nil {
				kept[s.ID.String()] = *s
			}
			return bake(r, s)
		}
	})
}

// TestSession: a key is exchanged for a cookie that works as the key does until it is
// ended, also for a copy of it, and its key is neither in answers nor in the log.
func TestSession(t *testing.T) {
	t.Parallel()
	kept := map[string]domain.Session{}
	s := withSessions(t, fakes{}, memory.NewSessions(), kept)
	before := time.Now()
	a := s.ask(t, http.MethodPost, session)
	body := decode(t, a.body)
	until, err := time.Parse(time.RFC3339, body["expires_at"].(string))
	if a.status != http.StatusCreated || err != nil || until.Before(before.Add(12*time.Hour)) || until.After(time.Now().Add(12*time.Hour)) || body["idle_seconds"] != 1800.0 || len(kept) != 1 {
		t.Fatalf("want %d and a session of twelve hours, got %d %s, %v", http.StatusCreated, a.status, a.body, err)
	}
	cookie := a.header.Get("Set-Cookie")
	if !strings.HasPrefix(cookie, "own=") {
		t.Fatalf("want a cookie, got %q", cookie)
	}
	byCookie := []string{"Authorization", "", "Cookie", cookie}
	for range 2 {
		if a := s.ask(t, http.MethodGet, list, byCookie...); a.status != http.StatusOK || a.header.Get("Set-Cookie") != "" {
			t.Errorf("list by cookie: want %d and no other cookie, got %d %v %s", http.StatusOK, a.status, a.header, a.body)
		}
	}
	if a := s.ask(t, http.MethodGet, holds, byCookie...); a.status != http.StatusForbidden {
		t.Errorf("holds by cookie: want %d as by key, got %d %s", http.StatusForbidden, a.status, a.body)
	}
	for range 2 {
		if a := s.ask(t, http.MethodDelete, session, byCookie...); a.status != http.StatusNoContent || a.header.Get("Set-Cookie") != "own=; Max-Age=0" || a.body != "" {
			t.Errorf("end: want %d without the cookie, got %d %v %s", http.StatusNoContent, a.status, a.header, a.body)
		}
	}
	if a := s.ask(t, http.MethodGet, list, byCookie...); a.status != http.StatusUnauthorized || !strings.Contains(a.problem.Detail, "POST "+session) {
		t.Errorf("after its end: want %d and what to do, got %d %s", http.StatusUnauthorized, a.status, a.body)
	}
	if a := s.ask(t, http.MethodGet, list); a.status != http.StatusOK {
		t.Errorf("by key after its end: want %d, got %d %s", http.StatusOK, a.status, a.body)
	}
	if strings.Contains(s.log.String(), "alice") || strings.Contains(a.body, "alice") {
		t.Errorf("the key is in the answer or in the log:\n%s\n%s", a.body, s.log)
	}
}

// TestSessionRefused: what is no session, and why.
func TestSessionRefused(t *testing.T) {
	t.Parallel()
	down := fakes{byKey: func(context.Context, string) (domain.Key, error) {
		return domain.Key{}, domain.Errorf(domain.CodeUnavailable, "The database is away")
	}}
	for name, c := range map[string]struct {
		service *service
		key     string
		status  int
		detail  string
	}{
		"no key":        {withSessions(t, fakes{}, memory.NewSessions(), nil), "", http.StatusUnauthorized, "Authorization: Bearer KEY"},
		"unknown key":   {withSessions(t, fakes{}, memory.NewSessions(), nil), "Bearer other", http.StatusUnauthorized, "create a new key"},
		"no sessions":   {assemble(t, fakes{}, nil), "Bearer alice", http.StatusConflict, "LETHE_AUTH_SESSION_KEY_FILE"},
		"database down": {withSessions(t, down, memory.NewSessions(), nil), "Bearer alice", http.StatusServiceUnavailable, "away"},
	} {
		a := c.service.ask(t, http.MethodPost, session, "Authorization", c.key)
		if a.status != c.status || !strings.Contains(a.problem.Detail, c.detail) || a.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: want %d with %q and no cookie, got %d %v %s", name, c.status, c.detail, a.status, a.header, a.body)
		}
	}
	// Ending what is not there is done.
	for name, s := range map[string]*service{"none": assemble(t, fakes{}, nil), "not this one": withSessions(t, fakes{}, memory.NewSessions(), nil)} {
		if a := s.ask(t, http.MethodDelete, session, "Authorization", "", "Cookie", "own=x"); a.status != http.StatusNoContent {
			t.Errorf("end, %s: want %d, got %d %s", name, http.StatusNoContent, a.status, a.body)
		}
	}
}

// TestSessionRenewed: an answer renews the cookie when a tenth of the idle time has
// passed; a request of another site is refused.
func TestSessionRenewed(t *testing.T) {
	t.Parallel()
	old := domain.Session{ID: uuid.New(), Key: "alice", Until: time.Now().Add(time.Hour), Seen: time.Now().Add(-4 * time.Minute)}
	kept := map[string]domain.Session{"old": old}
	s := withSessions(t, fakes{}, memory.NewSessions(), kept)
	byCookie := []string{"Authorization", "", "Cookie", "own=old"}
	a := s.ask(t, http.MethodGet, list, byCookie...)
	renewed := kept[old.ID.String()]
	if a.status != http.StatusOK || a.header.Get("Set-Cookie") != "own="+old.ID.String() ||
		renewed.Key != old.Key || !renewed.Until.Equal(old.Until) || time.Since(renewed.Seen) > time.Minute {
		t.Errorf("want the same session with another time, got %d %v %+v", a.status, a.header, renewed)
	}
	if a := s.ask(t, http.MethodGet, list, "Authorization", "", "Cookie", "own="+old.ID.String()); a.status != http.StatusOK || a.header.Get("Set-Cookie") != "" {
		t.Errorf("renewed: want %d and no other cookie, got %d %v", http.StatusOK, a.status, a.header)
	}
	for _, header := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "https://other.example"}} {
		for method, path := range map[string]string{http.MethodPost: erasures, http.MethodDelete: session} {
			if a := s.ask(t, method, path, append(byCookie, header...)...); a.status != http.StatusForbidden || a.header.Get("Set-Cookie") != "" {
				t.Errorf("%s %s with %v: want %d, got %d %s", method, path, header, http.StatusForbidden, a.status, a.body)
			}
		}
	}
	if a := s.ask(t, http.MethodDelete, session, append(byCookie, "Sec-Fetch-Site", "same-origin")...); a.status != http.StatusNoContent {
		t.Errorf("end from the same origin: want %d, got %d %s", http.StatusNoContent, a.status, a.body)
	}
}
