package migrations_test

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"lethe/internal/pgtest"
)

func TestFixtureLoads(t *testing.T) {
	t.Parallel()
	db := connect(t)
	fixture, err := os.ReadFile("../test/contract/testdata/fixture.sql")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.PgConn().Exec(t.Context(), string(fixture)).ReadAll(); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]int{
		"public.users":                17, // including the system user
		"public.user_roles":           22,
		"public.user_organizations":   7,
		"public.api_keys":             19,
		"public.http_analytics":       37,
		"fusillade.requests":          117,
		"fusillade.request_templates": 116,
		"fusillade.response_steps":    16,
		"fusillade.files":             3,
		"fusillade.batches":           1,
		"public.users WHERE id = '00000000-0000-0000-0000-000000000000'": 1,
		`public.http_analytics WHERE total_cost IS DISTINCT FROM
			(prompt_tokens * input_price_per_token + completion_tokens * output_price_per_token)::numeric(12,8)`: 0,
	} {
		var got int
		if err := db.QueryRow(t.Context(), "SELECT count(*) FROM "+query).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s: %d rows, want %d", query, got, want)
		}
	}
}

// Rows that the tests below refer to.
const someRows = `
INSERT INTO public.users (id, username, email) VALUES ('00000000-0000-0000-0000-00000000000a', 'ann', 'ann@example.test');
INSERT INTO public.users (id, username, email, external_user_id) VALUES ('00000000-0000-0000-0000-00000000000b', 'bob', 'bob@example.test', 'idp|bob');
INSERT INTO public.users (id, username, email, user_type) VALUES ('00000000-0000-0000-0000-00000000000c', 'corp', 'ann@example.test', 'organization');
INSERT INTO public.api_keys (name, secret, user_id, created_by, purpose, hidden) VALUES
	('one', 's1', '00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-00000000000a', 'batch', true);
INSERT INTO public.user_organizations (organization_id, invite_email, status) VALUES
	('00000000-0000-0000-0000-00000000000c', 'new@example.test', 'pending');
INSERT INTO public.http_analytics (instance_id, correlation_id, timestamp, method, uri) VALUES
	('00000000-0000-0000-0000-000000000001', 1, now(), 'POST', '/');
INSERT INTO public.credits_transactions (user_id, transaction_type, amount, source_id) VALUES
	('00000000-0000-0000-0000-00000000000a', 'purchase', 1, 'first');
INSERT INTO fusillade.batches (id, expires_at) VALUES ('00000000-0000-0000-0000-0000000000ba', now());
INSERT INTO fusillade.requests (id, model, created_by) VALUES ('00000000-0000-0000-0000-0000000000f1', 'm', 'ann');
INSERT INTO fusillade.requests (id, model, created_by) VALUES ('00000000-0000-0000-0000-0000000000f2', 'm', 'ann');
INSERT INTO fusillade.response_steps (request_id, step_kind, step_sequence, request_payload) VALUES
	('00000000-0000-0000-0000-0000000000f1', 'model_call', 1, '{}');
INSERT INTO underway.task_queue (name) VALUES ('create-response');
INSERT INTO underway.task (id, task_queue_name, input, concurrency_key) VALUES
	('00000000-0000-0000-0000-0000000000e1', 'create-response', '{}', 'k');
`

func TestConstraints(t *testing.T) {
	t.Parallel()
	const (
		ann, bob, corp = "'00000000-0000-0000-0000-00000000000a'", "'00000000-0000-0000-0000-00000000000b'", "'00000000-0000-0000-0000-00000000000c'"
		system         = "'00000000-0000-0000-0000-000000000000'"
		batch, second  = "'00000000-0000-0000-0000-0000000000ba'", "'00000000-0000-0000-0000-0000000000f2'"
		notNull        = "23502"
		unique         = "23505"
		check          = "23514"
	)
	user := func(columns, values string) string {
		return "INSERT INTO public.users (username, email, " + columns + ") VALUES ('eve', 'eve@example.test', " + values + ")"
	}
	member := func(user, organization, role, status string) string {
		return "INSERT INTO public.user_organizations (user_id, organization_id, role, status) VALUES (" + user + ", " + organization + ", '" + role + "', '" + status + "')"
	}
	key := func(name, secret, owner, creator, purpose, hidden string) string {
		return "INSERT INTO public.api_keys (name, secret, user_id, created_by, purpose, hidden) VALUES ('" + name + "', '" + secret + "', " + owner + ", " + creator + ", '" + purpose + "', " + hidden + ")"
	}
	analytics := func(columns, values string) string {
		return "INSERT INTO public.http_analytics (instance_id, correlation_id, timestamp, method, uri, " + columns + ") VALUES ('00000000-0000-0000-0000-000000000001', 2, now(), 'POST', '/', " + values + ")"
	}
	credit := func(kind, amount, source string) string {
		return "INSERT INTO public.credits_transactions (user_id, transaction_type, amount, source_id) VALUES (" + ann + ", '" + kind + "', " + amount + ", '" + source + "')"
	}
	request := func(state, columns, values string) string {
		return "INSERT INTO fusillade.requests (model, created_by, state, " + columns + ") VALUES ('m', 'ann', '" + state + "', " + values + ")"
	}
	owner := func(columns, values string) string {
		return "INSERT INTO fusillade.requests (model, " + columns + ") VALUES ('m', " + values + ")"
	}
	step := func(state, columns, values string) string {
		return "INSERT INTO fusillade.response_steps (step_kind, step_sequence, request_payload, state, " + columns + ") VALUES ('tool_call', 1, '{}', '" + state + "', " + values + ")"
	}
	kind := func(kind, request string) string {
		return "INSERT INTO fusillade.response_steps (step_kind, step_sequence, request_payload, request_id) VALUES ('" + kind + "', 1, '{}', " + request + ")"
	}
	file := func(columns, values string) string {
		return "INSERT INTO fusillade.files (name, " + columns + ") VALUES ('f', " + values + ")"
	}
	task := func(id, state, concurrencyKey string) string {
		return "INSERT INTO underway.task (id, task_queue_name, input, state, concurrency_key) VALUES ('00000000-0000-0000-0000-0000000000" + id + "', 'create-response', '{}', '" + state + "', '" + concurrencyKey + "')"
	}
	receipt := func(body, leaf string) string {
		return "INSERT INTO lethe.receipts (id, body, leaf_index) VALUES (gen_random_uuid(), " + body + ", " + leaf + ")"
	}
	daemon := "'00000000-0000-0000-0000-0000000000da'"

	db := connect(t)
	if _, err := db.Exec(t.Context(), someRows); err != nil {
		t.Fatal(err)
	}
	// constraint and code are empty for rows that must be accepted.
	for _, tc := range []struct{ name, sql, code, constraint string }{
		{"user type", user("user_type", "'organization'"), "", ""},
		{"unknown user type", user("user_type", "'robot'"), check, "chk_user_type"},
		{"username again", "INSERT INTO public.users (username, email) VALUES ('ann', 'x@example.test')", unique, ""},
		{"external id again", user("external_user_id", "'idp|bob'"), unique, "users_external_user_id_key"},
		{"same individual, nulls alike", "INSERT INTO public.users (username, email) VALUES ('ann2', 'ann@example.test')", unique, "users_individual_identity_key"},
		{"same address, other source", "INSERT INTO public.users (username, email, auth_source) VALUES ('ann2', 'ann@example.test', 'native')", "", ""},
		{"two organizations with an address", "INSERT INTO public.users (username, email, user_type) VALUES ('corp2', 'ann@example.test', 'organization')", "", ""},
		{"system user again", "INSERT INTO public.users (id, username, email) VALUES (" + system + ", 'x', 'x')", unique, "users_pkey"},
		{"role", "INSERT INTO public.user_roles (user_id, role) VALUES (" + ann + ", 'BATCHAPIUSER')", "", ""},
		{"unknown role", "INSERT INTO public.user_roles (user_id, role) VALUES (" + ann + ", 'batchapiuser')", "22P02", ""},
		{"role twice", "INSERT INTO public.user_roles (user_id, role) VALUES (" + ann + ", 'STANDARDUSER'), (" + ann + ", 'STANDARDUSER')", unique, ""},

		{"member", member(ann, corp, "owner", "active"), "", ""},
		{"unknown member role", member(ann, corp, "boss", "active"), check, "user_organizations_role_check"},
		{"unknown status", member(ann, corp, "member", "gone"), check, "user_organizations_status_check"},
		{"member of a person", member(ann, bob, "member", "active"), check, ""},
		{"organization as a member", member(corp, corp, "member", "active"), check, ""},
		{"membership moved to a person", member(ann, corp, "member", "active") + "; UPDATE public.user_organizations SET organization_id = " + bob + " WHERE user_id = " + ann, check, ""},
		{"member twice", member(ann, corp, "member", "active") + "; " + member(ann, corp, "admin", "pending"), unique, ""},
		{"invited twice", "INSERT INTO public.user_organizations (organization_id, invite_email, status) VALUES (" + corp + ", 'new@example.test', 'pending')", unique, "user_organizations_pending_invite_key"},

		{"key", key("two", "s2", ann, ann, "platform", "false"), "", ""},
		{"unknown purpose", key("two", "s2", ann, ann, "admin", "false"), check, "api_keys_purpose_check"},
		{"secret again", key("two", "s1", ann, ann, "platform", "false"), unique, ""},
		{"name again by the same owner", key("one", "s2", ann, ann, "platform", "false"), unique, "api_keys_name_key"},
		{"name again, by another", key("one", "s2", ann, bob, "platform", "false"), "", ""},
		{"second hidden key", key("two", "s2", ann, ann, "batch", "true"), unique, "api_keys_hidden_key"},

		{"access source", analytics("access_source", "'api_key'"), "", ""},
		{"unknown access source", analytics("access_source", "'door'"), check, "check_access_source"},
		{"cost cannot be set", analytics("total_cost", "1"), "428C9", ""},
		{"correlation again", "INSERT INTO public.http_analytics (instance_id, correlation_id, timestamp, method, uri) VALUES ('00000000-0000-0000-0000-000000000001', 1, now(), 'GET', '/')", unique, ""},
		{"credit", credit("usage", "0.5", "second"), "", ""},
		{"unknown transaction", credit("gift", "1", "second"), check, "credits_transactions_transaction_type_check"},
		{"nothing transacted", credit("usage", "0", "second"), check, "credits_transactions_amount_nonzero_check"},
		{"source again", credit("usage", "1", "first"), unique, ""},

		{"of a batch", owner("batch_id", batch), "", ""},
		{"of nobody", owner("state", "'pending'"), check, "requests_attribution_xor"},
		{"of a person and a batch", owner("created_by, batch_id", "'ann', "+batch), check, "requests_attribution_xor"},
		{"tier", request("pending", "service_tier", "'flex'"), "", ""},
		{"unknown tier", request("pending", "service_tier", "'gold'"), check, "requests_service_tier_check"},
		{"unknown state", request("lost", "error", "'e'"), check, "state_check"},
		{"pending and claimed", request("pending", "claimed_at", "now()"), check, "pending_fields_check"},
		{"pending and started", request("pending", "started_at", "now()"), check, "pending_fields_check"},
		{"pending with a daemon", request("pending", "daemon_id", daemon), check, "pending_fields_check"},
		{"claimed", request("claimed", "daemon_id, claimed_at", daemon+", now()"), "", ""},
		{"claimed by nobody", request("claimed", "claimed_at", "now()"), check, "claimed_fields_check"},
		{"claimed never", request("claimed", "daemon_id", daemon), check, "claimed_fields_check"},
		{"claimed and started", request("claimed", "daemon_id, claimed_at, started_at", daemon+", now(), now()"), check, "claimed_fields_check"},
		{"processing", request("processing", "daemon_id, claimed_at, started_at", daemon+", now(), now()"), "", ""},
		{"processing, not started", request("processing", "daemon_id, claimed_at", daemon+", now()"), check, "processing_fields_check"},
		{"processing, not claimed", request("processing", "daemon_id, started_at", daemon+", now()"), check, "processing_fields_check"},
		{"processing by nobody", request("processing", "claimed_at, started_at", "now(), now()"), check, "processing_fields_check"},
		{"completed", request("completed", "response_status, response_body, completed_at", "200, '', now()"), "", ""},
		{"completed without a status", request("completed", "response_body, completed_at", "'', now()"), check, "completed_fields_check"},
		{"completed without an answer", request("completed", "response_status, completed_at", "200, now()"), check, "completed_fields_check"},
		{"completed never", request("completed", "response_status, response_body", "200, ''"), check, "completed_fields_check"},
		{"failed", request("failed", "error, failed_at", "'e', now()"), "", ""},
		{"failed without an error", request("failed", "failed_at", "now()"), check, "failed_fields_check"},
		{"failed never", request("failed", "error", "'e'"), check, "failed_fields_check"},
		{"canceled", request("canceled", "canceled_at", "now()"), "", ""},
		{"canceled never", request("canceled", "error", "'e'"), check, "canceled_fields_check"},

		{"model call", kind("model_call", second), "", ""},
		{"model call of no request", kind("model_call", "NULL"), check, "response_steps_request_id_step_kind_check"},
		{"tool call of a request", kind("tool_call", second), check, "response_steps_request_id_step_kind_check"},
		{"unknown kind", kind("dance", "NULL"), check, "response_steps_kind_check"},
		{"second step of a request", kind("model_call", "'00000000-0000-0000-0000-0000000000f1'"), unique, "response_steps_request_id_key"},
		{"unknown step state", step("claimed", "started_at", "now()"), check, "response_steps_state_check"},
		{"pending step", step("pending", "retry_attempt", "1"), "", ""},
		{"pending step, started", step("pending", "started_at", "now()"), check, "response_steps_pending_fields_check"},
		{"pending step with an answer", step("pending", "response_payload", "'{}'"), check, "response_steps_pending_fields_check"},
		{"processing step", step("processing", "started_at", "now()"), "", ""},
		{"processing step, not started", step("processing", "retry_attempt", "1"), check, "response_steps_processing_fields_check"},
		{"completed step", step("completed", "started_at, completed_at, response_payload", "now(), now(), '{}'"), "", ""},
		{"completed step, not started", step("completed", "completed_at, response_payload", "now(), '{}'"), check, "response_steps_completed_fields_check"},
		{"completed step, never", step("completed", "started_at, response_payload", "now(), '{}'"), check, "response_steps_completed_fields_check"},
		{"completed step without an answer", step("completed", "started_at, completed_at", "now(), now()"), check, "response_steps_completed_fields_check"},
		{"completed step with an error", step("completed", "started_at, completed_at, response_payload, error", "now(), now(), '{}', '{}'"), check, "response_steps_completed_fields_check"},
		{"failed step", step("failed", "failed_at, error", "now(), '{}'"), "", ""},
		{"failed step without an error", step("failed", "failed_at", "now()"), check, "response_steps_failed_fields_check"},
		{"failed step, never", step("failed", "error", "'{}'"), check, "response_steps_failed_fields_check"},
		{"failed step with an answer", step("failed", "failed_at, error, response_payload", "now(), '{}', '{}'"), check, "response_steps_failed_fields_check"},
		{"canceled step", step("canceled", "canceled_at", "now()"), "", ""},
		{"canceled step, never", step("canceled", "retry_attempt", "1"), check, "response_steps_canceled_fields_check"},
		{"canceled step with an error", step("canceled", "canceled_at, error", "now(), '{}'"), check, "response_steps_canceled_fields_check"},

		{"file", file("status", "'expired'"), "", ""},
		{"file of less than nothing", file("size_bytes", "-1"), check, "files_size_bytes_check"},
		{"unknown file status", file("status", "'lost'"), check, "files_status_check"},
		{"batch without an end", "INSERT INTO fusillade.batches (endpoint) VALUES ('/')", notNull, ""},
		{"raw copy", "INSERT INTO outlet.http_requests (instance_id, correlation_id, timestamp, method, uri, headers) VALUES (" + daemon + ", 1, '1999-01-01', 'GET', '/', '{}')", "", ""},
		{"task under another key", task("e2", "pending", "k2"), "", ""},
		{"finished task under the key", task("e2", "succeeded", "k"), "", ""},
		{"second open task under the key", task("e2", "in_progress", "k"), unique, "task_concurrency_key"},

		{"receipt", receipt("'x'", "NULL"), "", ""},
		{"receipt of the longest", receipt("convert_to(repeat('x', 65535), 'UTF8')", "0"), "", ""},
		{"receipt that is too long", receipt("convert_to(repeat('x', 65536), 'UTF8')", "0"), check, "receipts_body_check"},
		{"empty receipt", receipt("''", "NULL"), check, "receipts_body_check"},
		{"leaf before the first", receipt("'x'", "-1"), check, "receipts_leaf_index_check"},
		{"one leaf twice", receipt("'x'", "5") + ";" + receipt("'y'", "5"), unique, "receipts_leaf_index_key"},
		{"two that are no leaves", receipt("'x'", "NULL") + ";" + receipt("'y'", "NULL"), "", ""},
		{"tile", "INSERT INTO lethe.tiles VALUES (0, 0, sha256('x'))", "", ""},
		{"tile with a part of a hash", "INSERT INTO lethe.tiles VALUES (0, 0, sha256('x') || 'x')", check, "tiles_hashes_check"},
		{"empty tile", "INSERT INTO lethe.tiles VALUES (0, 0, '')", check, "tiles_hashes_check"},
		{"tile of 257", "INSERT INTO lethe.tiles VALUES (0, 0, convert_to(repeat('x', 257 * 32), 'UTF8'))", check, "tiles_hashes_check"},
		{"two states", "INSERT INTO lethe.log_state (origin, size, root) VALUES ('a', 1, ''), ('b', 2, '')", unique, ""},
		{"another state", "INSERT INTO lethe.log_state VALUES (false, 'a', 1, '')", check, "log_state_single_check"},
		{"checkpoint of nothing", "INSERT INTO lethe.checkpoints (size, note) VALUES (0, '')", check, "checkpoints_size_check"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tx, err := db.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = tx.Rollback(context.Background()) }()
			_, err = tx.Exec(t.Context(), tc.sql)
			if tc.code == "" {
				if err != nil {
					t.Fatalf("%s\nrefused: %v", tc.sql, err)
				}
				return
			}
			var refusal *pgconn.PgError
			if !errors.As(err, &refusal) {
				t.Fatalf("%s\nwant a refusal, got %v", tc.sql, err)
			}
			if refusal.Code != tc.code || tc.constraint != "" && refusal.ConstraintName != tc.constraint {
				t.Errorf("refused with %s by %q, want %s by %q", refusal.Code, refusal.ConstraintName, tc.code, tc.constraint)
			}
		})
	}
}

func TestDeleteCascades(t *testing.T) {
	t.Parallel()
	db := connect(t)
	exec := func(sql string) {
		t.Helper()
		if _, err := db.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	left := func(table string, want int) {
		t.Helper()
		var got int
		if err := db.QueryRow(t.Context(), "SELECT count(*) FROM "+table).Scan(&got); err != nil || got != want {
			t.Errorf("%s: %d left, want %d (%v)", table, got, want, err)
		}
	}
	// A chain: head (request f1), tool call, model call (request f2).
	exec(`INSERT INTO fusillade.request_templates (id, endpoint, method, path, model, api_key) VALUES
			('00000000-0000-0000-0000-0000000000a1', '', '', '', 'm', '');
		INSERT INTO fusillade.requests (id, template_id, model, created_by) VALUES
			('00000000-0000-0000-0000-0000000000f1', '00000000-0000-0000-0000-0000000000a1', 'm', 'u'),
			('00000000-0000-0000-0000-0000000000f2', NULL, 'm', 'u');
		INSERT INTO fusillade.response_steps (id, request_id, parent_step_id, prev_step_id, step_kind, step_sequence, request_payload) VALUES
			('00000000-0000-0000-0000-0000000000c1', '00000000-0000-0000-0000-0000000000f1', NULL, NULL, 'model_call', 1, '{}'),
			('00000000-0000-0000-0000-0000000000c2', NULL, '00000000-0000-0000-0000-0000000000c1', '00000000-0000-0000-0000-0000000000c1', 'tool_call', 2, '{}'),
			('00000000-0000-0000-0000-0000000000c3', '00000000-0000-0000-0000-0000000000f2', '00000000-0000-0000-0000-0000000000c1', '00000000-0000-0000-0000-0000000000c2', 'model_call', 3, '{}')`)
	exec("DELETE FROM fusillade.request_templates")
	left("fusillade.requests WHERE template_id IS NULL", 2)
	exec("DELETE FROM fusillade.requests WHERE id = '00000000-0000-0000-0000-0000000000f1'")
	left("fusillade.response_steps", 0)
	left("fusillade.requests", 1)
}

func TestNotifications(t *testing.T) {
	t.Parallel()
	db := connect(t)
	if _, err := db.Exec(t.Context(), "LISTEN auth_config_changed"); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(t.Context(), someRows); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	heard := map[string]bool{}
	for !heard["users"] || !heard["api_keys"] || !heard["user_organizations"] {
		n, err := db.WaitForNotification(ctx)
		if err != nil {
			t.Fatalf("got only the notifications %v: %v", heard, err)
		}
		var table string
		for i, c := range n.Payload {
			if c == ':' {
				table = n.Payload[:i]
			}
		}
		heard[table] = true
	}
}

func connect(t *testing.T) *pgx.Conn {
	t.Helper()
	db, err := pgx.Connect(t.Context(), pgtest.New(t).URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close(context.Background()) })
	return db
}
