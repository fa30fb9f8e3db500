package fusillade

import (
	"context"
	"encoding/hex"
	"errors"
	"maps"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

// turnsEstimated is how many later turns of estimateAtOnce requests an estimate looks
// at.
const turnsEstimated = 4 * estimateAtOnce

// laterTurns is what an estimate has learned about later turns.
type laterTurns struct {
	counted map[uuid.UUID]bool // requests that would be erased
	along   map[uuid.UUID]bool // of turns that are erased along and that the walk has not reached
	// Without an index: what was counted, if one search can cover it.
	search  chain
	tooMany bool
	// With an index: requests that may follow something counted, with its identifier in
	// digits.
	quoting map[uuid.UUID]string
	missed  bool // there may be more
}

// first reports whether a response that would be erased is not counted yet.
func (l *laterTurns) first(one erasable, turn bool) bool {
	id := one.requests[0].ID
	if l.counted[id] {
		if !turn {
			delete(l.along, id) // the target covers it
		}
		return false
	}
	if l.counted[id] = true; turn {
		l.along[id] = true
	}
	return true
}

// recordQuoting looks by the index for remaining requests that may quote what was
// counted, or keeps what was counted for a search.
func (s *estimator) recordQuoting(ctx context.Context, rows []dbsqlc.LockRequestsRow, steps []uuid.UUID) error {
	l := &s.later
	if s.turns.along {
		l.missed = l.missed || !s.turnsIndexed() && (!s.turns.all || len(s.gone) > 0)
		return nil
	}
	if len(rows) == 0 {
		return nil
	}
	ids := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
		l.counted[row.ID] = true
	}
	if !s.turnsIndexed() {
		l.tooMany = l.tooMany || len(l.search.requests) > 0
		l.search = chain{links: s.links, steps: steps, requests: ids}
		return nil
	}
	whose := whoseIn(s.links, rows)
	seen := 0
	note := func(t candidateTurn) {
		if whose.has(t.owner, t.follows) {
			l.quoting[t.id] = hex.EncodeToString(t.follows[:])
		}
	}
	err := s.send(ctx, func(b *pgx.Batch) {
		queueTurnsByIndex(b, false, digits(ids, steps), ownersOf(rows), nil, turnsEstimated, func(rows pgx.Rows) error {
			return eachTurn(rows, func(t candidateTurn, quoted string, _ []byte) {
				seen++
				l.missed = l.missed || seen > turnsEstimated
				if _, err := hex.Decode(t.follows[:], []byte(quoted)); err == nil {
					note(t)
				}
			})
		})
		s.turns.unsure.queue(b, ownersOf(rows))
	})
	for _, t := range s.turns.unsure.following(ids, steps) {
		note(t)
	}
	return err
}

// countTurns counts the later turns once it is known what would be erased.
func (s *estimator) countTurns(ctx context.Context) error {
	l, t := &s.later, &s.estimate.Turns
	t.Complete = true
	if !s.turnsIndexed() {
		t.Searched = domain.LaterTurnsSearched
	}
	switch {
	case s.turns.along:
		t.Found = new(int64(len(l.along)))
	case s.turnsIndexed():
		if err := s.confirm(ctx); err != nil {
			return err
		}
	case l.tooMany:
		t.Complete = false
		return nil
	case len(l.search.requests) == 0:
		t.Found = new(int64(0))
	default:
		s.chain = l.search
		if err := s.countFollowing(ctx, nil); err != nil {
			return err
		}
		t.Complete = t.Complete && s.turns.all
	}
	t.Complete = t.Complete && !l.missed && !s.turns.unsure.tooMany
	if s.turnsIndexed() && t.Complete {
		return s.send(ctx, func(b *pgx.Batch) {
			queueFixed(b, (*dbsqlc.Queries).PlanByIndex)
			queue(b, argless((*dbsqlc.Queries).Encrypted), nothing{}, func(encrypted bool) { t.Complete = !encrypted })
			queueFixed(b, (*dbsqlc.Queries).PlanForAny)
		})
	}
	return nil
}

// confirm counts the requests that do quote, and what follows them.
func (s *estimator) confirm(ctx context.Context) error {
	l := &s.later
	maps.DeleteFunc(l.quoting, func(id uuid.UUID, _ string) bool { return l.counted[id] })
	quoting := slices.SortedFunc(maps.Keys(l.quoting), compareIDs)
	if len(quoting) == 0 {
		s.estimate.Turns.Found = new(int64(0))
		return nil
	}
	if len(quoting) > domain.MaxLaterTurns {
		quoting, l.missed = quoting[:domain.MaxLaterTurns], true
	}
	var confirmed []uuid.UUID
	if err := s.send(ctx, func(b *pgx.Batch) {
		queueRows(b, (*dbsqlc.Queries).PromptsOf, quoting, func(rows pgx.Rows) error {
			var id uuid.UUID
			var prompt []byte
			_, err := pgx.ForEachRow(rows, []any{&id, &prompt}, func() error {
				if follows, _ := followed(prompt); hex.EncodeToString(follows[:]) == l.quoting[id] {
					confirmed = append(confirmed, id)
				}
				return nil
			})
			return err
		})
	}); err != nil {
		return err
	}
	if err := s.send(ctx, func(b *pgx.Batch) { queueChain(b, confirmed, &s.chain) }); err != nil {
		return err
	}
	return s.countFollowing(ctx, confirmed)
}

// countFollowing counts these later turns and what follows the chain, without what
// would be erased.
func (s *estimator) countFollowing(ctx context.Context, turns []uuid.UUID) error {
	t := &s.estimate.Turns
	all, err := s.followTurns(ctx, turns, domain.MaxLaterTurns)
	if errors.Is(err, errTooManyTurns) {
		t.Found, t.Complete = new(int64(domain.MaxLaterTurns)), false
		return nil
	}
	if err != nil {
		return err
	}
	groups := groupsOf(s.links)
	responses := make(map[uuid.UUID]bool)
	for _, id := range all {
		if !s.later.counted[id] {
			responses[groups.of(id)] = true
		}
	}
	n := int64(len(responses))
	t.Complete = t.Complete && n <= domain.MaxLaterTurns
	t.Found = new(min(n, domain.MaxLaterTurns))
	return nil
}
