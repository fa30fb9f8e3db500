package fusillade

import (
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgtype"

	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

// filter is a domain's filter as the queries take it.
type filter struct {
	owned    bool  // of one owner: that has queries of its own
	owner    any   // that one, or the list of several, or nil
	narrowed bool  // by more than one owner
	args     []any // of the other conditions, in the order of all queries
	// What of it has an index where finished responses are moved to.
	owners, states, models, tiers []string
	created                       bool // that it is narrowed by the time of creation
	// The ranks that its states can have.
	minRank, maxRank int
}

// narrow is false where nothing can pass the filter.
func narrow(f domain.ResponseFilter) (filter, bool) {
	out := filter{maxRank: maxRank}
	owners, states, models, tiers := storable(f.Owners), storable(f.States), storable(f.Models), storable(f.Tiers)
	for _, words := range [][]string{owners, states, models, tiers} {
		if words != nil && len(words) == 0 {
			return filter{}, false
		}
	}
	out.owners, out.states, out.models, out.tiers = owners, states, models, tiers
	out.created = f.CreatedAfter != nil || f.CreatedBefore != nil
	out.owner = owners
	if len(owners) == 1 {
		out.owned, out.owner = true, owners[0]
	}
	out.narrowed = len(owners) > 1 || states != nil || models != nil || tiers != nil ||
		f.CreatedAfter != nil || f.CreatedBefore != nil || f.StatusMin != nil || f.StatusMax != nil ||
		f.MinDuration != nil || f.HasError != nil
	after := f.CreatedAfter
	if after != nil {
		// Rows hold whole microseconds, and sending drops what is below: the
		// first one that is not before the bound is the next.
		up := after.Add(time.Microsecond - 1)
		after = &up
	}
	if states != nil {
		out.minRank, out.maxRank = maxRank, 0
		for _, state := range states {
			rank := domain.StateRank(state)
			out.minRank, out.maxRank = min(out.minRank, rank), max(out.maxRank, rank)
		}
	}
	var atLeast pgtype.Interval
	if f.MinDuration != nil {
		atLeast = interval(*f.MinDuration)
	}
	out.args = []any{
		states, models, tiers, after, f.CreatedBefore,
		integer(f.StatusMin), integer(f.StatusMax), atLeast, f.HasError,
	}
	return out, true
}

const maxRank = 3

// storable leaves out what no row can hold. Nil stays nil: it does not narrow.
func storable(words []string) []string {
	if words == nil {
		return nil
	}
	kept := make([]string, 0, len(words))
	for _, word := range words {
		if domain.Storable(word) {
			kept = append(kept, word)
		}
	}
	return kept
}

// integer brings a bound into the range that queries take; rows hold 16 bits.
func integer(n *int64) *int32 {
	if n == nil {
		return nil
	}
	in := int32(min(max(*n, math.MinInt32), math.MaxInt32))
	return &in
}

// interval rounds up to the microseconds that rows hold.
func interval(d time.Duration) pgtype.Interval {
	us := d.Microseconds()
	if d%time.Microsecond > 0 {
		us++
	}
	return pgtype.Interval{Microseconds: us, Valid: true}
}

// query is one statement with its arguments.
type query struct {
	sql  string
	args []any
}

// pages are the queries whose rows, one after the other, begin with the page;
// none where there can be no row. particular tells whether their plans are to
// be made for the arguments.
func (f filter) pages(q domain.PageQuery) (all []query, particular bool) {
	inOrder, activeFirst, inRank := dbsqlc.Page, dbsqlc.PageActiveFirst, dbsqlc.PageInRank
	if f.owned {
		inOrder, activeFirst, inRank = dbsqlc.PageOfOwner, dbsqlc.PageOfOwnerActiveFirst, dbsqlc.PageOfOwnerInRank
	}
	if !q.ActiveFirst {
		var createdAt, id any
		if q.After != nil {
			createdAt, id = q.After.CreatedAt, q.After.ID
		}
		return []query{f.page(inOrder, createdAt, id, q.Skip, q.Limit)}, f.narrowed
	}
	particular, above := f.narrowed, f.minRank-1
	if q.After != nil {
		if r := q.After.Rank; f.minRank <= r && r <= f.maxRank {
			all = append(all, f.page(inRank, r, q.After.CreatedAt, q.After.ID, q.Limit))
			// Nearly all rows are of the last rank, and few of the others.
			particular = particular || r < maxRank
		}
		above = max(above, q.After.Rank)
	}
	if above < f.maxRank {
		all = append(all, f.page(activeFirst, f.maxRank, above, q.Skip, q.Limit))
	}
	return all, particular
}

// count is the query that counts.
func (f filter) count() query {
	sql := dbsqlc.Count
	if f.owned {
		sql = dbsqlc.CountOfOwner
	}
	return query{sql, append([]any{f.owner}, f.args...)}
}

func (f filter) page(sql string, more ...any) query {
	args := []any{f.narrowed, f.owner}
	if f.owned {
		args = []any{f.owner, f.narrowed}
	}
	return query{sql, slices.Concat(args, f.args, more)}
}
