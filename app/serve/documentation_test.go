package serve

import (
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"lethe"
)

// TestContractExplainsCounts: the contract explains why 601 responses can have 649
// requests.
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
			t.Errorf("%s.requests: want an explanation of calls and responses, got %q", name, text)
		}
		explained++
	}
	if explained < 3 {
		t.Errorf("explained counts of requests: want 3 or more, got %d", explained)
	}
}
