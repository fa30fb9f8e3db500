package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

func TestMaxRequests(t *testing.T) {
	t.Parallel()
	for conns, want := range map[int]int{1: 256, 10: 256, 32: 256, 33: 264, 1000: 8000} {
		if got := MaxRequests(conns); got != want {
			t.Errorf("%d requests for %d connections, want %d", got, conns, want)
		}
	}
}

func TestLimitRequests(t *testing.T) {
	t.Parallel()
	begun, finish := make(chan struct{}), make(chan struct{})
	var refused atomic.Int64
	var logged bytes.Buffer
	handler := Admit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/slow":
			begun <- struct{}{}
			<-finish
		case "/panic":
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusNoContent)
	}), 2, everyone, unnamed, func() { refused.Add(1) }, slog.New(slog.NewTextHandler(&logged, nil)))
	ask := func(method, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		return w
	}

	for range 3 { // a panic frees its place
		func() {
			defer func() { _ = recover() }()
			ask(http.MethodGet, "/panic")
		}()
	}
	ended := make(chan int)
	for range 2 {
		go func() { ended <- ask(http.MethodGet, "/slow").Code }()
		<-begun
	}
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		if w := ask(http.MethodGet, path); w.Code != http.StatusNoContent {
			t.Errorf("%s: got status %d, want 204", path, w.Code)
		}
	}
	ids := map[string]bool{}
	for _, method := range []string{http.MethodGet, http.MethodDelete, http.MethodPost} {
		w := ask(method, requestsRoute+"?key=canary")
		var problem Problem
		if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil {
			t.Fatal(err)
		}
		if w.Code != http.StatusServiceUnavailable || problem.Status != http.StatusServiceUnavailable || problem.Detail == "" ||
			w.Header().Get("Retry-After") == "" || w.Header().Get("Content-Type") != "application/problem+json" ||
			w.Header().Get("Cache-Control") != "no-store" || problem.RequestId != w.Header().Get("X-Request-Id") {
			t.Errorf("%s: got status %d, headers %v, body %s", method, w.Code, w.Header(), w.Body)
		}
		ids[problem.RequestId] = true
	}
	if len(ids) != 3 || ids[""] {
		t.Errorf("request ids: got %v, want 3 different ones", ids)
	}
	if n := refused.Load(); n != 3 {
		t.Errorf("counted %d refusals, want 3", n)
	}
	close(finish)
	for range 2 {
		if code := <-ended; code != http.StatusNoContent {
			t.Errorf("admitted request: got status %d, want 204", code)
		}
	}
	if w := ask(http.MethodGet, requestsRoute); w.Code != http.StatusNoContent {
		t.Errorf("with a free place: got status %d, want 204", w.Code)
	}
	if said := logged.String(); strings.Count(said, "\n") != 1 || strings.Contains(said, "canary") {
		t.Errorf("got the log %q, want one line", said)
	}
}

// everyone makes each request a different caller's.
func everyone(*http.Request) uuid.UUID { return uuid.New() }

// unnamed does not name the caller.
func unnamed(ctx context.Context, _ uuid.UUID) context.Context { return ctx }

// TestLimitRequestsPerCaller: one caller gets half of the places and then 429. Other
// callers get the rest.
func TestLimitRequestsPerCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit = 4
		alice, bob := uuid.New(), uuid.New()
		finish := make(chan struct{})
		var refused atomic.Int64
		handler := Admit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				<-finish
			}
			w.WriteHeader(http.StatusNoContent)
		}), limit, func(r *http.Request) uuid.UUID {
			if r.Header.Get("Authorization") == "" {
				return bob
			}
			return alice
		}, unnamed, func() { refused.Add(1) }, slog.New(slog.DiscardHandler))
		begun := time.Now()
		codes := make(chan int, limit)
		for range limit {
			go func() {
				r := httptest.NewRequest(http.MethodGet, "/slow", nil)
				r.Header.Set("Authorization", "Bearer sk-alice")
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				codes <- w.Code
				if w.Code == http.StatusTooManyRequests && w.Header().Get("Retry-After") == "" {
					t.Error("got no Retry-After")
				}
			}()
		}
		synctest.Wait()
		w := httptest.NewRecorder()
		if handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, requestsRoute, nil)); w.Code != http.StatusNoContent || time.Since(begun) > 0 {
			t.Errorf("another caller: got status %d after %s, want 204 at once", w.Code, time.Since(begun))
		}
		for range limit / 2 {
			if code := <-codes; code != http.StatusTooManyRequests {
				t.Errorf("beyond half of the places: got status %d, want 429", code)
			}
		}
		// They waited for a place, and then for their answer.
		if waited := time.Since(begun); waited != placeWait+time.Second || refused.Load() != limit/2 {
			t.Errorf("%d were refused after %s, want half of the limit after placeWait and one second", refused.Load(), waited)
		}
		close(finish)
		for range limit / 2 {
			if code := <-codes; code != http.StatusNoContent {
				t.Errorf("admitted request: got status %d, want 204", code)
			}
		}
	})
}

// TestCallerByCredentials: different credentials count as different callers.
func TestCallerByCredentials(t *testing.T) {
	t.Parallel()
	session := uuid.New()
	said := []domain.Credentials{
		{}, {Key: "a"}, {Key: "b"}, {ExternalID: "a"}, {ExternalID: "b"}, {Sessions: []uuid.UUID{session}},
	}
	var next domain.Credentials
	by := ByCredentials(func(*http.Request) domain.Credentials { return next })
	seen := map[uuid.UUID]bool{}
	for _, next = range slices.Concat(said, said) {
		seen[by(nil)] = true
	}
	if len(seen) != len(said) || !seen[uuid.Nil] || !seen[session] {
		t.Errorf("got %d callers, want %d", len(seen), len(said))
	}
}

// TestLimitRequestsWhileAnswering: a request whose answer has begun no longer takes a place, and
// frees only one.
func TestLimitRequestsWhileAnswering(t *testing.T) {
	t.Parallel()
	begun, finish := make(chan struct{}), make(chan struct{})
	var refused atomic.Int64
	handler := Admit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/stream" {
			w.WriteHeader(http.StatusOK)
			w.WriteHeader(http.StatusOK)
		}
		begun <- struct{}{}
		<-finish
	}), 1, everyone, unnamed, func() { refused.Add(1) }, slog.New(slog.DiscardHandler))
	var running sync.WaitGroup
	ask := func(path string) {
		running.Go(func() { handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil)) })
	}
	for _, path := range []string{"/stream", "/stream", requestsRoute} {
		ask(path)
		<-begun
	}
	if n := refused.Load(); n != 0 {
		t.Errorf("%d were refused, want none", n)
	}
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, requestsRoute, nil))
	if n := refused.Load(); n != 1 {
		t.Errorf("%d were refused, want 1", n)
	}
	close(finish)
	running.Wait()
	ask(requestsRoute)
	<-begun
	running.Wait()
}

// TestLimitRequestsBodies: a body arrives unchanged, and a slow sender takes no
// place from others.
func TestLimitRequestsBodies(t *testing.T) {
	t.Parallel()
	handler := Admit(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_, _ = fmt.Fprint(w, n)
	}), 1, everyone, unnamed, func() { t.Error("a request was refused") }, slog.New(slog.DiscardHandler))
	ask := func(body io.Reader, length int64) string {
		r := httptest.NewRequest(http.MethodPost, requestsRoute, body)
		r.ContentLength = length
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Body.String()
	}
	slow, sender := io.Pipe()
	ended := make(chan string)
	go func() { ended <- ask(slow, -1) }()
	if _, err := sender.Write([]byte("x")); err != nil { // the handler is reading
		t.Fatal(err)
	}
	for _, n := range []int{0, 1, 64 << 10, 64<<10 + 1, 1 << 20} {
		for _, length := range []int64{int64(n), -1} {
			if got := ask(strings.NewReader(strings.Repeat("x", n)), length); got != fmt.Sprint(n) {
				t.Errorf("sent %d bytes with Content-Length %d: %s arrived", n, length, got)
			}
		}
	}
	_ = sender.CloseWithError(errors.New("it broke off"))
	if got := <-ended; !strings.Contains(got, "it broke off") {
		t.Errorf("truncated body: got %s", got)
	}
}

const requestsRoute = "/admin/api/v1/batches/requests"
