package inspect

import (
	"context"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"lethe/adapters/postgres"
)

// Guard is what makes a database refuse to delete what is held, whoever asks:
// triggers on dwctl's tables, and functions in schema lethe. Lethe prints it for
// the owner of these tables, and never installs it.
type Guard struct {
	functions []guardFunction
	triggers  []guardTrigger
	needs     []guardTable // what its owner has to be able to read
}

type guardTable struct{ Schema, Name string }

func (t guardTable) quoted() string { return pgx.Identifier{t.Schema, t.Name}.Sanitize() }

type guardFunction struct {
	name, arguments, returns string
	language                 string
	body                     string
}

func (f guardFunction) signature() string { return Own + "." + f.name + "(" + f.arguments + ")" }

// A trigger's function runs as its owner, who may read holds, as dwctl's role may
// not. Planning or compiling at each row would take longer than all else, and a
// plan for any row expects far more than there is, so it must not scan tables.
var guardSettings = [][2]string{
	{"search_path", "pg_catalog, pg_temp"}, {"plan_cache_mode", "force_generic_plan"}, {"jit", "off"},
	{"enable_seqscan", "off"}, {"enable_hashjoin", "off"}, {"enable_mergejoin", "off"},
}

type guardTrigger struct {
	table    guardTable
	name     string
	event    string // such as DELETE
	columns  string // whose update it is about, in order, with commas; empty: any
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

// NewGuard makes the guard of the database that fusillade is in, which these
// roles pass: those that Lethe connects as, since it asks for holds itself. It is a
// list of functions and triggers, and as long as that.
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
		f.body = fill(fill(f.body)) // the chain has names to be filled in, too
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

// GuardRefused says why a guard that these roles pass would be of no use in the
// database, or do harm; empty: it would not.
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
		return fmt.Sprintf("there is no table %s.requests: correct fusillade.schema", s.Fusillade), nil
	case moves:
		return "this database moves finished responses to retained_response_objects and deletes them where they were, which a guard would stop", nil
	}
	for _, role := range roles {
		switch {
		case !slices.Contains(known, role):
			return fmt.Sprintf("there is no role %s in the database: name the one that Lethe connects as with --role", role), nil
		case role == *owner:
			return fmt.Sprintf("role %s owns dwctl's tables, so whoever connects as it would pass the guard: give Lethe a role of its own (`lethe doctor --grants`), and name that with --role", role), nil
		}
	}
	return "", nil
}

// Install are the statements that install the guard, or install it anew, to be
// run in one transaction by a role that owns the tables and schema lethe.
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

// Remove are the statements that remove it, whichever version it is of.
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

// GuardState is what there is of a guard.
type GuardState struct {
	There bool     // any part of it
	Roles []string // that pass
	Wrong []string // parts that are not as this version prints them, in words
}

var guardRole = regexp.MustCompile(`'((?:[^']|'')*)'`)

// InspectGuard looks for the guard in the database that fusillade is in.
func InspectGuard(ctx context.Context, q Querier, s Schemas) (GuardState, error) {
	type function struct {
		Name, Body, Language string
		Definer              bool
		Settings             []string
	}
	rows, err := q.Query(ctx, `
		SELECT p.proname::text, p.prosrc, l.lanname::text, p.prosecdef, p.proconfig
		FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace JOIN pg_catalog.pg_language l ON l.oid = p.prolang
		WHERE n.nspname = $1 AND p.proname LIKE 'guard\_%'`, Own)
	if err != nil {
		return GuardState{}, err
	}
	functions, err := pgx.CollectRows(rows, pgx.RowToStructByPos[function])
	if err != nil {
		return GuardState{}, err
	}
	type trigger struct {
		Schema, Table, Name, Function, Columns string
		Kind                                   int16
		Enabled                                bool
	}
	rows, err = q.Query(ctx, `
		SELECT n.nspname::text, c.relname::text, t.tgname::text, p.proname::text,
		       coalesce((SELECT string_agg(a.attname::text, ', ' ORDER BY a.attname)
		                 FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY (t.tgattr::int2[])), ''),
		       t.tgtype, t.tgenabled IN ('O', 'A') AND t.tgqual IS NULL
		FROM pg_catalog.pg_trigger t
		JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace
		WHERE t.tgparentid = 0 AND pn.nspname = $1 AND p.proname LIKE 'guard\_%'`, Own)
	if err != nil {
		return GuardState{}, err
	}
	triggers, err := pgx.CollectRows(rows, pgx.RowToStructByPos[trigger])
	if err != nil || len(functions)+len(triggers) == 0 {
		return GuardState{}, err
	}
	state := GuardState{There: true}
	of := map[string]function{}
	for _, f := range functions {
		of[f.Name] = f
		if f.Name == "guard_passes" {
			for _, m := range guardRole.FindAllStringSubmatch(f.Body, -1) {
				state.Roles = append(state.Roles, strings.ReplaceAll(m[1], "''", "'"))
			}
		}
	}
	g, err := NewGuard(ctx, q, s, state.Roles)
	if err != nil {
		return GuardState{}, err
	}
	for _, f := range g.functions {
		want := function{f.name, f.body, f.language, false, nil}
		if f.returns == "trigger" {
			want.Definer = true
			for _, set := range guardSettings {
				want.Settings = append(want.Settings, set[0]+"="+set[1])
			}
		}
		if !reflect.DeepEqual(of[f.name], want) {
			state.Wrong = append(state.Wrong, "function "+Own+"."+f.name)
		}
	}
	for _, t := range g.triggers {
		if !slices.Contains(triggers, trigger{t.table.Schema, t.table.Name, t.name, t.function, t.columns, t.kind, true}) {
			state.Wrong = append(state.Wrong, fmt.Sprintf("trigger %s on %s.%s", t.name, t.table.Schema, t.table.Name))
		}
	}
	return state, nil
}

// The texts of the guard. {names} are filled in.

const (
	// guardActive is of a hold, as in queries/fusillade/holds.tmpl.
	guardActive = "h.released_at IS NULL AND (h.expires_at IS NULL OR h.expires_at > clock_timestamp())"
	// guardLock is the lock of LockHolds there.
	guardLock = "7163099204871563"
)

// guardMayRead fails before anything is installed that would fail at each of
// dwctl's deletions.
const guardMayRead = `DO $guard$
DECLARE
    place text;
BEGIN
    FOREACH place IN ARRAY ARRAY[{tables}] LOOP
        IF NOT pg_catalog.has_table_privilege(place, 'SELECT') THEN
            RAISE EXCEPTION 'Run this as a role that may read %: the guard reads it as whoever installs it', place;
        END IF;
    END LOOP;
END
$guard$`

const guardPasses = `
SELECT session_user = ANY (ARRAY[{roles}]::name[])
`

// guardEmpty is of content that says nothing, JSON or not.
const guardEmpty = `
SELECT coalesce(btrim(content, E' \t\r\n{}[]"'), '') IN ('', 'null')
`

// guardSteps is what hangs together with requests and steps, as of Chain in
// queries/fusillade/erase.sql.
const guardSteps = `chain AS (
    SELECT s.id, s.request_id, s.parent_step_id, s.prev_step_id
    FROM {steps} s WHERE s.request_id = ANY ($1)
    UNION
    SELECT s.id, s.request_id, s.parent_step_id, s.prev_step_id FROM {steps} s WHERE s.id = ANY ($2)
    UNION
    SELECT linked.id, linked.request_id, linked.parent_step_id, linked.prev_step_id
    FROM chain c
    CROSS JOIN LATERAL (
        SELECT s.id, s.request_id, s.parent_step_id, s.prev_step_id FROM {steps} s WHERE s.parent_step_id = c.id
        UNION ALL
        SELECT s.id, s.request_id, s.parent_step_id, s.prev_step_id FROM {steps} s WHERE s.prev_step_id = c.id
        UNION ALL
        SELECT s.id, s.request_id, s.parent_step_id, s.prev_step_id FROM {steps} s WHERE s.id = c.parent_step_id
        UNION ALL
        SELECT s.id, s.request_id, s.parent_step_id, s.prev_step_id FROM {steps} s WHERE s.id = c.prev_step_id
    ) linked
), ids AS (
    SELECT unnest($1) AS id UNION SELECT c.request_id FROM chain c WHERE c.request_id IS NOT NULL
)`

const guardNoSteps = `ids AS (
    SELECT unnest($1) AS id
)`

// guardHeld returns a request that is held of those that hang together with the
// given ones, or their first where only the owner is. Its conditions are those of
// HoldsOn in queries/fusillade/holds.tmpl, with which a test compares it.
const guardHeld = `
#variable_conflict use_column
BEGIN
    RETURN (WITH RECURSIVE {chain}, parts AS (
    SELECT i.id, r.created_by, r.state, r.model, r.service_tier, r.created_at
    FROM ids i LEFT JOIN {requests} r ON r.id = i.id
    UNION ALL
    SELECT ($1)[1], $3, NULL, NULL, NULL, NULL WHERE $3 IS NOT NULL
)
SELECT coalesce(p.id, '00000000-0000-0000-0000-000000000000') FROM parts p
WHERE EXISTS (
    SELECT FROM lethe.holds h
    WHERE {active} AND h.responses && ARRAY[p.id]
) OR EXISTS (
    SELECT FROM lethe.holds h
    WHERE {active} AND h.owners && ARRAY[p.created_by]
) OR (p.created_at IS NOT NULL AND EXISTS (
    SELECT FROM lethe.holds h
    WHERE {active}
      AND h.responses IS NULL AND h.owners IS NULL
      AND (h.states IS NULL OR p.state = ANY (h.states))
      AND (h.models IS NULL OR p.model = ANY (h.models))
      AND (h.tiers IS NULL OR p.service_tier = ANY (h.tiers))
      AND (h.created_after IS NULL OR p.created_at >= h.created_after)
      AND (h.created_before IS NULL OR p.created_at <= h.created_before)
))
LIMIT 1);
END
`

// guardAsk takes the lock that erasures have: placing a hold waits for what has
// not seen it. Where nothing is held it looks no further.
const guardAsk = `
    PERFORM pg_advisory_xact_lock_shared({lock});
    IF NOT EXISTS (SELECT FROM lethe.holds h WHERE {active}) THEN
        RETURN kept;
    END IF;
`

const guardRefuse = `
    IF held IS NOT NULL THEN
        RAISE EXCEPTION 'Lethe holds what hangs together with this row, so it must not be %',
            CASE TG_OP WHEN 'DELETE' THEN 'deleted' ELSE 'emptied, or changed so that it is not found' END USING
            ERRCODE = 'restrict_violation', DETAIL = TG_TABLE_NAME || ' ' || OLD.id,
            HINT = 'Release the hold, or wait until it ends; Lethe lists holds at /lethe/api/v1/holds.';
    END IF;
    RETURN kept;
END
`

// guardRequests lets rows of batches be, which are no responses. What a hold
// finds a request by may not change, but for its state, which dwctl changes.
const guardRequests = `
DECLARE
    kept record := OLD;
    held uuid;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        kept := NEW;
        IF (NEW.id, NEW.template_id, NEW.batch_id, NEW.created_by, NEW.model, NEW.service_tier, NEW.created_at)
             IS NOT DISTINCT FROM (OLD.id, OLD.template_id, OLD.batch_id, OLD.created_by, OLD.model, OLD.service_tier, OLD.created_at)
           AND (lethe.guard_empty(OLD.response_body) OR NOT lethe.guard_empty(NEW.response_body))
           AND (lethe.guard_empty(OLD.error) OR NOT lethe.guard_empty(NEW.error)) THEN
            RETURN kept;
        END IF;
    END IF;
    IF OLD.batch_id IS NOT NULL OR OLD.created_by IS NULL OR lethe.guard_passes() THEN
        RETURN kept;
    END IF;` + guardAsk + `    held := lethe.guard_held(ARRAY[OLD.id], '{}', NULL);` + guardRefuse

// guardTemplates keeps a prompt that a held response needs. One that belongs to a
// file is kept without an error: dwctl removes those of many people's files in
// one statement, and would come no further.
const guardTemplates = `
DECLARE
    kept record := OLD;
    held uuid;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        kept := NEW;
        IF lethe.guard_empty(OLD.body) OR NOT lethe.guard_empty(NEW.body) THEN
            RETURN kept;
        END IF;
    END IF;
    IF lethe.guard_passes() THEN
        RETURN kept;
    END IF;` + guardAsk + `    SELECT lethe.guard_held(array_agg(r.id), '{}', NULL) INTO held
    FROM {requests} r WHERE r.template_id = OLD.id AND r.batch_id IS NULL AND r.created_by IS NOT NULL;
    IF held IS NOT NULL AND OLD.file_id IS NOT NULL AND TG_OP = 'DELETE' THEN
        RETURN NULL;
    END IF;` + guardRefuse

// guardStepRows lets a step be linked that was not: dwctl does as it goes on.
const guardStepRows = `
DECLARE
    kept record := OLD;
    held uuid;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        kept := NEW;
        IF NEW.id = OLD.id
           AND (OLD.request_id IS NULL OR NEW.request_id IS NOT DISTINCT FROM OLD.request_id)
           AND (OLD.prev_step_id IS NULL OR NEW.prev_step_id IS NOT DISTINCT FROM OLD.prev_step_id)
           AND (OLD.parent_step_id IS NULL OR NEW.parent_step_id IS NOT DISTINCT FROM OLD.parent_step_id)
           AND (lethe.guard_empty(OLD.request_payload::text) OR NOT lethe.guard_empty(NEW.request_payload::text))
           AND (lethe.guard_empty(OLD.response_payload::text) OR NOT lethe.guard_empty(NEW.response_payload::text))
           AND (lethe.guard_empty(OLD.error::text) OR NOT lethe.guard_empty(NEW.error::text)) THEN
            RETURN kept;
        END IF;
    END IF;
    IF lethe.guard_passes() THEN
        RETURN kept;
    END IF;` + guardAsk + `    held := lethe.guard_held(ARRAY[OLD.request_id], ARRAY[OLD.id], NULL);` + guardRefuse

// guardStepsLeft tells whether a step is left of these, or of the request.
const guardStepsLeft = `EXISTS (SELECT FROM {steps} s WHERE s.id = ANY (ARRAY[$1, $2])) OR EXISTS (SELECT FROM {steps} s WHERE s.request_id = $1)`

// guardGone returns a request or a step whose row is gone, where a hold may have
// been on it: every one with a filter may; one by owner, where a usage row of the
// request or of the copy at the place names that owner or nobody, or there is none.
// Its conditions are those of HoldsOnGone in queries/fusillade/holds.tmpl, with which
// a test compares it.
const guardGone = `
#variable_conflict use_column
BEGIN
    IF EXISTS (SELECT FROM {requests} r WHERE r.id = $1) OR {steps left} THEN
        RETURN NULL;
    END IF;
    RETURN (WITH known AS (
    SELECT a.user_id::text AS owner FROM {usage} a WHERE a.fusillade_request_id = $1
    UNION
    SELECT a.user_id::text FROM {usage} a WHERE a.instance_id = $3 AND a.correlation_id = $4
)
SELECT coalesce($1, $2) WHERE EXISTS (
    SELECT FROM lethe.holds h
    WHERE {active} AND h.responses IS NULL AND h.owners IS NULL
) OR EXISTS (
    SELECT FROM lethe.holds h
    WHERE {active} AND h.owners && ARRAY(SELECT k.owner FROM known k)
) OR ((SELECT count(*) = 0 OR bool_or(k.owner IS NULL) FROM known k) AND EXISTS (
    SELECT FROM lethe.holds h
    WHERE {active} AND h.owners IS NOT NULL
)));
END
`

// guardBatch tells whether a header says that the copied request was a batch's.
const guardBatch = `coalesce(headers ->> 'x-fusillade-batch-id', '') <> ''`

// guardLink is what headers lead from.
const guardLink = `
SELECT CASE WHEN {batch} THEN '' ELSE {named} END
`

// guardHeaders are the requests that the headers of copies at a place name, but for
// those of batches.
const guardHeaders = `
        UNION ALL
        SELECT CASE WHEN q.named ~ '^[0-9a-f]{32}$' THEN q.named::uuid END, NULL, NULL
        FROM (
            SELECT lethe.guard_link(c.headers) AS named FROM {copied} c
            WHERE c.instance_id = OLD.instance_id AND c.correlation_id = OLD.correlation_id
        ) q
        WHERE NOT EXISTS (
            SELECT FROM {usage} a
            WHERE a.instance_id = OLD.instance_id AND a.correlation_id = OLD.correlation_id AND a.fusillade_batch_id IS NOT NULL
        )`

const guardNoHeaders = ""

// guardCopies keeps raw copies that a usage row or a header leads to, of rows that
// are gone too: the usage row names the person, and of what nobody is known it may
// have been anybody's.
const guardCopies = `
DECLARE
    kept record := OLD;
    held uuid;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        kept := NEW;
        IF (NEW.instance_id, NEW.correlation_id) = (OLD.instance_id, OLD.correlation_id)
           AND lethe.guard_link(NEW.headers) IS NOT DISTINCT FROM lethe.guard_link(OLD.headers)
           AND (lethe.guard_empty(OLD.body::text) OR NOT lethe.guard_empty(NEW.body::text)) THEN
            RETURN kept;
        END IF;
    END IF;
    IF lethe.guard_passes() THEN
        RETURN kept;
    END IF;` + guardAsk + `    SELECT h.held INTO held
    FROM (
        SELECT a.fusillade_request_id AS request, a.response_step_id AS step, a.user_id::text AS owner
        FROM {usage} a
        WHERE a.instance_id = OLD.instance_id AND a.correlation_id = OLD.correlation_id AND a.fusillade_batch_id IS NULL{headers}
    ) l
    CROSS JOIN LATERAL (
        SELECT coalesce(lethe.guard_held(ARRAY[l.request], ARRAY[l.step], l.owner),
                        lethe.guard_gone(l.request, l.step, OLD.instance_id, OLD.correlation_id)) AS held
    ) h
    WHERE (l.request IS NOT NULL OR l.step IS NOT NULL) AND h.held IS NOT NULL
    LIMIT 1;` + guardRefuse

const guardTruncate = `
BEGIN
    PERFORM pg_advisory_xact_lock_shared({lock});
    IF NOT lethe.guard_passes()
       AND EXISTS (SELECT FROM lethe.holds h WHERE {active}) THEN
        RAISE EXCEPTION 'Lethe holds responses, so this table must not be emptied' USING ERRCODE = 'restrict_violation',
            HINT = 'Release the holds, or wait until they end; Lethe lists them at /lethe/api/v1/holds.';
    END IF;
    RETURN NULL;
END
`
