package postgres

import (
	"fmt"
	"strings"

	"lethe/domain"
)

// StateRank is domain.StateRank of a column, as an expression of SQL. The planner
// matches the expression of an index by its form, so queries and indexes both have
// this one.
func StateRank(column string) string {
	var cases strings.Builder
	for rank, state := range domain.ActiveStates {
		fmt.Fprintf(&cases, " WHEN %s THEN %d", Literal(state), rank)
	}
	return fmt.Sprintf("CASE %s%s ELSE %d END", column, &cases, len(domain.ActiveStates))
}
