package fusillade

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

// requestsAtOnce is the maximum number of requests in one receipt, and in one transaction
// unless a single response has more: a receipt holds some 1,300 commitments, one for each
// request and, at worst, one for the owner of each.
const requestsAtOnce = 600

// Advance makes six round trips for any number of responses, and some more if chains grow
// meanwhile or a named response does not exist.
func (e *Erasures) Advance(
	ctx context.Context, id uuid.UUID, limit int, judge func(domain.Erasure, []domain.Part) ([]domain.Verdict, domain.Authorization),
) (after domain.Erasure, err error) {
	ctx = postgres.For(ctx, postgres.Bulk)
	size, known := e.careful.Get(id)
	if !known || size > limit {
		size = limit
	}
	for {
		var why domain.Code
		after, why, err = e.advance(ctx, id, limit, size, "", judge)
		switch {
		case err == nil:
			e.grow(id, size, limit, after.State.Finished())
			return after, nil
		case why == "":
			return domain.Erasure{}, err
		case size > 1:
			size /= 2
			e.careful.Add(id, size)
			continue
		}
		// This is the refused response: record it, and go on after it.
		refused := err
		if after, _, err = e.advance(ctx, id, limit, 1, why, judge); err != nil {
			return domain.Erasure{}, errors.Join(refused, err)
		}
		return after, nil
	}
}

// grow doubles the next part after one in which nothing was refused.
func (e *Erasures) grow(id uuid.UUID, size, limit int, over bool) {
	if size*2 >= limit || over {
		e.careful.Remove(id)
	} else {
		e.careful.Add(id, size*2)
	}
}

// advance is one try at the next part, of at most size responses. A non-empty why means
// that the error is about one of them. With refused it locks and erases nothing, but
// records the responses that judge lets go as refused for that reason.
func (e *Erasures) advance(
	ctx context.Context, id uuid.UUID, limit, size int, refused domain.Code, judge func(domain.Erasure, []domain.Part) ([]domain.Verdict, domain.Authorization),
) (after domain.Erasure, why domain.Code, err error) {
	f := e.finisher()
	var a advance
	looked := 0
	err = f.begin(ctx, func(tx *postgres.Tx, b *pgx.Batch) error {
		a = advance{Erasures: e, finisher: f, commit: b, at: e.now(), judge: judge, refused: refused, lookAgain: looked < lookAgainForTurns}
		row, err := dbsqlc.New(tx).LockErasure(ctx, id)
		if err != nil {
			return err
		}
		if a.erasure, err = erasureOf(row.LetheErasure); err != nil {
			return err
		}
		if err := e.checkBegun(ctx, tx, id); err != nil {
			return err
		}
		over := a.erasure.State.Finished()
		if a.erasure.State == domain.ErasureAwaitingApproval || over && (a.erasure.VerifyAt == nil || a.erasure.VerifyAt.After(a.at)) || a.erasure.Target == nil {
			return nil
		}
		a.eraser = eraser{tx: tx, reach: e.reach, turns: turnsOf(*a.erasure.Target, a.erasure.AsOf)}
		a.turns.along = a.turns.along && refused == ""
		a.Retained = row.BesideRetained
		a.resume(row.LetheErasure)
		looked++
		if size < limit {
			if err := dbsqlc.New(tx).WaitShortly(ctx); err != nil {
				return err
			}
		}
		return a.run(ctx, size)
	})
	if err == nil && a.later != nil {
		if _, err = f.complete(ctx, *a.later); err == nil {
			a.erasure, err = e.Get(ctx, id)
		}
		a.erasing = false
	}
	if err != nil {
		if a.erasing && ctx.Err() == nil {
			why = whyRefused(err)
		}
		return domain.Erasure{}, why, err
	}
	return a.erasure, "", nil
}

func whyRefused(err error) domain.Code {
	if errors.Is(err, errStillThere) || domain.CodeOf(err) == domain.CodeRefused {
		return domain.CodeRefused
	}
	return postgres.WhyRefused(err)
}

// advance is one call, within its transaction.
type advance struct {
	*Erasures
	eraser
	finisher  finisher
	commit    *pgx.Batch
	at        time.Time
	judge     func(domain.Erasure, []domain.Part) ([]domain.Verdict, domain.Authorization)
	refused   domain.Code // why responses cannot be erased; "": they can
	lookAgain bool        // fail if later turns have arrived meanwhile

	// How far the erasure has come.
	erasure      domain.Erasure
	walk         walk
	place        place
	erasedInPass int64
	erasing      bool       // errors are about the responses of this part
	later        *uuid.UUID // the intent to complete after the commit, before anything follows
}

// resume continues where the last call stopped.
func (a *advance) resume(row dbsqlc.LetheErasure) {
	a.erasedInPass, a.place.named = row.PassErased, int(row.PassNamed)
	if row.PassCreatedAt != nil && row.PassID != nil {
		a.place.after = &domain.Position{CreatedAt: *row.PassCreatedAt, ID: *row.PassID}
	}
	e := &a.erasure
	if a.place == (place{}) {
		e.BeginPass()
	}
	e.LastError = ""
	if e.State == domain.ErasurePending {
		e.State, e.StartedAt = domain.ErasureRunning, &a.at
	}
	a.walk = newWalk(*e.Target, e.Scope, e.AsOf)
	if e.Preview != nil {
		a.walk.preview = e.Preview[:]
	}
}

// run walks to the next candidates, takes what is linked to them, locks it, erases what
// judge lets go, and queues how far the erasure has come.
func (a *advance) run(ctx context.Context, limit int) error {
	e := &a.erasure
	if e.Max > 0 {
		limit = int(min(int64(limit), e.Max-e.Done))
	}
	candidates, more, err := a.next(ctx, limit)
	if err != nil {
		return err
	}
	if len(candidates) > 0 {
		from := a.place
		taken, with, err := a.take(ctx, candidates)
		if err != nil {
			return err
		}
		more = more || len(taken) < len(candidates)
		a.place, a.erasing = taken[len(taken)-1].place, true
		s, holds, err := a.lockPart(ctx, from, taken, with)
		if err != nil {
			return err
		}
		if err := a.recordMissing(ctx, taken, s.locked); err != nil {
			return err
		}
		chosen, responses, w, err := a.choose(s, with.turns, holds, a.walk.parts(from, taken, s.links, s.locked))
		if err != nil {
			return err
		}
		if responses > 0 {
			if err := a.remove(ctx, chosen, responses, w); err != nil {
				return err
			}
		}
	}
	switch {
	case a.later != nil: // completing it shows how far the erasure has come
	case e.Max > 0 && e.Done >= e.Max:
		a.finish()
	case !more && a.walk.owner != nil && a.place.named == 0 && a.erasedInPass == 0:
		a.place = startOfGone
	case !more:
		if err := a.endPass(ctx); err != nil {
			return err
		}
	}
	return a.queueProgress()
}

// next returns the next candidates. If a pass has found nothing else, requests whose rows
// are gone follow.
func (a *advance) next(ctx context.Context, limit int) (found []candidate, more bool, err error) {
	if a.place.named == 0 || a.walk.owner == nil {
		found, more, err = a.walk.next(ctx, &a.eraser, a.place, limit)
		if err != nil || len(found) > 0 || a.walk.owner == nil || a.erasedInPass > 0 {
			return found, more, err
		}
		a.place = startOfGone
	}
	if err := a.prepare(ctx, a.outlet); err != nil {
		return nil, false, err
	}
	return a.walk.next(ctx, &a.eraser, a.place, limit)
}

// take returns what is linked to the candidates, or to as many of them as a receipt can
// hold the requests of.
func (a *advance) take(ctx context.Context, candidates []candidate) ([]candidate, linked, error) {
	l := linked{seeds: idsOf(candidates)}
	if err := a.send(ctx, func(b *pgx.Batch) {
		a.queuePrepare(b, a.outlet)
		queueChain(b, l.seeds, &l.chain)
	}); err != nil {
		return nil, linked{}, err
	}
	if err := a.hidden(); err != nil {
		return nil, linked{}, err
	}
	if a.turns.along {
		a.erasing = true
		var err error
		if l, err = a.followTurns(ctx, l, domain.MaxLaterTurns); err != nil {
			return nil, linked{}, err
		}
	}
	if len(l.requests) <= requestsAtOnce {
		return candidates, l, nil
	}
	groups := groupsOf(l.links)
	followers := byResponse(l.turns, groups)
	sizes := make(map[uuid.UUID]int)
	for _, id := range l.requests {
		sizes[groups.of(id)]++
	}
	taken, total := make(map[uuid.UUID]bool), 0
	for i, c := range candidates {
		heads := slices.DeleteFunc(followers.from(groups.of(c.id)), func(head uuid.UUID) bool { return taken[head] })
		for _, head := range heads {
			total += sizes[head]
		}
		if i > 0 && total > requestsAtOnce && len(heads) > 0 {
			candidates = candidates[:i]
			break
		}
		for _, head := range heads {
			taken[head] = true
		}
	}
	only := func(id uuid.UUID) bool { return !taken[groups.of(id)] }
	l.steps, l.requests, l.seeds = slices.DeleteFunc(l.steps, only), slices.DeleteFunc(l.requests, only), slices.DeleteFunc(l.seeds, only)
	return candidates, l, nil
}

// lockPart locks what is linked to the candidates, and adds those whose rows are gone.
// from is the walk's place before them.
func (a *advance) lockPart(ctx context.Context, from place, candidates []candidate, with linked) (s selection, holds holdsOnEach, err error) {
	holds = holdsOnEach{}
	read := a.lock
	if a.refused != "" {
		read = a.glance
	}
	s, err = read(ctx, with, func(b *pgx.Batch, requests []uuid.UUID) { holds.queue(b, requests, a.Retained) })
	if err != nil {
		return s, nil, err
	}
	if a.lookAgain {
		if err := a.checkTurns(ctx, s); err != nil {
			return s, nil, err
		}
	}
	ids := idsOf(candidates)
	mayBeGone := (a.walk.named != nil || a.walk.owner != nil && from.named > 0) && len(withoutRow(ids, s.locked)) > 0
	if mayBeGone {
		if err := dbsqlc.New(a.tx).LockGone(ctx); err != nil {
			return s, nil, err
		}
	}
	if err := a.checkAhead(ctx, s.requests); err != nil {
		return s, nil, err
	}
	if mayBeGone {
		s, err = a.withGone(ctx, s, ids, holds)
	}
	return s, holds, err
}

// choose asks judge about the parts. It returns what to erase, of how many responses, and
// records the others.
func (a *advance) choose(s selection, turns []turn, holds holdsOnEach, parts []*part) (chosen selection, n int64, w domain.Authorization, err error) {
	if len(parts) == 0 {
		return chosen, 0, w, nil
	}
	together := a.erasables(s, turns, parts)
	judged := make([]domain.Part, len(parts))
	for i := range parts {
		for _, row := range requestsOf(together[i]) {
			judged[i].Requests = append(judged[i].Requests, responseOf(row))
			for _, hold := range holds[row.ID] {
				if !slices.Contains(judged[i].Holds, hold) && len(judged[i].Holds) < domain.MaxHoldsFound {
					judged[i].Holds = append(judged[i].Holds, hold)
				}
			}
		}
	}
	verdicts, w := a.judge(a.erasure, judged)
	if len(verdicts) != len(parts) {
		return chosen, 0, w, domain.Errorf(domain.CodeInternal, "Got %d verdicts for %d responses, so nothing was erased", len(verdicts), len(parts))
	}
	var c chain
	rows := requestRows{moved: s.moved}
	responses := make(map[uuid.UUID]bool)
	for i, p := range parts {
		switch verdicts[i] {
		case domain.Erase:
			if a.refused != "" {
				if !p.seen {
					a.erasure.Refuse(p.candidates[0], a.refused)
				}
				continue
			}
			for _, one := range together[i] {
				if !responses[one.head] {
					responses[one.head] = true
					rows.locked = append(rows.locked, one.requests...)
					c.steps = append(c.steps, one.steps...)
				}
			}
		case domain.KeepHeld:
			if !p.seen && !a.erasure.CountedBefore() {
				a.erasure.Held++
				a.erasure.Fail(domain.ErasureFailure{Response: p.candidates[0], Code: domain.CodeHeld, Holds: judged[i].Holds})
			}
		case domain.Withhold:
			for _, id := range p.candidates {
				a.notFound(id)
			}
		case domain.Spare:
		}
	}
	for _, row := range rows.locked {
		c.requests = append(c.requests, row.ID)
	}
	chosen = selectionOf(c, rows)
	chosen.gone = s.gone
	return chosen, int64(len(responses)), w, nil
}

// remove erases what has been chosen, and counts it.
func (a *advance) remove(ctx context.Context, chosen selection, responses int64, w domain.Authorization) error {
	done, err := a.finisher.carryOut(ctx, a.commit, &a.eraser, chosen, w, intended{erasure: &a.erasure.ID, responses: responses})
	if err != nil {
		return err
	}
	if done.later {
		a.later = &w.Receipt
		return nil
	}
	a.erasure.Erased.Add(done.erased)
	a.erasure.Done += responses
	a.erasure.Receipts += done.receipts
	a.erasedInPass += responses
	return nil
}

func idsOf(candidates []candidate) []uuid.UUID {
	ids := make([]uuid.UUID, len(candidates))
	for i, c := range candidates {
		ids[i] = c.id
	}
	return ids
}
