package postgres

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"lethe/domain"
)

// StateRank is domain.StateRank of a column, as an expression of SQL. The planner
// compares index expressions by their form, so queries and indexes both use this one.
func StateRank(column string) string {
	var cases strings.Builder
	for rank, state := range domain.ActiveStates {
		fmt.Fprintf(&cases, " WHEN %s THEN %d", Literal(state), rank)
	}
	return fmt.Sprintf("CASE %s%s ELSE %d END", column, &cases, len(domain.ActiveStates))
}

// LedgerCost is a query for the cost of a response in the gateway's ledger of credits,
// as text, never negative, from its newest entry. response is an expression for its
// identifier. Only newer versions of dwctl have the column for it: see WithLedger.
func LedgerCost(response string) string {
	return `(SELECT abs(l.amount)::text FROM public.credits_transactions l
        WHERE l.fusillade_request_id = ` + response + ` AND l.transaction_type = 'usage' ORDER BY l.seq DESC LIMIT 1)`
}

// WithLedger calls read with whether it may use LedgerCost, which a non-nil ledger
// reports as last seen. If that no longer holds, as after a downgrade, a lost privilege
// or on a late replica, it calls read again.
func WithLedger(ledger func() bool, read func(ledger bool) error) error {
	if ledger == nil || !ledger() {
		return read(false)
	}
	err := read(true)
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && (pg.Code == "42703" || pg.Code == "42501" || pg.Code == "42P01") {
		return read(false)
	}
	return err
}

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

	// ErrorMissing is 0 for a row with an error, else 1: an index can have it as a column,
	// unlike the error.
	ErrorMissing = "num_nulls(error)"
)

// ResponseValue is an expression that is NULL for rows of batches. Statistics on it
// describe responses alone.
func ResponseValue(expression string) string {
	return "CASE WHEN created_by IS NOT NULL THEN " + expression + " END"
}

// Statistics by which the share of responses that pass a filter is estimated: those of
// Outcomes also by which of their values come together.
var (
	Outcomes = []string{ResponseValue("state"), ResponseValue("response_status"), ResponseValue(ErrorMissing)}
	Values   = []string{ResponseValue("model"), ResponseValue("service_tier"), ResponseValue("created_at"), Duration}
)
