package fusillade

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

// judgesOrphans reports whether copies are in reach, and the usage records that identify
// batches.
func (e *eraser) judgesOrphans() bool {
	usage := e.Analytics || e.copies != nil && e.copies.usage != nil
	return usage && (e.copies != nil || e.RawRequests && e.RawResponses)
}

// onCopies calls fn with the database of the copies.
func (e *eraser) onCopies(ctx context.Context, fn func(postgres.Conn) error) error {
	if e.copies != nil {
		return e.copies.outlet.Use(ctx, fn)
	}
	return fn(e.tx)
}

// nextCopies returns the next copies and moves at past them. over reports that no more
// follow, neither of requests nor of responses.
func (e *eraser) nextCopies(ctx context.Context, at *OrphansPlace, before time.Time, limit int) (copies []dbsqlc.CopiedRequestsRow, over bool, err error) {
	for {
		err = e.onCopies(ctx, func(conn postgres.Conn) error {
			var b pgx.Batch
			queueFixed(&b, (*dbsqlc.Queries).PlanForArguments)
			if p := (dbsqlc.CopiedRequestsParams{After: at.AfterRequest, Before: before, Max: int64(limit)}); !at.Responses {
				queue(&b, (*dbsqlc.Queries).CopiedRequests, p, func(found []dbsqlc.CopiedRequestsRow) { copies = found })
			} else {
				p.After = at.AfterResponse
				queue(&b, (*dbsqlc.Queries).CopiedResponses, dbsqlc.CopiedResponsesParams(p), func(found []dbsqlc.CopiedResponsesRow) {
					copies = nil
					for _, c := range found {
						copies = append(copies, dbsqlc.CopiedRequestsRow(c))
					}
				})
			}
			queueFixed(&b, (*dbsqlc.Queries).PlanForAny)
			return conn.SendBatch(ctx, &b).Close()
		})
		if err != nil {
			return nil, false, err
		}
		if len(copies) > 0 {
			at.pass(copies[len(copies)-1].ID)
		}
		if len(copies) == limit {
			return copies, false, nil
		}
		if at.Responses {
			return copies, true, nil
		}
		at.Responses = true
		if len(copies) > 0 {
			return copies, false, nil
		}
	}
}

func placesOf(copies []dbsqlc.CopiedRequestsRow) []copyAt {
	var l located
	for _, c := range copies {
		l.instances, l.correlations = append(l.instances, c.InstanceID), append(l.correlations, c.CorrelationID)
	}
	return placesAt(l.distinct())
}

func placesAt(instances []uuid.UUID, correlations []int64) []copyAt {
	places := make([]copyAt, len(instances))
	for i, instance := range instances {
		places[i] = copyAt{instance, correlations[i]}
	}
	return places
}

// orphan is a place of copies whose requests are gone.
type orphan struct {
	copyAt
	requests []uuid.UUID
	owners   []string
}

// judged is the result for some places: the orphans, in the given order, and what the
// other places name.
type judged struct {
	orphans []orphan
	kept    map[uuid.UUID]bool
}

// named is what is known of one place.
type named struct {
	requests, steps []uuid.UUID
	owners          []string // by usage records at the place; "" is nobody
	keep            bool     // regardless of anything else
}

func (n *named) name(request string, batched bool) {
	n.keep = n.keep || batched
	if request == "" {
		return
	}
	id, err := parseNamed(request)
	if err != nil {
		n.keep = true // the request is unknown
	} else if !slices.Contains(n.requests, id) {
		n.requests = append(n.requests, id)
	}
}

// orphansAmong judges these places. A place is an orphan if everything that it names is
// gone, not held and not a batch's, and if all of its copies are old enough.
func (e *eraser) orphansAmong(ctx context.Context, places []copyAt, before time.Time) (judged, error) {
	found := judged{kept: map[uuid.UUID]bool{}}
	if len(places) == 0 {
		return found, nil
	}
	at := make(map[copyAt]*named, len(places))
	var l located
	for _, p := range places {
		at[p] = &named{}
		l.instances, l.correlations = append(l.instances, p.instance), append(l.correlations, p.correlation)
	}
	var copies []dbsqlc.CopiesNamingRow
	if err := e.onCopies(ctx, func(conn postgres.Conn) (err error) {
		copies, err = dbsqlc.New(conn).CopiesNaming(ctx, dbsqlc.CopiesNamingParams{Before: before, InstanceIds: l.instances, CorrelationIds: l.correlations})
		return err
	}); err != nil {
		return found, err
	}
	for _, c := range copies {
		n := at[copyAt{c.InstanceID, c.CorrelationID}]
		n.name(c.RequestID, c.Batched)
		n.keep = n.keep || c.Young
	}
	usage, err := e.usageAt(ctx, l)
	if err != nil {
		return found, err
	}
	for place, u := range usage {
		n := at[place]
		n.name(u.RequestID, u.Batched)
		n.owners = append(n.owners, u.Owner)
		if u.ResponseStepID != nil {
			n.steps = append(n.steps, *u.ResponseStepID)
		}
	}
	known, steps := map[uuid.UUID]*gone{}, map[uuid.UUID]struct{}{}
	for _, n := range at {
		if n.keep = n.keep || len(n.requests) == 0 || len(n.requests) > 2; n.keep {
			continue
		}
		for _, id := range n.requests {
			if known[id] == nil {
				known[id] = &gone{}
			}
			for _, owner := range n.owners {
				known[id].note(owner)
			}
		}
		for _, id := range n.steps {
			steps[id] = struct{}{}
		}
	}
	alive, err := e.alive(ctx, known, inOrder(steps))
	if err != nil {
		return found, err
	}
	for _, p := range places {
		n := at[p]
		if n.keep || slices.ContainsFunc(slices.Concat(n.requests, n.steps), func(id uuid.UUID) bool { return alive[id] }) {
			for _, id := range n.requests {
				found.kept[id] = true
			}
			continue
		}
		o := orphan{copyAt: p, requests: n.requests}
		for _, id := range n.requests {
			o.owners = append(o.owners, known[id].owners...)
		}
		found.orphans = append(found.orphans, o)
	}
	return found, nil
}

// alive returns the requests and steps of which anything is left, that belong to a batch,
// or that may be held. known must have the owners in the usage records at the places of
// copies; alive adds those in the requests' own records.
func (e *eraser) alive(ctx context.Context, known map[uuid.UUID]*gone, steps []uuid.UUID) (alive map[uuid.UUID]bool, err error) {
	alive = map[uuid.UUID]bool{}
	if len(known) == 0 {
		return alive, nil
	}
	requests := inOrder(known)
	note := func(ids []uuid.UUID) {
		for _, id := range ids {
			alive[id] = true
		}
	}
	noteText := func(texts []string) { note(parsed(texts)) }
	var others []dbsqlc.OtherPlacesRow
	if err := e.send(ctx, func(b *pgx.Batch) {
		queue(b, argless((*dbsqlc.Queries).OtherPlaces), nothing{}, func(found []dbsqlc.OtherPlacesRow) { others = found })
		if e.headersLead() {
			queue(b, (*dbsqlc.Queries).BatchedByHeader, digits(requests), noteText)
		}
	}); err != nil {
		return nil, err
	}
	if e.copies != nil {
		if err := e.copies.batchedByHeader(ctx, requests, noteText); err != nil {
			return nil, err
		}
	}
	for _, other := range others {
		if !other.Readable {
			return nil, domain.Errorf(domain.CodeInternal, "Table %s may name requests, but its column request_id or id does not exist or cannot be read, so it is unknown which copies are still needed: grant SELECT on it", other.TableName)
		}
	}
	if err := e.recordUsage(ctx, known, alive, map[uuid.UUID][]uuid.UUID{}); err != nil {
		return nil, err
	}
	// Last, and with holds locked: what is missing now has no row that a hold's filter
	// could miss. A header may name a step.
	all := slices.Concat(requests, steps)
	return alive, e.send(ctx, func(b *pgx.Batch) {
		queue(b, (*dbsqlc.Queries).RowsRemain, all, note)
		queue(b, (*dbsqlc.Queries).StepsRemain, all, note)
		if e.Tasks {
			queue(b, (*dbsqlc.Queries).TasksRemain, textsOf(requests), note)
		}
		for _, other := range others {
			column := pgx.Identifier{other.ColumnName}.Sanitize()
			b.Queue("SELECT DISTINCT "+column+" FROM "+pgx.Identifier{other.TableName}.Sanitize()+" WHERE "+column+" = ANY ($1::uuid[])", requests).Query(func(rows pgx.Rows) error {
				ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
				note(ids)
				return err
			})
		}
		for _, id := range requests {
			queueHoldsOnGone(b, id, *known[id], func(on []domain.Hold) {
				if len(on) > 0 {
					alive[id] = true
				}
			})
		}
	})
}
