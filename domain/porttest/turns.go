package porttest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

// NewTurn returns a request whose prompt names the response that it follows, and
// quotes that response's answer.
func NewTurn(owner string, follows uuid.UUID, created time.Time) Row {
	row := NewRow(owner, "completed", created)
	row.Prompt = fmt.Sprintf(`{"input": [{"role": "assistant", "content": "answer of %s"}], "previous_response_id": "resp_%s"}`, follows, follows)
	return row
}

// testLaterTurns erases responses together with those that quote them.
func testLaterTurns(t *testing.T, f ResponsesFixture) {
	anna, ben := uuid.NewString(), uuid.NewString()
	first, model, tool := NewRow(anna, "completed", start), NewRow(anna, "completed", start), Step{ID: uuid.New()}
	chain := []Step{{ID: uuid.New(), Row: &first}, tool, {ID: uuid.New(), Row: &model}}
	f.AddChain(chain...)
	ofRequest := NewTurn(anna, first.ID, start.Add(time.Minute))
	ofStep := NewTurn(anna, chain[2].ID, start.Add(2*time.Minute))
	ofTurn := NewTurn(anna, ofRequest.ID, start.Add(3*time.Minute))
	ofTurnInChain, second := NewTurn(anna, ofTurn.ID, start.Add(4*time.Minute)), NewRow(anna, "completed", start.Add(5*time.Minute))
	others, nested, stays := NewTurn(ben, first.ID, start.Add(time.Minute)), NewRow(anna, "completed", start.Add(time.Minute)), NewRow(anna, "completed", start.Add(time.Minute))
	nested.Prompt = fmt.Sprintf(`{"input": "{\"previous_response_id\": \"resp_%s\"}", "metadata": {"previous_response_id": "resp_%s"}}`, first.ID, first.ID)
	for _, row := range []Row{ofRequest, ofStep, ofTurn, others, nested, stays} {
		f.AddResponse(row)
	}
	f.AddChain(Chain(&ofTurnInChain, &second)...)

	erase := func(id uuid.UUID) (erased domain.Erased, found domain.Found) {
		t.Helper()
		erased, err := f.Responses().EraseWithLaterTurns(t.Context(), id, nil, func(what domain.Found) (domain.Authorization, error) {
			found = what
			return Permit(what)
		})
		if err != nil {
			t.Fatal(err)
		}
		return erased, found
	}
	before := f.Stored()
	refusal := domain.Errorf(domain.CodeForbidden, "no")
	if _, err := f.Responses().EraseWithLaterTurns(t.Context(), first.ID, nil, func(domain.Found) (domain.Authorization, error) { return domain.Authorization{}, refusal }); err != refusal || f.Stored() != before {
		t.Errorf("refused: want the refusal and stored rows %+v, got %v and %+v", before, err, f.Stored())
	}
	erased, found := erase(model.ID)
	if want := (domain.Erased{Requests: 7, Templates: 7, Steps: 5}); erased != want || f.Stored() != before.Less(want) {
		t.Errorf("want %+v erased, got %+v; stored rows %+v, before %+v", want, erased, f.Stored(), before)
	}
	if len(found.Owners) != 7 || slices.ContainsFunc(found.Owners, func(owner string) bool { return owner != anna }) || found.LaterTurns != 4 {
		t.Errorf("permit: got %+v, want 7 requests of one owner in 4 later turns", found)
	}
	for _, row := range []Row{others, nested, stays} {
		if _, err := f.Responses().GetSummary(t.Context(), row.ID, nil); err != nil {
			t.Errorf("%s: %v", row.Prompt, err)
		}
	}
	if erased, found := erase(stays.ID); erased.Requests != 1 || found.LaterTurns != 0 {
		t.Errorf("response without later turns: got %+v, found %+v", erased, found)
	}
	if _, err := f.Responses().EraseWithLaterTurns(t.Context(), first.ID, nil, neverAsked(t)); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("second erasure: want %s, got %v", domain.CodeNotFound, err)
	}
}

// testErasureOfLaterTurns erases named or matching responses together with those that
// quote them: each turn is a response of its own.
func testErasureOfLaterTurns(t *testing.T, f ErasuresFixture) {
	for _, limit := range []int{1, 2, 100} {
		anna, ben := uuid.New(), uuid.NewString()
		at := func(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }
		conversation := func(turns int) []Row {
			rows := []Row{NewRow(anna.String(), "completed", at(0))}
			f.AddResponse(rows[0])
			for i := range turns {
				rows = append(rows, NewTurn(anna.String(), rows[i].ID, at(i+1)))
				f.AddResponse(rows[i+1])
			}
			return rows
		}
		free, held, last := conversation(3), conversation(2), NewTurn(ben, uuid.Nil, at(5))
		f.AddResponse(last)
		place(t, f.Holds(), domain.HoldTarget{Responses: []uuid.UUID{held[1].ID}})
		wants := func(what string, target domain.ErasureTarget, responses, heldOnes, notFound, turns int64) {
			t.Helper()
			got, err := f.Erasures().Estimate(t.Context(), target, []string{anna.String()}, at(4))
			if err != nil || got.Responses != responses || got.Requests != responses || got.Templates != responses || got.Held != heldOnes || got.NotFound != notFound ||
				got.Turns.Found == nil || *got.Turns.Found != turns || !got.Turns.Complete {
				t.Errorf("%s: %+v, %v; later turns %+v", what, got, err, got.Turns)
			}
		}
		// The second turn of one response, followed by its own beginning; and of the
		// other, what is held, what that quotes and what quotes it.
		target := domain.ErasureTarget{Responses: []uuid.UUID{free[2].ID, free[0].ID, held[0].ID, held[1].ID, held[2].ID, last.ID}}
		wants("what would be left", target, 4, 1, 1, 3)
		wants("by owner", domain.ErasureTarget{Owner: &anna}, 6, 1, 0, 1)
		target.LaterTurns = true
		wants("by ID with later turns", target, 5, 2, 1, 2)
		filter := domain.ErasureTarget{Filter: &domain.ResponseFilter{Owners: []string{anna.String()}, CreatedBefore: ptr(at(0))}, LaterTurns: true}
		wants("by filter with later turns", filter, 4, 1, 0, 3)
		older, err := f.Erasures().Estimate(t.Context(), filter, nil, at(2))
		if err != nil || older.Responses != 3 {
			t.Errorf("estimate as of an earlier time: got %+v, %v", older, err)
		}
		if now, err := f.Erasures().Estimate(t.Context(), filter, nil, at(4)); err != nil || now.Sum == older.Sum {
			t.Errorf("estimates of two times: want different checksums, got %x twice, %v", older.Sum, err)
		}

		target.Responses = target.Responses[:5]
		e := advance(t, f, create(t, f, newErasure(target)).ID, limit)
		if e.State != domain.ErasureFinished || e.Done != 5 || e.Requests != 5 || e.Held != 2 || e.NotFound != 0 || len(e.Failures) != 2 {
			t.Errorf("parts of %d: want 5 done, 2 held and 2 failures, got %+v", limit, e)
		}
		kept := map[uuid.UUID]bool{held[0].ID: true, held[1].ID: true, last.ID: true}
		for _, row := range slices.Concat(free, held, []Row{last}) {
			if _, err := f.Responses().GetSummary(t.Context(), row.ID, nil); (err == nil) != kept[row.ID] {
				t.Errorf("parts of %d: %s: %v", limit, row.Prompt, err)
			}
		}
	}
}

// testErasureOfLaterTurnsUntil: with Until, later turns created after it stay.
func testErasureOfLaterTurnsUntil(t *testing.T, f ErasuresFixture) {
	owner := uuid.NewString()
	named := NewRow(owner, "completed", start)
	until := start.Add(time.Hour)
	before, after := NewTurn(owner, named.ID, until), NewTurn(owner, named.ID, until.Add(time.Second))
	for _, row := range []Row{named, before, after} {
		f.AddResponse(row)
	}
	target := domain.ErasureTarget{Responses: []uuid.UUID{named.ID}, LaterTurns: true, Until: &until}
	if e := advance(t, f, create(t, f, newErasure(target)).ID, 10); e.State != domain.ErasureFinished || e.Done != 2 {
		t.Errorf("want two done, got %+v", e)
	}
	for id, stays := range map[uuid.UUID]bool{named.ID: false, before.ID: false, after.ID: true} {
		if _, err := f.Responses().GetSummary(t.Context(), id, nil); (err == nil) != stays {
			t.Errorf("want it to stay: %t, got %v", stays, err)
		}
	}
}
