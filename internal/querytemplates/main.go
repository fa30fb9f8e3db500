// Command querytemplates writes queries that have much in common: each file X.tmpl
// beside them becomes X.gen.sql. Usage: querytemplates FOLDER...
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"lethe/adapters/postgres"
)

// variant is a kind of list that has queries of its own.
type variant struct {
	Name    string // between the query's and the order's; empty: of all or several owners
	Owned   bool   // of one owner
	Counted bool   // no page, which would be in the order of an index
	Cost    bool   // narrowed by cost, which takes usage records in the same database
}

func (v variant) Counts() variant {
	v.Counted = true
	return v
}

var functions = template.FuncMap{
	// variants are the kinds of lists.
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
