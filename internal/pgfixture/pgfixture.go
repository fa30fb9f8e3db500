// Package pgfixture adds rows to a Postgres database as its owner, for tests of the
// promises of ports.
package pgfixture

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"lethe/domain"
	"lethe/domain/porttest"
)

// Ports are the adapters under test; those that a test does not use may be nil.
type Ports struct {
	Responses    domain.Responses
	Holds        domain.Holds
	Erasures     domain.Erasures
	Retention    domain.Retention
	UsageRecords domain.UsageRecords
	People       domain.People
	AccessLog    domain.AccessLog
}

// Fixture is a database and the adapters that work on it.
type Fixture struct {
	t     testing.TB
	conn  *pgx.Conn
	raw   *pgx.Conn // to the database of raw copies
	ports Ports
}

var (
	_ porttest.ResponsesFixture = (*Fixture)(nil)
	_ porttest.HoldsFixture     = (*Fixture)(nil)
	_ porttest.ErasuresFixture  = (*Fixture)(nil)
	_ porttest.RetentionFixture = (*Fixture)(nil)
	_ porttest.UsageFixture     = (*Fixture)(nil)
	_ porttest.PeopleFixture    = (*Fixture)(nil)
	_ porttest.AccessLogFixture = (*Fixture)(nil)
)

// New connects to a database with every table under its default name, as the owner of the
// tables. Any error fails the test.
func New(t testing.TB, url string, ports Ports) *Fixture {
	t.Helper()
	conn := connect(t, url)
	return &Fixture{t: t, conn: conn, raw: conn, ports: ports}
}

// CopiesIn adds later raw copies to another database.
func (f *Fixture) CopiesIn(url string) {
	f.t.Helper()
	f.raw = connect(f.t, url)
}

func connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatalf("connect to put rows in: %v", err)
	}
	t.Cleanup(func() {
		// The test's own context has ended.
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := conn.Close(ctx); err != nil {
			t.Errorf("close the connection that put rows in: %v", err)
		}
	})
	return conn
}

// Hasten makes sweeps due for everything erased.
func (f *Fixture) Hasten() { f.exec(`UPDATE lethe.tombstones SET due_at = clock_timestamp()`) }

func (f *Fixture) Responses() domain.Responses { return f.ports.Responses }

func (f *Fixture) Holds() domain.Holds { return f.ports.Holds }

func (f *Fixture) Erasures() domain.Erasures { return f.ports.Erasures }

func (f *Fixture) Retention() domain.Retention { return f.ports.Retention }

// HastenVerification makes the verification of every erasure due.
func (f *Fixture) HastenVerification() {
	f.exec(`UPDATE lethe.erasures SET verify_at = clock_timestamp() WHERE verify_at IS NOT NULL`)
}

// Refuse makes the database refuse to delete a response, or stop refusing.
func (f *Fixture) Refuse(id uuid.UUID, refuse bool) {
	name := "refuse_" + strings.ReplaceAll(id.String(), "-", "_")
	if !refuse {
		f.exec(`DROP FUNCTION public.` + name + ` CASCADE`)
		return
	}
	f.exec(`CREATE FUNCTION public.` + name + `() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'words of people: %', OLD; END $$ LANGUAGE plpgsql`)
	f.exec(`CREATE TRIGGER ` + name + ` BEFORE DELETE ON fusillade.requests FOR EACH ROW WHEN (OLD.id = '` + id.String() + `') EXECUTE FUNCTION public.` + name + `()`)
}

func (f *Fixture) UsageRecords() domain.UsageRecords { return f.ports.UsageRecords }

func (f *Fixture) People() domain.People { return f.ports.People }

func (f *Fixture) AccessLog() domain.AccessLog { return f.ports.AccessLog }

func (f *Fixture) AddResponse(row porttest.Row) {
	f.t.Helper()
	var batch, template *uuid.UUID
	owner := &row.Owner
	if row.Batched {
		batch, owner = new(uuid.UUID), nil
		*batch = uuid.New()
		f.exec(`INSERT INTO fusillade.batches (id, expires_at) VALUES ($1, now())`, batch)
	}
	if !row.NoTemplate {
		id := row.Template
		if id == uuid.Nil {
			id = uuid.New()
		}
		template = &id
		if !f.there(`SELECT EXISTS (SELECT FROM fusillade.request_templates WHERE id = $1)`, id) {
			f.exec(`INSERT INTO fusillade.request_templates (id, file_id, endpoint, method, path, body, model, api_key, created_at)
				VALUES ($1, $2, 'http://upstream.test', 'POST', '/v1/responses', $3, $4, 'key', $5)`,
				id, f.addFile(row.File), row.Prompt, row.Model, row.CreatedAt)
		}
	}
	var daemon *uuid.UUID
	var claimed, canceled *time.Time
	switch row.State {
	case "claimed", "processing":
		daemon, claimed = &uuid.Max, &row.CreatedAt
	case "canceled":
		canceled = &row.CreatedAt
	}
	f.exec(`INSERT INTO fusillade.requests (id, batch_id, template_id, state, daemon_id, claimed_at, started_at,
			response_status, response_body, completed_at, error, failed_at, canceled_at, created_at, model, service_tier, created_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
		row.ID, batch, template, row.State, daemon, claimed, row.StartedAt,
		row.HTTPStatus, row.Answer, row.CompletedAt, row.Error, row.FailedAt, canceled, row.CreatedAt, row.Model, row.Tier, owner)
}

func (f *Fixture) addFile(file porttest.File) *uuid.UUID {
	f.t.Helper()
	if file == porttest.NoFile {
		return nil
	}
	id := uuid.New()
	if file == porttest.MadeFile {
		f.exec(`INSERT INTO fusillade.files (id, name, purpose) VALUES ($1, 'single_request', 'batch')`, id)
		f.exec(`INSERT INTO fusillade.batches (file_id, total_requests, expires_at) VALUES ($1, 1, now())`, id)
		return &id
	}
	f.exec(`INSERT INTO fusillade.files (id, name, purpose, uploaded_by, deleted_at) VALUES ($1, 'in.jsonl', 'batch', 'somebody', CASE WHEN $2 THEN now() END)`,
		id, file == porttest.DeletedFile)
	return &id
}

func (f *Fixture) there(sql string, args ...any) (there bool) {
	f.t.Helper()
	if err := f.conn.QueryRow(f.t.Context(), sql, args...).Scan(&there); err != nil {
		f.t.Fatalf("look for a row: %v", err)
	}
	return there
}

// AddChain stores the steps of a response and their requests, the head first.
func (f *Fixture) AddChain(steps ...porttest.Step) {
	f.t.Helper()
	var head, previous *uuid.UUID
	for i, step := range steps {
		kind, request := "tool_call", (*uuid.UUID)(nil)
		if step.Row != nil {
			f.AddResponse(*step.Row)
			kind, request = "model_call", &step.Row.ID
		}
		f.exec(`INSERT INTO fusillade.response_steps (id, request_id, prev_step_id, parent_step_id, step_kind, step_sequence,
				request_payload, response_payload, state, started_at, completed_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'completed', now(), now())`,
			step.ID, request, previous, head, kind, i, step.Sent(), porttest.StepAnswer)
		if head == nil {
			head = &step.ID
		}
		previous = &step.ID
	}
}

// AddUsage stores a response's cost and its raw copies.
func (f *Fixture) AddUsage(u porttest.UsageRow) {
	f.t.Helper()
	instance, correlation := uuid.New(), u.At.UnixMicro()
	if u.Owner != nil {
		f.exec(`INSERT INTO public.users (id, username, email) VALUES ($1::uuid, $1::uuid::text, $1::uuid::text) ON CONFLICT DO NOTHING`, u.Owner)
	}
	var batch *uuid.UUID
	if u.Batched {
		batch = &uuid.Max
	}
	f.exec(`INSERT INTO public.http_analytics (instance_id, correlation_id, timestamp, method, uri, prompt_tokens, completion_tokens,
			total_tokens, reasoning_tokens, input_price_per_token, output_price_per_token, fusillade_request_id, user_id, fusillade_batch_id)
		VALUES ($1, $2, $3, 'POST', '/v1/responses', $4, $5, $6, $7, $8::text::numeric, $9::text::numeric, $10, $11, $12)`,
		instance, correlation, u.At, u.PromptTokens, u.CompletionTokens, u.TotalTokens, u.ReasoningTokens,
		u.PromptPrice, u.CompletionPrice, u.Response, u.Owner, batch)
	if !u.Copied {
		return
	}
	f.execOn(f.raw, `INSERT INTO outlet.http_requests (instance_id, correlation_id, timestamp, method, uri, headers, body)
		VALUES ($1, $2, $3, 'POST', '/v1/responses', '{}', '{"words": "of people"}')`, instance, correlation, u.At)
	f.execOn(f.raw, `INSERT INTO outlet.http_responses (instance_id, correlation_id, timestamp, status_code, headers, body,
			duration_to_first_byte_ms, duration_ms)
		VALUES ($1, $2, $3, 200, '{}', '{"words": "of a model"}', 1, 2)`, instance, correlation, u.At)
}

// AddCharge stores a charge on a balance, in a newer dwctl's tables.
func (f *Fixture) AddCharge(c porttest.Charge) {
	f.t.Helper()
	kind := "usage"
	if c.NoUsage {
		kind = "admin_grant"
	}
	f.exec(`INSERT INTO public.credits_transactions (user_id, transaction_type, amount, source_id, fusillade_request_id)
		VALUES ('00000000-0000-0000-0000-000000000000', $1, $2::text::numeric, gen_random_uuid()::text, $3)`, kind, string(c.Amount), c.Response)
}

// AddTask stores a job with a response: a pending one that would create it, or a finished
// one that completed it.
func (f *Fixture) AddTask(response uuid.UUID, finished bool) {
	f.t.Helper()
	queue, state := "create-response", "pending"
	if finished {
		queue, state = "complete-response", "succeeded"
	}
	f.exec(`INSERT INTO underway.task_queue (name) VALUES ($1) ON CONFLICT DO NOTHING`, queue)
	f.exec(`INSERT INTO underway.task (id, task_queue_name, state, input)
		VALUES ($1::uuid, $2, $3, jsonb_build_object('step_index', 0, 'job_id', $1::uuid,
			'step_input', jsonb_build_object('request_id', $4::uuid, 'body', 'words of people')))`,
		uuid.New(), queue, state, response)
}

func (f *Fixture) Stored() porttest.Stored {
	f.t.Helper()
	var s porttest.Stored
	err := f.conn.QueryRow(f.t.Context(), `SELECT
			(SELECT count(*) FROM fusillade.requests), (SELECT count(*) FROM fusillade.request_templates),
			(SELECT count(*) FROM fusillade.response_steps),
			(SELECT count(*) FROM underway.task), (SELECT count(*) FROM public.http_analytics),
			(SELECT count(*) FROM fusillade.files), (SELECT count(*) FROM fusillade.batches)`).
		Scan(&s.Requests, &s.Templates, &s.Steps, &s.Tasks, &s.Usage, &s.Files, &s.Batches)
	if err == nil {
		err = f.raw.QueryRow(f.t.Context(), `SELECT (SELECT count(*) FROM outlet.http_requests), (SELECT count(*) FROM outlet.http_responses)`).
			Scan(&s.RawRequests, &s.RawResponses)
	}
	if err != nil {
		f.t.Fatalf("count rows: %v", err)
	}
	return s
}

// AddPerson stores a person. The system's row always exists, so it is updated.
func (f *Fixture) AddPerson(p porttest.Person) {
	f.t.Helper()
	var external *string
	if p.ExternalID != "" {
		external = &p.ExternalID
	}
	f.exec(`INSERT INTO public.users (id, username, email, is_admin, is_deleted, external_user_id, last_login, display_name)
		VALUES ($1::uuid, $1::uuid::text, $2, $3, $4, $5, $6, nullif($7, ''))
		ON CONFLICT (id) DO UPDATE SET email = excluded.email, is_admin = excluded.is_admin, is_deleted = excluded.is_deleted,
			external_user_id = excluded.external_user_id, last_login = excluded.last_login`, p.ID, p.Email, p.Admin, p.Deleted, external, p.LastLogin, p.Name)
	for _, role := range p.Roles {
		f.exec(`INSERT INTO public.user_roles (user_id, role) VALUES ($1, $2::text::public.user_role)`, p.ID, string(role))
	}
}

func (f *Fixture) AddOrganization(o porttest.Organization) {
	f.t.Helper()
	f.exec(`INSERT INTO public.users (id, username, email, is_deleted, user_type, display_name)
		VALUES ($1::uuid, $1::uuid::text, $2, $3, 'organization', nullif($4, ''))`,
		o.ID, o.Email, o.Deleted, o.Name)
}

func (f *Fixture) AddMembership(m porttest.Membership) {
	f.t.Helper()
	status := "active"
	if m.Pending {
		status = "pending"
	}
	f.exec(`INSERT INTO public.user_organizations (user_id, organization_id, status) VALUES ($1, $2, $3)`,
		m.Person, m.Organization, status)
}

func (f *Fixture) AddKey(k porttest.Key) {
	f.t.Helper()
	f.exec(`INSERT INTO public.api_keys (name, secret, user_id, created_by, purpose, is_deleted)
		VALUES (gen_random_uuid()::text, $1, $2, $3, $4, $5)`, k.Secret, k.Owner, k.Creator, k.Purpose, k.Deleted)
}

func (f *Fixture) exec(sql string, args ...any) {
	f.t.Helper()
	f.execOn(f.conn, sql, args...)
}

func (f *Fixture) execOn(conn *pgx.Conn, sql string, args ...any) {
	f.t.Helper()
	if _, err := conn.Exec(f.t.Context(), sql, args...); err != nil {
		f.t.Fatalf("put rows in: %v", err)
	}
}
