// Command querytemplates generates queries that have much in common: each file X.tmpl in a
// folder becomes X.gen.sql. Usage: querytemplates FOLDER...
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
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
	Usage   bool   // pages with what responses have used, from usage records in the same database
	Masked  bool   // compares values that are NULL for rows of batches

	Unfiltered bool // pages that nothing narrows but an owner
}

func (v variant) Counts() variant {
	v.Counted = true
	return v
}

// HasCount reports whether there is a count of its own: usage and the lack of a filter only
// concern pages.
func (v variant) HasCount() bool { return !v.Usage && !v.Unfiltered }

// Figured reports whether there are figures of its own. They name owners as a filter does,
// one or several.
func (v variant) Figured() bool { return v.HasCount() && !v.Owned }

// Walked reports whether a bulk erasure or a hold may have this filter.
func (v variant) Walked() bool { return !v.Cost && !v.Usage && !v.Unfiltered }

func (v variant) Masks() variant {
	v.Masked = true
	return v
}

// Value is a column of a response.
func (v variant) Value(column string) string {
	if v.Masked {
		return postgres.ResponseValue(column)
	}
	return column
}

// Equals compares a column with the words of a parameter. A single word is compared as
// what it is: behind a column that is equal to one value an index is in order, which
// the planner knows of =, and not of ANY with an array of one. Where nothing is in
// order, the planner's estimate is the same.
func (v variant) Equals(column, parameter string) string {
	words := "sqlc.narg('" + parameter + "')::text[]"
	isAny := v.Value(column) + " = ANY (" + words + ")"
	if v.Counted || v.Masked {
		return isAny
	}
	return "CASE cardinality(" + words + ") WHEN 1 THEN " + column + " = (" + words + ")[1] ELSE " + isAny + " END"
}

var functions = template.FuncMap{
	// variants returns the kinds of lists.
	"variants": func() []variant {
		plain := []variant{{}, {Name: "OfOwner", Owned: true}, {Name: "OfCost", Cost: true}, {Name: "OfOwnerOfCost", Owned: true, Cost: true},
			{Name: "Unfiltered", Unfiltered: true}, {Name: "OfOwnerUnfiltered", Owned: true, Unfiltered: true}}
		all := slices.Clone(plain)
		for _, v := range plain {
			v.Name, v.Usage = v.Name+"WithUsage", true
			all = append(all, v)
		}
		return all
	},
	"rank":         postgres.StateRank,
	"duration":     func() string { return postgres.Duration },
	"errorMissing": func() string { return postgres.ErrorMissing },
	"isResponse":   func() string { return postgres.IsResponse },
	"shares":       func() int { return len(postgres.Outcomes) + len(postgres.Values) },
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
