package fusillade

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

const (
	// estimateAtOnce is how many requests an estimate looks at in one query.
	estimateAtOnce = 5000

	// estimateMax is how many requests an estimate looks at: more would take too long, and
	// the exact number no longer matters.
	estimateMax = 250_000

	// estimateWithin is the time limit of an estimate: the HTTP response must be written
	// within a minute.
	estimateWithin = 50 * time.Second
)

var errTooMany = domain.Errorf(domain.CodeUnavailable, "Counting what would be erased takes too long: narrow the target by time, and erase one time range after another")

// Estimate makes four round trips for every 5,000 requests, of estimateMax at most, and
// some more for later turns. It locks nothing.
func (e *Erasures) Estimate(ctx context.Context, t domain.ErasureTarget, owners []string, asOf time.Time) (domain.Estimate, error) {
	ctx = postgres.For(ctx, postgres.Bulk)
	prepared := eraser{reach: e.reach}
	err := e.db.Use(ctx, func(c postgres.Conn) error {
		var b pgx.Batch
		prepared.queuePrepare(&b, e.outlet)
		return c.SendBatch(ctx, &b).Close()
	})
	if err == nil {
		err = prepared.hidden()
	}
	if err != nil {
		return domain.Estimate{}, err
	}
	var s estimator
	err = e.db.Tx(ctx, func(tx *postgres.Tx) error {
		s = estimator{
			eraser: eraser{tx: tx, reach: e.reach, PrepareRow: prepared.PrepareRow, LeadsRow: prepared.LeadsRow, turns: turnsOf(t, asOf)},
			later:  laterTurns{counted: make(map[uuid.UUID]bool), along: make(map[uuid.UUID]bool), quoting: make(map[uuid.UUID]string)},
			walk:   newWalk(t, owners, asOf), owners: owners, filtered: t.Filter != nil, limit: e.estimateMax, shared: make(map[uuid.UUID]int64),
		}
		err := s.run(ctx, time.Now().Add(estimateWithin))
		if timedOut(err) {
			return errTooMany
		}
		return err
	})
	if err != nil {
		return domain.Estimate{}, err
	}
	return s.estimate, nil
}

// estimator is one estimate within its transaction.
type estimator struct {
	eraser
	walk     walk
	owners   []string
	filtered bool // the target is a filter
	limit    int  // requests to look at
	estimate domain.Estimate
	later    laterTurns
	shared   map[uuid.UUID]int64 // how many of the counted requests refer to each template that others need
}

func (s *estimator) run(ctx context.Context, end time.Time) error {
	sum := sha256.New()
	var from place
	for more, looked := true, 0; more; {
		if s.estimate.Partial = looked >= s.limit; s.estimate.Partial {
			break
		}
		left := time.Until(end).Milliseconds()
		if left <= 0 {
			return errTooMany
		}
		if err := dbsqlc.New(s.tx).LimitEstimate(ctx, fmt.Sprintf("%dms", left)); err != nil {
			return err
		}
		var candidates []candidate
		var err error
		if candidates, more, err = s.walk.next(ctx, &s.eraser, from, estimateAtOnce); err != nil {
			return err
		}
		last := !more && s.walk.owner != nil && from.named == 0
		if len(candidates) == 0 && last {
			from, more = startOfGone, true
			continue
		}
		if len(candidates) == 0 {
			break
		}
		there, along, err := s.look(ctx, from, candidates)
		if err != nil {
			return err
		}
		for _, id := range slices.Concat(there, along) {
			sum.Write(id[:])
		}
		if s.filtered {
			s.estimate.Counted = append(s.estimate.Counted, there...)
		}
		from = candidates[len(candidates)-1].place
		if last {
			from, more = startOfGone, true
		}
		looked += len(candidates)
	}
	sum.Sum(s.estimate.Sum[:0])
	return s.countTurns(ctx)
}

// look counts everything linked to the candidates. It returns the candidates that the
// owners have, and one request of each later turn that is erased along.
func (s *estimator) look(ctx context.Context, from place, candidates []candidate) (there, along []uuid.UUID, err error) {
	ids := idsOf(candidates)
	l := linked{seeds: ids}
	if err := s.send(ctx, func(b *pgx.Batch) { queueChain(b, ids, &l.chain) }); err != nil {
		return nil, nil, err
	}
	if s.turns.along {
		if l, err = s.followTurns(ctx, l, turnsEstimated); err != nil {
			return nil, nil, err
		}
	}
	var rows requestRows
	holds := holdsOnEach{}
	if err := s.send(ctx, func(b *pgx.Batch) {
		s.queueRows(b, l.requests, false, &rows)
		holds.queue(b, l.requests, s.Retained)
	}); err != nil {
		return nil, nil, err
	}
	all := selectionOf(l.chain, rows)
	if s.walk.named != nil || s.walk.owner != nil && from.named > 0 {
		if all, err = s.withGone(ctx, all, ids, holds); err != nil {
			return nil, nil, err
		}
	}
	found := 0
	c := chain{links: all.links}
	erasable := requestRows{moved: all.moved}
	parts := s.walk.parts(from, candidates, all.links, all.locked)
	for i, together := range s.erasables(all, l.turns, parts) {
		p, requests := parts[i], requestsOf(together)
		found += len(p.candidates)
		switch {
		case slices.ContainsFunc(requests, s.withheld):
			s.estimate.NotFound += int64(len(p.candidates))
			continue
		case p.seen:
		case slices.ContainsFunc(requests, func(row dbsqlc.LockRequestsRow) bool { return len(holds[row.ID]) > 0 }):
			s.estimate.Held++
		case len(together) > domain.MaxLaterTurns+1:
			return nil, nil, errTooManyTurns
		default:
			for n, one := range together {
				if !s.later.first(one, n > 0) {
					continue
				}
				s.estimate.Responses++
				erasable.locked, c.steps = append(erasable.locked, one.requests...), append(c.steps, one.steps...)
				if n > 0 {
					along = append(along, one.requests[0].ID)
				}
			}
		}
		there = append(there, p.candidates...)
	}
	if s.walk.named != nil {
		s.estimate.NotFound += int64(len(candidates) - found)
	}
	slices.SortFunc(along, compareIDs)
	for _, row := range erasable.locked {
		c.requests = append(c.requests, row.ID)
	}
	chosen := selectionOf(c, erasable)
	chosen.gone = all.gone
	if err := s.count(ctx, chosen); err != nil {
		return nil, nil, err
	}
	return there, along, s.recordQuoting(ctx, chosen, l.all)
}

// withheld reports whether a row keeps its response from being erased by a caller who may
// erase only the responses of these owners.
func (s *estimator) withheld(row dbsqlc.LockRequestsRow) bool {
	batched := row.Owner == ""
	return batched || s.owners != nil && !slices.Contains(s.owners, row.Owner)
}

// count adds the rows that would be deleted.
func (s *estimator) count(ctx context.Context, chosen selection) error {
	if len(chosen.locked) == 0 {
		return nil
	}
	for _, id := range chosen.requests {
		switch _, gone := chosen.gone[id]; {
		case chosen.moved[id]:
			s.estimate.Retained += 2 // with its group
		case !gone:
			s.estimate.Requests++
		}
	}
	s.estimate.Steps += int64(len(chosen.steps))
	if s.copies != nil {
		_, rawRequests, rawResponses, err := s.copies.find(ctx, s.tx, chosen.requests, chosen.steps)
		if err != nil {
			return err
		}
		s.estimate.RawRequests += rawRequests
		s.estimate.RawResponses += rawResponses
	}
	var headed located
	ids, requests := tally(chosen.templates)
	var needed []dbsqlc.SharedTemplatesRow
	if err := s.send(ctx, func(b *pgx.Batch) {
		queue(b, (*dbsqlc.Queries).SharedTemplates, dbsqlc.SharedTemplatesParams{Ids: ids, Requests: requests}, func(found []dbsqlc.SharedTemplatesRow) { needed = found })
		queue(b, (*dbsqlc.Queries).CountTemplates, chosen.templates, adding(&s.estimate.Templates))
		if s.TemplatesElsewhere {
			queue(b, (*dbsqlc.Queries).CountTemplatesElsewhere, chosen.templates, adding(&s.estimate.Templates))
		}
		s.queueCopiesLeft(b, chosen.chain, &s.estimate.RawRequests, &s.estimate.RawResponses, &s.estimate.Tasks)
		if s.headersLead() {
			if s.Analytics {
				p := dbsqlc.CopiesByHeaderAloneParams{Digits: digits(chosen.requests), RequestIds: chosen.requests, ByStep: s.ByStep, StepIds: chosen.steps}
				queue(b, (*dbsqlc.Queries).CopiesByHeaderAlone, p, addTo[dbsqlc.CopiesByHeaderAloneRow](&headed))
			} else {
				headed.queueByHeader(b, chosen.requests)
			}
		}
	}); err != nil {
		return err
	}
	if err := s.countHeaded(ctx, headed); err != nil {
		return err
	}
	kept := s.share(ids, requests, needed)
	return s.countFiles(ctx, chosen.locked, kept)
}

// countHeaded adds the copies found only by a header.
func (s *estimator) countHeaded(ctx context.Context, headed located) error {
	if len(headed.instances) == 0 {
		return nil
	}
	var ofRequests, ofResponses []copyAt
	err := s.send(ctx, func(b *pgx.Batch) { headed.queue(b, &ofRequests, &ofResponses) })
	s.estimate.RawRequests += int64(len(ofRequests))
	s.estimate.RawResponses += int64(len(ofResponses))
	return err
}

// share finds the templates that stay because requests not counted so far refer to
// them. A template whose requests have all been counted by now goes.
func (s *estimator) share(ids []uuid.UUID, requests []int64, needed []dbsqlc.SharedTemplatesRow) (kept map[uuid.UUID]bool) {
	counted := make(map[uuid.UUID]int64, len(needed))
	for i, id := range ids {
		counted[id] = requests[i]
	}
	kept = make(map[uuid.UUID]bool, len(needed))
	for _, t := range needed {
		before := s.shared[t.ID]
		s.shared[t.ID] = before + counted[t.ID]
		switch kept[t.ID] = s.shared[t.ID] < t.Requests; {
		case before == 0 && kept[t.ID]:
			s.estimate.Templates--
			s.estimate.KeptTemplates++
		case before > 0 && kept[t.ID]:
			s.estimate.Templates--
		case before > 0:
			s.estimate.KeptTemplates--
		}
	}
	return kept
}

// countFiles adds the files that would go with the templates of these rows.
func (s *estimator) countFiles(ctx context.Context, rows []dbsqlc.LockRequestsRow, kept map[uuid.UUID]bool) error {
	files := make(map[uuid.UUID]uuid.UUID) // by template
	for _, row := range rows {
		if row.FileID != nil && !kept[*row.TemplateID] {
			files[*row.TemplateID] = *row.FileID
		}
	}
	if len(files) == 0 {
		return nil
	}
	ids, templates := tally(slices.Collect(maps.Values(files)))
	n, err := dbsqlc.New(s.tx).CountFiles(ctx, dbsqlc.CountFilesParams{Ids: ids, Templates: templates})
	s.estimate.Files += n
	return err
}

// tally counts how often each identifier occurs.
func tally(all []uuid.UUID) (ids []uuid.UUID, times []int64) {
	place := make(map[uuid.UUID]int, len(all))
	for _, id := range all {
		i, known := place[id]
		if !known {
			i = len(ids)
			place[id], ids, times = i, append(ids, id), append(times, 0)
		}
		times[i]++
	}
	return ids, times
}
