package telemetry_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"lethe/adapters/telemetry"
)

// collector is a stand-in for an OpenTelemetry collector that counts the requests
// to each path.
type collector struct {
	url string
	mu  sync.Mutex
	got map[string]int
}

func newCollector(t *testing.T) *collector {
	t.Helper()
	c := &collector{got: map[string]int{}}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.got[r.URL.Path]++
	}))
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

func (c *collector) has(path string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.got[path] > 0
}

// setenv makes environ, in NAME=value form, the only OpenTelemetry variables.
func setenv(t *testing.T, environ ...string) {
	t.Helper()
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "OTEL_") {
			t.Setenv(name, "")
		}
	}
	for _, v := range environ {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
}

// send starts an export, answers a request through it, and stops it.
func send(t *testing.T, log *slog.Logger) (e *telemetry.Export, err error) {
	t.Helper()
	e, err = telemetry.StartExport(t.Context(), "1.2.3", newMetrics(t, "1.2.3"), log)
	if err != nil {
		t.Fatal(err)
	}
	handler := e.Handler(http.NotFoundHandler(), []string{"/things/{id}"})
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/things/1", nil))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	return e, e.Stop(ctx)
}

// Not parallel: environment variables belong to the process.
func TestExportVariables(t *testing.T) {
	for name, c := range map[string]struct {
		environ         []string // COLLECTOR stands for its URL
		traces, metrics bool
		warnings        int
	}{
		"nothing":             {},
		"unrelated variables": {environ: []string{"OTEL_SERVICE_NAME=x", "OTEL_EXPORTER_OTLP_HEADERS=a=b"}},
		"an endpoint":         {environ: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=COLLECTOR"}, traces: true, metrics: true},
		"traces endpoint":     {environ: []string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=COLLECTOR/v1/traces"}, traces: true},
		"metrics endpoint":    {environ: []string{"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=COLLECTOR/v1/metrics"}, metrics: true},
		"SDK disabled":        {environ: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=COLLECTOR", "OTEL_SDK_DISABLED=TRUE"}},
		"SDK not disabled":    {environ: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=COLLECTOR", "OTEL_SDK_DISABLED=false"}, traces: true, metrics: true},
		"no traces":           {environ: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=COLLECTOR", "OTEL_TRACES_EXPORTER=none"}, metrics: true},
		"no metrics":          {environ: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=COLLECTOR", "OTEL_METRICS_EXPORTER=none"}, traces: true},
		"one of several":      {environ: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=COLLECTOR", "OTEL_TRACES_EXPORTER=console, otlp"}, traces: true, metrics: true},
		"an unknown exporter": {environ: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=COLLECTOR", "OTEL_METRICS_EXPORTER=prometheus"}, traces: true, warnings: 1},
		"http/protobuf":       {environ: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=COLLECTOR", "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf"}, traces: true, metrics: true},
		"gRPC":                {environ: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=COLLECTOR", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}, warnings: 2},
		"gRPC for traces":     {environ: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=COLLECTOR", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=grpc"}, metrics: true, warnings: 1},
		"invalid attributes":  {environ: []string{"OTEL_EXPORTER_OTLP_ENDPOINT=COLLECTOR", "OTEL_RESOURCE_ATTRIBUTES=x"}, traces: true, metrics: true, warnings: 1},
	} {
		t.Run(name, func(t *testing.T) {
			collector := newCollector(t)
			setenv(t)
			for _, v := range c.environ {
				name, value, _ := strings.Cut(v, "=")
				t.Setenv(name, strings.Replace(value, "COLLECTOR", collector.url, 1))
			}
			var logged strings.Builder
			e, err := send(t, slog.New(slog.NewTextHandler(&logged, nil)))
			if err != nil {
				t.Errorf("Stop: got %v, want no error", err)
			}
			if collector.has("/v1/traces") != c.traces || collector.has("/v1/metrics") != c.metrics {
				t.Errorf("collector got %v, want traces %t, metrics %t", collector.got, c.traces, c.metrics)
			}
			if (e.QueryTracer("main") != nil) != c.traces {
				t.Errorf("queries are traced: %t, want %t", !c.traces, c.traces)
			}
			if n := strings.Count(logged.String(), "WARN"); n != c.warnings {
				t.Errorf("%d warnings, want %d:\n%s", n, c.warnings, &logged)
			}
		})
	}
}

// exporting tells whether any part of the export runs in the background.
func exporting() bool {
	stacks := make([]byte, 1<<20)
	return strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "go.opentelemetry.io/otel/sdk")
}

// TestExportOff: without an endpoint, no part of the export runs.
func TestExportOff(t *testing.T) {
	setenv(t)
	e, err := telemetry.StartExport(t.Context(), "1", newMetrics(t, "1"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if exporting() {
		t.Error("an exporter runs in the background, want none")
	}
	mux := http.NewServeMux()
	if got := e.Handler(mux, []string{"/"}); got != http.Handler(mux) {
		t.Errorf("handler: got a %T, want it unwrapped", got)
	}
	if tracer := e.QueryTracer("main"); tracer != nil {
		t.Errorf("query tracer: got a %T, want nil", tracer)
	}
	if err := e.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestExportCollectorUnreachable: the service works without its collector, apart from a
// log line that does not contain the collector's password.
func TestExportCollectorUnreachable(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	setenv(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+strings.Replace(gone.URL, "://", "://u:canary@", 1))
	e, err := telemetry.StartExport(t.Context(), "1", newMetrics(t, "1"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if !exporting() {
		t.Error("no exporter runs in the background")
	}
	w := httptest.NewRecorder()
	e.Handler(http.NotFoundHandler(), []string{"/things/{id}"}).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/things/1", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("got status %d, want 404", w.Code)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err = e.Stop(ctx)
	if err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("Stop: got %v, want an error without the password", err)
	}
}

// TestLogTraceID: log lines of a traced request carry its trace id; others
// carry none.
func TestLogTraceID(t *testing.T) {
	const trace = "0af7651916cd43dd8448eb211c80319c"
	setenv(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+newCollector(t).url)
	var out strings.Builder
	log, err := telemetry.NewLogger("info", "text", &out)
	if err != nil {
		t.Fatal(err)
	}
	e, err := telemetry.StartExport(t.Context(), "1", newMetrics(t, "1"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Stop(context.Background()) })
	handler := e.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		log.With("a", 1).WithGroup("g").InfoContext(r.Context(), "said")
		log.InfoContext(r.Context(), "said")
	}), []string{"/traced"})
	for path, want := range map[string]int{"/traced": 2, "/untraced": 0} {
		out.Reset()
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Traceparent", "00-"+trace+"-b7ad6b7169203331-01")
		handler.ServeHTTP(httptest.NewRecorder(), r)
		if n := strings.Count(out.String(), "trace_id="+trace); n != want || strings.Count(out.String(), "said") != 2 {
			t.Errorf("%s: want the trace id %d times in the log:\n%s", path, want, &out)
		}
	}
}
