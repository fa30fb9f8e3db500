package fusillade

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

// deleted is what a deletion has removed.
type deleted struct {
	domain.Erased
	unquoted bool // an index has shown that no prompt quotes what was deleted
}

// delete removes everything that was locked and every copy within reach, and reads back
// that it is gone. Copies found only by a header take another round trip for that, as
// no lead is left. The gateway may write a copy at any moment: a copy that arrived
// meanwhile is removed in another round.
func (e *eraser) delete(ctx context.Context, s selection) (done deleted, err error) {
	var headed located // copies found only by a header
	for range deleteRounds {
		var left int64
		err := e.send(ctx, func(b *pgx.Batch) {
			e.queuePlanForMany(b)
			e.queueDeletes(b, s, &done.Erased, &headed)
			e.queueLeft(b, s, &left, &done.KeptTemplates)
			if e.turnsIndexed() {
				queueFixed(b, (*dbsqlc.Queries).PlanByIndex)
				p := dbsqlc.QuotedParams{Quoted: append(s.quotable(), unreadable), Owners: s.quoters()}
				queue(b, (*dbsqlc.Queries).Quoted, p, func(quoted *bool) { done.unquoted = quoted != nil && !*quoted })
				queueFixed(b, (*dbsqlc.Queries).PlanForAny)
			}
		})
		if err == nil && len(headed.instances) > 0 {
			var again located
			var ofRequests, ofResponses []copyAt
			err = e.send(ctx, func(b *pgx.Batch) {
				again.queueByHeader(b, s.requests)
				headed.queue(b, &ofRequests, &ofResponses)
			})
			left += int64(len(again.instances) + len(ofRequests) + len(ofResponses))
		}
		if err != nil {
			return deleted{}, err
		}
		if left == 0 {
			return done, nil
		}
	}
	return deleted{}, errStillThere
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
func (e *eraser) alone(s selection) bool {
	return len(s.requests) == 1 && len(s.steps) == 0 && len(s.files) == 0 && e.Analytics && e.RawRequests && e.RawResponses && e.Tasks
}

// everyLead reports whether every lead to copies was followed. If a row is gone, its
// steps are too, so nobody knows which copies were theirs alone.
func (e *eraser) everyLead(s selection) bool {
	gone := slices.ContainsFunc(s.requests, func(id uuid.UUID) bool { _, is := s.gone[id]; return is })
	return e.ByHeader && (e.Analytics || e.copies != nil) && (e.ByStep || len(s.steps) == 0) && !gone
}

// template returns the template of the only request, nil if it has none.
func (s selection) template() *uuid.UUID {
	if len(s.templates) == 0 {
		return nil
	}
	return &s.templates[0]
}

// queueDeletes adds the numbers of removed rows to erased.
func (e *eraser) queueDeletes(b *pgx.Batch, s selection, erased *domain.Erased, headed *located) {
	if len(s.templates) > 0 {
		queueExec(b, (*dbsqlc.Queries).LockTemplates, s.templates)
	}
	if e.alone(s) {
		p := dbsqlc.DeleteAloneParams{ID: s.requests[0], IDText: s.requests[0].String(), TemplateID: s.template()}
		queue(b, (*dbsqlc.Queries).DeleteAlone, p, func(d dbsqlc.DeleteAloneRow) {
			erased.Add(domain.Erased{RawRequests: d.RawRequests, RawResponses: d.RawResponses, Tasks: d.Tasks, Requests: d.Requests, Templates: d.Templates})
		})
		e.queueDeleteHeaded(b, s.requests, erased, headed)
	} else {
		e.queueDeleteAll(b, s, erased, headed)
	}
	e.queueDeleteRetained(b, s.requests, erased)
	e.queueDeleteElsewhere(b, s, erased)
}

// queueDeleteAll deletes from the tables of every version.
func (e *eraser) queueDeleteAll(b *pgx.Batch, s selection, erased *domain.Erased, headed *located) {
	type rows = func(*dbsqlc.Queries, context.Context, []uuid.UUID) (int64, error)
	remove := func(needed bool, query rows, of []uuid.UUID, removed *int64) {
		if needed {
			queue(b, query, of, adding(removed))
		}
	}
	remove(e.Analytics && e.RawRequests, (*dbsqlc.Queries).DeleteRawRequests, s.requests, &erased.RawRequests)
	remove(e.Analytics && e.RawResponses, (*dbsqlc.Queries).DeleteRawResponses, s.requests, &erased.RawResponses)
	remove(e.stepsLead(s.steps) && e.RawRequests, (*dbsqlc.Queries).DeleteRawRequestsOfSteps, s.steps, &erased.RawRequests)
	remove(e.stepsLead(s.steps) && e.RawResponses, (*dbsqlc.Queries).DeleteRawResponsesOfSteps, s.steps, &erased.RawResponses)
	if e.Tasks {
		queue(b, (*dbsqlc.Queries).DeleteTasks, textsOf(s.requests), adding(&erased.Tasks))
	}
	// Delete requests after steps, as deleting a request takes its step along, and
	// templates after requests, which refer to them.
	remove(len(s.steps) > 0, (*dbsqlc.Queries).DeleteSteps, s.steps, &erased.Steps)
	remove(true, (*dbsqlc.Queries).DeleteRequests, s.requests, &erased.Requests)
	remove(len(s.templates) > 0, (*dbsqlc.Queries).DeleteTemplates, s.templates, &erased.Templates)
	e.queueDeleteHeaded(b, s.requests, erased, headed)
	queueExec(b, (*dbsqlc.Queries).DeleteAccesses, s.requests)
	if len(s.files) > 0 {
		queueExec(b, (*dbsqlc.Queries).LockFiles, s.files)
		queueChecked(b, (*dbsqlc.Queries).DeleteFiles, s.files, func(d dbsqlc.DeleteFilesRow) error {
			if d.Batches != d.Made || d.Files != d.Made {
				return errStillThere
			}
			erased.Files += d.Files
			return nil
		})
	}
}

// queueDeleteElsewhere runs after the requests are deleted.
func (e *eraser) queueDeleteElsewhere(b *pgx.Batch, s selection, erased *domain.Erased) {
	if e.TemplatesElsewhere && len(s.templates) > 0 {
		queueExec(b, (*dbsqlc.Queries).LockTemplatesElsewhere, s.templates)
		queue(b, (*dbsqlc.Queries).DeleteTemplatesElsewhere, s.templates, adding(&erased.Templates))
	}
}

// queueDeleteHeaded runs after the copies found by usage records are deleted.
func (e *eraser) queueDeleteHeaded(b *pgx.Batch, requests []uuid.UUID, erased *domain.Erased, headed *located) {
	if !e.headersLead() {
		return
	}
	queue(b, (*dbsqlc.Queries).DeleteHeaded, digits(requests), func(d dbsqlc.DeleteHeadedRow) {
		erased.RawRequests += d.RawRequests
		erased.RawResponses += d.RawResponses
		headed.instances, headed.correlations = append(headed.instances, d.InstanceIds...), append(headed.correlations, d.CorrelationIds...)
	})
}

// queueLeft counts the remaining rows of the response, its copies and its access log,
// and separately its templates that others need.
func (e *eraser) queueLeft(b *pgx.Batch, s selection, left, kept *int64) {
	*kept = 0
	add := func(found dbsqlc.LeftRow) {
		*left += found.Remaining
		*kept += found.KeptTemplates
	}
	if e.TemplatesElsewhere && len(s.templates) > 0 {
		queue(b, (*dbsqlc.Queries).TemplatesElsewhereLeft, s.templates, func(found dbsqlc.TemplatesElsewhereLeftRow) { add(dbsqlc.LeftRow(found)) })
	}
	if e.Retained {
		queue(b, (*dbsqlc.Queries).RetainedLeft, s.requests, adding(left))
	}
	if e.alone(s) {
		p := dbsqlc.LeftAloneParams{ID: s.requests[0], IDText: s.requests[0].String(), TemplateID: s.template()}
		queue(b, (*dbsqlc.Queries).LeftAlone, p, func(found dbsqlc.LeftAloneRow) { add(dbsqlc.LeftRow(found)) })
		return
	}
	queue(b, (*dbsqlc.Queries).Left, dbsqlc.LeftParams{StepIds: s.steps, RequestIds: s.requests, TemplateIds: s.templates}, add)
	e.queueCopiesLeft(b, s.chain, left, left, left)
}

// queueCopiesLeft counts the copies and tasks found by usage records and by tasks'
// inputs.
func (e *eraser) queueCopiesLeft(b *pgx.Batch, c chain, rawRequests, rawResponses, tasks *int64) {
	ofSteps := dbsqlc.RawRequestsOfStepsLeftParams{StepIds: c.steps, RequestIds: c.requests}
	if e.Analytics && e.RawRequests {
		queue(b, (*dbsqlc.Queries).RawRequestsLeft, c.requests, adding(rawRequests))
	}
	if e.Analytics && e.RawResponses {
		queue(b, (*dbsqlc.Queries).RawResponsesLeft, c.requests, adding(rawResponses))
	}
	if e.stepsLead(c.steps) && e.RawRequests {
		queue(b, (*dbsqlc.Queries).RawRequestsOfStepsLeft, ofSteps, adding(rawRequests))
	}
	if e.stepsLead(c.steps) && e.RawResponses {
		queue(b, (*dbsqlc.Queries).RawResponsesOfStepsLeft, dbsqlc.RawResponsesOfStepsLeftParams(ofSteps), adding(rawResponses))
	}
	if e.Tasks {
		queue(b, (*dbsqlc.Queries).TasksLeft, textsOf(c.requests), adding(tasks))
	}
}
