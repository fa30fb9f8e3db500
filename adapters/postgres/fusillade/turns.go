package fusillade

import (
	"context"
	"encoding/hex"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

// The prompt of a later turn quotes what it follows: the gateway writes the earlier
// turns into it. Its previous_response_id names that response.

const (
	// unreadable is the entry of encrypted prompts in the index of later turns, and the
	// prefix of such prompts.
	unreadable = "dwzdr1:"

	// several is the entry of prompts that have several such keys.
	several = "prev"

	previousKey = "previous_response_id"
)

var errTooManyTurns = domain.Errorf(domain.CodeRefused, "More than %d later turns quote what would be erased, so nothing was erased: erase the latest turns first, erase everything of their owner, or omit include_later_turns", domain.MaxLaterTurns)

// turn is a request whose prompt names the response that it follows.
type turn struct{ id, follows uuid.UUID }

// turns say which later turns an eraser also erases.
type turns struct {
	along  bool       // erase them
	until  *time.Time // except those created later; nil: all of them
	unsure unsureTurns
}

// turnsOf says which later turns are erased along with a target.
func turnsOf(t domain.ErasureTarget, asOf time.Time) turns {
	along := turns{along: t.LaterTurns, until: t.Until}
	if t.Filter != nil {
		along.until = &asOf
	}
	return along
}

// quotable returns the identifiers, in digits, by which later turns may refer to these.
func (c chain) quotable() []string { return digits(c.requests, c.steps) }

// quoters returns the owners whose prompts may quote what was erased, as the gateway
// resolves an identifier for its owner only; nil if an owner is unknown.
func (s selection) quoters() []string {
	for _, row := range s.locked {
		if row.Owner == "" {
			return nil
		}
	}
	if len(s.locked) < len(s.requests) {
		return nil
	}
	return ownersOf(s.locked)
}

func digits(all ...[]uuid.UUID) []string {
	var texts []string
	for _, ids := range all {
		for _, id := range ids {
			texts = append(texts, hex.EncodeToString(id[:]))
		}
	}
	return texts
}

// whose finds the owners of the response that a request or a step belongs to.
type whose struct {
	groups groups
	owners map[uuid.UUID][]string
}

func whoseIn(links []dbsqlc.ChainRow, rows []dbsqlc.LockRequestsRow) whose {
	w := whose{groupsOf(links), make(map[uuid.UUID][]string)}
	for _, row := range rows {
		head := w.groups.of(row.ID)
		w.owners[head] = append(w.owners[head], row.Owner)
	}
	return w
}

func (w whose) has(owner string, id uuid.UUID) bool {
	return slices.Contains(w.owners[w.groups.of(id)], owner)
}

// followTurns adds the later turns of the chain, of the same owners, and their later
// turns. Each becomes a seed. It makes three round trips for each turn in succession. It
// fails with errTooManyTurns if there are more than limit.
func (e *eraser) followTurns(ctx context.Context, from linked, limit int) (linked, error) {
	l := linked{seeds: slices.Clone(from.seeds), chain: from.chain}
	known := make(map[uuid.UUID]bool)
	for _, id := range l.requests {
		known[id] = true
	}
	var scanned map[uuid.UUID][]candidateTurn
	for front := l.chain; ; {
		var rows requestRows
		if err := e.send(ctx, func(b *pgx.Batch) { e.queueRows(b, front.requests, false, &rows) }); err != nil {
			return linked{}, err
		}
		var quoting []candidateTurn
		var err error
		switch {
		case e.turnsIndexed():
			quoting, err = e.turnsByIndex(ctx, front, rows.locked, limit)
		case scanned == nil:
			scanned, l.all, err = e.turnsByOwner(ctx, rows.locked)
			fallthrough
		default:
			for _, ids := range [][]uuid.UUID{front.requests, front.steps} {
				for _, id := range ids {
					quoting = append(quoting, scanned[id]...)
				}
			}
		}
		if err != nil {
			return linked{}, err
		}
		whose := whoseIn(front.links, rows.locked)
		var next []uuid.UUID
		for _, t := range quoting {
			if !whose.has(t.owner, t.follows) {
				continue
			}
			if e.turns.until != nil && t.createdAt.After(*e.turns.until) {
				l.all = false
				continue
			}
			l.turns = append(l.turns, t.turn)
			if !known[t.id] {
				known[t.id] = true
				next = append(next, t.id)
			}
		}
		if l.seeds = append(l.seeds, next...); len(l.seeds)-len(from.seeds) > limit {
			return linked{}, errTooManyTurns
		}
		if len(next) == 0 {
			return l, nil
		}
		if err := e.send(ctx, func(b *pgx.Batch) { queueChain(b, next, &front) }); err != nil {
			return linked{}, err
		}
		for _, id := range front.requests {
			known[id] = true
		}
		l.chain = l.chain.with(front)
	}
}

// ownersOf returns the owners of these requests without duplicates, except batches'.
func ownersOf(rows []dbsqlc.LockRequestsRow) (owners []string) {
	for _, row := range rows {
		if row.Owner != "" {
			owners = append(owners, row.Owner)
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(owners)))
}

// lookAgainForTurns is how often the search for later turns is repeated if some arrived
// before all were locked. Later ones remain, and the receipt lists them as not covered.
const lookAgainForTurns = 3

// errMoreTurns rolls back, so that no hold waits during the search for later turns.
var errMoreTurns = domain.Errorf(domain.CodeUnavailable, "Later turns of the responses are being written; try again later")

// checkTurns fails with errMoreTurns if a later turn of a locked response has arrived
// since the search. It makes one round trip. A search without an index is not repeated:
// receipts mention what it leaves in any case.
func (e *eraser) checkTurns(ctx context.Context, s selection) error {
	if !e.turns.along || !e.turnsIndexed() || len(s.locked) == 0 {
		return nil
	}
	come, err := e.turnsSince(ctx, s, domain.MaxLaterTurns)
	if err != nil {
		return err
	}
	whose := whoseIn(s.links, s.locked)
	for _, t := range come {
		if whose.has(t.owner, t.follows) && (e.turns.until == nil || !t.createdAt.After(*e.turns.until)) {
			return errMoreTurns
		}
	}
	return nil
}

// erasable is a response and what is erased along with it.
type erasable struct {
	head     uuid.UUID
	requests []dbsqlc.LockRequestsRow
	steps    []uuid.UUID
}

// erasables returns the response of each part with, if they are erased along, its later
// turns.
func (e *eraser) erasables(s selection, turns []turn, parts []*part) [][]erasable {
	with := make([][]erasable, len(parts))
	if !e.turns.along {
		for i, p := range parts {
			with[i] = []erasable{{p.candidates[0], p.requests, p.steps}}
		}
		return with
	}
	groups := groupsOf(s.links)
	responses := make(map[uuid.UUID]*erasable)
	for _, row := range s.locked {
		head := groups.of(row.ID)
		if responses[head] == nil {
			responses[head] = &erasable{head: head}
		}
		responses[head].requests = append(responses[head].requests, row)
	}
	for _, link := range s.links {
		if w := responses[groups.of(link.ID)]; w != nil {
			w.steps = append(w.steps, link.ID)
		}
	}
	next := byResponse(turns, groups)
	for i, p := range parts {
		for _, head := range next.from(groups.of(p.candidates[0])) {
			if w := responses[head]; w != nil {
				with[i] = append(with[i], *w)
			}
		}
	}
	return with
}

// requestsOf returns the requests of some responses.
func requestsOf(responses []erasable) (rows []dbsqlc.LockRequestsRow) {
	for _, one := range responses {
		rows = append(rows, one.requests...)
	}
	return rows
}

// followers maps responses to their later turns, both by group representative.
type followers map[uuid.UUID][]uuid.UUID

func byResponse(turns []turn, groups groups) followers {
	f := make(followers)
	for _, t := range turns {
		of, turn := groups.of(t.follows), groups.of(t.id)
		f[of] = append(f[of], turn)
	}
	return f
}

// countTurns counts the responses that are later turns.
func countTurns(turns []turn, links []dbsqlc.ChainRow) int64 {
	if len(turns) == 0 {
		return 0
	}
	groups := groupsOf(links)
	later := make(map[uuid.UUID]bool)
	for _, t := range turns {
		turn := groups.of(t.id)
		later[turn] = later[turn] || groups.of(t.follows) != turn
	}
	n := int64(0)
	for _, is := range later {
		if is {
			n++
		}
	}
	return n
}

// from returns a response, then its later turns and theirs.
func (f followers) from(head uuid.UUID) []uuid.UUID {
	all, seen := []uuid.UUID{head}, map[uuid.UUID]bool{head: true}
	for i := 0; i < len(all); i++ {
		for _, next := range f[all[i]] {
			if !seen[next] {
				seen[next] = true
				all = append(all, next)
			}
		}
	}
	return all
}
