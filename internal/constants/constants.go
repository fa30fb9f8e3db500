// Package constants reads the constants of Go source, for tests that compare them with
// tables, documents and schemas.
package constants

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"testing"
)

// OfType returns the texts of the constants of one type in the files that a pattern
// matches.
func OfType(t testing.TB, pattern, of string) (texts []string) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("files that match %s: got %d, want 1 or more; %v", pattern, len(files), err)
	}
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if name, ok := spec.Type.(*ast.Ident); !ok || name.Name != of {
				return true
			}
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatalf("%s: constant %s: %v", path, spec.Names[0], err)
			}
			texts = append(texts, text)
			return true
		})
	}
	return texts
}
