package personfile_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/httpapi"
	"lethe/adapters/personfile"
	"lethe/domain"
	"lethe/domain/porttest"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func config(t *testing.T) personfile.Config {
	t.Helper()
	return personfile.Config{
		Folder: filepath.Join(t.TempDir(), "exports"), MaxBytes: 64 << 20,
		Words: personfile.Words{Controller: "Example & Sons", Contact: "privacy@example.test", Purpose: "To show it.", Retention: "A year."},
		Lines: func(w io.Writer) personfile.Encoder { return httpapi.DetailLines(w) },
		Usage: func(w io.Writer) personfile.Encoder { return httpapi.SummaryCSV(w) },
	}
}

func open(t *testing.T, cfg personfile.Config) *personfile.Store {
	t.Helper()
	s, err := personfile.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestStore(t *testing.T) {
	t.Parallel()
	porttest.PersonFileStore(t, func(t *testing.T) domain.PersonFileStore { return open(t, config(t)) })
}

// written makes a file and returns its entries, after checking each against the manifest.
func written(t *testing.T, s *personfile.Store, facts domain.PersonFileFacts, receipts map[uuid.UUID]string, responses ...domain.ResponseDetail) map[string]string {
	t.Helper()
	id := uuid.New()
	w, err := s.New(id)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range responses {
		if err := w.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	for id, proof := range receipts {
		if err := w.AddReceipt(id, []byte(proof)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Finish(facts); err != nil {
		t.Fatal(err)
	}
	file, err := s.Open(id)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(file)
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	entries := make(map[string]string)
	for _, f := range archive.File {
		in, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(in)
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		entries[f.Name] = string(text)
	}
	var manifest struct {
		Files []struct {
			Name, SHA256 string
			Bytes        int
		}
	}
	if err := json.Unmarshal([]byte(entries["manifest.json"]), &manifest); err != nil || len(manifest.Files) != len(entries)-1 {
		t.Fatalf("manifest: want %d files, got %s, %v", len(entries)-1, entries["manifest.json"], err)
	}
	for _, f := range manifest.Files {
		text, there := entries[f.Name]
		if sum := sha256.Sum256([]byte(text)); !there || f.SHA256 != hex.EncodeToString(sum[:]) || f.Bytes != len(text) {
			t.Errorf("manifest: %+v is not what the file has", f)
		}
	}
	return entries
}

// said is a response with this prompt and answer.
func said(prompt, answer string) domain.ResponseDetail {
	row := porttest.NewRow("anna", "completed", noon)
	row.Contents = domain.Contents{Prompt: prompt, Answer: &answer}
	return domain.ResponseDetail{ResponseSummary: domain.ResponseSummary{Response: row.Response}, Contents: row.Contents}
}

func contains(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s: want %q, got\n%s", what, part, text)
		}
	}
}

// TestFile: everything is in the file, its pages are linked, and what people wrote is
// text in each of its forms.
func TestFile(t *testing.T) {
	t.Parallel()
	const n = 250
	var responses []domain.ResponseDetail
	for i := range n {
		responses = append(responses, said(fmt.Sprintf(`{"input":"question %d <script>alert(1)</script>"}`, i), `{"output":[{"type":"message","content":[{"type":"output_text","text":"=answer & more"}]}]}`))
	}
	responses[1].Withheld = domain.Withheld{Prompt: true}
	responses[1].Prompt = ""
	responses[2].Contents = domain.Contents{Left: 1 << 30}
	responses[3].Model = "=cmd()"
	receipt := uuid.New()
	facts := domain.PersonFileFacts{Owner: uuid.New(), Email: "anna@example.test", AsOf: noon, MadeAt: noon, LogKeys: []string{"example.com/log+1+KEY"}, Unsealed: 7}
	entries := written(t, open(t, config(t)), facts, map[uuid.UUID]string{receipt: "proof"}, responses...)

	var names []string
	for name := range entries {
		names = append(names, name)
	}
	slices.Sort(names)
	want := []string{
		"conversations/0001.html", "conversations/0002.html", "conversations/0003.html", "data/responses.ndjson", "data/usage.csv",
		"index.html", "manifest.json", "receipts/" + receipt.String() + ".receipt", "receipts/README.txt", "receipts/log.pub",
	}
	slices.Sort(want)
	if !slices.Equal(names, want) {
		t.Errorf("want the files %v, got %v", want, names)
	}
	for name, text := range entries {
		if strings.HasSuffix(name, ".html") && strings.Contains(strings.ToLower(text), "<script") {
			t.Errorf("%s has a script", name)
		}
	}
	contains(t, "index", entries["index.html"], "anna@example.test", "Example &amp; Sons", "privacy@example.test", "To show it.", "A year.",
		`href="conversations/0003.html"`, "in the folder receipts: 1.", "250, from", "Here: 7.", "Here: 1.", "default-src 'none'")
	contains(t, "first page", entries["conversations/0001.html"], "question 0 &lt;script&gt;alert(1)&lt;/script&gt;", "question 99 ", "=answer &amp; more",
		"Encrypted contents are withheld", "too large for this file", `href="0002.html">Older`)
	contains(t, "page between", entries["conversations/0002.html"], "question 100 ", "question 199 ", `href="0001.html">Newer`, `href="0003.html">Older`)
	contains(t, "last page", entries["conversations/0003.html"], "question 249 ", `href="0002.html">Newer`)
	for page, not := range map[string]string{"0001": "Newer", "0003": "Older"} {
		if strings.Contains(entries["conversations/"+page+".html"], not) {
			t.Errorf("page %s: has a link to nowhere", page)
		}
	}
	lines := strings.Split(strings.TrimSuffix(entries["data/responses.ndjson"], "\n"), "\n")
	var first struct{ ID, Body string }
	if err := json.Unmarshal([]byte(lines[0]), &first); err != nil || len(lines) != n || first.ID != responses[0].ID.String() || first.Body != responses[0].Prompt {
		t.Errorf("data: want %d lines, got %d; the first %s, %v", n, len(lines), lines[0], err)
	}
	rows, err := csv.NewReader(strings.NewReader(entries["data/usage.csv"])).ReadAll()
	if err != nil || len(rows) != n+1 || rows[1][0] != responses[0].ID.String() || rows[4][1] != "'=cmd()" {
		t.Errorf("usage: got %d rows, %v, %v", len(rows), rows[4], err)
	}
	if entries["receipts/log.pub"] != "example.com/log+1+KEY\n" || entries["receipts/"+receipt.String()+".receipt"] != "proof" {
		t.Errorf("receipts: got %q", entries["receipts/log.pub"])
	}
	contains(t, "manifest", entries["manifest.json"], `"as_of": "2026-03-01T12:00:00Z"`, facts.Owner.String(), "later_turns_of_others", "written_by_others", "expired_usage", `"withheld"`, `"too_large"`, `"unsealed_receipts"`)
}

// TestEmptyFile: a person of whom nothing is kept gets a file that says so.
func TestEmptyFile(t *testing.T) {
	t.Parallel()
	entries := written(t, open(t, config(t)), domain.PersonFileFacts{AsOf: noon, MadeAt: noon}, nil)
	contains(t, "index", entries["index.html"], "There are none.")
	for _, word := range []string{`"withheld"`, `"too_large"`, `"unsealed_receipts"`, `"without_usage"`} {
		if strings.Contains(entries["manifest.json"], word) {
			t.Errorf("manifest: %s is not missing", word)
		}
	}
}

// TestTurns: each known form is readable, and any other is shown as it is stored.
func TestTurns(t *testing.T) {
	t.Parallel()
	for stored, want := range map[string][]string{
		`{"messages":[{"role":"system","content":"be kind"},{"role":"user","content":[{"type":"text","text":"hi"},{"type":"text","text":"there"}]}]}`: {"<h3>system</h3>", "<pre>be kind</pre>", "<pre>hi\nthere</pre>"},
		`{"instructions":"short","input":"hello"}`:                              {"<h3>instructions</h3>", "<pre>hello</pre>"},
		`{"input":[{"role":"user","content":"a"}]}`:                             {"<h3>user</h3>", "<pre>a</pre>"},
		`{"prompt":"once"}`:                                                     {"<pre>once</pre>"},
		`{"messages":[{"role":"user","content":[{"type":"image","url":"x"}]}]}`: {`<pre>[{&#34;type&#34;:&#34;image&#34;,&#34;url&#34;:&#34;x&#34;}]</pre>`},
		`no json`: {"<pre>no json</pre>"},
		`{"a":1}`: {`<pre>{&#34;a&#34;:1}</pre>`},
	} {
		entries := written(t, open(t, config(t)), domain.PersonFileFacts{AsOf: noon, MadeAt: noon}, nil, said(stored, `{"choices":[{"message":{"role":"assistant","content":"yes"}}]}`))
		contains(t, stored, entries["conversations/0001.html"], append(want, "<h3>assistant</h3>", "<pre>yes</pre>")...)
	}
	long := strings.Repeat("é", 1<<20)
	entries := written(t, open(t, config(t)), domain.PersonFileFacts{AsOf: noon, MadeAt: noon}, nil, said(long, ""))
	page := entries["conversations/0001.html"]
	if contains(t, "long", page[len(page)-1000:], "The rest is in data/responses.ndjson"); len(page) > 1<<20+10_000 || strings.ContainsRune(page, '�') {
		t.Errorf("long: the page has %d bytes", len(page))
	}
	if !strings.Contains(entries["data/responses.ndjson"], long) {
		t.Error("long: the data has not all of it")
	}
}

// TestLimit: a file that would be too large is none, and leaves nothing.
func TestLimit(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	cfg.MaxBytes = 100_000
	s := open(t, cfg)
	w, err := s.New(uuid.New())
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; err == nil && i < 1000; i++ {
		err = w.Add(said(strings.Repeat("x", 1000), "y"))
	}
	if !errors.Is(err, domain.ErrPersonFileTooLarge) {
		t.Errorf("want %v, got %v", domain.ErrPersonFileTooLarge, err)
	}
	if err := w.Discard(); err != nil {
		t.Fatal(err)
	}
	if kept, err := s.Kept(); err != nil || len(kept) > 0 {
		t.Errorf("want nothing left, got %v, %v", kept, err)
	}
}

// TestDiskFull: a full disk is told apart from other faults.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full here")
	}
	_, cause := full.Write([]byte("x"))
	if err := full.Close(); err != nil {
		t.Fatal(err)
	}
	cfg := config(t)
	cfg.Lines = func(io.Writer) personfile.Encoder { return failing{cause} }
	w, err := open(t, cfg).New(uuid.New())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Add(said("a", "b")); !errors.Is(err, domain.ErrDiskFull) || errors.Is(err, domain.ErrPersonFileTooLarge) {
		t.Errorf("want %v, got %v", domain.ErrDiskFull, err)
	}
	cfg.Lines = func(io.Writer) personfile.Encoder { return failing{os.ErrClosed} }
	if w, err = open(t, cfg).New(uuid.New()); err != nil {
		t.Fatal(err)
	}
	if err := w.Add(said("a", "b")); errors.Is(err, domain.ErrDiskFull) || domain.CodeOf(err) != domain.CodeInternal {
		t.Errorf("another fault: want %s, got %v", domain.CodeInternal, err)
	}
}

type failing struct{ err error }

func (f failing) Write(domain.ResponseDetail) error { return f.err }
func (f failing) Flush() error                      { return f.err }

// TestFolder: only our user may read it, and other files in it are left alone.
func TestFolder(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	s := open(t, cfg)
	if info, err := os.Stat(cfg.Folder); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("folder: got %v, %v", info.Mode(), err)
	}
	id := uuid.New()
	w, err := s.New(id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Finish(domain.PersonFileFacts{}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(cfg.Folder, id.String()+".zip")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("file: got %v, %v", info.Mode(), err)
	}
	if err := os.WriteFile(filepath.Join(cfg.Folder, "notes.zip"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if kept, err := s.Kept(); err != nil || len(kept) != 2 && !slices.Equal(kept, []uuid.UUID{id, id}) {
		t.Errorf("kept: got %v, %v", kept, err)
	}
	if err := os.Chmod(cfg.Folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := personfile.New(cfg); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("open to others: want what to do, got %v", err)
	}
	if _, err := personfile.New(personfile.Config{}); err == nil {
		t.Error("New without anything: got no error")
	}
}
