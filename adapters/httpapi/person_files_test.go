package httpapi_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/httpapi"
	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/memory"
)

// filesOf are the use cases of persons' files.
func filesOf(files domain.PersonFiles, store domain.PersonFileStore, accesses domain.ExportLog, now func() time.Time, log *slog.Logger) httpapi.PersonFiles {
	return httpapi.PersonFiles{
		Start: domain.NewStartPersonFile(files, subjectCheck(memory.New()), accesses, noJobs{}, true, now, log),
		List:  domain.NewListPersonFiles(files), Get: domain.NewGetPersonFile(files),
		Open: domain.NewOpenPersonFile(files, store, accesses, now), Delete: domain.NewDeletePersonFile(files, store),
	}
}

type noJobs struct{}

func (noJobs) EnqueuePersonFile(context.Context, domain.DuePersonFile) error { return nil }

// filed is a service with persons' files, and what it keeps.
type filed struct {
	*service
	store  *memory.Store
	files  memory.PersonFiles
	folder *memory.PersonFileStore
}

func withFiles(t *testing.T) filed {
	t.Helper()
	f := filed{store: memory.New(), folder: memory.NewPersonFileStore()}
	f.files = memory.PersonFiles{Store: f.store}
	f.service = assemble(t, fakes{}, func(_ *httpapi.Config, d *httpapi.Deps) {
		d.Files = filesOf(f.files, f.folder, f.store, func() time.Time { return begun }, d.Log)
	})
	return f
}

const filesPath = "/lethe/api/v1/exports"

// request asks for a file.
func (f filed) request(t *testing.T, key, body string, headers ...string) answer {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, filesPath, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return f.serve(t, r)
}

// made asks for a file of alice's and makes it. It returns its path and content.
func (f filed) made(t *testing.T) (path, content string) {
	t.Helper()
	a := f.request(t, "alice", `{"owner":"`+alice.String()+`"}`)
	if a.status != http.StatusAccepted {
		t.Fatalf("got %d %s", a.status, a.body)
	}
	id := uuid.MustParse(decode(t, a.body)["id"].(string))
	file, err := f.files.Begin(t.Context(), domain.DuePersonFile{ID: id}, begun, begun.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	w, err := f.folder.New(id)
	if err != nil {
		t.Fatal(err)
	}
	row := porttest.NewRow(alice.String(), "completed", begun)
	if err := w.Add(domain.ResponseDetail{ResponseSummary: domain.ResponseSummary{Response: row.Response}, Contents: domain.Contents{Prompt: strings.Repeat("much ", 20_000)}}); err != nil {
		t.Fatal(err)
	}
	done, err := w.Finish(domain.PersonFileFacts{Owner: alice})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.files.Finish(t.Context(), domain.DuePersonFile{ID: id, Attempt: file.Attempt}, done, begun, begun.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	in, err := f.folder.Open(id)
	if err != nil {
		t.Fatal(err)
	}
	bytes, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	return filesPath + "/" + id.String(), string(bytes)
}

// TestPersonFileStates: a file is shown in each of its states.
func TestPersonFileStates(t *testing.T) {
	t.Parallel()
	f := withFiles(t)
	a := f.request(t, "alice", `{"owner":"`+alice.String()+`"}`, "Idempotency-Key", "one")
	queued := decode(t, a.body)
	if a.status != http.StatusAccepted || a.header.Get("Location") != filesPath+"/"+queued["id"].(string) || queued["state"] != "queued" || queued["file"] != nil || queued["bytes"] != nil || queued["sha256"] != nil {
		t.Errorf("queued: got %d %v %s", a.status, a.header, a.body)
	}
	if again := f.request(t, "alice", `{"owner":"`+alice.String()+`"}`, "Idempotency-Key", "one"); again.body != a.body {
		t.Errorf("repeated: want %s, got %s", a.body, again.body)
	}
	path, content := f.made(t)
	done := decode(t, f.ask(t, http.MethodGet, path).body)
	if done["state"] != "done" || done["file"] != path+"/file" || done["bytes"] != float64(len(content)) || done["responses"] != 1.0 || done["reason"] != nil || done["message"] != nil {
		t.Errorf("done: got %v", done)
	}
	if list := f.ask(t, http.MethodGet, filesPath+"?limit=1"); !strings.Contains(list.body, `"has_more":true`) || strings.Contains(list.body, `"next_cursor":null`) {
		t.Errorf("list: got %s", list.body)
	}
	if err := f.files.Expire(t.Context(), begun.Add(time.Hour), begun); err != nil {
		t.Fatal(err)
	}
	expired := decode(t, f.ask(t, http.MethodGet, path).body)
	if expired["state"] != "expired" || expired["reason"] != "age" || expired["message"] == nil || expired["file"] != nil {
		t.Errorf("expired: got %v", expired)
	}
	for _, want := range []int{http.StatusNoContent, http.StatusNotFound} {
		if a := f.ask(t, http.MethodDelete, path); a.status != want {
			t.Errorf("delete: want %d, got %d %s", want, a.status, a.body)
		}
	}
}

func TestPersonFileRefused(t *testing.T) {
	t.Parallel()
	f := withFiles(t)
	for body, want := range map[string]int{
		`{}`: http.StatusBadRequest, `{"owner":""}`: http.StatusBadRequest, `{"owner":7}`: http.StatusBadRequest,
		`{"owner":"` + bob.String() + `"}`: http.StatusBadRequest, `{"owner":"` + alice.String() + `","more":1}`: http.StatusBadRequest,
	} {
		if a := f.request(t, "alice", body); a.status != want {
			t.Errorf("%s: want %d, got %d %s", body, want, a.status, a.body)
		}
	}
	queued := decode(t, f.request(t, "alice", `{"owner":"`+alice.String()+`"}`).body)
	if a := f.ask(t, http.MethodGet, filesPath+"/"+queued["id"].(string)+"/file"); a.status != http.StatusConflict {
		t.Errorf("not made: want %d, got %d %s", http.StatusConflict, a.status, a.body)
	}
	if a := f.ask(t, http.MethodGet, filesPath+"/"+uuid.NewString()+"/file"); a.status != http.StatusNotFound {
		t.Errorf("unknown: want %d, got %d %s", http.StatusNotFound, a.status, a.body)
	}
}

// TestDownload: a file is sent whole or from anywhere, and not at all to who has it.
func TestDownload(t *testing.T) {
	t.Parallel()
	f := withFiles(t)
	path, content := f.made(t)
	path += "/file"
	whole := f.ask(t, http.MethodGet, path)
	tag, size := whole.header.Get("ETag"), len(content)
	if whole.status != http.StatusOK || whole.body != content || whole.header.Get("Content-Type") != "application/zip" || len(tag) != 66 ||
		!strings.HasPrefix(whole.header.Get("Content-Disposition"), `attachment; filename="lethe-`) {
		t.Fatalf("whole: got %d %v, %d bytes", whole.status, whole.header, len(whole.body))
	}
	for name, c := range map[string]struct {
		headers []string
		status  int
		body    string
		of      string // Content-Range
	}{
		"from the start":   {[]string{"Range", "bytes=0-9"}, http.StatusPartialContent, content[:10], fmt.Sprintf("bytes 0-9/%d", size)},
		"the rest":         {[]string{"Range", "bytes=50000-"}, http.StatusPartialContent, content[50000:], fmt.Sprintf("bytes 50000-%d/%d", size-1, size)},
		"the same file":    {[]string{"Range", "bytes=-5", "If-Range", tag}, http.StatusPartialContent, content[size-5:], fmt.Sprintf("bytes %d-%d/%d", size-5, size-1, size)},
		"another file":     {[]string{"Range", "bytes=-5", "If-Range", `"another"`}, http.StatusOK, content, ""},
		"several ranges":   {[]string{"Range", "bytes=0-1,5-6"}, http.StatusOK, content, ""},
		"known":            {[]string{"If-None-Match", `"x", ` + tag}, http.StatusNotModified, "", ""},
		"known, a range":   {[]string{"If-None-Match", tag, "Range", "bytes=0-9"}, http.StatusNotModified, "", ""},
		"other conditions": {[]string{"If-Match", `"another"`, "If-Unmodified-Since", "Mon, 01 Jan 2001 00:00:00 GMT"}, http.StatusOK, content, ""},
	} {
		if a := f.ask(t, http.MethodGet, path, c.headers...); a.status != c.status || a.body != c.body || a.header.Get("Content-Range") != c.of || a.header.Get("ETag") != tag {
			t.Errorf("%s: want %d, got %d %v, %d bytes", name, c.status, a.status, a.header, len(a.body))
		}
	}
	if a := f.ask(t, http.MethodGet, path, "Range", "bytes=9999999-"); a.status != http.StatusRequestedRangeNotSatisfiable || a.problem.Detail == "" || a.header.Get("Content-Range") != fmt.Sprintf("bytes */%d", size) {
		t.Errorf("beyond: got %d %v %s", a.status, a.header, a.body)
	}
	if a := f.ask(t, http.MethodHead, path); a.status != http.StatusOK || a.body != "" || a.header.Get("Content-Length") != fmt.Sprint(size) || a.header.Get("ETag") != tag || a.header.Get("Accept-Ranges") != "bytes" {
		t.Errorf("head: got %d %v", a.status, a.header)
	}
}

// TestRows: a person's file has the lines and columns of exports.
func TestRows(t *testing.T) {
	t.Parallel()
	store := memory.New()
	rows := addRows(store, alice, 3)
	s := exportingFrom(t, store)
	for name, c := range map[string]struct {
		target string
		rows   func(io.Writer) *httpapi.Rows
	}{
		"ndjson": {export + "?contents=true", func(w io.Writer) *httpapi.Rows { return httpapi.DetailLines(w) }},
		"csv":    {export + "?format=csv", func(w io.Writer) *httpapi.Rows { return httpapi.SummaryCSV(w) }},
	} {
		var want []string
		for line := range strings.Lines(s.ask(t, http.MethodGet, c.target).body) {
			if !strings.HasPrefix(line, `{"has_more":`) {
				want = append(want, line)
			}
		}
		var got strings.Builder
		out := c.rows(&got)
		for _, row := range slices.SortedFunc(slices.Values(rows), func(a, b porttest.Row) int { return domain.CompareResponses(a.Response, b.Response, false) }) {
			detail := domain.ResponseDetail{ResponseSummary: domain.ResponseSummary{Response: row.Response, OwnerEmail: new("alice@example.com")}, Contents: row.Contents}
			if err := out.Write(detail); err != nil {
				t.Fatal(err)
			}
		}
		if err := out.Flush(); err != nil {
			t.Fatal(err)
		}
		if strings.Count(got.String(), "\n") != len(want) || name == "ndjson" && !strings.Contains(got.String(), rows[0].Prompt) {
			t.Errorf("%s: want\n%s\ngot\n%s", name, strings.Join(want, ""), got.String())
		}
	}
}
