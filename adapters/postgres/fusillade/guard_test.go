package fusillade

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lethe/adapters/postgres"
	"lethe/adapters/postgres/inspect"
	"lethe/domain"
	"lethe/domain/porttest"
)

// guarded is a fixture whose database has the guard, and a connection for dwctl as
// the tables' owner, who is not Lethe's role.
type guarded struct {
	*fixture
	placing *Holds
	role    string
}

func newGuarded(t testing.TB) *guarded {
	t.Helper()
	b := newFixture(t, postgres.Config{})
	role, err := url.Parse(b.database.RoleURL)
	if err != nil {
		t.Fatal(err)
	}
	g := &guarded{b, b.holds(postgres.Config{}), role.User.Username()}
	g.run(g.guard().Install())
	return g
}

func (g *guarded) guard() *inspect.Guard {
	g.t.Helper()
	guard, err := inspect.NewGuard(g.t.Context(), g.owner.Pool(), inspect.Schemas{}, []string{g.role})
	if err != nil {
		g.t.Fatal(err)
	}
	return guard
}

func (g *guarded) run(statements []string) {
	g.t.Helper()
	for _, s := range statements {
		g.exec(s)
	}
}

func (g *guarded) state() inspect.GuardState {
	g.t.Helper()
	state, err := inspect.InspectGuard(g.t.Context(), g.owner.Pool(), inspect.Schemas{})
	if err != nil {
		g.t.Fatal(err)
	}
	return state
}

func (g *guarded) hold(target domain.HoldTarget) domain.Hold {
	g.t.Helper()
	hold, err := g.placing.Place(g.t.Context(), domain.Hold{ID: uuid.New(), HoldTarget: target, Reason: "r", CreatedBy: uuid.New()})
	if err != nil {
		g.t.Fatal(err)
	}
	return hold
}

// refused tells whether the guard refuses a statement of dwctl, and if not, how
// many rows it changed. The statement is rolled back.
func (g *guarded) refused(sql string, args ...any) (refused bool, rows int64) {
	g.t.Helper()
	tx, err := g.owner.Pool().Begin(g.t.Context())
	if err != nil {
		g.t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(g.t.Context())) }()
	tag, err := tx.Exec(g.t.Context(), sql, args...)
	if of, ok := errors.AsType[*pgconn.PgError](err); ok && of.Code == "23001" {
		return true, 0
	}
	if err != nil {
		g.t.Fatalf("%s: %v", sql, err)
	}
	return false, tag.RowsAffected()
}

// TestGuard: dwctl can delete nothing that is held, in any way. It can delete what
// is not held, or no longer held.
func TestGuard(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	owner := uuid.New()
	held, free := g.addChain(owner.String(), 4), g.addChain(uuid.NewString(), 4)
	statements := map[string]string{
		"a request":           "DELETE FROM fusillade.requests WHERE id = $1",
		"steps":               "DELETE FROM fusillade.response_steps WHERE request_id = $1",
		"a prompt":            "DELETE FROM fusillade.request_templates WHERE id = (SELECT template_id FROM fusillade.requests WHERE id = $1)",
		"a purge":             "DELETE FROM fusillade.requests WHERE created_by = (SELECT created_by FROM fusillade.requests WHERE id = $1)",
		"a copy of a prompt":  "DELETE FROM outlet.http_requests r USING public.http_analytics a WHERE a.instance_id = r.instance_id AND a.correlation_id = r.correlation_id AND a.fusillade_request_id = $1",
		"a copy of an answer": "DELETE FROM outlet.http_responses r USING public.http_analytics a WHERE a.instance_id = r.instance_id AND a.correlation_id = r.correlation_id AND a.fusillade_request_id = $1",
		"an answer, emptied":  "UPDATE fusillade.requests SET response_body = '' WHERE id = $1",
		"a prompt, emptied":   "UPDATE fusillade.request_templates SET body = '' WHERE id = (SELECT template_id FROM fusillade.requests WHERE id = $1)",

		"an answer, empty JSON":                   "UPDATE fusillade.requests SET response_body = ' {} ' WHERE id = $1",
		"a prompt, empty JSON":                    "UPDATE fusillade.request_templates SET body = '[{}]' WHERE id = (SELECT template_id FROM fusillade.requests WHERE id = $1)",
		"an error, emptied":                       "UPDATE fusillade.requests SET error = NULL WHERE id = $1",
		"a step's request, emptied":               "UPDATE fusillade.response_steps SET request_payload = '{}' WHERE request_id = $1",
		"a step's answer, emptied":                "UPDATE fusillade.response_steps SET response_payload = '\"\"' WHERE request_id = $1",
		"a copy of a prompt, emptied":             "UPDATE outlet.http_requests r SET body = '{}' FROM public.http_analytics a WHERE a.instance_id = r.instance_id AND a.correlation_id = r.correlation_id AND a.fusillade_request_id = $1",
		"a copy of an answer, emptied":            "UPDATE outlet.http_responses r SET body = NULL FROM public.http_analytics a WHERE a.instance_id = r.instance_id AND a.correlation_id = r.correlation_id AND a.fusillade_request_id = $1",
		"a copy of a prompt, another correlation": "UPDATE outlet.http_requests r SET correlation_id = 0 FROM public.http_analytics a WHERE a.instance_id = r.instance_id AND a.correlation_id = r.correlation_id AND a.fusillade_request_id = $1",
		"a copy of an answer, another instance":   "UPDATE outlet.http_responses r SET instance_id = gen_random_uuid() FROM public.http_analytics a WHERE a.instance_id = r.instance_id AND a.correlation_id = r.correlation_id AND a.fusillade_request_id = $1",
		"no prompt":                               "UPDATE fusillade.requests SET template_id = NULL WHERE id = $1",
		"another prompt":                          "UPDATE fusillade.requests SET template_id = (SELECT t.id FROM fusillade.request_templates t WHERE t.id <> template_id LIMIT 1) WHERE id = $1",
		"another owner":                           "UPDATE fusillade.requests SET created_by = 'nobody' WHERE id = $1",
		"no owner, as a batch's":                  "UPDATE fusillade.requests SET created_by = NULL, batch_id = (SELECT b.id FROM fusillade.batches b LIMIT 1) WHERE id = $1",
		"another model":                           "UPDATE fusillade.requests SET model = 'none' WHERE id = $1",
		"another tier":                            "UPDATE fusillade.requests SET service_tier = 'priority' WHERE id = $1",
		"another time":                            "UPDATE fusillade.requests SET created_at = created_at - interval '1 year' WHERE id = $1",
	}
	batch := porttest.NewRow("", "completed", time.Now())
	batch.Batched = true
	g.AddResponse(batch)
	g.exec("UPDATE fusillade.requests SET error = 'words' WHERE created_by IS NOT NULL")
	look := func(name string, row porttest.Row, want bool) {
		t.Helper()
		for what, sql := range statements {
			if refused, rows := g.refused(sql, row.ID); refused != want || !refused && rows == 0 {
				t.Errorf("hold %s: %s: got refused %v, %d rows", name, what, refused, rows)
			}
		}
	}
	look("nothing held", held[1], false)
	model := held[2].Model
	g.exec("UPDATE fusillade.requests SET model = 'another' WHERE id = ANY ($1)", []uuid.UUID{free[0].ID, free[1].ID, free[2].ID})
	for name, target := range map[string]domain.HoldTarget{
		"by identifier, of another part": {Responses: []uuid.UUID{held[2].ID}},
		"by owner":                       {Owners: []uuid.UUID{owner}},
		"by filter":                      {Filter: &domain.HoldFilter{Models: []string{model}}},
	} {
		hold := g.hold(target)
		for _, row := range held {
			look(name, row, true)
		}
		look(name+", of somebody else", free[0], false)
		if refused, _ := g.refused("TRUNCATE fusillade.response_steps"); !refused {
			t.Errorf("hold %s: TRUNCATE succeeded", name)
		}
		if refused, rows := g.refused("UPDATE fusillade.requests SET response_body = 'other', updated_at = now() WHERE id = $1", held[0].ID); refused || rows != 1 {
			t.Errorf("hold %s: dwctl cannot write", name)
		}
		if _, err := g.placing.Release(t.Context(), hold.ID, uuid.New()); err != nil {
			t.Fatal(err)
		}
		look(name+", released", held[0], false)
	}

	// A row of a batch is not a response, so dwctl can delete it. So it can with a
	// prompt of a file, which it does not delete.
	g.hold(domain.HoldTarget{Filter: &domain.HoldFilter{States: []string{"completed"}}})
	if refused, rows := g.refused("DELETE FROM fusillade.requests WHERE id = $1", batch.ID); refused || rows != 1 {
		t.Error("deleting a row of a batch was refused")
	}
	g.exec("INSERT INTO fusillade.files (id, name) VALUES ($1, 'f')", owner)
	g.exec("UPDATE fusillade.request_templates SET file_id = $1 WHERE id = (SELECT template_id FROM fusillade.requests WHERE id = $2)", owner, held[0].ID)
	if refused, rows := g.refused("DELETE FROM fusillade.request_templates WHERE file_id = $1", owner); refused || rows != 0 {
		t.Errorf("prompt of a file: got refused %v, %d rows", refused, rows)
	}

	// The guard lets Lethe finish an erasure that started before the hold.
	if _, err := g.responses.Erase(t.Context(), held[0].ID, nil, porttest.Permit); err != nil {
		t.Errorf("erasure by Lethe: got %v, want no error", err)
	}
	if n := g.number("SELECT count(*) FROM fusillade.requests WHERE created_by = $1", owner.String()); n != 0 {
		t.Errorf("%d responses left", n)
	}
}

// TestGuardKeepsChains: dwctl can neither cut a held chain nor empty a step without
// a request. Its ordinary writes succeed.
func TestGuardKeepsChains(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	chain, alone := g.addChain("somebody", 4), g.addChain("somebody", 1)[0]
	var call, last uuid.UUID
	row := g.owner.Pool().QueryRow(t.Context(), `
		UPDATE fusillade.response_steps SET state = 'failed', error = '{"words": "of a tool"}', response_payload = NULL, completed_at = NULL, failed_at = now()
		WHERE step_kind = 'tool_call' RETURNING id`)
	if err := row.Scan(&call); err != nil {
		t.Fatal(err)
	}
	row = g.owner.Pool().QueryRow(t.Context(), `
		INSERT INTO fusillade.response_steps (parent_step_id, step_kind, step_sequence, request_payload)
		SELECT s.id, 'tool_call', 9, '{"words": "of people"}' FROM fusillade.response_steps s WHERE s.request_id = $1 RETURNING id`, chain[0].ID)
	if err := row.Scan(&last); err != nil {
		t.Fatal(err)
	}
	statements := map[string]struct {
		sql string
		id  uuid.UUID
	}{
		"another id of a request":      {"UPDATE fusillade.requests SET id = gen_random_uuid() WHERE id = $1", alone.ID},
		"another id of a step":         {"UPDATE fusillade.response_steps SET id = gen_random_uuid() WHERE prev_step_id = $1", call},
		"a step without a request":     {"UPDATE fusillade.response_steps SET request_id = NULL, step_kind = 'tool_call' WHERE request_id = $1", chain[2].ID},
		"a step without a parent":      {"UPDATE fusillade.response_steps SET parent_step_id = NULL WHERE id = $1", call},
		"a step without a predecessor": {"UPDATE fusillade.response_steps SET prev_step_id = NULL WHERE id = $1", call},
		"an error, emptied":            {"UPDATE fusillade.response_steps SET error = '{}' WHERE id = $1", call},
		"a call, emptied":              {"UPDATE fusillade.response_steps SET request_payload = '[]' WHERE id = $1", call},
	}
	look := func(want bool) {
		t.Helper()
		for what, s := range statements {
			if refused, rows := g.refused(s.sql, s.id); refused != want || !refused && rows != 1 {
				t.Errorf("%s: got refused %v, %d rows, want it refused", what, refused, rows)
			}
		}
	}
	look(false)
	g.hold(domain.HoldTarget{Responses: []uuid.UUID{chain[0].ID, alone.ID}})
	look(true)
	for what, sql := range map[string]string{
		"an answer, replaced": `UPDATE fusillade.response_steps SET response_payload = '{"words": "of another"}', request_payload = request_payload WHERE request_id = '` + chain[0].ID.String() + `'`,
		"a step, linked":      `UPDATE fusillade.response_steps SET prev_step_id = '` + call.String() + `' WHERE id = '` + last.String() + `'`,
		"a request, written":  `UPDATE fusillade.requests SET response_body = 'other', error = error, template_id = template_id, state = state, updated_at = now() WHERE id = '` + alone.ID.String() + `'`,
	} {
		if refused, rows := g.refused(sql); refused || rows != 1 {
			t.Errorf("%s: got refused %v, %d rows, want it accepted", what, refused, rows)
		}
	}
}

// TestGuardKeepsCopies: raw copies, and what leads to them, are kept where an
// erasure of the same id would be refused because of a hold. It does not matter
// whether the response still exists or whose it was.
func TestGuardKeepsCopies(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	g.index()
	owner, other, batch := uuid.New(), uuid.New(), uuid.New()
	living := g.addChain(owner.String(), 1)[0].ID
	gone := make([]uuid.UUID, 6)
	for i := range gone {
		gone[i] = uuid.New()
	}
	// Usage records without copies name the owner of the last two. One of the last
	// one's records has no owner, since dwctl deleted a user.
	g.addOld(g.owner, old{request: &gone[4], owner: &owner, only: "none"})
	g.addOld(g.owner, old{request: &gone[5], owner: &owner, only: "none"})
	g.addOld(g.owner, old{request: &gone[5], only: "none"})
	spelled := "[\"RESP_" + strings.ToUpper(gone[2].String()) + "\"]"
	for name, c := range map[string]struct {
		old
		of     uuid.UUID
		passes bool // erasures do not count it as a response's
	}{
		"usage with owner":                     {old{request: &gone[0], owner: &owner}, gone[0], false},
		"usage without owner":                  {old{request: &gone[1]}, gone[1], false},
		"header":                               {old{header: spelled}, gone[2], false},
		"header, usage of a step":              {old{step: new(uuid.New()), owner: &owner, header: gone[3].String()}, gone[3], false},
		"header, one owner recorded":           {old{header: gone[4].String()}, gone[4], false},
		"header, two usage records":            {old{header: gone[5].String()}, gone[5], false},
		"header of a live request":             {old{header: living.String()}, living, false},
		"header of a live request and a batch": {old{header: living.String(), batchHeader: batch.String()}, living, true},
		"usage of a batch":                     {old{request: new(uuid.New()), batch: &batch, header: uuid.NewString()}, uuid.Nil, true},
		"header of a batch":                    {old{header: uuid.NewString(), batchHeader: batch.String()}, uuid.Nil, true},
		"invalid header":                       {old{header: "words"}, uuid.Nil, true},
	} {
		at := g.addOld(g.owner, c.old)
		for what, target := range map[string]*domain.HoldTarget{
			"none":             nil,
			"filter":           {Filter: &domain.HoldFilter{States: []string{"completed"}}},
			"another filter":   {Filter: &domain.HoldFilter{States: []string{"failed"}}},
			"owner":            {Owners: []uuid.UUID{owner}},
			"another owner":    {Owners: []uuid.UUID{other}},
			"identifier":       {Responses: []uuid.UUID{c.of}},
			"other identifier": {Responses: []uuid.UUID{uuid.New()}},
		} {
			var hold domain.Hold
			if target != nil {
				hold = g.hold(*target)
			}
			asked := false
			if !c.passes {
				_, err := g.responses.Erase(t.Context(), c.of, nil, func(found domain.Found) (domain.Authorization, error) {
					asked = len(found.Holds) > 0
					return domain.Authorization{}, errHeld
				})
				if !errors.Is(err, errHeld) {
					t.Fatalf("%s: %v", name, err)
				}
			}
			for _, statement := range []string{
				"DELETE FROM outlet.http_requests WHERE instance_id = $1",
				"DELETE FROM outlet.http_responses WHERE instance_id = $1",
				"UPDATE outlet.http_responses SET body = NULL WHERE instance_id = $1",
				`UPDATE outlet.http_requests SET headers = headers || '{"x-fusillade-request-id": "00000000-0000-4000-8000-000000000000"}' WHERE instance_id = $1`,
				"UPDATE outlet.http_requests SET headers = headers - 'x-fusillade-request-id' || '{\"x-fusillade-request-id\": \"none\"}' WHERE instance_id = $1",
				`UPDATE outlet.http_requests SET headers = headers || '{"x-fusillade-batch-id": "1"}' WHERE instance_id = $1 AND headers ->> 'x-fusillade-batch-id' IS NULL`,
			} {
				refused, rows := g.refused(statement, at.instance)
				if refused != asked || !refused && rows != 1 && !strings.Contains(statement, "batch-id") {
					t.Errorf("copy %s, hold by %s: an erasure is refused: %v, the guard refuses: %v, %d rows: %s", name, what, asked, refused, rows, statement)
				}
			}
			if refused, rows := g.refused(`UPDATE outlet.http_requests SET headers = headers || '{"x-words": "others"}', body = '{"words": "others"}' WHERE instance_id = $1`, at.instance); refused || rows != 1 {
				t.Errorf("copy %s, hold by %s: changing its other headers was refused", name, what)
			}
			if target != nil {
				if _, err := g.placing.Release(t.Context(), hold.ID, uuid.New()); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	// A copy of a step alone, of which only the owner is known.
	step := uuid.New()
	at := g.addOld(g.owner, old{step: &step, owner: &owner})
	for what, c := range map[string]struct {
		target domain.HoldTarget
		kept   bool
	}{
		"filter":        {domain.HoldTarget{Filter: &domain.HoldFilter{States: []string{"failed"}}}, true},
		"owner":         {domain.HoldTarget{Owners: []uuid.UUID{owner}}, true},
		"another owner": {domain.HoldTarget{Owners: []uuid.UUID{other}}, false},
	} {
		hold := g.hold(c.target)
		if refused, _ := g.refused("DELETE FROM outlet.http_requests WHERE instance_id = $1", at.instance); refused != c.kept {
			t.Errorf("copy of a deleted step, hold by %s: the guard refuses: %v, want the opposite", what, refused)
		}
		if _, err := g.placing.Release(t.Context(), hold.ID, uuid.New()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestGuardMatchesHolds: for random rows and holds, the guard refuses exactly
// what an erasure would be refused.
func TestGuardMatchesHolds(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	random := rand.New(rand.NewPCG(1, 8))
	pick := func(of []string) string { return of[random.IntN(len(of))] }
	owners := []string{uuid.NewString(), uuid.NewString(), uuid.NewString(), "no uuid"}
	models, states, tiers := []string{"m", "n"}, []string{"completed", "failed", "canceled"}, []string{"flex", "default"}
	day := func() time.Time { return time.Date(2026, 3, 1+random.IntN(5), 0, 0, 0, 0, time.UTC) }
	var rows []porttest.Row
	for range 60 {
		row := porttest.NewRow(pick(owners), pick(states), day())
		row.Model = pick(models)
		if random.IntN(3) > 0 {
			tier := pick(tiers)
			row.Tier = &tier
		}
		if random.IntN(3) > 0 || len(rows) == 0 {
			g.AddResponse(row)
		} else { // part of a chain
			other := porttest.NewRow(pick(owners), pick(states), day())
			g.AddChain(porttest.Step{ID: uuid.New(), Row: &row}, porttest.Step{ID: uuid.New()}, porttest.Step{ID: uuid.New(), Row: &other})
			rows = append(rows, other)
		}
		rows = append(rows, row)
	}
	refusals := 0
	for range 40 {
		var target domain.HoldTarget
		switch random.IntN(4) {
		case 0:
			target.Responses = []uuid.UUID{rows[random.IntN(len(rows))].ID, uuid.New()}
		case 1:
			target.Owners = []uuid.UUID{uuid.MustParse(owners[random.IntN(3)])}
		default:
			f := &domain.HoldFilter{}
			if random.IntN(2) == 0 {
				f.Models = []string{pick(models)}
			}
			if random.IntN(2) == 0 {
				f.States = []string{pick(states)}
			}
			if random.IntN(2) == 0 {
				f.Tiers = []string{pick(tiers)}
			}
			if after := day(); random.IntN(2) == 0 {
				f.CreatedAfter = &after
			}
			if before := day(); random.IntN(2) == 0 || f.Models == nil && f.States == nil && f.Tiers == nil && f.CreatedAfter == nil {
				f.CreatedBefore = &before
			}
			target.Filter = f
		}
		hold := g.hold(target)
		if random.IntN(5) == 0 {
			g.exec("UPDATE lethe.holds SET expires_at = clock_timestamp() WHERE id = $1", hold.ID)
		}
		for _, row := range rows {
			var asked bool
			_, err := g.responses.Erase(t.Context(), row.ID, nil, func(found domain.Found) (domain.Authorization, error) {
				asked = len(found.Holds) > 0
				return domain.Authorization{}, errHeld
			})
			if !errors.Is(err, errHeld) {
				t.Fatal(err)
			}
			refused, deleted := g.refused("DELETE FROM fusillade.requests WHERE id = $1", row.ID)
			if refused != asked || !refused && deleted != 1 {
				t.Fatalf("%+v: hold %+v: an erasure is refused: %v, the guard refuses: %v", row, hold, asked, refused)
			}
			if refused {
				refusals++
			}
		}
		if _, err := g.placing.Release(t.Context(), hold.ID, uuid.New()); err != nil {
			t.Fatal(err)
		}
	}
	if refusals < 100 {
		t.Errorf("got only %d refusals", refusals)
	}
}

// TestGuardState: the guard can be installed again and removed, and any change of
// it is detected.
func TestGuardState(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	whole := func(name string) {
		t.Helper()
		if state := g.state(); !state.There || len(state.Wrong) != 0 || !slices.Equal(state.Roles, []string{g.role}) {
			t.Errorf("%s: got the state %+v", name, state)
		}
	}
	whole("installed")
	for change, wrong := range map[string]string{
		"DROP TRIGGER lethe_guard ON fusillade.requests":                      "trigger lethe_guard on fusillade.requests",
		"ALTER TABLE fusillade.request_templates DISABLE TRIGGER lethe_guard": "trigger lethe_guard on fusillade.request_templates",
		"CREATE OR REPLACE FUNCTION lethe.guard_held(request_ids uuid[], step_ids uuid[], owner text) RETURNS uuid LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'": "function lethe.guard_held",
		"ALTER FUNCTION lethe.guard_requests() SECURITY INVOKER": "function lethe.guard_requests",
		"CREATE OR REPLACE TRIGGER lethe_guard_update BEFORE UPDATE OF response_body ON fusillade.requests FOR EACH ROW EXECUTE FUNCTION lethe.guard_requests()": "trigger lethe_guard_update on fusillade.requests",
	} {
		g.exec(change)
		if state := g.state(); !state.There || !slices.Equal(state.Wrong, []string{wrong}) {
			t.Errorf("%s: got the state %+v", change, state)
		}
		g.exec("ALTER TABLE fusillade.request_templates ENABLE TRIGGER lethe_guard")
		g.run(g.guard().Install())
		whole("installed again")
	}
	g.run(g.guard().Remove())
	if state := g.state(); state.There {
		t.Errorf("removed: got the state %+v", state)
	}
	if n := g.number("SELECT count(*) FROM pg_trigger WHERE tgname LIKE 'lethe%'"); n != 0 {
		t.Errorf("%d triggers left", n)
	}
	g.run(g.guard().Remove())
}

// TestGuardRoles: dwctl's role can delete although it cannot read holds,
// and only the guard can ask whether something is held.
func TestGuardRoles(t *testing.T) {
	t.Parallel()
	g := newGuarded(t)
	role := strings.Replace(g.role, "_role", "_dwctl", 1)
	g.exec("CREATE ROLE " + role + " LOGIN PASSWORD 'dwctl'")
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		_, _ = g.owner.Pool().Exec(ctx, "DROP OWNED BY "+role)
		if _, err := g.owner.Pool().Exec(ctx, "DROP ROLE "+role); err != nil {
			t.Error(err)
		}
	})
	g.exec("GRANT USAGE ON SCHEMA fusillade TO " + role)
	g.exec("GRANT SELECT, DELETE ON ALL TABLES IN SCHEMA fusillade TO " + role)
	config := g.owner.Pool().Config().ConnConfig.Copy()
	config.User, config.Password = role, "dwctl"
	dwctl, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = dwctl.Close(context.WithoutCancel(t.Context())) }()
	held, free := g.addChain("a", 2), g.addChain("b", 2)
	g.hold(domain.HoldTarget{Responses: []uuid.UUID{held[0].ID}})
	if _, err := dwctl.Exec(t.Context(), "DELETE FROM fusillade.requests WHERE id = $1", held[1].ID); err == nil || !strings.Contains(err.Error(), "23001") {
		t.Errorf("deleting a held request: got %v, want code 23001", err)
	}
	if tag, err := dwctl.Exec(t.Context(), "DELETE FROM fusillade.requests WHERE id = $1", free[1].ID); err != nil || tag.RowsAffected() != 1 {
		t.Errorf("deleting another request: got %v, want no error", err)
	}
	if _, err := dwctl.Exec(t.Context(), "SELECT lethe.guard_held(ARRAY[$1::uuid], '{}', NULL)", held[0].ID); err == nil {
		t.Error("dwctl's role can ask what is held")
	}
}

// BenchmarkGuard deletes responses as dwctl does: without the guard, with it, and
// with a hold on another owner. It reports the fastest tenth, which varies least on
// a busy machine.
func BenchmarkGuard(t *testing.B) {
	for _, length := range []int{1, 4} {
		for _, mode := range []string{"none", "guard", "guard and a hold"} {
			t.Run(fmt.Sprintf("%d requests, %s", length-length/3, mode), func(t *testing.B) {
				g := newGuarded(t)
				if mode == "none" {
					g.run(g.guard().Remove())
				}
				if mode == "guard and a hold" {
					g.hold(domain.HoldTarget{Owners: []uuid.UUID{uuid.New()}})
					g.hold(domain.HoldTarget{Responses: []uuid.UUID{uuid.New()}})
					g.hold(domain.HoldTarget{Filter: &domain.HoldFilter{Models: []string{"another"}}})
				}
				const responses = 300
				var heads []uuid.UUID
				for range responses {
					heads = append(heads, g.addChain("somebody", length)[0].ID)
				}
				g.exec("ANALYZE")
				conn, err := g.owner.Pool().Acquire(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Release()
				var took []time.Duration
				for range t.N { // each deletion is rolled back
					tx, err := conn.Begin(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					for _, id := range heads {
						begun := time.Now()
						var template *uuid.UUID
						if err := tx.QueryRow(t.Context(), "DELETE FROM fusillade.requests WHERE id = $1 RETURNING template_id", id).Scan(&template); err != nil {
							t.Fatal(err)
						}
						if _, err := tx.Exec(t.Context(), "DELETE FROM fusillade.request_templates WHERE id = $1 AND file_id IS NULL", template); err != nil {
							t.Fatal(err)
						}
						took = append(took, time.Since(begun))
					}
					if err := tx.Rollback(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
				slices.Sort(took)
				t.ReportMetric(float64(took[len(took)/10].Nanoseconds())/1000, "µs/deletion")
			})
		}
	}
}
