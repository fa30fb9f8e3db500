package fusillade

import (
	"context"
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

type candidateTurn struct {
	turn
	owner     string
	createdAt time.Time
}

// turnsByIndex returns the turns that say they follow something of this chain, of the
// owners of these requests; if more than limit, only some.
func (e *eraser) turnsByIndex(ctx context.Context, of chain, rows []dbsqlc.LockRequestsRow, limit int) (found []candidateTurn, err error) {
	owners := ownersOf(rows)
	err = e.send(ctx, func(b *pgx.Batch) {
		queueTurnsByIndex(b, true, of.quotable(), owners, nil, limit, addFollowing(&found))
		e.turns.unsure.queue(b, owners)
	})
	return append(found, e.turns.unsure.following(of.requests, of.steps)...), err
}

// turnsSince is turnsByIndex for a selection, without the turns in it: those that have
// arrived since, for example.
func (e *eraser) turnsSince(ctx context.Context, s selection, limit int) (found []candidateTurn, err error) {
	known := slices.Concat(s.requests, e.turns.unsure.ids)
	err = e.send(ctx, func(b *pgx.Batch) {
		queueTurnsByIndex(b, true, append(s.quotable(), several), ownersOf(s.locked), known, limit, addFollowing(&found))
	})
	for _, t := range e.turns.unsure.following(s.requests, s.steps) {
		if _, in := slices.BinarySearchFunc(s.requests, t.id, compareIDs); !in {
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

// turnsByOwner returns the later turns, by what they follow, among the requests that
// the owners of these have made since the first of these. It looks at
// domain.LaterTurnsSearched of them, and reports whether that was all.
func (e *eraser) turnsByOwner(ctx context.Context, of []dbsqlc.LockRequestsRow) (found map[uuid.UUID][]candidateTurn, all bool, err error) {
	found = make(map[uuid.UUID][]candidateTurn)
	first := make(map[string]time.Time)
	for _, row := range of {
		if at, is := first[row.Owner]; row.Owner != "" && (!is || row.CreatedAt.Before(at)) {
			first[row.Owner] = row.CreatedAt
		}
	}
	all = !e.Retained // where the search does not look
	add := func(t candidateTurn, prompt []byte) {
		id, known := followed(prompt)
		all = all && known
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
					all = false
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
		return found, all, err
	}
	err = e.send(ctx, func(b *pgx.Batch) {
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
	return found, all, err
}

// unsureTurns are turns whose prompts have several such keys, so the index does not show
// what they follow. The prompts are long, so each is read only once.
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
