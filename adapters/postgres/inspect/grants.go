package inspect

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Grants returns the minimal GRANT statements with which role can run every query: those
// to run in the main database, and those to run in the others. reqs must name only
// existing tables: see Present. PostgreSQL has no DELETE for columns, so that one is for
// the whole table. INSERT is granted only in Lethe's own schema, and on the table with
// which fusillade-arsenal keeps late writers away.
func Grants(role string, reqs []Requirement) (main, others []string) {
	to := " TO " + pgx.Identifier{role}.Sanitize()
	usage := map[string]bool{}
	for _, r := range reqs {
		out := &main
		if r.Side != Main {
			out = &others
		}
		schema := pgx.Identifier{r.Schema}.Sanitize()
		if key := fmt.Sprint(r.Side, schema); !usage[key] {
			usage[key] = true
			*out = append(*out, "GRANT USAGE ON SCHEMA "+schema+to)
		}
		var privileges []string
		switch {
		case r.Whole:
			privileges = append(privileges, "SELECT")
		case len(r.Read) > 0:
			privileges = append(privileges, "SELECT ("+columnList(r.Read)+")")
		}
		if len(r.Insert) > 0 {
			privileges = append(privileges, "INSERT ("+columnList(r.Insert)+")")
		}
		if len(r.Update) > 0 {
			privileges = append(privileges, "UPDATE ("+columnList(r.Update)+")")
		}
		if r.Delete {
			privileges = append(privileges, "DELETE")
		}
		if len(privileges) == 0 {
			continue
		}
		*out = append(*out, "GRANT "+strings.Join(privileges, ", ")+" ON "+pgx.Identifier{r.Schema, r.Table}.Sanitize()+to)
		if r.Sequence != "" {
			*out = append(*out, "GRANT USAGE ON SEQUENCE "+pgx.Identifier{r.Schema, r.Sequence}.Sanitize()+to)
		}
	}
	return main, others
}

func columnList(columns []Column) string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = pgx.Identifier{c.Name}.Sanitize()
	}
	return strings.Join(names, ", ")
}

// MissingPrivileges names, in a phrase each, the privileges of Grants that the connected
// role lacks. It makes one query. It does not report tables and columns that are missing,
// not needed or voluntary, nor schemas without any of the tables: MissingTables reports
// those that are required.
func MissingPrivileges(ctx context.Context, q Querier, reqs []Requirement) ([]string, error) {
	// One row for each privilege: on a schema (no table), on a column, or on a
	// table or a sequence (no column).
	var schemas, tables, columns, privileges, besides []string
	beside := ""
	add := func(schema, table, column, privilege string) {
		schemas, tables = append(schemas, schema), append(tables, table)
		columns, privileges, besides = append(columns, column), append(privileges, privilege), append(besides, beside)
	}
	usage := map[string]bool{}
	for _, r := range missed(reqs) {
		if !usage[r.Schema] {
			usage[r.Schema] = true
			beside = ""
			add(r.Schema, "", "", "USAGE")
		}
		beside = r.With
		if r.Whole {
			add(r.Schema, r.Table, "", "SELECT")
		} else {
			for _, c := range r.Read {
				add(r.Schema, r.Table, c.Name, "SELECT")
			}
		}
		for _, c := range r.Insert {
			add(r.Schema, r.Table, c.Name, "INSERT")
		}
		for _, c := range r.Update {
			add(r.Schema, r.Table, c.Name, "UPDATE")
		}
		if r.Delete {
			add(r.Schema, r.Table, "", "DELETE")
		}
		if r.Sequence != "" {
			add(r.Schema, r.Sequence, "", "USAGE")
		}
	}
	rows, err := q.Query(ctx, `
		SELECT CASE
		           WHEN wanted.table_name = '' THEN 'USAGE on schema ' || wanted.schema_name
		           WHEN wanted.column_name = '' THEN wanted.privilege || ' on ' || wanted.schema_name || '.' || wanted.table_name
		           ELSE wanted.privilege || ' (' || wanted.column_name || ') on ' || wanted.schema_name || '.' || wanted.table_name
		       END
		FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[]) WITH ORDINALITY
		     AS wanted (schema_name, table_name, column_name, privilege, beside, n)
		JOIN pg_catalog.pg_namespace s ON s.nspname = wanted.schema_name
		LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = s.oid AND c.relname = wanted.table_name
		LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = wanted.column_name AND NOT a.attisdropped
		WHERE NOT CASE
		    WHEN wanted.table_name = '' THEN pg_catalog.has_schema_privilege(s.oid, 'USAGE')
		        OR NOT EXISTS (SELECT FROM pg_catalog.pg_class t WHERE t.relnamespace = s.oid AND t.relname = ANY($2::text[]))
		    WHEN c.relkind = 'S' THEN pg_catalog.has_sequence_privilege(c.oid, wanted.privilege)
		    WHEN wanted.column_name = '' THEN pg_catalog.has_table_privilege(c.oid, wanted.privilege)
		    ELSE pg_catalog.has_column_privilege(c.oid, a.attnum, wanted.privilege)
		END AND (wanted.beside = '' OR EXISTS (SELECT FROM pg_catalog.pg_class b WHERE b.relnamespace = s.oid AND b.relname = wanted.beside))
		ORDER BY wanted.n`, schemas, tables, columns, privileges, besides)
	if err != nil {
		return nil, err
	}
	missing, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	return missing, nil
}
