package arch_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	quotedName = regexp.MustCompile("`([^`\n]+)`")
	namedPath  = regexp.MustCompile(`^[\w-]+(/[\w.-]+)+$|^[\w-]+\.(md|go|yaml|json)$`)
	namedTest  = regexp.MustCompile(`^Test[A-Z]\w*$`)
	testFunc   = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
)

// testsOf are the names of the tests of the module.
func testsOf(t *testing.T) (names []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{"node_modules", ".git", ".cache"}, d.Name()):
			return fs.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		data, err := os.ReadFile(path)
		for _, found := range testFunc.FindAllSubmatch(data, -1) {
			names = append(names, string(found[1]))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestContributing: the files and tests that CONTRIBUTING.md names exist.
func TestContributing(t *testing.T) {
	t.Parallel()
	tests, checked := testsOf(t), 0
	for _, found := range quotedName.FindAllSubmatch(contents(t, "CONTRIBUTING.md"), -1) {
		switch name := string(found[1]); {
		case namedTest.MatchString(name):
			checked++
			if !slices.Contains(tests, name) {
				t.Errorf("CONTRIBUTING.md names %s: no such test", name)
			}
		case namedPath.MatchString(name):
			checked++
			generated, err := filepath.Glob(filepath.Join(root, "adapters/*/*", name))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := os.Stat(filepath.Join(root, name)); err != nil && len(generated) == 0 {
				t.Errorf("CONTRIBUTING.md names %s: no such file", name)
			}
		}
	}
	if checked < 40 || bytes.Count(contents(t, "CONTRIBUTING.md"), []byte("\n**A ")) < 6 {
		t.Errorf("names in CONTRIBUTING.md: want 40 or more, got %d", checked)
	}
}
