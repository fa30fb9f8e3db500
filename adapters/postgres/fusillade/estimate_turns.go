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
// counted, or keeps what was counted for a search. all reports that the search for turns
// that are erased along was complete.
func (s *estimator) recordQuoting(ctx context.Context, chosen selection, all bool) error {
	l := &s.later
	if s.turns.along {
		l.missed = l.missed || !s.turnsIndexed() && (!all || len(chosen.gone) > 0)
		return nil
	}
	if len(chosen.locked) == 0 {
		return nil
	}
	for _, id := range chosen.requests {
		l.counted[id] = true
	}
	if !s.turnsIndexed() {
		l.tooMany = l.tooMany || len(l.search.requests) > 0
		l.search = chosen.chain
		return nil
	}
	owners := ownersOf(chosen.locked)
	whose := whoseIn(chosen.links, chosen.locked)
	seen := 0
	note := func(t candidateTurn) {
		if whose.has(t.owner, t.follows) {
			l.quoting[t.id] = hex.EncodeToString(t.follows[:])
		}
	}
	err := s.send(ctx, func(b *pgx.Batch) {
		queueTurnsByIndex(b, false, chosen.quotable(), owners, nil, turnsEstimated, func(rows pgx.Rows) error {
			return eachTurn(rows, func(t candidateTurn, quoted string, _ []byte) {
				seen++
				l.missed = l.missed || seen > turnsEstimated
				if _, err := hex.Decode(t.follows[:], []byte(quoted)); err == nil {
					note(t)
				}
			})
		})
		s.turns.unsure.queue(b, owners)
	})
	for _, t := range s.turns.unsure.following(chosen.requests, chosen.steps) {
		note(t)
	}
	return err
}

// countTurns counts the later turns of everything that would be erased.
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
		all, err := s.countFollowing(ctx, linked{chain: l.search})
		if err != nil {
			return err
		}
		t.Complete = t.Complete && all
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

// confirm counts the requests whose prompts do quote, and what follows them.
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
	from := linked{seeds: confirmed}
	if err := s.send(ctx, func(b *pgx.Batch) { queueChain(b, confirmed, &from.chain) }); err != nil {
		return err
	}
	_, err := s.countFollowing(ctx, from)
	return err
}

// countFollowing counts these later turns and what follows their chain, except what would
// be erased. all reports that a search without an index was complete.
func (s *estimator) countFollowing(ctx context.Context, from linked) (all bool, err error) {
	t := &s.estimate.Turns
	l, err := s.followTurns(ctx, from, domain.MaxLaterTurns)
	if errors.Is(err, errTooManyTurns) {
		t.Found, t.Complete = new(int64(domain.MaxLaterTurns)), false
		return false, nil
	}
	if err != nil {
		return false, err
	}
	groups := groupsOf(l.links)
	responses := make(map[uuid.UUID]bool)
	for _, id := range l.seeds {
		if !s.later.counted[id] {
			responses[groups.of(id)] = true
		}
	}
	n := int64(len(responses))
	t.Complete = t.Complete && n <= domain.MaxLaterTurns
	t.Found = new(min(n, domain.MaxLaterTurns))
	return l.all, nil
}
