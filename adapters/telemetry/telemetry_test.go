package telemetry_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"lethe/adapters/telemetry"
)

func TestNewLogger(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		level, format string
		want          string // the start of the info line; "-" means an error
	}{
		{"info", "text", "level=INFO msg=said"},
		{"INFO", "JSON", `"level":"INFO","msg":"said"`},
		{"debug", "json", `"msg":"said"`},
		{"warn", "text", ""},
		{"error", "json", ""},
		{"", "text", "-"},
		{"loud", "text", "-"},
		{"info", "", "-"},
		{"info", "xml", "-"},
	} {
		var out strings.Builder
		logger, err := telemetry.NewLogger(c.level, c.format, &out)
		if (err != nil) != (c.want == "-") {
			t.Errorf("level %q, format %q: got error %v", c.level, c.format, err)
		}
		if err != nil {
			continue
		}
		logger.Info("said")
		if !strings.Contains(out.String(), c.want) || (c.want == "") != (out.Len() == 0) {
			t.Errorf("level %q, format %q: wrote %q, want %q in it", c.level, c.format, out.String(), c.want)
		}
	}
}

func TestLogEscaping(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"text", "json"} {
		var out strings.Builder
		logger, err := telemetry.NewLogger("info", format, &out)
		if err != nil {
			t.Fatal(err)
		}
		logger.Info("said", "what", "a\nlevel=ERROR msg=forged\x1b[31m")
		if strings.Count(out.String(), "\n") != 1 || strings.Contains(out.String(), "\x1b") {
			t.Errorf("%s: want one line without escapes, got %q", format, out.String())
		}
	}
}

func fetch(t *testing.T, m *telemetry.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("got status %d, want 200: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

func expect(t *testing.T, got string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains(got, line+"\n") {
			t.Errorf("want %s in\n%s", line, got)
		}
	}
}

// newPool is a pool of four connections to an unreachable server.
func newPool(t *testing.T) *pgxpool.Pool {
	t.Helper()
	cfg, err := pgxpool.ParseConfig("postgres://lethe@db.test/lethe?pool_max_conns=4")
	if err != nil {
		t.Fatal(err)
	}
	cfg.ConnConfig.LookupFunc = func(context.Context, string) ([]string, error) { return []string{"192.0.2.1"}, nil }
	cfg.ConnConfig.DialFunc = func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("no network here")
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	pool := newPool(t)
	m := newMetrics(t, "1.2.3")
	watch := func() map[string]telemetry.PoolStat {
		return map[string]telemetry.PoolStat{"primary": pool.Stat(), "replica": pool.Stat()}
	}
	if err := m.WatchPools(watch); err != nil {
		t.Fatal(err)
	}
	if err := m.WatchPools(watch); err == nil {
		t.Error("second WatchPools: got no error")
	}
	m.Refuse()
	looked, dropped := m.WatchCache("callers")
	looked(true)
	looked(true)
	looked(false)
	dropped()
	ended := m.Observe()
	m.Observe()
	ended("/healthz", "GET", 200)
	if conn, err := pool.Acquire(t.Context()); err == nil {
		conn.Release()
		t.Fatal("connected to an unreachable server")
	}
	got := fetch(t, m)
	expect(t, got,
		`lethe_build_info{version="1.2.3"} 1`,
		`lethe_http_requests_in_flight 1`,
		`lethe_http_request_duration_seconds_count{method="GET",route="/healthz",status="200"} 1`,
		`lethe_http_request_duration_seconds_bucket{method="GET",route="/healthz",status="200",le="30"} 1`,
		`lethe_http_requests_refused_total 1`,
		`lethe_cache_lookups_total{cache="callers",result="hit"} 2`,
		`lethe_cache_lookups_total{cache="callers",result="miss"} 1`,
		`lethe_cache_drops_total{cache="callers"} 1`,
		`lethe_pool_connections_max{pool="primary"} 4`,
		`lethe_pool_connections_max{pool="replica"} 4`,
		`lethe_pool_connections_open{pool="primary"} 0`,
		`lethe_pool_connections_in_use{pool="primary"} 0`,
	)
	for _, name := range []string{
		"go_goroutines", "process_cpu_seconds_total", "lethe_pool_acquires_total", "lethe_pool_acquires_waited_total",
		"lethe_pool_acquires_canceled_total", "lethe_pool_acquire_seconds_total",
	} {
		if !strings.Contains(got, "\n"+name) {
			t.Errorf("metric %s is missing", name)
		}
	}
}

func newMetrics(t testing.TB, version string) *telemetry.Metrics {
	t.Helper()
	m, err := telemetry.NewMetrics(version)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMetricsWithoutPools(t *testing.T) {
	t.Parallel()
	m := newMetrics(t, "1")
	if err := m.WatchPools(func() map[string]telemetry.PoolStat { return nil }); err != nil {
		t.Fatal(err)
	}
	if got := fetch(t, m); strings.Contains(got, "lethe_pool_") {
		t.Errorf("want no pool metrics in\n%s", got)
	}
}

// TestMemoryLimit: the Go runtime reads GOMEMLIMIT at the start of a process, so
// this test starts another one, whose metrics must show the limit.
func TestMemoryLimit(t *testing.T) {
	t.Parallel()
	const limit = "GOMEMLIMIT=300MiB"
	if slices.Contains(os.Environ(), limit) {
		expect(t, fetch(t, newMetrics(t, "1")), "go_gc_gomemlimit_bytes 3.145728e+08")
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestMemoryLimit$")
	cmd.Env = append(os.Environ(), limit)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func TestWatchLog(t *testing.T) {
	t.Parallel()
	m := newMetrics(t, "1")
	log, err := m.WatchLog()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.WatchLog(); err == nil {
		t.Error("second WatchLog: got no error")
	}
	if text := fetch(t, m); strings.Contains(text, "lethe_log_leaves") || !strings.Contains(text, "lethe_log_failures_total 0") {
		t.Errorf("before the first look:\n%s", text)
	}
	log.Failed()
	log.Looked(false, time.Hour, 7, 5)
	for _, want := range []string{"lethe_log_oldest_unsealed_seconds 0\n", "lethe_log_leaves 7\n", "lethe_log_published_leaves 5\n", "lethe_log_failures_total 1\n"} {
		if text := fetch(t, m); !strings.Contains(text, want) {
			t.Errorf("want %q in\n%s", want, text)
		}
	}
	// The age grows by itself.
	log.Looked(true, time.Hour, 7, 5)
	age := func() float64 { return number(t, fetch(t, m), "lethe_log_oldest_unsealed_seconds") }
	if first, second := age(), age(); first <= 3600 || second <= first {
		t.Errorf("age went from %v s to %v s, want it to grow from over 3600", first, second)
	}
}

func TestWatchErasures(t *testing.T) {
	t.Parallel()
	m := newMetrics(t, "1")
	e, err := m.WatchErasures([]string{"single", "bulk"}, []string{"requests"}, []string{"refused"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.WatchErasures(nil, nil, nil); err == nil {
		t.Error("second WatchErasures: got no error")
	}
	text := fetch(t, m)
	expect(t, text, `lethe_erased_responses_total{trigger="single"} 0`, `lethe_erased_rows_total{table="requests"} 0`, "lethe_verification_failures_total 0")
	if strings.Contains(text, "lethe_erasures") || strings.Contains(text, "lethe_erasure_oldest") {
		t.Errorf("before the first look:\n%s", text)
	}
	e.Erased("bulk", 2, map[string]int64{"requests": 5, "steps": 0})
	e.Erased("bulk", 1, map[string]int64{"requests": 1})
	e.VerificationFailed()
	e.Looked([]telemetry.ErasureCount{{State: "finished", Trigger: "bulk", Count: 3}}, nil, nil)
	expect(t, fetch(t, m), `lethe_erased_responses_total{trigger="bulk"} 3`, `lethe_erased_responses_total{trigger="single"} 0`,
		`lethe_erased_rows_total{table="requests"} 6`, `lethe_erased_rows_total{table="steps"} 0`, "lethe_verification_failures_total 1",
		`lethe_erasures{state="finished",trigger="bulk"} 3`, "lethe_erasure_oldest_unfinished_seconds 0")
	// The age grows by itself.
	asked := time.Now().Add(-time.Hour)
	e.Looked(nil, &asked, nil)
	age := func() float64 { return number(t, fetch(t, m), "lethe_erasure_oldest_unfinished_seconds") }
	if first, second := age(), age(); first < 3600 || second <= first {
		t.Errorf("age went from %v s to %v s, want it to grow from 3600", first, second)
	}
}

func TestWatchHolds(t *testing.T) {
	t.Parallel()
	m := newMetrics(t, "1")
	holds, err := m.WatchHolds()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.WatchHolds(); err == nil {
		t.Error("second WatchHolds: got no error")
	}
	if text := fetch(t, m); strings.Contains(text, "lethe_held") {
		t.Errorf("before the first look:\n%s", text)
	}
	holds.Looked(1, 2, 3)
	expect(t, fetch(t, m), "lethe_held_responses_gone 1", `lethe_held_purges{state="waiting"} 2`, `lethe_held_purges{state="failed"} 3`)
}

func TestWatchSubjectRequests(t *testing.T) {
	t.Parallel()
	m := newMetrics(t, "1")
	waiting, err := m.WatchSubjectRequests()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.WatchSubjectRequests(); err == nil {
		t.Error("second WatchSubjectRequests: got no error")
	}
	if text := fetch(t, m); strings.Contains(text, "lethe_subject") {
		t.Errorf("before the first look:\n%s", text)
	}
	waiting.Looked(2, new(time.Unix(1700000000, 0)))
	expect(t, fetch(t, m), "lethe_subject_requests_open 2", "lethe_subject_request_due_timestamp_seconds 1.7e+09")
	waiting.Looked(0, nil)
	if text := fetch(t, m); !strings.Contains(text, "lethe_subject_requests_open 0") || strings.Contains(text, "lethe_subject_request_due") {
		t.Errorf("with none:\n%s", text)
	}
}

func TestWatchWebhook(t *testing.T) {
	t.Parallel()
	m := newMetrics(t, "1")
	told, err := m.WatchWebhook()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.WatchWebhook(); err == nil {
		t.Error("second WatchWebhook: got no error")
	}
	expect(t, fetch(t, m), `lethe_webhook_attempts_total{outcome="delivered"} 0`, `lethe_webhook_attempts_total{outcome="failed"} 0`, "lethe_webhook_given_up_total 0")
	if text := fetch(t, m); strings.Contains(text, "lethe_webhook_waiting") {
		t.Errorf("before the first look:\n%s", text)
	}
	told.Attempted(true)
	told.Attempted(false)
	told.Attempted(false)
	told.GaveUp()
	told.Looked(3, new(time.Now().Add(-time.Hour)))
	expect(t, fetch(t, m), `lethe_webhook_attempts_total{outcome="delivered"} 1`, `lethe_webhook_attempts_total{outcome="failed"} 2`,
		"lethe_webhook_given_up_total 1", "lethe_webhook_waiting 3")
	if text := fetch(t, m); !strings.Contains(text, "lethe_webhook_oldest_waiting_seconds 36") {
		t.Errorf("want an hour, got\n%s", text)
	}
	told.Looked(0, nil)
	expect(t, fetch(t, m), "lethe_webhook_waiting 0", "lethe_webhook_oldest_waiting_seconds 0")
}

func TestWatchWork(t *testing.T) {
	t.Parallel()
	m := newMetrics(t, "1")
	failed := m.WatchWork("sweep")
	expect(t, fetch(t, m), `lethe_background_failures_total{work="sweep"} 0`)
	failed()
	expect(t, fetch(t, m), `lethe_background_failures_total{work="sweep"} 1`)
}

// number is the value of a metric that has no labels.
func number(t *testing.T, text, name string) float64 {
	t.Helper()
	found := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("metric %s is missing in\n%s", name, text)
	}
	n, err := strconv.ParseFloat(found[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
