package fusillade

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
)

// chain is all that is linked to some requests, including these; the identifiers are in
// order.
type chain struct {
	links           []dbsqlc.ChainRow // the steps
	steps, requests []uuid.UUID
}

// queueChain looks for all that is linked to these requests.
func queueChain(b *pgx.Batch, seeds []uuid.UUID, found *chain) {
	queue(b, (*dbsqlc.Queries).Chain, seeds, func(links []dbsqlc.ChainRow) {
		*found = chain{links: links, requests: slices.Clone(seeds)}
		for _, link := range links {
			found.steps = append(found.steps, link.ID)
			if link.RequestID != nil {
				found.requests = append(found.requests, *link.RequestID)
			}
		}
		slices.SortFunc(found.steps, compareIDs)
		slices.SortFunc(found.requests, compareIDs)
		found.requests = slices.Compact(found.requests)
	})
}

// with merges two chains.
func (c chain) with(other chain) chain {
	both := chain{
		links: slices.Concat(c.links, other.links), steps: slices.Concat(c.steps, other.steps), requests: slices.Concat(c.requests, other.requests),
	}
	slices.SortFunc(both.links, func(a, b dbsqlc.ChainRow) int { return compareIDs(a.ID, b.ID) })
	both.links = slices.CompactFunc(both.links, func(a, b dbsqlc.ChainRow) bool { return a.ID == b.ID })
	for _, ids := range []*[]uuid.UUID{&both.steps, &both.requests} {
		slices.SortFunc(*ids, compareIDs)
		*ids = slices.Compact(*ids)
	}
	return both
}

// linked is what an erasure of the seeds leads to: their chains and, if they are erased
// along, later turns.
type linked struct {
	seeds []uuid.UUID
	chain
	turns []turn
	all   bool // a search for later turns without an index was complete
}

// requestRows are rows of requests, also of retained ones.
type requestRows struct {
	locked []dbsqlc.LockRequestsRow
	moved  map[uuid.UUID]bool // those found among retained responses
}

// selection is what one erasure has locked and may delete.
type selection struct {
	chain
	requestRows
	owners    []string           // of the locked rows, in their order
	templates []uuid.UUID        // of the locked rows
	files     []uuid.UUID        // of the templates, in order
	gone      map[uuid.UUID]gone // the requests whose rows are gone
}

func selectionOf(c chain, rows requestRows) selection {
	s := selection{chain: c, requestRows: rows, owners: make([]string, len(rows.locked))}
	for i, row := range rows.locked {
		s.owners[i] = row.Owner
		if row.TemplateID != nil {
			s.templates = append(s.templates, *row.TemplateID)
		}
		if row.FileID != nil {
			s.files = append(s.files, *row.FileID)
		}
	}
	slices.SortFunc(s.files, compareIDs)
	s.files = slices.Compact(s.files)
	return s
}

// lock locks every row of the chains of the seeds. Others may extend a chain until its
// rows are locked, as a new step needs a lock on the rows that it refers to. So lock
// looks again until nothing is new. From then on no hold can be placed, either. also
// queues further queries about these requests.
func (e *eraser) lock(ctx context.Context, l linked, also func(b *pgx.Batch, requests []uuid.UUID)) (selection, error) {
	for {
		var rows requestRows // what was seen without a lock may have gone
		var now chain
		err := e.send(ctx, func(b *pgx.Batch) {
			e.queuePlanForMany(b)
			if len(l.steps) > 0 {
				queueExec(b, (*dbsqlc.Queries).LockSteps, l.steps)
			}
			e.queueRows(b, l.requests, true, &rows)
			queueFixed(b, (*dbsqlc.Queries).ShareHolds)
			queueChain(b, l.seeds, &now)
			also(b, l.requests)
		})
		if err != nil {
			return selection{}, err
		}
		if subset(now.steps, l.steps) && subset(now.requests, l.requests) {
			l.links = now.links
			return selectionOf(l.chain, rows), nil
		}
		l.chain = now
	}
}

// lockChain finds the chains of these requests first, so that their steps are locked
// first, and locks them.
func (e *eraser) lockChain(ctx context.Context, seeds []uuid.UUID) (selection, error) {
	l := linked{seeds: seeds}
	if err := e.send(ctx, func(b *pgx.Batch) { queueChain(b, seeds, &l.chain) }); err != nil {
		return selection{}, err
	}
	return e.lock(ctx, l, func(*pgx.Batch, []uuid.UUID) {})
}

// glance is lock without locking, for what may not get erased.
func (e *eraser) glance(ctx context.Context, l linked, also func(b *pgx.Batch, requests []uuid.UUID)) (selection, error) {
	var rows requestRows
	err := e.send(ctx, func(b *pgx.Batch) {
		e.queueRows(b, l.requests, false, &rows)
		also(b, l.requests)
	})
	return selectionOf(l.chain, rows), err
}

// lockRows locks the requests' rows and their steps: steps first, as everywhere, and
// once more those that arrived before the requests were locked.
func (e *eraser) lockRows(ctx context.Context, requests []uuid.UUID) (selection, error) {
	var rows requestRows
	c := chain{requests: requests}
	err := e.send(ctx, func(b *pgx.Batch) {
		queue(b, (*dbsqlc.Queries).StepsOf, requests, func([]uuid.UUID) {})
		e.queueRows(b, requests, true, &rows)
		queue(b, (*dbsqlc.Queries).StepsOf, requests, func(steps []uuid.UUID) { c.steps = steps })
	})
	return selectionOf(c, rows), err
}

// withoutGone drops requests that disappeared while waiting for their locks: another
// receipt covers them, or none has to.
func (s selection) withoutGone() selection {
	left := make(map[uuid.UUID]struct{})
	for _, row := range s.locked {
		left[row.ID] = struct{}{}
	}
	s.steps = nil
	for _, link := range s.links {
		s.steps = append(s.steps, link.ID)
		if link.RequestID != nil {
			left[*link.RequestID] = struct{}{}
		}
	}
	slices.SortFunc(s.steps, compareIDs)
	s.requests = inOrder(left)
	return s
}

// forgetErased drops requests that others erased while this erasure waited for their
// rows, and of which nothing is left.
func (e *eraser) forgetErased(ctx context.Context, s selection) (selection, error) {
	without := withoutRow(s.requests, s.locked)
	if len(without) == 0 {
		return s, nil
	}
	left, err := e.lookFor(ctx, without)
	s.requests = slices.DeleteFunc(s.requests, func(id uuid.UUID) bool { return slices.Contains(without, id) && !slices.Contains(left, id) })
	return s, err
}

// withoutRow returns the requests that none of the rows belongs to.
func withoutRow(ids []uuid.UUID, rows []dbsqlc.LockRequestsRow) []uuid.UUID {
	locked := make(map[uuid.UUID]bool, len(rows))
	for _, row := range rows {
		locked[row.ID] = true
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id uuid.UUID) bool { return locked[id] })
}

// countMoved counts the requests found among the retained ones.
func (s selection) countMoved() (n int64) {
	for _, id := range s.requests {
		if s.moved[id] {
			n++
		}
	}
	return n
}
