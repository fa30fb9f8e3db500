package config

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestManualListsSettings: the manual has every setting, with its three names.
func TestManualListsSettings(t *testing.T) {
	t.Parallel()
	manual, err := os.ReadFile("../../docs/configuration.md")
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
			t.Errorf("docs/configuration.md: %s is missing", s.key)
		}
	}
	for line := range strings.Lines(string(manual)) {
		if strings.Contains(line, "| `LETHE_") {
			rows++
		}
	}
	if rows != len(settings) {
		t.Errorf("docs/configuration.md: want %d rows of settings, got %d", len(settings), rows)
	}
}
