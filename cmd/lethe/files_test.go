package main

import (
	"archive/zip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

func newUserOfFiles(t *testing.T) user {
	t.Helper()
	return newUser(t, "LETHE_EXPORTS_FOLDER="+filepath.Join(t.TempDir(), "exports"))
}

// TestFiles: somebody asks for a copy and for the erasure of everything.
func TestFiles(t *testing.T) {
	t.Parallel()
	u := newUserOfFiles(t)
	output := filepath.Join(u.folder, "alice.zip")
	request := fmt.Sprint(u.object(t, "requests", "open", "--owner", aliceEmail, "--kind", "both")["id"])
	u.refused(t, exitFailed, "identity", "files", "make", "--owner", aliceEmail, "--request", request, "--output", output)
	u.runs(t, "requests", "check-identity", request)
	u.refused(t, exitFailed, "file", "requests", "answer", request)

	made := u.object(t, "files", "make", "--owner", aliceEmail, "--request", request, "--output", output)
	id := fmt.Sprint(made["export"].(map[string]any)["id"])
	archive, err := zip.OpenReader(output)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = archive.Close() }()
	if _, err := archive.Open("index.html"); err != nil || made["file"] != output {
		t.Errorf("want the file in %s, got %v, %v", output, made, err)
	}
	if info, err := os.Stat(output); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("want a file that only its owner can read, got %v, %v", info, err)
	}
	u.refused(t, exitUsage, "exists already", "files", "make", "--owner", aliceEmail, "--output", output)
	u.refused(t, exitUsage, "exists already", "files", "download", id, "--output", output)
	if out := u.runs(t, "files", "list"); !strings.HasPrefix(out, "ID ") || !strings.Contains(out, id) {
		t.Errorf("want the file listed, got %s", out)
	}
	if out := u.runs(t, "requests", "show", request); !strings.Contains(out, "\n\nFILE ") || !strings.Contains(out, id) {
		t.Errorf("want the request with its file, got %s", out)
	}

	u.runs(t, "erase", "--owner", aliceEmail, "--request", request, "--yes", "--proof", filepath.Join(u.folder, "proof"))
	u.refused(t, exitFailed, "the file is expired", "files", "download", id, "--output", output+"2")
	if r := u.object(t, "requests", "answer", request); r["state"] != "answered" {
		t.Errorf("want it answered, got %v", r)
	}
	u.runs(t, "requests", "letter", request, "--output", filepath.Join(u.folder, "letter.html"))

	other := fmt.Sprint(u.object(t, "files", "make", "--owner", "bob@example.test", "--output", filepath.Join(u.folder, "bob.zip"))["export"].(map[string]any)["id"])
	if out := u.runs(t, "files", "show", other); !strings.Contains(out, "done") {
		t.Errorf("want it done, got %s", out)
	}
	u.runs(t, "files", "delete", other)
	u.refused(t, exitFailed, "not found", "files", "show", other)
}

// TestFilesCut: a download goes on where the connection broke, and keeps nothing of a
// file that is not the one that was promised.
func TestFilesCut(t *testing.T) {
	t.Parallel()
	u := newUserOfFiles(t)
	whole := filepath.Join(u.folder, "whole.zip")
	id := fmt.Sprint(u.object(t, "files", "make", "--owner", aliceEmail, "--output", whole)["export"].(map[string]any)["id"])
	want, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}

	// between stands between the command and the service.
	between := func(change func(http.ResponseWriter, *http.Response)) user {
		service, err := url.Parse(strings.TrimPrefix(u.environ[1], "LETHE_SERVER="))
		if err != nil {
			t.Fatal(err)
		}
		through := httputil.NewSingleHostReverseProxy(service)
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, "/file") {
				through.ServeHTTP(w, r)
				return
			}
			sent := r.Clone(r.Context())
			sent.URL.Scheme, sent.URL.Host, sent.Host, sent.RequestURI = service.Scheme, service.Host, service.Host, ""
			answer, err := http.DefaultTransport.RoundTrip(sent)
			if err != nil {
				panic(http.ErrAbortHandler)
			}
			defer func() { _ = answer.Body.Close() }()
			w.Header().Set("Content-Type", answer.Header.Get("Content-Type"))
			w.WriteHeader(answer.StatusCode)
			change(w, answer)
		}))
		t.Cleanup(s.Close)
		return user{environ: append(u.environ[:1:1], "LETHE_SERVER="+s.URL, "LETHE_API_KEY="+adminKey), folder: u.folder}
	}
	save := func(name string) []string {
		return []string{"files", "download", id, "--output", filepath.Join(u.folder, name)}
	}
	gone := func(name string) {
		t.Helper()
		for _, file := range []string{name, name + ".partial"} {
			if _, err := os.Stat(filepath.Join(u.folder, file)); !os.IsNotExist(err) {
				t.Errorf("want no %s, got %v", file, err)
			}
		}
	}

	var asked atomic.Int64
	between(func(w http.ResponseWriter, answer *http.Response) {
		if asked.Add(1) < 3 {
			_, _ = io.CopyN(w, answer.Body, int64(len(want)/3))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
		_, _ = io.Copy(w, answer.Body)
	}).runs(t, save("cut.zip")...)
	if got, err := os.ReadFile(filepath.Join(u.folder, "cut.zip")); err != nil || string(got) != string(want) || asked.Load() != 3 {
		t.Errorf("want the same file after three requests, got %d bytes of %d after %d, %v", len(got), len(want), asked.Load(), err)
	}
	gone("cut.zip.partial")

	between(func(w http.ResponseWriter, answer *http.Response) {
		body, _ := io.ReadAll(answer.Body)
		body[len(body)/2]++
		_, _ = w.Write(body)
	}).refused(t, exitFailed, "what came is not the file", save("changed.zip")...)
	gone("changed.zip")

	between(func(w http.ResponseWriter, answer *http.Response) {
		_, _ = io.CopyN(w, answer.Body, int64(len(want)-1)) // and ends as if that were all
	}).refused(t, exitFailed, "save it with \"lethe files download "+id+"\"", save("short.zip")...)
	gone("short.zip")
}
