package memory

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"math"
	"slices"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

// Erasures implements domain.Erasures on a store.
type Erasures struct {
	store *Store
}

var (
	_ domain.Erasures = Erasures{}
	_ domain.Jobs     = Jobs{}
)

// Erasures are those of the store's responses.
func (s *Store) Erasures() Erasures { return Erasures{s} }

// erasure is one and where it is in its pass.
type erasure struct {
	domain.Erasure
	receipts  []domain.ErasureReceipt
	named     int              // of the named responses, how many have been looked at
	after     *domain.Position // the last that was looked at
	erased    int64            // in this pass
	counted   map[uuid.UUID]bool
	previewed []uuid.UUID // with a preview: what it counted
}

// rewind begins a pass.
func (e *erasure) rewind() {
	e.named, e.after, e.erased, e.counted = 0, nil, 0, make(map[uuid.UUID]bool)
	e.BeginPass()
}

func (m Erasures) Estimate(ctx context.Context, t domain.ErasureTarget, owners []string, asOf time.Time) (domain.Estimate, error) {
	if err := ctx.Err(); err != nil {
		return domain.Estimate{}, err
	}
	s := m.store
	s.mu.Lock()
	defer s.mu.Unlock()
	var estimate domain.Estimate
	var sum []byte
	until := untilOf(t, asOf)
	counted, along := make(map[uuid.UUID]bool), make(map[uuid.UUID]bool) // by what stands for each response
	seen := make(map[uuid.UUID]bool)
	var erasable []uuid.UUID
	targets := s.targets(t, asOf)
	if t.Owner != nil {
		targets = append(targets, s.goneOf(*t.Owner)...)
	}
	for _, id := range targets {
		row, there := s.requests[id]
		if p, gone := s.gonePart(id); gone && (owners == nil || slices.Contains(owners, p.Requests[0].Owner)) {
			sum = append(sum, id[:]...)
			if len(p.Holds) > 0 {
				estimate.Held++
				continue
			}
			estimate.Responses++
			s.estimateCopies(&estimate, []uuid.UUID{id})
			continue
		}
		if !there || row.Batched {
			estimate.NotFound++
			continue
		}
		requests, _ := s.parts(id)
		together := []uuid.UUID{id}
		if t.LaterTurns {
			together = append(together, s.laterTurns(id, until)...)
			for _, turn := range together[1:] {
				more, _ := s.parts(turn)
				requests = append(requests, more...)
			}
		}
		if owners != nil && slices.ContainsFunc(requests, func(id uuid.UUID) bool { return !slices.Contains(owners, s.requests[id].Owner) }) {
			estimate.NotFound++
			continue
		}
		sum = append(sum, id[:]...)
		if t.Filter != nil {
			estimate.Counted = append(estimate.Counted, id)
		}
		own := s.headOf(id)
		switch {
		case seen[own]:
		case len(s.holdsOn(requests)) > 0:
			estimate.Held++
		case len(together) > domain.MaxLaterTurns+1:
			return domain.Estimate{}, errTooManyTurns
		default:
			delete(along, own)
			for i, one := range together {
				head := s.headOf(one)
				if counted[head] {
					continue
				}
				counted[head] = true
				if i > 0 {
					along[head] = true
					sum = append(sum, head[:]...)
				}
				requests, steps := s.parts(one)
				estimate.Responses++
				estimate.Requests += int64(len(requests))
				estimate.Steps += int64(len(steps))
				s.estimateCopies(&estimate, requests)
				erasable = append(erasable, requests...)
			}
		}
		seen[own] = true
	}
	estimate.Turns = domain.EstimatedTurns{Found: new(int64(len(along))), Complete: true}
	if !t.LaterTurns {
		left, followers := make(map[uuid.UUID]bool), s.followers()
		for head := range counted {
			for _, turn := range s.turnsOf(followers, head, nil) {
				if turn := s.headOf(turn); !counted[turn] {
					left[turn] = true
				}
			}
		}
		estimate.Turns.Found = new(min(int64(len(left)), domain.MaxLaterTurns))
		estimate.Turns.Complete = len(left) <= domain.MaxLaterTurns
	}
	orphans, kept, files := s.orphanedBy(erasable)
	estimate.Templates, estimate.KeptTemplates, estimate.Files = int64(len(orphans)), kept, files
	estimate.Sum = sha256.Sum256(sum)
	return estimate, nil
}

// gonePart is a part of an erasure whose row is gone. What is nobody's or several
// people's is none.
func (s *Store) gonePart(id uuid.UUID) (p domain.Part, is bool) {
	found, is := s.gone(id)
	if !is || found.Unowned || len(found.Owners) != 1 {
		return p, false
	}
	p.Requests = []domain.Response{{ID: id, Owner: found.Owners[0]}}
	for _, h := range found.Holds {
		p.Holds = append(p.Holds, h.ID)
	}
	return p, true
}

// goneOf are those of an owner.
func (s *Store) goneOf(owner uuid.UUID) (ids []uuid.UUID) {
	for _, u := range s.usage {
		if u.Owner != nil && *u.Owner == owner && !slices.Contains(ids, u.Response) {
			if _, is := s.gonePart(u.Response); is {
				ids = append(ids, u.Response)
			}
		}
	}
	return ids
}

func (s *Store) estimateCopies(estimate *domain.Estimate, requests []uuid.UUID) {
	for _, u := range s.usage {
		if u.Copied && slices.Contains(requests, u.Response) {
			estimate.RawRequests++
			estimate.RawResponses++
		}
	}
	for _, response := range s.tasks {
		if slices.Contains(requests, response) {
			estimate.Tasks++
		}
	}
}

// targets are what a target names or matches, in the order in which it is
// erased.
func (s *Store) targets(t domain.ErasureTarget, asOf time.Time) []uuid.UUID {
	if t.Responses != nil {
		return t.Responses
	}
	var rows []domain.Response
	for _, row := range s.requests {
		switch {
		case row.Batched,
			t.Owner != nil && (row.Owner != t.Owner.String() || t.Until != nil && row.CreatedAt.After(*t.Until)),
			t.Filter != nil && (!t.Filter.Matches(row.Response) || row.CreatedAt.After(asOf)):
			continue
		}
		rows = append(rows, row.Response)
	}
	slices.SortFunc(rows, func(a, b domain.Response) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), bytes.Compare(a.ID[:], b.ID[:]))
	})
	ids := make([]uuid.UUID, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	return ids
}

func (m Erasures) SavePreview(ctx context.Context, p domain.Preview) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.store.mu.Lock()
	defer m.store.mu.Unlock()
	m.store.previews = append(m.store.previews, p)
	kept := 0
	for i := len(m.store.previews) - 1; i >= 0; i-- {
		if m.store.previews[i].RequestedBy != p.RequestedBy {
			continue
		}
		if kept++; kept > domain.MaxPreviews && !m.begunWith(m.store.previews[i].TokenSum) {
			m.store.previews = slices.Delete(m.store.previews, i, i+1)
		}
	}
	return nil
}

func (m Erasures) begunWith(tokenSum [sha256.Size]byte) bool {
	return slices.ContainsFunc(m.store.erasures, func(e *erasure) bool { return e.Preview != nil && *e.Preview == tokenSum })
}

func (m Erasures) Preview(ctx context.Context, tokenSum [sha256.Size]byte) (domain.Preview, error) {
	if err := ctx.Err(); err != nil {
		return domain.Preview{}, err
	}
	m.store.mu.Lock()
	defer m.store.mu.Unlock()
	for _, p := range m.store.previews {
		if p.TokenSum == tokenSum {
			p.Counted = nil
			return p, nil
		}
	}
	return domain.Preview{}, domain.Errorf(domain.CodeNotFound, "no such preview")
}

func (m Erasures) Create(ctx context.Context, e domain.Erasure) (domain.Erasure, bool, error) {
	if err := ctx.Err(); err != nil {
		return domain.Erasure{}, false, err
	}
	m.store.mu.Lock()
	defer m.store.mu.Unlock()
	if e.IdempotencyKey != "" {
		if before := m.byKey(*e.RequestedBy, e.IdempotencyKey); before != nil {
			return before.shown(), false, nil
		}
	}
	if err := m.store.checkOpen(e.SubjectRequest); err != nil {
		return domain.Erasure{}, false, err
	}
	if e.Kind == domain.TargetOwner {
		m.store.expireFiles(e.Target.Owner.String())
	}
	kept := &erasure{Erasure: e}
	kept.rewind()
	for _, p := range m.store.previews {
		if e.Preview != nil && p.TokenSum == *e.Preview {
			kept.previewed = slices.Clone(p.Counted)
		}
	}
	m.store.erasures = append(m.store.erasures, kept)
	return kept.shown(), true, nil
}

func (m Erasures) byKey(by uuid.UUID, key string) *erasure {
	for _, e := range m.store.erasures {
		if e.IdempotencyKey == key && e.RequestedBy != nil && *e.RequestedBy == by {
			return e
		}
	}
	return nil
}

// shown is a copy that its caller may keep.
func (e *erasure) shown() domain.Erasure {
	copied := e.Erasure
	copied.Failures = slices.Clone(e.Failures)
	return copied
}

func (m Erasures) ByKey(ctx context.Context, by uuid.UUID, key string) (domain.Erasure, error) {
	if err := ctx.Err(); err != nil {
		return domain.Erasure{}, err
	}
	m.store.mu.Lock()
	defer m.store.mu.Unlock()
	if e := m.byKey(by, key); e != nil {
		return e.shown(), nil
	}
	return domain.Erasure{}, errNoErasure
}

var errNoErasure = domain.Errorf(domain.CodeNotFound, "no such erasure")

// change calls fn with an erasure and returns it as it is then.
func (m Erasures) change(ctx context.Context, id uuid.UUID, fn func(*erasure)) (domain.Erasure, error) {
	if err := ctx.Err(); err != nil {
		return domain.Erasure{}, err
	}
	m.store.mu.Lock()
	defer m.store.mu.Unlock()
	i := slices.IndexFunc(m.store.erasures, func(e *erasure) bool { return e.ID == id })
	if i < 0 {
		return domain.Erasure{}, errNoErasure
	}
	fn(m.store.erasures[i])
	return m.store.erasures[i].shown(), nil
}

func (m Erasures) Get(ctx context.Context, id uuid.UUID) (domain.Erasure, error) {
	return m.change(ctx, id, func(*erasure) {})
}

func (m Erasures) Page(ctx context.Context, q domain.ErasureQuery) ([]domain.Erasure, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.store.mu.Lock()
	defer m.store.mu.Unlock()
	var found []domain.Erasure
	for _, e := range m.store.erasures {
		if (q.RequestedBy == nil || e.RequestedBy != nil && *e.RequestedBy == *q.RequestedBy) &&
			(q.States == nil || slices.Contains(q.States, e.State)) &&
			(q.Trigger == nil || e.Trigger == *q.Trigger) &&
			(q.After == nil || e.Position().Compare(*q.After) > 0) {
			found = append(found, e.shown())
		}
	}
	slices.SortFunc(found, func(a, b domain.Erasure) int { return a.Position().Compare(b.Position()) })
	return found[:min(q.Limit, int64(len(found)))], nil
}

func (m Erasures) Receipts(ctx context.Context, q domain.ErasureReceiptQuery) ([]domain.ErasureReceipt, error) {
	var found []domain.ErasureReceipt
	_, err := m.change(ctx, q.Erasure, func(e *erasure) {
		for _, r := range e.receipts {
			if q.After == nil || r.Position().Compare(*q.After) > 0 {
				found = append(found, r)
			}
		}
	})
	if domain.CodeOf(err) != domain.CodeNotFound && err != nil {
		return nil, err
	}
	slices.SortFunc(found, func(a, b domain.ErasureReceipt) int { return a.Position().Compare(b.Position()) })
	return found[:min(q.Limit, int64(len(found)))], nil
}

func (m Erasures) Cancel(ctx context.Context, id uuid.UUID) (domain.Erasure, error) {
	return m.change(ctx, id, func(e *erasure) {
		e.VerifyAt = nil
		e.end(domain.ErasureCanceled)
	})
}

// end is of no effect on what is over.
func (e *erasure) end(as domain.ErasureState) {
	if !e.State.Finished() {
		e.State, e.FinishedAt = as, instant()
	}
}

func (m Erasures) Decide(ctx context.Context, id uuid.UUID, decide func(domain.Erasure) (domain.Erasure, error)) (domain.Erasure, error) {
	var failed error
	decided, err := m.change(ctx, id, func(e *erasure) {
		d, err := decide(e.shown())
		if failed = err; err == nil {
			e.State, e.FinishedAt, e.LastError, e.Approval = d.State, d.FinishedAt, d.LastError, d.Approval
		}
	})
	if err = cmp.Or(err, failed); err != nil {
		return domain.Erasure{}, err
	}
	return decided, nil
}

func (m Erasures) Unapproved(ctx context.Context, before time.Time, limit int64) (ids []uuid.UUID, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.store.mu.Lock()
	defer m.store.mu.Unlock()
	var waiting []*erasure
	for _, e := range m.store.erasures {
		if e.State == domain.ErasureAwaitingApproval && !e.Approval.ExpiresAt.After(before) {
			waiting = append(waiting, e)
		}
	}
	slices.SortFunc(waiting, func(a, b *erasure) int { return a.Approval.ExpiresAt.Compare(b.Approval.ExpiresAt) })
	for _, e := range waiting[:min(limit, int64(len(waiting)))] {
		ids = append(ids, e.ID)
	}
	return ids, nil
}

func instant() *time.Time {
	now := domain.ToMicroseconds(time.Now())
	return &now
}

// The store is locked while judge runs, so judge must not use it.
func (m Erasures) Advance(ctx context.Context, id uuid.UUID, limit int, judge func(domain.Erasure, []domain.Part) ([]domain.Verdict, domain.Authorization)) (domain.Erasure, error) {
	return m.change(ctx, id, func(e *erasure) {
		if e.State == domain.ErasureAwaitingApproval || e.State.Finished() && (e.VerifyAt == nil || e.VerifyAt.After(time.Now())) {
			return
		}
		e.LastError = ""
		if e.State == domain.ErasurePending {
			e.State, e.StartedAt = domain.ErasureRunning, instant()
		}
		if e.Max > 0 {
			limit = int(min(int64(limit), e.Max-e.Done))
		}
		if e.Verifying() && e.after == nil && e.named == 0 {
			e.rewind()
		}
		next := e.next(m.store, limit)
		m.erase(e, next, judge)
		switch {
		case e.Max > 0 && e.Done >= e.Max:
			e.end(domain.ErasureFinished)
		case len(next) == limit:
		case e.Kind == domain.TargetOwner && e.erased > 0:
			e.rewind()
		case e.Verifying():
			e.VerifyAt, e.VerifiedAt = nil, instant()
		default:
			if e.FoundNothing() {
				_, w := judge(e.shown(), nil)
				e.Receipts++
				e.receipts = append(e.receipts, domain.ErasureReceipt{ID: w.Receipt, At: *instant()})
			}
			e.Finish(*instant())
			e.named, e.after = 0, nil
		}
	})
}

// next is what is looked at next.
func (e *erasure) next(s *Store, limit int) []uuid.UUID {
	all := s.targets(*e.Target, e.AsOf)
	if e.Preview != nil {
		all = slices.DeleteFunc(all, func(id uuid.UUID) bool { return !slices.Contains(e.previewed, id) })
	}
	if e.Target.Responses != nil {
		all = all[e.named:]
		next := all[:min(limit, len(all))]
		e.named += len(next)
		return next
	}
	all = slices.DeleteFunc(slices.Clone(all), func(id uuid.UUID) bool {
		return e.after != nil && domain.PositionOf(s.requests[id].Response, false).Compare(*e.after) >= 0
	})
	next := all[:min(limit, len(all))]
	if len(next) > 0 {
		at := domain.PositionOf(s.requests[next[len(next)-1]].Response, false)
		e.after = &at
	}
	if e.Target.Owner != nil {
		for _, id := range s.goneOf(*e.Target.Owner) {
			if len(next) < limit && !e.counted[id] {
				next = append(slices.Clone(next), id)
			}
		}
	}
	return next
}

func (m Erasures) erase(e *erasure, next []uuid.UUID, judge func(domain.Erasure, []domain.Part) ([]domain.Verdict, domain.Authorization)) {
	s := m.store
	var asked, heads []uuid.UUID // the response that led to each part, and what stands for it
	var parts []domain.Part
	var together [][]uuid.UUID // a request of each response of a part
	until := untilOf(*e.Target, e.AsOf)
	for _, id := range next {
		if p, gone := s.gonePart(id); gone && !slices.Contains(heads, id) {
			asked, heads, parts = append(asked, id), append(heads, id), append(parts, p)
			together = append(together, []uuid.UUID{id})
			continue
		}
		if row, ok := s.requests[id]; !ok || row.Batched {
			if !e.counted[id] {
				e.fail(domain.ErasureFailure{Response: id, Code: domain.CodeNotFound})
			}
			continue
		}
		requests, _ := s.parts(id)
		head := s.headOf(id)
		if slices.Contains(heads, head) {
			continue
		}
		all := []uuid.UUID{id}
		if e.Target.LaterTurns {
			all = append(all, s.laterTurns(id, until)...)
		}
		for _, turn := range all[1:min(len(all), domain.MaxLaterTurns+1)] {
			more, _ := s.parts(turn)
			requests = append(requests, more...)
		}
		together = append(together, all)
		var p domain.Part
		for _, request := range requests {
			p.Requests = append(p.Requests, s.requests[request].Response)
		}
		for _, h := range s.holdsOn(requests) {
			p.Holds = append(p.Holds, h.ID)
		}
		asked, heads, parts = append(asked, id), append(heads, head), append(parts, p)
	}
	if len(parts) == 0 {
		return
	}
	verdicts, w := judge(e.shown(), parts)
	receipt := domain.ErasureReceipt{ID: w.Receipt, At: *instant()}
	var gone, goneSteps []uuid.UUID
	taken := make(map[uuid.UUID]bool)
	for i, p := range parts {
		switch {
		case verdicts[i] == domain.Erase && (s.refuses(p.Requests) || len(together[i]) > domain.MaxLaterTurns+1):
			if !e.counted[heads[i]] {
				e.Refuse(asked[i], domain.CodeRefused)
			}
		case verdicts[i] == domain.Erase:
			for _, one := range together[i] {
				requests, steps := s.parts(one)
				if taken[requests[0]] {
					continue
				}
				for _, request := range requests {
					s.erased[request] = tombstone{due: time.Now().Add(domain.SweepAfter[0])}
					e.counted[request] = true // who names another part of it has had it erased
					taken[request] = true
				}
				gone, goneSteps = append(gone, requests...), append(goneSteps, steps...)
				receipt.Responses++
			}
		case e.counted[heads[i]]:
		case verdicts[i] == domain.KeepHeld:
			e.fail(domain.ErasureFailure{Response: asked[i], Code: domain.CodeHeld, Holds: p.Holds})
		case verdicts[i] == domain.Withhold:
			e.fail(domain.ErasureFailure{Response: asked[i], Code: domain.CodeNotFound})
		}
		e.counted[heads[i]] = true
	}
	if receipt.Responses > 0 {
		e.Erased.Add(s.remove(gone, goneSteps))
		e.Done += receipt.Responses
		e.erased += receipt.Responses
		e.Receipts++
		e.receipts = append(e.receipts, receipt)
	}
}

// fail counts what is not erased.
func (e *erasure) fail(f domain.ErasureFailure) {
	if e.CountedBefore() {
		return
	}
	if f.Code == domain.CodeHeld {
		e.Held++
	} else {
		e.NotFound++
	}
	e.Fail(f)
}

func (s *Store) refuses(requests []domain.Response) bool {
	return slices.ContainsFunc(requests, func(r domain.Response) bool { return s.refused[r.ID] })
}

// Refuse has a response stay whatever is to erase it, or no longer.
func (s *Store) Refuse(id uuid.UUID, refuse bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused[id] = refuse
}

func (m Erasures) Note(ctx context.Context, id uuid.UUID, lastError string, failed bool) error {
	_, err := m.change(ctx, id, func(e *erasure) {
		if !e.State.Finished() {
			e.LastError = lastError
		}
		if failed {
			e.end(domain.ErasureFailed)
		}
	})
	return err
}

func (m Erasures) Due(ctx context.Context, limit int) ([]uuid.UUID, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.store.mu.Lock()
	defer m.store.mu.Unlock()
	var due []domain.Erasure
	for _, e := range m.store.erasures {
		if !e.State.Finished() && e.State != domain.ErasureAwaitingApproval || e.VerifyAt != nil && !e.VerifyAt.After(time.Now()) {
			due = append(due, e.Erasure)
		}
	}
	slices.SortFunc(due, func(a, b domain.Erasure) int { return b.Position().Compare(a.Position()) })
	var ids []uuid.UUID
	for _, e := range due[:min(limit, len(due))] {
		ids = append(ids, e.ID)
	}
	return ids, nil
}

func (m Erasures) Forget(ctx context.Context, before time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.store.mu.Lock()
	defer m.store.mu.Unlock()
	for _, e := range m.store.erasures {
		if e.State.Finished() && e.VerifyAt == nil && e.FinishedAt.Before(before) {
			e.Target, e.Scope, e.Failures, e.Secret, e.RequestSum, e.Preview = nil, nil, nil, nil, [sha256.Size]byte{}, nil
		}
	}
	m.store.previews = slices.DeleteFunc(m.store.previews, func(p domain.Preview) bool { return p.ExpiresAt.Before(before) })
	return nil
}

// HastenVerification makes every erasure that is to be verified due for it.
func (s *Store) HastenVerification() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.erasures {
		if e.VerifyAt != nil {
			e.VerifyAt = instant()
		}
	}
}

// Jobs implements domain.Jobs: it only notes what was asked for.
type Jobs struct {
	store *Store
}

// Jobs are those of the store's erasures.
func (s *Store) Jobs() Jobs { return Jobs{s} }

func (j Jobs) Enqueue(ctx context.Context, id uuid.UUID) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j.store.mu.Lock()
	defer j.store.mu.Unlock()
	if !slices.Contains(j.store.enqueued, id) {
		j.store.enqueued = append(j.store.enqueued, id)
	}
	return nil
}

// Enqueued is what was asked for, in order.
func (s *Store) Enqueued() []uuid.UUID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.enqueued)
}

func (e Erasures) ForSubject(ctx context.Context, subjectRequest uuid.UUID, limit int64) ([]domain.Erasure, error) {
	all, err := e.Page(ctx, domain.ErasureQuery{Limit: math.MaxInt64})
	found := slices.DeleteFunc(all, func(d domain.Erasure) bool { return d.SubjectRequest == nil || *d.SubjectRequest != subjectRequest })
	return found[:min(limit, int64(len(found)))], err
}
