package fusillade

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

// Erase makes three round trips for a response of one request, and more for a chain. A
// repeated request continues the erasure that has begun: that belongs to the new caller
// from then on, and holds placed since do not stop it.
func (r *Responses) Erase(ctx context.Context, id uuid.UUID, owners []string, permit func(domain.Found) (domain.Authorization, error)) (domain.Erased, error) {
	return r.erase(ctx, id, owners, false, permit)
}

// EraseWithLaterTurns makes three round trips more than Erase does for a chain, and
// three for each later turn in succession; a hold that is being placed waits for one of
// them.
func (r *Responses) EraseWithLaterTurns(ctx context.Context, id uuid.UUID, owners []string, permit func(domain.Found) (domain.Authorization, error)) (domain.Erased, error) {
	return r.erase(ctx, id, owners, true, permit)
}

func (r *Responses) erase(ctx context.Context, id uuid.UUID, owners []string, laterTurns bool, permit func(domain.Found) (domain.Authorization, error)) (domain.Erased, error) {
	f := r.finisher()
	var erased domain.Erased
	var w domain.Authorization
	var refused error
	var later, deleting bool
	looked := 0
	err := f.begin(ctx, func(tx *postgres.Tx, b *pgx.Batch) (ahead []dbsqlc.IntentsOnRow, err error) {
		refused, later, deleting = nil, false, false
		e := eraser{tx: tx, reach: r.reach, leads: &r.leads, turns: turns{along: laterTurns}}
		if err := e.find(ctx, id, owners, r.outlet); err != nil {
			return nil, err
		}
		if looked++; looked <= lookAgainForTurns {
			if err := e.checkTurns(ctx); err != nil {
				return nil, err
			}
		}
		begun, ahead, err := e.takeOver(ctx)
		if err != nil || len(ahead) > 0 {
			return ahead, err
		}
		if len(begun) > 0 {
			if err := e.exemptFromHolds(ctx, begun); err != nil {
				return nil, err
			}
			queueExec(b, (*dbsqlc.Queries).DropIntents, intentIDs(begun))
		}
		if w, refused = permit(e.whatWasFound()); refused != nil {
			return nil, errRefused
		}
		if e.turns.tooMany {
			return nil, errTooManyTurns
		}
		erased, _, later, err = f.carryOut(ctx, b, &e, w, intended{before: begun, responses: 1})
		deleting = err != nil
		return nil, err
	})
	if err == nil && later {
		erased, err = f.complete(ctx, w.Receipt)
	}
	switch {
	case refused != nil:
		return domain.Erased{}, refused
	case deleting && ctx.Err() == nil && domain.CodeOf(err) != domain.CodeRefused && whyRefused(err) == domain.CodeRefused:
		return domain.Erased{}, domain.ErrDatabaseRefuses(err)
	case err != nil:
		return domain.Erased{}, err
	}
	return erased, nil
}

// errRefused rolls back; the caller sees permit's own error.
var errRefused = domain.Errorf(domain.CodeForbidden, "Erasing was not permitted")

// eraser is one erasure within its transaction. Independent statements are sent
// together: each failure ends the transaction anyway.
type eraser struct {
	tx *postgres.Tx
	reach
	leads *leads // those seen lately; nil: none
	dbsqlc.PrepareRow
	dbsqlc.LeadsRow

	chain
	locked    []dbsqlc.LockRequestsRow // the requests, as they are
	owners    []string                 // of these, in their order
	templates []uuid.UUID              // of these
	files     []uuid.UUID              // of the templates, in their order
	holds     []domain.Hold            // on any of the requests
	headed    located                  // copies found only by a header
	gone      map[uuid.UUID]gone       // the requests whose rows are gone
	moved     map[uuid.UUID]bool       // the requests found among retained responses
	unquoted  bool                     // an index has shown that no prompt quotes what was deleted
	turns     turns
}

// find reads a response of these owners, or of anyone if owners is nil, and locks all of
// it. It fails with CodeNotFound if there is none, by the same statements if it is
// somebody else's. It also does if a part of the chain is, before it locks any of that:
// nobody waits for what will not be erased.
func (e *eraser) find(ctx context.Context, id uuid.UUID, owners []string, outlet string) error {
	var alone []dbsqlc.LockRequestsRow
	var steps, shared bool
	err := e.send(ctx, func(b *pgx.Batch) {
		e.queuePrepare(b, outlet)
		if e.turns.along { // they are locked together, in order
			return
		}
		queue(b, (*dbsqlc.Queries).LockAlone, dbsqlc.LockAloneParams{ID: id, Owners: owners}, func(rows []dbsqlc.LockAloneRow) { alone = requestsAmong(rows) })
		queue(b, (*dbsqlc.Queries).ShareHoldsFor, dbsqlc.ShareHoldsForParams{ID: id, Owners: owners}, func(rows []string) { shared = len(rows) > 0 })
		queue(b, (*dbsqlc.Queries).HasSteps, id, func(has bool) { steps = has })
		e.queueHolds(b, []uuid.UUID{id})
	})
	if err == nil {
		err = e.hidden()
	}
	if err != nil {
		return err
	}
	if len(alone) == 1 && !steps && shared {
		e.requests = []uuid.UUID{id}
		e.found(alone)
		return nil
	}
	seeds := []uuid.UUID{id}
	is := false
	there := func(b *pgx.Batch) {
		queue(b, (*dbsqlc.Queries).IsResponse, dbsqlc.IsResponseParams{ID: id, Owners: owners}, func(found bool) { is = found })
	}
	if err := e.send(ctx, func(b *pgx.Batch) {
		there(b)
		e.queueRetainedThere(b, id, owners, &is)
		queueChain(b, seeds, &e.chain)
	}); err != nil {
		return err
	}
	if !is {
		return e.findGone(ctx, id, owners)
	}
	if e.turns.along {
		alone := e.chain
		all, err := e.followTurns(ctx, seeds, domain.MaxLaterTurns)
		switch {
		case err == nil:
			seeds = all
		case errors.Is(err, errTooManyTurns): // reported to permitted callers only
			e.chain, e.turns.tooMany = alone, true
		default:
			return err
		}
	}
	if owners != nil {
		if err := e.glance(ctx, nil, func(*pgx.Batch) {}); err != nil {
			return err
		}
		if !allOf(e.owners, owners) {
			return errNoResponse(id)
		}
	}
	err = e.lock(ctx, seeds, func(b *pgx.Batch) {
		there(b)
		e.queueHolds(b, e.requests)
	})
	if err == nil && !is && !e.moved[id] {
		err = errNoResponse(id)
	}
	e.forgetGone()
	return err
}

// forgetGone drops requests that disappeared while waiting for their locks: another
// receipt covers them, or none has to.
func (e *eraser) forgetGone() {
	left := make(map[uuid.UUID]struct{})
	for _, row := range e.locked {
		left[row.ID] = struct{}{}
	}
	e.steps = nil
	for _, link := range e.links {
		e.steps = append(e.steps, link.ID)
		if link.RequestID != nil {
			left[*link.RequestID] = struct{}{}
		}
	}
	slices.SortFunc(e.steps, compareIDs)
	e.requests = inOrder(left)
	e.turns.found = slices.DeleteFunc(e.turns.found, func(t turn) bool { return !slices.Contains(e.requests, t.id) })
}

// allOf reports whether every owner is one of may; a nil may allows any.
func allOf(some, may []string) bool {
	return may == nil || !slices.ContainsFunc(some, func(owner string) bool { return !slices.Contains(may, owner) })
}

func errNoResponse(id uuid.UUID) error {
	return domain.Errorf(domain.CodeNotFound, "There is no response %s", id)
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

// hidden fails if copies would be searched in the wrong tables, or not be searched
// where they were.
func (e *eraser) hidden() error {
	if e.Hidden {
		return domain.Errorf(domain.CodeInternal, "A table of the fusillade schema hides one of the outlet's: give the outlet a schema of its own, or name the right one")
	}
	if e.known == nil {
		return nil
	}
	if known := e.known(); known != nil {
		return known.gone(e.PrepareRow, e.copies != nil)
	}
	return nil
}

// found records what the locked requests say.
func (e *eraser) found(locked []dbsqlc.LockRequestsRow) {
	e.locked, e.owners, e.templates, e.files = locked, make([]string, len(locked)), nil, nil
	for i, row := range locked {
		e.owners[i] = row.Owner
		if row.TemplateID != nil {
			e.templates = append(e.templates, *row.TemplateID)
		}
		if row.FileID != nil {
			e.files = append(e.files, *row.FileID)
		}
	}
	slices.SortFunc(e.files, compareIDs)
	e.files = slices.Compact(e.files)
}

// lock locks every row of the chains of these requests. Others may extend a chain until
// its rows are locked, as a new step needs a lock on the rows that it refers to. So
// lock looks again until nothing is new. From then on no hold can be placed, either.
// also queues further queries about what is locked.
func (e *eraser) lock(ctx context.Context, seeds []uuid.UUID, also func(*pgx.Batch)) error {
	for {
		var locked []dbsqlc.LockRequestsRow
		var now chain
		e.moved = nil // what was seen without a lock may have gone
		err := e.send(ctx, func(b *pgx.Batch) {
			e.queuePlanForMany(b)
			if len(e.steps) > 0 {
				queueExec(b, (*dbsqlc.Queries).LockSteps, e.steps)
			}
			e.queueRows(b, e.requests, true, &locked)
			queueFixed(b, (*dbsqlc.Queries).ShareHolds)
			queueChain(b, seeds, &now)
			also(b)
		})
		if err != nil {
			return err
		}
		e.found(locked)
		if subset(now.steps, e.steps) && subset(now.requests, e.requests) {
			e.links = now.links
			return nil
		}
		e.chain = now
	}
}

// lockChain finds the chains of these requests first, so that their steps are locked
// first, and locks them.
func (e *eraser) lockChain(ctx context.Context, seeds []uuid.UUID) error {
	if err := e.send(ctx, func(b *pgx.Batch) { queueChain(b, seeds, &e.chain) }); err != nil {
		return err
	}
	return e.lock(ctx, seeds, func(*pgx.Batch) {})
}

// glance is lock without locking, for what may not get erased.
func (e *eraser) glance(ctx context.Context, _ []uuid.UUID, also func(*pgx.Batch)) error {
	var rows []dbsqlc.LockRequestsRow
	err := e.send(ctx, func(b *pgx.Batch) {
		e.queueRows(b, e.requests, false, &rows)
		also(b)
	})
	e.found(rows)
	return err
}

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

func compareIDs(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) }

// delete removes everything that was locked and every copy within reach, and reads back
// that it is gone. Copies found only by a header take another round trip for that, as
// no lead is left. The gateway may write a copy at any moment: a copy that arrived
// meanwhile is removed in another round.
func (e *eraser) delete(ctx context.Context) (domain.Erased, error) {
	var erased domain.Erased
	for range deleteRounds {
		var left int64
		err := e.send(ctx, func(b *pgx.Batch) {
			e.queuePlanForMany(b)
			e.queueDeletes(b, &erased)
			e.queueLeft(b, &left, &erased.KeptTemplates)
			if e.turnsIndexed() {
				queueFixed(b, (*dbsqlc.Queries).PlanByIndex)
				p := dbsqlc.QuotedParams{Quoted: append(e.quotable(), unreadable), Owners: e.quoters()}
				queue(b, (*dbsqlc.Queries).Quoted, p, func(quoted *bool) { e.unquoted = quoted != nil && !*quoted })
				queueFixed(b, (*dbsqlc.Queries).PlanForAny)
			}
		})
		if err == nil && len(e.headed.instances) > 0 {
			var again located
			var ofRequests, ofResponses []copyAt
			err = e.send(ctx, func(b *pgx.Batch) {
				again.queueByHeader(b, e.requests)
				e.headed.queue(b, &ofRequests, &ofResponses)
			})
			left += int64(len(again.instances) + len(ofRequests) + len(ofResponses))
		}
		if err != nil {
			return domain.Erased{}, err
		}
		if left == 0 {
			return erased, nil
		}
	}
	return domain.Erased{}, errStillThere
}

// queuePlanForMany replans the following statements for large numbers if later turns
// are erased along: a cached plan made for a small table would compare each of them
// with each row, while holds wait.
func (e *eraser) queuePlanForMany(b *pgx.Batch) {
	if e.turns.along {
		queueFixed(b, (*dbsqlc.Queries).PlanForArguments)
	}
}

const deleteRounds = 3

var errStillThere = domain.Errorf(domain.CodeInternal, "Rows of the response were still there after they had been deleted, so nothing was erased: look for triggers, rules and row security on its tables")

// alone reports whether there is only one request without a file, and every table that
// could hold a copy: then one statement deletes and one reads back.
func (e *eraser) alone() bool {
	return len(e.requests) == 1 && len(e.steps) == 0 && len(e.files) == 0 && e.Analytics && e.RawRequests && e.RawResponses && e.Tasks
}

// everyLead reports whether every lead to copies was followed. If a row is gone, its
// steps are too, so nobody knows which copies were theirs alone.
func (e *eraser) everyLead() bool {
	gone := slices.ContainsFunc(e.requests, func(id uuid.UUID) bool { _, is := e.gone[id]; return is })
	return e.ByHeader && (e.Analytics || e.copies != nil) && (e.ByStep || len(e.steps) == 0) && !gone
}

// template returns the template of the only request, nil if it has none.
func (e *eraser) template() *uuid.UUID {
	if len(e.templates) == 0 {
		return nil
	}
	return &e.templates[0]
}

// queueDeletes adds the numbers of removed rows to erased.
func (e *eraser) queueDeletes(b *pgx.Batch, erased *domain.Erased) {
	if len(e.templates) > 0 {
		queueExec(b, (*dbsqlc.Queries).LockTemplates, e.templates)
	}
	if e.alone() {
		p := dbsqlc.DeleteAloneParams{ID: e.requests[0], IDText: e.requests[0].String(), TemplateID: e.template()}
		queue(b, (*dbsqlc.Queries).DeleteAlone, p, func(d dbsqlc.DeleteAloneRow) {
			erased.Add(domain.Erased{RawRequests: d.RawRequests, RawResponses: d.RawResponses, Tasks: d.Tasks, Requests: d.Requests, Templates: d.Templates})
		})
		e.queueDeleteHeaded(b, erased)
	} else {
		e.queueDeleteAll(b, erased)
	}
	e.queueDeleteRetained(b, erased)
	e.queueDeleteElsewhere(b, erased)
}

// queueDeleteAll removes what is not alone, from the tables of every version.
func (e *eraser) queueDeleteAll(b *pgx.Batch, erased *domain.Erased) {
	type rows = func(*dbsqlc.Queries, context.Context, []uuid.UUID) (int64, error)
	remove := func(needed bool, query rows, of []uuid.UUID, removed *int64) {
		if needed {
			queue(b, query, of, adding(removed))
		}
	}
	remove(e.Analytics && e.RawRequests, (*dbsqlc.Queries).DeleteRawRequests, e.requests, &erased.RawRequests)
	remove(e.Analytics && e.RawResponses, (*dbsqlc.Queries).DeleteRawResponses, e.requests, &erased.RawResponses)
	remove(e.stepsLead() && e.RawRequests, (*dbsqlc.Queries).DeleteRawRequestsOfSteps, e.steps, &erased.RawRequests)
	remove(e.stepsLead() && e.RawResponses, (*dbsqlc.Queries).DeleteRawResponsesOfSteps, e.steps, &erased.RawResponses)
	if e.Tasks {
		queue(b, (*dbsqlc.Queries).DeleteTasks, textsOf(e.requests), adding(&erased.Tasks))
	}
	// Delete requests after steps, as deleting a request takes its step along, and
	// templates after requests, which refer to them.
	remove(len(e.steps) > 0, (*dbsqlc.Queries).DeleteSteps, e.steps, &erased.Steps)
	remove(true, (*dbsqlc.Queries).DeleteRequests, e.requests, &erased.Requests)
	remove(len(e.templates) > 0, (*dbsqlc.Queries).DeleteTemplates, e.templates, &erased.Templates)
	e.queueDeleteHeaded(b, erased)
	queueExec(b, (*dbsqlc.Queries).DeleteAccesses, e.requests)
	if len(e.files) > 0 {
		queueExec(b, (*dbsqlc.Queries).LockFiles, e.files)
		queueChecked(b, (*dbsqlc.Queries).DeleteFiles, e.files, func(d dbsqlc.DeleteFilesRow) error {
			if d.Batches != d.Made || d.Files != d.Made {
				return errStillThere
			}
			erased.Files += d.Files
			return nil
		})
	}
}

// queueDeleteElsewhere runs after the requests are deleted.
func (e *eraser) queueDeleteElsewhere(b *pgx.Batch, erased *domain.Erased) {
	if e.TemplatesElsewhere && len(e.templates) > 0 {
		queueExec(b, (*dbsqlc.Queries).LockTemplatesElsewhere, e.templates)
		queue(b, (*dbsqlc.Queries).DeleteTemplatesElsewhere, e.templates, adding(&erased.Templates))
	}
}

// stepsLead reports whether usage records lead to copies by steps alone.
func (e *eraser) stepsLead() bool { return e.Analytics && e.ByStep && len(e.steps) > 0 }

// headersLead reports whether headers lead to copies in this database.
func (e *eraser) headersLead() bool { return e.ByHeader && e.RawRequests && e.RawResponses }

// queueDeleteHeaded runs after the copies found by usage records are deleted.
func (e *eraser) queueDeleteHeaded(b *pgx.Batch, erased *domain.Erased) {
	if !e.headersLead() {
		return
	}
	queue(b, (*dbsqlc.Queries).DeleteHeaded, digits(e.requests), func(d dbsqlc.DeleteHeadedRow) {
		erased.RawRequests += d.RawRequests
		erased.RawResponses += d.RawResponses
		e.headed.instances, e.headed.correlations = append(e.headed.instances, d.InstanceIds...), append(e.headed.correlations, d.CorrelationIds...)
	})
}

// queueLeft counts the remaining rows of the response, its copies and its access log,
// and separately its templates that others need.
func (e *eraser) queueLeft(b *pgx.Batch, left, kept *int64) {
	*kept = 0
	add := func(found dbsqlc.LeftRow) {
		*left += found.Remaining
		*kept += found.KeptTemplates
	}
	if e.TemplatesElsewhere && len(e.templates) > 0 {
		queue(b, (*dbsqlc.Queries).TemplatesElsewhereLeft, e.templates, func(found dbsqlc.TemplatesElsewhereLeftRow) { add(dbsqlc.LeftRow(found)) })
	}
	if e.Retained {
		queue(b, (*dbsqlc.Queries).RetainedLeft, e.requests, adding(left))
	}
	if e.alone() {
		p := dbsqlc.LeftAloneParams{ID: e.requests[0], IDText: e.requests[0].String(), TemplateID: e.template()}
		queue(b, (*dbsqlc.Queries).LeftAlone, p, func(found dbsqlc.LeftAloneRow) { add(dbsqlc.LeftRow(found)) })
		return
	}
	queue(b, (*dbsqlc.Queries).Left, dbsqlc.LeftParams{StepIds: e.steps, RequestIds: e.requests, TemplateIds: e.templates}, add)
	e.queueCopiesLeft(b, left, left, left)
}

// queueCopiesLeft counts the copies and tasks found by usage records and by tasks'
// inputs.
func (e *eraser) queueCopiesLeft(b *pgx.Batch, rawRequests, rawResponses, tasks *int64) {
	ofSteps := dbsqlc.RawRequestsOfStepsLeftParams{StepIds: e.steps, RequestIds: e.requests}
	if e.Analytics && e.RawRequests {
		queue(b, (*dbsqlc.Queries).RawRequestsLeft, e.requests, adding(rawRequests))
	}
	if e.Analytics && e.RawResponses {
		queue(b, (*dbsqlc.Queries).RawResponsesLeft, e.requests, adding(rawResponses))
	}
	if e.stepsLead() && e.RawRequests {
		queue(b, (*dbsqlc.Queries).RawRequestsOfStepsLeft, ofSteps, adding(rawRequests))
	}
	if e.stepsLead() && e.RawResponses {
		queue(b, (*dbsqlc.Queries).RawResponsesOfStepsLeft, dbsqlc.RawResponsesOfStepsLeftParams(ofSteps), adding(rawResponses))
	}
	if e.Tasks {
		queue(b, (*dbsqlc.Queries).TasksLeft, textsOf(e.requests), adding(tasks))
	}
}

func (e *eraser) send(ctx context.Context, queue func(*pgx.Batch)) error {
	var b pgx.Batch
	queue(&b)
	return e.tx.SendBatch(ctx, &b).Close()
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
