package fusillade

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

// gone is what is known of a request whose row is gone but that still has raw copies.
type gone struct {
	owners  []string
	unowned bool // a part names no owner, or no part does
}

// note adds the owner of a part; "" means that it has none.
func (g *gone) note(owner string) {
	switch {
	case owner == "":
		g.unowned = true
	case !slices.Contains(g.owners, owner):
		g.owners = append(g.owners, owner)
	}
}

var errCameBack = domain.Errorf(domain.CodeUnavailable, "The response was written again while its copies were being erased, so nothing was erased; try again")

// findGone looks for copies of a response whose row is gone. It fails with CodeNotFound
// if there are none, or if the response belonged to a batch or may not have been these
// owners'.
func (e *eraser) findGone(ctx context.Context, id uuid.UUID, owners []string) (gone foundResponse, err error) {
	look := func() error {
		found, err := e.lookForGone(ctx, []uuid.UUID{id})
		if err != nil {
			return err
		}
		g, is := found[id]
		if !is || owners != nil && g.unowned || !allOf(g.owners, owners) {
			return errNoResponse(id)
		}
		gone.owners, gone.gone = g.owners, found
		return nil
	}
	if err := look(); err != nil { // nobody waits for a response that will not be erased
		return gone, err
	}
	if err := e.send(ctx, func(b *pgx.Batch) {
		queueFixed(b, (*dbsqlc.Queries).ShareHolds)
		queueFixed(b, (*dbsqlc.Queries).LockGone)
	}); err != nil {
		return gone, err
	}
	if err := look(); err != nil {
		return gone, err
	}
	gone.requests = []uuid.UUID{id}
	return gone, e.send(ctx, func(b *pgx.Batch) {
		queueHoldsOnGone(b, id, gone.gone[id], func(on []domain.Hold) { gone.holds = on })
	})
}

// lookForGone finds the requests whose rows are gone but that still have copies. It
// leaves out those of batches.
func (e *eraser) lookForGone(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]gone, error) {
	var remain []uuid.UUID
	there := make(map[uuid.UUID]bool)
	note := func(found []uuid.UUID) { remain = append(remain, found...) }
	rowsThere := func(found []uuid.UUID) {
		for _, id := range found {
			there[id] = true
		}
	}
	var copied located // as far as known
	var batched []string
	readBatched := func(found []string) { batched = found }
	if err := e.send(ctx, func(b *pgx.Batch) {
		queue(b, (*dbsqlc.Queries).RowsRemain, ids, rowsThere)
		queue(b, (*dbsqlc.Queries).StepsRemain, ids, rowsThere)
		if e.Retained {
			queue(b, (*dbsqlc.Queries).RetainedRemain, ids, rowsThere)
		}
		if e.Analytics && e.RawRequests {
			queue(b, (*dbsqlc.Queries).RawRequestsRemain, ids, note)
		}
		if e.Analytics && e.RawResponses {
			queue(b, (*dbsqlc.Queries).RawResponsesRemain, ids, note)
		}
		if e.headersLead() {
			copied.queueByHeader(b, ids)
			queue(b, (*dbsqlc.Queries).BatchedByHeader, digits(ids), readBatched)
		}
	}); err != nil {
		return nil, err
	}
	if e.copies != nil {
		var err error
		if copied, _, _, err = e.copies.find(ctx, e.tx, ids, nil); err != nil {
			return nil, err
		}
	}
	remain = append(remain, copied.named()...)
	remain = slices.DeleteFunc(remain, func(id uuid.UUID) bool { return there[id] })
	if len(remain) == 0 {
		return nil, nil
	}
	if e.copies != nil {
		if err := e.copies.batchedByHeader(ctx, ids, readBatched); err != nil {
			return nil, err
		}
	}
	known := make(map[uuid.UUID]*gone)
	for _, id := range remain {
		known[id] = &gone{}
	}
	at, err := e.usageAt(ctx, copied)
	if err != nil {
		return nil, err
	}
	ofSteps := make(map[uuid.UUID][]uuid.UUID) // their requests
	for i, text := range copied.requests {
		id, err := uuid.Parse(text)
		row, is := at[copyAt{copied.instances[i], copied.correlations[i]}]
		if g := known[id]; err == nil && is && g != nil {
			g.note(row.Owner)
			there[id] = there[id] || row.Batched
			if row.ResponseStepID != nil {
				ofSteps[*row.ResponseStepID] = append(ofSteps[*row.ResponseStepID], id)
			}
		}
	}
	if err := e.recordUsage(ctx, known, there, ofSteps); err != nil {
		return nil, err
	}
	found := make(map[uuid.UUID]gone)
	for id, g := range known {
		if !there[id] && !slices.Contains(parsed(batched), id) {
			found[id] = *g
		}
	}
	return found, nil
}

// withGone adds the given requests whose rows are gone to the locked ones, with their
// holds. It leaves out those with no owner or several owners.
func (e *eraser) withGone(ctx context.Context, s selection, ids []uuid.UUID, holds holdsOnEach) (selection, error) {
	missing := withoutRow(ids, s.locked)
	if len(missing) == 0 {
		return s, nil
	}
	found, err := e.lookForGone(ctx, missing)
	if err != nil {
		return s, err
	}
	s.gone = make(map[uuid.UUID]gone)
	err = e.send(ctx, func(b *pgx.Batch) {
		for _, id := range missing {
			g, is := found[id]
			if !is || g.unowned || len(g.owners) != 1 {
				continue
			}
			s.gone[id] = g
			s.locked = append(s.locked, dbsqlc.LockRequestsRow{ID: id, Owner: g.owners[0]})
			queueHoldsOnGone(b, id, g, func(on []domain.Hold) { holds.add(id, on) })
		}
	})
	return s, err
}

// usageAtOnce is how many usage records one query reads.
const usageAtOnce = 5000

// goneOf returns a person's or an organization's requests whose rows are gone: those after
// the usage record, at most limit. more reports that others may follow.
func (e *eraser) goneOf(ctx context.Context, owner uuid.UUID, after int64, limit int) (found []candidate, more bool, err error) {
	for {
		var rows []dbsqlc.RequestsOfOwnerRow
		read := func(conn postgres.Conn) error {
			q := dbsqlc.New(conn)
			can, err := q.OwnersIndexed(ctx)
			if err != nil || !can {
				return err
			}
			rows, err = q.RequestsOfOwner(ctx, dbsqlc.RequestsOfOwnerParams{Owner: owner, After: after, Max: usageAtOnce})
			return err
		}
		if err := e.onUsage(ctx, read); err != nil || len(rows) == 0 {
			return nil, false, err
		}
		named, err := e.namedBy(ctx, rows)
		if err != nil {
			return nil, false, err
		}
		ids := make(map[uuid.UUID]struct{})
		for _, id := range slices.Concat(named...) {
			ids[id] = struct{}{}
		}
		gone, err := e.lookForGone(ctx, inOrder(ids))
		if err != nil {
			return nil, false, err
		}
		for i, row := range rows {
			after = row.ID
			for _, id := range named[i] {
				if _, is := gone[id]; is {
					delete(gone, id)
					found = append(found, candidate{id, place{named: int(row.ID) + 1}})
				}
			}
			if len(found) >= limit {
				break
			}
		}
		if more = len(found) >= limit || len(rows) == usageAtOnce; !more || len(found) > 0 {
			return found, more, nil
		}
	}
}

// namedBy returns the requests of each usage record. For a record that names only a
// step, it uses the header of its copy.
func (e *eraser) namedBy(ctx context.Context, rows []dbsqlc.RequestsOfOwnerRow) ([][]uuid.UUID, error) {
	named := make([][]uuid.UUID, len(rows))
	at := make(map[copyAt]int)
	var p dbsqlc.CopiesNamingParams // which are young does not matter
	for i, row := range rows {
		if row.RequestID != nil {
			named[i] = []uuid.UUID{*row.RequestID}
			continue
		}
		at[copyAt{row.InstanceID, row.CorrelationID}] = i
		p.InstanceIds, p.CorrelationIds = append(p.InstanceIds, row.InstanceID), append(p.CorrelationIds, row.CorrelationID)
	}
	if len(at) == 0 || e.copies == nil && !e.headersLead() {
		return named, nil
	}
	var copies []dbsqlc.CopiesNamingRow
	if err := e.onCopies(ctx, func(conn postgres.Conn) (err error) {
		copies, err = dbsqlc.New(conn).CopiesNaming(ctx, p)
		return err
	}); err != nil {
		return nil, err
	}
	for _, c := range copies {
		if id, err := parseNamed(c.RequestID); err == nil {
			i := at[copyAt{c.InstanceID, c.CorrelationID}]
			named[i] = append(named[i], id)
		}
	}
	return named, nil
}

// onUsage calls fn with the database of usage records, if it is in reach.
func (e *eraser) onUsage(ctx context.Context, fn func(postgres.Conn) error) error {
	switch {
	case e.copies != nil && e.copies.usage != nil:
		return e.copies.usage.Use(ctx, fn)
	case e.Analytics:
		return fn(e.tx)
	}
	return nil
}

// recordUsage adds the owners of these requests according to their usage records. It
// marks in there the requests that belonged to a batch, or that have a step left, as their
// copies may belong to that step. Call it after reading the records at the places of
// their copies; ofSteps maps the steps that these name to requests.
func (e *eraser) recordUsage(ctx context.Context, known map[uuid.UUID]*gone, there map[uuid.UUID]bool, ofSteps map[uuid.UUID][]uuid.UUID) error {
	var rows []dbsqlc.UsageOfRow
	if err := e.onUsage(ctx, func(conn postgres.Conn) (err error) {
		rows, err = dbsqlc.New(conn).UsageOf(ctx, inOrder(known))
		return err
	}); err != nil {
		return err
	}
	for _, row := range rows {
		known[row.RequestID].note(row.Owner)
		if row.Batched {
			there[row.RequestID] = true
		}
		if row.ResponseStepID != nil {
			ofSteps[*row.ResponseStepID] = append(ofSteps[*row.ResponseStepID], row.RequestID)
		}
	}
	for _, g := range known {
		g.unowned = g.unowned || len(g.owners) == 0
	}
	if len(ofSteps) == 0 {
		return nil
	}
	left, err := dbsqlc.New(e.tx).StepsRemain(ctx, inOrder(ofSteps))
	for _, step := range left {
		for _, id := range ofSteps[step] {
			there[id] = true
		}
	}
	return err
}

// usageAt returns what usage records say at the places of copies.
func (e *eraser) usageAt(ctx context.Context, l located) (map[copyAt]dbsqlc.UsageAtRow, error) {
	at := make(map[copyAt]dbsqlc.UsageAtRow)
	instances, correlations := l.distinct()
	if len(instances) == 0 {
		return at, nil
	}
	return at, e.onUsage(ctx, func(conn postgres.Conn) error {
		rows, err := dbsqlc.New(conn).UsageAt(ctx, dbsqlc.UsageAtParams{InstanceIds: instances, CorrelationIds: correlations})
		clear(at)
		for _, row := range rows {
			at[copyAt{row.InstanceID, row.CorrelationID}] = row
		}
		return err
	})
}

// queueHoldsOnGone is queueHolds for a request whose row is gone.
func queueHoldsOnGone(b *pgx.Batch, id uuid.UUID, g gone, note func([]domain.Hold)) {
	p := dbsqlc.HoldsOnGoneParams{RequestID: id, Owners: append([]string{}, g.owners...), Unowned: g.unowned, Max: domain.MaxHoldsFound}
	queue(b, (*dbsqlc.Queries).HoldsOnGone, p, func(on []dbsqlc.HoldsOnGoneRow) { note(holdsOf(on)) })
}

// checkGone verifies that only copies were deleted if only copies were judged, and that
// no other erasure deleted them meanwhile.
func (s selection) checkGone(erased domain.Erased) error {
	if len(s.gone) == 0 {
		return nil
	}
	rows := int64(0)
	for _, row := range s.locked {
		if _, is := s.gone[row.ID]; !is {
			rows++
		}
	}
	switch {
	case erased.Requests > rows:
		return errCameBack
	case erased == domain.Erased{} && len(s.locked) > 0: // many, which are searched again
		return errCameBack
	case erased == domain.Erased{}:
		return errNoResponse(s.requests[0])
	}
	return nil
}
