package inspect

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// statistics are the extended statistics that the planner needs to estimate filters: the
// values of an expression, or which values of several columns occur together. The planner
// matches expressions by their form, so this must be the one in the queries.
type statistics struct {
	name       string
	expression string
	columns    []string // sorted
}

var requestStatistics = []statistics{
	{name: "requests_duration", expression: "completed_at - started_at"},
	{name: "requests_state_response_status", columns: []string{"response_status", "state"}},
}

type existingStatistics struct {
	OfTable     bool // not only in its schema
	Name        string
	Combined    bool     // which values occur together
	Columns     []string // sorted
	Expressions []string
}

// MissingStatistics returns statements that create the missing statistics for estimated
// counts of filtered responses, and analyze the table; none if nothing is missing. Names
// do not matter. A missing table lacks nothing.
func MissingStatistics(ctx context.Context, q Querier, s Schemas) ([]string, error) {
	schema := s.withDefaults().Fusillade
	var there bool
	if err := q.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM pg_catalog.pg_class t JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
		               WHERE n.nspname = $1 AND t.relname = 'requests')`, schema).Scan(&there); err != nil || !there {
		return nil, err
	}
	rows, err := q.Query(ctx, `
		SELECT tn.nspname = $1 AND t.relname = 'requests', x.stxname::text, 'm' = ANY (x.stxkind),
		       ARRAY (
		           SELECT a.attname::text FROM unnest(x.stxkeys::int2[]) AS k
		           JOIN pg_catalog.pg_attribute a ON a.attrelid = x.stxrelid AND a.attnum = k ORDER BY 1
		       ),
		       coalesce(pg_catalog.pg_get_statisticsobjdef_expressions(x.oid), '{}')
		FROM pg_catalog.pg_statistic_ext x
		JOIN pg_catalog.pg_namespace n ON n.oid = x.stxnamespace
		JOIN pg_catalog.pg_class t ON t.oid = x.stxrelid
		JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
		WHERE n.nspname = $1 OR tn.nspname = $1 AND t.relname = 'requests'`, schema)
	if err != nil {
		return nil, err
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[existingStatistics])
	if err != nil {
		return nil, err
	}
	table := pgx.Identifier{schema, "requests"}.Sanitize()
	var statements []string
	for _, w := range requestStatistics {
		if slices.ContainsFunc(all, w.servedBy) {
			continue
		}
		for slices.ContainsFunc(all, func(e existingStatistics) bool { return e.Name == w.name }) {
			w.name += "_" // taken by others
		}
		of := " ON (" + w.expression + ")"
		if w.expression == "" {
			of = " (mcv) ON " + strings.Join(w.columns, ", ")
		}
		statements = append(statements, "CREATE STATISTICS "+pgx.Identifier{schema, w.name}.Sanitize()+of+" FROM "+table)
	}
	if statements != nil {
		statements = append(statements, "ANALYZE "+table)
	}
	return statements, nil
}

func (s statistics) servedBy(e existingStatistics) bool {
	if !e.OfTable {
		return false
	}
	if s.expression != "" {
		return slices.ContainsFunc(e.Expressions, func(x string) bool { return normal(x) == normal(s.expression) })
	}
	// With more columns there are too many combinations of values to keep all.
	return e.Combined && slices.Equal(e.Columns, s.columns) && len(e.Expressions) == 0
}
