package auth_test

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/auth"
	"lethe/domain"
)

var (
	older = bytes.Repeat([]byte("o"), 32)
	newer = bytes.Repeat([]byte("n"), 32)
	own   = domain.Session{ID: uuid.New(), Key: "sk-of-alice", Until: now.Add(12 * time.Hour), Seen: now}
)

func reader(t *testing.T, secrets ...[]byte) *auth.Reader {
	t.Helper()
	a, err := auth.New(auth.Config{OwnSecrets: secrets})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// request is a GET with this Cookie header.
func request(cookie string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	return r
}

// token is own, sealed.
func token(t *testing.T, secrets ...[]byte) string {
	t.Helper()
	return reader(t, secrets...).SessionCookie(request(""), &own).Value
}

// TestOwnSession: a session is read from its cookie with any of the secrets, and from
// nothing else.
func TestOwnSession(t *testing.T) {
	t.Parallel()
	sealed := token(t, newer)
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		t.Fatal(err)
	}
	flipped := func(i int) string {
		changed := bytes.Clone(raw)
		changed[i] ^= 1
		return base64.RawURLEncoding.EncodeToString(changed)
	}
	// forged is a token of the right form that nobody has sealed.
	forged := base64.RawURLEncoding.EncodeToString(make([]byte, len(raw)))
	const name = auth.OwnSessionCookie + "="
	for what, c := range map[string]struct {
		cookie string
		secret [][]byte
		want   bool
	}{
		"the secret":               {name + sealed, [][]byte{newer}, true},
		"an older secret":          {name + sealed, [][]byte{older, newer}, true},
		"another secret":           {name + sealed, [][]byte{older}, false},
		"none":                     {name + sealed, nil, false},
		"no cookie":                {"", [][]byte{newer}, false},
		"empty":                    {name, [][]byte{newer}, false},
		"another name":             {"dwctl_session=" + sealed, [][]byte{newer}, false},
		"among others":             {"a=b; " + name + sealed + "; c=d", [][]byte{newer}, true},
		"after one that is forged": {name + forged + "; " + name + sealed, [][]byte{newer}, true},
		"forged":                   {name + forged, [][]byte{newer}, false},
		"changed nonce":            {name + flipped(0), [][]byte{newer}, false},
		"changed identifier":       {name + flipped(12), [][]byte{newer}, false},
		"changed time":             {name + flipped(12+16), [][]byte{newer}, false},
		"changed tag":              {name + flipped(len(raw)-1), [][]byte{newer}, false},
		"truncated":                {name + sealed[:len(sealed)-4], [][]byte{newer}, false},
		"longer":                   {name + sealed + "AAAA", [][]byte{newer}, false},
		"only a nonce":             {name + sealed[:16], [][]byte{newer}, false},
		"padded":                   {name + sealed + "=", [][]byte{newer}, false},
		"not base64":               {name + "!" + sealed[1:], [][]byte{newer}, false},
		"quoted":                   {name + `"` + sealed + `"`, [][]byte{newer}, false},
		"too long":                 {name + strings.Repeat("A", 5000), [][]byte{newer}, false},
	} {
		got := reader(t, c.secret...).Read(request(c.cookie))
		switch s := got.Session; {
		case (s != nil) != c.want:
			t.Errorf("%s: want a session: %t, got %v", what, c.want, s)
		case s != nil && (s.ID != own.ID || s.Key != own.Key || !s.Until.Equal(own.Until) || !s.Seen.Equal(own.Seen)):
			t.Errorf("%s: want %v, got %v", what, own, *s)
		}
		if got.Key != "" || got.Sessions != nil || got.ExternalID != "" {
			t.Errorf("%s: want no other credentials, got %+v", what, got)
		}
	}
}

// TestOwnSessionSealed: a token shows nothing of the key, no two are the same, and the
// longest one fits in a cookie.
func TestOwnSessionSealed(t *testing.T) {
	t.Parallel()
	first, second := token(t, newer), token(t, newer)
	raw, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil || bytes.Contains(raw, []byte(own.Key)) || bytes.Contains(raw, own.ID[:]) || first == second {
		t.Errorf("want different tokens without the key, got %s and %s, %v", first, second, err)
	}
	long := own
	long.Key = strings.Repeat("k", domain.MaxSessionKey)
	a := reader(t, newer)
	cookie := a.SessionCookie(request(""), &long)
	if n := len(cookie.String()); n > 4096 {
		t.Errorf("cookie: want at most 4096 bytes, got %d", n)
	}
	if got := a.Read(request(cookie.Name + "=" + cookie.Value)).Session; got == nil || got.Key != long.Key {
		t.Errorf("want the longest key back, got %v", got)
	}
}

// TestSessionCookie: scripts cannot read it, other sites cannot send it, and it goes
// over TLS alone, unless the browser is on this machine.
func TestSessionCookie(t *testing.T) {
	t.Parallel()
	a := reader(t, newer)
	for _, c := range []struct {
		remote, host, proto string
		secure              bool
	}{
		{"127.0.0.1:5000", "127.0.0.1:8080", "", false},
		{"127.0.0.1:5000", "localhost:8080", "", false},
		{"127.0.0.1:5000", "LOCALHOST", "", false},
		{"[::1]:5000", "[::1]:8080", "", false},
		{"[::1]:5000", "[::1]", "", false},
		{"[::ffff:127.0.0.1]:5000", "127.0.0.1", "http", false},
		{"127.0.0.1:5000", "127.0.0.1:8080", "https", true},
		{"127.0.0.1:5000", "lethe.example.com", "", true},
		{"127.0.0.1:5000", "localhost.example.com", "", true},
		{"127.0.0.1:5000", "", "", true},
		{"192.0.2.7:5000", "127.0.0.1:8080", "", true},
		{"192.0.2.7:5000", "localhost", "", true},
		{"@", "localhost", "", true},
	} {
		r := request("")
		r.RemoteAddr, r.Host = c.remote, c.host
		if c.proto != "" {
			r.Header.Set("X-Forwarded-Proto", c.proto)
		}
		want := "; Path=/; HttpOnly; Secure; SameSite=Strict"
		if !c.secure {
			want = "; Path=/; HttpOnly; SameSite=Strict"
		}
		got := a.SessionCookie(r, &own)
		if text := got.String(); text != auth.OwnSessionCookie+"="+got.Value+want || got.Value == "" {
			t.Errorf("%+v: want %s, got %s", c, want, text)
		}
		want = auth.OwnSessionCookie + "=" + strings.Replace(want, "; HttpOnly", "; Max-Age=0; HttpOnly", 1)
		if text := a.SessionCookie(r, nil).String(); text != want {
			t.Errorf("%+v: want it removed with %s, got %s", c, want, text)
		}
	}
}
