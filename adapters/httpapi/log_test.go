package httpapi_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"lethe/domain"
	"lethe/internal/memory"
	"lethe/internal/testreceipt"
	"lethe/receipt"
)

// newLog makes a log with receipts that alice requested.
func newLog(t *testing.T, receipts int) (log *memory.Log, ids []uuid.UUID, keys []receipt.PublicKey) {
	t.Helper()
	signer := testreceipt.Signer(t, testreceipt.Origin)
	log = memory.NewLog(signer)
	for range receipts {
		id, _, body := testreceipt.New(t, testreceipt.Origin)
		log.AddReceipt(id, body, &alice, nil)
		ids = append(ids, id)
	}
	return log, ids, []receipt.PublicKey{signer.PublicKey()}
}

func publish(t *testing.T, log *memory.Log) {
	t.Helper()
	if err := log.Seal(); err != nil {
		t.Fatal(err)
	}
	log.Publish()
}

func TestGetReceipt(t *testing.T) {
	t.Parallel()
	log, ids, keys := newLog(t, 3)
	s := assemble(t, fakes{log: log}, nil)
	path := erasures + "/" + ids[1].String() + "/receipt"
	if a := s.ask(t, "GET", path); a.status != http.StatusAccepted || a.body != "" || a.header.Get("Retry-After") != "1" {
		t.Errorf("unsealed receipt: got status %d, body %q, headers %v, want 202", a.status, a.body, a.header)
	}
	publish(t, log)
	for _, spelled := range []string{path, erasures + "/%7B" + strings.ToUpper(ids[1].String()) + "%7D/receipt"} {
		a := s.ask(t, "GET", spelled)
		if a.status != http.StatusOK || a.header.Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Fatalf("got status %d, want %d: %v %s", a.status, http.StatusOK, a.header, a.body)
		}
		if result, err := receipt.Check([]byte(a.body), keys, receipt.Options{}); err != nil || result.Receipt.ID != ids[1] {
			t.Errorf("got the receipt %s (error %v), want %s", result.Receipt.ID, err, ids[1])
		}
	}
	if a := s.ask(t, "GET", path, "Authorization", "Bearer root"); a.status != http.StatusOK {
		t.Errorf("caller who may erase everyone's responses: got status %d, want 200: %s", a.status, a.body)
	}
	later, body := testreceipt.NewAbout(t, testreceipt.Origin, ids[1])
	log.AddReceipt(later, body, nil, &ids[1])
	if a := s.ask(t, "GET", path+"?reached=replicated"); a.status != http.StatusAccepted {
		t.Errorf("level with an unsealed receipt: got status %d, want 202: %s", a.status, a.body)
	}
	publish(t, log)
	a := s.ask(t, "GET", path+"?reached=replicated")
	if result, err := receipt.Check([]byte(a.body), keys, receipt.Options{}); err != nil || result.Receipt.ID != later {
		t.Errorf("got the receipt %s (error %v), want %s", result.Receipt.ID, err, later)
	}
	missing := uuid.New()
	for name, c := range map[string]struct {
		path, key string
		status    int
		detail    string
	}{
		"another's":        {path, "bob", 404, "Receipt with ID " + ids[1].String() + " not found"},
		"of nothing":       {erasures + "/" + missing.String() + "/receipt", "alice", 404, "Receipt with ID " + missing.String() + " not found"},
		"of no identifier": {erasures + "/abc/receipt", "alice", 400, "erasure_id: " + domain.ErrNoID.Error()},
		"of no level":      {path + "?reached=logical", "alice", 400, "reached: must be replicated, vacuumed, rewritten or expired"},
		"of two levels":    {path + "?reached=vacuumed&reached=vacuumed", "alice", 400, "reached: must be given once"},
		"not reached":      {path + "?reached=vacuumed", "alice", 404, "The erasure of receipt " + ids[1].String() + " has not reached level vacuumed"},
		"another's level":  {path + "?reached=replicated", "bob", 404, "Receipt with ID " + ids[1].String() + " not found"},
		"by nobody":        {path, "x", 401, "Authentication required"},
		"no identifier":    {erasures + "/abc/receipt", "x", 400, "erasure_id: " + domain.ErrNoID.Error()},
	} {
		if a := s.ask(t, "GET", c.path, "Authorization", "Bearer "+c.key); a.status != c.status || a.problem.Detail != c.detail {
			t.Errorf("%s: answered %d %s", name, a.status, a.body)
		}
	}
}

func TestReadLog(t *testing.T) {
	t.Parallel()
	log, _, keys := newLog(t, domain.TileWidth+44)
	s := assemble(t, fakes{log: log}, nil)
	if a := s.ask(t, "GET", "/log/checkpoint"); a.status != http.StatusNotFound {
		t.Errorf("empty log: got status %d, want 404: %s", a.status, a.body)
	}
	publish(t, log)

	a := s.ask(t, "GET", "/log/checkpoint")
	checkpoint, _, err := receipt.OpenCheckpoint([]byte(a.body), keys)
	if a.status != http.StatusOK || err != nil || checkpoint.Size != domain.TileWidth+44 || a.header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("got status %d, want %d: %v %s, %v", a.status, http.StatusOK, a.header, a.body, err)
	}
	if a := s.ask(t, "GET", "/log/keys"); a.status != http.StatusOK || a.body != keys[0].String()+"\n" || a.header.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("got status %d, want %d: %v %s", a.status, http.StatusOK, a.header, a.body)
	}
	for path, bytes := range map[string]int{
		"/log/tile/0/000": 8192, "/log/tile/0/001.p/44": 44 * 32, "/log/tile/0/001.p/1": 32, "/log/tile/0/000.p/255": 255 * 32, "/log/tile/1/000.p/1": 32,
		"/log/tile/0/001.p%2F44": 44 * 32, // as generated clients escape it
	} {
		if a := s.ask(t, "GET", path); a.status != http.StatusOK || len(a.body) != bytes || a.header.Get("Content-Type") != "application/octet-stream" {
			t.Errorf("%s: got status %d, want %d with %d bytes, %v", path, a.status, http.StatusOK, len(a.body), a.header)
		}
		if a := s.ask(t, "HEAD", path); a.status != http.StatusOK {
			t.Errorf("HEAD %s: got status %d, want %d", path, a.status, http.StatusOK)
		}
	}
	a = s.ask(t, "GET", "/log/tile/entries/001.p/44", "Authorization", "Bearer root")
	want, err := log.Entries(t.Context(), domain.Tile{Index: 1, Width: 44})
	if err != nil || a.status != http.StatusOK || a.body != string(want) || a.header.Get("Content-Type") != "application/octet-stream" {
		t.Errorf("got status %d, want %d with %d bytes, %v", a.status, http.StatusOK, len(a.body), err)
	}
	a = s.ask(t, "GET", "/log/tile/entries/000", "Authorization", "Bearer root", "Accept-Encoding", "gzip")
	if a.header.Get("Content-Encoding") != "gzip" {
		t.Errorf("bundle of %d bytes: want gzip", len(a.body))
	}

	for path, status := range map[string]int{
		"/log/tile/0/001": 404, "/log/tile/0/001.p/45": 404, "/log/tile/0/002.p/1": 404, "/log/tile/2/000.p/1": 404, "/log/tile/63/000": 404,
		"/log/tile/0/x999/x999/x999/x999/x999/999": 404,
		"/log/tile/entries/000":                    403,

		"/log/tile/64/000": 400, "/log/tile/00/000": 400, "/log/tile/-1/000": 400, "/log/tile/data/000": 400, "/log/tile/Entries/000": 400, "/log/tile/+1/000": 400, "/log/tile/%20/000": 400,
		"/log/tile/0/0": 400, "/log/tile/0/0000": 400, "/log/tile/0/x000/001": 400, "/log/tile/0/001/002": 400, "/log/tile/0/x001": 400, "/log/tile/0/X001/002": 400,
		"/log/tile/0/000.p/0": 400, "/log/tile/0/000.p/256": 400, "/log/tile/0/000.p/01": 400, "/log/tile/0/000.p/": 400, "/log/tile/0/000.p": 400, "/log/tile/0/000.p/1/": 400, "/log/tile/0/000/": 400,
		"/log/tile/0/000.p/-1": 400, "/log/tile/0/000.p/1.p/1": 400, "/log/tile/0/a00": 400, "/log/tile/0/%E2%91%A0%E2%91%A0%E2%91%A0": 400, "/log/tile/0/000%00": 400, "/log/tile/0/000%0A": 400,
		"/log/tile/0/x999/x999/x999/x999/x999/x999/999": 400, "/log/tile/0/..%2F000": 400, "/log/tile/0/" + strings.Repeat("x001/", 1000) + "001": 400,
	} {
		a := s.ask(t, "GET", path)
		if a.status != status {
			t.Errorf("%.60s: got status %d, want %d: %s", path, a.status, status, a.body)
		}
		if status == 400 && (a.problem.Parameter == nil || !strings.HasPrefix(a.problem.Detail, *a.problem.Parameter+": must be ")) {
			t.Errorf("%.60s: answered %s", path, a.body)
		}
	}
	for _, path := range []string{"/log/checkpoint", "/log/keys", "/log/tile/0/000", "/log/tile/entries/000"} {
		if a := s.ask(t, "GET", path, "Authorization", "Bearer nobody"); a.status != http.StatusForbidden || a.problem.Detail != "Insufficient permissions to Read the Log" {
			t.Errorf("%s: caller who may not erase got status %d, want 403: %s", path, a.status, a.body)
		}
		if a := s.ask(t, "GET", path, "Authorization", ""); a.status != http.StatusUnauthorized {
			t.Errorf("%s: anonymous caller got status %d, want 401: %s", path, a.status, a.body)
		}
	}
	for _, o := range s.observed {
		if strings.HasPrefix(o.route, "/log/tile") && o.route != "/log/tile/:level/:index" {
			t.Errorf("observed route %q", o.route)
		}
	}
}

// brokenLog fails every call.
type brokenLog struct {
	*memory.Log
	err error
}

func (l brokenLog) Reached(context.Context, uuid.UUID, domain.Level) (uuid.UUID, error) {
	return uuid.Nil, l.err
}
func (l brokenLog) Receipt(context.Context, uuid.UUID) (domain.LoggedReceipt, error) {
	return domain.LoggedReceipt{}, l.err
}
func (l brokenLog) Checkpoint(context.Context) ([]byte, error)          { return nil, l.err }
func (l brokenLog) Hashes(context.Context, domain.Tile) ([]byte, error) { return nil, l.err }

// TestReadDamagedLog: a damaged log is an internal error, and the answer contains no
// details of it.
func TestReadDamagedLog(t *testing.T) {
	t.Parallel()
	log, ids, _ := newLog(t, 1)
	for status, err := range map[int]error{
		500: &domain.Error{Code: domain.CodeInternal, Message: "The log is damaged", Cause: errors.New("leaf 5")},
		503: &domain.Error{Code: domain.CodeUnavailable, Message: "Try later", Cause: errors.New("leaf 5")},
	} {
		s := assemble(t, fakes{log: brokenLog{log, err}}, nil)
		for _, path := range []string{erasures + "/" + ids[0].String() + "/receipt", "/log/checkpoint", "/log/tile/0/000.p/1"} {
			a := s.ask(t, "GET", path)
			if a.status != status || strings.Contains(a.body, "leaf 5") || strings.Contains(a.body, "damaged") || !strings.Contains(s.log.String(), "leaf 5") {
				t.Errorf("%s: answered %d %s", path, a.status, a.body)
			}
		}
	}
}
