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

// requestsAtOnce bounds how many requests one receipt is about, and how many are
// erased in one transaction unless one response alone has more: a receipt holds
// some 1,300 commitments, one for each request and, at worst, one for the owner of
// each.
const requestsAtOnce = 600

// Advance makes six round trips, however many responses it is about; some more where
// chains grow meanwhile or a named response is not there.
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
		// This one it is. The rest goes on after it.
		refused := err
		if after, _, err = e.advance(ctx, id, limit, 1, why, judge); err != nil {
			return domain.Erasure{}, errors.Join(refused, err)
		}
		return after, nil
	}
}

// grow has the next part be larger, after one in which nothing was refused.
func (e *Erasures) grow(id uuid.UUID, size, limit int, over bool) {
	if size*2 >= limit || over {
		e.careful.Remove(id)
	} else {
		e.careful.Add(id, size*2)
	}
}

// advance is one try at the next part, of that many responses at most. why tells
// that an error is about one of them. With refused it locks none of them and
// erases nothing, but notes that what judge lets go was refused, and why.
func (e *Erasures) advance(
	ctx context.Context, id uuid.UUID, limit, size int, refused domain.Code, judge func(domain.Erasure, []domain.Part) ([]domain.Verdict, domain.Authorization),
) (after domain.Erasure, why domain.Code, err error) {
	f := e.finisher()
	var begun *uuid.UUID
	about := false // whether it has come to what is to be erased
	looked := 0
	err = f.begin(ctx, func(tx *postgres.Tx, b *pgx.Batch) (ahead []dbsqlc.IntentsOnRow, err error) {
		begun, about = nil, false
		row, err := dbsqlc.New(tx).LockErasure(ctx, id)
		if err != nil {
			return nil, err
		}
		if after, err = erasureOf(row.LetheErasure); err != nil {
			return nil, err
		}
		if ahead, err = e.begun(ctx, tx, id); err != nil || len(ahead) > 0 {
			return ahead, err
		}
		now := e.now()
		over := after.State.Finished()
		if over && (after.VerifyAt == nil || after.VerifyAt.After(now)) || after.Target == nil {
			return nil, nil
		}
		a := advance{
			Erasures: e, eraser: eraser{tx: tx, reach: e.reach, turns: turnsOf(*after.Target, after.AsOf)}, finisher: f, commit: b,
			erasure: &after, at: now, judge: judge, erasedInPass: row.LetheErasure.PassErased, refused: refused, about: &about,
		}
		if refused != "" {
			a.turns.along = false
		}
		looked++
		a.lookAgain = looked <= lookAgainForTurns
		if size < limit {
			if err := dbsqlc.New(tx).WaitShortly(ctx); err != nil {
				return nil, err
			}
		}
		a.Retained = row.BesideRetained
		passed := row.LetheErasure
		a.place.named = int(passed.PassNamed)
		if passed.PassCreatedAt != nil && passed.PassID != nil {
			a.place.after = &domain.Position{CreatedAt: *passed.PassCreatedAt, ID: *passed.PassID}
		}
		err = a.run(ctx, size)
		begun = a.later
		return a.inTheWay, err
	})
	if err == nil && begun != nil {
		if _, err = f.complete(ctx, *begun); err == nil {
			after, err = e.Get(ctx, id)
		}
		about = false
	}
	if err != nil {
		if about && ctx.Err() == nil {
			why = whyRefused(err)
		}
		return domain.Erasure{}, why, err
	}
	return after, "", nil
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
	finisher     finisher
	erasure      *domain.Erasure
	at           time.Time
	judge        func(domain.Erasure, []domain.Part) ([]domain.Verdict, domain.Authorization)
	walk         walk
	place        place
	seeds        []uuid.UUID // the candidates, and later turns that go along
	erasedInPass int64
	commit       *pgx.Batch
	refused      domain.Code           // why what would be erased cannot be; "": it can
	about        *bool                 // set when it has come to what is to be erased
	later        *uuid.UUID            // what is to be completed after the commit, before anything follows
	inTheWay     []dbsqlc.IntentsOnRow // what is to be finished before the part can begin
	lookAgain    bool                  // fail where later turns have come meanwhile
}

func (a *advance) run(ctx context.Context, limit int) error {
	e := a.erasure
	if a.place == (place{}) {
		e.BeginPass()
	}
	e.LastError = ""
	if e.State == domain.ErasurePending {
		e.State, e.StartedAt = domain.ErasureRunning, &a.at
	}
	if e.Max > 0 {
		limit = int(min(int64(limit), e.Max-e.Done))
	}
	a.walk = newWalk(*e.Target, e.Scope, e.AsOf)
	if e.Preview != nil {
		a.walk.preview = e.Preview[:]
	}
	candidates, more, err := a.next(ctx, limit)
	if err != nil {
		return err
	}
	if len(candidates) > 0 {
		from := a.place
		chosen, err := a.take(ctx, candidates)
		if err != nil {
			return err
		}
		more = more || a.place != candidates[len(candidates)-1].place
		if err := a.erase(ctx, from, chosen); err != nil || len(a.inTheWay) > 0 {
			return err
		}
	}
	switch {
	case a.later != nil: // then it is seen how far it has come
	case e.Max > 0 && e.Done >= e.Max:
		a.finish()
	case !more && a.walk.owner != nil && a.place.named == 0 && a.erasedInPass == 0:
		a.place = startOfGone
	case !more:
		if err := a.endPass(ctx); err != nil {
			return err
		}
	}
	return a.note()
}

// next are the next candidates. What is gone follows where a pass has found
// nothing else.
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

// take locks what hangs together with the candidates, or with as many of them
// as a receipt can hold the requests of; the place is after these.
func (a *advance) take(ctx context.Context, candidates []candidate) ([]candidate, error) {
	ids := idsOf(candidates)
	if err := a.send(ctx, func(b *pgx.Batch) {
		a.queuePrepare(b, a.outlet)
		queueChain(b, ids, &a.chain)
	}); err != nil {
		return nil, err
	}
	if err := a.hidden(); err != nil {
		return nil, err
	}
	a.place, a.seeds = candidates[len(candidates)-1].place, ids
	if a.turns.along {
		*a.about = true
		var err error
		if a.seeds, err = a.followTurns(ctx, ids, domain.MaxLaterTurns); err != nil {
			return nil, err
		}
	}
	if len(a.requests) <= requestsAtOnce {
		return candidates, nil
	}
	groups := groupsOf(a.links)
	followers := a.turns.byResponse(groups)
	sizes := make(map[uuid.UUID]int)
	for _, id := range a.requests {
		sizes[groups.of(id)]++
	}
	taken, total := make(map[uuid.UUID]bool), 0
	for i, c := range candidates {
		heads := slices.DeleteFunc(followers.from(groups.of(c.id)), func(head uuid.UUID) bool { return taken[head] })
		for _, head := range heads {
			total += sizes[head]
		}
		if i > 0 && total > requestsAtOnce && len(heads) > 0 {
			a.place = candidates[i-1].place
			candidates = candidates[:i]
			break
		}
		for _, head := range heads {
			taken[head] = true
		}
	}
	only := func(id uuid.UUID) bool { return !taken[groups.of(id)] }
	a.steps, a.requests, a.seeds = slices.DeleteFunc(a.steps, only), slices.DeleteFunc(a.requests, only), slices.DeleteFunc(a.seeds, only)
	return candidates, nil
}

// erase removes what the candidates lead to, as far as judge says so. from is
// where the walk was before them.
func (a *advance) erase(ctx context.Context, from place, candidates []candidate) error {
	*a.about = true
	holds := holdsOnEach{}
	read := a.lock
	if a.refused != "" {
		read = a.glance
	}
	if err := read(ctx, a.seeds, func(b *pgx.Batch) { holds.queue(b, a.requests, a.Retained) }); err != nil {
		return err
	}
	if a.lookAgain {
		if err := a.checkTurns(ctx); err != nil {
			return err
		}
	}
	mayBeGone := (a.walk.named != nil || a.walk.owner != nil && from.named > 0) && len(a.withoutRow(idsOf(candidates))) > 0
	if mayBeGone {
		if err := dbsqlc.New(a.tx).LockGone(ctx); err != nil {
			return err
		}
	}
	var err error
	if a.inTheWay, err = a.ahead(ctx); err != nil || len(a.inTheWay) > 0 {
		return err
	}
	if mayBeGone {
		if err := a.addGone(ctx, idsOf(candidates), holds); err != nil {
			return err
		}
	}
	if err := a.missing(ctx, candidates); err != nil {
		return err
	}
	parts := a.walk.parts(from, candidates, a.links, a.locked)
	if len(parts) == 0 {
		return nil
	}
	return a.eraseJudged(ctx, parts, holds)
}

// eraseJudged erases the parts that judge lets go, and counts the others.
func (a *advance) eraseJudged(ctx context.Context, parts []*part, holds holdsOnEach) error {
	together := a.erasables(parts)
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
	verdicts, w := a.judge(*a.erasure, judged)
	if len(verdicts) != len(parts) {
		return domain.Errorf(domain.CodeInternal, "There are %d verdicts on %d responses, so nothing was erased", len(verdicts), len(parts))
	}
	a.chain = chain{}
	var rows []dbsqlc.LockRequestsRow
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
					rows = append(rows, one.requests...)
					a.steps = append(a.steps, one.steps...)
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
	if len(responses) == 0 {
		return nil
	}
	for _, row := range rows {
		a.requests = append(a.requests, row.ID)
	}
	a.found(rows)
	return a.remove(ctx, int64(len(responses)), w)
}

// remove erases what has been chosen.
func (a *advance) remove(ctx context.Context, responses int64, w domain.Authorization) error {
	erased, receipts, later, err := a.finisher.carryOut(ctx, a.commit, &a.eraser, w, intended{erasure: &a.erasure.ID, responses: responses})
	if err != nil {
		return err
	}
	if later {
		a.later = &w.Receipt
		return nil
	}
	a.erasure.Erased.Add(erased)
	a.erasure.Done += responses
	a.erasure.Receipts += receipts
	a.erasedInPass += responses
	return nil
}

// missing notes the named responses that are not there. Those that went with
// another part of theirs are no failure.
func (a *advance) missing(ctx context.Context, candidates []candidate) error {
	if a.walk.named == nil || a.erasure.Verifying() {
		return nil
	}
	var gone []uuid.UUID
	for _, c := range candidates {
		if !slices.ContainsFunc(a.locked, func(row dbsqlc.LockRequestsRow) bool { return row.ID == c.id }) {
			gone = append(gone, c.id)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	by, err := dbsqlc.New(a.tx).GoneBy(ctx, dbsqlc.GoneByParams{Ids: gone, ErasureID: a.erasure.ID})
	for _, id := range gone {
		if err == nil && !slices.Contains(by, id) {
			a.notFound(id)
		}
	}
	return err
}

func (a *advance) notFound(id uuid.UUID) {
	if !a.erasure.CountedBefore() {
		a.erasure.NotFound++
		a.erasure.Fail(domain.ErasureFailure{Response: id, Code: domain.CodeNotFound})
	}
}

// endPass is for when nothing follows. Of an owner, something may have come
// meanwhile that is older than what was looked at.
func (a *advance) endPass(ctx context.Context) error {
	e := a.erasure
	if e.Kind == domain.TargetOwner && a.erasedInPass > 0 {
		a.place, a.erasedInPass = place{}, 0
		return nil
	}
	person, err := a.erasePerson(ctx)
	if err != nil {
		return err
	}
	if person.rows > 0 || e.FoundNothing() {
		if err := a.recordNothing(person); err != nil {
			return err
		}
	}
	if e.Verifying() {
		a.place, e.VerifyAt, e.VerifiedAt = place{}, nil, &a.at
	} else {
		a.finish()
	}
	return nil
}

// recordNothing adds a receipt that says that no response was there, or was left
// when what is kept by person was erased.
func (a *advance) recordNothing(person ofPerson) error {
	_, w := a.judge(*a.erasure, nil)
	nothing := eraser{}
	if owner := a.erasure.Target.Owner; owner != nil {
		nothing.owners = []string{owner.String()}
	}
	written, err := a.issuer.withPerson(person).receipts(&nothing, domain.Erased{}, w)
	if err != nil {
		return err
	}
	queueReceipts(a.commit, written, &a.erasure.ID, a.at, 0)
	a.erasure.Receipts++
	return nil
}

func (a *advance) finish() {
	a.erasure.Finish(a.at)
	if a.erasure.VerifyAt != nil {
		a.place = place{}
	}
}

// note queues how far the erasure has come.
func (a *advance) note() error {
	e := a.erasure
	failures, err := encodeFailures(e.Failures)
	if err != nil {
		return err
	}
	p := dbsqlc.RecordProgressParams{
		ID: e.ID, State: string(e.State), StartedAt: e.StartedAt, FinishedAt: e.FinishedAt, VerifyAt: e.VerifyAt, VerifiedAt: e.VerifiedAt,
		Done: e.Done, Requests: e.Requests, Steps: e.Steps, Templates: e.Templates,
		RawRequests: e.RawRequests, RawResponses: e.RawResponses, Tasks: e.Tasks,
		Files: e.Files, KeptTemplates: e.KeptTemplates, Retained: e.Retained,
		Held: e.Held, NotFound: e.NotFound, Receipts: e.Receipts, Failures: failures, Refused: e.Refused,
		PassNamed: int64(a.place.named), PassErased: a.erasedInPass,
	}
	if a.place.after != nil {
		p.PassCreatedAt, p.PassID = &a.place.after.CreatedAt, &a.place.after.ID
	}
	queueExec(a.commit, (*dbsqlc.Queries).RecordProgress, p)
	return nil
}

func idsOf(candidates []candidate) []uuid.UUID {
	ids := make([]uuid.UUID, len(candidates))
	for i, c := range candidates {
		ids[i] = c.id
	}
	return ids
}
