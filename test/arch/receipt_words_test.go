package arch_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"

	"lethe/internal/constants"
)

// wordsOf are the words that a field of a receipt may hold.
func wordsOf(t *testing.T) map[string][]string {
	t.Helper()
	var form struct{ Words map[string][]string }
	if err := json.Unmarshal(contents(t, "docs/vectors/form.json"), &form); err != nil {
		t.Fatal(err)
	}
	return form.Words
}

func contents(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestReceiptWords: the domain, the contract and the tables, none of which can import
// package receipt, use exactly its words.
func TestReceiptWords(t *testing.T) {
	t.Parallel()
	words := wordsOf(t)
	same := func(where, field string, got []string, but ...string) {
		want := slices.Sorted(slices.Values(slices.DeleteFunc(slices.Clone(words[field]), func(word string) bool { return slices.Contains(but, word) })))
		got = slices.Compact(slices.Sorted(slices.Values(got)))
		if !slices.Equal(got, want) {
			t.Errorf("%s: %s: want the words of receipts %v, got %v", where, field, want, got)
		}
	}
	domain := filepath.Join(root, "domain/*.go")
	same("domain", "trigger", constants.OfType(t, domain, "Trigger"))
	same("domain", "ground", constants.OfType(t, domain, "Ground"))
	same("domain", "actor", constants.OfType(t, domain, "ActorRole"))
	same("domain", "level", constants.OfType(t, domain, "Level"), "logical")

	var contract struct {
		Components struct {
			Schemas map[string]struct {
				Required   []string
				Properties map[string]struct{ Enum []string }
			}
			Parameters map[string]struct{ Schema struct{ Enum []string } }
		}
	}
	if err := yaml.Unmarshal(contents(t, "openapi.yaml"), &contract); err != nil {
		t.Fatal(err)
	}
	schemas := contract.Components.Schemas
	same("openapi.yaml: Erasure", "ground", schemas["Erasure"].Properties["ground"].Enum)
	same("openapi.yaml: NewErasure", "ground", schemas["NewErasure"].Properties["ground"].Enum, "retention")

	same("openapi.yaml: ErasureCounts", "counts", schemas["ErasureCounts"].Required)
	same("openapi.yaml: reached", "level", contract.Components.Parameters["Reached"].Schema.Enum, "logical")

	check := regexp.MustCompile(`attested_level_check CHECK \(level IN \(([^)]*)\)`).FindSubmatch(contents(t, "migrations/lethe/00001_create_log.sql"))
	if check == nil {
		t.Fatal("migrations/lethe has no check of attested levels")
	}
	var levels []string
	for _, word := range regexp.MustCompile(`\w+`).FindAll(check[1], -1) {
		levels = append(levels, string(word))
	}
	same("migrations/lethe", "level", levels, "logical")

	for _, gap := range regexp.MustCompile(`(?:Gap: |unlocated = )"(\w+)"`).FindAllSubmatch(contents(t, "adapters/postgres/inspect/places.go"), -1) {
		if !slices.Contains(words["not_covered"], string(gap[1])) {
			t.Errorf("adapters/postgres/inspect: %s: no such gap in receipts", gap[1])
		}
	}
}
