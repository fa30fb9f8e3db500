package app

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"lethe"
)

// TestDocumentation: every setting is in the manual, under its three names.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	manual, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, s := range settings {
		flag := fmt.Sprintf("`--%s`", s.flag())
		if !s.onCommandLine() {
			flag = "none:"
		}
		if !strings.Contains(string(manual), fmt.Sprintf("| `%s` | `%s` | %s", s.key, s.env(), flag)) {
			t.Errorf("%s is not there", s.key)
		}
	}
	for line := range strings.Lines(string(manual)) {
		if strings.Contains(line, "| `LETHE_") {
			rows++
		}
	}
	if rows != len(settings) {
		t.Errorf("there are %d rows for %d settings", rows, len(settings))
	}
}

// TestContractExplainsCounts: who reads 601 responses beside 649 requests reads
// why they differ.
func TestContractExplainsCounts(t *testing.T) {
	t.Parallel()
	var contract struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]struct {
					Type        string `yaml:"type"`
					Description string `yaml:"description"`
				} `yaml:"properties"`
			} `yaml:"schemas"`
		} `yaml:"components"`
	}
	if err := yaml.Unmarshal(lethe.OpenAPI, &contract); err != nil {
		t.Fatal(err)
	}
	explained := 0
	for name, schema := range contract.Components.Schemas {
		requests, ok := schema.Properties["requests"]
		if !ok || requests.Type != "integer" {
			continue
		}
		if text := strings.Join(strings.Fields(requests.Description), " "); !strings.Contains(text, "one for each call of a model") || !strings.Contains(text, "more of these than responses") {
			t.Errorf("%s.requests says only %q", name, text)
		}
		explained++
	}
	if explained < 3 {
		t.Errorf("%d counts of requests only", explained)
	}
}
