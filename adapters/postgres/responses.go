package postgres

// Expressions over the table of requests, most of whose rows may be of batches. The
// planner compares expressions by their form, so queries, indexes and statistics all
// use these.
const (
	// IsResponse holds for rows that have an owner. Unlike the plain condition, for
	// which the planner multiplies the share of these rows with that of every other
	// condition, it is expected to hold for nearly all rows.
	IsResponse = "num_nulls(created_by) <> 1"

	// Duration is how long a response took; NULL for an unfinished one and for rows of
	// batches. Infinite times have no difference, and an index on one that fails would
	// fail every writer.
	Duration = "CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END"
)

// ResponseValue is an expression that is NULL for rows of batches. Statistics on it
// describe responses alone.
func ResponseValue(expression string) string {
	return "CASE WHEN created_by IS NOT NULL THEN " + expression + " END"
}

// Statistics by which the share of responses that pass a filter is estimated: those of
// Outcomes also by which of their values come together.
var (
	Outcomes = []string{ResponseValue("state"), ResponseValue("response_status"), ResponseValue("num_nulls(error)")}
	Values   = []string{ResponseValue("model"), ResponseValue("service_tier"), ResponseValue("created_at"), Duration}
)
