// Package alerts_test tries the alerts that operators are given.
package alerts_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"go.yaml.in/yaml/v3"
)

const folder = "../../docs/prometheus"

// promtool runs Prometheus's own tool in the folder of the rules. Outside CI the
// test is skipped where that is not installed.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	if _, err := exec.LookPath("promtool"); err != nil {
		const advice = "no alert is tried, as promtool is not installed: apt-get install prometheus"
		if os.Getenv("CI") != "" {
			t.Fatal(advice)
		}
		t.Skip(advice)
	}
	cmd := exec.CommandContext(t.Context(), "promtool", args...)
	cmd.Dir = folder
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool %v: %v\n%s", args, err, out)
	}
}

func TestAlertRulesValid(t *testing.T) {
	t.Parallel()
	promtool(t, "check", "rules", "lethe.rules.yml")
}

func TestAlerts(t *testing.T) {
	t.Parallel()
	promtool(t, "test", "rules", "lethe.rules.test.yml")
}

// rules are what the alerts are made of.
type rules struct {
	Groups []struct {
		Rules []struct {
			Alert, Expr string
			Annotations map[string]string
		}
	}
}

func read(t *testing.T, name string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

// TestEveryAlertHasTests: one in which it fires, and one in which it does not.
func TestEveryAlertHasTests(t *testing.T) {
	t.Parallel()
	var r rules
	var tests struct {
		Tests []struct {
			AlertRuleTest []struct {
				Alertname string
				ExpAlerts []any `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	read(t, "lethe.rules.yml", &r)
	read(t, "lethe.rules.test.yml", &tests)
	fires, rests := map[string]bool{}, map[string]bool{}
	for _, test := range tests.Tests {
		for _, a := range test.AlertRuleTest {
			if len(a.ExpAlerts) > 0 {
				fires[a.Alertname] = true
			} else {
				rests[a.Alertname] = true
			}
		}
	}
	alerts := 0
	for _, group := range r.Groups {
		for _, rule := range group.Rules {
			alerts++
			if !fires[rule.Alert] || !rests[rule.Alert] {
				t.Errorf("%s: want a test in which it fires and one in which it does not, got %t and %t", rule.Alert, fires[rule.Alert], rests[rule.Alert])
			}
			if rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" {
				t.Errorf("%s: want summary and description", rule.Alert)
			}
		}
	}
	if alerts < 10 {
		t.Errorf("alerts: want 10 or more, got %d", alerts)
	}
}

// TestAlertMetricsExist: each metric is one that the service exposes.
func TestAlertMetricsExist(t *testing.T) {
	t.Parallel()
	var r rules
	read(t, "lethe.rules.yml", &r)
	sources, err := filepath.Glob("../../adapters/telemetry/*.go")
	if err != nil {
		t.Fatal(err)
	}
	has := map[string]bool{}
	for _, source := range sources {
		text, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range regexp.MustCompile(`"(lethe_[a-z_]+)"`).FindAllSubmatch(text, -1) {
			has[string(name[1])] = true
		}
	}
	asked := 0
	for _, group := range r.Groups {
		for _, rule := range group.Rules {
			for _, name := range regexp.MustCompile(`\blethe_[a-z_]+?(?:_count)?\b`).FindAllString(rule.Expr, -1) {
				asked++
				if base := regexp.MustCompile(`_count$`).ReplaceAllString(name, ""); !has[base] {
					t.Errorf("%s: no such metric: %s", rule.Alert, name)
				}
			}
		}
	}
	if asked < 10 {
		t.Errorf("metrics in the alerts: want 10 or more, got %d", asked)
	}
}
