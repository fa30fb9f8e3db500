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

// gone is what is known of a request whose row is gone and of which there still
// are raw copies.
type gone struct {
	owners  []string
	unowned bool // something of it names nobody
}

var errCameBack = domain.Errorf(domain.CodeUnavailable, "The response was written again while its copies were being erased, so nothing was; try again")

// whatWasFound is what a permission is asked for.
func (e *eraser) whatWasFound() domain.Found {
	return domain.Found{Owners: e.owners, Unowned: e.gone != nil && e.gone.unowned, Holds: e.holds}
}

// findGone looks for copies of a response whose row is gone. CodeNotFound where
// there are none, and where it was a batch's.
func (e *eraser) findGone(ctx context.Context, id uuid.UUID) error {
	found, err := e.lookForGone(ctx, []uuid.UUID{id})
	if err != nil {
		return err
	}
	g, is := found[id]
	if !is {
		return errNoResponse(id)
	}
	e.chain, e.locked, e.templates = chain{requests: []uuid.UUID{id}}, nil, nil
	e.owners, e.gone = g.owners, &g
	return e.send(ctx, func(b *pgx.Batch) { queueHoldsOnGone(b, id, g.owners, &e.holds) })
}

// lookForGone finds those of the requests whose rows are gone and of which there
// are copies. What was a batch's is not among them.
func (e *eraser) lookForGone(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]gone, error) {
	var remain []uuid.UUID
	there := make(map[uuid.UUID]bool)
	note := func(rows pgx.Rows) error {
		found, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		remain = append(remain, found...)
		return err
	}
	var headed located
	var batched []string
	queueBatched := func(b *pgx.Batch) {
		b.Queue(dbsqlc.BatchedByHeader, textsOf(ids)).Query(func(rows pgx.Rows) (err error) {
			batched, err = pgx.CollectRows(rows, pgx.RowTo[string])
			return err
		})
	}
	if err := e.send(ctx, func(b *pgx.Batch) {
		b.Queue(dbsqlc.RowsRemain, ids).Query(func(rows pgx.Rows) error {
			found, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
			for _, id := range found {
				there[id] = true
			}
			return err
		})
		if e.Analytics && e.RawRequests {
			b.Queue(dbsqlc.RawRequestsRemain, ids).Query(note)
		}
		if e.Analytics && e.RawResponses {
			b.Queue(dbsqlc.RawResponsesRemain, ids).Query(note)
		}
		if e.headersLead() {
			b.Queue(dbsqlc.CopiesByHeader, textsOf(ids)).Query(headed.read)
			queueBatched(b)
		}
	}); err != nil {
		return nil, err
	}
	for _, text := range headed.requests {
		if id, err := uuid.Parse(text); err == nil {
			remain = append(remain, id)
		}
	}
	if e.copies != nil {
		copied, _, _, err := e.copies.find(ctx, e.tx, ids, nil)
		if err != nil {
			return nil, err
		}
		remain = append(remain, copied...)
	}
	remain = slices.DeleteFunc(remain, func(id uuid.UUID) bool { return there[id] })
	if len(remain) == 0 {
		return nil, nil
	}
	if e.copies != nil {
		err := e.copies.outlet.Use(ctx, func(conn postgres.Conn) error {
			indexed, err := dbsqlc.New(conn).HeaderIndexed(ctx)
			if err != nil || !indexed {
				return err
			}
			var b pgx.Batch
			queueBatched(&b)
			return conn.SendBatch(ctx, &b).Close()
		})
		if err != nil {
			return nil, err
		}
	}
	usage, err := e.usageOf(ctx, remain)
	if err != nil {
		return nil, err
	}
	found := make(map[uuid.UUID]gone)
	for _, id := range remain {
		g := gone{unowned: true}
		if rows := usage[id]; len(rows) > 0 {
			g.unowned = false
			for _, row := range rows {
				switch {
				case row.Batched:
					there[id] = true
				case row.Owner == "":
					g.unowned = true
				case !slices.Contains(g.owners, row.Owner):
					g.owners = append(g.owners, row.Owner)
				}
			}
		}
		if !there[id] && !slices.Contains(batched, id.String()) {
			found[id] = g
		}
	}
	return found, nil
}

// usageOf is what usage records say of these requests.
func (e *eraser) usageOf(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID][]dbsqlc.UsageOfRow, error) {
	usage := make(map[uuid.UUID][]dbsqlc.UsageOfRow)
	read := func(conn postgres.Conn) error {
		rows, err := dbsqlc.New(conn).UsageOf(ctx, ids)
		clear(usage)
		for _, row := range rows {
			usage[row.RequestID] = append(usage[row.RequestID], row)
		}
		return err
	}
	switch {
	case e.copies != nil && e.copies.usage != nil:
		return usage, e.copies.usage.Use(ctx, read)
	case e.Analytics:
		return usage, read(e.tx)
	}
	return usage, nil
}

// queueHoldsOnGone is queueHolds for a request whose row is gone.
func queueHoldsOnGone(b *pgx.Batch, id uuid.UUID, owners []string, holds *[]domain.Hold) {
	if owners == nil {
		owners = []string{}
	}
	b.Queue(dbsqlc.HoldsOnGone, id, owners, domain.MaxHoldsFound).Query(func(rows pgx.Rows) error {
		found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[dbsqlc.HoldRow])
		*holds = make([]domain.Hold, len(found))
		for i, row := range found {
			(*holds)[i] = holdOf(row)
		}
		return err
	})
}

// checkGone makes sure that nothing but copies went where only those were
// judged, and that another has not erased them meanwhile.
func (e *eraser) checkGone(erased domain.Erased) error {
	switch {
	case e.gone == nil:
	case erased.Requests+erased.Steps > 0:
		return errCameBack
	case erased.RawRequests+erased.RawResponses == 0:
		return errNoResponse(e.requests[0])
	}
	return nil
}
