package mutation_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
)

// switches is the file that goes with the rewritten ones. Each change is there
// in the one program, and the environment says which of them is in force, and
// into which file each site that is come to is written, once.
const switches = `package domain

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
)

var reached = func() func(int) {
	name := os.Getenv("DOMAIN_MUTANT_REACHED")
	if name == "" {
		return func(int) {}
	}
	file, err := os.Create(name)
	if err != nil {
		panic(err)
	}
	var sites sync.Map
	return func(site int) {
		if _, known := sites.LoadOrStore(site, true); !known {
			fmt.Fprintln(file, site)
		}
	}
}()

var mutantSite, mutantVariant = func() (int, int) {
	site, variant, _ := strings.Cut(os.Getenv("DOMAIN_MUTANT"), ":")
	s, err := strconv.Atoi(site)
	if err != nil {
		return -1, 0
	}
	v, _ := strconv.Atoi(variant)
	return s, v
}()

func mutant(site int) int {
	reached(site)
	if site != mutantSite {
		return 0
	}
	return mutantVariant
}

func mutantOf[T any](site int, original func() T, changed ...func() T) T {
	if v := mutant(site); v > 0 {
		return changed[v-1]()
	}
	return original()
}

func mutantPick[T any](site int, v T, others ...T) T {
	if i := mutant(site); i > 0 {
		return others[i-1]
	}
	return v
}

func mutantNumber[T ~int64](site int, n T) T {
	switch mutant(site) {
	case 1:
		return n + 1
	case 2:
		return n - 1
	}
	return n
}

func mutantText(site int, s string) string {
	if mutant(site) > 0 {
		return s + "x"
	}
	return s
}

func mutantZero[T any](site int, v T) T {
	if mutant(site) > 0 {
		var zero T
		return zero
	}
	return v
}
`

// change is one way in which a rule could be wrong.
type change struct {
	site, variant int
	name          string // file, function, what it was and what it becomes
}

// rewriter puts every possible change into a file.
type rewriter struct {
	fset    *token.FileSet
	source  []byte
	file    string
	inserts []insert
	parents []ast.Node
	site    *int
	changes []change
}

type insert struct {
	at    int
	text  string
	close bool
}

// rewrite returns the file with every change in it, none in force, and the
// list of them. site counts through all files.
func rewrite(t *testing.T, path string, source []byte, site *int) (string, []change) {
	t.Helper()
	r := &rewriter{fset: token.NewFileSet(), source: source, file: filepath.Base(path), site: site}
	file, err := parser.ParseFile(r.fset, path, source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if n == nil {
			r.parents = r.parents[:len(r.parents)-1]
			return true
		}
		if !r.visit(n) {
			return false
		}
		r.parents = append(r.parents, n)
		return true
	})
	return r.apply(), r.changes
}

// apply makes the inserts: what was opened first is outermost.
func (r *rewriter) apply() string {
	order := make([]int, len(r.inserts))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(i, j int) bool {
		a, b := r.inserts[order[i]], r.inserts[order[j]]
		switch {
		case a.at != b.at:
			return a.at < b.at
		case a.close != b.close:
			return a.close
		case a.close:
			return order[i] > order[j]
		}
		return order[i] < order[j]
	})
	var out strings.Builder
	done := 0
	for _, i := range order {
		out.Write(r.source[done:r.inserts[i].at])
		out.WriteString(r.inserts[i].text)
		done = r.inserts[i].at
	}
	out.Write(r.source[done:])
	return out.String()
}

func (r *rewriter) offset(p token.Pos) int { return r.fset.Position(p).Offset }

func (r *rewriter) text(n ast.Node) string {
	return string(r.source[r.offset(n.Pos()):r.offset(n.End())])
}

// wrap puts text around a node; in open, %d is the number of the site. Each of
// becomes is one change.
func (r *rewriter) wrap(n ast.Node, open, shut string, becomes ...string) {
	r.inserts = append(r.inserts,
		insert{r.offset(n.Pos()), fmt.Sprintf(open, *r.site), false},
		insert{r.offset(n.End()), shut, true})
	for i, b := range becomes {
		name := fmt.Sprintf("%s %s: %s → %s", r.file, r.function(), strings.Join(strings.Fields(r.text(n)), " "), b)
		r.changes = append(r.changes, change{*r.site, i + 1, name})
	}
	*r.site++
}

// function is the name of the declaration that is being visited.
func (r *rewriter) function() string {
	for _, p := range r.parents {
		if f, ok := p.(*ast.FuncDecl); ok {
			return f.Name.Name
		}
	}
	return "constants"
}

func (r *rewriter) parent(up int) ast.Node {
	if len(r.parents) < up {
		return nil
	}
	return r.parents[len(r.parents)-up]
}

// visit returns false for what cannot be changed at all.
func (r *rewriter) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.ImportSpec, *ast.Field:
		return false
	case *ast.GenDecl:
		if n.Tok == token.CONST {
			r.constants(n)
			return false
		}
	case *ast.AssignStmt:
		if n.Tok == token.ASSIGN && r.inBlock() {
			r.wrap(n, "if mutant(%d) == 0 { ", " }", "left out")
		}
	case *ast.ExprStmt:
		r.wrap(n, "if mutant(%d) == 0 { ", " }", "left out")
	case *ast.KeyValueExpr:
		// A composite literal's field, left at zero. Its value is visited too.
		r.wrap(n.Value, "mutantZero(%d, ", ")", "zero, in a literal")
	case ast.Expr:
		r.expression(n)
	}
	return true
}

func (r *rewriter) inBlock() bool {
	switch r.parent(1).(type) {
	case *ast.BlockStmt, *ast.CaseClause:
		return true
	}
	return false
}

func (r *rewriter) expression(e ast.Expr) {
	if r.boolean(e) {
		changed := "func() bool { return true }, func() bool { return false }"
		becomes := []string{"true", "false"}
		boundaries := map[token.Token]string{token.GEQ: ">", token.LEQ: "<", token.GTR: ">=", token.LSS: "<="}
		if b, ok := e.(*ast.BinaryExpr); ok && boundaries[b.Op] != "" {
			other := fmt.Sprintf("%s %s %s", r.text(b.X), boundaries[b.Op], r.text(b.Y))
			changed += fmt.Sprintf(", func() bool { return %s }", other)
			becomes = append(becomes, other)
		}
		r.wrap(e, "mutantOf(%d, func() bool { return ", " }, "+changed+")", becomes...)
		return
	}
	switch e := e.(type) {
	case *ast.Ident:
		r.identifier(e)
	case *ast.BasicLit:
		if _, ok := r.parent(1).(*ast.CallExpr); ok && e.Kind == token.STRING {
			r.wrap(e, "mutantText(%d, ", ")", "other words")
		}
	case *ast.UnaryExpr:
		if _, ok := e.X.(*ast.CompositeLit); e.Op == token.AND && !ok && r.returned() {
			r.wrap(e, "mutantZero(%d, ", ")", "nil")
		}
	case *ast.CallExpr:
		r.call(e)
	}
}

func (r *rewriter) returned() bool {
	_, ok := r.parent(1).(*ast.ReturnStmt)
	return ok
}

// boolean tells, without knowing types, whether a place takes a truth.
func (r *rewriter) boolean(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return false
	case *ast.BinaryExpr:
		switch e.Op {
		case token.LAND, token.LOR, token.EQL, token.NEQ, token.LSS, token.LEQ, token.GTR, token.GEQ:
			return true
		}
		return false
	case *ast.UnaryExpr:
		if e.Op == token.NOT {
			return true
		}
	}
	switch p := r.parent(1).(type) {
	case *ast.IfStmt:
		return p.Cond == e
	case *ast.BinaryExpr:
		return p.Op == token.LAND || p.Op == token.LOR
	case *ast.UnaryExpr:
		return p.Op == token.NOT
	case *ast.CaseClause:
		if !slices.Contains(p.List, e) {
			return false
		}
		// The switch is above the case's block.
		s, ok := r.parent(3).(*ast.SwitchStmt)
		return ok && s.Tag == nil
	case *ast.ReturnStmt:
		f, ok := r.parent(3).(*ast.FuncDecl)
		if !ok || f.Type.Results == nil || len(f.Type.Results.List) != 1 {
			return false
		}
		result, ok := f.Type.Results.List[0].Type.(*ast.Ident)
		return ok && result.Name == "bool"
	}
	return false
}

func (r *rewriter) identifier(e *ast.Ident) {
	reaches := []string{"none", "own", "everyone"}
	switch p := r.parent(1).(type) {
	case *ast.BinaryExpr, *ast.ReturnStmt:
		if !slices.Contains(reaches, e.Name) {
			return
		}
		var changed, becomes []string
		for _, other := range reaches {
			if other != e.Name {
				changed = append(changed, other)
				becomes = append(becomes, fmt.Sprintf("%s in %q", other, r.text(p)))
			}
		}
		r.wrap(e, "mutantPick(%d, ", ", "+strings.Join(changed, ", ")+")", becomes...)
	case *ast.CallExpr:
		if strings.HasPrefix(e.Name, "Code") && slices.Contains(p.Args, ast.Expr(e)) {
			r.wrap(e, "mutantPick(%d, ", `, "other")`, "another code")
		}
	}
}

func (r *rewriter) call(e *ast.CallExpr) {
	f, ok := e.Fun.(*ast.Ident)
	if !ok {
		return
	}
	opposite := map[string]string{"min": "max", "max": "min"}[f.Name]
	switch {
	case opposite != "":
		first := r.text(e.Args[0])
		swapped := opposite + strings.TrimPrefix(r.text(e), f.Name)
		changed := fmt.Sprintf("func() int64 { return %s }, func() int64 { return %s }", swapped, first)
		r.wrap(e, "mutantOf(%d, func() int64 { return ", " }, "+changed+")", swapped, first)
	case f.Name == "text" && r.returned():
		r.wrap(e, "mutantZero(%d, ", ")", "nil")
	}
}

// constants become variables, so that they can change; those that count
// themselves stay.
func (r *rewriter) constants(d *ast.GenDecl) {
	for _, s := range d.Specs {
		values := s.(*ast.ValueSpec).Values
		if len(values) != 1 {
			return
		}
		if i, ok := values[0].(*ast.Ident); ok && i.Name == "iota" {
			return
		}
	}
	keyword := r.offset(d.TokPos)
	copy(r.source[keyword:], "var  ")
	for _, s := range d.Specs {
		spec := s.(*ast.ValueSpec)
		kind := ""
		if spec.Type != nil {
			kind = r.text(spec.Type)
		}
		lit, _ := spec.Values[0].(*ast.BasicLit)
		switch {
		case lit != nil && lit.Kind == token.STRING:
			r.wrap(lit, kind+"(mutantText(%d, ", "))", "other words")
		case lit != nil:
			r.wrap(lit, "mutantNumber(%d, int64(", "))", "one more", "one less")
		default:
			r.wrap(spec.Values[0], "mutantNumber(%d, ", ")", "one more", "one less")
		}
	}
}
