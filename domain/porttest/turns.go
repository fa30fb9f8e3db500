package porttest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/domain"
)

// NewTurn makes a request whose prompt says which response it follows, and quotes
// that one's answer.
func NewTurn(owner string, follows uuid.UUID, created time.Time) Row {
	row := NewRow(owner, "completed", created)
	row.Prompt = fmt.Sprintf(`{"input": [{"role": "assistant", "content": "answer of %s"}], "previous_response_id": "resp_%s"}`, follows, follows)
	return row
}

// testLaterTurns erases responses with what quotes them.
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
		erased, err := f.Responses().EraseWithLaterTurns(t.Context(), id, func(what domain.Found) (domain.Warrant, error) {
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
	if _, err := f.Responses().EraseWithLaterTurns(t.Context(), first.ID, func(domain.Found) (domain.Warrant, error) { return domain.Warrant{}, refusal }); err != refusal || f.Stored() != before {
		t.Errorf("refused: %v, %+v of %+v", err, f.Stored(), before)
	}
	erased, found := erase(model.ID)
	if want := (domain.Erased{Requests: 7, Templates: 7, Steps: 5}); erased != want || f.Stored() != before.Less(want) {
		t.Errorf("want %+v, got %+v; left %+v of %+v", want, erased, f.Stored(), before)
	}
	if len(found.Owners) != 7 || slices.ContainsFunc(found.Owners, func(owner string) bool { return owner != anna }) || found.LaterTurns != 4 {
		t.Errorf("permitted for %+v, want seven requests of one owner, in four later turns", found)
	}
	for _, row := range []Row{others, nested, stays} {
		if _, err := f.Responses().GetSummary(t.Context(), row.ID, nil); err != nil {
			t.Errorf("%s: %v", row.Prompt, err)
		}
	}
	if erased, found := erase(stays.ID); erased.Requests != 1 || found.LaterTurns != 0 {
		t.Errorf("of what nothing follows %+v, %+v", erased, found)
	}
	if _, err := f.Responses().EraseWithLaterTurns(t.Context(), first.ID, neverAsked(t)); domain.CodeOf(err) != domain.CodeNotFound {
		t.Errorf("again: %v", err)
	}
}
