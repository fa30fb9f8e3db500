package webhook_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/webhook"
	"lethe/domain"
)

const hidden = "hidden-word"

var secret = "whsec_" + base64.StdEncoding.EncodeToString([]byte("twenty-four bytes or more"))

func newEvent() domain.Event {
	return domain.Event{ID: uuid.New(), Type: "erasure.finished", At: time.Date(2026, 3, 1, 12, 0, 0, 5000, time.UTC), Data: []byte(`{"id" : "7", "responses" : 3}`), Attempts: 2}
}

func send(t *testing.T, ctx context.Context, to string, e domain.Event) error {
	t.Helper()
	key, err := webhook.ParseSecret(secret)
	if err != nil {
		t.Fatal(err)
	}
	w, err := webhook.New(to, key, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return w.Send(ctx, e)
}

// TestSend: 2xx is success, 410 ends the attempts, a redirect is not followed, and no
// error quotes the URL.
func TestSend(t *testing.T) {
	t.Parallel()
	var followed atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Add(1) }))
	defer elsewhere.Close()
	for status, want := range map[int]domain.Code{
		200: "", 204: "", 299: "", 410: domain.CodeNotFound, 404: domain.CodeUnavailable, 500: domain.CodeUnavailable, 503: domain.CodeUnavailable,
		301: domain.CodeUnavailable, 302: domain.CodeUnavailable, 307: domain.CodeUnavailable, 308: domain.CodeUnavailable,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only then its context ends with the connection
			w.Header().Set("Location", elsewhere.URL)
			w.WriteHeader(status)
			if status == 200 { // what follows is not waited for
				http.NewResponseController(w).Flush()
				<-r.Context().Done()
			}
		}))
		err := send(t, t.Context(), server.URL+"?token="+hidden, newEvent())
		if (err == nil) != (want == "") || err != nil && domain.CodeOf(err) != want {
			t.Errorf("%d: want %q, got %v", status, want, err)
		}
		if err != nil && (strings.Contains(err.Error(), hidden) || strings.Contains(err.Error(), "//")) {
			t.Errorf("%d: want an error without the URL, got %v", status, err)
		}
		server.Close()
		err = send(t, t.Context(), server.URL+"?token="+hidden, newEvent())
		if domain.CodeOf(err) != domain.CodeUnavailable || strings.Contains(err.Error(), hidden) {
			t.Errorf("nobody listens: want %s without the URL, got %v", domain.CodeUnavailable, err)
		}
	}
	if n := followed.Load(); n != 0 {
		t.Errorf("%d redirects were followed, want 0", n)
	}
	broken := newEvent()
	broken.Data = []byte("{")
	if err := send(t, t.Context(), elsewhere.URL, broken); domain.CodeOf(err) != domain.CodeInternal {
		t.Errorf("broken event: want %s, got %v", domain.CodeInternal, err)
	}
	if _, err := webhook.New(elsewhere.URL, nil, time.Now); err == nil {
		t.Error("New without a secret: got no error")
	}
	if _, err := webhook.New("http://example.com", []byte("x"), time.Now); err == nil {
		t.Error("New without TLS: got no error")
	}
}

// TestSendEnds: an attempt ends with its context.
func TestSendEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		cancel()
		<-r.Context().Done()
	}))
	defer server.Close()
	if err := send(t, ctx, server.URL, newEvent()); domain.CodeOf(err) != domain.CodeUnavailable {
		t.Errorf("want %s, got %v", domain.CodeUnavailable, err)
	}
}

// TestDocumentedVerification: what is sent passes the programs of the documentation, and
// nothing else does.
func TestDocumentedVerification(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"python3", "openssl"} {
		if _, err := exec.LookPath(name); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatalf("%s: not installed", name)
			}
			t.Skipf("no %s found: the documented programs are not run", name)
		}
	}
	headers, body := map[string]string{}, []byte(nil)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ = io.ReadAll(r.Body)
		headers["method"] = r.Method
		for name := range r.Header {
			headers[strings.ToLower(name)] = r.Header.Get(name)
		}
	}))
	defer server.Close()
	e := newEvent()
	if err := send(t, t.Context(), server.URL, e); err != nil {
		t.Fatal(err)
	}
	const want = `{"type":"erasure.finished","timestamp":"2026-03-01T12:00:00.000005Z","data":{"id":"7","responses":3}}`
	if string(body) != want || headers["method"] != http.MethodPost || headers["content-type"] != "application/json" || headers["webhook-id"] != e.ID.String() {
		t.Errorf("want %s, got %s with %v", want, body, headers)
	}

	page, err := os.ReadFile("../../docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	block := func(language, having string) string {
		for _, found := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllSubmatch(page, -1) {
			if bytes.Contains(found[1], []byte(having)) {
				return string(found[1])
			}
		}
		t.Fatalf("docs/webhooks.md: no %s with %s", language, having)
		return ""
	}
	_, inShell, _ := strings.Cut(block("sh", "openssl dgst"), "\n\n")
	inPython := block("python", "def verify") + `
import json, sys
sent = json.load(sys.stdin)
print("genuine" if verify(sent["secret"], sent["headers"], sent["body"].encode()) else "forged")
`
	verified := func(t *testing.T, secret string, headers map[string]string, body string) (byPython, byShell string) {
		t.Helper()
		sent, err := json.Marshal(map[string]any{"secret": secret, "headers": headers, "body": body})
		if err != nil {
			t.Fatal(err)
		}
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, "body"), []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		python := exec.CommandContext(t.Context(), "python3", "-c", inPython)
		python.Stdin = bytes.NewReader(sent)
		shell := exec.CommandContext(t.Context(), "sh", "-uc", inShell)
		shell.Dir = folder
		shell.Env = append(os.Environ(), "SECRET="+secret, "ID="+headers["webhook-id"], "TIMESTAMP="+headers["webhook-timestamp"], "SIGNATURE="+headers["webhook-signature"])
		pythonSaid, err := python.Output()
		if err != nil {
			t.Fatalf("the program in Python: %v", err)
		}
		shellSaid, _ := shell.Output() // its exit code says the same
		return strings.TrimSpace(string(pythonSaid)), strings.TrimSpace(string(shellSaid))
	}
	with := func(name, value string) map[string]string {
		changed := map[string]string{}
		for k, v := range headers {
			changed[k] = v
		}
		changed[name] = value
		return changed
	}
	for name, c := range map[string]struct {
		secret  string
		headers map[string]string
		body    string
		genuine bool
	}{
		"as sent":        {secret, headers, string(body), true},
		"another body":   {secret, headers, strings.Replace(string(body), "3", "4", 1), false},
		"another id":     {secret, with("webhook-id", uuid.NewString()), string(body), false},
		"another time":   {secret, with("webhook-timestamp", "1790000000"), string(body), false},
		"another secret": {"whsec_" + base64.StdEncoding.EncodeToString([]byte("twenty-four bytes or less")), headers, string(body), false},
	} {
		byPython, byShell := verified(t, c.secret, c.headers, c.body)
		if (byPython == "genuine") != c.genuine || (byShell == "genuine") != c.genuine {
			t.Errorf("%s: want genuine: %t, got %q and %q", name, c.genuine, byPython, byShell)
		}
	}
}

func TestCheckURL(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]bool{
		"https://example.com/hooks/lethe": true, "https://example.com:8443/?token=x": true, "http://127.0.0.1:9000/": true, "http://[::1]/x": true, "http://localhost:9000": true,
		"http://example.com/": false, "http://10.0.0.1/": false, "http://localhost.example.com/": false, "ftp://127.0.0.1/": false, "https://": false, "example.com": false,
		"https://user:" + hidden + "@example.com/": false, "https://example.com/#" + hidden: false, "https://example.com/%zz" + hidden: false, "": false, "https://:443/": false,
	} {
		err := webhook.CheckURL(url)
		if (err == nil) != want || err != nil && strings.Contains(err.Error(), hidden) {
			t.Errorf("%s: want accepted: %t, got %v", url, want, err)
		}
	}
}

func TestParseSecret(t *testing.T) {
	t.Parallel()
	encoded := func(n int) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, n)) }
	for text, want := range map[string]int{
		"whsec_" + encoded(24): 24, "whsec_" + encoded(64): 64, " whsec_" + encoded(32) + "\n": 32,
		"whsec_" + encoded(23): 0, "whsec_" + encoded(65): 0, encoded(32): 0, "whsec_" + hidden: 0, "": 0, "whsec_": 0,
	} {
		got, err := webhook.ParseSecret(text)
		if len(got) != want || (err == nil) != (want > 0) || err != nil && (strings.Contains(err.Error(), hidden) || !strings.Contains(err.Error(), "openssl rand")) {
			t.Errorf("%q: want %d bytes, got %d, %v", text, want, len(got), err)
		}
	}
}
