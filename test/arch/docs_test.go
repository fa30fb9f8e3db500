package arch_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var docLink = regexp.MustCompile(`\[([A-Z]\w*)\]`)

// TestPackageDocs: the comment of a package links its most important types: three, if
// it has that many.
func TestPackageDocs(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, p := range list(t) {
		if !in(p.ImportPath, "domain", "adapters", "receipt", "turns") || strings.HasSuffix(p.ImportPath, "/internal/dbsqlc") {
			continue
		}
		doc, declared, types := "", map[string]bool{}, 0
		for _, name := range p.GoFiles {
			if strings.HasSuffix(name, ".gen.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			doc += file.Doc.Text()
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.TypeSpec:
					if n.Name.IsExported() {
						types++
					}
					declared[n.Name.Name] = true
				case *ast.FuncDecl:
					if n.Recv == nil {
						declared[n.Name.Name] = true
					}
					return false
				}
				return true
			})
		}
		links := map[string]bool{}
		for _, found := range docLink.FindAllStringSubmatch(doc, -1) {
			links[found[1]] = true
			if !declared[found[1]] {
				t.Errorf("%s: its comment links %s, which it does not declare", p.ImportPath, found[1])
			}
		}
		if len(links) < min(3, types) {
			t.Errorf("%s: its comment links %d of %d types: say what the package is for, and link its three most important ones", p.ImportPath, len(links), types)
		}
		checked++
	}
	if checked < 20 {
		t.Errorf("checked packages: want 20 or more, got %d", checked)
	}
}
