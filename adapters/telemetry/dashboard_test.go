package telemetry_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"lethe/adapters/telemetry"
)

var (
	metricName = regexp.MustCompile(`\b(?:lethe|go|process)_[a-z0-9_]+\b`)
	grouping   = regexp.MustCompile(`\b(?:by|on) \(([^)]*)\)`)
	matchers   = regexp.MustCompile(`\{([^}]*)\}`)
	matcher    = regexp.MustCompile(`(\w+)(?:=~|!~|!=|=)"`)
	exposed    = regexp.MustCompile(`(?m)^([a-z0-9_]+)(?:\{(.*)\})? \S+$`)
)

// TestDashboard: every metric that the dashboard uses exists, and every metric of
// Lethe is on it.
func TestDashboard(t *testing.T) {
	t.Parallel()
	m := newMetrics(t, "1")
	pool := newPool(t)
	if err := m.WatchPools(func() map[string]telemetry.PoolStat { return map[string]telemetry.PoolStat{"main": pool.Stat()} }); err != nil {
		t.Fatal(err)
	}
	m.Observe()("/healthz", "GET", 200)
	m.WatchCache("callers")
	log, err := m.WatchLog()
	if err != nil {
		t.Fatal(err)
	}
	log.Looked(true, time.Second, 2, 1)
	m.WatchWork("sweep")
	holds, err := m.WatchHolds()
	if err != nil {
		t.Fatal(err)
	}
	holds.Looked(1, 2, 3)
	webhook, err := m.WatchWebhook()
	if err != nil {
		t.Fatal(err)
	}
	webhook.Looked(1, nil)
	erasures, err := m.WatchErasures([]string{"single"}, []string{"requests"}, []string{"approved"})
	if err != nil {
		t.Fatal(err)
	}
	erasures.Looked([]telemetry.ErasureCount{{State: "running", Trigger: "bulk", Count: 1}}, nil, nil)
	files, err := m.WatchFiles()
	if err != nil {
		t.Fatal(err)
	}
	files.Looked([]telemetry.FileCount{{State: "done", Files: 1, Bytes: 2, ToRemove: 3}})
	ask(t.Context(), m.QueryTracer("main"), listQuery, os.ErrInvalid)
	names := map[string]bool{}
	labels := map[string]bool{"instance": true, "le": true} // added by Prometheus and by histograms
	for _, sample := range exposed.FindAllStringSubmatch(fetch(t, m), -1) {
		names[sample[1]] = true
		for _, label := range matcher.FindAllStringSubmatch(sample[2], -1) {
			labels[label[1]] = true
		}
	}

	text, err := os.ReadFile("../../docs/grafana/lethe.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Panels []struct {
			ID      int
			Type    string
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &dashboard); err != nil {
		t.Fatal(err)
	}
	ids, asked := map[int]bool{}, map[string]bool{}
	for _, panel := range dashboard.Panels {
		if ids[panel.ID] {
			t.Errorf("%s: id %d is used twice", panel.Title, panel.ID)
		}
		ids[panel.ID] = true
		if (panel.Type == "row") != (len(panel.Targets) == 0) {
			t.Errorf("%s: type %s with %d queries", panel.Title, panel.Type, len(panel.Targets))
		}
		for _, target := range panel.Targets {
			found := metricName.FindAllString(target.Expr, -1)
			if len(found) == 0 {
				t.Errorf("%s: no metric in %s", panel.Title, target.Expr)
			}
			for _, name := range found {
				asked[name] = true
				if !names[name] {
					t.Errorf("%s: unknown metric %s", panel.Title, name)
				}
			}
			var used []string
			for _, list := range grouping.FindAllStringSubmatch(target.Expr, -1) {
				used = append(used, strings.Split(list[1], ", ")...)
			}
			for _, list := range matchers.FindAllStringSubmatch(target.Expr, -1) {
				for _, label := range matcher.FindAllStringSubmatch(list[1], -1) {
					used = append(used, label[1])
				}
			}
			for _, label := range used {
				if !labels[label] {
					t.Errorf("%s: unknown label %q", panel.Title, label)
				}
			}
		}
	}
	for name := range names {
		base := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_sum"), "_count")
		if strings.HasPrefix(name, "lethe_") && !slices.ContainsFunc([]string{"", "_bucket", "_sum", "_count"}, func(s string) bool { return asked[base+s] }) {
			t.Errorf("%s is not on the dashboard", name)
		}
	}
}
