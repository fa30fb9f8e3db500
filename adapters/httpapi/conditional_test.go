package httpapi_test

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

// changing is a response whose state, usage and contents a test can change.
type changing struct {
	response domain.Response
	contents domain.Contents
	usage    domain.Usage
	fetched  int
}

func (c *changing) ports() fakes {
	return fakes{
		page: func(context.Context, domain.PageQuery) ([]domain.Response, error) {
			return []domain.Response{c.response}, nil
		},
		get: func(context.Context, uuid.UUID) (domain.Response, domain.Contents, error) {
			c.fetched++
			return c.response, c.contents, nil
		},
		getSummary: func(context.Context, uuid.UUID) (domain.Response, error) { return c.response, nil },
		latest: func(context.Context, []uuid.UUID) (map[uuid.UUID]domain.Usage, error) {
			return map[uuid.UUID]domain.Usage{c.response.ID: c.usage}, nil
		},
	}
}

// TestTimesWithoutTextAreNull: a time that has no text is null, and everything else
// is shown.
func TestTimesWithoutTextAreNull(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Time{domain.InfinitePast, domain.InfiniteFuture, time.Date(0, 6, 1, 0, 0, 0, 0, time.UTC), time.Date(12000, 1, 1, 0, 0, 0, 0, time.UTC)} {
		c := &changing{response: domain.Response{ID: responseID, Owner: alice.String(), Model: "m", State: "completed", CreatedAt: at, StartedAt: &at, CompletedAt: &at, FailedAt: &at}}
		s := assemble(t, c.ports(), nil)
		for _, target := range []string{list, item} {
			r := s.ask(t, http.MethodGet, target)
			body := r.body
			if r.status != http.StatusOK || !strings.Contains(body, `"created_at":null`) || !strings.Contains(body, `"completed_at":null`) || !strings.Contains(body, `"failed_at":null`) {
				t.Errorf("%s of %s: got status %d, want 200 with null times: %s", target, at, r.status, body)
			}
		}
	}
}

func TestETag(t *testing.T) {
	t.Parallel()
	for _, target := range []string{list, item, item + "?body=omit", item + "?body=full"} {
		for change, apply := range map[string]func(*changing){
			"nothing":  func(*changing) {},
			"state":    func(c *changing) { c.response.State = "failed" },
			"usage":    func(c *changing) { c.usage.TotalTokens = new(int64(7)) },
			"contents": func(c *changing) { c.response.Revision = "2"; c.contents.Prompt = "another" },
		} {
			t.Run(target+" "+change, func(t *testing.T) {
				t.Parallel()
				c := &changing{response: full(), contents: domain.Contents{Prompt: "why?"}}
				c.response.Revision = "1"
				s := assemble(t, c.ports(), nil)
				first := s.ask(t, http.MethodGet, target)
				tag := first.header.Get("ETag")
				if first.status != http.StatusOK || !strings.HasPrefix(tag, `W/"`) {
					t.Fatalf("got status %d and ETag %q, want 200 and a weak ETag", first.status, tag)
				}
				apply(c)
				c.fetched = 0
				again := s.ask(t, http.MethodGet, target, "If-None-Match", `"other", `+tag)
				same := change == "nothing" || change == "contents" && target == list
				switch {
				case same && (again.status != http.StatusNotModified || again.body != "" || again.header.Get("ETag") != tag || c.fetched != 0):
					t.Errorf("got status %d, body %q, ETag %q after %d reads of contents, want 304, no body and the same ETag after none", again.status, again.body, again.header.Get("ETag"), c.fetched)
				case !same && (again.status != http.StatusOK || again.header.Get("ETag") == tag):
					t.Errorf("got status %d and ETag %q, want 200 and a new ETag", again.status, again.header.Get("ETag"))
				}
			})
		}
	}
}

func TestIfNoneMatchSyntax(t *testing.T) {
	t.Parallel()
	s := assemble(t, (&changing{response: full()}).ports(), nil)
	tag := s.ask(t, http.MethodGet, item).header.Get("ETag")
	for _, c := range []struct {
		lines []string
		want  int
	}{
		{[]string{tag}, http.StatusNotModified},
		{[]string{strings.TrimPrefix(tag, "W/")}, http.StatusNotModified},
		{[]string{"*"}, http.StatusNotModified},
		{[]string{`W/"a"`, tag}, http.StatusNotModified},
		{[]string{`"a",,` + tag + ` , "b"`}, http.StatusNotModified},
		{[]string{""}, http.StatusOK},
		{[]string{`W/"a"`, `"b"`}, http.StatusOK},
		{[]string{tag[:len(tag)-1]}, http.StatusOK},
		{[]string{"\xff\x00"}, http.StatusOK},
	} {
		r := httptest.NewRequest(http.MethodGet, item, nil)
		r.Header.Set("Authorization", "Bearer alice")
		r.Header["If-None-Match"] = c.lines
		if a := s.serve(t, r); a.status != c.want {
			t.Errorf("%q: got status %d, want %d", c.lines, a.status, c.want)
		}
	}
	// The tag tells nothing to a caller who may not see the response.
	if a := s.ask(t, http.MethodGet, item, "If-None-Match", "*", "Authorization", "Bearer nobody"); a.status != http.StatusForbidden {
		t.Errorf("got status %d, want 403", a.status)
	}
}

// TestHeadOfResponse: the headers of GET, as far as they are known without reading contents.
func TestHeadOfResponse(t *testing.T) {
	t.Parallel()
	c := &changing{response: full(), contents: domain.Contents{Prompt: strings.Repeat("why? ", 1000)}}
	s := assemble(t, c.ports(), nil)
	server := httptest.NewServer(s)
	defer server.Close()
	for _, target := range []string{item, item + "?body=omit", item + "?unknown=1"} {
		var headers [2]http.Header
		for i, method := range []string{http.MethodGet, http.MethodHead} {
			c.fetched = 0
			r, err := http.NewRequestWithContext(t.Context(), method, server.URL+target, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer alice")
			answer, err := server.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = answer.Body.Close()
			if answer.StatusCode != http.StatusOK || method == http.MethodHead && c.fetched > 0 {
				t.Errorf("%s %s: got status %d and %d reads of contents", method, target, answer.StatusCode, c.fetched)
			}
			headers[i] = answer.Header
			for _, name := range []string{"Content-Length", "Content-Encoding", "Date", "X-Request-Id"} {
				headers[i].Del(name)
			}
		}
		if !reflect.DeepEqual(headers[0], headers[1]) {
			t.Errorf("%s: want %v of GET, got %v of HEAD", target, headers[0], headers[1])
		}
	}
}

func TestGetWithoutContents(t *testing.T) {
	t.Parallel()
	c := &changing{response: full(), contents: domain.Contents{Prompt: "why?", Answer: new("because"), Error: new("no")}}
	s := assemble(t, c.ports(), nil)
	a := s.ask(t, http.MethodGet, item+"?body=omit")
	got := decode(t, a.body)
	if a.status != http.StatusOK || got["body"] != "" || got["response_body"] != nil || got["error"] != nil || got["id"] != responseID.String() {
		t.Errorf("got status %d, want %d: %s", a.status, http.StatusOK, a.body)
	}
	if c.fetched != 0 {
		t.Error("contents were read although they were omitted")
	}
	if whole := s.ask(t, http.MethodGet, item); whole.header.Get("ETag") == a.header.Get("ETag") {
		t.Error("the ETag is the same with and without contents")
	}
	for _, query := range []string{"body=", "body=none", "body=OMIT", "body=omit&body=omit"} {
		// The parameter is checked before the caller.
		a := s.ask(t, http.MethodGet, item+"?"+query, "Authorization", "")
		if a.status != http.StatusBadRequest || a.problem.Parameter == nil || *a.problem.Parameter != "body" {
			t.Errorf("%s: got status %d, want %d: %s", query, a.status, http.StatusBadRequest, a.body)
		}
	}
}

func TestContentsWrittenInPieces(t *testing.T) {
	t.Parallel()
	// Characters of every length cross the border between two pieces.
	text := strings.Repeat("a€\U0001F30A\"\\\n<é", 20000)
	for shift := range 5 {
		prompt := strings.Repeat("x", shift) + text
		c := &changing{response: full(), contents: domain.Contents{Prompt: prompt, Answer: &prompt, Error: new("")}}
		got := decode(t, assemble(t, c.ports(), nil).ask(t, http.MethodGet, item).body)
		if got["body"] != prompt || got["response_body"] != prompt || got["error"] != "" {
			t.Errorf("shifted by %d bytes: the contents differ", shift)
		}
	}
}

func TestCompression(t *testing.T) {
	t.Parallel()
	for prompt, compressed := range map[string]bool{"short": false, strings.Repeat("long ", 10000): true} {
		s := assemble(t, (&changing{response: full(), contents: domain.Contents{Prompt: prompt}}).ports(), nil)
		r := httptest.NewRequest(http.MethodGet, item, nil)
		r.Header.Set("Authorization", "Bearer alice")
		r.Header.Set("Accept-Encoding", "gzip")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		body := io.Reader(w.Body)
		if (w.Header().Get("Content-Encoding") == "gzip") != compressed || w.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("%d bytes: got headers %v, want compressed: %t", len(prompt), w.Header(), compressed)
		}
		if compressed {
			unzipped, err := gzip.NewReader(body)
			if err != nil {
				t.Fatal(err)
			}
			body = unzipped
		}
		var got struct{ Body string }
		if err := json.NewDecoder(body).Decode(&got); err != nil || got.Body != prompt {
			t.Errorf("%d bytes: got %d bytes back (error %v)", len(prompt), len(got.Body), err)
		}
	}
	// An error is not compressed.
	s := assemble(t, fakes{}, nil)
	if a := s.ask(t, http.MethodGet, item, "Accept-Encoding", "gzip"); a.status != http.StatusNotFound || a.header.Get("Content-Encoding") != "" || a.problem.Status != 404 {
		t.Errorf("got status %d, want %d: %v %s", a.status, http.StatusNotFound, a.header, a.body)
	}
}

// sink discards an answer, and samples the memory in use.
type sink struct {
	header http.Header
	writes int
	held   uint64
}

func (s *sink) Header() http.Header { return s.header }
func (s *sink) WriteHeader(int)     {}
func (s *sink) Write(p []byte) (int, error) {
	if s.writes++; s.writes%500 == 0 {
		s.held = max(s.held, heap())
	}
	return len(p), nil
}

func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// Not parallel: it measures the memory of the whole process.
func TestContentsNotCopied(t *testing.T) {
	const size = 50 << 20
	c := &changing{response: full(), contents: domain.Contents{Prompt: strings.Repeat("p", size)}}
	s := assemble(t, c.ports(), nil)
	r := httptest.NewRequest(http.MethodGet, item, nil)
	r.Header.Set("Authorization", "Bearer alice")
	w := &sink{header: http.Header{}}
	before := heap()
	s.ServeHTTP(w, r)
	if w.held == 0 || w.held > before+size/2 {
		t.Errorf("%d bytes in use while writing contents of %d bytes, %d before", w.held, size, before)
	}
}
