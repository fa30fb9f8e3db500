package fusillade

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

// walk visits the requests of a target: by when they were created, or in the order in
// which the target names them.
type walk struct {
	named    map[uuid.UUID]int // place by identifier; nil without names
	names    []uuid.UUID
	match    domain.ResponseFilter // the requests' filter, without names
	filter   filter
	possible bool   // whether any request can match
	preview  []byte // with a filter: only what that preview counted; nil: all that match
	// owner is whose usage records are read for copies without rows once all the
	// owner's requests have been visited.
	owner *uuid.UUID
}

// place is how far a walk has come.
type place struct {
	after *domain.Position // the last request; nil before the first
	// named counts the names, or the previewed requests, that were visited; for an
	// owner, it is the last usage record plus 1.
	named int
}

// candidate is a request that a walk has reached.
type candidate struct {
	id    uuid.UUID
	place place // the place after it
}

// newWalk visits the requests of the target that these owners have; nil means everyone.
// Requests created after asOf do not pass a filter.
func newWalk(t domain.ErasureTarget, owners []string, asOf time.Time) walk {
	var w walk
	switch {
	case t.Owner != nil:
		w.match = domain.ResponseFilter{Owners: []string{t.Owner.String()}, CreatedBefore: t.Until}
	case t.Filter != nil:
		w.match = *t.Filter
		if w.match.CreatedBefore == nil || asOf.Before(*w.match.CreatedBefore) {
			w.match.CreatedBefore = &asOf
		}
	default:
		w.names, w.named, w.possible = t.Responses, make(map[uuid.UUID]int, len(t.Responses)), true
		for i, id := range t.Responses {
			w.named[id] = i
		}
		return w
	}
	if owners != nil {
		if w.match.Owners != nil {
			owners = slices.DeleteFunc(slices.Clone(owners), func(o string) bool { return !slices.Contains(w.match.Owners, o) })
		}
		w.match.Owners = owners
	}
	w.filter, w.possible = narrow(w.match)
	if t.Owner != nil && (w.match.Owners == nil || len(w.match.Owners) > 0) {
		w.owner = t.Owner
	}
	return w
}

// startOfGone is where an owner's usage records begin.
var startOfGone = place{named: 1}

// next returns the requests after a place, at most limit, and whether more follow. It
// makes one round trip, none for named requests, and some more for usage records.
func (w walk) next(ctx context.Context, e *eraser, from place, limit int) (found []candidate, more bool, err error) {
	switch {
	case w.owner != nil && from.named > 0:
		return e.goneOf(ctx, *w.owner, int64(from.named)-1, limit)
	case !w.possible:
		return nil, false, nil
	case w.named != nil:
		last := min(from.named+limit, len(w.names))
		for i, id := range w.names[min(from.named, last):last] {
			found = append(found, candidate{id, place{named: from.named + i + 1}})
		}
		return found, last < len(w.names), nil
	}
	if w.preview != nil {
		return w.nextPreviewed(ctx, e, from, limit)
	}
	f := w.filter
	f.after(from.after)
	f.Max = int64(limit) + 1
	var rows []dbsqlc.NextRow
	var b pgx.Batch
	if f.Narrowed {
		queueFixed(&b, (*dbsqlc.Queries).PlanForArguments)
	}
	postgres.Queue(&b, func(db postgres.DBTX) (err error) {
		rows, err = f.list().next(ctx, db, f.arguments)
		return err
	})
	if e.Retained {
		rest, retained := f.firstRetained(nextOfRetained, f.minRank, f.maxRank, false)
		queueFixed(&b, (*dbsqlc.Queries).PlanInOrder)
		postgres.Queue(&b, func(db postgres.DBTX) error {
			moved, err := ofAll.next(ctx, retained(db), rest)
			rows = nextOfBoth(append(rows, moved...))
			return err
		})
	}
	if f.Narrowed || e.Retained {
		queueFixed(&b, (*dbsqlc.Queries).PlanForAny)
	}
	if err := e.tx.SendBatch(ctx, &b).Close(); err != nil {
		return nil, false, err
	}
	more = len(rows) > limit
	for _, row := range rows[:min(len(rows), limit)] {
		found = append(found, candidate{row.ID, place{after: &domain.Position{CreatedAt: row.CreatedAt, ID: row.ID}}})
	}
	return found, more, nil
}

func (w walk) nextPreviewed(ctx context.Context, e *eraser, from place, limit int) (found []candidate, more bool, err error) {
	rows, err := dbsqlc.New(e.tx).NextPreviewed(ctx, dbsqlc.NextPreviewedParams{
		TokenSum: w.preview, Passed: int64(from.named), Max: int64(limit) + 1,
		PartSize: previewedPart, FirstPart: int32(from.named / previewedPart), LastPart: int32((from.named + limit) / previewedPart),
	})
	if err != nil {
		return nil, false, err
	}
	more = len(rows) > limit
	for i, row := range rows[:min(len(rows), limit)] {
		at := place{after: from.after, named: from.named + i + 1}
		if row.CreatedAt != nil {
			at.after = &domain.Position{CreatedAt: *row.CreatedAt, ID: row.ID}
		}
		from.after = at.after
		found = append(found, candidate{row.ID, at})
	}
	return found, more, nil
}

// about reports whether the walk covers a request.
func (w walk) about(r domain.Response) bool {
	if w.named != nil {
		_, is := w.named[r.ID]
		return is
	}
	return w.match.Matches(r)
}

// passed reports whether the walk reached a request before a place.
func (w walk) passed(r domain.Response, at place) bool {
	if w.named != nil {
		i, is := w.named[r.ID]
		return is && i < at.named
	}
	return at.after != nil && w.match.Matches(r) &&
		cmp.Or(r.CreatedAt.Compare(at.after.CreatedAt), compareIDs(r.ID, at.after.ID)) <= 0
}

// part is one response that a walk has reached.
type part struct {
	candidates []uuid.UUID // the requests by which it did, in their order
	requests   []dbsqlc.LockRequestsRow
	steps      []uuid.UUID
	seen       bool // it reached another of its requests before
}

// parts groups rows into responses, in the order of the candidates. It drops responses
// that no candidate leads to or that the walk no longer covers.
func (w walk) parts(from place, candidates []candidate, links []dbsqlc.ChainRow, rows []dbsqlc.LockRequestsRow) []*part {
	groups := groupsOf(links)
	parts := make(map[uuid.UUID]*part, len(candidates)) // by the representative of their group
	var order []*part
	for _, c := range candidates {
		head := groups.of(c.id)
		p := parts[head]
		if p == nil {
			p = &part{}
			parts[head], order = p, append(order, p)
		}
		p.candidates = append(p.candidates, c.id)
	}
	about := make(map[*part]bool, len(order))
	for _, row := range rows {
		if p := parts[groups.of(row.ID)]; p != nil {
			p.requests = append(p.requests, row)
			r := responseOf(row)
			p.seen = p.seen || w.passed(r, from)
			about[p] = about[p] || w.about(r) && (w.preview == nil || slices.Contains(p.candidates, r.ID))
		}
	}
	for _, link := range links {
		if p := parts[groups.of(link.ID)]; p != nil {
			p.steps = append(p.steps, link.ID)
		}
	}
	return slices.DeleteFunc(order, func(p *part) bool { return !about[p] })
}

// groups maps steps and requests to the representative of all that is linked with them.
type groups map[uuid.UUID]uuid.UUID

func groupsOf(links []dbsqlc.ChainRow) groups {
	g := make(groups, 2*len(links))
	for _, link := range links {
		for _, other := range []*uuid.UUID{link.RequestID, link.ParentStepID, link.PrevStepID} {
			if other != nil {
				g[g.of(link.ID)] = g.of(*other)
			}
		}
	}
	return g
}

func (g groups) of(id uuid.UUID) uuid.UUID {
	head := id
	for next, linked := g[head]; linked && next != head; next, linked = g[head] {
		head = next
	}
	if head != id {
		g[id] = head // shortens the path
	}
	return head
}

func responseOf(row dbsqlc.LockRequestsRow) domain.Response {
	return response(dbsqlc.PageRow{
		ID: row.ID, Owner: row.Owner, Model: row.Model, State: row.State, ServiceTier: row.ServiceTier,
		CreatedAt: row.CreatedAt, StartedAt: row.StartedAt, CompletedAt: row.CompletedAt, FailedAt: row.FailedAt,
		ResponseStatus: row.ResponseStatus, HasError: row.HasError,
	}, "")
}
