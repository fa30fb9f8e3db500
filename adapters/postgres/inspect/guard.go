package inspect

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
)

// Guard makes a database refuse to delete held responses, whoever asks: triggers on
// dwctl's tables and functions in schema lethe. Lethe only prints it; the owner of the
// tables installs it.
type Guard struct {
	functions []guardFunction
	triggers  []guardTrigger
	needs     []guardTable // tables that its owner must be able to read
}

type guardTable struct{ Schema, Name string }

func (t guardTable) quoted() string { return pgx.Identifier{t.Schema, t.Name}.Sanitize() }

type guardFunction struct {
	name, arguments, returns string
	language                 string
	body                     string
}

func (f guardFunction) signature() string { return Own + "." + f.name + "(" + f.arguments + ")" }

// guardSettings are those of trigger functions. These run as their owner, who can read
// holds; dwctl's role cannot. Planning or compiling for each row would dominate the
// cost. A generic plan overestimates the rows, so it must be kept from scanning tables.
var guardSettings = [][2]string{
	{"search_path", "pg_catalog, pg_temp"}, {"plan_cache_mode", "force_generic_plan"}, {"jit", "off"},
	{"enable_seqscan", "off"}, {"enable_hashjoin", "off"}, {"enable_mergejoin", "off"},
}

type guardTrigger struct {
	table    guardTable
	name     string
	event    string // DELETE, UPDATE or TRUNCATE
	columns  string // updated columns that fire it, sorted, separated by commas; empty: any
	level    string
	function string
	kind     int16 // pg_trigger.tgtype
}

const (
	guardTriggerPrefix = "lethe_guard"
	beforeDelete       = 1 | 2 | 8  // for each row
	beforeUpdate       = 1 | 2 | 16 // for each row
	beforeTruncate     = 2 | 32     // for the statement
)

// NewGuard makes the guard for fusillade's database. It lets roles pass: those that
// Lethe connects as, since Lethe checks holds itself. It is long because it lists every
// function and trigger.
func NewGuard(ctx context.Context, q Querier, s Schemas, roles []string) (*Guard, error) {
	s = s.withDefaults()
	there := func(t guardTable) (is bool, err error) {
		err = q.QueryRow(ctx, `
			SELECT EXISTS (
				SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
				WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')
			)`, t.Schema, t.Name).Scan(&is)
		return is, err
	}
	requests, templates := guardTable{s.Fusillade, "requests"}, guardTable{s.Fusillade, "request_templates"}
	steps, usage := guardTable{s.Fusillade, "response_steps"}, guardTable{"public", "http_analytics"}
	copies := []guardTable{{s.Outlet, "http_requests"}, {s.Outlet, "http_responses"}}
	present := map[guardTable]bool{}
	for _, t := range append([]guardTable{steps, usage}, copies...) {
		var err error
		if present[t], err = there(t); err != nil {
			return nil, err
		}
	}

	tables := []guardTable{requests, templates}
	g := &Guard{needs: []guardTable{{Own, "holds"}, requests, templates}}
	stepped, stepsLeft := guardNoSteps, "false"
	if present[steps] {
		stepped, stepsLeft = guardSteps, guardStepsLeft
		tables, g.needs = append(tables, steps), append(g.needs, steps)
	}
	literals := make([]string, len(roles))
	for i, role := range roles {
		literals[i] = postgres.Literal(role)
	}
	headers := guardNoHeaders
	if present[copies[0]] {
		headers = guardHeaders
	}
	fill := strings.NewReplacer("{roles}", strings.Join(literals, ", "), "{chain}", stepped, "{steps left}", stepsLeft, "{headers}", headers,
		"{named}", "("+CopyResponse+")", "{batch}", guardBatch, "{copied}", copies[0].quoted(),
		"{active}", guardActive, "{lock}", guardLock, "{requests}", requests.quoted(), "{steps}", steps.quoted(), "{usage}", usage.quoted()).Replace
	add := func(f guardFunction) {
		f.body = fill(fill(f.body)) // the filled-in chain contains {names} too
		g.functions = append(g.functions, f)
	}
	onDelete := func(t guardTable, function string) {
		g.triggers = append(g.triggers, guardTrigger{t, guardTriggerPrefix, "DELETE", "", "ROW", function, beforeDelete})
	}
	onUpdate := func(t guardTable, function, columns string) {
		g.triggers = append(g.triggers, guardTrigger{t, guardTriggerPrefix + "_update", "UPDATE", columns, "ROW", function, beforeUpdate})
	}
	add(guardFunction{name: "guard_passes", returns: "boolean", language: "sql", body: guardPasses})
	add(guardFunction{name: "guard_empty", arguments: "content text", returns: "boolean", language: "sql", body: guardEmpty})
	add(guardFunction{name: "guard_held", arguments: "request_ids uuid[], step_ids uuid[], owner text", returns: "uuid", language: "plpgsql", body: guardHeld})
	add(guardFunction{name: "guard_requests", returns: "trigger", language: "plpgsql", body: guardRequests})
	add(guardFunction{name: "guard_templates", returns: "trigger", language: "plpgsql", body: guardTemplates})
	onDelete(requests, "guard_requests")
	onUpdate(requests, "guard_requests", "batch_id, created_at, created_by, error, id, model, response_body, service_tier, template_id")
	onDelete(templates, "guard_templates")
	onUpdate(templates, "guard_templates", "body")
	if present[steps] {
		add(guardFunction{name: "guard_steps", returns: "trigger", language: "plpgsql", body: guardStepRows})
		onDelete(steps, "guard_steps")
		onUpdate(steps, "guard_steps", "error, id, parent_step_id, prev_step_id, request_id, request_payload, response_payload")
	}
	if present[usage] && !s.OutletApart && (present[copies[0]] || present[copies[1]]) {
		g.needs = append(g.needs, usage)
		if present[copies[0]] {
			g.needs = append(g.needs, copies[0])
		}
		add(guardFunction{name: "guard_gone", arguments: "request_id uuid, step_id uuid, instance uuid, correlation bigint", returns: "uuid", language: "plpgsql", body: guardGone})
		add(guardFunction{name: "guard_link", arguments: "headers jsonb", returns: "text", language: "sql", body: guardLink})
		add(guardFunction{name: "guard_copies", returns: "trigger", language: "plpgsql", body: guardCopies})
		for _, t := range copies {
			if present[t] {
				tables = append(tables, t)
				onDelete(t, "guard_copies")
				onUpdate(t, "guard_copies", "body, correlation_id, headers, instance_id")
			}
		}
	}
	add(guardFunction{name: "guard_truncate", returns: "trigger", language: "plpgsql", body: guardTruncate})
	for _, t := range tables {
		g.triggers = append(g.triggers, guardTrigger{t, guardTriggerPrefix + "_truncate", "TRUNCATE", "", "STATEMENT", "guard_truncate", beforeTruncate})
	}
	return g, nil
}

// GuardRefused returns why a guard that lets these roles pass would be useless or
// harmful in this database; empty if it would be neither.
func GuardRefused(ctx context.Context, q Querier, s Schemas, roles []string) (why string, err error) {
	s = s.withDefaults()
	var moves bool
	var owner *string
	var known []string
	err = q.QueryRow(ctx, `
		SELECT to_regclass(format('%I.retained_response_objects', $1::text)) IS NOT NULL,
		       (SELECT pg_catalog.pg_get_userbyid(c.relowner)::text FROM pg_catalog.pg_class c WHERE c.oid = to_regclass(format('%I.requests', $1::text))),
		       ARRAY (SELECT r.rolname::text FROM pg_catalog.pg_roles r WHERE r.rolname = ANY ($2::text[]))`, s.Fusillade, roles).Scan(&moves, &owner, &known)
	switch {
	case err != nil:
		return "", err
	case owner == nil:
		return fmt.Sprintf("table %s.requests not found: correct fusillade.schema", s.Fusillade), nil
	case moves:
		return "this database moves finished responses to retained_response_objects and deletes the originals, which a guard would prevent", nil
	}
	for _, role := range roles {
		switch {
		case !slices.Contains(known, role):
			return fmt.Sprintf("there is no role %s in the database: give the role that Lethe connects as with --role", role), nil
		case role == *owner:
			return fmt.Sprintf("role %s owns dwctl's tables, so the guard would let everyone pass who connects as it: give Lethe its own role (see `lethe doctor --grants`) and pass that with --role", role), nil
		}
	}
	return "", nil
}

// Install returns the statements that install or replace the guard. Run them in one
// transaction, as a role that owns the tables and schema lethe.
func (g *Guard) Install() []string {
	var lacks []string
	for _, t := range g.needs {
		lacks = append(lacks, postgres.Literal(t.quoted()))
	}
	out := []string{strings.Replace(guardMayRead, "{tables}", strings.Join(lacks, ", "), 1)}
	for _, f := range g.functions {
		as := "LANGUAGE " + f.language
		if f.returns == "trigger" {
			as += " SECURITY DEFINER"
			for _, set := range guardSettings {
				as += " SET " + set[0] + " = " + set[1]
			}
		}
		out = append(out,
			fmt.Sprintf("CREATE OR REPLACE FUNCTION %s RETURNS %s %s AS $guard$%s$guard$", f.signature(), f.returns, as, f.body),
			fmt.Sprintf("REVOKE ALL ON FUNCTION %s FROM PUBLIC", f.signature()))
	}
	for _, t := range g.triggers {
		event := t.event
		if t.columns != "" {
			event += " OF " + t.columns
		}
		out = append(out, fmt.Sprintf("CREATE OR REPLACE TRIGGER %s BEFORE %s ON %s FOR EACH %s EXECUTE FUNCTION %s.%s()",
			t.name, event, t.table.quoted(), t.level, Own, t.function))
	}
	return out
}

// Remove returns the statements that remove the guard, whatever its version.
func (g *Guard) Remove() []string {
	var out []string
	for _, name := range []string{"guard_requests()", "guard_templates()", "guard_steps()", "guard_copies()", "guard_truncate()"} {
		out = append(out, fmt.Sprintf("DROP FUNCTION IF EXISTS %s.%s CASCADE", Own, name)) // with its triggers
	}
	return append(out,
		"DROP FUNCTION IF EXISTS "+Own+".guard_gone(uuid, uuid, uuid, bigint)",
		"DROP FUNCTION IF EXISTS "+Own+".guard_link(jsonb)",
		"DROP FUNCTION IF EXISTS "+Own+".guard_held(uuid[], uuid[], text)",
		"DROP FUNCTION IF EXISTS "+Own+".guard_empty(text)",
		"DROP FUNCTION IF EXISTS "+Own+".guard_passes()")
}
