package serve_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	collectmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collecttraces "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"lethe/internal/apptest"
	"lethe/internal/pgtest"
)

// collector replaces a collector of OTLP over HTTP.
type collector struct {
	url string

	mu      sync.Mutex
	raw     []byte // everything that was sent, concatenated
	spans   []*tracepb.Span
	metrics map[string]bool
	service map[string]string // what the spans say about the service
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{metrics: map[string]bool{}, service: map[string]string{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := c.take(r); err != nil {
			t.Errorf("%s: %v", r.URL.Path, err)
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

func (c *collector) take(r *http.Request) error {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			return err
		}
		body = unzipped
	}
	sent, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw = append(c.raw, sent...)
	if r.URL.Path == "/v1/metrics" {
		var request collectmetrics.ExportMetricsServiceRequest
		if err := proto.Unmarshal(sent, &request); err != nil {
			return err
		}
		for _, resource := range request.GetResourceMetrics() {
			for _, scope := range resource.GetScopeMetrics() {
				for _, metric := range scope.GetMetrics() {
					c.metrics[metric.GetName()] = true
				}
			}
		}
		return nil
	}
	var request collecttraces.ExportTraceServiceRequest
	if err := proto.Unmarshal(sent, &request); err != nil {
		return err
	}
	for _, resource := range request.GetResourceSpans() {
		for _, a := range resource.GetResource().GetAttributes() {
			c.service[a.GetKey()] = a.GetValue().GetStringValue()
		}
		for _, scope := range resource.GetScopeSpans() {
			c.spans = append(c.spans, scope.GetSpans()...)
		}
	}
	return nil
}

// requests returns the spans without a parent here, by name, a space and status, with
// the names of all spans below them.
func (c *collector) requests() map[string][]string {
	below := map[string][]string{}
	ids := map[string]bool{}
	for _, s := range c.spans {
		ids[string(s.GetSpanId())] = true
	}
	var names func(parent string) []string
	names = func(parent string) (all []string) {
		for _, s := range c.spans {
			if string(s.GetParentSpanId()) == parent {
				all = append(append(all, s.GetName()), names(string(s.GetSpanId()))...)
			}
		}
		return all
	}
	for _, s := range c.spans {
		if !ids[string(s.GetParentSpanId())] {
			name := s.GetName() + " " + attribute(s, "http.response.status_code")
			below[name] = append(below[name], names(string(s.GetSpanId()))...)
		}
	}
	return below
}

// attribute returns an attribute as text, or empty.
func attribute(s *tracepb.Span, key string) string {
	for _, a := range s.GetAttributes() {
		if a.GetKey() == key {
			return strings.Trim(strings.TrimPrefix(strings.TrimPrefix(a.GetValue().String(), "int_value:"), "string_value:"), `"`)
		}
	}
	return ""
}

// TestTraces: spans of requests and of their queries, and the metrics, reach a
// collector; values from callers and rows do not.
//
// Not parallel: the exporters read the process's variables.
func TestTraces(t *testing.T) {
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "OTEL_") {
			t.Setenv(name, "")
		}
	}
	collector := newCollector(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
	t.Setenv("OTEL_SERVICE_NAME", "lethe-under-test")
	t.Setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")

	database := pgtest.WithFixture(t)
	apptest.Exec(t, database.URL, `UPDATE fusillade.request_templates SET body = 'canary-prompt'; UPDATE fusillade.requests SET response_body = 'canary-answer'`)
	s := start(t, "LETHE_DATABASE_URL="+database.RoleURL)
	const key = "sk-root-platform"
	do := func(method, path string, want int) string {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+key)
		request.Header.Set("User-Agent", "canary-agent")
		request.Header.Set("X-Forwarded-For", "canary-address")
		request.Host = "canary-host.test"
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		body, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != want {
			t.Fatalf("%s %s: want %d, got %d %s %v", method, path, want, response.StatusCode, body, err)
		}
		return string(body)
	}
	for _, probe := range []string{"/healthz", "/readyz", "/metrics"} {
		do(http.MethodGet, probe, http.StatusOK)
	}
	do(http.MethodGet, "/canary-path", http.StatusNotFound)
	var page struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := json.Unmarshal([]byte(do(http.MethodGet, apptest.RequestsPath+"?status=completed&limit=5&canary-query=1", http.StatusOK)), &page); err != nil || len(page.Data) == 0 {
		t.Fatalf("list: want responses to fetch, got none: %v", err)
	}
	id := page.Data[0].ID
	if !strings.Contains(do(http.MethodGet, apptest.RequestsPath+"/"+id, http.StatusOK), "canary-answer") {
		t.Error("fetch: want the canary in the answer, got none")
	}
	do(http.MethodGet, apptest.RequestsPath+"/canary-id", http.StatusBadRequest)
	do(http.MethodDelete, apptest.RequestsPath+"/"+id, http.StatusNoContent)
	do(http.MethodDelete, apptest.RequestsPath+"/"+id, http.StatusNotFound)
	// An error whose message contains a value, in the middle of a request.
	apptest.Exec(t, database.URL, `
		CREATE FUNCTION public.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'canary-error'; END $$;
		CREATE TRIGGER fail BEFORE DELETE ON fusillade.requests FOR EACH ROW EXECUTE FUNCTION public.fail()`)
	do(http.MethodDelete, apptest.RequestsPath+"/"+page.Data[1].ID, http.StatusConflict)
	s.Stop() // which sends the rest
	if err := <-s.Result; err != nil {
		t.Fatal(err)
	}
	s.Result <- nil

	collector.mu.Lock()
	defer collector.mu.Unlock()
	requests := collector.requests()
	const list, one = apptest.RequestsPath + " ", apptest.RequestsPath + "/{request_id} "
	for _, c := range []struct {
		name    string
		queries int // minimum
	}{
		{"GET " + list + "200", 2}, {"GET " + one + "200", 2}, {"GET " + one + "400", 0},
		{"DELETE " + one + "204", 5}, {"DELETE " + one + "404", 3}, {"DELETE " + one + "409", 5},
	} {
		below, ok := requests[c.name]
		delete(requests, c.name)
		if !ok {
			t.Errorf("spans: %q is missing", c.name)
			continue
		}
		named := 0
		for _, name := range below {
			if strings.HasPrefix(name, "query ") && name != "query other" || strings.HasPrefix(name, "batch query ") {
				named++
			}
		}
		if named < c.queries {
			t.Errorf("%q has %d named queries, want %d or more, of %v", c.name, named, c.queries, below)
		}
	}
	if len(requests) > 0 {
		t.Errorf("spans: got unexpected ones: %v", slices.Collect(maps.Keys(requests)))
	}
	failed := 0
	for _, s := range collector.spans {
		if len(s.GetEvents()) > 0 || s.GetStatus().GetMessage() != "" {
			t.Errorf("span %s: want no message and no events, got %q and %v", s.GetName(), s.GetStatus().GetMessage(), s.GetEvents())
		}
		if attribute(s, "pgx.sql_state") == "P0001" && s.GetStatus().GetCode() == tracepb.Status_STATUS_CODE_ERROR {
			failed++
		}
	}
	if failed != 2 {
		t.Errorf("%d spans have the error, want 2: that of the statement and that of its batch", failed)
	}
	if got := collector.service; got["service.name"] != "lethe-under-test" || got["service.version"] == "" {
		t.Errorf("service attributes: want the configured name and a version, got %v", got)
	}
	for _, name := range []string{
		"lethe_http_request_duration_seconds", "lethe_query_duration_seconds", "lethe_query_errors_total", "lethe_pool_connections_open", "go_goroutines",
	} {
		if !collector.metrics[name] {
			t.Errorf("metric %s was not sent; got %v", name, slices.Sorted(maps.Keys(collector.metrics)))
		}
	}
	for _, canary := range []string{"canary", key, id, "SELECT", "password"} {
		if i := bytes.Index(collector.raw, []byte(canary)); i >= 0 {
			t.Errorf("want no %q sent, got %q", canary, collector.raw[max(0, i-80):min(len(collector.raw), i+80)])
		}
	}
}
