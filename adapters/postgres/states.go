package postgres

import (
	"fmt"
	"strings"

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
