package contract

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"mime"
	"net/http"
	"path"
	"slices"
	"strings"
	"testing"

	"lethe/internal/pgtest"

	"github.com/google/uuid"
)

//go:embed testdata/exchanges.jsonl
var exchanges []byte

// exchange is one request and what the reference answered, or what must be
// answered where that is departed from on purpose.
type exchange struct {
	ID      string
	Method  string
	Path    string
	Headers map[string]string
	Expect  struct {
		Status      int
		ContentType *string `json:"content_type"`
		JSON        any
		Text        *string
		Allow       *string
	}
	After *after
}

// after is how many rows there are when the answer has come.
type after struct {
	Request   int64 // that row
	Steps     int64 // of that row
	Requests  int64 `json:"requests_total"`
	Templates int64 `json:"templates_total"`
	AllSteps  int64 `json:"steps_total"`
	Analytics int64 `json:"analytics_total"`
}

func readExchanges(t *testing.T, lines []byte) []exchange {
	t.Helper()
	var all []exchange
	for line := range bytes.Lines(lines) {
		var x exchange
		decoder := json.NewDecoder(bytes.NewReader(line))
		if err := decoder.Decode(&x); err != nil {
			t.Fatalf("%v in %.80s", err, line)
		}
		all = append(all, x)
	}
	return all
}

func TestExchanges(t *testing.T) {
	t.Parallel()
	start(t).playExchanges(t)
}

// TestExchangesNewerDwctl: newer tables change no response.
func TestExchangesNewerDwctl(t *testing.T) {
	t.Parallel()
	database := pgtest.WithNewer(t)
	startOn(t, database, "LETHE_DATABASE_URL="+database.RoleURL).playExchanges(t)
}

func TestExchangesPgBouncer(t *testing.T) {
	t.Parallel()
	startThroughPgBouncer(t).playExchanges(t)
}

// playExchanges makes all of them on one database, in order: some erase.
func (s *service) playExchanges(t *testing.T) {
	all := readExchanges(t, exchanges)
	if len(all) != 228 {
		t.Errorf("exchanges: want 228, got %d", len(all))
	}
	for _, x := range all {
		t.Run(x.ID, func(t *testing.T) {
			got, err := s.send(t.Context(), x.Method, x.Path, x.Headers)
			if err != nil {
				t.Fatal(err)
			}
			x.check(t, got)
			if x.After != nil {
				if rows := s.rows(t, x.Path); rows != *x.After {
					t.Errorf("left rows %+v, want %+v", rows, *x.After)
				}
			}
		})
	}
}

func (x exchange) check(t *testing.T, got answer) {
	t.Helper()
	want := x.Expect
	if got.status != want.Status {
		t.Fatalf("answered %d %.300s, want %d", got.status, got.body, want.Status)
	}
	contentType := got.header.Get("Content-Type")
	if want.ContentType != nil {
		if media, _, err := mime.ParseMediaType(contentType); err != nil || media != *want.ContentType {
			t.Errorf("the content type is %q, want %q", contentType, *want.ContentType)
		}
	}
	if want.JSON != nil {
		var value any
		if err := json.Unmarshal(got.body, &value); err != nil {
			t.Fatalf("%v in %.300s", err, got.body)
		}
		for _, difference := range differences("$", want.JSON, value) {
			t.Error(difference)
		}
	}
	if got.status >= http.StatusBadRequest {
		var problem struct {
			Status    int
			Title     string
			Detail    string
			RequestID string `json:"request_id"`
		}
		if err := json.Unmarshal(got.body, &problem); err != nil || contentType != "application/problem+json" {
			t.Fatalf("want application/problem+json, got %q %.300s", contentType, got.body)
		}
		if problem.Status != got.status || problem.Title == "" || problem.Detail == "" || problem.RequestID != got.header.Get("X-Request-Id") {
			t.Errorf("want a problem with status, title, detail and request ID, got %s", got.body)
		}
		if want.Text != nil && problem.Detail != *want.Text {
			t.Errorf("the detail is %q, want %q", problem.Detail, *want.Text)
		}
	} else if want.JSON == nil && (len(got.body) > 0 || contentType != "") {
		t.Errorf("want no body, got %q %.300s", contentType, got.body)
	}
	if want.Allow != nil {
		allowed := strings.Split(strings.ReplaceAll(got.header.Get("Allow"), " ", ""), ",")
		for method := range strings.SplitSeq(*want.Allow, ",") {
			if !slices.Contains(allowed, method) {
				t.Errorf("Allow: want %s in it, got %q", method, got.header.Get("Allow"))
			}
		}
	}
}

// rows counts what is there; a path that ends in no identifier has no row.
func (s *service) rows(t *testing.T, requestPath string) after {
	t.Helper()
	id, err := uuid.Parse(path.Base(requestPath))
	if err != nil {
		id = uuid.Nil
	}
	var a after
	for _, count := range []struct {
		into  *int64
		query string
		args  []any
	}{
		{&a.Request, `SELECT count(*) FROM fusillade.requests WHERE id = $1`, []any{id}},
		{&a.Steps, `SELECT count(*) FROM fusillade.response_steps WHERE request_id = $1`, []any{id}},
		{&a.Requests, `SELECT count(*) FROM fusillade.requests`, nil},
		{&a.Templates, `SELECT count(*) FROM fusillade.request_templates`, nil},
		{&a.AllSteps, `SELECT count(*) FROM fusillade.response_steps`, nil},
		{&a.Analytics, `SELECT count(*) FROM public.http_analytics`, nil},
	} {
		if err := s.db.QueryRow(context.Background(), count.query, count.args...).Scan(count.into); err != nil {
			t.Fatal(err)
		}
	}
	return a
}
