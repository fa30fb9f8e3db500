package serve_test

import (
	"archive/zip"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"lethe/internal/apptest"
	"lethe/internal/pgtest"
)

const exportsPath = "/lethe/api/v1/exports"

// personFile is an export as the service shows it.
type personFile struct {
	ID, Owner, State string
	Reason, File     *string
	Responses, Bytes int64
}

// export asks for a file, and returns it.
func (s *service) export(t *testing.T, key, owner string, headers ...string) personFile {
	t.Helper()
	status, header, body := s.Send(t, http.MethodPost, exportsPath, key, `{"owner":"`+owner+`"}`, headers...)
	var f personFile
	if err := json.Unmarshal([]byte(body), &f); err != nil || status != http.StatusAccepted || header.Get("Location") != exportsPath+"/"+f.ID {
		t.Fatalf("export %s: want %d, got %d %v %s, %v", owner, http.StatusAccepted, status, header, body, err)
	}
	return f
}

func (s *service) exported(t *testing.T, key, id string) (f personFile) {
	t.Helper()
	status, _, body := s.Get(t, exportsPath+"/"+id, key)
	if err := json.Unmarshal([]byte(body), &f); err != nil || status != http.StatusOK {
		t.Fatalf("export %s: got %d %s, %v", id, status, body, err)
	}
	return f
}

func (s *service) awaitExport(t *testing.T, key, id, state string) (f personFile) {
	t.Helper()
	apptest.Await(t, "export "+state, func() bool {
		f = s.exported(t, key, id)
		return f.State == state
	})
	return f
}

// unzipped returns the texts in a ZIP.
func unzipped(t *testing.T, body string) map[string]string {
	t.Helper()
	archive, err := zip.NewReader(strings.NewReader(body), int64(len(body)))
	if err != nil {
		t.Fatal(err)
	}
	texts := make(map[string]string)
	for _, f := range archive.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		texts[f.Name] = string(text)
	}
	return texts
}

func empty(t *testing.T, folder string) bool {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	return len(entries) == 0
}

// TestPersonFile: a file has everything of its owner and nothing else, is downloaded whole
// and in parts, by key and by cookie, and is gone with the first thing that is erased.
func TestPersonFile(t *testing.T) {
	t.Parallel()
	database, folder := pgtest.WithFixture(t), filepath.Join(t.TempDir(), "exports")
	s := start(t, "LETHE_DATABASE_URL="+database.RoleURL, "LETHE_EXPORTS_FOLDER="+folder, "LETHE_PRIVACY_CONTACT=privacy@example.test",
		"LETHE_AUTH_SESSION_KEY_FILE="+sessionKeys(t, "0123456789abcdef0123456789abcdef"))
	const alice, root = "sk-alice-platform", "sk-root-platform"
	erasable := apptest.AddFinishedOf(t, database.URL, apptest.Alice, "m", 1, "1 h")[0]
	_, _, exported := s.Get(t, "/lethe/api/v1/responses/export?contents=true", alice)
	var responses []string
	for line := range strings.Lines(exported) {
		if !strings.HasPrefix(line, `{"has_more":`) {
			responses = append(responses, line)
		}
	}

	f := s.export(t, alice, apptest.Alice, "Idempotency-Key", "one")
	if again := s.export(t, alice, apptest.Alice, "Idempotency-Key", "one"); again.ID != f.ID {
		t.Errorf("repeated: want the same export, got %+v", again)
	}
	f = s.awaitExport(t, alice, f.ID, "done")
	if f.Responses != int64(len(responses)) || len(responses) == 0 || f.File == nil || f.Bytes == 0 {
		t.Errorf("done: want %d responses, got %+v", len(responses), f)
	}
	if n := apptest.Number(t, database.URL, "SELECT count(*) FROM lethe.access_log WHERE export IS NOT NULL"); n != 0 {
		t.Errorf("one's own: want no record, got %d", n)
	}
	status, header, body := s.Get(t, *f.File, alice)
	if status != http.StatusOK || header.Get("Content-Type") != "application/zip" || int64(len(body)) != f.Bytes || header.Get("ETag") == "" {
		t.Fatalf("download: got %d %v, %d bytes", status, header, len(body))
	}
	texts := unzipped(t, body)
	if texts["data/responses.ndjson"] != strings.Join(responses, "") || !strings.Contains(texts["conversations/0001.html"], erasable) {
		t.Errorf("want what an export has:\n%s\ngot\n%s", strings.Join(responses, ""), texts["data/responses.ndjson"])
	}
	if strings.Contains(texts["data/responses.ndjson"], apptest.Bob) || !strings.Contains(texts["index.html"], "privacy@example.test") {
		t.Errorf("want only alice's, and the words of the configuration; got %s", texts["index.html"])
	}
	cookie := s.exchange(t, alice)
	status, header, part := s.Send(t, http.MethodGet, *f.File, "", "", "Cookie", cookie, "Range", "bytes=10-19", "If-Range", header.Get("ETag"))
	if status != http.StatusPartialContent || part != body[10:20] || !strings.HasPrefix(header.Get("Content-Range"), "bytes 10-19/") {
		t.Errorf("part: got %d %v %q", status, header, part)
	}
	if status, _, _ := s.Send(t, http.MethodGet, *f.File, alice, "", "If-None-Match", header.Get("ETag")); status != http.StatusNotModified {
		t.Errorf("unchanged: want %d, got %d", http.StatusNotModified, status)
	}
	if status, _, _ := s.Send(t, http.MethodGet, *f.File, alice, "", "Range", "bytes=999999999-"); status != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("no such range: want %d, got %d", http.StatusRequestedRangeNotSatisfiable, status)
	}

	// For somebody else: recorded at the request and at each download.
	theirs := s.awaitExport(t, root, s.export(t, root, "bob@example.test").ID, "done")
	for range 2 {
		if status, _, _ := s.Get(t, *theirs.File, root); status != http.StatusOK {
			t.Errorf("another's file: want %d, got %d", http.StatusOK, status)
		}
	}
	if n := apptest.Number(t, database.URL, "SELECT count(*) FROM lethe.access_log WHERE export IS NOT NULL AND owner = '"+apptest.Bob+"'"); n != 3 {
		t.Errorf("another's: want 3 records, got %d", n)
	}
	for how, as := range map[string]struct {
		key     string
		headers []string
	}{"key": {alice, nil}, "session": {"", []string{"Cookie", cookie, "Sec-Fetch-Site", "same-origin"}}} {
		for _, asked := range [][2]string{
			{http.MethodGet, exportsPath + "/" + theirs.ID}, {http.MethodGet, *theirs.File}, {http.MethodHead, *theirs.File},
			{http.MethodDelete, exportsPath + "/" + theirs.ID},
		} {
			if status, _, body := s.Send(t, asked[0], asked[1], as.key, "", as.headers...); status != http.StatusNotFound || strings.Contains(body, apptest.Bob) {
				t.Errorf("%s by another's %s: want %d, got %d %s", asked, how, http.StatusNotFound, status, body)
			}
		}
		if _, _, body := s.Send(t, http.MethodGet, exportsPath, as.key, "", as.headers...); !strings.Contains(body, f.ID) || strings.Contains(body, theirs.ID) {
			t.Errorf("listed by %s: want only one's own, got %s", how, body)
		}
	}
	if got := s.exported(t, root, theirs.ID); got.State != "done" {
		t.Errorf("after another's attempts: got %+v", got)
	}
	if status, _, body := s.Send(t, http.MethodPost, exportsPath, alice, `{"owner":"`+apptest.Bob+`"}`); status != http.StatusBadRequest {
		t.Errorf("another's, without permission: want %d, got %d %s", http.StatusBadRequest, status, body)
	}

	// One erased response takes the file along.
	if status, body := s.DeleteAs(t, apptest.RequestsPath+"/"+erasable, alice); status != http.StatusNoContent {
		t.Fatalf("erase one: got %d %s", status, body)
	}
	if status, _, body := s.Get(t, *f.File, alice); status != http.StatusNotFound || !strings.Contains(body, "erased since") {
		t.Errorf("after an erasure: want %d, got %d, %d bytes", http.StatusNotFound, status, len(body))
	}
	if got := s.exported(t, alice, f.ID); got.State != "expired" || got.Reason == nil || *got.Reason != "erased" || got.File != nil {
		t.Errorf("after an erasure: got %+v", got)
	}
	if status, _ := s.DeleteAs(t, exportsPath+"/"+theirs.ID, root); status != http.StatusNoContent {
		t.Errorf("delete: got %d", status)
	}
	if status, _, _ := s.Get(t, exportsPath+"/"+theirs.ID, root); status != http.StatusNotFound {
		t.Errorf("deleted: want %d, got %d", http.StatusNotFound, status)
	}
	apptest.Await(t, "nothing on the disk", func() bool { return empty(t, folder) })
}

// TestPersonFileGoesOn: a file that a process has begun is made by the next one, and what
// nobody knows is removed.
func TestPersonFileGoesOn(t *testing.T) {
	t.Parallel()
	database, folder := pgtest.WithFixture(t), t.TempDir()
	if err := os.Chmod(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	const id, unknown = "5c7d9e0f-1a2b-4c3d-8e4f-506172839405", "6c7d9e0f-1a2b-4c3d-8e4f-506172839405"
	for _, part := range []string{id + "-1.part", unknown + "-1.part"} {
		if err := os.Mkdir(filepath.Join(folder, part), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(folder, unknown+".zip"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	apptest.Exec(t, database.URL, `INSERT INTO lethe.person_files (id, owner, requested_at, requested_by, state, attempt, due_at, as_of)
		VALUES ('`+id+`', '`+apptest.Alice+`', now(), '`+apptest.Alice+`', 'running', 3, now() - interval '1 s', now())`)
	s := start(t, "LETHE_DATABASE_URL="+database.RoleURL, "LETHE_EXPORTS_FOLDER="+folder)
	s.awaitExport(t, "sk-alice-platform", id, "done")
	apptest.Await(t, "only the file", func() bool {
		entries, err := os.ReadDir(folder)
		return err == nil && len(entries) == 1 && entries[0].Name() == id+".zip"
	})
}

// TestPersonFileTooLarge: a file beyond the limit fails, says why, and leaves nothing.
func TestPersonFileTooLarge(t *testing.T) {
	t.Parallel()
	database, folder := pgtest.WithFixture(t), filepath.Join(t.TempDir(), "exports")
	apptest.AddFinishedOf(t, database.URL, apptest.Alice, "m", 3000, "1 h")
	s := start(t, "LETHE_DATABASE_URL="+database.RoleURL, "LETHE_EXPORTS_FOLDER="+folder, "LETHE_EXPORTS_MAX_BYTES=1048576", "LETHE_LOG_LEVEL=error")
	f := s.awaitExport(t, "sk-alice-platform", s.export(t, "sk-alice-platform", apptest.Alice).ID, "failed")
	if f.Reason == nil || *f.Reason != "too_large" || !empty(t, folder) {
		t.Errorf("want it too large and nothing left, got %+v", f)
	}
	if status, _, body := s.Get(t, exportsPath+"/"+f.ID+"/file", "sk-alice-platform"); status != http.StatusConflict || !strings.Contains(body, "exports.max_bytes") {
		t.Errorf("want %d with what to do, got %d %s", http.StatusConflict, status, body)
	}
	if got := s.Metric(t, "lethe_person_file_failures_total"); got != "1" {
		t.Errorf("want one failure counted, got %s", got)
	}
}

// TestPersonFilesOff: without a folder there are none, and the answer says what to do.
func TestPersonFilesOff(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	s := start(t, "LETHE_DATABASE_URL="+database.RoleURL)
	status, _, body := s.Send(t, http.MethodPost, exportsPath, "sk-alice-platform", `{"owner":"`+apptest.Alice+`"}`)
	if status != http.StatusConflict || !strings.Contains(body, "LETHE_EXPORTS_FOLDER") {
		t.Errorf("want %d with what to do, got %d %s", http.StatusConflict, status, body)
	}
}
