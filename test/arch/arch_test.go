// Package arch_test holds the direction of imports: cmd → app → adapters →
// domain, and domain knows nobody; nor does receipt, which domain does not know
// either. Within app it is config ← boot ← serve, ops, with demo on top of serve
// and client on top of ops.
package arch_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "lethe"

// pkg is what go list says of a package, without its tests.
type pkg struct {
	Dir        string
	GoFiles    []string
	ImportPath string
	Imports    []string
	Deps       []string // Imports, theirs, and so on
}

// list runs from the root of the module, which is this package's grandparent.
func list(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=Dir,GoFiles,ImportPath,Imports,Deps", "./...")
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("list the packages: %v\n%s", err, &stderr)
	}
	var pkgs []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
		// The cache of test results does not see what go list reads.
		for _, file := range p.GoFiles {
			if _, err := os.Stat(filepath.Join(p.Dir, file)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

const root = "../.."

// within tells whether a package is this one or below it.
func within(path, tree string) bool { return path == tree || strings.HasPrefix(path, tree+"/") }

// in is within, for packages of the module.
func in(path string, trees ...string) bool {
	return slices.ContainsFunc(trees, func(tree string) bool { return within(path, module+"/"+tree) })
}

func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".") && first != module
}

// adapter is the folder of the adapter that a package is part of; what
// adapters on Postgres share is part of none.
func adapter(path string) string {
	rest, ok := strings.CutPrefix(path, module+"/adapters/")
	if !ok {
		return ""
	}
	parts := strings.Split(rest, "/")
	if parts[0] == "postgres" && len(parts) > 1 && parts[1] != "internal" {
		return "postgres/" + parts[1]
	}
	return parts[0]
}

// pure are the modules that receipt needs.
var pure = []string{"github.com/google/uuid", "golang.org/x/mod/sumdb/note", "golang.org/x/mod/sumdb/tlog"}

// rooms are those of app, and which of the others each may import.
var rooms = map[string][]string{
	"lethe/app/config": nil,
	"lethe/app/boot":   {"lethe/app/config"},
	"lethe/app/serve":  {"lethe/app/config", "lethe/app/boot"},
	"lethe/app/ops":    {"lethe/app/config", "lethe/app/boot"},
	"lethe/app/demo":   {"lethe/app/config", "lethe/app/boot", "lethe/app/serve"},
	"lethe/app/client": {"lethe/app/config", "lethe/app/boot", "lethe/app/ops"},
}

// wrong says what is wrong with one import, or nothing.
func wrong(from, to string) string {
	production := in(from, "cmd", "app", "adapters", "domain", "receipt", "turns", "migrations") || from == module
	switch {
	case within(to, "github.com/labstack/echo") && !in(from, "adapters/httpapi"):
		return "only adapters/httpapi knows echo"
	case (within(to, "go.uber.org/fx") || within(to, "go.uber.org/dig")) && !in(from, "app/serve"):
		return "only app/serve knows fx"
	case in(from, "domain") && !in(from, "domain/porttest") && !standard(to) && to != "github.com/google/uuid":
		return "domain imports the standard library and google/uuid, nothing else"
	case in(from, "receipt") && !standard(to) && !slices.Contains(pure, to):
		return "receipt imports the standard library, google/uuid and x/mod's notes and trees, nothing else"
	case !within(to, module):
		return ""
	case in(from, "app/client") && within(to, module+"/sdk/go"):
		return "" // it is a client like any other
	case production && in(to, "internal", "test", "sdk"):
		return "the program does not import what is there for tests"
	case in(to, "cmd"):
		return "nobody imports cmd"
	case in(from, "cmd") && !in(to, "app"):
		return "cmd imports app alone"
	case in(to, "app") && !in(from, "cmd", "app", "internal", "test"):
		return "only cmd imports app"
	case in(from, "app") && in(to, "app") && !slices.Contains(rooms[from], to):
		return "a room of app imports those below it alone"
	case in(to, "domain/porttest") && in(from, "app", "cmd"):
		return "the tests of ports are for tests"
	case in(from, "domain") && !in(to, "domain"):
		return "domain knows nobody"
	case in(from, "adapters") && in(to, "adapters") && adapter(from) != adapter(to) &&
		!(adapter(to) == "postgres" && strings.HasPrefix(adapter(from), "postgres/")):
		return "adapters do not import each other"
	case in(to, "adapters") && !in(from, "adapters", "app", "internal", "test"):
		return "only app names adapters"
	case (in(from, "migrations") || from == module) && production:
		return "files that are only embedded import nothing"
	}
	return ""
}

func TestImportDirection(t *testing.T) {
	t.Parallel()
	pkgs := list(t)
	seen := make(map[string]bool)
	for _, p := range pkgs {
		seen[p.ImportPath] = true
		for _, to := range p.Imports {
			if reason := wrong(p.ImportPath, to); reason != "" {
				t.Errorf("%s imports %s: %s", p.ImportPath, to, reason)
			}
		}
		if in(p.ImportPath, "domain") && !in(p.ImportPath, "domain/porttest") {
			for _, to := range p.Deps {
				if !standard(to) && to != "github.com/google/uuid" {
					t.Errorf("%s must not depend on %s, directly or not", p.ImportPath, to)
				}
			}
		}
		if in(p.ImportPath, "receipt") {
			for _, to := range p.Deps {
				if !standard(to) && !slices.Contains(pure, to) || to == "net/http" {
					t.Errorf("%s must not depend on %s, directly or not", p.ImportPath, to)
				}
			}
		}
		if !in(p.ImportPath, "cmd") {
			continue
		}
		for _, to := range p.Deps {
			if in(to, "domain/porttest", "internal", "test") {
				t.Errorf("%s must not depend on %s, which is for tests", p.ImportPath, to)
			}
		}
	}
	for _, must := range []string{"domain", "domain/porttest", "internal/memory", "adapters/httpapi", "adapters/postgres/fusillade", "cmd/lethe", "receipt"} {
		if !seen[module+"/"+must] {
			t.Errorf("package %s: not found", must)
		}
	}
	for path := range seen {
		if _, known := rooms[path]; in(path, "app") != known {
			t.Errorf("%s: add it to rooms, or remove it there if it is gone", path)
		}
	}
}

func TestImportRules(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from, to string
		allowed  bool
	}{
		{"lethe/cmd/lethe", "lethe/app/ops", true},
		{"lethe/cmd/lethe", "lethe/domain", false},
		{"lethe/cmd/lethe", "lethe/adapters/httpapi", false},
		{"lethe/app/serve", "lethe/adapters/postgres/users", true},
		{"lethe/app/serve", "lethe/domain", true},
		{"lethe/app/boot", "lethe/app/config", true},
		{"lethe/app/config", "lethe/app/boot", false},
		{"lethe/app/client", "lethe/app/ops", true},
		{"lethe/app/client", "lethe/sdk/go", true},
		{"lethe/app/ops", "lethe/sdk/go", false},
		{"lethe/app/serve", "lethe/app/ops", false},
		{"lethe/app/ops", "lethe/app/serve", false},
		{"lethe/app/demo", "lethe/app/serve", true},
		{"lethe/app/serve", "lethe/app/demo", false},
		{"lethe/app/boot", "go.uber.org/fx", false},
		{"lethe/app/ops", "lethe/internal/pgtest", false},
		{"lethe/app/serve", "lethe/cmd/lethe", false},
		{"lethe/app/serve", "go.uber.org/fx/fxevent", true},
		{"lethe/app/serve", "github.com/labstack/echo/v4", false},
		{"lethe/adapters/httpapi", "github.com/labstack/echo/v4", true},
		{"lethe/adapters/httpapi", "lethe", true},
		{"lethe/adapters/httpapi", "lethe/app/config", false},
		{"lethe/adapters/httpapi", "lethe/adapters/auth", false},
		{"lethe/adapters/httpapi", "go.uber.org/fx", false},
		{"lethe/internal/memory", "lethe/domain/porttest", true},
		{"lethe/adapters/postgres/users", "lethe/adapters/postgres", true},
		{"lethe/adapters/postgres/users", "lethe/adapters/postgres/users/internal/dbsqlc", true},
		{"lethe/adapters/postgres/users", "lethe/adapters/postgres/fusillade", false},
		{"lethe/adapters/postgres", "lethe/adapters/postgres/users", false},
		{"lethe/adapters/postgres", "lethe/adapters/postgres/internal/dbsqlc", true},
		{"lethe/adapters/auth", "lethe/adapters/postgres", false},
		{"lethe/adapters/postgres/migrate", "lethe/migrations", true},
		{"lethe/domain", "github.com/google/uuid", true},
		{"lethe/domain", "net/http", true},
		{"lethe/domain", "lethe/receipt", false},
		{"lethe/app/ops", "lethe/receipt", true},
		{"lethe/cmd/lethe", "lethe/receipt", false},
		{"lethe/adapters/postgres/fusillade", "lethe/receipt", true},
		{"lethe/receipt", "crypto/ed25519", true},
		{"lethe/receipt", "golang.org/x/mod/sumdb/tlog", true},
		{"lethe/receipt", "golang.org/x/mod/semver", false},
		{"lethe/receipt", "github.com/jackc/pgx/v5", false},
		{"lethe/receipt", "lethe/domain", false},
		{"lethe/receipt", "lethe/internal/pgtest", false},
		{"lethe/domain", "github.com/jackc/pgx/v5", false},
		{"lethe/domain", "lethe/internal/memory", false},
		{"lethe/domain/porttest", "lethe/domain", true},
		{"lethe/domain/porttest", "lethe/internal/memory", false},
		{"lethe/internal/pgtest", "lethe/adapters/postgres/migrate", true},
		{"lethe/test/contract", "lethe/app/serve", true},
		{"lethe/migrations", "lethe/domain", false},
		{"lethe", "lethe/domain", false},
	} {
		if reason := wrong(c.from, c.to); (reason == "") != c.allowed {
			t.Errorf("%s imports %s: want allowed %t, got %q", c.from, c.to, c.allowed, reason)
		}
	}
}

var mark = regexp.MustCompile(`^// Code generated .* DO NOT EDIT\.$`)

// generated are the Go files that a generator has written, by their names.
func generated(t *testing.T) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules"):
			return fs.SkipDir
		case strings.HasSuffix(path, ".gen.go"), filepath.Base(filepath.Dir(path)) == "dbsqlc" && strings.HasSuffix(path, ".go"):
			paths = append(paths, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) < 5 {
		t.Fatalf("want the server and the queries among the generated files, got %v", paths)
	}
	return paths
}

func TestGeneratedFilesMarked(t *testing.T) {
	t.Parallel()
	for _, path := range generated(t) {
		if !marked(t, path) {
			t.Errorf("%s: lacks the line that marks generated files", path)
		}
	}
}

// marked looks for the mark above the package clause, where tools look.
func marked(t *testing.T, path string) bool {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan() && !strings.HasPrefix(lines.Text(), "package "); {
		if mark.MatchString(lines.Text()) {
			return true
		}
	}
	return false
}

// TestCoverageExcludesGenerated: the profile has only uncovered generated files.
func TestCoverageExcludesGenerated(t *testing.T) {
	t.Parallel()
	profile := "mode: set\n"
	for _, path := range generated(t) {
		if rel, _ := filepath.Rel(root, path); strings.HasPrefix(rel, "adapters/") {
			profile += fmt.Sprintf("%s/%s:1.1,2.2 100 0\n", module, rel)
		}
	}
	const tested = module + "/domain/errors.go:1.1,2.2 9 1\n"
	for name, c := range map[string]struct {
		profile string
		passes  bool
	}{
		"covered":     {profile + tested, true},
		"not covered": {profile + tested + module + "/domain/id.go:1.1,2.2 9 0\n", false},
		"nothing":     {profile, false},
	} {
		path := filepath.Join(t.TempDir(), "profile")
		if err := os.WriteFile(path, []byte(c.profile), 0o600); err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "scripts/coverage.sh", path, "90")
		cmd.Dir = root
		if out, err := cmd.CombinedOutput(); (err == nil) != c.passes {
			t.Errorf("%s: want it to pass %t, got %v\n%s", name, c.passes, err, out)
		}
	}
}

// untyped is a query that is added to a batch by its text: its arguments are in an
// order that only people check.
var untyped = regexp.MustCompile(`\.Queue\(dbsqlc\.(\w+)`)

// TestQueriesQueuedByMethod: except those with arrays that contain NULL, for which
// sqlc has no type.
func TestQueriesQueuedByMethod(t *testing.T) {
	t.Parallel()
	with := []string{"DropTwins", "AddLeaves", "AddSecrets"}
	seen := 0
	for _, p := range list(t) {
		for _, file := range p.GoFiles {
			source, err := os.ReadFile(filepath.Join(p.Dir, file))
			if err != nil {
				t.Fatal(err)
			}
			for _, match := range untyped.FindAllStringSubmatch(string(source), -1) {
				if seen++; !slices.Contains(with, match[1]) {
					t.Errorf("%s queues %s by its text: use its method, with postgres.Queue", filepath.Join(p.ImportPath, file), match[1])
				}
			}
		}
	}
	if seen < len(with) {
		t.Errorf("%d queries are queued by their texts, want at least %d: the search finds none any more", seen, len(with))
	}
}

// TestQueriesFromOneTemplate: the order of states and the conditions of a list are
// each written once, in the template of the queries.
func TestQueriesFromOneTemplate(t *testing.T) {
	t.Parallel()
	places := map[string][]string{"THEN 0 WHEN": nil, "'status_min'": nil, "'min_duration'": nil}
	for _, tree := range []string{"queries", "adapters", "app", "domain"} {
		err := filepath.WalkDir(filepath.Join(root, tree), func(path string, d fs.DirEntry, err error) error {
			written := strings.HasSuffix(path, ".tmpl") || strings.HasSuffix(path, ".sql") || strings.HasSuffix(path, ".go")
			if err != nil || d.IsDir() || !written || strings.Contains(path, ".gen.") || strings.Contains(path, "dbsqlc") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			for words, found := range places {
				if strings.Contains(string(text), words) {
					places[words] = append(found, path)
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for words, found := range places {
		if want := filepath.Join(root, "queries/fusillade/lists.tmpl"); words == "THEN 0 WHEN" {
			if len(found) > 0 {
				t.Errorf("order of states written in %v: use postgres.StateRank", found)
			}
		} else if len(found) != 1 || found[0] != want {
			t.Errorf("%s is in %v: want it in %s alone", words, found, want)
		}
	}
}
