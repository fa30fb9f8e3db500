package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"
	"github.com/parquet-go/parquet-go"

	"lethe/adapters/httpapi"
	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/memory"
)

// linesConform checks each line of an export against the contract.
func linesConform(t testing.TB, doc *openapi3.T, r *http.Request, a answer) {
	t.Helper()
	if a.header.Get("Content-Type") != "application/x-ndjson" || a.header.Get("Content-Encoding") != "" {
		return
	}
	row := "ResponseSummary"
	if r.URL.Query().Get("contents") == "true" {
		row = "ResponseDetail"
	}
	for line := range strings.Lines(a.body) {
		kind := row
		if strings.HasPrefix(line, `{"has_more":`) {
			kind = "ExportMark"
		}
		var value any
		if err := json.Unmarshal([]byte(line), &value); err != nil {
			t.Errorf("%q: %v", line, err)
		} else if err := doc.Components.Schemas[kind].Value.VisitJSON(value); err != nil {
			t.Errorf("%q is no %s: %v", line, kind, err)
		}
	}
}

// begun is when the exports of the tests begin.
var begun = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// exportingFrom is a service whose exports are of a store.
func exportingFrom(t testing.TB, store *memory.Store) *service {
	t.Helper()
	return (&slow{Store: store}).service(t, fakes{}, nil)
}

// addRows stores this many responses of an owner and returns them newest first.
func addRows(store *memory.Store, owner uuid.UUID, n int) []porttest.Row {
	rows := make([]porttest.Row, n)
	for i := range rows {
		rows[i] = porttest.NewRow(owner.String(), "completed", begun.Add(-time.Duration(i)*time.Second))
		store.AddResponse(rows[i])
	}
	return rows
}

type mark struct {
	HasMore    bool    `json:"has_more"`
	NextCursor *string `json:"next_cursor"`
	Rows       int     `json:"rows"`
	SHA256     string  `json:"sha256"`
	end        int     // of its line
}

// marksOf returns the identifiers of the exported responses, and the marks, after
// checking what they count and hash.
func marksOf(t *testing.T, body string) (ids []string, marks []mark) {
	t.Helper()
	at := 0
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, `{"has_more":`) {
			var m mark
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256([]byte(body[:at]))
			if m.Rows != len(ids) || m.SHA256 != hex.EncodeToString(sum[:]) || m.HasMore != (m.NextCursor != nil) {
				t.Errorf("after %d responses: got the mark %s", len(ids), line)
			}
			m.end = at + len(line)
			marks = append(marks, m)
		} else {
			ids = append(ids, decode(t, line)["id"].(string))
		}
		at += len(line)
	}
	return ids, marks
}

func textsOf(rows []porttest.Row) []string {
	ids := make([]string, len(rows))
	for i, row := range rows {
		ids[i] = row.ID.String()
	}
	return ids
}

// TestExportLines: marks count and hash what precedes them; the last line is one that
// says that nothing follows. A cut export goes on after its last mark.
func TestExportLines(t *testing.T) {
	t.Parallel()
	store := memory.New()
	rows := addRows(store, alice, 2100)
	addRows(store, bob, 3)
	s := exportingFrom(t, store)
	a := s.ask(t, http.MethodGet, export)
	ids, marks := marksOf(t, a.body)
	if !slices.Equal(ids, textsOf(rows)) || len(marks) != 3 || marks[2].HasMore || marks[2].end != len(a.body) {
		t.Fatalf("got %d responses and the marks %+v", len(ids), marks)
	}
	if a.header.Get("Content-Encoding") != "" || a.header.Get("Trailer") != "" || a.header.Get("Content-Disposition") != `attachment; filename="responses.ndjson"` {
		t.Errorf("got headers %v", a.header)
	}
	rest := s.ask(t, http.MethodGet, export+"?after="+*marks[1].NextCursor)
	missing, last := marksOf(t, rest.body)
	if len(last) != 1 || last[0].HasMore || !slices.Equal(append(ids[:2000:2000], missing...), textsOf(rows)) {
		t.Errorf("resumed: got %d responses and the marks %+v", len(missing), last)
	}
	for query, detail := range map[string]string{
		"?after=" + *marks[0].NextCursor + "&status=completed": "after: must be the next_cursor of a page of this same list",
		"?after=" + *marks[0].NextCursor + "&contents=true":    "after: must be the next_cursor of a page of this same list",
		"?after=" + *marks[0].NextCursor + "&format=csv":       "after: only an export with format=ndjson can be resumed; omit one of both",
		"?after=x":     "after: must be the next_cursor of a page of this same list",
		"?format=xlsx": "format: must be ndjson, csv or parquet",
		"?contents=1":  "contents: must be true or false",
	} {
		if a := s.ask(t, http.MethodGet, export+query); a.status != http.StatusBadRequest || a.problem.Detail != detail {
			t.Errorf("%s: got status %d, want %d: %s", query, a.status, http.StatusBadRequest, a.body)
		}
	}
	if a := s.ask(t, http.MethodGet, export, "Authorization", "Bearer nobody"); a.status != http.StatusForbidden {
		t.Errorf("without a role: got status %d, want %d", a.status, http.StatusForbidden)
	}
	empty := s.ask(t, http.MethodGet, export+"?model=none")
	if ids, marks := marksOf(t, empty.body); len(ids) != 0 || len(marks) != 1 || marks[0].HasMore {
		t.Errorf("nothing: got %s", empty.body)
	}
	head := s.ask(t, http.MethodHead, export+"?format=csv")
	if head.status != http.StatusOK || head.body != "" || head.header.Get("Content-Type") != "text/csv; charset=utf-8; header=present" {
		t.Errorf("HEAD: got status %d, want %d: %v", head.status, http.StatusOK, head.header)
	}
	zipped := s.ask(t, http.MethodGet, export, "Accept-Encoding", "gzip")
	plain, err := gzip.NewReader(strings.NewReader(zipped.body))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(plain); err != nil || string(text) != a.body {
		t.Errorf("gzip: got %d bytes (error %v), want %d", len(text), err, len(a.body))
	}
}

// hostile responses have what formats must not change or misread.
func hostile(store *memory.Store) []porttest.Row {
	var rows []porttest.Row
	for i, text := range []string{
		`plain`, ``, `a "quoted" text`, "two\r\nlines", `=cmd|' /C calc'!A0`, "+1", "-1", "@SUM(1)", "\ttab", "\rcr", "\nlf", "'=x", "a,b", "ünï→🙂", "</script>&",
		strings.Repeat(`"`, 70<<10),
	} {
		row := porttest.NewRow(bob.String(), "failed", begun.Add(-time.Duration(i)*time.Second))
		row.Model, row.Prompt, row.Answer, row.Error = text, text, &text, nil
		if i%2 == 0 {
			row.Error, row.HTTPStatus, row.Tier = &text, nil, &text
		}
		store.AddResponse(row)
		rows = append(rows, row)
	}
	return rows
}

// guarded is a text as a spreadsheet gets it.
func guarded(text string) string {
	if text != "" && strings.ContainsAny(text[:1], "=+-@\t\r\n\x00") {
		return "'" + text
	}
	return text
}

// trailersOf checks the trailers of an export.
func trailersOf(t *testing.T, a answer, rows int) {
	t.Helper()
	sum := sha256.Sum256([]byte(a.body))
	if a.header.Get("Trailer") != "Export-Rows, Export-SHA256" || a.header.Get("Export-Rows") != strconv.Itoa(rows) || a.header.Get("Export-SHA256") != hex.EncodeToString(sum[:]) {
		t.Errorf("%d rows: got headers %v", rows, a.header)
	}
}

// TestExportCSV: every text is quoted and survives, with a guard in front of formulas;
// numbers are bare.
func TestExportCSV(t *testing.T) {
	t.Parallel()
	store := memory.New()
	rows := hostile(store)
	s := exportingFrom(t, store)
	a := s.ask(t, http.MethodGet, export+"?format=csv&contents=true", "Authorization", "Bearer root")
	trailersOf(t, a, len(rows))
	// The reader of the library takes a CR LF within a field for an LF.
	read, err := csv.NewReader(strings.NewReader(a.body)).ReadAll()
	if err != nil || len(read) != len(rows)+1 {
		t.Fatalf("got %d lines, %v", len(read), err)
	}
	column := make(map[string]int)
	for i, name := range read[0] {
		column[name] = i
	}
	for i, row := range rows {
		line := read[i+1]
		want := strings.ReplaceAll(guarded(row.Prompt), "\r\n", "\n")
		for _, name := range []string{"model", "body", "response_body"} {
			if line[column[name]] != want {
				t.Errorf("%s: want %.40q, got %.40q", name, want, line[column[name]])
			}
		}
		if got := line[column["id"]]; got != row.ID.String() {
			t.Errorf("want %s, got %s", row.ID, got)
		}
	}
	first, _, _ := strings.Cut(a.body, "\r\n")
	if want := `"id","model","status","created_at","completed_at","failed_at","duration_ms","response_status","service_tier",` +
		`"prompt_tokens","completion_tokens","reasoning_tokens","total_tokens","total_cost","created_by_email","created_by","error","body","response_body","withheld"`; first != want {
		t.Errorf("want the header %s, got %s", want, first)
	}
	store = memory.New()
	cost, tokens := domain.Decimal("0.25"), int64(7)
	row := addRows(store, alice, 1)[0]
	store.AddUsage(porttest.UsageRow{Response: row.ID, At: begun, PromptTokens: &tokens, CompletionTokens: &tokens, PromptPrice: &cost, CompletionPrice: &cost})
	a = exportingFrom(t, store).ask(t, http.MethodGet, export+"?format=csv")
	trailersOf(t, a, 1)
	_, line, _ := strings.Cut(a.body, "\r\n")
	if want := fmt.Sprintf(`"%s","model-a","completed","2026-03-01T12:00:00Z","2026-03-01T12:00:02.500001Z",,1500.001,200,,7,7,0,,3.5,"alice@example.test"`+"\r\n", row.ID); line != want {
		t.Errorf("want %s, got %s", want, line)
	}
}

// TestExportParquet: everything can be read back.
func TestExportParquet(t *testing.T) {
	t.Parallel()
	// Not nested: the library reads a null of an embedded struct as zero.
	type detail struct {
		ID        uuid.UUID  `parquet:"id,uuid"`
		Model     string     `parquet:"model"`
		CreatedAt *time.Time `parquet:"created_at,optional,timestamp(microsecond)"`
		Status    *int32     `parquet:"response_status,optional"`
		Tier      *string    `parquet:"service_tier,optional"`
		Error     *string    `parquet:"error,optional"`
		Body      string     `parquet:"body"`
	}
	type summary struct {
		ID uuid.UUID `parquet:"id,uuid"`
	}
	store := memory.New()
	rows := hostile(store)
	s := exportingFrom(t, store)
	a := s.ask(t, http.MethodGet, export+"?format=parquet&contents=true", "Authorization", "Bearer root")
	trailersOf(t, a, len(rows))
	read, err := parquet.Read[detail](strings.NewReader(a.body), int64(len(a.body)))
	if err != nil || len(read) != len(rows) {
		t.Fatalf("got %d rows, %v", len(read), err)
	}
	for i, row := range rows {
		got := read[i]
		if got.ID != row.ID || got.Model != row.Model || got.Body != row.Prompt || !reflect.DeepEqual(got.Error, row.Error) || !reflect.DeepEqual(got.Tier, row.Tier) ||
			got.CreatedAt == nil || !got.CreatedAt.Equal(row.CreatedAt) || (got.Status == nil) != (row.HTTPStatus == nil) {
			t.Errorf("want %.200v, got %.200v", row, got)
		}
	}
	// Bounds of contents would be kept in memory for every group, until the end.
	file, err := parquet.OpenFile(strings.NewReader(a.body), int64(len(a.body)))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range file.Metadata().RowGroups[0].Columns {
		path, bounds := strings.Join(c.MetaData.PathInSchema, "."), c.MetaData.Statistics
		bounded := len(bounds.MinValue)+len(bounds.MaxValue) > 0
		if want := path == "model" || path == "created_at"; want != bounded && (want || slices.Contains([]string{"id", "error", "body", "response_body"}, path)) {
			t.Errorf("%s: got bounds %.100q and %.100q", path, bounds.MinValue, bounds.MaxValue)
		}
	}
	store = memory.New()
	many := addRows(store, alice, 5000)
	a = exportingFrom(t, store).ask(t, http.MethodGet, export+"?format=parquet")
	trailersOf(t, a, len(many))
	if short, err := parquet.Read[summary](strings.NewReader(a.body), int64(len(a.body))); err != nil || len(short) != len(many) || short[4999].ID != many[4999].ID {
		t.Errorf("got %d rows, %v", len(short), err)
	}
}

// TestExportContents: contents come as getResponse returns them, however large they are,
// with one record.
func TestExportContents(t *testing.T) {
	t.Parallel()
	store := memory.New()
	rows := hostile(store)
	s := exportingFrom(t, store)
	a := s.ask(t, http.MethodGet, export+"?contents=true", "Authorization", "Bearer root")
	ids, marks := marksOf(t, a.body)
	if len(ids) != len(rows) || len(marks) != 1 {
		t.Fatalf("got %d responses and the marks %+v", len(ids), marks)
	}
	i := 0
	for line := range strings.Lines(a.body) {
		if i == len(rows) {
			break
		}
		if got, row := decode(t, line), rows[i]; got["body"] != row.Prompt || got["response_body"] != *row.Answer || got["created_by"] != bob.String() {
			t.Errorf("want %.100v, got %.100v", row, got)
		}
		i++
	}
	log, err := store.AccessLog().Page(t.Context(), domain.AccessQuery{Limit: 10})
	if err != nil || len(log) != 1 || log[0].By != root || log[0].Export == nil || log[0].Address == "" {
		t.Errorf("got the records %+v, %v", log, err)
	}
	if head := s.ask(t, http.MethodHead, export+"?contents=true", "Authorization", "Bearer root"); head.status != http.StatusOK {
		t.Errorf("HEAD: got status %d, want %d", head.status, http.StatusOK)
	}
	if log, _ = store.AccessLog().Page(t.Context(), domain.AccessQuery{Limit: 10}); len(log) != 1 {
		t.Errorf("HEAD was recorded: %+v", log)
	}
}

// slow waits before each page, and can fail.
type slow struct {
	*memory.Store
	wait  time.Duration
	more  bool // there is always another page
	fails atomic.Pointer[domain.Error]
	pages atomic.Int64
}

func (s *slow) Page(ctx context.Context, q domain.PageQuery) ([]domain.Response, error) {
	s.pages.Add(1)
	select {
	case <-time.After(s.wait):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := s.fails.Load(); err != nil {
		return nil, err
	}
	if s.more {
		row := porttest.NewRow(alice.String(), "completed", q.After.CreatedAt.Add(-time.Second))
		return slices.Repeat([]domain.Response{row.Response}, int(q.Limit)), nil
	}
	return s.Store.Page(ctx, q)
}

func (s *slow) service(t testing.TB, f fakes, change func(*httpapi.Deps)) *service {
	t.Helper()
	return assemble(t, f, func(_ *httpapi.Config, d *httpapi.Deps) {
		d.Export = domain.NewExportResponses(s, s, s, s, s, func() time.Time { return begun }, slog.New(slog.DiscardHandler))
		if change != nil {
			change(d)
		}
	})
}

// exportInto asks for an export. It closes ended when the export has ended; broken is
// then whether the connection was broken off.
func exportInto(t *testing.T, s *service, query string) (a *answer, broken *bool, hangUp context.CancelFunc, ended chan struct{}) {
	t.Helper()
	ctx, hangUp := context.WithCancel(t.Context())
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, export+query, nil)
	r.Header.Set("Authorization", "Bearer alice")
	a, broken, ended = new(answer), new(bool), make(chan struct{})
	go func() {
		defer close(ended)
		w := httptest.NewRecorder()
		defer func() {
			*broken = recover() == http.ErrAbortHandler //nolint:errorlint // as net/http compares it
			*a = answer{status: w.Code, header: w.Header(), body: w.Body.String()}
		}()
		s.ServeHTTP(w, r)
	}()
	synctest.Wait()
	return a, broken, hangUp, ended
}

// TestExportEnds: an export that has to end early lacks its end. Only an error breaks it
// off.
func TestExportEnds(t *testing.T) {
	t.Parallel()
	unavailable := domain.Errorf(domain.CodeUnavailable, "away")
	for name, c := range map[string]struct {
		end    func(store *slow, hangUp, stop func(), revoke func())
		within time.Duration
		broken bool
	}{
		"client disconnects": {func(_ *slow, hangUp, _, _ func()) { hangUp() }, 0, false},
		"service stops":      {func(_ *slow, _, stop, _ func()) { stop() }, 0, false},
		"key revoked":        {func(_ *slow, _, _, revoke func()) { revoke() }, 8 * time.Second, false},
		"database away":      {func(s *slow, _, _, _ func()) { s.fails.Store(unavailable) }, 3 * time.Second, true},
		"after an hour":      {func(*slow, func(), func(), func()) {}, time.Hour + time.Minute, false},
	} {
		for _, format := range []string{"ndjson", "csv"} {
			t.Run(name+" "+format, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					store := &slow{Store: memory.New(), wait: 2 * time.Second, more: true}
					if c.within > time.Hour {
						store.wait = 25 * time.Second // or there would be millions
					}
					var revoked atomic.Bool
					var people fakes
					stopping := make(chan struct{})
					s := store.service(t, fakes{byKey: func(ctx context.Context, secret string) (domain.Key, error) {
						if revoked.Load() {
							return domain.Key{}, errNone
						}
						return people.ByKey(ctx, secret)
					}}, func(d *httpapi.Deps) { d.Stopping = stopping })
					a, broken, hangUp, ended := exportInto(t, s, "?format="+format)
					defer hangUp()
					time.Sleep(5 * time.Second)
					c.end(store, hangUp, func() { close(stopping) }, func() { revoked.Store(true) })
					time.Sleep(c.within)
					synctest.Wait()
					select {
					case <-ended:
					default:
						t.Error("the export did not end")
						hangUp()
						<-ended
					}
					if *broken != c.broken {
						t.Errorf("broken off: %t, want %t", *broken, c.broken)
					}
					if a.status == http.StatusOK && (strings.Contains(a.body, `"has_more":false`) || a.header.Get("Export-Rows") != "") {
						t.Error("the export looks complete")
					}
					if s.running != 0 {
						t.Errorf("%d requests running, want none", s.running)
					}
				})
			})
		}
	}
}

// TestExportErrorAtFirst: an error before the first byte is answered like any other.
func TestExportErrorAtFirst(t *testing.T) {
	t.Parallel()
	store := &slow{Store: memory.New()}
	store.fails.Store(domain.Errorf(domain.CodeUnavailable, "Try later"))
	if a := store.service(t, fakes{}, nil).ask(t, http.MethodGet, export); a.status != http.StatusServiceUnavailable || a.problem.Detail != "Try later" {
		t.Errorf("got status %d, want %d: %s", a.status, http.StatusServiceUnavailable, a.body)
	}
}

// TestExportLimit: a caller can have two exports at a time.
func TestExportLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &slow{Store: memory.New(), wait: 10 * time.Second}
		addRows(store.Store, alice, 10)
		s := store.service(t, fakes{}, nil)
		_, _, _, one := exportInto(t, s, "")
		_, _, hangUp, two := exportInto(t, s, "")
		if a := s.ask(t, http.MethodGet, export); a.status != http.StatusTooManyRequests || a.problem.Detail != "You have too many exports in progress; retry when one of them has finished" {
			t.Errorf("got status %d, want %d: %s", a.status, http.StatusTooManyRequests, a.body)
		}
		hangUp()
		<-two
		if a := s.ask(t, http.MethodGet, export); a.status != http.StatusOK {
			t.Errorf("got status %d, want %d: %s", a.status, http.StatusOK, a.body)
		}
		<-one
	})
}

// TestExportYields: an export pauses for other requests, and only for them. The first of
// the ten pages is read before anyone counts them.
func TestExportYields(t *testing.T) {
	t.Parallel()
	for busy, want := range map[bool]time.Duration{false: 1100 * time.Millisecond, true: 2900 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			store := &slow{Store: memory.New(), wait: 100 * time.Millisecond}
			addRows(store.Store, alice, 10000)
			s := store.service(t, fakes{}, nil)
			begin := time.Now()
			a, _, _, ended := exportInto(t, s, "")
			for others := busy; others; {
				select {
				case <-ended:
					others = false
				case <-time.After(30 * time.Millisecond):
					s.ask(t, http.MethodGet, list)
				}
			}
			<-ended
			if ids, marks := marksOf(t, a.body); len(ids) != 10000 || marks[len(marks)-1].HasMore {
				t.Errorf("got %d responses", len(ids))
			}
			if took := time.Since(begin); took < want || took > want+100*time.Millisecond {
				t.Errorf("beside others %t: took %s, want %s", busy, took, want)
			}
		})
	}
}

// TestExportBrokenOff: a client sees that an export was broken off.
func TestExportBrokenOff(t *testing.T) {
	t.Parallel()
	store := &slow{Store: memory.New()}
	addRows(store.Store, alice, 5000)
	s := store.service(t, fakes{}, nil)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	ask := func(query url.Values) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+export+"?"+query.Encode(), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer alice")
		answered, err := server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = answered.Body.Close() })
		return answered
	}
	whole := ask(url.Values{"format": {"csv"}})
	text, err := io.ReadAll(whole.Body)
	if sum := sha256.Sum256(text); err != nil || whole.Trailer.Get("Export-Rows") != "5000" || whole.Trailer.Get("Export-SHA256") != hex.EncodeToString(sum[:]) || bytes.Count(text, []byte("\r\n")) != 5001 {
		t.Errorf("got the trailers %v, %v", whole.Trailer, err)
	}
	store.pages.Store(0)
	store.wait = 10 * time.Millisecond
	cut := ask(nil)
	store.fails.Store(domain.Errorf(domain.CodeUnavailable, "away"))
	if text, err := io.ReadAll(cut.Body); err == nil || bytes.Contains(text, []byte(`"has_more":false`)) {
		t.Errorf("got %d bytes, %v", len(text), err)
	}
}
