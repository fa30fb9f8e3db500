package fusillade

import (
	"context"
	"time"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

// filter is a domain's filter as the queries take it.
type filter struct {
	owner *string
	dbsqlc.CountParams
}

// narrow is false where the filter names what no row can hold.
func narrow(f domain.ResponseFilter) (filter, bool) {
	out := filter{owner: f.Owner, CountParams: dbsqlc.CountParams{
		State: f.State, Models: storable(f.Models), Tiers: storable(f.Tiers),
	}}
	if f.CreatedAfter != nil {
		// Rows hold whole microseconds, and sending drops what is below: the
		// first one that is not before the bound is the next.
		after := f.CreatedAfter.Add(time.Microsecond - 1)
		out.CreatedAfter = &after
	}
	out.CreatedBefore = f.CreatedBefore
	for _, word := range []*string{f.Owner, f.State} {
		if word != nil && !postgres.Storable(*word) {
			return filter{}, false
		}
	}
	return out, true
}

// storable leaves out what no row can hold. Nil stays nil: it does not narrow.
func storable(words []string) []string {
	if words == nil {
		return nil
	}
	kept := make([]string, 0, len(words))
	for _, word := range words {
		if postgres.Storable(word) {
			kept = append(kept, word)
		}
	}
	return kept
}

// page runs the query for this order, with or without an owner: each has an
// index of its own.
func (f filter) page(ctx context.Context, q *dbsqlc.Queries, activeFirst bool, skip, limit int64) ([]domain.Response, error) {
	all := dbsqlc.PageParams{
		State: f.State, Models: f.Models, Tiers: f.Tiers,
		CreatedAfter: f.CreatedAfter, CreatedBefore: f.CreatedBefore, Skip: skip, PageSize: limit,
	}
	switch {
	case f.owner == nil && activeFirst:
		rows, err := q.PageActiveFirst(ctx, dbsqlc.PageActiveFirstParams(all))
		return collect(rows, err)
	case f.owner == nil:
		rows, err := q.Page(ctx, all)
		return collect(rows, err)
	}
	own := dbsqlc.PageOfOwnerParams{
		Owner: *f.owner, State: f.State, Models: f.Models, Tiers: f.Tiers,
		CreatedAfter: f.CreatedAfter, CreatedBefore: f.CreatedBefore, Skip: skip, PageSize: limit,
	}
	if activeFirst {
		rows, err := q.PageOfOwnerActiveFirst(ctx, dbsqlc.PageOfOwnerActiveFirstParams(own))
		return collect(rows, err)
	}
	rows, err := q.PageOfOwner(ctx, own)
	return collect(rows, err)
}

// pageRow is a row of any of the four: they have the same columns.
type pageRow interface {
	dbsqlc.PageRow | dbsqlc.PageActiveFirstRow | dbsqlc.PageOfOwnerRow | dbsqlc.PageOfOwnerActiveFirstRow
}

func collect[R pageRow](rows []R, err error) ([]domain.Response, error) {
	if err != nil {
		return nil, err
	}
	page := make([]domain.Response, len(rows))
	for i, row := range rows {
		page[i] = response(dbsqlc.PageRow(row))
	}
	return page, nil
}

// count is the query that counts, with its arguments in their order.
func (f filter) count() (sql string, args []any) {
	args = []any{f.State, f.Models, f.Tiers, f.CreatedAfter, f.CreatedBefore}
	if f.owner == nil {
		return dbsqlc.Count, args
	}
	return dbsqlc.CountOfOwner, append([]any{*f.owner}, args...)
}

// list is a query for rows that match, with its arguments in their order.
func (f filter) list() (sql string, args []any) {
	_, args = f.count()
	args = append(args, int64(0), int64(1))
	if f.owner == nil {
		return dbsqlc.Page, args
	}
	return dbsqlc.PageOfOwner, args
}
