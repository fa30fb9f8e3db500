package ops_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"lethe/adapters/importfile"
	"lethe/adapters/postgres/imports"
	"lethe/app/config"
	"lethe/app/ops"
	"lethe/internal/apptest"
	"lethe/internal/pgtest"
)

const (
	exportPath = "/lethe/api/v1/responses/export?format=ndjson"
	rootKey    = "sk-root-platform"

	// withoutResponses leaves the people of the fixture.
	withoutResponses = `DELETE FROM fusillade.response_steps; DELETE FROM fusillade.requests;
		DELETE FROM fusillade.request_templates; DELETE FROM public.http_analytics`
)

// imported runs an import and returns what became of each file.
func imported(t *testing.T, url string, options ops.ImportOptions) ([]ops.ImportedFile, error) {
	t.Helper()
	return importedUntil(t.Context(), t, options, "LETHE_DATABASE_URL="+url)
}

func importedUntil(ctx context.Context, t *testing.T, options ops.ImportOptions, environ ...string) (files []ops.ImportedFile, err error) {
	t.Helper()
	cfg, err := config.Load(config.Sources{Environ: environ})
	if err != nil {
		t.Fatal(err)
	}
	if options.Format == "" {
		options.Format = "auto"
	}
	var out bytes.Buffer
	err = ops.Import(ctx, cfg, options, ops.Output{Out: &out, Progress: io.Discard, JSON: true})
	if out.Len() > 0 {
		if err := json.Unmarshal(out.Bytes(), &files); err != nil {
			t.Fatal(err)
		}
	}
	return files, err
}

// wantImported runs an import of one file and compares what became of it.
func wantImported(t *testing.T, url string, options ops.ImportOptions, want ops.ImportedFile) {
	t.Helper()
	files, err := imported(t, url, options)
	if err != nil {
		t.Fatal(err)
	}
	want.File = options.Files[0]
	if len(files) != 1 || files[0] != want {
		t.Errorf("want %+v, got %+v", want, files)
	}
}

// refused runs an import that fails with such a message.
func refused(t *testing.T, url string, options ops.ImportOptions, messages ...string) []ops.ImportedFile {
	t.Helper()
	files, err := imported(t, url, options)
	for _, m := range messages {
		if err == nil || !strings.Contains(err.Error(), m) {
			t.Errorf("want %q, got %v", m, err)
		}
	}
	return files
}

func fileOf(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func exportOf(t *testing.T, s *apptest.Service, query string) string {
	t.Helper()
	a := s.Do(t.Context(), http.DefaultClient, http.MethodGet, exportPath+query, rootKey, "")
	if a.Err != nil || a.Status != http.StatusOK {
		t.Fatalf("export: %d %v %s", a.Status, a.Err, a.Body)
	}
	return a.Body
}

const countRequests = "SELECT count(*) FROM fusillade.requests"

// TestImportExport: what is exported, imported and exported again is the same to the byte.
func TestImportExport(t *testing.T) {
	t.Parallel()
	before := exportOf(t, apptest.Start(t, "LETHE_DATABASE_URL="+pgtest.WithFixture(t).RoleURL), "&contents=true")
	n := int64(strings.Count(before, `"batch_id"`))
	to := pgtest.WithFixture(t)
	apptest.Exec(t, to.URL, withoutResponses)
	file := fileOf(t, before)
	wantImported(t, to.URL, ops.ImportOptions{Files: []string{file}, DryRun: true},
		ops.ImportedFile{Format: importfile.Lethe, Read: n, Kept: imports.Kept{Kept: n}})
	if left := apptest.Number(t, to.URL, countRequests); left != 0 {
		t.Errorf("after a dry run: want nothing, got %d rows", left)
	}
	wantImported(t, to.URL, ops.ImportOptions{Files: []string{file}}, ops.ImportedFile{Format: importfile.Lethe, Read: n, Kept: imports.Kept{Kept: n}})

	s := apptest.Start(t, "LETHE_DATABASE_URL="+to.RoleURL, "LETHE_ERASURE_KEY="+apptest.NewKey(t), "LETHE_ERASURE_CHECKPOINT_FILE="+filepath.Join(t.TempDir(), "seen"))
	after := exportOf(t, s, "&contents=true")
	a, b := strings.Split(before, "\n"), strings.Split(after, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			t.Errorf("want\n%s\ngot\n%s", a[i], b[i])
		}
	}
	if len(a) != len(b) {
		t.Errorf("want %d lines, got %d", len(a), len(b))
	}

	// Once more, without contents, compressed: all is there already.
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	alices := exportOf(t, s, "&created_by_email=alice@example.test")
	_, _ = io.WriteString(zip, alices)
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	present := func(n int64) ops.ImportedFile {
		return ops.ImportedFile{Format: importfile.Lethe, Read: n, Kept: imports.Kept{Present: n}}
	}
	wantImported(t, to.URL, ops.ImportOptions{Files: []string{"-"}, Stdin: &packed}, present(int64(strings.Count(alices, `"batch_id"`))))
	wantImported(t, to.URL, ops.ImportOptions{Files: []string{file}}, present(n))

	// What was erased meanwhile stays erased.
	const erased = "c0000400-0000-4000-8000-00000000005a"
	if status, body := s.DeleteAs(t, apptest.RequestsPath+"/"+erased, rootKey); status != http.StatusNoContent {
		t.Fatalf("erase: got %d %s", status, body)
	}
	wantImported(t, to.URL, ops.ImportOptions{Files: []string{file}},
		ops.ImportedFile{Format: importfile.Lethe, Read: n, Kept: imports.Kept{Present: n - 1, Erased: 1}})
	if left := apptest.Number(t, to.URL, countRequests+" WHERE id = '"+erased+"'"); left != 0 {
		t.Error("the erased response is back")
	}

	apptest.Exec(t, to.URL, `UPDATE fusillade.requests SET response_body = 'another' WHERE id = 'c0000400-0000-4000-8000-000000000004'`)
	refused(t, to.URL, ops.ImportOptions{Files: []string{file}}, "a response with its id is in the database, with another answer", "nothing of this file was kept", ": line ")
}

// storedLine is a response as OpenAI returns it.
func storedLine(id string, more string) string {
	return fmt.Sprintf(`{"id":"%s","object":"response","created_at":1741476542,"status":"completed","model":"gpt-4.1-2025-04-14",`+
		`"output":[{"type":"message","id":"msg_1","role":"assistant","status":"completed","content":[{"type":"output_text","text":"In a grove.","annotations":[]}]}],`+
		`"usage":{"input_tokens":36,"output_tokens":87,"output_tokens_details":{"reasoning_tokens":5},"total_tokens":123}%s}`, id, more) + "\n"
}

// TestImportStored: OpenAI's responses are then listed, shown and erased like all others.
func TestImportStored(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	apptest.Exec(t, database.URL, withoutResponses)
	const first = "resp_67ccd2bed1ec8190b14f964abc0542670bb6a6b452d3795b"
	lines := storedLine(first, `,"input":"Where does the unicorn sleep?"`) + storedLine("resp_2", "")
	refused(t, database.URL, ops.ImportOptions{Files: []string{fileOf(t, lines)}}, "line 1: the response names no owner: give one with --owner; nothing of this file was kept")
	refused(t, database.URL, ops.ImportOptions{Files: []string{fileOf(t, lines)}, Owner: "nobody@example.test"}, `No user "nobody@example.test"`)
	options := ops.ImportOptions{Files: []string{fileOf(t, lines)}, Owner: "Alice@example.test"}
	wantImported(t, database.URL, options, ops.ImportedFile{Format: importfile.OpenAI, Read: 2, Kept: imports.Kept{Kept: 2}})
	array := ops.ImportOptions{Files: []string{fileOf(t, "[\n"+storedLine(first, "")+","+storedLine("resp_2", "")+"]")}, Owner: apptest.Alice}
	refused(t, database.URL, array, "response 1: a response with its id is in the database, with another answer") // as input is a field of the first
	array.Files = []string{fileOf(t, "[\n"+storedLine("resp_2", "")+","+storedLine("resp_3", "")+"]")}
	wantImported(t, database.URL, array, ops.ImportedFile{Format: importfile.OpenAI, Read: 2, Kept: imports.Kept{Kept: 1, Present: 1}})

	s := apptest.Start(t, "LETHE_DATABASE_URL="+database.RoleURL, "LETHE_ERASURE_KEY="+apptest.NewKey(t), "LETHE_ERASURE_CHECKPOINT_FILE="+filepath.Join(t.TempDir(), "seen"))
	a := s.Do(t.Context(), http.DefaultClient, http.MethodGet, apptest.RequestsPath, "sk-alice-platform", "")
	var list struct {
		Data []struct {
			ID, Model, Status, CreatedAt string
			TotalTokens                  int64 `json:"total_tokens"`
		}
	}
	if err := json.Unmarshal([]byte(a.Body), &list); err != nil || len(list.Data) != 3 {
		t.Fatalf("want three responses, got %v %s", err, a.Body)
	}
	prompts := 0
	for _, r := range list.Data {
		if r.Model != "gpt-4.1-2025-04-14" || r.Status != "completed" || r.TotalTokens != 123 {
			t.Errorf("got %+v", r)
		}
		path := "/ai/v1/responses/resp_" + r.ID
		if a := s.Do(t.Context(), http.DefaultClient, http.MethodGet, path, "sk-alice-realtime", ""); !strings.Contains(a.Body, "In a grove.") {
			t.Errorf("want the answer, got %s", a.Body)
		}
		if a := s.Do(t.Context(), http.DefaultClient, http.MethodGet, path+"/input_items", "sk-alice-realtime", ""); strings.Contains(a.Body, "Where does the unicorn sleep?") {
			prompts++
		}
		if status, body := s.DeleteAs(t, apptest.RequestsPath+"/"+r.ID, "sk-alice-platform"); status != http.StatusNoContent {
			t.Errorf("erase: got %d %s", status, body)
		}
	}
	if prompts != 1 {
		t.Errorf("want one prompt, got %d", prompts)
	}
	if left := apptest.Number(t, database.URL, "SELECT (SELECT count(*) FROM fusillade.requests) + (SELECT count(*) FROM fusillade.request_templates)"); left != 0 {
		t.Errorf("after the erasures: want no rows, got %d", left)
	}
	wantImported(t, database.URL, options, ops.ImportedFile{Format: importfile.OpenAI, Read: 2, Kept: imports.Kept{Erased: 2}})
}

const (
	batchOutput = `{"id":"batch_req_1","custom_id":"request-1","response":{"status_code":200,"request_id":"req_1","body":{"id":"chatcmpl-1","object":"chat.completion","created":1711652795,"model":"gpt-4o-mini","choices":[{"index":0,"message":{"role":"assistant","content":"Hello."},"finish_reason":"stop"}],"usage":{"prompt_tokens":22,"completion_tokens":2,"total_tokens":24}}},"error":null}
{"id":"batch_req_2","custom_id":"request-2","response":{"status_code":400,"request_id":"req_2","body":{"error":{"message":"Invalid.","type":"invalid_request_error"}}},"error":null}
{"id":"batch_req_3","custom_id":"request-3","response":null,"error":{"code":"batch_expired","message":"This request could not be executed before the completion window expired."}}
`
	batchInput = `{"custom_id":"request-2","method":"POST","url":"/v1/chat/completions","body":{"model":"gpt-4o-mini","messages":[]}}
{"custom_id":"request-3","method":"POST","url":"/v1/chat/completions","body":{"model":"gpt-4o-mini","messages":[]}}
{"custom_id":"request-1","method":"POST","url":"/v1/chat/completions","body":{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hello?"}]}}
`
)

func TestImportBatch(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	apptest.Exec(t, database.URL, withoutResponses)
	options := ops.ImportOptions{Files: []string{fileOf(t, batchOutput)}, Owner: apptest.Alice}
	refused(t, database.URL, options, "line 2: it names no model: give the input file of the batch with --input; nothing of this file was kept")
	options.Input = fileOf(t, batchInput)
	wantImported(t, database.URL, options, ops.ImportedFile{Format: importfile.Batch, Read: 3, Kept: imports.Kept{Kept: 3}})
	wantImported(t, database.URL, options, ops.ImportedFile{Format: importfile.Batch, Read: 3, Kept: imports.Kept{Present: 3}})
	for state, want := range map[string]int{
		"state = 'completed' AND response_status = 200 AND created_at = to_timestamp(1711652795)":  1,
		"state = 'completed' AND response_status = 400 AND created_at > now() - interval '1 hour'": 1,
		"state = 'failed' AND error LIKE '%batch_expired%'":                                        1,
	} {
		if n := apptest.Number(t, database.URL, countRequests+" WHERE custom_id IS NOT NULL AND model = 'gpt-4o-mini' AND "+state); n != want {
			t.Errorf("%s: want %d, got %d", state, want, n)
		}
	}
	if n := apptest.Number(t, database.URL, "SELECT count(*) FROM fusillade.request_templates WHERE path = '/v1/chat/completions'"); n != 3 {
		t.Errorf("want three prompts, got %d", n)
	}
	options.Format = "openai"
	refused(t, database.URL, options, "--input is for the output files of batches alone")
}

// many are stored responses, a line each.
func many(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(storedLine(fmt.Sprintf("resp_many_%d", i), ""))
	}
	return b.String()
}

// TestImportWholeOrPart: of a file with a broken line nothing is kept, or with Resume the
// units before it; then it goes on.
func TestImportWholeOrPart(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	apptest.Exec(t, database.URL, withoutResponses)
	lines := strings.SplitAfter(many(3500), "\n")
	broken := slices.Clone(lines)
	broken[2599] = `{"id":"resp_secret words", ` + "\n"
	options := ops.ImportOptions{Files: []string{fileOf(t, strings.Join(broken, ""))}, Owner: apptest.Alice}
	files := refused(t, database.URL, options, "line 2600: it is not valid JSON at byte ", "; nothing of this file was kept")
	if len(files) != 1 || files[0].Kept != (imports.Kept{}) {
		t.Errorf("want nothing kept, got %+v", files)
	}
	if _, err := imported(t, database.URL, options); strings.Contains(err.Error(), "secret") {
		t.Errorf("want nothing of the line in the error, got %v", err)
	}
	options.Resume = true
	files = refused(t, database.URL, options, "line 2600: ", "; 2000 responses before that kept; start again to continue")
	if n := apptest.Number(t, database.URL, countRequests); n != 2000 || files[0].Kept.Kept != 2000 {
		t.Errorf("want 2000 kept, got %d, %+v", n, files)
	}
	options.Files = []string{fileOf(t, strings.Join(lines, "")+lines[7])}
	wantImported(t, database.URL, options, ops.ImportedFile{Format: importfile.OpenAI, Read: 3501, Kept: imports.Kept{Kept: 1500, Present: 2001}})
}

// stopping stops an import when it is read so far.
type stopping struct {
	io.Reader
	left int
	stop func()
}

func (s *stopping) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if s.left -= n; s.left < 0 {
		s.stop()
	}
	return n, err
}

// silent is a pipe into which nobody writes.
type silent struct{ ended chan struct{} }

func (s silent) Read([]byte) (int, error) {
	<-s.ended
	return 0, io.EOF
}

// TestImportWaiting: who waits for a pipe can be stopped.
func TestImportWaiting(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	pipe := silent{make(chan struct{})}
	defer close(pipe.ended)
	time.AfterFunc(10*time.Millisecond, cancel)
	if _, err := importedUntil(ctx, t, ops.ImportOptions{Files: []string{"-"}, Stdin: pipe}, "LETHE_DATABASE_URL="+database.URL); !errors.Is(err, context.Canceled) {
		t.Errorf("want it stopped, got %v", err)
	}
}

// TestImportStopped: what was stopped goes on where it was.
func TestImportStopped(t *testing.T) {
	t.Parallel()
	database := pgtest.WithFixture(t)
	apptest.Exec(t, database.URL, withoutResponses)
	text := many(3000)
	stopped := func(resume bool) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		_, err := importedUntil(ctx, t, ops.ImportOptions{
			Files: []string{"-"}, Stdin: &stopping{strings.NewReader(text), len(text) / 2, cancel}, Owner: apptest.Alice, Resume: resume,
		}, "LETHE_DATABASE_URL="+database.URL)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("want it stopped, got %v", err)
		}
	}
	if stopped(false); apptest.Number(t, database.URL, countRequests) != 0 {
		t.Error("want nothing kept")
	}
	if stopped(true); apptest.Number(t, database.URL, countRequests) != 1000 {
		t.Error("want a unit kept")
	}
	wantImported(t, database.URL, ops.ImportOptions{Files: []string{"-"}, Stdin: strings.NewReader(text), Owner: apptest.Alice, Resume: true},
		ops.ImportedFile{Format: importfile.OpenAI, Read: 3000, Kept: imports.Kept{Kept: 2000, Present: 1000}})
}

func TestImportRefused(t *testing.T) {
	t.Parallel()
	others := pgtest.WithFixture(t)
	apptest.Exec(t, others.URL, "DROP SCHEMA lethe CASCADE") // which said that the tables are ours
	file := fileOf(t, many(1))
	refused(t, others.URL, ops.ImportOptions{Files: []string{file}, Owner: apptest.Alice},
		"belong to another system: Lethe lists and erases there, but writes no responses; import into the embedded database, or into one that `lethe migrate up` has created")
	refused(t, pgtest.Empty(t).URL, ops.ImportOptions{Files: []string{file}}, "run `lethe migrate up` first")

	own := pgtest.New(t)
	refused(t, own.URL, ops.ImportOptions{Files: []string{file}, Format: "csv"}, "--format must be auto, lethe, openai or batch")
	refused(t, own.URL, ops.ImportOptions{Files: []string{file}, DryRun: true, Resume: true}, "omit --resume")
	refused(t, own.URL, ops.ImportOptions{Files: []string{file, file}}, "is given twice")
	refused(t, own.URL, ops.ImportOptions{Files: []string{t.TempDir()}}, "is a folder: give its files")
	refused(t, own.URL, ops.ImportOptions{Files: []string{file + "s"}}, "no such file")
	_, err := importedUntil(t.Context(), t, ops.ImportOptions{Files: []string{file}}, "LETHE_DATABASE_URL="+own.URL, "LETHE_DATABASE_PGBOUNCER=true")
	if err == nil || !strings.Contains(err.Error(), "cannot import through PgBouncer") {
		t.Errorf("got %v", err)
	}
	_, err = importedUntil(t.Context(), t, ops.ImportOptions{Files: []string{file}}, "LETHE_DATABASE_URL="+own.URL, "LETHE_FUSILLADE_DATABASE_URL="+own.URL)
	if err == nil || !strings.Contains(err.Error(), "an import needs all tables in one database") {
		t.Errorf("got %v", err)
	}
}
