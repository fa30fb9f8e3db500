// Command querytemplates generates queries that have much in common: each file X.tmpl in a
// folder becomes X.gen.sql. Usage: querytemplates FOLDER...
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"lethe/adapters/postgres"
)

// variant is a kind of list with its own queries.
type variant struct {
	Name    string // between the query's name and the order's; empty: all or several owners
	Owned   bool   // one owner
	Counted bool   // a count, not a page, which needs the order of an index
	Cost    bool   // filtered by cost, which needs usage records in the same database
}

func (v variant) Counts() variant {
	v.Counted = true
	return v
}

var functions = template.FuncMap{
	// variants returns the kinds of lists.
	"variants": func() []variant {
		return []variant{{}, {Name: "OfOwner", Owned: true}, {Name: "OfCost", Cost: true}, {Name: "OfOwnerOfCost", Owned: true, Cost: true}}
	},
	"rank": postgres.StateRank,
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "querytemplates:", err)
		os.Exit(1)
	}
}

func run(folders []string) error {
	for _, folder := range folders {
		paths, err := filepath.Glob(filepath.Join(folder, "*.tmpl"))
		if err != nil {
			return err
		}
		for _, path := range paths {
			parsed, err := template.New(filepath.Base(path)).Funcs(functions).ParseFiles(path)
			if err != nil {
				return err
			}
			var sql strings.Builder
			fmt.Fprintf(&sql, "-- Code generated from %s. DO NOT EDIT.\n\n", filepath.Base(path))
			if err := parsed.Execute(&sql, nil); err != nil {
				return err
			}
			if err := os.WriteFile(strings.TrimSuffix(path, ".tmpl")+".gen.sql", []byte(sql.String()), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}
