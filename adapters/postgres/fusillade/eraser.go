package fusillade

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

// eraser sends the statements of one erasure within its transaction. prepare sets the
// tables that exist and the leads to copies; what is found, locked and deleted is passed
// as arguments and results. Independent statements are sent together, as each failure
// ends the transaction anyway.
type eraser struct {
	tx *postgres.Tx
	reach
	leads *leads // those seen lately; nil: none
	dbsqlc.PrepareRow
	dbsqlc.LeadsRow
	turns turns
}

func (e *eraser) send(ctx context.Context, queue func(*pgx.Batch)) error {
	var b pgx.Batch
	queue(&b)
	return e.tx.SendBatch(ctx, &b).Close()
}

func (e *eraser) prepare(ctx context.Context, outlet string) error {
	if err := e.send(ctx, func(b *pgx.Batch) { e.queuePrepare(b, outlet) }); err != nil {
		return err
	}
	return e.hidden()
}

// prepareSharing is prepare for work that locks no row: no hold is placed from then on.
func (e *eraser) prepareSharing(ctx context.Context, outlet string) error {
	if err := e.prepare(ctx, outlet); err != nil {
		return err
	}
	return dbsqlc.New(e.tx).ShareHolds(ctx)
}

func (e *eraser) queuePrepare(b *pgx.Batch, outlet string) {
	queue(b, (*dbsqlc.Queries).Prepare, outlet, func(found dbsqlc.PrepareRow) {
		if e.PrepareRow = found; e.copies != nil {
			e.RawRequests, e.RawResponses, e.Hidden = false, false, false
		}
	})
	if seen := e.leads.lately(); seen != nil {
		e.follow(*seen)
		return
	}
	queue(b, (*dbsqlc.Queries).Leads, outlet, func(found dbsqlc.LeadsRow) {
		e.leads.note(found)
		e.follow(found)
	})
}

// follow records the leads to copies that are in this database.
func (e *eraser) follow(found dbsqlc.LeadsRow) {
	e.LeadsRow = found
	if e.copies != nil {
		e.ByStep, e.ByHeader = false, false
	}
}

// hidden fails if copies would be searched in the wrong tables, or a table that held
// copies has disappeared.
func (e *eraser) hidden() error {
	if e.Hidden {
		return domain.Errorf(domain.CodeInternal, "A table of the fusillade schema hides one of the outlet's: give the outlet its own schema, or correct the schema's name")
	}
	if e.known == nil {
		return nil
	}
	if known := e.known(); known != nil {
		return known.gone(e.PrepareRow, e.copies != nil)
	}
	return nil
}

// server returns the server that the leads belong to.
func (e *eraser) server() postgres.Server {
	return postgres.Server{StartedAt: e.StartedAt, Cluster: e.LeadsRow.Cluster}
}

// leads caches which leads have an index: looking costs as much as the rest of
// preparing an erasure. A lead without an index still finds the right copies, but
// slowly.
type leads struct{ seen atomic.Pointer[leadsSeen] }

type leadsSeen struct {
	found dbsqlc.LeadsRow
	until time.Time
}

// leadsFor is how long the cached leads are valid; docs/erasure.md mentions it.
const leadsFor = 5 * time.Second

func (l *leads) lately() *dbsqlc.LeadsRow {
	if l == nil {
		return nil
	}
	if seen := l.seen.Load(); seen != nil && time.Now().Before(seen.until) {
		return &seen.found
	}
	return nil
}

func (l *leads) note(found dbsqlc.LeadsRow) {
	if l != nil {
		l.seen.Store(&leadsSeen{found, time.Now().Add(leadsFor)})
	}
}

// stepsLead reports whether usage records lead to copies by these steps alone.
func (e *eraser) stepsLead(steps []uuid.UUID) bool {
	return e.Analytics && e.ByStep && len(steps) > 0
}

// headersLead reports whether headers lead to copies in this database.
func (e *eraser) headersLead() bool { return e.ByHeader && e.RawRequests && e.RawResponses }

// turnsIndexed reports whether an index covers all later turns: it does not cover what
// fusillade-arsenal keeps elsewhere.
func (e *eraser) turnsIndexed() bool { return e.ByTurn && !e.TemplatesElsewhere && !e.Retained }

func compareIDs(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }

func inOrder[T any](ids map[uuid.UUID]T) []uuid.UUID {
	return slices.SortedFunc(maps.Keys(ids), compareIDs)
}

// textsOf spells identifiers as tasks do.
func textsOf(ids []uuid.UUID) []string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = id.String()
	}
	return texts
}

// subset reports whether whole, which is in order, contains all of part.
func subset(part, whole []uuid.UUID) bool {
	for _, id := range part {
		if _, in := slices.BinarySearchFunc(whole, id, compareIDs); !in {
			return false
		}
	}
	return true
}
