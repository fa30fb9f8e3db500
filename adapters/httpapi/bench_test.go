package httpapi_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"lethe/adapters/httpapi"
	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/internal/memory"
)

// The benchmarks measure a request from HTTP to JSON and back with ports in memory:
// its cost without the database and the network.

// benchmarked is a handler over a store in which alice has a page of responses,
// each with 1.5 KB of prompt and answer, and the id of one of them.
func benchmarked(b *testing.B) (http.Handler, string) {
	b.Helper()
	store := memory.New()
	login := time.Now().Add(24 * time.Hour)
	store.AddPerson(porttest.Person{ID: alice, Email: "alice@example.test", Roles: []domain.Role{domain.RoleBatchAPIUser}, LastLogin: &login})
	store.AddKey(porttest.Key{Secret: "alice", Owner: alice, Creator: alice, Purpose: "platform"})
	text := strings.Repeat("What is asked and what is answered. ", 42)
	price, tokens := domain.Decimal("0.00000020"), int64(1200)
	var one string
	for range 10 {
		row := porttest.NewRow(alice.String(), "completed", time.Now())
		row.Prompt, row.Answer = text, &text
		store.AddResponse(row)
		store.AddUsage(porttest.UsageRow{Response: row.ID, At: row.CreatedAt, PromptTokens: &tokens, CompletionTokens: &tokens,
			TotalTokens: &tokens, PromptPrice: &price, CompletionPrice: &price})
		one = row.ID.String()
	}
	quiet := slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelWarn}))
	d := deps(fakes{}, &service{log: new(log)})
	d.Identify = domain.NewIdentifyCaller(store, time.Now)
	d.List = domain.NewListResponses(store, store, store, quiet)
	d.Get = domain.NewGetResponse(store, store, store, time.Now, quiet)
	d.Erase = domain.NewEraseResponse(store, time.Now)
	d.Observe = func() func(string, string, int) { return func(string, string, int) {} }
	d.Log = quiet
	handler, err := httpapi.New(httpapi.Config{}, d)
	if err != nil {
		b.Fatal(err)
	}
	return handler, one
}

// discarded keeps only the status and size of an answer, so the benchmarks measure
// the handler and not a recorder.
type discarded struct {
	header       http.Header
	status, size int
}

func (d *discarded) Header() http.Header    { return d.header }
func (d *discarded) WriteHeader(status int) { d.status = status }
func (d *discarded) Write(p []byte) (int, error) {
	d.size += len(p)
	return len(p), nil
}

func BenchmarkHandler(b *testing.B) {
	handler, one := benchmarked(b)
	for _, bench := range []struct {
		name, target string
		status       int
	}{
		{"list", list, http.StatusOK},
		{"list-filtered", list + "?status=completed&model=model-a,model-b&created_after=2020-01-01T00:00:00Z&limit=10", http.StatusOK},
		{"fetch", list + "/" + one, http.StatusOK},
		{"miss", item, http.StatusNotFound},
		{"malformed", list + "?limit=x", http.StatusBadRequest},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest(http.MethodGet, bench.target, nil)
				r.Header.Set("Authorization", "Bearer alice")
				w := &discarded{header: http.Header{}}
				handler.ServeHTTP(w, r)
				if w.status != bench.status || w.size == 0 {
					b.Fatalf("%s: got status %d, want %d, and %d bytes", bench.target, w.status, bench.status, w.size)
				}
			}
		})
	}
}
