package httpapi_test

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
	"lethe/internal/memory"
)

func answering(t testing.TB) *service {
	return assemble(t, fakes{holds: memory.New().Holds()}, nil)
}

func TestSubjectRequest(t *testing.T) {
	t.Parallel()
	s := answering(t)
	a := s.post(t, subjectList, "root", `{"kind":"access","owner":"`+alice.String()+`","ticket":"T <1>","received_at":"2026-11-01T10:00:00+01:00"}`)
	got := decode(t, a.body)
	id, _ := got["id"].(string)
	at := subjectList + "/" + id
	want := map[string]any{
		"id": id, "kind": "access", "owner": alice.String(), "ticket": "T <1>", "state": "received", "received_at": "2026-11-01T09:00:00Z",
		"due_at": "2026-12-01T09:00:00Z", "created_at": got["created_at"], "created_by": root.String(), "identity_checked_at": nil, "identity_checked_by": nil,
		"extended_at": nil, "extended_by": nil, "extension": nil, "ended_at": nil, "ended_by": nil, "refusal": nil, "erasures": []any{}, "exports": []any{}, "duplicates": []any{},
	}
	if received := time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC); time.Since(received) > 300*24*time.Hour {
		t.Fatal("the test's time is about to be out of bounds")
	}
	if a.status != http.StatusCreated || a.header.Get("Location") != at || !reflect.DeepEqual(got, want) {
		t.Fatalf("got status %d, want %d: %v, want %v", a.status, http.StatusCreated, got, want)
	}
	for _, step := range []struct {
		path, body string
		status     int
		shown      map[string]any
	}{
		{"/extend", `{"reason":"laziness"}`, http.StatusBadRequest, nil},
		{"/refuse", `{"reason":"laziness"}`, http.StatusBadRequest, nil},
		{"/answer", "", http.StatusConflict, nil},
		{"/check-identity", "", http.StatusOK, map[string]any{"state": "in_progress", "identity_checked_by": root.String()}},
		{"/answer", "", http.StatusOK, map[string]any{"state": "answered", "ended_by": root.String()}},
		{"/refuse", `{"reason":"excessive"}`, http.StatusConflict, nil},
	} {
		a := s.post(t, at+step.path, "root", step.body)
		shown := decode(t, a.body)
		for name, value := range step.shown {
			if shown[name] != value {
				t.Errorf("%s: want %s %v, got %v", step.path, name, value, shown[name])
			}
		}
		if a.status != step.status {
			t.Errorf("%s: got status %d, want %d: %s", step.path, a.status, step.status, a.body)
		}
	}
	for query, n := range map[string]int{"": 1, "?open=true": 0, "?open=false&owner=" + alice.String(): 1, "?owner=" + bob.String(): 0} {
		a := s.ask(t, http.MethodGet, subjectList+query, "Authorization", "Bearer root")
		if data, _ := decode(t, a.body)["data"].([]any); a.status != http.StatusOK || len(data) != n {
			t.Errorf("%s: got status %d, want %d of %d requests: %s", query, a.status, http.StatusOK, n, a.body)
		}
	}
	if a := s.ask(t, http.MethodGet, at, "Authorization", "Bearer root"); a.status != http.StatusOK || decode(t, a.body)["state"] != "answered" {
		t.Errorf("got status %d: %s", a.status, a.body)
	}
	if a := s.ask(t, http.MethodGet, subjectList+"/"+uuid.NewString(), "Authorization", "Bearer root"); a.status != http.StatusNotFound {
		t.Errorf("got status %d, want %d: %s", a.status, http.StatusNotFound, a.body)
	}
}

// TestLetter: the letter is a page that runs nothing, with every reason in words.
func TestLetter(t *testing.T) {
	t.Parallel()
	s := answering(t)
	letter := func(kind string, steps ...[2]string) answer {
		t.Helper()
		a := s.post(t, subjectList, "root", `{"kind":"`+kind+`","owner":"`+alice.String()+`","ticket":"<script>"}`)
		at := a.header.Get("Location")
		if early := s.ask(t, http.MethodGet, at+"/letter", "Authorization", "Bearer root"); early.status != http.StatusConflict {
			t.Errorf("before the end: got status %d, want %d", early.status, http.StatusConflict)
		}
		for _, step := range steps {
			if a := s.post(t, at+step[0], "root", step[1]); a.status != http.StatusOK {
				t.Fatalf("%s: got status %d: %s", step[0], a.status, a.body)
			}
		}
		return s.ask(t, http.MethodGet, at+"/letter", "Authorization", "Bearer root")
	}
	for reason, words := range map[domain.SubjectRefusalReason]string{
		domain.RefuseIdentity: "a proof of who you are", domain.RefuseUnfounded: "manifestly unfounded", domain.RefuseExcessive: "is excessive",
		domain.RefuseObligation: "obliges us", domain.RefuseClaims: "legal claims",
	} {
		a := letter("erasure", [2]string{"/extend", `{"reason":"number_of_requests"}`}, [2]string{"/refuse", fmt.Sprintf(`{"reason":%q}`, reason)})
		for _, part := range []string{words, "there are many requests", "The &lt;Controller&gt;", "&lt;script&gt;", "complain to the authority", "Questions: contact@example.com", "Your request is refused"} {
			if !strings.Contains(a.body, part) {
				t.Errorf("%s: %q is missing in %s", reason, part, a.body)
			}
		}
		if a.status != http.StatusOK || a.header.Get("Content-Type") != "text/html" || !strings.HasPrefix(a.header.Get("Content-Security-Policy"), "default-src 'none'") ||
			strings.Contains(a.body, "<script") || strings.Contains(a.body, "What was erased") {
			t.Errorf("got status %d, %v: %s", a.status, a.header, a.body)
		}
	}
	if a := letter("access", [2]string{"/check-identity", ""}, [2]string{"/answer", ""}); a.status != http.StatusOK || !strings.Contains(a.body, "access to your data") {
		t.Errorf("got status %d: %s", a.status, a.body)
	}
}
