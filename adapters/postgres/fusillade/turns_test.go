package fusillade

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"lethe/adapters/postgres"
	"lethe/domain/porttest"
	"lethe/receipt"
)

// addTurn stores a response whose prompt follows another one, spelled so.
func (b *bench) addTurn(owner, follows string, at time.Time) porttest.Row {
	b.t.Helper()
	row := porttest.NewRow(owner, "completed", at)
	row.Template = uuid.New()
	b.AddResponse(row)
	body, err := json.Marshal(map[string]any{
		"input":                []any{map[string]any{"role": "assistant", "content": "What was answered"}},
		"metadata":             map[string]any{"note": `{"previous_response_id":"resp_` + uuid.NewString() + `"}`},
		"previous_response_id": follows,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.exec(`UPDATE request_templates SET body = $2 WHERE id = $1`, row.Template, string(body))
	return row
}

// lastReceipt is the one that was written last.
func (b *bench) lastReceipt() receipt.Receipt {
	b.t.Helper()
	var body []byte
	if err := b.owner.Pool().QueryRow(b.t.Context(), `SELECT body FROM lethe.receipts ORDER BY created_at DESC LIMIT 1`).Scan(&body); err != nil {
		b.t.Fatal(err)
	}
	r, err := receipt.Parse(body)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

// A receipt names later turns wherever one may quote what was erased: by an index
// only where one does or cannot be read, however the identifier is spelled, and
// else always.
func TestReceiptsNameLaterTurns(t *testing.T) {
	t.Parallel()
	b := newBench(t, postgres.Config{})
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	named := func(id uuid.UUID) bool {
		t.Helper()
		if _, err := b.responses.Erase(t.Context(), id, porttest.Permit); err != nil {
			t.Fatal(err)
		}
		return slices.Contains(b.lastReceipt().NotCovered, receipt.GapLaterTurns)
	}
	if !named(b.addChain("somebody", 1)[0].ID) {
		t.Error("without an index, nothing tells that there is no later turn")
	}
	b.index()
	spellings := map[string]func(uuid.UUID) string{
		"as of the API": func(id uuid.UUID) string { return "resp_" + id.String() },
		"plain":         uuid.UUID.String,
		"in capitals":   func(id uuid.UUID) string { return "resp_" + strings.ToUpper(id.String()) },
		"in digits":     func(id uuid.UUID) string { return strings.ReplaceAll(id.String(), "-", "") },
	}
	for spelling, spell := range spellings {
		for _, steps := range []int{1, 4} {
			chain := b.addChain("somebody", steps)
			for i, id := range []uuid.UUID{chain[0].ID, b.step(chain[0].ID)} {
				if id == uuid.Nil {
					continue
				}
				chain := chain
				if i > 0 {
					chain = b.addChain("somebody", steps)
					id = b.step(chain[0].ID)
				}
				b.addTurn("somebody", spell(id), at.Add(time.Hour))
				if !named(chain[0].ID) {
					t.Errorf("%s, %d steps, identifier %d: the receipt says that no later turn quotes it", spelling, steps, i)
				}
			}
		}
	}
	last := b.addTurn("somebody", "resp_"+uuid.NewString(), at)
	for _, body := range []string{`no JSON "previous_response_id":"`, `{"previous_response_id": null}`, `"previous_response_id":"resp_nobody"`, ""} {
		row := b.addTurn("somebody", "", at)
		b.exec(`UPDATE request_templates SET body = $2 WHERE id = $1`, row.Template, body)
	}
	nested := b.addTurn("somebody", "", at)
	quotes, err := json.Marshal(map[string]string{"input": fmt.Sprintf(`{"previous_response_id":"resp_%s"}`, last.ID)})
	if err != nil {
		t.Fatal(err)
	}
	b.exec(`UPDATE request_templates SET body = $2 WHERE id = $1`, nested.Template, string(quotes))
	if named(last.ID) {
		t.Error("nothing follows it, and the receipt names later turns")
	}
	sealed := b.addTurn("somebody", "", at)
	b.exec(`UPDATE request_templates SET body = 'dwzdr1:AAAA' WHERE id = $1`, sealed.Template)
	if !named(b.addChain("somebody", 1)[0].ID) {
		t.Error("what is encrypted may quote it, and the receipt says that nothing does")
	}
}

// step is that of a request; none for a response that is no chain.
func (b *bench) step(request uuid.UUID) (id uuid.UUID) {
	b.t.Helper()
	err := b.owner.Pool().QueryRow(b.t.Context(), `SELECT coalesce((SELECT id FROM response_steps WHERE request_id = $1), '00000000-0000-0000-0000-000000000000')`, request).Scan(&id)
	if err != nil {
		b.t.Fatal(err)
	}
	return id
}
