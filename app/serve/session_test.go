package serve_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"lethe/app/boot"
	"lethe/app/config"
	"lethe/app/serve"
	"lethe/internal/apptest"
	"lethe/internal/pgtest"
)

const sessionPath = "/lethe/api/v1/session"

// sessionKeys is a file with these keys of sessions.
func sessionKeys(t *testing.T, keys ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "session.keys")
	if err := os.WriteFile(file, []byte(strings.Join(keys, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// exchange starts a session with a key, and returns its cookie as a browser sends it.
func (s *service) exchange(t *testing.T, key string) string {
	t.Helper()
	status, header, body := s.Send(t, http.MethodPost, sessionPath, key, "")
	name, value, _ := strings.Cut(header.Get("Set-Cookie"), "=")
	value, flags, _ := strings.Cut(value, ";")
	var told struct {
		ExpiresAt   time.Time `json:"expires_at"`
		IdleSeconds int       `json:"idle_seconds"`
	}
	if err := json.Unmarshal([]byte(body), &told); err != nil || status != http.StatusCreated || name != "lethe_session" || value == "" ||
		flags != " Path=/; HttpOnly; SameSite=Strict" || told.IdleSeconds != 1800 || time.Until(told.ExpiresAt).Round(time.Hour) != 12*time.Hour {
		t.Fatalf("start a session: want %d with a cookie for twelve hours, got %d %v %s, %v", http.StatusCreated, status, header, body, err)
	}
	return name + "=" + value
}

// wantSession asks for a list by cookie.
func (s *service) wantSession(t *testing.T, what, cookie string, want int) {
	t.Helper()
	status, _, body := s.Send(t, http.MethodGet, apptest.RequestsPath, "", "", "Cookie", cookie)
	if status != want || status == http.StatusUnauthorized && !strings.Contains(body, "POST "+sessionPath) {
		t.Errorf("%s: want %d, got %d %s", what, want, status, body)
	}
}

// TestSession: a session has the rights of its key, and ends when it is ended, with its
// key, with the key's creator or owner, and with the service's key of sessions.
func TestSession(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	environ := func(keys ...string) []string {
		return []string{"LETHE_DATABASE_URL=" + database.RoleURL, "LETHE_AUTH_SESSION_KEY_FILE=" + sessionKeys(t, keys...)}
	}
	const first, second = "the-first-key-of-sessions-0123456789", "the-second-key-of-sessions-0123456789"
	s := start(t, environ(first)...)

	kept := s.exchange(t, "sk-alice-platform")
	for _, key := range []string{"sk-bob-platform", "sk-acme-alice-platform", "sk-root-platform"} {
		cookie := s.exchange(t, key)
		_, _, byKey := s.Get(t, apptest.RequestsPath+"?limit=101", key)
		status, _, byCookie := s.Send(t, http.MethodGet, apptest.RequestsPath+"?limit=101", "", "", "Cookie", cookie)
		if status != http.StatusOK || byCookie != byKey {
			t.Errorf("%s: want the same list by cookie, got %d %s\nand by key %s", key, status, byCookie, byKey)
		}
	}
	status, header, body := s.Send(t, http.MethodPost, sessionPath, "sk-alice-revoked", "")
	if status != http.StatusUnauthorized || header.Get("Content-Type") != "application/problem+json" || !strings.Contains(body, "create a new key") || header.Get("Set-Cookie") != "" {
		t.Errorf("revoked key: want %d and what to do, got %d %v %s", http.StatusUnauthorized, status, header, body)
	}

	ended := s.exchange(t, "sk-alice-platform")
	s.wantSession(t, "begun", ended, http.StatusOK)
	status, _, body = s.Send(t, http.MethodDelete, sessionPath, "", "", "Cookie", ended, "Sec-Fetch-Site", "cross-site")
	if status != http.StatusForbidden {
		t.Errorf("ended by another site: want %d, got %d %s", http.StatusForbidden, status, body)
	}
	s.wantSession(t, "after another site", ended, http.StatusOK)
	status, header, body = s.Send(t, http.MethodDelete, sessionPath, "", "", "Cookie", ended, "Sec-Fetch-Site", "same-origin")
	if status != http.StatusNoContent || !strings.HasPrefix(header.Get("Set-Cookie"), "lethe_session=; Path=/; Max-Age=0") {
		t.Errorf("end: want %d without the cookie, got %d %v %s", http.StatusNoContent, status, header, body)
	}
	s.wantSession(t, "ended", ended, http.StatusUnauthorized)
	s.wantSession(t, "another of the same key", kept, http.StatusOK)

	bobs, acmes := s.exchange(t, "sk-bob-platform"), s.exchange(t, "sk-acme-alice-platform")
	apptest.Exec(t, database.URL, "UPDATE public.api_keys SET is_deleted = true WHERE secret = 'sk-bob-platform'")
	s.wantSession(t, "key revoked", bobs, http.StatusUnauthorized)
	apptest.Exec(t, database.URL, "UPDATE public.users SET is_deleted = true WHERE username = 'acme'")
	s.wantSession(t, "owner deleted", acmes, http.StatusUnauthorized)
	s.wantSession(t, "the creator's own", kept, http.StatusOK)
	carols := s.exchange(t, "sk-carol-platform")
	s.wantSession(t, "no role", carols, http.StatusForbidden)
	apptest.Exec(t, database.URL, "UPDATE public.users SET is_deleted = true WHERE username = 'carol'")
	s.wantSession(t, "creator deleted", carols, http.StatusUnauthorized)

	// Another process has the same sessions if it has the key, too.
	other := start(t, environ(second, first)...)
	other.wantSession(t, "older key", kept, http.StatusOK)
	other.wantSession(t, "ended, older key", ended, http.StatusUnauthorized)
	newest := other.exchange(t, "sk-alice-platform")
	other.wantSession(t, "newest key", newest, http.StatusOK)
	last := start(t, environ(second)...)
	last.wantSession(t, "newest key alone", newest, http.StatusOK)
	if status, _, body := last.Send(t, http.MethodGet, apptest.RequestsPath, "", "", "Cookie", kept); status != http.StatusUnauthorized || !strings.Contains(body, "Authentication required") {
		t.Errorf("key removed: want %d, got %d %s", http.StatusUnauthorized, status, body)
	}
}

// TestSessionStream: an event stream of a session ends with it.
func TestSessionStream(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	s := start(t, "LETHE_DATABASE_URL="+database.RoleURL, "LETHE_AUTH_SESSION_KEY_FILE="+sessionKeys(t, "0123456789abcdef0123456789abcdef"))
	cookie := s.exchange(t, "sk-root-platform")
	// Rows that another transaction has locked cannot be erased yet.
	conn, err := pgx.Connect(t.Context(), database.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	if _, err := conn.Exec(t.Context(), "BEGIN; SELECT FROM fusillade.requests FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	target := map[string]any{"owner": apptest.Bob}
	_, preview := s.Post(t, apptest.ErasuresPath+"/preview", target)
	erasure := s.StartErasure(t, http.StatusAccepted, target, preview)
	watched := make(chan apptest.Answered, 1)
	go func() {
		watched <- s.Do(t.Context(), http.DefaultClient, http.MethodGet, apptest.ErasuresPath+"/"+erasure+"/events", "", "", "Cookie", cookie)
	}()
	select {
	case a := <-watched:
		t.Fatalf("want the stream to go on, got %d %s, %v", a.Status, a.Body, a.Err)
	case <-time.After(2 * time.Second):
	}
	if status, _, body := s.Send(t, http.MethodDelete, sessionPath, "", "", "Cookie", cookie); status != http.StatusNoContent {
		t.Fatalf("end: want %d, got %d %s", http.StatusNoContent, status, body)
	}
	select {
	case a := <-watched:
		if a.Err != nil || a.Status != http.StatusOK || !strings.Contains(a.Body, "event: progress") || strings.Contains(a.Body, "event: end") {
			t.Errorf("want a stream that ended before its erasure, got %d %s, %v", a.Status, a.Body, a.Err)
		}
	case <-time.After(20 * time.Second):
		t.Error("the stream goes on after the end of its session")
	}
}

// lines collects a log.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestSessionLog: neither keys nor cookies are in the log, whatever becomes of them.
func TestSessionLog(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	cfg, err := config.Load(config.Sources{Environ: []string{
		"LETHE_DATABASE_URL=" + database.RoleURL, "LETHE_HTTP_ADDR=127.0.0.1:0", "LETHE_AUTH_SESSION_KEY_FILE=" + sessionKeys(t, "0123456789abcdef0123456789abcdef"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	db, err := boot.Open(t.Context(), cfg, &lines{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	log, addr, done := &lines{}, make(chan string, 1), make(chan error, 1)
	go func() {
		done <- serve.RunOn(ctx, cfg, db, slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})), func(a string) { addr <- a })
	}()
	s := &service{&apptest.Service{URL: "http://" + <-addr}}
	cookie := s.exchange(t, "sk-alice-platform")
	s.wantSession(t, "begun", cookie, http.StatusOK)
	s.Send(t, http.MethodPost, sessionPath, "sk-alice-revoked", "")
	s.Send(t, http.MethodPost, sessionPath, "sk-nobody-has-this", "")
	s.Send(t, http.MethodDelete, sessionPath, "", "", "Cookie", cookie)
	s.wantSession(t, "ended", cookie, http.StatusUnauthorized)
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), sessionPath) {
		t.Errorf("want the requests in the log, got\n%s", log)
	}
	for _, secret := range []string{"sk-alice", "sk-nobody", strings.TrimPrefix(cookie, "lethe_session="), "0123456789abcdef0123456789abcdef"} {
		if strings.Contains(log.String(), secret) {
			t.Errorf("%s is in the log:\n%s", secret, log)
		}
	}
}

// TestSessionsOff: without a key of sessions there are none, and what to do is said.
func TestSessionsOff(t *testing.T) {
	t.Parallel()
	s := start(t, "LETHE_DATABASE_URL="+pgtest.WithFixture(t).RoleURL)
	if status, header, body := s.Send(t, http.MethodPost, sessionPath, "sk-alice-platform", ""); status != http.StatusConflict || !strings.Contains(body, "LETHE_AUTH_SESSION_KEY_FILE") || header.Get("Set-Cookie") != "" {
		t.Errorf("start: want %d with the setting, got %d %v %s", http.StatusConflict, status, header, body)
	}
	if status, _, body := s.Send(t, http.MethodDelete, sessionPath, "", ""); status != http.StatusNoContent {
		t.Errorf("end: want %d, got %d %s", http.StatusNoContent, status, body)
	}
}
