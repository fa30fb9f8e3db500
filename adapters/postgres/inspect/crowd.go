package inspect

import "context"

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
	bytesPerResponse = 170
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
