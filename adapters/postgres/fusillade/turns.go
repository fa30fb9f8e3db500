package fusillade

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres/fusillade/internal/dbsqlc"
	"lethe/domain"
)

// The prompt of a later turn quotes what it follows: the gateway writes the earlier
// turns into it. Its previous_response_id names that response.

const (
	// unreadable stands for what an encrypted prompt follows in the index of later
	// turns, and is how such a prompt begins.
	unreadable = "dwzdr1:"

	// several stands in that index for a prompt that has several such keys.
	several = "prev"

	previousKey = "previous_response_id"
)

var errTooManyTurns = domain.Errorf(domain.CodeRefused, "More than %d later turns quote it, so nothing was erased: erase the latest turns first, or everything of their owner, or leave include_later_turns out", domain.MaxLaterTurns)

// turn is a request whose prompt names the response that it follows.
type turn struct{ id, follows uuid.UUID }

// turns are the later turns that an eraser has found.
type turns struct {
	along bool       // they are erased, too
	until *time.Time // but not what was created later; nil: all of them
	found []turn
	all   bool // a search without an index has been complete
	// tooMany later turns would have to be erased along.
	tooMany bool
	unsure  unsureTurns
}

// unsureTurns are turns whose prompts have several such keys, so that the index does
// not tell what they follow. The prompts are long, so each is read only once.
type unsureTurns struct {
	owners  map[string]bool // whose turns were searched
	ids     []uuid.UUID
	by      map[uuid.UUID][]candidateTurn // by what they follow
	tooMany bool                          // some were not read
}

// following returns those that follow one of these.
func (u *unsureTurns) following(all ...[]uuid.UUID) (turns []candidateTurn) {
	for _, ids := range all {
		for _, id := range ids {
			turns = append(turns, u.by[id]...)
		}
	}
	return turns
}

// queue reads those of owners whose turns were not searched yet.
func (u *unsureTurns) queue(b *pgx.Batch, owners []string) {
	if u.owners == nil {
		u.owners, u.by = make(map[string]bool), make(map[uuid.UUID][]candidateTurn)
	}
	owners = slices.DeleteFunc(slices.Clone(owners), func(owner string) bool { return u.owners[owner] })
	left := domain.LaterTurnsSearched - len(u.ids)
	if len(owners) == 0 || left <= 0 {
		u.tooMany = u.tooMany || len(owners) > 0
		return
	}
	for _, owner := range owners {
		u.owners[owner] = true
	}
	queueTurnsByIndex(b, true, []string{several}, owners, u.ids, left, func(rows pgx.Rows) error {
		return eachTurn(rows, func(t candidateTurn, _ string, prompt []byte) {
			if left--; left < 0 {
				u.tooMany = true
				return
			}
			u.ids = append(u.ids, t.id)
			if t.follows, _ = followed(prompt); t.follows != uuid.Nil {
				u.by[t.follows] = append(u.by[t.follows], t)
			}
		})
	})
}

// turnsOf says which later turns are erased along with a target.
func turnsOf(t domain.ErasureTarget, asOf time.Time) turns {
	along := turns{along: t.LaterTurns}
	if t.Filter != nil {
		along.until = &asOf
	}
	return along
}

// quotable returns the identifiers, in digits, by which later turns may refer to what
// the eraser has found.
func (e *eraser) quotable() []string { return digits(e.requests, e.steps) }

// quoters returns the owners whose prompts may quote what was erased, as the gateway
// resolves an identifier for its owner only; nil if an owner is unknown.
func (e *eraser) quoters() []string {
	for _, row := range e.locked {
		if row.Owner == "" {
			return nil
		}
	}
	if len(e.locked) < len(e.requests) {
		return nil
	}
	return ownersOf(e.locked)
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

// quotedLeft reports whether remaining prompts may quote what was erased, which holds
// until an index has shown otherwise. A search by owner never shows it: it skips
// batches, and turns whose clock was behind that of what they follow.
func (e *eraser) quotedLeft() bool {
	return len(e.requests) > 0 && !e.unquoted
}

// turnsIndexed reports whether an index covers all later turns: it does not cover what
// fusillade-arsenal keeps elsewhere.
func (e *eraser) turnsIndexed() bool { return e.ByTurn && !e.TemplatesElsewhere && !e.Retained }

// followed returns the response that a prompt says it follows; uuid.Nil: none. It is
// unknown if the prompt is not JSON, for example encrypted.
func followed(prompt []byte) (id uuid.UUID, known bool) {
	if text := string(prompt); !strings.Contains(text, previousKey) && !strings.Contains(text, `\u00`) {
		return uuid.Nil, !strings.HasPrefix(string(prompt), unreadable)
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(prompt, &fields) != nil {
		return uuid.Nil, false
	}
	var text string
	if json.Unmarshal(fields[previousKey], &text) != nil {
		return uuid.Nil, true
	}
	if id, err := domain.ParseID(strings.TrimPrefix(text, "resp_")); err == nil {
		return id, true
	}
	return uuid.Nil, true
}

// whose tells whether an owner has a part of the response that a request or a step
// belongs to.
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

// followTurns adds the later turns of these requests' chain, of the same owners, and
// the later turns of those, to the chain. It returns these requests and the turns. It
// makes three round trips for each turn in succession. It fails with errTooManyTurns if
// there are more than limit.
func (e *eraser) followTurns(ctx context.Context, seeds []uuid.UUID, limit int) ([]uuid.UUID, error) {
	e.turns.found, e.turns.all = nil, false
	known := make(map[uuid.UUID]bool)
	for _, id := range e.requests {
		known[id] = true
	}
	all := slices.Clone(seeds)
	var scanned map[uuid.UUID][]candidateTurn
	for front := e.chain; ; {
		var rows []dbsqlc.LockRequestsRow
		if err := e.send(ctx, func(b *pgx.Batch) { e.queueRows(b, front.requests, false, &rows) }); err != nil {
			return nil, err
		}
		var quoting []candidateTurn
		var err error
		switch {
		case e.turnsIndexed():
			quoting, err = e.turnsByIndex(ctx, front, rows, limit)
		case scanned == nil:
			scanned, err = e.turnsByOwner(ctx, rows)
			fallthrough
		default:
			for _, ids := range [][]uuid.UUID{front.requests, front.steps} {
				for _, id := range ids {
					quoting = append(quoting, scanned[id]...)
				}
			}
		}
		if err != nil {
			return nil, err
		}
		whose := whoseIn(front.links, rows)
		var next []uuid.UUID
		for _, t := range quoting {
			if !whose.has(t.owner, t.follows) {
				continue
			}
			if e.turns.until != nil && t.createdAt.After(*e.turns.until) {
				e.turns.all = false
				continue
			}
			e.turns.found = append(e.turns.found, t.turn)
			if !known[t.id] {
				known[t.id] = true
				next = append(next, t.id)
			}
		}
		if all = append(all, next...); len(all)-len(seeds) > limit {
			return nil, errTooManyTurns
		}
		if len(next) == 0 {
			return all, nil
		}
		if err := e.send(ctx, func(b *pgx.Batch) { queueChain(b, next, &front) }); err != nil {
			return nil, err
		}
		for _, id := range front.requests {
			known[id] = true
		}
		e.chain = e.chain.with(front)
	}
}

// with merges two chains.
func (c chain) with(other chain) chain {
	both := chain{
		links: slices.Concat(c.links, other.links), steps: slices.Concat(c.steps, other.steps), requests: slices.Concat(c.requests, other.requests),
	}
	slices.SortFunc(both.links, func(a, b dbsqlc.ChainRow) int { return compareIDs(a.ID, b.ID) })
	both.links = slices.CompactFunc(both.links, func(a, b dbsqlc.ChainRow) bool { return a.ID == b.ID })
	for _, ids := range []*[]uuid.UUID{&both.steps, &both.requests} {
		slices.SortFunc(*ids, compareIDs)
		*ids = slices.Compact(*ids)
	}
	return both
}

type candidateTurn struct {
	turn
	owner     string
	createdAt time.Time
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

// turnsByIndex returns the turns that say they follow something of this chain, of the
// owners of these requests; if more than limit, only some.
func (e *eraser) turnsByIndex(ctx context.Context, of chain, rows []dbsqlc.LockRequestsRow, limit int) (found []candidateTurn, err error) {
	owners := ownersOf(rows)
	err = e.send(ctx, func(b *pgx.Batch) {
		queueTurnsByIndex(b, true, digits(of.requests, of.steps), owners, nil, limit, addFollowing(&found))
		e.turns.unsure.queue(b, owners)
	})
	return append(found, e.turns.unsure.following(of.requests, of.steps)...), err
}

// turnsSince is turnsByIndex for what the eraser has found, without what it already
// has: turns that have arrived since, for example.
func (e *eraser) turnsSince(ctx context.Context, limit int) (found []candidateTurn, err error) {
	known := slices.Concat(e.requests, e.turns.unsure.ids)
	err = e.send(ctx, func(b *pgx.Batch) {
		queueTurnsByIndex(b, true, append(e.quotable(), several), ownersOf(e.locked), known, limit, addFollowing(&found))
	})
	for _, t := range e.turns.unsure.following(e.requests, e.steps) {
		if _, in := slices.BinarySearchFunc(e.requests, t.id, compareIDs); !in {
			found = append(found, t)
		}
	}
	return found, err
}

// addFollowing adds the turns from eachTurn that follow something.
func addFollowing(found *[]candidateTurn) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		return eachTurn(rows, func(t candidateTurn, _ string, prompt []byte) {
			if t.follows, _ = followed(prompt); t.follows != uuid.Nil {
				*found = append(*found, t)
			}
		})
	}
}

// queueTurnsByIndex looks for turns that say they follow one of these, except known
// ones; at most limit and one more. read uses eachTurn.
func queueTurnsByIndex(b *pgx.Batch, contents bool, quoted, owners []string, known []uuid.UUID, limit int, read func(pgx.Rows) error) {
	if known == nil {
		known = []uuid.UUID{}
	}
	queueFixed(b, (*dbsqlc.Queries).PlanByIndex)
	p := dbsqlc.TurnsByIndexParams{Contents: contents, Quoted: quoted, Owners: owners, Known: known, Max: int64(limit) + 1}
	queueRows(b, (*dbsqlc.Queries).TurnsByIndex, p, read)
	queueFixed(b, (*dbsqlc.Queries).PlanForAny)
}

// eachTurn reads what queueTurnsByIndex has found, with the digits that matched.
func eachTurn(rows pgx.Rows, read func(t candidateTurn, quoted string, prompt []byte)) error {
	var t candidateTurn
	var quoted string
	var prompt []byte
	_, err := pgx.ForEachRow(rows, []any{&t.id, &t.owner, &t.createdAt, &quoted, &prompt}, func() error {
		read(t, quoted, prompt)
		return nil
	})
	return err
}

// lookAgainForTurns is how often the search for later turns is repeated because some
// arrived before all were locked. Later ones stay, and the receipt says so.
const lookAgainForTurns = 3

// errMoreTurns rolls back, so that no hold waits during the search for later turns.
var errMoreTurns = domain.Errorf(domain.CodeUnavailable, "Later turns of the responses are being written; try again later")

// checkTurns fails with errMoreTurns if a later turn of a locked response has arrived
// since the search. It makes one round trip. A search without an index is not repeated:
// receipts mention what it leaves in any case.
func (e *eraser) checkTurns(ctx context.Context) error {
	if !e.turns.along || e.turns.tooMany || !e.turnsIndexed() || len(e.locked) == 0 {
		return nil
	}
	come, err := e.turnsSince(ctx, domain.MaxLaterTurns)
	if err != nil {
		return err
	}
	whose := whoseIn(e.links, e.locked)
	for _, t := range come {
		if whose.has(t.owner, t.follows) && (e.turns.until == nil || !t.createdAt.After(*e.turns.until)) {
			return errMoreTurns
		}
	}
	return nil
}

// turnsByOwner returns the later turns, by what they follow, among the requests that
// the owners of these have made since the first of these. It looks at
// domain.LaterTurnsSearched of them, and notes whether that was all.
func (e *eraser) turnsByOwner(ctx context.Context, of []dbsqlc.LockRequestsRow) (map[uuid.UUID][]candidateTurn, error) {
	found := make(map[uuid.UUID][]candidateTurn)
	first := make(map[string]time.Time)
	for _, row := range of {
		if at, is := first[row.Owner]; row.Owner != "" && (!is || row.CreatedAt.Before(at)) {
			first[row.Owner] = row.CreatedAt
		}
	}
	e.turns.all = !e.Retained // where the search does not look
	add := func(t candidateTurn, prompt []byte) {
		id, known := followed(prompt)
		e.turns.all = e.turns.all && known
		if t.follows = id; id != uuid.Nil {
			found[id] = append(found[id], t)
		}
	}
	owners := slices.Sorted(maps.Keys(first))
	since := make([]time.Time, len(owners))
	for i, owner := range owners {
		since[i] = first[owner]
	}
	var elsewhere map[uuid.UUID][]candidateTurn // by template
	looked := 0
	if err := e.send(ctx, func(b *pgx.Batch) {
		p := dbsqlc.TurnsByOwnerParams{Owners: owners, Since: since, Max: domain.LaterTurnsSearched + 1}
		queueRows(b, (*dbsqlc.Queries).TurnsByOwner, p, func(rows pgx.Rows) error {
			elsewhere = make(map[uuid.UUID][]candidateTurn)
			var t candidateTurn
			var template *uuid.UUID
			var prompt []byte
			_, err := pgx.ForEachRow(rows, []any{&t.id, &t.owner, &t.createdAt, &template, &prompt}, func() error {
				if looked++; looked > domain.LaterTurnsSearched {
					e.turns.all = false
					return nil
				}
				if template != nil {
					elsewhere[*template] = append(elsewhere[*template], t)
				}
				add(t, prompt)
				return nil
			})
			return err
		})
	}); err != nil || !e.TemplatesElsewhere || len(elsewhere) == 0 {
		return found, err
	}
	err := e.send(ctx, func(b *pgx.Batch) {
		queueRows(b, (*dbsqlc.Queries).PromptsElsewhere, slices.Collect(maps.Keys(elsewhere)), func(rows pgx.Rows) error {
			var id uuid.UUID
			var prompt []byte
			_, err := pgx.ForEachRow(rows, []any{&id, &prompt}, func() error {
				for _, t := range elsewhere[id] {
					add(t, prompt)
				}
				return nil
			})
			return err
		})
	})
	return found, err
}

// erasable is a response and what is erased along with it.
type erasable struct {
	head     uuid.UUID
	requests []dbsqlc.LockRequestsRow
	steps    []uuid.UUID
}

// erasables returns, for each part, its response and, if later turns are erased along,
// these.
func (e *eraser) erasables(parts []*part) [][]erasable {
	with := make([][]erasable, len(parts))
	if !e.turns.along {
		for i, p := range parts {
			with[i] = []erasable{{p.candidates[0], p.requests, p.steps}}
		}
		return with
	}
	groups := groupsOf(e.links)
	responses := make(map[uuid.UUID]*erasable)
	for _, row := range e.locked {
		head := groups.of(row.ID)
		if responses[head] == nil {
			responses[head] = &erasable{head: head}
		}
		responses[head].requests = append(responses[head].requests, row)
	}
	for _, link := range e.links {
		if w := responses[groups.of(link.ID)]; w != nil {
			w.steps = append(w.steps, link.ID)
		}
	}
	next := e.turns.byResponse(groups)
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

func (t turns) byResponse(groups groups) followers {
	f := make(followers)
	for _, t := range t.found {
		of, turn := groups.of(t.follows), groups.of(t.id)
		f[of] = append(f[of], turn)
	}
	return f
}

// count counts the responses that were found to be later turns.
func (t turns) count(links []dbsqlc.ChainRow) int64 {
	if len(t.found) == 0 {
		return 0
	}
	groups := groupsOf(links)
	later := make(map[uuid.UUID]bool)
	for _, t := range t.found {
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
