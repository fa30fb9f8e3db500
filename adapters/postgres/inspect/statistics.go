package inspect

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
)

// statistics describe expressions over a table, so that the planner's estimates of
// filters hold. The planner matches an expression by its form.
type statistics struct {
	name        string
	together    bool // also which of their values occur together
	expressions []string
}

var requestStatistics = []statistics{
	{name: "responses_outcomes", together: true, expressions: postgres.Outcomes},
	{name: "responses_values", expressions: postgres.Values},
}

// statisticsTarget makes ANALYZE read 90,000 rows, so that enough of them are responses
// where most rows are of batches.
const statisticsTarget = "300"

type existingStatistics struct {
	OfTable     bool // not only in its schema
	Name        string
	Together    bool // which values occur together
	Columns     int
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
		SELECT tn.nspname = $1 AND t.relname = 'requests', x.stxname::text, 'm' = ANY (x.stxkind), cardinality(x.stxkeys::int2[]),
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
		if w.among(all) {
			continue
		}
		for slices.ContainsFunc(all, func(e existingStatistics) bool { return e.Name == w.name }) {
			w.name += "_" // taken by others
		}
		name, kind := pgx.Identifier{schema, w.name}.Sanitize(), " (ndistinct)" // the cheapest, which several expressions must have
		if w.together {
			kind = " (mcv)"
		}
		statements = append(statements, "CREATE STATISTICS "+name+kind+" ON ("+strings.Join(w.expressions, "), (")+") FROM "+table,
			"ALTER STATISTICS "+name+" SET STATISTICS "+statisticsTarget)
	}
	if statements != nil {
		statements = append(statements, "ANALYZE "+table)
	}
	return statements, nil
}

// among reports whether some of these statistics describe what is wanted.
func (s statistics) among(all []existingStatistics) bool {
	describes := func(e existingStatistics, wanted string) bool {
		return e.OfTable && slices.ContainsFunc(e.Expressions, func(x string) bool { return normal(x) == normal(wanted) })
	}
	described := func(of ...existingStatistics) bool {
		return !slices.ContainsFunc(s.expressions, func(x string) bool {
			return !slices.ContainsFunc(of, func(e existingStatistics) bool { return describes(e, x) })
		})
	}
	if !s.together {
		return described(all...)
	}
	// Of more expressions, too many values occur together for all to be kept.
	return slices.ContainsFunc(all, func(e existingStatistics) bool {
		return e.Together && e.Columns == 0 && len(e.Expressions) == len(s.expressions) && described(e)
	})
}
