// Command lint runs analyzers that find what go vet and staticcheck do not.
//
//	lint -test=false ./...
//
// It skips tests: they compare errors to check that a port returns the very error it
// was given, not one that wraps it.
package main

import (
	"go/ast"
	"strings"

	"codeberg.org/polyfloyd/go-errorlint/errorlint"
	critic "github.com/go-critic/go-critic/checkers/analyzer"
	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/multichecker"

	_ "github.com/go-critic/go-critic/checkers"
)

func main() {
	multichecker.Main(inProgram(errorlint.NewAnalyzer()), inProgram(critic.Analyzer))
}

// inProgram skips generated code and the ports' tests.
func inProgram(a *analysis.Analyzer) *analysis.Analyzer {
	run := a.Run
	a.Run = func(pass *analysis.Pass) (any, error) {
		apart := make(map[string]bool)
		for _, file := range pass.Files {
			name := pass.Fset.File(file.Pos()).Name()
			apart[name] = ast.IsGenerated(file) || strings.Contains(name, "/porttest/")
		}
		report := pass.Report
		pass.Report = func(d analysis.Diagnostic) {
			if !apart[pass.Fset.File(d.Pos).Name()] {
				report(d)
			}
		}
		return run(pass)
	}
	return a
}
