package fusillade

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
	"lethe/domain"
	"lethe/domain/porttest"
	"lethe/receipt"
)

// addTurn stores a response whose prompt follows another one; follows is the
// spelling of its id.
func (b *fixture) addTurn(owner, follows string, at time.Time) porttest.Row {
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

// lastReceipt is the latest receipt.
func (b *fixture) lastReceipt() receipt.Receipt {
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

// TestReceiptLaterTurns: a receipt names later turns if any may quote what was
// erased. With an index, only if one does or cannot be read, however the id is
// spelled; without an index, always.
func TestReceiptLaterTurns(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	named := func(id uuid.UUID) bool {
		t.Helper()
		if _, err := b.responses.Erase(t.Context(), id, nil, porttest.Permit); err != nil {
			t.Fatal(err)
		}
		return slices.Contains(b.lastReceipt().NotCovered, receipt.GapLaterTurns)
	}
	if !named(b.addChain("somebody", 1)[0].ID) {
		t.Error("without an index, the receipt does not name later turns")
	}
	b.index()
	spellings := map[string]func(uuid.UUID) string{
		"API id":   func(id uuid.UUID) string { return "resp_" + id.String() },
		"plain":    uuid.UUID.String,
		"capitals": func(id uuid.UUID) string { return "resp_" + strings.ToUpper(id.String()) },
		"digits":   func(id uuid.UUID) string { return strings.ReplaceAll(id.String(), "-", "") },
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
					t.Errorf("%s, %d steps, id %d: the receipt does not name the later turn", spelling, steps, i)
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
		t.Error("the receipt names later turns, but there are none")
	}
	sealed := b.addTurn("somebody", "", at)
	b.exec(`UPDATE request_templates SET body = 'dwzdr1:AAAA' WHERE id = $1`, sealed.Template)
	if !named(b.addChain("somebody", 1)[0].ID) {
		t.Error("an encrypted prompt may quote it, but the receipt names no later turns")
	}
}

// step is the step of a request; none for a response without a chain.
func (b *fixture) step(request uuid.UUID) (id uuid.UUID) {
	b.t.Helper()
	err := b.owner.Pool().QueryRow(b.t.Context(), `SELECT coalesce((SELECT id FROM response_steps WHERE request_id = $1), '00000000-0000-0000-0000-000000000000')`, request).Scan(&id)
	if err != nil {
		b.t.Fatal(err)
	}
	return id
}

// eraseTurns erases a response with its later turns, and tells whether the receipt
// names later turns that may be left.
func (b *fixture) eraseTurns(id uuid.UUID) (erased domain.Erased, named bool) {
	b.t.Helper()
	erased, err := b.responses.EraseWithLaterTurns(b.t.Context(), id, nil, porttest.Permit)
	if err != nil {
		b.t.Fatal(err)
	}
	return erased, slices.Contains(b.lastReceipt().NotCovered, receipt.GapLaterTurns)
}

// TestEraseLaterTurns: later turns are erased with a response, and the receipt
// names them only if some are or may be left; with an index, and with a search
// among the owner's newer responses.
func TestEraseLaterTurns(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, prepare := range map[string]func(*fixture){
		"index":    (*fixture).index,
		"no index": func(*fixture) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(t, postgres.Config{})
			prepare(b)
			indexed := name == "index" // without it, some may be left
			conversation := func(turns int) (first porttest.Row) {
				first = b.addChain("anna", 1)[0]
				last := first.ID
				for i := range turns {
					last = b.addTurn("anna", "resp_"+last.String(), at.Add(time.Duration(i+1)*time.Minute)).ID
				}
				return first
			}
			other := b.addTurn("anna", "resp_"+uuid.NewString(), at.Add(time.Hour))
			if erased, named := b.eraseTurns(conversation(0).ID); erased.Requests != 1 || named == indexed {
				t.Errorf("no later turn: erased %+v, named %t", erased, named)
			}
			if erased, named := b.eraseTurns(conversation(30).ID); erased.Requests != 31 || erased.Templates != 31 || named == indexed {
				t.Errorf("conversation: erased %+v, named %t", erased, named)
			}
			// A response in the middle: the earlier turns stay.
			first := conversation(0)
			second := b.addTurn("anna", first.ID.String(), at.Add(time.Minute))
			b.addTurn("anna", second.ID.String(), at.Add(2*time.Minute))
			if erased, named := b.eraseTurns(second.ID); erased.Requests != 2 || named == indexed {
				t.Errorf("second turn: erased %+v, named %t", erased, named)
			}
			if erased, named := b.eraseTurns(first.ID); erased.Requests != 1 || named == indexed {
				t.Errorf("first turn: erased %+v, named %t", erased, named)
			}
			// The earliest possible time.
			past := conversation(1)
			b.exec(`UPDATE requests SET created_at = '-infinity' WHERE id = $1`, past.ID)
			if erased, named := b.eraseTurns(past.ID); erased.Requests != 2 || named == indexed {
				t.Errorf("time -infinity: erased %+v, named %t", erased, named)
			}
			// The prompt that quotes it also belongs to a request of another owner.
			shared := conversation(0)
			turn := b.addTurn("anna", shared.ID.String(), at.Add(time.Minute))
			row := porttest.NewRow("ben", "completed", at)
			row.Template = turn.Template
			b.AddResponse(row)
			if erased, named := b.eraseTurns(shared.ID); erased.Requests != 2 || erased.Templates != 1 || erased.KeptTemplates != 1 || !named {
				t.Errorf("shared prompt: erased %+v, named %t", erased, named)
			}
			for what, change := range map[string]string{
				"encrypted":     `'dwzdr1:AAAA'`,
				"not JSON":      `'{' || body`,
				"not an object": `'[' || body || ']'`,
			} {
				first := conversation(0)
				turn := b.addTurn("anna", first.ID.String(), at.Add(time.Minute))
				b.exec(`UPDATE request_templates SET body = `+change+` WHERE id = $1`, turn.Template)
				if erased, named := b.eraseTurns(first.ID); erased.Requests != 1 || !named {
					t.Errorf("%s: erased %+v, named %t", what, erased, named)
				}
				if _, err := b.responses.Erase(t.Context(), turn.ID, nil, porttest.Permit); err != nil {
					t.Fatal(err)
				}
			}
			if _, _, err := b.responses.Get(t.Context(), other.ID, nil, math.MaxInt64, nil); err != nil {
				t.Errorf("other conversation: got %v", err)
			}
			if n := b.number(`SELECT count(*) FROM requests WHERE created_by = 'anna'`); n != 1 {
				t.Errorf("%d requests left, want the other conversation", n)
			}
		})
	}
}

// TestEraseLaterTurnsLimit: a response with too many later turns is not erased, and what
// a search without an index did not reach is named.
func TestEraseLaterTurnsLimit(t *testing.T) {
	t.Parallel()
	b := newFixture(t, postgres.Config{})
	add := func(follows uuid.UUID, n int) {
		t.Helper()
		b.exec(`WITH t AS (INSERT INTO request_templates (endpoint, method, path, body, model, api_key)
				SELECT 'e', 'POST', '/v1/responses', CASE WHEN $1::uuid IS NULL THEN '{}' ELSE jsonb_build_object('previous_response_id', $1::uuid)::text END, 'm', 'k'
				FROM generate_series(1, $2) RETURNING id)
			INSERT INTO requests (template_id, state, model, created_by, created_at, response_status, response_body, completed_at)
			SELECT id, 'completed', 'm', 'anna', '2026-03-02', 200, '{}', '2026-03-02' FROM t`, follows, n)
	}
	crowd := b.addChain("anna", 1)[0].ID
	add(crowd, domain.MaxLaterTurns+1)
	before := b.Stored()
	for i := range 2 {
		if i == 1 {
			b.index()
		}
		asked := 0
		_, err := b.responses.EraseWithLaterTurns(t.Context(), crowd, nil, func(found domain.Found) (domain.Authorization, error) {
			asked++
			return porttest.Permit(found)
		})
		if domain.CodeOf(err) != domain.CodeRefused || asked == 0 || b.Stored() != before {
			t.Errorf("asked for permission %d times: got %v", asked, err)
		}
		refusal := domain.Errorf(domain.CodeNotFound, "not yours")
		if _, err := b.responses.EraseWithLaterTurns(t.Context(), crowd, nil, func(domain.Found) (domain.Authorization, error) { return domain.Authorization{}, refusal }); err != refusal {
			t.Errorf("turns of another owner: got %v", err)
		}
	}
	b.exec(`DELETE FROM requests WHERE id = (SELECT id FROM requests WHERE created_at = '2026-03-02' LIMIT 1)`)
	if erased, _ := b.eraseTurns(crowd); erased.Requests != domain.MaxLaterTurns+1 {
		t.Errorf("maximum of turns: erased %+v", erased)
	}
	b.exec(`DROP INDEX request_templates_previous_response_idx`)
	b.responses.leads.seen.Store(nil)
	b.exec(`DELETE FROM request_templates`)
	quoted := b.addChain("anna", 1)[0].ID
	b.exec(`INSERT INTO requests (state, model, created_by, created_at, response_status, response_body, completed_at)
		SELECT 'completed', 'm', 'anna', '2026-03-02', 200, '{}', '2026-03-02' FROM generate_series(1, $1)`, domain.LaterTurnsSearched-1)
	if erased, named := b.eraseTurns(quoted); erased.Requests != 1 || !named {
		t.Errorf("maximum of the search: erased %+v, named %t", erased, named)
	}
	quoted = b.addChain("anna", 1)[0].ID
	b.exec(`INSERT INTO requests (state, model, created_by, created_at, response_status, response_body, completed_at)
		VALUES ('completed', 'm', 'anna', '2026-03-02', 200, '{}', '2026-03-02')`)
	if _, named := b.eraseTurns(quoted); !named {
		t.Error("the search was incomplete, but the receipt does not name later turns")
	}
}

// TestBulkEraseLaterTurns: a preview counts the later turns that would be left, and
// whether that is complete. A bulk erasure names a response with too many of them.
func TestBulkEraseLaterTurns(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, prepare := range map[string]func(*fixture){
		"index":    (*fixture).index,
		"no index": func(*fixture) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(t, postgres.Config{})
			prepare(b)
			indexed := name == "index"
			erasures, err := NewErasures(b.responses.src.Primary, "outlet", TestIssuer)
			if err != nil {
				t.Fatal(err)
			}
			count := func(what string, target domain.ErasureTarget, responses, turns int64, complete bool) {
				t.Helper()
				s, err := erasures.Estimate(t.Context(), target, nil, at.Add(24*time.Hour))
				if err != nil || s.Responses != responses || s.Turns.Found == nil || *s.Turns.Found != turns || s.Turns.Complete != complete || (s.Turns.Searched == 0) != indexed {
					t.Errorf("%s: got %+v (error %v) with later turns %+v", what, s, err, s.Turns)
				}
			}
			first := b.addChain("anna", 4)
			second := b.addTurn("anna", b.step(first[1].ID).String(), at.Add(time.Minute))
			third := b.addTurn("anna", second.ID.String(), at.Add(2*time.Minute))
			other := b.addTurn("ben", first[0].ID.String(), at.Add(3*time.Minute))
			one := domain.ErasureTarget{Responses: []uuid.UUID{first[0].ID}}
			count("one", one, 1, 2, true)
			count("two", domain.ErasureTarget{Responses: []uuid.UUID{third.ID, first[0].ID}}, 2, 1, true)
			one.LaterTurns = true
			count("along", one, 3, 2, true)
			sealed := b.addTurn("anna", "", at.Add(4*time.Minute))
			b.exec(`UPDATE request_templates SET body = 'dwzdr1:AAAA' WHERE id = $1`, sealed.Template)
			count("beside what is encrypted", one, 3, 2, false)
			for _, id := range []uuid.UUID{sealed.ID, other.ID} {
				if _, err := b.responses.Erase(t.Context(), id, nil, porttest.Permit); err != nil {
					t.Fatal(err)
				}
			}

			crowd := b.addChain("anna", 1)[0].ID
			b.exec(`WITH t AS (INSERT INTO request_templates (endpoint, method, path, body, model, api_key)
					SELECT 'e', 'POST', '/v1/responses', jsonb_build_object('previous_response_id', $1::uuid)::text, 'm', 'k' FROM generate_series(1, $2) RETURNING id)
				INSERT INTO requests (template_id, state, model, created_by, created_at, response_status, response_body, completed_at)
				SELECT id, 'completed', 'm', 'anna', '2026-03-02', 200, '{}', '2026-03-02' FROM t`, crowd, domain.MaxLaterTurns+1)
			count("a crowd", domain.ErasureTarget{Responses: []uuid.UUID{crowd}}, 1, domain.MaxLaterTurns, false)
			both := domain.ErasureTarget{Responses: []uuid.UUID{crowd, first[0].ID}, LaterTurns: true}
			if _, err := erasures.Estimate(t.Context(), both, nil, at); domain.CodeOf(err) != domain.CodeRefused {
				t.Errorf("too many turns: got %v", err)
			}
			e := domain.Erasure{
				ID: uuid.New(), Trigger: domain.TriggerBulk, Kind: domain.TargetResponses, Target: &both, AsOf: at, Ground: domain.GroundRequest,
				RequestedAt: at, RequestedBy: new(uuid.New()), Role: domain.ActorOwner, Secret: &domain.Salt{1}, State: domain.ErasurePending,
			}
			if _, _, err := erasures.Create(t.Context(), e); err != nil {
				t.Fatal(err)
			}
			for !e.State.Finished() {
				if e, err = erasures.Advance(t.Context(), e.ID, 200, porttest.JudgeAll); err != nil {
					t.Fatal(err)
				}
			}
			if e.Done != 3 || e.Refused != 1 || len(e.Failures) != 1 || e.Failures[0].Response != crowd || e.Failures[0].Code != domain.CodeRefused {
				t.Errorf("got the erasure %+v", e)
			}
			if named := slices.Contains(b.lastReceipt().NotCovered, receipt.GapLaterTurns); named != (name == "no index") {
				t.Errorf("all turns erased, but named %t", named)
			}
			if n := b.number(`SELECT count(*) FROM requests`); n != domain.MaxLaterTurns+2 {
				t.Errorf("%d requests left", n)
			}
		})
	}
}

// TestLaterTurnSpellings: a later turn is found however its JSON is written:
// with escapes in the key or the id, or with duplicate keys, of which the last
// counts. A turn that is left is named.
func TestLaterTurnSpellings(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	bodies := []string{
		`{"previous_response\u005fid": "resp_ID"}`,
		`{"\u0070revious_response_id" : "ID"}`,
		`{"\u0070\u0072\u0065\u0076\u0069\u006F\u0075\u0073\u005F\u0072\u0065\u0073\u0070\u006f\u006E\u0073\u0065\u005F\u0069\u0064": "ID"}`,
		`{"previous_response_id": "resp\u005fID"}`,
		`{"previous_response_id": "resp_ESCAPED"}`,
		`{"previous_response_id": "urn:uuid:ID"}`,
		`{"previous_response_id": "{ID}"}`,
		`{"metadata": {"previous_response_id": "OTHER"}, "previous_response_id": "ID"}`,
		`{"previous_response_id": "ID", "metadata": {"previous_response_id": "OTHER"}}`,
		`{"metadata": {"previous_response_id": "` + strings.Repeat("x", 40) + `"}, "previous_respons\u0065_id": "ID"}`,
		`{"metadata": {"prevprevprevprevprev": "OTHER"}, "previous_response_id": "ID"}`,
	}
	write := func(body string, id uuid.UUID) string {
		text := id.String()
		escaped := fmt.Sprintf(`\u%04x%s\u%04X`, text[0], text[1:35], text[35])
		return strings.NewReplacer("ID", text, "ESCAPED", escaped, "OTHER", uuid.NewString()).Replace(body)
	}
	for name, prepare := range map[string]func(*fixture){
		"index":    (*fixture).index,
		"no index": func(*fixture) {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newFixture(t, postgres.Config{})
			prepare(b)
			indexed := name == "index"
			erasures := b.erasures(postgres.Config{})
			for _, body := range bodies {
				first := b.addTurn("anna", "", at)
				turn := b.addTurn("anna", "", at.Add(time.Minute))
				b.exec(`UPDATE request_templates SET body = $2 WHERE id = $1`, turn.Template, write(body, first.ID))
				s, err := erasures.Estimate(t.Context(), domain.ErasureTarget{Responses: []uuid.UUID{first.ID}}, nil, at.Add(time.Hour))
				if err != nil || s.Turns.Found == nil || *s.Turns.Found != 1 || !s.Turns.Complete {
					t.Errorf("%s: got the preview %+v (error %v)", write(body, first.ID), s.Turns, err)
				}
				if erased, named := b.eraseTurns(first.ID); erased.Requests != 2 || named == indexed {
					t.Errorf("%s: erased %+v, named %t", write(body, first.ID), erased, named)
				}
				// A turn that is left.
				again := b.addTurn("anna", "", at)
				stays := b.addTurn("anna", "", at.Add(time.Minute))
				b.exec(`UPDATE request_templates SET body = $2 WHERE id = $1`, stays.Template, write(body, again.ID))
				if _, err := b.responses.Erase(t.Context(), again.ID, nil, porttest.Permit); err != nil {
					t.Fatal(err)
				}
				if !slices.Contains(b.lastReceipt().NotCovered, receipt.GapLaterTurns) {
					t.Errorf("%s: the turn is left, but the receipt does not name it", write(body, again.ID))
				}
				b.exec(`DELETE FROM requests`)
				b.exec(`DELETE FROM request_templates`)
			}

			// A prompt that follows another response stays, whatever else it
			// contains.
			for _, body := range []string{
				`{"metadata": {"previous_response_id": "ID"}, "previous_response_id": "OTHER"}`,
				`{"metadata": {"previous_response_id": "ID"}, "previous_respons\u0065_id": null}`,
				`{"metadata": {"previous_response_i\u0064": "ID"}}`,
				`{"input": "{\"previous_response\\u005fid\": \"ID\"}"}`,
			} {
				first := b.addTurn("anna", "", at)
				other := b.addTurn("anna", "", at.Add(time.Minute))
				b.exec(`UPDATE request_templates SET body = $2 WHERE id = $1`, other.Template, write(body, first.ID))
				if erased, _ := b.eraseTurns(first.ID); erased.Requests != 1 || b.number(`SELECT count(*) FROM requests WHERE id = $1`, other.ID) != 1 {
					t.Errorf("%s: erased %+v", write(body, first.ID), erased)
				}
				b.exec(`DELETE FROM requests`)
				b.exec(`DELETE FROM request_templates`)
			}

			// A prompt with several ids may follow its owner's responses only.
			theirs := b.addTurn("anna", "", at)
			b.exec(`UPDATE request_templates SET body = $2 WHERE id = $1`, theirs.Template, write(bodies[7], uuid.New()))
			for _, owner := range []string{"anna", "ben"} {
				if _, named := b.eraseTurns(b.addChain(owner, 1)[0].ID); named != (owner == "anna" || !indexed) {
					t.Errorf("response of %s beside a prompt of anna with several ids: named %t", owner, named)
				}
			}
			b.exec(`UPDATE requests SET template_id = NULL`)
			if _, named := b.eraseTurns(b.addChain("ben", 1)[0].ID); !named {
				t.Error("beside a prompt without an owner with several ids: not named")
			}
		})
	}
}

// rowsRead counts the rows returned by one query.
type rowsRead struct {
	meddler
	name string
	rows atomic.Int64
}

func (r *rowsRead) TraceBatchQuery(_ context.Context, _ *pgx.Conn, data pgx.TraceBatchQueryData) {
	if strings.Contains(data.SQL, "-- name: "+r.name+" ") {
		r.rows.Add(data.CommandTag.RowsAffected())
	}
}

// TestUnclearPromptsReadOnce: a prompt whose predecessor the index does not tell
// is read once, however long the conversation is, and prompts of other owners are
// not read.
func TestUnclearPromptsReadOnce(t *testing.T) {
	t.Parallel()
	read := &rowsRead{name: "TurnsByIndex"}
	b := newFixture(t, postgres.Config{Tracer: read})
	b.index()
	erasures := b.erasures(postgres.Config{Tracer: read})
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	const turns = 12
	add := func(owner string) (first uuid.UUID) {
		t.Helper()
		first = b.addTurn(owner, uuid.NewString(), at).ID
		follows := first
		for i := range turns {
			turn := b.addTurn(owner, follows.String(), at.Add(time.Duration(i+1)*time.Minute))
			b.exec(`UPDATE request_templates SET body = (body::jsonb || jsonb_build_object('metadata', jsonb_build_object('previous_response_id', gen_random_uuid())))::text WHERE id = $1`, turn.Template)
			follows = turn.ID
		}
		return first
	}
	add("ben")
	for name, erase := range map[string]func(uuid.UUID) int64{
		"single": func(id uuid.UUID) int64 {
			erased, _ := b.eraseTurns(id)
			return erased.Requests
		},
		"bulk": func(id uuid.UUID) int64 {
			target := domain.ErasureTarget{Responses: []uuid.UUID{id}, LaterTurns: true}
			return b.finish(erasures, b.create(erasures, target).ID, 100).Erased.Requests
		},
	} {
		id := add("anna")
		read.rows.Store(0)
		if erased := erase(id); erased != turns+1 {
			t.Errorf("%s: erased %d", name, erased)
		}
		if n := read.rows.Load(); n != turns {
			t.Errorf("%s: read %d prompts of %d", name, n, turns)
		}
	}
	id := add("anna")
	read.rows.Store(0)
	s, err := erasures.Estimate(t.Context(), domain.ErasureTarget{Responses: []uuid.UUID{id}}, nil, at.Add(time.Hour))
	if err != nil || s.Turns.Found == nil || *s.Turns.Found != turns || !s.Turns.Complete {
		t.Errorf("preview: got %+v (error %v)", s.Turns, err)
	}
	if n := read.rows.Load(); n != turns {
		t.Errorf("preview: read %d prompts of %d", n, turns)
	}
}
