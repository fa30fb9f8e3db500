package inspect

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// missed leaves out voluntary requirements.
func missed(reqs []Requirement) []Requirement {
	return slices.DeleteFunc(slices.Clone(reqs), func(r Requirement) bool { return r.Voluntary })
}

// need is one column of one requirement.
type need struct {
	req    Requirement
	column Column
}

func needs(reqs []Requirement) []need {
	var out []need
	for _, r := range reqs {
		named := map[string]bool{}
		for _, c := range slices.Concat(r.Read, r.Insert, r.Update) {
			if !named[c.Name] {
				named[c.Name] = true
				out = append(out, need{r, c})
			}
		}
	}
	return out
}

// MissingTables describes, in a clause each, the required tables and columns that are
// missing and the columns of the wrong type. It makes one query. It does not report
// tables that may be absent.
func MissingTables(ctx context.Context, q Querier, reqs []Requirement) ([]string, error) {
	wanted := needs(missed(reqs))
	var schemas, tables, columns, unless, beside []string
	for _, n := range wanted {
		schemas, tables, columns = append(schemas, n.req.Schema), append(tables, n.req.Table), append(columns, n.column.Name)
		unless, beside = append(unless, n.req.Unless), append(beside, n.req.With)
	}
	type found struct {
		Table, Replaced, Unneeded bool
		Type                      *string
	}
	rows, err := q.Query(ctx, `
		SELECT c.oid IS NOT NULL,
		       EXISTS (SELECT FROM pg_catalog.pg_class u
		               WHERE u.relnamespace = s.oid AND u.relname = wanted.unless AND u.relkind IN ('r', 'p', 'v')),
		       wanted.beside <> '' AND NOT EXISTS (
		               SELECT FROM pg_catalog.pg_class b
		               WHERE b.relnamespace = s.oid AND b.relname = wanted.beside AND b.relkind IN ('r', 'p', 'v')),
		       t.typname::text
		FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) WITH ORDINALITY
		     AS wanted (schema_name, table_name, column_name, unless, beside, n)
		LEFT JOIN pg_catalog.pg_namespace s ON s.nspname = wanted.schema_name
		LEFT JOIN pg_catalog.pg_class c
		       ON c.relnamespace = s.oid AND c.relname = wanted.table_name AND c.relkind IN ('r', 'p', 'v')
		LEFT JOIN pg_catalog.pg_attribute a
		       ON a.attrelid = c.oid AND a.attname = wanted.column_name AND a.attnum > 0 AND NOT a.attisdropped
		LEFT JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
		ORDER BY wanted.n`, schemas, tables, columns, unless, beside)
	if err != nil {
		return nil, err
	}
	got, err := pgx.CollectRows(rows, pgx.RowToStructByPos[found])
	if err != nil {
		return nil, err
	}

	missing := []string{}
	reported := map[string]bool{}
	for i, n := range wanted {
		table := n.req.Schema + "." + n.req.Table
		switch {
		case got[i].Unneeded:
		case !got[i].Table:
			if !n.req.Optional && !got[i].Replaced && !reported[table] {
				reported[table] = true
				missing = append(missing, fmt.Sprintf("table %s is missing", table))
			}
		case got[i].Type == nil:
			missing = append(missing, fmt.Sprintf("column %s.%s is missing", table, n.column.Name))
		case kind(*got[i].Type) != kind(n.column.Type):
			missing = append(missing, fmt.Sprintf("column %s.%s has type %s instead of %s", table, n.column.Name, *got[i].Type, n.column.Type))
		}
	}
	return missing, nil
}

// kind returns the same name for types that are read in the same way.
func kind(typname string) string {
	if typname == "varchar" {
		return "text"
	}
	return typname
}
