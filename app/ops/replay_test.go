package ops_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/mod/sumdb/tlog"

	"lethe/adapters/offsite"
	"lethe/app/config"
	"lethe/app/ops"
	"lethe/internal/apptest"
	"lethe/internal/pgtest"
	"lethe/receipt"
)

// protected is a service with a record of its erasures outside its database.
type protected struct {
	t        *testing.T
	database *pgtest.Database
	name     string // of the database in use: its own, or a restored one
	key      string
	seen     string // file with the newest checkpoint
	to       string // folder of the export
	identity string
	reader   string // the recipient

	shown map[int64]tlog.Hash // every checkpoint that was shown
}

func protect(t *testing.T) *protected {
	t.Helper()
	return protectOf(t, pgtest.WithFixture(t))
}

func protectOf(t *testing.T, database *pgtest.Database) *protected {
	t.Helper()
	folder := t.TempDir()
	p := &protected{
		t: t, database: database, key: apptest.NewKey(t), seen: filepath.Join(folder, "seen"),
		to: filepath.Join(folder, "export"), identity: filepath.Join(folder, "identity"), shown: map[int64]tlog.Hash{},
	}
	p.name = p.database.Name
	var printed bytes.Buffer
	if err := ops.NewExportIdentity(p.identity, ops.Output{Out: &printed, Progress: io.Discard}); err != nil {
		t.Fatal(err)
	}
	p.reader = strings.TrimSpace(printed.String())
	// As in docs/erasure.md.
	role := p.name + "_export"
	apptest.Exec(t, p.database.URL, fmt.Sprintf(`CREATE ROLE %[1]s LOGIN PASSWORD 'export';
		GRANT USAGE ON SCHEMA lethe TO %[1]s;
		GRANT SELECT ON lethe.tombstones, lethe.receipts, lethe.receipt_secrets, lethe.tiles, lethe.log_state,
			lethe.checkpoints, lethe.cosignatures TO %[1]s`, pgx.Identifier{role}.Sanitize()))
	t.Cleanup(func() {
		apptest.Exec(t, p.database.URL, fmt.Sprintf("DROP OWNED BY %[1]s; DROP ROLE %[1]s", pgx.Identifier{role}.Sanitize()))
	})
	return p
}

// exportURL is the URL for the exporting role.
func (p *protected) exportURL() string {
	p.t.Helper()
	u, err := url.Parse(p.owner())
	if err != nil {
		p.t.Fatal(err)
	}
	u.User = url.UserPassword(p.database.Name+"_export", "export")
	return u.String()
}

// in returns a URL with the database in use.
func (p *protected) in(url string) string { return strings.Replace(url, p.database.Name, p.name, 1) }

func (p *protected) owner() string { return p.in(p.database.URL) }

// settings are the service's, with the least privileged role.
func (p *protected) settings() []string {
	return []string{
		"LETHE_DATABASE_URL=" + p.roleURL(), "LETHE_ERASURE_KEY=" + p.key, "LETHE_ERASURE_CHECKPOINT_FILE=" + p.seen,
	}
}

// roleURL: the name of the role also contains the database's.
func (p *protected) roleURL() string {
	at := strings.LastIndex(p.database.RoleURL, "/"+p.database.Name)
	return p.database.RoleURL[:at] + "/" + p.name + p.database.RoleURL[at+1+len(p.database.Name):]
}

func (p *protected) config(more ...string) *config.Config {
	p.t.Helper()
	cfg, err := config.Load(config.Sources{Environ: append([]string{
		"LETHE_DATABASE_URL=" + p.owner(), "LETHE_ERASURE_KEY=" + p.key, "LETHE_ERASURE_CHECKPOINT_FILE=" + p.seen,
	}, more...)})
	if err != nil {
		p.t.Fatal(err)
	}
	return cfg
}

// copyTo copies the database in use, to which nobody may be connected.
func (p *protected) copyTo(name string) {
	p.t.Helper()
	apptest.Exec(p.t, strings.Replace(p.database.URL, "/"+p.database.Name, "/postgres", 1),
		fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s", pgx.Identifier{name}.Sanitize(), pgx.Identifier{p.name}.Sanitize()))
	p.t.Cleanup(func() {
		conn, err := pgx.Connect(context.Background(), strings.Replace(p.database.URL, "/"+p.database.Name, "/postgres", 1))
		if err == nil {
			_, err = conn.Exec(context.Background(), fmt.Sprintf("DROP DATABASE %s WITH (FORCE)", pgx.Identifier{name}.Sanitize()))
			_ = conn.Close(context.Background())
		}
		if err != nil {
			p.t.Errorf("drop the copy: %v", err)
		}
	})
}

// serve runs the service until end is called.
func (p *protected) serve() (s *apptest.Service, end func()) {
	p.t.Helper()
	return p.serveWith(p.settings()...)
}

func (p *protected) serveWith(settings ...string) (s *apptest.Service, end func()) {
	p.t.Helper()
	s = apptest.Start(p.t, settings...)
	return s, func() {
		p.t.Helper()
		s.Stop()
		if err := <-s.Result; err != nil {
			p.t.Fatal(err)
		}
		s.Result <- nil
		http.DefaultClient.CloseIdleConnections()
	}
}

// add stores n responses of alice with a raw copy and a task each, every third of
// them a chain of two with a tool call, and returns a part of each.
func (p *protected) add(n int) (ids []uuid.UUID) {
	p.t.Helper()
	for i := range n {
		id, second, head := uuid.New(), uuid.New(), uuid.New()
		ids = append(ids, id)
		apptest.Exec(p.t, p.owner(), fmt.Sprintf(`
			INSERT INTO fusillade.request_templates (id, endpoint, method, path, body, model, api_key) VALUES ('%[1]s', 'http://upstream.test', 'POST', '/v1/responses', 'words', 'm', 'key');
			INSERT INTO fusillade.requests (id, template_id, state, response_status, response_body, completed_at, model, created_by) VALUES ('%[1]s', '%[1]s', 'completed', 200, 'words', now(), 'm', '%[4]s');
			INSERT INTO public.http_analytics (instance_id, correlation_id, timestamp, method, uri, fusillade_request_id) VALUES ('%[1]s', 1, now(), 'POST', '/v1/responses', '%[1]s');
			INSERT INTO outlet.http_requests (instance_id, correlation_id, timestamp, method, uri, headers) VALUES ('%[1]s', 1, now(), 'POST', '/v1/responses', '{}');
			INSERT INTO underway.task_queue (name) VALUES ('create-response') ON CONFLICT DO NOTHING;
			INSERT INTO underway.task (id, task_queue_name, input) VALUES ('%[1]s', 'create-response', '{"step_input": {"request_id": "%[1]s"}}')`,
			id, second, head, apptest.Alice))
		if i%3 == 2 {
			apptest.Exec(p.t, p.owner(), fmt.Sprintf(`
				INSERT INTO fusillade.requests (id, state, response_status, response_body, completed_at, model, created_by) VALUES ('%[2]s', 'completed', 200, 'words', now(), 'm', '%[4]s');
				INSERT INTO fusillade.response_steps (id, request_id, prev_step_id, parent_step_id, step_kind, step_sequence, request_payload, response_payload, state, started_at, completed_at) VALUES
					('%[3]s', '%[1]s', NULL, NULL, 'model_call', 0, '{}', '{}', 'completed', now(), now()),
					('%[2]s', '%[2]s', '%[3]s', '%[3]s', 'model_call', 1, '{}', '{}', 'completed', now(), now()),
					(gen_random_uuid(), NULL, '%[2]s', '%[3]s', 'tool_call', 2, '{}', '{}', 'completed', now(), now())`,
				id, second, head, apptest.Alice))
		}
	}
	return ids
}

// erase erases them over HTTP and returns the locations of the receipts.
func (p *protected) erase(s *apptest.Service, ids []uuid.UUID) (receipts []string) {
	p.t.Helper()
	for _, id := range ids {
		request, err := http.NewRequestWithContext(p.t.Context(), http.MethodDelete, s.URL+apptest.RequestsPath+"/"+id.String(), nil)
		if err != nil {
			p.t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer sk-alice-platform")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			p.t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusNoContent {
			p.t.Fatalf("erase %s: want %d, got %d", id, http.StatusNoContent, response.StatusCode)
		}
		receipts = append(receipts, response.Header.Get("Location"))
	}
	return receipts
}

// published waits until size leaves are published, and keeps the checkpoint.
func (p *protected) published(s *apptest.Service, size int64) {
	p.t.Helper()
	apptest.Await(p.t, fmt.Sprintf("%d receipts are published", size), func() bool {
		_, _, body := s.Get(p.t, "/log/checkpoint", "sk-root-platform")
		c, _, err := receipt.OpenCheckpoint([]byte(body), apptest.PublicOf(p.t, p.key))
		if err == nil {
			p.shown[c.Size] = c.Root
		}
		return err == nil && c.Size == size
	})
}

func (p *protected) export() (exported, mirrored int) {
	p.t.Helper()
	var out bytes.Buffer
	err := ops.Export(p.t.Context(), p.config("LETHE_DATABASE_URL="+p.exportURL()), ops.ExportOptions{To: p.to, Recipients: []string{p.reader}, Keep: "90d"},
		ops.Output{Out: &out, Progress: io.Discard, JSON: true})
	if err != nil {
		p.t.Fatal(err)
	}
	var said struct{ Exported, Mirrored int }
	if err := json.Unmarshal(out.Bytes(), &said); err != nil {
		p.t.Fatal(err)
	}
	return said.Exported, said.Mirrored
}

// outcome is the output of a replay.
type outcome struct {
	Entries, Found       int
	Missing, Added, Size int64
	Erased               struct{ Requests, Steps, Templates, Tasks, Retained int64 }
	Receipts, Unlisted   []uuid.UUID
	Advice               []string
	done                 bool
}

func (p *protected) replay(dry bool, more ...string) (o outcome, err error) {
	p.t.Helper()
	var out bytes.Buffer
	o.done, err = ops.Replay(p.t.Context(), p.config(more...), ops.ReplayOptions{From: p.to, Identity: p.identity, DryRun: dry},
		ops.Output{Out: &out, Progress: io.Discard, JSON: true})
	if err == nil {
		err = json.Unmarshal(out.Bytes(), &o)
	}
	return o, err
}

func (p *protected) number(sql string) int { p.t.Helper(); return apptest.Number(p.t, p.owner(), sql) }

const (
	rowsOfAlice = "SELECT (SELECT count(*) FROM fusillade.requests WHERE model = 'm') + (SELECT count(*) FROM fusillade.response_steps) + (SELECT count(*) FROM underway.task) + (SELECT count(*) FROM outlet.http_requests WHERE correlation_id = 1)"
	allReceipts = "SELECT count(*) FROM lethe.receipts"
)

// TestReplayAfterRestore: a backup is restored after more was erased and published.
// The service is not ready until all of that has been erased again and the log is
// complete; then it continues.
func TestReplayAfterRestore(t *testing.T) {
	t.Parallel()
	p := protect(t)
	s, end := p.serve()
	rest := p.number(rowsOfAlice) // of the fixture
	before, after, unsealed, kept := p.add(3), p.add(6), p.add(1), p.add(1)
	p.erase(s, before)
	p.published(s, 3)
	if exported, mirrored := p.export(); exported != 3 || mirrored != 3 {
		t.Fatalf("first export: want 3 exported and 3 mirrored, got %d and %d", exported, mirrored)
	}
	end()
	p.copyTo(p.database.Name + "_backup")
	backup := p.number(rowsOfAlice)

	s, end = p.serve()
	receipts := p.erase(s, after)
	p.published(s, 9)
	end()
	// One more is exported, and never sealed.
	s, end = p.serveWith("LETHE_DATABASE_URL="+p.roleURL(), "LETHE_ERASURE_ORIGIN="+apptest.Origin)
	p.erase(s, unsealed)
	end()
	if exported, mirrored := p.export(); exported != 7 || mirrored != 6 {
		t.Fatalf("second export: want 7 exported and 6 mirrored, got %d and %d", exported, mirrored)
	}
	if exported, mirrored := p.export(); exported+mirrored != 0 {
		t.Fatalf("third export: want none, got %d exported and %d mirrored", exported, mirrored)
	}
	goal := p.number(rowsOfAlice)

	// The restore.
	own := p.name
	p.name += "_backup"
	p.copyTo(own + "_restored")
	p.name = own + "_restored"
	if n := p.number(rowsOfAlice); n != backup || n <= goal {
		t.Fatalf("restored rows: want %d, more than %d, got %d", backup, goal, n)
	}
	s, end = p.serve()
	for _, path := range []string{"/readyz", apptest.RequestsPath, apptest.RequestsPath + "/" + after[0].String()} {
		if status, _, body := s.Get(t, path, "sk-alice-platform"); status != http.StatusServiceUnavailable || !strings.Contains(body, "lethe replay") {
			t.Errorf("%s before the replay: want %d with `lethe replay`, got %d %s", path, http.StatusServiceUnavailable, status, body)
		}
	}

	looked, err := p.replay(true)
	if err != nil || looked.Entries != 10 || looked.Found != 9 || looked.Missing != 6 || looked.Added != 0 || p.number(rowsOfAlice) != backup {
		t.Errorf("dry run: want 10 entries, 9 found, 6 missing, nothing changed; got %+v, %v", looked, err)
	}
	done, err := p.replay(false)
	if err != nil || !done.done || done.Found != 9 || done.Erased.Requests != 9 || done.Erased.Steps != 6 || done.Erased.Templates != 7 ||
		done.Erased.Tasks != 7 || len(done.Receipts) != 1 || done.Added != 6 || len(done.Unlisted) != 0 {
		t.Errorf("replay: want 9 found and erased, 6 leaves added, 1 receipt; got %+v, %v", done, err)
	}
	if n := p.number(rowsOfAlice); n != goal {
		t.Errorf("%d rows are left, want %d", n, goal)
	}
	if again, err := p.replay(false); err != nil || !again.done || again.Found != 0 || again.Added != 0 || len(again.Receipts) != 0 || p.number(allReceipts) != 10 {
		t.Errorf("second replay: want nothing found, got %+v, %v", again, err)
	}

	apptest.Await(t, "it is ready", func() bool { status, _, _ := s.Get(t, "/readyz", ""); return status == http.StatusOK })
	p.published(s, 10)
	if status, _, _ := s.Get(t, apptest.RequestsPath+"/"+after[0].String(), "sk-alice-platform"); status != http.StatusNotFound {
		t.Errorf("erased response: want %d, got %d", http.StatusNotFound, status)
	}
	if status, _, _ := s.Get(t, apptest.RequestsPath+"/"+kept[0].String(), "sk-alice-platform"); status != http.StatusOK {
		t.Errorf("kept response: want %d, got %d", http.StatusOK, status)
	}
	for _, path := range receipts {
		status, _, file := s.Get(t, path, "sk-alice-platform")
		if _, err := receipt.Check([]byte(file), apptest.PublicOf(t, p.key), receipt.Options{}); status != http.StatusOK || err != nil {
			t.Errorf("receipt %s, from before the restore: want %d and a valid proof, got %d, %v", path, http.StatusOK, status, err)
		}
	}
	if exported, mirrored := p.export(); exported != 1 || mirrored != 1 {
		t.Errorf("export after the replay: want 1 exported and 1 mirrored, got %d and %d", exported, mirrored)
	}
	p.goOn()
	end()
	if report := apptest.Examine(t, p.settings()...); len(apptest.Found(report, ops.Problem))+len(apptest.Found(report, ops.Warning)) != 0 {
		t.Errorf("doctor after the replay: want no finding, got\n%s", apptest.Text(t, report))
	}
	if rest > goal {
		t.Errorf("other rows: want %d or more left, got %d", rest, goal)
	}
}

// goOn proves with the mirror that every checkpoint that was shown belongs to the
// log's past.
func (p *protected) goOn() {
	p.t.Helper()
	signed, err := os.ReadFile(filepath.Join(p.to, "mirror", "checkpoint"))
	if err != nil {
		p.t.Fatal(err)
	}
	c, _, err := receipt.OpenCheckpoint(signed, apptest.PublicOf(p.t, p.key))
	if err != nil {
		p.t.Fatal(err)
	}
	hashes := tlog.TileHashReader(tlog.Tree{N: c.Size, Hash: c.Root}, receipt.TileFiles(os.DirFS(filepath.Join(p.to, "mirror"))))
	if len(p.shown) < 3 {
		p.t.Errorf("checkpoints shown: want 3 or more, got %d", len(p.shown))
	}
	for size, root := range p.shown {
		if then, err := tlog.TreeHash(size, hashes); err != nil || then != root {
			p.t.Errorf("checkpoint of %d leaves: not consistent with the log: %v", size, err)
		}
	}
}

// restored is a database restored to the state after three erasures, with three more
// on the list and in the mirror.
func restored(t *testing.T) (p *protected, erased []uuid.UUID) {
	t.Helper()
	p = protect(t)
	s, end := p.serve()
	before, after := p.add(3), p.add(3)
	p.erase(s, before)
	p.published(s, 3)
	end()
	own := p.name
	p.copyTo(own + "_restored")
	s, end = p.serve()
	p.erase(s, after)
	p.published(s, 6)
	end()
	p.export()
	p.name = own + "_restored"
	return p, after
}

// TestReplayInvalidInput: replay refuses unusable input and changes nothing.
func TestReplayInvalidInput(t *testing.T) {
	t.Parallel()
	p, erased := restored(t)
	rows, receipts := p.number(rowsOfAlice), p.number(allReceipts)
	lists, err := filepath.Glob(p.to + "/*.list")
	if err != nil || len(lists) != 1 {
		t.Fatalf("export folder: want one list, got %v, %v", lists, err)
	}
	other := filepath.Join(t.TempDir(), "identity")
	if err := ops.NewExportIdentity(other, ops.Output{Out: io.Discard, Progress: io.Discard}); err != nil {
		t.Fatal(err)
	}
	if err := ops.NewExportIdentity(other, ops.Output{Out: io.Discard, Progress: io.Discard}); err == nil || !strings.Contains(err.Error(), "not overwritten") {
		t.Errorf("existing identity file: want it left as it is, got %v", err)
	}
	file := func(path string, change func([]byte) []byte) func(*protected) {
		return func(p *protected) {
			path := filepath.Join(p.to, path)
			data, err := os.ReadFile(path)
			if err == nil {
				err = os.WriteFile(path, change(data), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	flip := func(at int) func([]byte) []byte {
		return func(data []byte) []byte {
			data[(len(data)+at)%len(data)] ^= 1
			return data
		}
	}
	for name, c := range map[string]struct {
		change   func(*protected)
		settings string
		says     string
	}{
		"other identity":       {change: func(p *protected) { p.identity = other }, says: "another recipient"},
		"no identity":          {change: func(p *protected) { p.identity = lists[0] }, says: "AGE-SECRET-KEY"},
		"no file":              {change: func(p *protected) { p.identity += "x" }, says: "--identity"},
		"no list":              {change: func(p *protected) { p.to = t.TempDir() }, says: "no list"},
		"a damaged list":       {change: file(filepath.Base(lists[0]), flip(300)), says: "line 1"},
		"a damaged checkpoint": {change: file("mirror/checkpoint", flip(30)), says: "checkpoint of the mirror"},
		"damaged tiles":        {change: file("mirror/tile/0/000.p/6", flip(-1)), says: "damaged"},
		"damaged receipts":     {change: file("mirror/tile/entries/000.p/6", flip(-1)), says: "damaged"},
		"forged list entry": {change: func(p *protected) {
			// An entry with a receipt in the log, but with another response.
			list, err := offsite.OpenList(p.to, []string{p.reader})
			if err == nil {
				err = list.Append(time.Now().Add(48*time.Hour), []offsite.Entry{{
					Receipt: p.lastReceipt(), ExecutedAt: time.Now().UTC().Truncate(time.Second), Requests: []uuid.UUID{erased[0]}, Salt: make([]byte, 32),
				}})
			}
			if err == nil {
				err = list.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
		}, says: "it was modified"},
		"key of other log":    {settings: "LETHE_ERASURE_KEY=" + strings.ReplaceAll(newKeyOf(t, "example.com/other"), "\n", ""), says: "checkpoint of the mirror"},
		"other origin":        {settings: "LETHE_ERASURE_ORIGIN=example.com/other", says: "example.com/other"},
		"role of the service": {settings: "LETHE_DATABASE_URL=" + p.roleURL(), says: "owner of schema lethe"},
	} {
		victim := *p
		victim.to = filepath.Join(t.TempDir(), "export")
		if err := os.CopyFS(victim.to, os.DirFS(p.to)); err != nil {
			t.Fatal(err)
		}
		if c.change != nil {
			c.change(&victim)
		}
		var settings []string
		if c.settings != "" {
			settings = []string{c.settings}
		}
		o, err := victim.replay(false, settings...)
		if err == nil || o.done || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), erased[0].String()) {
			t.Errorf("%s: want an error with %q, got %+v, %v", name, c.says, o, err)
		}
		if p.number(rowsOfAlice) != rows || p.number(allReceipts) != receipts {
			t.Errorf("%s: want rows and receipts unchanged", name)
		}
	}
	apptest.Exec(t, p.owner(), "CREATE TABLE fusillade.retained_response_objects AS SELECT 'prompt' AS body")
	if o, err := p.replay(false); err == nil || o.done || !strings.Contains(err.Error(), "fusillade.retained_response_objects") || p.number(allReceipts) != receipts {
		t.Errorf("with unserved content: want an error that names the table, got %+v, %v", o, err)
	}
	apptest.Exec(t, p.owner(), "DROP TABLE fusillade.retained_response_objects")
	if o, err := p.replay(false); err != nil || !o.done || o.Erased.Requests != 4 || o.Added != 3 {
		t.Errorf("valid input: want 4 requests erased and 3 leaves added, got %+v, %v", o, err)
	}
}

func newKeyOf(t *testing.T, log string) string {
	t.Helper()
	private, _, err := receipt.GenerateKey(log)
	if err != nil {
		t.Fatal(err)
	}
	return private
}

func (p *protected) lastReceipt() uuid.UUID {
	p.t.Helper()
	conn, err := pgx.Connect(p.t.Context(), p.owner())
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = conn.Close(p.t.Context()) }()
	var id uuid.UUID
	if err := conn.QueryRow(p.t.Context(), "SELECT id FROM lethe.receipts ORDER BY leaf_index DESC LIMIT 1").Scan(&id); err != nil {
		p.t.Fatal(err)
	}
	return id
}

// TestReplayIncompleteInput: replay does what it can and reports what it cannot do.
func TestReplayIncompleteInput(t *testing.T) {
	t.Parallel()
	p, _ := restored(t)
	// A list without its last line, whose receipt the mirror has.
	lists, err := filepath.Glob(p.to + "/*.list")
	if err != nil || len(lists) != 1 {
		t.Fatalf("export folder: want one list, got %v, %v", lists, err)
	}
	data, err := os.ReadFile(lists[0])
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(data), "\n")
	if err := os.WriteFile(lists[0], []byte(strings.Join(lines[:len(lines)-2], "")), 0o600); err != nil {
		t.Fatal(err)
	}
	// And the newest checkpoint that was seen is newer than the mirror.
	p.seen = apptest.SeenOf(t, p.key, 7)
	for _, dry := range []bool{true, false} {
		o, err := p.replay(dry)
		if err != nil || o.done || len(o.Unlisted) != 1 || !strings.HasPrefix(lines[len(lines)-2], o.Unlisted[0].String()) || len(o.Advice) != 2 || !strings.Contains(o.Advice[1], "begin a new one") {
			t.Errorf("dry run %v: want one unlisted receipt and advice, got %+v, %v", dry, o, err)
		}
		if want := map[bool]int64{true: 0, false: 3}[dry]; o.Added != want || !dry && o.Erased.Requests == 0 {
			t.Errorf("dry run %v: want %d leaves added, got %+v", dry, want, o)
		}
	}
	s, end := p.serve()
	if status, _, body := s.Get(t, "/readyz", ""); status != http.StatusServiceUnavailable || !strings.Contains(body, "lethe replay") {
		t.Errorf("readyz after an incomplete replay: want %d, got %d %s", http.StatusServiceUnavailable, status, body)
	}
	end()
}

// TestReplayWithoutLog: without a key there is no mirror, and the list is enough.
func TestReplayWithoutLog(t *testing.T) {
	t.Parallel()
	p := protect(t)
	settings := []string{"LETHE_DATABASE_URL=" + p.roleURL(), "LETHE_ERASURE_ORIGIN=" + apptest.Origin}
	ids := p.add(3)
	own := p.name
	p.copyTo(own + "_restored")
	s, end := p.serveWith(settings...)
	p.erase(s, ids)
	end()
	if exported, mirrored := p.export(); exported != 3 || mirrored != 0 {
		t.Fatalf("export without a log: want 3 exported and 0 mirrored, got %d and %d", exported, mirrored)
	}
	goal := p.number(rowsOfAlice)
	p.name = own + "_restored"
	if o, err := p.replay(false); err != nil || !o.done || o.Found != 4 || o.Added != 0 || p.number(rowsOfAlice) != goal {
		t.Errorf("replay without a log: want 4 found and erased, got %+v, %v", o, err)
	}
}

// TestExportFollow: export --follow writes new erasures, and reports a gap if it was
// stopped for longer than the details of erasures are kept.
func TestExportFollow(t *testing.T) {
	t.Parallel()
	p := protect(t)
	follow := func() (said *bytes.Buffer, stop func()) {
		ctx, cancel := context.WithCancel(t.Context())
		said = &bytes.Buffer{}
		ended := make(chan error)
		go func() {
			ended <- ops.Export(ctx, p.config("LETHE_DATABASE_URL="+p.exportURL()),
				ops.ExportOptions{To: p.to, Recipients: []string{p.reader}, Keep: "90d", Follow: true}, ops.Output{Out: io.Discard, Progress: said})
		}()
		return said, func() {
			t.Helper()
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}
	entries := func() int {
		identity, err := os.ReadFile(p.identity)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		_ = offsite.ReadList(p.to, identity, func(offsite.Entry) error { n++; return nil })
		return n
	}
	s, end := p.serve()
	defer end()
	said, stop := follow()
	p.erase(s, p.add(2))
	apptest.Await(t, "it is on the list, and that is noted", func() bool {
		state, err := offsite.ReadState(p.to)
		return err == nil && !state.Complete.IsZero() && entries() == 2
	})
	stop()
	if strings.Contains(said.String(), "GAP") || !strings.Contains(said.String(), "begins with") {
		t.Errorf("first start: want no gap, got %s", said)
	}
	p.erase(s, p.add(1))
	said, stop = follow()
	apptest.Await(t, "what was erased meanwhile is on the list", func() bool { return entries() == 3 })
	stop()
	if said.Len() > 0 {
		t.Errorf("restart: want no message, got %s", said)
	}
	list, err := offsite.OpenList(p.to, []string{p.reader})
	if err == nil {
		err = errors.Join(list.SetState(offsite.State{Complete: time.Now().Add(-26 * time.Hour)}), list.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	said, stop = follow()
	p.erase(s, p.add(1))
	apptest.Await(t, "it goes on, and that is noted", func() bool {
		state, err := offsite.ReadState(p.to)
		return err == nil && time.Since(state.Complete) < time.Minute && entries() == 4
	})
	stop()
	state, err := offsite.ReadState(p.to)
	if err != nil || !strings.Contains(said.String(), "THE LIST HAS A GAP") || len(state.Gaps) != 1 || time.Since(state.Complete) > time.Minute {
		t.Errorf("restart after a day: want one gap, got %s, state %+v, %v", said, state, err)
	}
	for want, options := range map[string]ops.ExportOptions{
		"--keep":       {To: p.to, Recipients: []string{p.reader}, Keep: "0d"},
		"recipient":    {To: p.to, Recipients: []string{"age1"}, Keep: "90d"},
		"no recipient": {To: p.to, Keep: "90d"},
	} {
		if err := ops.Export(t.Context(), p.config(), options, ops.Output{Out: io.Discard, Progress: io.Discard}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error about %s, got %v", want, err)
		}
	}
}

// TestReplayRetained: a replay also finds erased responses that fusillade-arsenal has
// moved.
func TestReplayRetained(t *testing.T) {
	t.Parallel()
	p := protectOf(t, pgtest.WithArsenal(t))
	before := apptest.AddFinished(t, p.owner(), "m", 4, "1 day")
	apptest.Move(t, p.owner(), before[:2]...)
	p.copyTo(p.database.Name + "_backup")
	s, end := p.serve()
	for _, id := range before {
		s.EraseOne(t, id)
	}
	p.published(s, 4)
	end()
	if exported, _ := p.export(); exported != 4 {
		t.Fatalf("export: want 4, got %d", exported)
	}
	p.name += "_backup"
	done, err := p.replay(false)
	if err != nil || !done.done || done.Found != 4 || done.Erased.Requests != 2 || done.Erased.Retained != 4 {
		t.Errorf("replay: want 4 found, 2 requests and 4 retained objects erased, got %+v, %v", done, err)
	}
	if n := p.number(`SELECT (` + apptest.KeptElsewhere + `) + (SELECT count(*) FROM fusillade.requests WHERE model = 'm')`); n != 0 {
		t.Errorf("%d rows are left, want 0", n)
	}
	if report := apptest.Examine(t, "LETHE_DATABASE_URL="+p.roleURL()); len(apptest.Found(report, ops.Problem)) > 0 {
		t.Errorf("doctor: want no problem, got\n%s", apptest.Text(t, report))
	}
}
