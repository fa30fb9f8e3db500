package fusillade

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

var _ domain.Orphans = (*Responses)(nil)

// orphansInTurn bounds how many places are emptied with one receipt: a place names two
// requests at most.
const orphansInTurn = requestsAtOnce / 2

// SweepOrphans tries each place by itself after a refusal.
func (r *Responses) SweepOrphans(ctx context.Context, before time.Time, limit int, pause time.Duration, w domain.Authorization) (domain.OrphansTurn, error) {
	ctx = postgres.For(ctx, postgres.Bulk)
	turn, refused, err := r.sweepOrphans(ctx, before, limit, pause, w, false)
	if err != nil && whyRefused(err) != "" && ctx.Err() == nil {
		turn, refused, err = r.sweepOrphans(ctx, before, limit, pause, w, true)
	}
	if err == nil && refused > 0 {
		err = domain.Errorf(domain.CodeRefused, "The database refuses to delete %d copies whose request is gone, and they are tried again in the next pass: look for triggers, constraints, locks and damaged rows", refused)
	}
	return turn, err
}

// sweepOrphans is one try. It counts the copies that were refused.
func (r *Responses) sweepOrphans(ctx context.Context, before time.Time, limit int, pause time.Duration, w domain.Authorization, careful bool) (turn domain.OrphansTurn, refused int64, err error) {
	f := r.finisher()
	var noted int64 // copies
	var later bool
	err = f.begin(ctx, func(tx *postgres.Tx, b *pgx.Batch) (ahead []dbsqlc.IntentsOnRow, err error) {
		turn, noted, refused, later = domain.OrphansTurn{}, 0, 0, false
		stands, err := dbsqlc.New(tx).OrphansTurn(ctx)
		if err != nil || len(stands) == 0 {
			return nil, err
		}
		e := eraser{tx: tx, reach: r.reach}
		if err := e.prepareSharing(ctx, r.outlet); err != nil {
			return nil, err
		}
		if err := dbsqlc.New(tx).LockGone(ctx); err != nil {
			return nil, err
		}
		at := OrphansPlace(stands[0])
		over := !e.judgesOrphans()
		if !over {
			var copies []dbsqlc.CopiedRequestsRow
			if copies, over, err = e.nextCopies(ctx, &at, before, limit); err != nil {
				return nil, err
			}
			turn.Looked = len(copies)
			found, err := e.orphansAmong(ctx, placesOf(copies), before)
			if err != nil {
				return nil, err
			}
			if len(found.orphans) > orphansInTurn {
				found.orphans = found.orphans[:orphansInTurn]
				last := found.orphans[orphansInTurn-1].copyAt
				n := slices.IndexFunc(copies, func(c dbsqlc.CopiedRequestsRow) bool { return copyAt{c.InstanceID, c.CorrelationID} == last })
				at, over = OrphansPlace(stands[0]), false
				at.pass(copies[n].ID)
				turn.Looked = n + 1
			}
			if len(found.orphans) > 0 {
				e.name(found.orphans)
				if ahead, err := e.ahead(ctx); err != nil || len(ahead) > 0 {
					return ahead, err
				}
				if e.copies != nil {
					noted, err = f.recordOrphans(ctx, b, &e, found.orphans, w)
					later = noted > 0
				} else {
					turn.Erased, refused, err = f.eraseOrphans(ctx, b, &e, found.orphans, w, careful)
				}
				if err != nil {
					return nil, err
				}
			}
		}
		if !over {
			pause = 0
		} else {
			at = OrphansPlace{}
		}
		queueExec(b, (*dbsqlc.Queries).RecordOrphans, dbsqlc.RecordOrphansParams{
			AfterRequest: at.AfterRequest, AfterResponse: at.AfterResponse, Responses: at.Responses, Pause: interval(pause),
		})
		return nil, nil
	})
	if err == nil && later {
		turn.Erased, err = f.complete(ctx, w.Receipt)
		if domain.CodeOf(err) == domain.CodeNotFound {
			err = nil // another has finished it, and nothing could be removed
		}
		refused = noted - turn.RawRequests - turn.RawResponses
	}
	if err != nil {
		return domain.OrphansTurn{}, 0, err
	}
	return turn, refused, nil
}

// OrphansPlace is how far the copies have been examined, by their numbers: first those
// of requests.
type OrphansPlace struct {
	AfterRequest, AfterResponse int64
	Responses                   bool // come next
}

func (at *OrphansPlace) pass(id int64) {
	if at.Responses {
		at.AfterResponse = id
	} else {
		at.AfterRequest = id
	}
}

// OrphansCount is what was found among some copies.
type OrphansCount struct {
	Looked                    int   // copies
	RawRequests, RawResponses int64 // of these, those whose request is gone
	// Unreachable says that the databases in reach cannot tell, as they have no copies
	// or no usage records.
	Unreachable bool
}

// CountOrphans looks at the next copies older than before, at most limit, and removes
// nothing. over reports that no more follow.
func (r *Responses) CountOrphans(ctx context.Context, before time.Time, limit int, at OrphansPlace) (n OrphansCount, next OrphansPlace, over bool, err error) {
	ctx = postgres.For(ctx, postgres.Bulk)
	err = r.src.Primary.Tx(ctx, func(tx *postgres.Tx) error {
		n, next, over = OrphansCount{}, at, true
		e := eraser{tx: tx, reach: r.reach}
		if err := e.prepareSharing(ctx, r.outlet); err != nil {
			return err
		}
		if n.Unreachable = !e.judgesOrphans(); n.Unreachable {
			return nil
		}
		var copies []dbsqlc.CopiedRequestsRow
		if copies, over, err = e.nextCopies(ctx, &next, before, limit); err != nil {
			return err
		}
		n.Looked = len(copies)
		found, err := e.orphansAmong(ctx, placesOf(copies), before)
		there := make(map[copyAt]bool)
		for _, o := range found.orphans {
			there[o.copyAt] = true
		}
		for _, c := range copies {
			switch {
			case !there[copyAt{c.InstanceID, c.CorrelationID}]:
			case at.Responses:
				n.RawResponses++
			default:
				n.RawRequests++
			}
		}
		return err
	})
	return n, next, over, err
}

// judgesOrphans reports whether copies are in reach, and the usage records that say
// what belongs to a batch.
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
	keep            bool     // whatever else is found
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

// orphansAmong judges these places. A place is an orphan if all that it names is gone,
// not held and not a batch's, and if nothing in it is young.
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

// alive returns the requests and steps of which anything is left, or that belong to a
// batch or may be held. known must have what usage records say at the places of copies;
// alive adds what the requests' own say.
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
			return nil, domain.Errorf(domain.CodeInternal, "Table %s may name requests, and its column request_id or id is not there or may not be read, so it cannot be told which copies nothing needs any more: grant SELECT on it", other.TableName)
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

// name sets what the receipt covers: all that these orphans name.
func (e *eraser) name(orphans []orphan) {
	ids, owners := map[uuid.UUID]struct{}{}, map[string]struct{}{}
	for _, o := range orphans {
		for _, id := range o.requests {
			ids[id] = struct{}{}
		}
		for _, owner := range o.owners {
			owners[owner] = struct{}{}
		}
	}
	e.requests, e.owners = inOrder(ids), slices.Sorted(maps.Keys(owners))
	// The same requests may have copies that are younger or further on.
	e.ByHeader = false
}

// eraseOrphans removes the copies in the same database and queues the receipt. It
// counts what cannot be removed.
func (f finisher) eraseOrphans(ctx context.Context, b *pgx.Batch, e *eraser, orphans []orphan, w domain.Authorization, careful bool) (erased domain.Erased, refused int64, err error) {
	if orphans, _, _, err = stillThere(ctx, e.tx, orphans); err != nil {
		return domain.Erased{}, 0, err
	}
	removed, erased, err := removeAt(ctx, e.tx, orphans, careful)
	if err != nil {
		return domain.Erased{}, 0, err
	}
	if len(removed) > 0 {
		e.name(removed)
		back := false
		note := func(ids []uuid.UUID) { back = back || len(ids) > 0 }
		if err := e.send(ctx, func(b *pgx.Batch) {
			queue(b, (*dbsqlc.Queries).RowsRemain, e.requests, note)
			queue(b, (*dbsqlc.Queries).StepsRemain, e.requests, note)
		}); err != nil {
			return domain.Erased{}, 0, err
		}
		if back {
			return domain.Erased{}, 0, errCameBack
		}
	}
	leftRequests, leftResponses, err := copiesAt(ctx, e.tx, orphans)
	if err != nil {
		return domain.Erased{}, 0, err
	}
	refused = leftRequests + leftResponses
	if len(removed) == 0 || erased == (domain.Erased{}) {
		return domain.Erased{}, refused, nil
	}
	written, err := f.issuer.receipts(e, erased, w)
	if err != nil {
		return domain.Erased{}, 0, err
	}
	queueReceipts(b, written, nil, f.issuer.now(), 0)
	return erased, refused, nil
}

// recordOrphans queues an intent to remove copies in another database.
func (f finisher) recordOrphans(ctx context.Context, b *pgx.Batch, e *eraser, orphans []orphan, w domain.Authorization) (copies int64, err error) {
	var rawRequests, rawResponses int64
	var left []orphan
	if err := e.onCopies(ctx, func(conn postgres.Conn) (err error) {
		left, rawRequests, rawResponses, err = stillThere(ctx, conn, orphans)
		return err
	}); err != nil || len(left) == 0 {
		return 0, err
	}
	e.name(left)
	if _, err := f.issuer.receipts(e, domain.Erased{RawRequests: rawRequests, RawResponses: rawResponses}, w); err != nil {
		return 0, err
	}
	instances, correlations := locatedOf(left).distinct()
	in := intentOf(w, e.requests, e.owners)
	in.RawRequests, in.RawResponses, in.InstanceIds, in.CorrelationIds = rawRequests, rawResponses, instances, correlations
	queueExec(b, (*dbsqlc.Queries).AddIntent, in)
	return rawRequests + rawResponses, nil
}

// finishOrphans carries out what recordOrphans has recorded, as far as it still
// applies. Copies that are left there do not count as removed.
func (f finisher) finishOrphans(ctx context.Context, e *eraser, in dbsqlc.LetheIntent, w domain.Authorization) (erased domain.Erased, err error) {
	noted := placesAt(in.InstanceIds, in.CorrelationIds)
	found, err := e.orphansAmong(ctx, noted, in.RequestedAt.Add(-domain.OrphansAfter))
	if err != nil {
		return domain.Erased{}, err
	}
	remove := func(careful bool) (removed []orphan, err error) {
		err = f.copies.outlet.Tx(ctx, func(outlet *postgres.Tx) error {
			if err := dbsqlc.New(outlet).Durably(ctx); err != nil {
				return err
			}
			removed, _, err = removeAt(ctx, outlet, found.orphans, careful)
			return err
		})
		return removed, err
	}
	removed, err := remove(false)
	if err != nil && whyRefused(err) != "" && ctx.Err() == nil {
		removed, err = remove(true)
	}
	if err != nil {
		return domain.Erased{}, err
	}
	all := make([]orphan, len(noted))
	for i, at := range noted {
		all[i].copyAt = at
	}
	var leftRequests, leftResponses int64
	if err := e.onCopies(ctx, func(conn postgres.Conn) (err error) {
		leftRequests, leftResponses, err = copiesAt(ctx, conn, all)
		return err
	}); err != nil {
		return domain.Erased{}, err
	}
	erased = domain.Erased{RawRequests: max(in.RawRequests-leftRequests, 0), RawResponses: max(in.RawResponses-leftResponses, 0)}
	var b pgx.Batch
	queueExec(&b, (*dbsqlc.Queries).DropIntents, []uuid.UUID{in.ID})
	if erased != (domain.Erased{}) {
		gone := make(map[copyAt]bool)
		for _, o := range removed {
			gone[o.copyAt] = true
		}
		for _, o := range found.orphans {
			if !gone[o.copyAt] {
				for _, id := range o.requests {
					found.kept[id] = true
				}
			}
		}
		e.requests = slices.DeleteFunc(slices.Clone(in.RequestIds), func(id uuid.UUID) bool { return found.kept[id] })
		if len(e.requests) == 0 {
			e.requests = in.RequestIds
		}
		e.owners, e.ByHeader = in.Owners, false
		written, err := f.issuer.receipts(e, erased, w)
		if err != nil {
			return domain.Erased{}, err
		}
		queueReceipts(&b, written, nil, f.issuer.now(), 0)
	}
	return erased, e.tx.CommitWith(ctx, &b)
}

func locatedOf(orphans []orphan) (l located) {
	for _, o := range orphans {
		l.instances, l.correlations = append(l.instances, o.instance), append(l.correlations, o.correlation)
	}
	return l
}

// copiesAt counts the copies at these places.
func copiesAt(ctx context.Context, conn postgres.Conn, orphans []orphan) (requests, responses int64, err error) {
	_, requests, responses, err = stillThere(ctx, conn, orphans)
	return requests, responses, err
}

// stillThere is copiesAt that also returns the places with copies: others may have been
// emptied since, and are in another receipt.
func stillThere(ctx context.Context, conn postgres.Conn, orphans []orphan) (there []orphan, requests, responses int64, err error) {
	if len(orphans) == 0 {
		return nil, 0, 0, nil
	}
	var b pgx.Batch
	var ofRequests, ofResponses []copyAt
	locatedOf(orphans).queue(&b, &ofRequests, &ofResponses)
	if err := conn.SendBatch(ctx, &b).Close(); err != nil {
		return nil, 0, 0, err
	}
	found := make(map[copyAt]bool)
	for _, at := range slices.Concat(ofRequests, ofResponses) {
		found[at] = true
	}
	for _, o := range orphans {
		if found[o.copyAt] {
			there = append(there, o)
		}
	}
	return there, int64(len(ofRequests)), int64(len(ofResponses)), nil
}

// removeAt deletes the copies at these places and reads back that none is left. If
// careful is set, it skips places with a refusal and returns the others, with the
// number of copies that it has deleted; those that others delete meanwhile do not
// count.
func removeAt(ctx context.Context, tx *postgres.Tx, orphans []orphan, careful bool) (removed []orphan, erased domain.Erased, err error) {
	if !careful {
		erased, err = emptied(ctx, tx, orphans)
		return orphans, erased, err
	}
	if err := dbsqlc.New(tx).WaitShortly(ctx); err != nil {
		return nil, erased, err
	}
	for _, o := range orphans {
		var of domain.Erased
		refused, err := attempt(ctx, tx, func() (err error) {
			of, err = emptied(ctx, tx, []orphan{o})
			return err
		})
		if err != nil {
			return nil, erased, err
		}
		if !refused {
			removed = append(removed, o)
			erased.Add(of)
		}
	}
	return removed, erased, nil
}

// emptied deletes the copies at these places; errStillThere if some are left.
func emptied(ctx context.Context, tx *postgres.Tx, orphans []orphan) (erased domain.Erased, err error) {
	if len(orphans) == 0 {
		return erased, nil
	}
	var at located
	at.instances, at.correlations = locatedOf(orphans).distinct()
	var b pgx.Batch
	at.queueDeletes(&b, &erased.RawRequests, &erased.RawResponses)
	if err := tx.SendBatch(ctx, &b).Close(); err != nil {
		return erased, err
	}
	left, more, err := copiesAt(ctx, tx, orphans)
	if err == nil && left+more > 0 {
		err = errStillThere
	}
	return erased, err
}
