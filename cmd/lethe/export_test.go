package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestExport(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	// An export leaves out what is created after its start, which the fixture has, too.
	now := time.Now().Format(time.RFC3339)
	all := rows(t, u.runs(t, "list", "--all", "--json", "--created-before", now))
	alices := rows(t, u.runs(t, "list", "--all", "--json", "--created-before", now, "--owner", aliceEmail))

	lines := rows(t, u.runs(t, "export"))
	if last := lines[len(lines)-1]; len(lines) != len(all)+1 || last["has_more"] != false || lines[0]["id"] != all[0]["id"] || lines[0]["body"] != nil {
		t.Errorf("want the %d responses of the list without contents, and a mark, got %d lines, %v", len(all), len(lines), last)
	}
	file := filepath.Join(u.folder, "alice.ndjson")
	out, told := u.types(t, "", exitOK, "export", "--owner", aliceEmail, "--contents", "--output", file)
	if out != "" || !strings.Contains(told, fmt.Sprintf("Exported %d responses to %s", len(alices), file)) {
		t.Errorf("want it told what was exported, got %s%s", out, told)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// Contents come in groups of 64, with a mark after each.
	if got := rows(t, string(text)); len(got) != len(alices)+2 || got[0]["created_by_email"] != aliceEmail || got[0]["body"] == nil {
		t.Errorf("want alice's %d responses with contents, got %d lines", len(alices), len(got))
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("want a file that only its owner can read, got %v, %v", info, err)
	}

	table := filepath.Join(u.folder, "all.csv")
	var done struct {
		File, Format string
		Responses    int
	}
	if err := json.Unmarshal([]byte(u.runs(t, "export", "--format", "csv", "--output", table, "--json")), &done); err != nil || done.File != table || done.Responses != len(all) {
		t.Errorf("want %d responses as CSV, got %+v, %v", len(all), done, err)
	}
	text, err = os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	if records, err := csv.NewReader(bytes.NewReader(text)).ReadAll(); err != nil || len(records) != len(all)+1 {
		t.Errorf("want %d records, got %d, %v", len(all)+1, len(records), err)
	}
	if out := u.runs(t, "export", "--format", "parquet"); !strings.HasPrefix(out, "PAR1") || !strings.HasSuffix(out, "PAR1") {
		t.Errorf("want a whole Parquet file, got %d bytes", len(out))
	}

	u.refused(t, exitUsage, "exists already", "export", "--output", file)
	u.refused(t, exitUsage, "--format must be", "export", "--format", "xml")
	u.refused(t, exitUsage, "give --output", "export", "--json")
	u.refused(t, exitUsage, "--resume goes on", "export", "--resume")
	u.refused(t, exitUsage, "no such file", "export", "--resume", "--output", filepath.Join(u.folder, "new"))
	u.refused(t, exitUsage, "--owner must be", "export", "--owner", "alice")
	u.refused(t, exitFailed, "the key comes from", append([]string{"export", "--key-file"}, keyIn(t, "sk-nobody"))...)
}

func keyIn(t *testing.T, key string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// cutting passes an export on, but only so many bytes of each answer; whether the
// trailers follow what it passes on is another question.
func cutting(t *testing.T, u user, bytesOf func(answer int) int64, trailers bool) user {
	t.Helper()
	service := strings.TrimPrefix(u.environ[1], "LETHE_SERVER=")
	var answers atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, err := http.NewRequestWithContext(r.Context(), r.Method, service+r.URL.RequestURI(), nil)
		if err != nil {
			t.Error(err)
			return
		}
		asked.Header.Set("Authorization", r.Header.Get("Authorization"))
		answer, err := http.DefaultTransport.RoundTrip(asked)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = answer.Body.Close() }()
		w.Header().Set("Content-Type", answer.Header.Get("Content-Type"))
		w.WriteHeader(answer.StatusCode)
		n := bytesOf(int(answers.Add(1)) - 1)
		if n < 0 {
			_, _ = io.Copy(w, answer.Body)
		} else {
			_, _ = io.CopyN(w, answer.Body, n)
			_, _ = io.Copy(io.Discard, answer.Body)
			if !trailers {
				_ = http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			}
		}
		for name := range answer.Trailer {
			if trailers {
				w.Header().Set(http.TrailerPrefix+name, answer.Trailer.Get(name))
			}
		}
	}))
	t.Cleanup(proxy.Close)
	u.environ = []string{u.environ[0], "LETHE_SERVER=" + proxy.URL, u.environ[2]}
	return u
}

// TestCutExport: what was cut, changed, or not proven to be whole is an error in every
// format, and leaves no file of the name.
func TestCutExport(t *testing.T) {
	t.Parallel()
	u := newUser(t)
	file := filepath.Join(u.folder, "export")
	none := func(name string) {
		t.Helper()
		if _, err := os.Lstat(name); !os.IsNotExist(err) {
			t.Errorf("want no %s, got %v", name, err)
		}
	}
	for _, format := range []string{"csv", "parquet"} {
		args := []string{"export", "--format", format, "--output", file}
		for message, at := range map[string]user{
			"the export was cut":         cutting(t, u, func(int) int64 { return 1000 }, false),
			"proxy removed its trailers": cutting(t, u, func(int) int64 { return -1 }, false),
			"the export is damaged":      cutting(t, u, func(int) int64 { return 1000 }, true),
		} {
			at.refused(t, exitFailed, message, args...)
			at.refused(t, exitFailed, "start again, narrow it", args...)
			none(file)
			none(file + ".partial")
			at.refused(t, exitFailed, "what was written is not whole", "export", "--format", format)
		}
	}

	// A lost connection does not end NDJSON; one that is lost again and again does.
	whole := u.runs(t, "export")
	once := cutting(t, u, func(answer int) int64 {
		if answer == 0 {
			return 1000
		}
		return -1
	}, false)
	if got := once.runs(t, "export"); got != whole {
		t.Errorf("want an export that went on to be whole, got %d bytes of %d", len(got), len(whole))
	}
	// With contents the service sends two marks; the second is cut off.
	whole = u.runs(t, "export", "--contents")
	contents := filepath.Join(u.folder, "contents")
	later := cutting(t, u, func(answer int) int64 {
		if answer == 0 {
			return int64(strings.LastIndex(whole, `{"has_more"`))
		}
		return -1
	}, false)
	if out := later.runs(t, "export", "--contents", "--output", contents, "--json"); !strings.Contains(out, `"resumes": 1`) {
		t.Errorf("want it to go on once, got %s", out)
	}
	text, err := os.ReadFile(contents)
	if err != nil {
		t.Fatal(err)
	}
	responses := func(text string) (all []string) {
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(line, `{"has_more"`) {
				all = append(all, line)
			}
		}
		return all
	}
	if got, want := responses(string(text)), responses(whole); len(want) < 65 || !slices.Equal(got, want) {
		t.Errorf("want the same %d responses, got %d", len(want), len(got))
	}

	cutting(t, u, func(int) int64 { return 1000 }, false).refused(t, exitFailed, "the export was cut", "export", "--output", file)
	none(file)
	none(file + ".partial")
	cutting(t, u, func(int) int64 { return int64(strings.Index(whole, `{"has_more"`)) }, true).refused(t, exitFailed, "the export was cut", "export", "--contents", "--output", file)
	none(file)
}

// groups is a service with an export of several groups, which ends answers early.
type groups struct {
	mutex  sync.Mutex
	number int   // of groups
	cuts   []int // before the end of this group each answer is cut; then none is
	wrong  bool  // the marks do not fit
	asked  []string
	other  []http.HandlerFunc // answer the first requests
}

func (g *groups) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	after := r.URL.Query().Get("after")
	g.asked = append(g.asked, after)
	if len(g.other) > 0 {
		answer := g.other[0]
		g.other = g.other[1:]
		answer(w, r)
		return
	}
	first, cut := 0, g.number
	if after != "" {
		_, _ = fmt.Sscanf(after, "c%d", &first)
	}
	if len(g.cuts) > 0 {
		cut, g.cuts = g.cuts[0], g.cuts[1:]
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	var sent bytes.Buffer
	for i := first; i < g.number; i++ {
		// The second line is longer than any buffer.
		fmt.Fprintf(&sent, "{\"id\":%d}\n{\"id\":%d,\"body\":%q}\n", 2*i, 2*i+1, strings.Repeat("x", 100_000))
		if i == cut {
			_, _ = w.Write(sent.Bytes()[:sent.Len()-100])
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
		next := "null"
		if i+1 < g.number {
			next = fmt.Sprintf(`"c%d"`, i+1)
		}
		sum := sha256.Sum256(sent.Bytes())
		n := 2 * (i - first + 1)
		if g.wrong {
			n++
		}
		fmt.Fprintf(&sent, `{"has_more":%t,"next_cursor":%s,"rows":%d,"sha256":"%s"}`+"\n", i+1 < g.number, next, n, hex.EncodeToString(sum[:]))
	}
	_, _ = w.Write(sent.Bytes())
}

// answers sets how the next requests are answered.
func (g *groups) answers(other []http.HandlerFunc, cuts ...int) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.other, g.cuts = other, cuts
}

// cursors returns what was asked for so far.
func (g *groups) cursors() string {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	return fmt.Sprint(g.asked)
}

func (g *groups) user(t *testing.T) user {
	t.Helper()
	s := httptest.NewServer(g)
	t.Cleanup(s.Close)
	return user{environ: []string{"HOME=" + t.TempDir(), "LETHE_SERVER=" + s.URL, "LETHE_API_KEY=" + adminKey}, folder: t.TempDir()}
}

// idsOf are the identifiers of an export, without marks.
func idsOf(t *testing.T, text string) (ids []int) {
	t.Helper()
	for _, r := range rows(t, text) {
		if id, ok := r["id"].(float64); ok {
			ids = append(ids, int(id))
		}
	}
	return ids
}

func TestExportGoesOn(t *testing.T) {
	t.Parallel()
	const want = "[0 1 2 3 4 5 6 7]"
	g := &groups{number: 4, cuts: []int{0, 1, 1, 3}}
	u := g.user(t)
	if got := fmt.Sprint(idsOf(t, u.runs(t, "export"))); got != want {
		t.Errorf("want %s, got %s", want, got)
	}
	if got := g.cursors(); got != "[  c1 c1 c3]" {
		t.Errorf("want it to go on after the last mark, got %s", got)
	}

	// It gives up, keeps what is proven, and goes on later.
	file := filepath.Join(u.folder, "export")
	g.answers(nil, 1, 1, 1, 1)
	u.refused(t, exitFailed, file+".partial has 2 responses: the same command with --resume goes on", "export", "--output", file)
	text, err := os.ReadFile(file + ".partial")
	if err != nil || fmt.Sprint(idsOf(t, string(text))) != "[0 1]" || !bytes.HasSuffix(text, []byte("}\n")) {
		t.Errorf("want the first group alone, got %d bytes, %v", len(text), err)
	}
	u.refused(t, exitUsage, "go on with --resume, or remove it", "export", "--output", file)
	if err := os.WriteFile(file+".partial", append(text, `{"id":99`...), 0o600); err != nil {
		t.Fatal(err)
	}
	g.answers(nil, 2)
	out := u.runs(t, "export", "--output", file, "--resume", "--json")
	if !strings.Contains(out, `"responses": 8`) || !strings.Contains(out, `"resumes": 1`) {
		t.Errorf("want all 8, gone on with once, got %s", out)
	}
	if text, err = os.ReadFile(file); err != nil || fmt.Sprint(idsOf(t, string(text))) != want {
		t.Errorf("want %s, got %v, %v", want, idsOf(t, string(text)), err)
	}
	if _, err := os.Lstat(file + ".partial"); !os.IsNotExist(err) {
		t.Errorf("want the partial file gone, got %v", err)
	}
	// A whole file that a crash left under the other name needs no service.
	if err := os.Rename(file, file+".partial"); err != nil {
		t.Fatal(err)
	}
	asked := g.cursors()
	if u.runs(t, "export", "--output", file, "--resume"); g.cursors() != asked {
		t.Errorf("want nothing asked again, got %s after %s", g.cursors(), asked)
	}

	g = &groups{number: 4, wrong: true}
	u = g.user(t)
	file = filepath.Join(u.folder, "export")
	u.refused(t, exitFailed, "the export is damaged", "export", "--output", file)
	if out, _ := u.types(t, "", exitFailed, "export"); out != "" {
		t.Errorf("want nothing that is not proven, got %d bytes", len(out))
	}
}

// TestExportNotAnswered: a busy service is asked again, and nothing else is taken for it.
func TestExportNotAnswered(t *testing.T) {
	t.Parallel()
	busy := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, `{"type":"about:blank","title":"Too many requests","status":429,"detail":"two exports run","request_id":"r"}`)
	}
	g := &groups{number: 1, other: []http.HandlerFunc{busy}}
	u := g.user(t)
	begin := time.Now()
	if got := fmt.Sprint(idsOf(t, u.runs(t, "export"))); got != "[0 1]" || time.Since(begin) < time.Second {
		t.Errorf("want it to wait as asked and to go on, got %s after %s", got, time.Since(begin))
	}
	g.answers([]http.HandlerFunc{busy, busy, busy, busy})
	u.refused(t, exitFailed, "two exports run; try again later", "export")

	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("want nobody else asked, got %s", r.URL) }))
	t.Cleanup(elsewhere.Close)
	for _, answer := range []http.HandlerFunc{
		http.RedirectHandler(elsewhere.URL, http.StatusFound).ServeHTTP,
		func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<p>hello") },
	} {
		g.answers([]http.HandlerFunc{answer})
		u.refused(t, exitFailed, "but not as Lethe does", "export")
	}
}

// TestStoppedExport: what came before Ctrl-C stays, up to the last mark.
func TestStoppedExport(t *testing.T) {
	t.Parallel()
	g := &groups{number: 3, cuts: []int{1}}
	u := g.user(t)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	asked := make(chan struct{})
	at := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("after") != "" {
			close(asked)
			<-r.Context().Done()
			return
		}
		g.ServeHTTP(w, r)
	}))
	t.Cleanup(at.Close)
	go func() {
		<-asked
		stop()
	}()
	file := filepath.Join(u.folder, "export")
	var out, told bytes.Buffer
	code := run(ctx, []string{"export", "--server", at.URL, "--output", file}, u.environ, strings.NewReader(""), &out, &told)
	if code != exitFailed || !strings.Contains(told.String(), "stopped before the end; "+file+".partial has 2 responses") {
		t.Errorf("want it told how to go on, got %d: %s%s", code, &out, &told)
	}
	if u.runs(t, "export", "--output", file, "--resume"); g.cursors() != "[ c1]" {
		t.Errorf("want it to go on after the last mark, got %s", g.cursors())
	}
}
