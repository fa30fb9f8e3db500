package inspect

import (
	"context"
	"slices"

	"lethe/adapters/postgres"
)

// Crowd is what the table of requests holds, as the planner's statistics have it.
type Crowd struct {
	Rows      int64 // of responses and of batches
	Responses int64
}

const (
	// A smaller table is read quickly enough.
	manyRows = 100_000

	// bytesPerResponse is what the indexes of MissingResponseIndexes take for each
	// response, as TestCrowdedPlans measures it. Rows of batches take none.
	bytesPerResponse = 260
)

// FindCrowd returns zeros where the table is not there or was never analyzed.
func FindCrowd(ctx context.Context, q Querier, s Schemas) (c Crowd, err error) {
	err = q.QueryRow(ctx, `
		SELECT coalesce(max(t.reltuples), 0)::bigint, coalesce(max(t.reltuples * (1 - x.null_frac)), 0)::bigint
		FROM pg_catalog.pg_class t
		JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
		JOIN pg_catalog.pg_stats x ON x.schemaname = n.nspname AND x.tablename = t.relname AND x.attname = 'created_by'
		WHERE n.nspname = $1 AND t.relname = 'requests'`, s.withDefaults().Fusillade).Scan(&c.Rows, &c.Responses)
	return c, err
}

// HidesResponses reports whether lists of everyone's have to pass over so many rows of
// batches that they need indexes of their own.
func (c Crowd) HidesResponses() bool { return c.Rows >= manyRows && c.Responses < c.Rows/2 }

// IndexBytes is how large the indexes of MissingResponseIndexes get, in bytes.
func (c Crowd) IndexBytes() int64 { return c.Responses * bytesPerResponse }

// responseIndexes are for lists of everyone's where most rows are of batches: an index
// over all rows leads past these.
func responseIndexes(s Schemas) []index {
	all := []index{
		{name: "idx_responses_created_sort", keys: slices.Concat([]string{"created_at DESC", "id DESC"}, filterColumns)},
		{name: "idx_responses_active_sort", keys: slices.Concat([]string{rank, "created_at DESC", "id DESC"}, filterColumns)},
		// Few responses are in these. The columns at their ends are for conditions that
		// seldom hold together.
		{name: "idx_responses_not_completed", keys: []string{"state", "created_at DESC", "id DESC"}, where: " AND state <> 'completed'"},
		{name: "idx_responses_error", keys: []string{"created_at DESC", "id DESC", "state", "model"}, where: " AND " + postgres.ErrorMissing + " = 0"},
		{name: "idx_responses_http_error", keys: []string{"created_at DESC", "id DESC", "response_status", "state", "model"}, where: " AND response_status >= 400"},
		{name: "idx_responses_duration", keys: []string{postgres.Duration}},
		{name: "idx_responses_response_status", keys: []string{"response_status"}},
		{name: "idx_responses_service_tier", keys: []string{"service_tier"}},
	}
	for i := range all {
		all[i].side, all[i].schema, all[i].table = Fusillade, s.withDefaults().Fusillade, "requests"
		all[i].where, all[i].partial = postgres.IsResponse+all[i].where, true
	}
	return all
}

// MissingResponseIndexes is MissingIndexes for those that make lists of everyone's
// quick where most rows are of batches.
func MissingResponseIndexes(ctx context.Context, q Querier, s Schemas) ([]IndexAdvice, error) {
	return missing(ctx, q, responseIndexes(s))
}
