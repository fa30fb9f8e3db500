package fusillade

import (
	"context"
	"math"
	"reflect"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

// filter is a domain filter in the form that queries take.
type filter struct {
	arguments
	owned bool // by one owner, which has its own queries
	// The ranks that its states can have.
	minRank, maxRank int
}

// arguments are the parameters of the queries in lists.tmpl, by name.
type arguments struct {
	dbsqlc.CountOfCostParams // the conditions on a response
	Owner                    string
	Narrowed                 bool // by anything besides a single owner
	AfterCreatedAt           *time.Time
	AfterID                  *uuid.UUID
	Skip, PageSize, Max      int64
	AtMost                   int64
	InRank                   int32
	AboveRank, UpToRank      int32

	// Of figures: the width of buckets, what makes series, and those that are kept.
	Stride  pgtype.Interval
	By      string
	Largest []string
}

func (a *arguments) after(p *domain.Position) {
	if a.AfterCreatedAt, a.AfterID = nil, nil; p != nil {
		a.AfterCreatedAt, a.AfterID = &p.CreatedAt, &p.ID
	}
}

// start returns where a list begins in the order of creation: after a position, and not
// before what the filter lets pass, which need not be passed over then.
func (f filter) start(after *domain.Position) *domain.Position {
	if f.CreatedBefore == nil || after != nil && !after.CreatedAt.After(*f.CreatedBefore) {
		return after
	}
	// Nothing lies between these two microseconds, and no identifier is below zero.
	return &domain.Position{CreatedAt: domain.ToMicroseconds(*f.CreatedBefore).Add(time.Microsecond)}
}

// narrow returns false if nothing can pass the filter.
func narrow(f domain.ResponseFilter) (filter, bool) {
	out := filter{maxRank: domain.StateRank("")}
	out.CountOfCostParams = dbsqlc.CountOfCostParams{
		Owners: storable(f.Owners), States: storable(f.States), Models: storable(f.Models), Tiers: storable(f.Tiers),
		CreatedAfter: roundedUp(f.CreatedAfter), CreatedBefore: f.CreatedBefore,
		StatusMin: integer(f.StatusMin), StatusMax: integer(f.StatusMax),
		HasError: f.HasError,
	}
	if f.MinDuration != nil {
		out.MinDuration = postgres.Interval(*f.MinDuration)
	}
	if f.MinTotalCost != nil {
		out.MinTotalCost = string(*f.MinTotalCost)
	}
	for _, words := range [][]string{out.Owners, out.States, out.Models, out.Tiers} {
		if words != nil && len(words) == 0 {
			return out, false
		}
	}
	conditions := out.CountOfCostParams
	if len(out.Owners) == 1 {
		out.owned, out.Owner, conditions.Owners = true, out.Owners[0], nil
	}
	out.Narrowed = !reflect.ValueOf(conditions).IsZero()
	if out.States != nil {
		out.minRank, out.maxRank = out.maxRank, 0
		for _, state := range out.States {
			rank := domain.StateRank(state)
			out.minRank, out.maxRank = min(out.minRank, rank), max(out.maxRank, rank)
		}
	}
	return out, true
}

// storable drops words that no row can hold. Nil stays nil: it does not narrow.
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

// roundedUp returns the first whole microsecond that is not before the bound: rows hold
// microseconds, and sending truncates.
func roundedUp(at *time.Time) *time.Time {
	if at == nil {
		return nil
	}
	up := at.Add(time.Microsecond - 1)
	return &up
}

// integer limits a bound to the range that queries take; rows hold 16 bits.
func integer(n *int64) *int32 {
	if n == nil {
		return nil
	}
	in := int32(min(max(*n, math.MinInt32), math.MaxInt32))
	return &in
}

// query is a generated method that takes arguments by name.
type query[R any] func(context.Context, postgres.DBTX, arguments) (R, error)

func byName[P, R any](method func(*dbsqlc.Queries, context.Context, P) (R, error)) query[R] {
	to, all := reflect.TypeFor[P](), reflect.TypeFor[arguments]()
	from := make([][]int, to.NumField())
	for i := range from {
		field := to.Field(i)
		argument, is := all.FieldByName(field.Name)
		if !is || argument.Type != field.Type && argument.Type != reflect.PointerTo(field.Type) {
			panic("arguments lack field " + field.Name + " of " + to.Name())
		}
		from[i] = argument.Index
	}
	return func(ctx context.Context, db postgres.DBTX, a arguments) (R, error) {
		var p P
		params, all := reflect.ValueOf(&p).Elem(), reflect.ValueOf(&a).Elem()
		for i, index := range from {
			argument := all.FieldByIndex(index)
			if argument.Type() != params.Field(i).Type() {
				argument = argument.Elem()
			}
			params.Field(i).Set(argument)
		}
		return method(dbsqlc.New(db), ctx, p)
	}
}

// row is a listed response, with its usage if the query reads that.
type row struct {
	dbsqlc.PageRow
	usage *domain.Usage
}

// pages is byName for page queries: all have the same columns.
func pages[P any, R dbsqlc.PageRow | dbsqlc.PageActiveFirstRow | dbsqlc.PageInRankRow |
	dbsqlc.PageOfOwnerRow | dbsqlc.PageOfOwnerActiveFirstRow | dbsqlc.PageOfOwnerInRankRow |
	dbsqlc.PageUnfilteredRow | dbsqlc.PageUnfilteredActiveFirstRow | dbsqlc.PageUnfilteredInRankRow |
	dbsqlc.PageOfOwnerUnfilteredRow | dbsqlc.PageOfOwnerUnfilteredActiveFirstRow | dbsqlc.PageOfOwnerUnfilteredInRankRow |
	dbsqlc.PageOfCostRow | dbsqlc.PageOfCostActiveFirstRow | dbsqlc.PageOfCostInRankRow |
	dbsqlc.PageOfOwnerOfCostRow | dbsqlc.PageOfOwnerOfCostActiveFirstRow | dbsqlc.PageOfOwnerOfCostInRankRow](method func(*dbsqlc.Queries, context.Context, P) ([]R, error)) query[[]row] {
	return rowsOf(method, func(r R) row { return row{PageRow: dbsqlc.PageRow(r)} })
}

// pagesWithUsage is pages for queries that also read usage.
func pagesWithUsage[P any, R dbsqlc.PageWithUsageRow | dbsqlc.PageWithUsageActiveFirstRow | dbsqlc.PageWithUsageInRankRow |
	dbsqlc.PageOfOwnerWithUsageRow | dbsqlc.PageOfOwnerWithUsageActiveFirstRow | dbsqlc.PageOfOwnerWithUsageInRankRow |
	dbsqlc.PageUnfilteredWithUsageRow | dbsqlc.PageUnfilteredWithUsageActiveFirstRow | dbsqlc.PageUnfilteredWithUsageInRankRow |
	dbsqlc.PageOfOwnerUnfilteredWithUsageRow | dbsqlc.PageOfOwnerUnfilteredWithUsageActiveFirstRow | dbsqlc.PageOfOwnerUnfilteredWithUsageInRankRow |
	dbsqlc.PageOfCostWithUsageRow | dbsqlc.PageOfCostWithUsageActiveFirstRow | dbsqlc.PageOfCostWithUsageInRankRow |
	dbsqlc.PageOfOwnerOfCostWithUsageRow | dbsqlc.PageOfOwnerOfCostWithUsageActiveFirstRow | dbsqlc.PageOfOwnerOfCostWithUsageInRankRow](method func(*dbsqlc.Queries, context.Context, P) ([]R, error)) query[[]row] {
	return rowsOf(method, func(r R) row {
		found := dbsqlc.PageWithUsageRow(r)
		usage := domain.Usage{PromptTokens: found.PromptTokens, CompletionTokens: found.CompletionTokens, TotalTokens: found.TotalTokens}
		if found.ReasoningTokens >= 0 {
			usage.ReasoningTokens = &found.ReasoningTokens
		}
		if found.TotalCost != "" {
			usage.Cost = new(domain.Decimal(found.TotalCost))
		}
		return row{dbsqlc.PageRow{
			ID: found.ID, Owner: found.Owner, Model: found.Model, State: found.State, ServiceTier: found.ServiceTier,
			CreatedAt: found.CreatedAt, StartedAt: found.StartedAt, CompletedAt: found.CompletedAt, FailedAt: found.FailedAt,
			ResponseStatus: found.ResponseStatus, HasError: found.HasError,
		}, &usage}
	})
}

// rowsOf is byName for a query whose rows are converted.
func rowsOf[P, R, T any](method func(*dbsqlc.Queries, context.Context, P) ([]R, error), convert func(R) T) query[[]T] {
	run := byName(method)
	return func(ctx context.Context, db postgres.DBTX, a arguments) ([]T, error) {
		rows, err := run(ctx, db, a)
		converted := make([]T, len(rows))
		for i, r := range rows {
			converted[i] = convert(r)
		}
		return converted, err
	}
}

// nexts is byName for the queries of a walk.
func nexts[P any, R dbsqlc.NextRow | dbsqlc.NextOfOwnerRow](method func(*dbsqlc.Queries, context.Context, P) ([]R, error)) query[[]dbsqlc.NextRow] {
	return rowsOf(method, func(r R) dbsqlc.NextRow { return dbsqlc.NextRow(r) })
}

// ordered holds the queries for a page in each order.
type ordered struct{ inOrder, activeFirst, inRank query[[]row] }

// list holds the queries of one kind of list.
type list struct {
	filtered, unfiltered                   ordered // unfiltered: nothing narrows it but an owner
	filteredWithUsage, unfilteredWithUsage ordered
	next                                   query[[]dbsqlc.NextRow]
	count                                  query[int64]
	counted                                string // the statement of count
}

var (
	ofAll = list{
		filtered:            ordered{pages((*dbsqlc.Queries).Page), pages((*dbsqlc.Queries).PageActiveFirst), pages((*dbsqlc.Queries).PageInRank)},
		unfiltered:          ordered{pages((*dbsqlc.Queries).PageUnfiltered), pages((*dbsqlc.Queries).PageUnfilteredActiveFirst), pages((*dbsqlc.Queries).PageUnfilteredInRank)},
		filteredWithUsage:   ordered{pagesWithUsage((*dbsqlc.Queries).PageWithUsage), pagesWithUsage((*dbsqlc.Queries).PageWithUsageActiveFirst), pagesWithUsage((*dbsqlc.Queries).PageWithUsageInRank)},
		unfilteredWithUsage: ordered{pagesWithUsage((*dbsqlc.Queries).PageUnfilteredWithUsage), pagesWithUsage((*dbsqlc.Queries).PageUnfilteredWithUsageActiveFirst), pagesWithUsage((*dbsqlc.Queries).PageUnfilteredWithUsageInRank)},
		next:                nexts((*dbsqlc.Queries).Next),
		count:               byName((*dbsqlc.Queries).Count), counted: dbsqlc.Count,
	}
	ofOwner = list{
		filtered:            ordered{pages((*dbsqlc.Queries).PageOfOwner), pages((*dbsqlc.Queries).PageOfOwnerActiveFirst), pages((*dbsqlc.Queries).PageOfOwnerInRank)},
		unfiltered:          ordered{pages((*dbsqlc.Queries).PageOfOwnerUnfiltered), pages((*dbsqlc.Queries).PageOfOwnerUnfilteredActiveFirst), pages((*dbsqlc.Queries).PageOfOwnerUnfilteredInRank)},
		filteredWithUsage:   ordered{pagesWithUsage((*dbsqlc.Queries).PageOfOwnerWithUsage), pagesWithUsage((*dbsqlc.Queries).PageOfOwnerWithUsageActiveFirst), pagesWithUsage((*dbsqlc.Queries).PageOfOwnerWithUsageInRank)},
		unfilteredWithUsage: ordered{pagesWithUsage((*dbsqlc.Queries).PageOfOwnerUnfilteredWithUsage), pagesWithUsage((*dbsqlc.Queries).PageOfOwnerUnfilteredWithUsageActiveFirst), pagesWithUsage((*dbsqlc.Queries).PageOfOwnerUnfilteredWithUsageInRank)},
		next:                nexts((*dbsqlc.Queries).NextOfOwner),
		count:               byName((*dbsqlc.Queries).CountOfOwner), counted: dbsqlc.CountOfOwner,
	}
	ofCost = list{
		filtered:          ordered{pages((*dbsqlc.Queries).PageOfCost), pages((*dbsqlc.Queries).PageOfCostActiveFirst), pages((*dbsqlc.Queries).PageOfCostInRank)},
		filteredWithUsage: ordered{pagesWithUsage((*dbsqlc.Queries).PageOfCostWithUsage), pagesWithUsage((*dbsqlc.Queries).PageOfCostWithUsageActiveFirst), pagesWithUsage((*dbsqlc.Queries).PageOfCostWithUsageInRank)},
		count:             byName((*dbsqlc.Queries).CountOfCost), counted: dbsqlc.CountOfCost,
	}
	ofOwnerOfCost = list{
		filtered:          ordered{pages((*dbsqlc.Queries).PageOfOwnerOfCost), pages((*dbsqlc.Queries).PageOfOwnerOfCostActiveFirst), pages((*dbsqlc.Queries).PageOfOwnerOfCostInRank)},
		filteredWithUsage: ordered{pagesWithUsage((*dbsqlc.Queries).PageOfOwnerOfCostWithUsage), pagesWithUsage((*dbsqlc.Queries).PageOfOwnerOfCostWithUsageActiveFirst), pagesWithUsage((*dbsqlc.Queries).PageOfOwnerOfCostWithUsageInRank)},
		count:             byName((*dbsqlc.Queries).CountOfOwnerOfCost), counted: dbsqlc.CountOfOwnerOfCost,
	}
	countOfOwnerUpTo = byName((*dbsqlc.Queries).CountOfOwnerUpTo)
)

func (f filter) list() list {
	switch {
	case f.owned && f.MinTotalCost != "":
		return ofOwnerOfCost
	case f.owned:
		return ofOwner
	case f.MinTotalCost != "":
		return ofCost
	}
	return ofAll
}

func (l list) pages(narrowed, usage bool) ordered {
	switch {
	case narrowed && usage:
		return l.filteredWithUsage
	case narrowed:
		return l.filtered
	case usage:
		return l.unfilteredWithUsage
	}
	return l.unfiltered
}

// pageOf is a query for a page with its arguments.
type pageOf func(context.Context, postgres.DBTX) ([]row, error)

func (q query[R]) with(a arguments) func(context.Context, postgres.DBTX) (R, error) {
	return func(ctx context.Context, db postgres.DBTX) (R, error) { return q(ctx, db, a) }
}

// pages returns the queries whose concatenated rows begin with the page; none if there
// can be no row. particular reports whether their plans have to be made for the
// arguments.
func (f filter) pages(q domain.PageQuery, usage bool) (all []pageOf, particular bool) {
	of, a := f.list().pages(f.Narrowed, usage), f.arguments
	a.Skip, a.PageSize = q.Skip, q.Limit
	a.after(f.start(q.After))
	oneRank := f.minRank == f.maxRank && (q.After == nil || q.After.Rank == f.minRank)
	if !q.ActiveFirst || oneRank {
		// Without its arguments, the planner takes a tenth of all rows for the page, and
		// of everyone's would rather sort by an index that also leads to rows of batches.
		return []pageOf{of.inOrder.with(a)}, f.Narrowed || !f.owned
	}
	particular, above := f.Narrowed, f.minRank-1
	if q.After != nil {
		if r := q.After.Rank; f.minRank <= r && r <= f.maxRank {
			a.InRank = int32(r)
			all = append(all, of.inRank.with(a))
			// Nearly all rows are of the last rank, and few of the others.
			particular = particular || r < domain.StateRank("")
		}
		above = max(above, q.After.Rank)
	}
	switch {
	case f.CreatedBefore != nil && q.Skip == 0:
		// In the order of ranks, everything newer of each rank would be passed over.
		a.after(f.start(nil))
		for r := above + 1; r <= f.maxRank; r++ {
			a.InRank = int32(r)
			all = append(all, of.inRank.with(a))
		}
	case above < f.maxRank:
		a.UpToRank, a.AboveRank = int32(f.maxRank), int32(above)
		all = append(all, of.activeFirst.with(a))
	}
	return all, particular
}

// count returns the counting query.
func (f filter) count() counting {
	of := f.list()
	return counting{of.count, of.counted, f.arguments}
}
