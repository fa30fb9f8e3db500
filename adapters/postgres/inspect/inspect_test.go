package inspect_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lethe/adapters/postgres/inspect"
	"lethe/adapters/postgres/migrate"
	"lethe/internal/pgtest"
)

var all = inspect.Requirements(inspect.Schemas{})

func TestMissingTables(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change string
		want   []string
	}{
		"as migrated":            {"", []string{}},
		"optional tables absent": {"DROP SCHEMA outlet CASCADE; DROP SCHEMA underway CASCADE", []string{}},
		"text for varchar":       {"ALTER TABLE public.api_keys ALTER secret TYPE text", []string{}},
		"extra columns":          {"ALTER TABLE fusillade.requests ADD attempt_id uuid", []string{}},
		"replaced table":         {"DROP TABLE fusillade.response_steps; CREATE TABLE fusillade.retained_response_objects ()", []string{}},
		"table needed by another": {"CREATE TABLE fusillade.request_templates_g2 (created_on date, id uuid, file_id uuid, body text, updated_at timestamptz)",
			[]string{"table fusillade.request_template_routes is missing"}},
		"one of a group of tables": {"CREATE TABLE fusillade.retained_response_resurrection_fences (object_id uuid, reason text, expires_at timestamptz)",
			[]string{
				"table fusillade.retained_response_request_routes is missing", "table fusillade.retained_response_group_routes is missing",
				"table fusillade.retained_response_objects is missing", "table fusillade.retained_response_buckets is missing",
			}},
		"optional part of a group": {"CREATE TABLE fusillade.retained_response_buckets (delete_on text)", []string{}},
		"missing table":            {"DROP TABLE fusillade.response_steps", []string{"table fusillade.response_steps is missing"}},
		"missing column": {"ALTER TABLE public.users DROP external_user_id CASCADE",
			[]string{"column public.users.external_user_id is missing"}},
		"missing column of an optional table": {"ALTER TABLE outlet.http_requests DROP correlation_id",
			[]string{"column outlet.http_requests.correlation_id is missing"}},
		"another type": {"ALTER TABLE fusillade.requests ALTER response_status TYPE bigint",
			[]string{"column fusillade.requests.response_status has type int8 instead of int2"}},
		"several, in list order": {"DROP TABLE fusillade.response_steps; ALTER TABLE public.user_organizations DROP status",
			[]string{"column public.user_organizations.status is missing", "table fusillade.response_steps is missing"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := connect(t, pgtest.New(t).URL)
			exec(t, db, tc.change)
			counted := &counter{Querier: db}
			got, err := inspect.MissingTables(t.Context(), counted, all)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("got %q, want %q", got, tc.want)
			}
			if counted.n != 1 {
				t.Errorf("got %d queries, want 1", counted.n)
			}
		})
	}
}

func TestRequirementsPerSide(t *testing.T) {
	t.Parallel()
	schemas := inspect.Schemas{Fusillade: "queue", Outlet: "copies"}
	seen := map[string]bool{}
	for _, side := range []inspect.Side{inspect.Main, inspect.Fusillade} {
		for _, r := range inspect.Requirements(schemas, side) {
			if r.Side != side {
				t.Errorf("%s is on side %d, want side %d", r.Table, r.Side, side)
			}
			seen[r.Schema+"."+r.Table] = true
		}
	}
	if len(seen) != len(all) || !seen["queue.requests"] || !seen["copies.http_responses"] || !seen["public.users"] {
		t.Errorf("both sides together: got %v", seen)
	}
}

func TestSidesInSeparateDatabases(t *testing.T) {
	t.Parallel()
	main, fusillade := pgtest.Empty(t), pgtest.Empty(t)
	if _, err := migrate.Up(t.Context(), migrate.Target{MainURL: main.URL, FusilladeURL: fusillade.URL}); err != nil {
		t.Fatal(err)
	}
	schemas := inspect.Schemas{Fusillade: "public"}
	for _, tc := range []struct {
		url   string
		side  inspect.Side
		tidy  bool
		named string
	}{
		{main.URL, inspect.Main, true, ""},
		{fusillade.URL, inspect.Fusillade, true, ""},
		{main.URL, inspect.Fusillade, false, "public.requests"},
		{fusillade.URL, inspect.Main, false, "public.users"},
	} {
		db := connect(t, tc.url)
		reqs := inspect.Requirements(schemas, tc.side)
		missing, err := inspect.MissingTables(t.Context(), db, reqs)
		if err != nil {
			t.Fatal(err)
		}
		if (len(missing) == 0) != tc.tidy || !strings.Contains(strings.Join(missing, "\n"), tc.named) {
			t.Errorf("side %d: missing %q", tc.side, missing)
		}
		if !tc.tidy {
			continue
		}
		advice, err := inspect.MissingIndexes(t.Context(), db, schemas, tc.side)
		if err != nil || len(advice) != 0 {
			t.Errorf("side %d: index advice %+v, %v", tc.side, advice, err)
		}
	}
}

func TestGrantsAreMinimal(t *testing.T) {
	t.Parallel()
	server := pgtest.WithFixture(t)
	db := connect(t, server.URL)
	exec(t, db, `
		INSERT INTO outlet.http_requests (instance_id, correlation_id, timestamp, method, uri, headers)
			VALUES ('a1000000-0000-0000-0000-000000000001', 2, now(), 'POST', '/', '{}');
		INSERT INTO underway.task_queue (name) VALUES ('create-response');
		INSERT INTO underway.task (id, task_queue_name, input) VALUES (gen_random_uuid(), 'create-response', '{}');
		INSERT INTO fusillade.batches (expires_at) VALUES (now());
		INSERT INTO lethe.receipts (id, body, leaf_index) VALUES (gen_random_uuid(), 'sealed', 0)`)
	role := connect(t, server.RoleURL)

	for _, sql := range []string{
		"SELECT id, email, is_admin, is_deleted, external_user_id, user_type, last_login FROM public.users",
		"UPDATE public.users SET last_login = now() WHERE id = (SELECT user_id FROM public.api_keys WHERE secret = 'sk-alice-platform' AND NOT is_deleted)",
		"SELECT user_id, role FROM public.user_roles",
		"SELECT user_id, organization_id, status FROM public.user_organizations",
		"SELECT secret, user_id, created_by, purpose, is_deleted FROM public.api_keys",
		"SELECT DISTINCT ON (fusillade_request_id) total_cost, prompt_tokens, completion_tokens, reasoning_tokens, total_tokens FROM public.http_analytics ORDER BY fusillade_request_id, timestamp DESC, id DESC",
		"SELECT r.id, r.state, t.body, r.response_body, f.deleted_at FROM fusillade.requests r LEFT JOIN fusillade.request_templates t ON t.id = r.template_id LEFT JOIN fusillade.files f ON f.id = t.file_id",
		"SELECT id, request_id, parent_step_id, prev_step_id FROM fusillade.response_steps ORDER BY id FOR UPDATE",
		"SELECT id FROM fusillade.requests FOR UPDATE",
		"INSERT INTO lethe.access_log (id, accessed_at, accessed_by, request_id, owner, address) SELECT gen_random_uuid(), now(), gen_random_uuid(), id, '', '' FROM fusillade.requests FOR KEY SHARE",
		"SELECT id, accessed_at, accessed_by, request_id, owner, address FROM lethe.access_log",
		"DELETE FROM lethe.access_log WHERE request_id IN (SELECT id FROM fusillade.requests LIMIT 1)",
		"DELETE FROM underway.task WHERE input ->> 'job_id' IS NULL",
		"DELETE FROM outlet.http_requests WHERE (instance_id, correlation_id) IN (SELECT instance_id, correlation_id FROM public.http_analytics)",
		"DELETE FROM outlet.http_responses WHERE (instance_id, correlation_id) IN (SELECT instance_id, correlation_id FROM public.http_analytics)",
		"DELETE FROM fusillade.response_steps WHERE parent_step_id IS NULL",
		"DELETE FROM fusillade.requests WHERE batch_id IS NULL",
		"SELECT id FROM fusillade.request_templates ORDER BY id FOR UPDATE",
		"DELETE FROM fusillade.request_templates WHERE file_id IS NULL",
		"SELECT id FROM fusillade.files WHERE name = 'in.jsonl' AND purpose = 'batch' AND uploaded_by IS NOT NULL ORDER BY id FOR UPDATE",
		"DELETE FROM fusillade.batches b WHERE total_requests >= 0 AND NOT EXISTS (SELECT FROM fusillade.batches o WHERE o.id <> b.id AND b.file_id IN (o.file_id, o.output_file_id, o.error_file_id)) AND NOT EXISTS (SELECT FROM fusillade.requests WHERE batch_id = b.id)",
		"DELETE FROM fusillade.files WHERE id IN (SELECT file_id FROM fusillade.request_templates)",
		"SELECT max(version_id) FROM lethe.version_lethe WHERE is_applied",
		"INSERT INTO lethe.receipts (id, about, body) VALUES (gen_random_uuid(), NULL, 'receipt')",
		"INSERT INTO lethe.receipt_secrets (receipt_id, salt, actor_id, owner_keys) SELECT id, '', NULL, '{}' FROM lethe.receipts",
		"SELECT id, body FROM lethe.receipts WHERE leaf_index IS NULL ORDER BY created_at, id FOR UPDATE SKIP LOCKED",
		"UPDATE lethe.receipts SET leaf_index = 1 WHERE leaf_index IS NULL",
		"INSERT INTO lethe.tiles (level, idx, hashes) SELECT 0, 0, sha256('x') ON CONFLICT (level, idx) DO UPDATE SET hashes = excluded.hashes",
		"INSERT INTO lethe.checkpoints (size, note, published_at) VALUES (1, 'note', NULL)",
		"UPDATE lethe.checkpoints SET lsn = pg_current_wal_lsn(), published_at = now()",
		"INSERT INTO lethe.log_state (origin, size, root) VALUES ('o', 1, '') ON CONFLICT (single) DO UPDATE SET size = excluded.size, root = excluded.root",
		"SELECT origin, size, root FROM lethe.log_state FOR UPDATE",
		"SELECT r.body, s.actor_id FROM lethe.receipts r JOIN lethe.receipt_secrets s ON s.receipt_id = coalesce(r.about, r.id)",
		"INSERT INTO lethe.holds (id, owners, reason, created_by, expires_at) VALUES (gen_random_uuid(), '{a}', 'r', gen_random_uuid(), NULL)",
		"UPDATE lethe.holds SET released_at = clock_timestamp(), released_by = id WHERE released_at IS NULL",
		"SELECT id, responses, owners, states, models, tiers, created_after, created_before, reason, created_at, created_by, expires_at, released_at, released_by FROM lethe.holds",
		"SELECT max(version) FROM lethe.river_migration",
		"INSERT INTO lethe.river_job (id, args, kind, max_attempts) SELECT nextval('lethe.river_job_id_seq'), '{}', 'k', 1 RETURNING xmax",
		"UPDATE lethe.river_job SET state = 'running', attempt = 1, errors = NULL, metadata = '{}'",
		"DELETE FROM lethe.river_job WHERE id IN (SELECT id FROM lethe.river_job FOR UPDATE SKIP LOCKED)",
	} {
		tag, err := role.Exec(t.Context(), sql)
		if err != nil {
			t.Errorf("the role cannot run %s: %v", sql, err)
		} else if tag.RowsAffected() == 0 && !strings.Contains(sql, "http_responses") {
			t.Errorf("affected no row, so proves nothing: %s", sql)
		}
	}

	for _, sql := range []string{
		"SELECT password_hash FROM public.users",
		"SELECT * FROM public.users",
		"UPDATE public.users SET is_admin = true",
		"INSERT INTO public.user_roles (user_id, role) SELECT id, 'PLATFORMMANAGER' FROM public.users",
		"UPDATE public.user_organizations SET status = 'active'",
		"SELECT name FROM public.api_keys",
		"UPDATE public.api_keys SET is_deleted = false",
		"DELETE FROM public.http_analytics",
		"SELECT uri FROM public.http_analytics",
		"SELECT amount FROM public.credits_transactions",
		"DELETE FROM public.users",
		"INSERT INTO fusillade.request_templates (endpoint, method, path, model, api_key) VALUES ('', '', '', '', '')",
		"SELECT api_key FROM fusillade.request_templates",
		"UPDATE fusillade.requests SET state = 'completed'",
		"INSERT INTO fusillade.requests (model, created_by) VALUES ('m', 'u')",
		"SELECT retry_attempt FROM fusillade.response_steps",
		"UPDATE fusillade.response_steps SET response_payload = NULL",
		"SELECT source_external_key FROM fusillade.files",
		"UPDATE fusillade.files SET deleted_at = now()",
		"TRUNCATE fusillade.files CASCADE",
		"SELECT metadata FROM fusillade.batches",
		"SELECT api_key FROM fusillade.batches",
		"SELECT id FROM fusillade.batches FOR UPDATE",
		"UPDATE fusillade.batches SET total_requests = 1",
		"TRUNCATE fusillade.batches CASCADE",
		"SELECT body FROM outlet.http_requests",
		"SELECT name FROM underway.task_queue",
		"UPDATE underway.task SET state = 'cancelled'",
		"UPDATE underway.task SET updated_at = now()",
		"UPDATE fusillade.request_templates SET body = ''",
		"UPDATE fusillade.request_templates SET file_id = NULL",
		"TRUNCATE fusillade.requests CASCADE",
		"CREATE TABLE public.mine (id int)",
		"CREATE TABLE fusillade.mine (id int)",
		"UPDATE lethe.receipts SET body = 'another'",
		"UPDATE lethe.receipts SET created_at = now()",
		"UPDATE lethe.receipts SET id = gen_random_uuid()",
		"INSERT INTO lethe.receipts (id, body, leaf_index) VALUES (gen_random_uuid(), 'x', 7)",
		"DELETE FROM lethe.receipts",
		"TRUNCATE lethe.receipts",
		"SELECT salt FROM lethe.receipt_secrets",
		"UPDATE lethe.receipt_secrets SET actor_id = NULL",
		"UPDATE lethe.access_log SET accessed_by = gen_random_uuid()",
		"TRUNCATE lethe.access_log",
		"DELETE FROM lethe.tiles",
		"UPDATE lethe.tiles SET idx = 9",
		"UPDATE lethe.log_state SET origin = 'another'",
		"DELETE FROM lethe.log_state",
		"UPDATE lethe.checkpoints SET note = 'another'",
		"DELETE FROM lethe.checkpoints",
		"UPDATE lethe.cosignatures SET line = 'another'",
		"DELETE FROM lethe.cosignatures",
		"INSERT INTO lethe.holds (id, owners, reason, created_by, created_at) VALUES (gen_random_uuid(), '{a}', 'r', gen_random_uuid(), now())",
		"UPDATE lethe.holds SET expires_at = now()",
		"UPDATE lethe.holds SET owners = '{b}'",
		"DELETE FROM lethe.holds",
		"TRUNCATE lethe.holds",
		"UPDATE lethe.river_job SET args = '{}'",
		"TRUNCATE lethe.river_job",
		"SELECT setval('lethe.river_job_id_seq', 1)",
		"INSERT INTO lethe.river_migration (line, version) VALUES ('main', 99)",
		"SELECT id FROM lethe.river_notification",
		"INSERT INTO lethe.version_lethe (version_id, is_applied) VALUES (9, true)",
		"CREATE TABLE lethe.mine (id int)",
	} {
		_, err := role.Exec(t.Context(), sql)
		var refusal *pgconn.PgError
		if !errors.As(err, &refusal) || refusal.Code != "42501" {
			t.Errorf("the role can run %s (error %v), want it denied", sql, err)
		}
	}
}

func TestGrantStatements(t *testing.T) {
	t.Parallel()
	main, fusillade := inspect.Grants(`o"dd`, inspect.Requirements(inspect.Schemas{Fusillade: "public", Outlet: "x y"}))
	if want := `GRANT USAGE ON SCHEMA "public" TO "o""dd"`; main[0] != want || fusillade[0] != want {
		t.Errorf("got %q and %q, want %q on both sides", main[0], fusillade[0], want)
	}
	if want := `GRANT SELECT ("instance_id", "correlation_id", "id", "timestamp", "headers"), DELETE ON "x y"."http_requests" TO "o""dd"`; !slices.Contains(fusillade, want) {
		t.Errorf("want %q among %q", want, fusillade)
	}
	for _, stmt := range main {
		// On the main side, only rows kept by person are deleted.
		byPerson := strings.Contains(stmt, "image_access") || strings.Contains(stmt, "prompt_cache_entries")
		if strings.Contains(stmt, "requests") || strings.Contains(stmt, "DELETE") && !byPerson {
			t.Errorf("unexpected grant on the main side: %s", stmt)
		}
	}
	for _, stmt := range append(main, fusillade...) {
		// The fence against late writers is written where they look.
		fence := strings.Contains(stmt, inspect.Fences)
		if strings.Contains(stmt, "INSERT") && !strings.Contains(stmt, `ON "lethe".`) && !fence || strings.Contains(stmt, "ALL") {
			t.Errorf("unexpected grant: %s", stmt)
		}
	}
}

func TestMissingPrivileges(t *testing.T) {
	t.Parallel()
	server := pgtest.New(t)
	db, role := connect(t, server.URL), connect(t, server.RoleURL)
	var name string
	if err := role.QueryRow(t.Context(), "SELECT current_user").Scan(&name); err != nil {
		t.Fatal(err)
	}
	name = pgx.Identifier{name}.Sanitize()
	missing := func() []string {
		t.Helper()
		counted := &counter{Querier: role}
		got, err := inspect.MissingPrivileges(t.Context(), counted, all)
		if err != nil {
			t.Fatal(err)
		}
		if counted.n != 1 {
			t.Errorf("got %d queries, want 1", counted.n)
		}
		return got
	}

	if got := missing(); len(got) != 0 {
		t.Errorf("with every grant: got %q missing, want none", got)
	}
	exec(t, db, "REVOKE SELECT (email) ON public.users FROM "+name)
	exec(t, db, "REVOKE UPDATE (updated_at) ON fusillade.requests FROM "+name)
	exec(t, db, "REVOKE DELETE ON fusillade.response_steps FROM "+name)
	exec(t, db, "REVOKE USAGE ON SCHEMA underway FROM "+name)
	exec(t, db, "REVOKE SELECT ON lethe.river_job FROM "+name)
	exec(t, db, "REVOKE USAGE ON SEQUENCE lethe.river_job_id_seq FROM "+name)
	want := []string{
		"SELECT (email) on public.users", "UPDATE (updated_at) on fusillade.requests",
		"DELETE on fusillade.response_steps", "USAGE on schema underway",
		"SELECT on lethe.river_job", "USAGE on lethe.river_job_id_seq",
	}
	if got := missing(); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	exec(t, db, "DROP SCHEMA underway CASCADE; DROP TABLE fusillade.response_steps; DROP TABLE lethe.river_job; ALTER TABLE public.users DROP email CASCADE")
	if got := missing(); !slices.Equal(got, want[1:2]) {
		t.Errorf("missing table: want no missing privilege on it: got %q, want %q", got, want[1:2])
	}
	exec(t, db, "CREATE SCHEMA underway; REVOKE ALL ON SCHEMA underway FROM PUBLIC")
	if got := missing(); !slices.Equal(got, want[1:2]) {
		t.Errorf("empty schema: want no missing privilege on it: got %q, want %q", got, want[1:2])
	}
	exec(t, db, "GRANT UPDATE ON fusillade.requests TO "+name)
	if got := missing(); len(got) != 0 {
		t.Errorf("privilege on the whole table: got %q missing, want none", got)
	}
}

func TestPresent(t *testing.T) {
	t.Parallel()
	db := connect(t, pgtest.New(t).URL)
	exec(t, db, "DROP SCHEMA outlet CASCADE")
	got, err := inspect.Present(t.Context(), db, all)
	if err != nil {
		t.Fatal(err)
	}
	var optional []string
	for _, r := range got {
		if r.Optional || r.With != "" {
			optional = append(optional, r.Schema+"."+r.Table)
		}
	}
	// Except the two of the outlet, and tables of newer versions of dwctl.
	if len(got) != len(all)-11 || !slices.Equal(optional, []string{"underway.task"}) {
		t.Errorf("got %d requirements, optional %q", len(got), optional)
	}
}

// TestVoluntaryRequirements: nothing is reported missing that the service works without.
func TestVoluntaryRequirements(t *testing.T) {
	t.Parallel()
	db := connect(t, pgtest.New(t).URL)
	exec(t, db, "CREATE TABLE public.image_access (user_id text); CREATE TABLE public.prompt_cache_entries (id uuid); SET ROLE pg_monitor")
	var voluntary []inspect.Requirement
	for _, r := range all {
		if r.Voluntary {
			voluntary = append(voluntary, r)
		}
	}
	tables, err := inspect.MissingTables(t.Context(), db, voluntary)
	privileges, failed := inspect.MissingPrivileges(t.Context(), db, voluntary)
	if len(voluntary) != 2 || err != nil || failed != nil || len(tables)+len(privileges) > 0 {
		t.Errorf("%d voluntary requirements: got missing %q and %q, errors %v, %v", len(voluntary), tables, privileges, err, failed)
	}
	if main, _ := inspect.Grants("r", voluntary); len(main) != 3 {
		t.Errorf("got the grants %q", main)
	}
}

func TestMissingIndexes(t *testing.T) {
	t.Parallel()
	const (
		rank   = "CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END"
		active = `CREATE INDEX CONCURRENTLY "idx_requests_user_active_sort" ON "fusillade"."requests" (created_by, (` + rank + `), created_at DESC, id DESC, service_tier) WHERE created_by IS NOT NULL`
		usage  = `CREATE INDEX CONCURRENTLY "http_analytics_fusillade_request_id_idx" ON "public"."http_analytics" (fusillade_request_id) WHERE fusillade_request_id IS NOT NULL`
		task   = `CREATE INDEX CONCURRENTLY "task_response_idx" ON "underway"."task" ((input -> 'step_input' ->> 'request_id')) WHERE task_queue_name = ANY (ARRAY['create-response'::text, 'complete-response'::text])`
		drop   = "DROP INDEX fusillade.idx_requests_user_active_sort;"
		cols   = "(created_by, (" + rank + "), created_at DESC, id DESC, service_tier"
		where  = " WHERE created_by IS NOT NULL"
	)
	for name, tc := range map[string]struct {
		change string
		want   []string // statements, after the name of an invalid index, if any
	}{
		"as migrated":              {"", nil},
		"dropped":                  {drop, []string{active}},
		"dropped on the main side": {"DROP INDEX public.http_analytics_fusillade_request_id_idx", []string{usage}},
		"dropped for queued jobs":  {"DROP INDEX underway.task_response_idx", []string{task}},
		"dropped on both sides":    {drop + "DROP INDEX public.http_analytics_fusillade_request_id_idx", []string{active, usage}},
		"under another name":       {"ALTER INDEX fusillade.idx_requests_user_active_sort RENAME TO other", nil},
		"recreated without a name": {drop + "CREATE INDEX ON fusillade.requests " + cols + ")" + where, nil},
		"over every row":           {drop + "CREATE INDEX ON fusillade.requests " + cols + ")", nil},
		"with more columns":        {drop + "CREATE INDEX ON fusillade.requests " + cols + ", model)" + where, nil},
		"last column included": {drop + "CREATE INDEX ON fusillade.requests " +
			strings.Replace(cols, ", service_tier", "", 1) + ") INCLUDE (service_tier)" + where, nil},
		"other condition":                             {drop + "CREATE INDEX other ON fusillade.requests " + cols + ")" + " WHERE batch_id IS NULL", []string{active}},
		"other direction":                             {drop + "CREATE INDEX other ON fusillade.requests " + strings.Replace(cols, "id DESC", "id", 1) + ")" + where, []string{active}},
		"other position of nulls":                     {drop + "CREATE INDEX other ON fusillade.requests " + strings.Replace(cols, "id DESC", "id DESC NULLS LAST", 1) + ")" + where, []string{active}},
		"other position of nulls in the first column": {drop + "CREATE INDEX other ON fusillade.requests " + strings.Replace(cols, "created_by", "created_by NULLS FIRST", 1) + ")" + where, []string{active}},
		"too few columns":                             {drop + "CREATE INDEX other ON fusillade.requests (created_by)" + where, []string{active}},
		"other rank":                                  {drop + "CREATE INDEX other ON fusillade.requests " + strings.Replace(cols, "THEN 1", "THEN 5", 1) + ")" + where, []string{active}},
		"other method":                                {"DROP INDEX fusillade.idx_requests_template_id; CREATE INDEX other ON fusillade.requests USING hash (template_id)", []string{`CREATE INDEX CONCURRENTLY "idx_requests_template_id" ON "fusillade"."requests" (template_id)`}},
		"name taken": {drop + "CREATE INDEX idx_requests_user_active_sort ON fusillade.requests (created_by)",
			[]string{strings.Replace(active, ` "idx_requests_user_active_sort"`, "", 1)}},
		"left invalid": {"UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'fusillade.idx_requests_user_active_sort'::regclass",
			[]string{"idx_requests_user_active_sort", `DROP INDEX CONCURRENTLY "fusillade"."idx_requests_user_active_sort"`, active}},
		"left invalid beside a good one": {"CREATE INDEX good ON fusillade.requests " + cols + ")" + where + ";UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'fusillade.idx_requests_user_active_sort'::regclass", nil},
		"no table, no advice":            {"DROP TABLE fusillade.response_steps", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := connect(t, pgtest.New(t).URL)
			exec(t, db, tc.change)
			advice, err := inspect.MissingIndexes(t.Context(), db, inspect.Schemas{})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, a := range advice {
				if a.Invalid != "" {
					got = append(got, a.Invalid)
				}
				got = append(got, a.Statements...)
				for _, stmt := range a.Statements {
					exec(t, db, stmt)
				}
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(tc.want, "\n"))
			}
			if advice, err = inspect.MissingIndexes(t.Context(), db, inspect.Schemas{}); err != nil || len(advice) != 0 {
				t.Errorf("after the advice: got %+v (error %v), want no more advice", advice, err)
			}
		})
	}
}

func TestServer(t *testing.T) {
	t.Parallel()
	ctx, server := t.Context(), pgtest.New(t)
	db := connect(t, server.RoleURL) // doctor uses this role
	number, name, err := inspect.ServerVersion(ctx, db)
	if err != nil || number < inspect.MinServerVersion || !strings.HasPrefix(name, fmt.Sprint(number/10000)) {
		t.Errorf("got server version %d, %q (error %v)", number, name, err)
	}

	skew, uncertainty, err := inspect.ClockSkew(ctx, db)
	if err != nil || skew.Abs() > uncertainty+time.Minute || uncertainty <= 0 {
		t.Errorf("got clock skew %v ± %v (error %v)", skew, uncertainty, err)
	}

	limits, err := inspect.ConnectionLimits(ctx, db)
	if err != nil || limits.Max < 1 || limits.Open < 1 || limits.RoleMax != -1 || limits.DatabaseMax != -1 {
		t.Errorf("got connection limits %+v (error %v)", limits, err)
	}

	lag, err := inspect.ReplicaLag(ctx, db, db)
	if err != nil || lag.InRecovery {
		t.Errorf("primary as the replica: got %+v (error %v)", lag, err)
	}
}

func TestConnectionLimit(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		c    inspect.Connections
		want int
	}{
		{inspect.Connections{Max: 100, Reserved: 3, RoleMax: -1, DatabaseMax: -1}, 97},
		{inspect.Connections{Max: 100, Reserved: 3, RoleMax: 10, DatabaseMax: 20}, 10},
		{inspect.Connections{Max: 100, Reserved: 3, RoleMax: 0, DatabaseMax: 20}, 0},
		{inspect.Connections{Max: 100, Reserved: 3, RoleMax: -1, DatabaseMax: 20}, 20},
	} {
		if got := tc.c.Limit(); got != tc.want {
			t.Errorf("%+v allows %d, want %d", tc.c, got, tc.want)
		}
	}
}

// TestReplicaLag fakes a replica with functions that hide the server's.
func TestReplicaLag(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		replayed string
		behind   bool
	}{
		"behind":    {"'0/1'", true},
		"caught up": {"pg_catalog.pg_current_wal_lsn() + 1e9::numeric", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := pgtest.Empty(t)
			primary, replica := connect(t, server.URL), connect(t, server.URL)
			exec(t, replica, "CREATE SCHEMA played")
			exec(t, replica, "CREATE FUNCTION played.pg_is_in_recovery() RETURNS boolean LANGUAGE sql AS 'SELECT true'")
			exec(t, replica, "CREATE FUNCTION played.pg_last_wal_replay_lsn() RETURNS pg_lsn LANGUAGE sql AS $$SELECT ("+tc.replayed+")::pg_lsn$$")
			exec(t, replica, "CREATE FUNCTION played.pg_last_xact_replay_timestamp() RETURNS timestamptz LANGUAGE sql AS $$SELECT clock_timestamp() - interval '2 hours'$$")
			exec(t, replica, "SET search_path TO played, pg_catalog")
			lag, err := inspect.ReplicaLag(t.Context(), primary, replica)
			if err != nil {
				t.Fatal(err)
			}
			if !lag.InRecovery || (lag.Bytes > 0) != tc.behind || (lag.Since >= time.Hour) != tc.behind {
				t.Errorf("got the lag %+v", lag)
			}
		})
	}
}

func TestUpstreamVersion(t *testing.T) {
	t.Parallel()
	const table = "CREATE TABLE fusillade._sqlx_migrations (version bigint, success boolean);"
	const grant = "GRANT SELECT ON fusillade._sqlx_migrations TO public;"
	insert := func(values string) string {
		return table + grant + "INSERT INTO fusillade._sqlx_migrations VALUES " + values
	}
	for name, tc := range map[string]struct {
		change string
		age    inspect.Age
		newest int64
		failed []int64
	}{
		"no migrations": {"", inspect.NoMigrations, 0, nil},
		"empty":         {table + grant, inspect.NoMigrations, 0, nil},
		"unreadable":    {table, inspect.Unreadable, 0, nil},
		"known":         {insert("(20260507000000, true), (20260506000000, true)"), inspect.Known, inspect.FusilladeMigration, nil},
		"older":         {insert("(20260506000000, true)"), inspect.Older, 20260506000000, nil},
		"newer":         {insert("(20260507000000, true), (20260528000000, true)"), inspect.Newer, 20260528000000, nil},
		"one unfinished": {insert("(20260507000000, true), (20260528000000, false)"), inspect.Known, inspect.FusilladeMigration,
			[]int64{20260528000000}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := pgtest.New(t)
			exec(t, connect(t, server.URL), tc.change)
			got, err := inspect.UpstreamVersion(t.Context(), connect(t, server.RoleURL), "fusillade", inspect.FusilladeMigration)
			if err != nil {
				t.Fatal(err)
			}
			if got.Age != tc.age || got.Newest != tc.newest || !slices.Equal(got.Failed, tc.failed) {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestClosedConnection(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db := connect(t, pgtest.Empty(t).URL)
	if err := db.Close(ctx); err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func() error{
		"MissingTables":     func() error { _, err := inspect.MissingTables(ctx, db, all); return err },
		"Present":           func() error { _, err := inspect.Present(ctx, db, all); return err },
		"MissingPrivileges": func() error { _, err := inspect.MissingPrivileges(ctx, db, all); return err },
		"MissingIndexes":    func() error { _, err := inspect.MissingIndexes(ctx, db, inspect.Schemas{}); return err },
		"ServerVersion":     func() error { _, _, err := inspect.ServerVersion(ctx, db); return err },
		"ClockSkew":         func() error { _, _, err := inspect.ClockSkew(ctx, db); return err },
		"ReplicaLag":        func() error { _, err := inspect.ReplicaLag(ctx, db, db); return err },
		"ConnectionLimits":  func() error { _, err := inspect.ConnectionLimits(ctx, db); return err },
		"MissingStatistics": func() error { _, err := inspect.MissingStatistics(ctx, db, inspect.Schemas{}); return err },
		"UpstreamVersion":   func() error { _, err := inspect.UpstreamVersion(ctx, db, "public", inspect.DwctlMigration); return err },
	} {
		if call() == nil {
			t.Errorf("%s on a closed connection: got no error", name)
		}
	}
}

// counter counts queries.
type counter struct {
	inspect.Querier
	n int
}

func (c *counter) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	c.n++
	return c.Querier.Query(ctx, sql, args...)
}

func (c *counter) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	c.n++
	return c.Querier.QueryRow(ctx, sql, args...)
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func exec(t *testing.T, db *pgx.Conn, sql string) {
	t.Helper()
	if _, err := db.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func TestMissingFilterIndexes(t *testing.T) {
	t.Parallel()
	db := connect(t, pgtest.New(t).URL)
	advice, err := inspect.MissingFilterIndexes(t.Context(), db, inspect.Schemas{})
	if err != nil || len(advice) == 0 {
		t.Fatalf("new database: want advice, got %+v (error %v)", advice, err)
	}
	if of, err := inspect.MissingFilterIndexes(t.Context(), db, inspect.Schemas{}, inspect.Main); err != nil || len(of) != 0 {
		t.Errorf("main side: want no advice, got %+v (error %v)", of, err)
	}
	for _, a := range advice {
		for _, stmt := range a.Statements {
			exec(t, db, stmt)
		}
	}
	if advice, err = inspect.MissingFilterIndexes(t.Context(), db, inspect.Schemas{}, inspect.Fusillade); err != nil || len(advice) != 0 {
		t.Errorf("after the advice: got %+v (error %v), want no more advice", advice, err)
	}
}

// TestMissingCopyIndexes: the printed advice on indexes of partitioned tables
// works, even if it was followed in part, and new partitions need no more.
func TestMissingCopyIndexes(t *testing.T) {
	t.Parallel()
	db := connect(t, pgtest.New(t).URL)
	exec(t, db, `CREATE SCHEMA "two Words"`)
	exec(t, db, `CREATE TABLE "two Words"."a partition whose name is as long as a name can be, 63 bytes it" PARTITION OF outlet.http_requests
		FOR VALUES FROM ('2026-01-01') TO ('2026-01-02')`)
	find := func(sides ...inspect.Side) []inspect.IndexAdvice {
		t.Helper()
		advice, err := inspect.MissingCopyIndexes(t.Context(), db, inspect.Schemas{}, sides...)
		if err != nil {
			t.Fatal(err)
		}
		return advice
	}
	for side, want := range map[inspect.Side]int{inspect.Main: 2, inspect.Fusillade: 2, inspect.Outlet: 0} {
		if got := find(side); len(got) != want {
			t.Errorf("side %d: want %d, got %+v", side, want, got)
		}
	}
	exec(t, db, `CREATE INDEX http_requests_fusillade_request_id_idx ON outlet.http_requests (uri)`) // takes the name
	for following := 0; following < 20; following++ {
		advice := find()
		if len(advice) == 0 {
			if following < 6 {
				t.Errorf("got only %d statements", following)
			}
			break
		}
		exec(t, db, advice[0].Statements[0]) // then asks again
	}
	exec(t, db, `CREATE TABLE outlet.another PARTITION OF outlet.http_requests FOR VALUES FROM ('2026-01-02') TO ('2026-01-03')`)
	if advice := find(); len(advice) != 0 {
		t.Errorf("after the advice and a new partition: got %+v, want no more advice", advice)
	}
	// Partitions in one statement, with an index that was left unfinished.
	other := connect(t, pgtest.New(t).URL)
	exec(t, other, `CREATE TABLE outlet.apart PARTITION OF outlet.http_requests FOR VALUES FROM ('2026-01-01') TO ('2026-01-02') PARTITION BY RANGE (timestamp)`)
	for range 2 {
		advice, err := inspect.MissingCopyIndexes(t.Context(), other, inspect.Schemas{}, inspect.Fusillade)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range advice {
			for _, stmt := range a.Statements {
				exec(t, other, stmt)
			}
		}
		if advice, err := inspect.MissingCopyIndexes(t.Context(), other, inspect.Schemas{}, inspect.Fusillade); err != nil || len(advice) != 0 {
			t.Errorf("after the advice: got %+v (error %v), want no more advice", advice, err)
		}
	}
}

// TestHolders: what holds back dead rows is named, with what to do.
func TestHolders(t *testing.T) {
	t.Parallel()
	database := pgtest.New(t)
	conn, held := connect(t, database.URL), connect(t, database.URL)
	for _, statement := range []string{"BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT 1"} {
		if _, err := held.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	what := fmt.Sprintf("process %d,", held.PgConn().PID())
	find := func() *inspect.Holder {
		t.Helper()
		holders, err := inspect.Holders(t.Context(), conn)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(holders, func(h inspect.Holder) bool { return strings.Contains(h.What, what) })
		if i < 0 {
			return nil
		}
		return &holders[i]
	}
	h := find()
	if h == nil || h.Oldest == 0 || h.Behind < 0 || h.Age < 0 || h.Age > time.Minute || !strings.Contains(h.Advice, "pg_terminate_backend") {
		t.Fatalf("got %+v", h)
	}
	if _, err := conn.Exec(t.Context(), "CREATE TABLE one (); CREATE TABLE two ()"); err != nil {
		t.Fatal(err)
	}
	if later := find(); later == nil || later.Oldest != h.Oldest || later.Behind < h.Behind+1 {
		t.Errorf("first got %+v, then %+v", h, later)
	}
	if _, err := held.Exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if h := find(); h != nil {
		t.Errorf("after the holder's end: got %+v", h)
	}
}
