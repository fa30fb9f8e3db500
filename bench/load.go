package main

import (
	"context"
	"crypto/md5"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"lethe/adapters/postgres/migrate"
)

// People who run the scenarios; the others follow.
const (
	manager      = 1 // may read everyone's
	largeOwner   = 2 // of a tenth of all rows
	smallOwner   = 3 // of 50 rows
	eraser       = 4 // of the rows that are there to be erased
	organization = 5 // of a twentieth of all rows; the eraser is its member and has its key
	firstOfRest  = 6
)

// A state and a model that one row in a thousand has together.
const (
	rareState = "failed"
	rareModel = "deepseek/deepseek-v3.1"
)

// minRows includes all rows of the small owner, and is where the curve begins.
const minRows = 10_000

func key(user int) string { return "sk-bench-" + strconv.Itoa(user) }

// numbered returns the same identifiers as md5(text)::uuid in the database.
func numbered(kind string, n int) uuid.UUID { return md5.Sum([]byte(kind + strconv.Itoa(n))) }

func owner(user int) string { return numbered("u", user).String() }

// createDatabase creates a migrated database with people and no responses.
func createDatabase(ctx context.Context, serverURL, name string, users int) (string, error) {
	conn, err := pgx.Connect(ctx, serverURL)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close(ctx) }()
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()); err != nil {
		return "", err
	}
	dbURL, err := databaseURL(serverURL, name)
	if err != nil {
		return "", err
	}
	if _, err := migrate.Up(ctx, migrate.Target{MainURL: dbURL}); err != nil {
		return "", err
	}
	db, err := pgx.Connect(ctx, dbURL)
	if err != nil {
		return "", err
	}
	defer func() { _ = db.Close(ctx) }()
	for _, statement := range []string{
		`INSERT INTO users (id, username, email, last_login, user_type)
		 SELECT md5('u' || n)::uuid, 'user' || n, 'user' || n || '@example.com', now() + interval '1 day',
		        CASE n WHEN 5 THEN 'organization' ELSE 'individual' END FROM generate_series(1, $1::int) n`,
		`INSERT INTO user_organizations (user_id, organization_id)
		 SELECT md5('u4')::uuid, md5('u' || n)::uuid FROM generate_series(1, $1::int) n WHERE n = 5`,
		`INSERT INTO api_keys (name, secret, user_id, created_by, purpose)
		 SELECT 'bench', 'sk-bench-' || n, md5('u' || n)::uuid, md5('u' || CASE n WHEN 5 THEN 4 ELSE n END)::uuid, 'platform'
		 FROM generate_series(1, $1::int) n`,
		`INSERT INTO user_roles (user_id, role)
		 SELECT md5('u' || n)::uuid, role::user_role FROM generate_series(1, $1::int) n, unnest(ARRAY['STANDARDUSER', 'BATCHAPIUSER']) role
		 UNION ALL SELECT md5('u1')::uuid, 'PLATFORMMANAGER'`,
	} {
		if _, err := db.Exec(ctx, statement, users); err != nil {
			return "", err
		}
	}
	return dbURL, nil
}

// followAdvice runs the statements that this binary's `lethe doctor` advises for a
// database, and returns them. Filling the tables rebuilds the indexes.
func followAdvice(ctx context.Context, binary, dbURL, dir string) (made []string, err error) {
	cmd := exec.CommandContext(ctx, binary, "doctor", "--json")
	cmd.Env, cmd.Dir, cmd.Stderr = append(serviceEnvironment(), "LETHE_DATABASE_URL="+dbURL), dir, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("doctor: %w", err)
	}
	var report struct {
		Checks []struct{ SQL []string }
	}
	if err := json.Unmarshal(out, &report); err != nil {
		return nil, fmt.Errorf("doctor: %w", err)
	}
	for _, check := range report.Checks {
		made = append(made, check.SQL...)
	}
	conn, err := pgx.Connect(ctx, dbURL)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(ctx) }()
	return made, execAll(ctx, conn, made)
}

func dropDatabase(ctx context.Context, serverURL, name string) error {
	conn, err := pgx.Connect(ctx, serverURL)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, "DROP DATABASE IF EXISTS "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)")
	return err
}

// Rows are numbered $1 to $2. A row's values are hashes of its number, so the rows
// of a smaller load are the first of a larger one. Each prompt and answer is a part
// of the text $3, 1 to 2 KB long.
const (
	chance = `(hashint8extended(i, %d) & 9223372036854775807)`

	templatesSQL = `INSERT INTO fusillade.request_templates (id, endpoint, method, path, body, model, api_key, created_at, body_byte_size)
		SELECT md5('t' || i)::uuid, 'https://inference.example', 'POST', '/v1/responses',
		       '{"model":"any","input":"' || substr($3::text, 1 + (i % 1000)::int, 1000 + (i * 7 % 1000)::int) || '"}',
		       'any', '', timestamptz '2025-01-01 00:00Z' + i * interval '2 seconds', 1500
		FROM generate_series($1::bigint, $2::bigint) i`

	requestsSQL = `INSERT INTO fusillade.requests (id, template_id, created_by, state, model, service_tier, created_at,
		       daemon_id, claimed_at, started_at, completed_at, failed_at, canceled_at, response_status, response_body, error)
		SELECT md5('r' || i)::uuid, md5('t' || i)::uuid, owner, state, model,
		       (ARRAY['auto', 'default', 'flex', 'priority', NULL])[1 + i % 5], created,
		       CASE WHEN state IN ('claimed', 'processing') THEN md5('d')::uuid END,
		       CASE WHEN state IN ('claimed', 'processing') THEN created + interval '10 ms' END,
		       CASE WHEN state NOT IN ('claimed', 'pending') THEN created + interval '20 ms' END,
		       CASE state WHEN 'completed' THEN created + interval '20 ms' + took END,
		       CASE state WHEN 'failed' THEN created + interval '20 ms' + took END,
		       CASE state WHEN 'canceled' THEN created + interval '20 ms' + took END,
		       CASE state WHEN 'completed' THEN 200 WHEN 'failed' THEN answered END,
		       CASE state WHEN 'completed' THEN '{"output":[{"type":"message","content":[{"type":"output_text","text":"'
		           || substr($3::text, 1 + (i * 3 % 1000)::int, 1000 + (i * 11 % 1000)::int) || '"}]}]}' END,
		       CASE state WHEN 'failed' THEN 'upstream answered ' || answered END
		FROM (
		    SELECT i, timestamptz '2025-01-01 00:00Z' + i * interval '2 seconds' AS created,
		           0.4 * power(375, (chance6 % 1000000) / 1e6::float8) * interval '1 second' AS took,
		           (ARRAY[500, 503, 429])[1 + chance7 % 3] AS answered,
		           md5('u' || CASE
		               WHEN i <= 10000 AND i % 200 = 7 THEN 3
		               WHEN chance1 % 10 = 0 THEN 2
		               WHEN chance1 % 20 = 1 THEN 5
		               ELSE 6 + floor(($4::int - 6) * power((chance2 % 1000000) / 1e6::float8, 3))::int
		           END)::uuid::text AS owner,
		           CASE WHEN chance3 % 1000 < 2 THEN 'processing' WHEN chance3 % 1000 < 3 THEN 'claimed'
		                WHEN chance3 % 1000 < 5 THEN 'pending' WHEN chance3 % 1000 < 55 THEN 'failed'
		                WHEN chance3 % 1000 < 60 THEN 'canceled' ELSE 'completed' END AS state,
		           (ARRAY['qwen/qwen3-235b', 'qwen/qwen3-30b', 'openai/gpt-oss-120b', 'openai/gpt-oss-20b', 'google/gemma-3-27b'])
		               [1 + chance4 % 5] AS common,
		           CASE WHEN chance5 % 100 < 2 THEN 'deepseek/deepseek-v3.1' END AS rare
		    FROM (SELECT i, CHANCES FROM generate_series($1::bigint, $2::bigint) i) numbers
		) rows, LATERAL (SELECT coalesce(rare, common) AS model) chosen`

	analyticsSQL = `INSERT INTO public.http_analytics (instance_id, correlation_id, timestamp, method, uri, model, status_code,
		       prompt_tokens, completion_tokens, total_tokens, reasoning_tokens, input_price_per_token, output_price_per_token, fusillade_request_id)
		SELECT md5('i')::uuid, i, timestamptz '2025-01-01 00:00Z' + i * interval '2 seconds', 'POST', '/v1/responses', 'any', 200,
		       100 + i % 900, 50 + i % 500, 150 + i % 900 + i % 500, i % 50, 0.00000020, 0.00000060, md5('r' || i)::uuid
		FROM generate_series($1::bigint, $2::bigint) i WHERE i % 10 <> 0`

	// Requests of batches, $3 beside each response and between it and the next.
	// What the requests of a batch share is in its file, its template and itself.
	batchesSQL = `WITH numbers AS (
		    SELECT k, timestamptz '2025-01-01 00:00Z' + k * interval '2 seconds' * 20000 / $3::int AS created
		    FROM generate_series($1::bigint / 20000, $2::bigint / 20000) k
		), files AS (
		    INSERT INTO fusillade.files (id, name, created_at, purpose) SELECT md5('f' || k)::uuid, 'batch.jsonl', created, 'batch' FROM numbers
		    ON CONFLICT DO NOTHING
		), templates AS (
		    INSERT INTO fusillade.request_templates (id, file_id, endpoint, method, path, body, model, api_key, created_at, body_byte_size)
		    SELECT md5('bt' || k)::uuid, md5('f' || k)::uuid, 'https://inference.example', 'POST', '/v1/chat/completions',
		           '{"model":"any","messages":[{"role":"user","content":"' || repeat('classify ', 16) || '"}]}', 'any', '', created, 200
		    FROM numbers ON CONFLICT DO NOTHING
		)
		INSERT INTO fusillade.batches (id, file_id, created_at, created_by, expires_at, total_requests)
		SELECT md5('b' || k)::uuid, md5('f' || k)::uuid, created, md5('u2')::uuid::text, created + interval '1 day', 20000 FROM numbers
		ON CONFLICT DO NOTHING`

	batchRequestsSQL = `INSERT INTO fusillade.requests (id, batch_id, template_id, state, model, service_tier, created_at,
		       daemon_id, claimed_at, started_at, completed_at, failed_at, response_status, response_body, error)
		SELECT md5('br' || i)::uuid, md5('b' || i / 20000)::uuid, md5('bt' || i / 20000)::uuid, state,
		       (ARRAY['qwen/qwen3-235b', 'qwen/qwen3-30b', 'openai/gpt-oss-120b', 'openai/gpt-oss-20b', 'google/gemma-3-27b'])[1 + chance1 % 5],
		       CASE chance2 % 2 WHEN 0 THEN 'flex' END, created,
		       CASE state WHEN 'processing' THEN md5('d')::uuid END,
		       CASE state WHEN 'processing' THEN created + interval '10 ms' END,
		       CASE WHEN state <> 'pending' THEN created + interval '20 ms' END,
		       CASE state WHEN 'completed' THEN created + interval '20 ms' + took END,
		       CASE state WHEN 'failed' THEN created + interval '20 ms' + took END,
		       CASE state WHEN 'completed' THEN 200 WHEN 'failed' THEN answered END,
		       CASE state WHEN 'completed' THEN '{"choices":[{"message":{"role":"assistant","content":"'
		           || substr($4::text, 1 + (i * 3 % 1000)::int, 100 + (i * 11 % 100)::int) || '"}}]}' END,
		       CASE state WHEN 'failed' THEN 'upstream answered ' || answered END
		FROM (
		    SELECT i, chance1, chance2, timestamptz '2025-01-01 00:00Z' + i * (interval '2 seconds' / $3::int) AS created,
		           20 * power(2700, (chance6 % 1000000) / 1e6::float8) * interval '1 second' AS took,
		           (ARRAY[500, 503, 429])[1 + chance7 % 3] AS answered,
		           CASE WHEN chance3 % 10000 < 5 THEN 'processing' WHEN chance3 % 10000 < 505 THEN 'pending'
		                WHEN chance3 % 10000 < 545 THEN 'failed' ELSE 'completed' END AS state
		    FROM (SELECT i, CHANCES FROM generate_series($1::bigint, $2::bigint) i) numbers
		) rows`

	// Older than all others, so that erasing them changes no page.
	erasableSQL = `WITH numbers AS (
		    SELECT i, md5('e' || i)::uuid AS id, timestamptz '2024-01-01 00:00Z' + i * interval '1 second' AS created
		    FROM generate_series($1::bigint, $2::bigint) i
		), templates AS (
		    INSERT INTO fusillade.request_templates (id, endpoint, method, path, body, model, api_key)
		    SELECT id, 'https://inference.example', 'POST', '/v1/responses', substr($3::text, 1, 1000 + (i % 1000)::int), 'any', '' FROM numbers
		), usage AS (
		    INSERT INTO public.http_analytics (instance_id, correlation_id, timestamp, method, uri, fusillade_request_id)
		    SELECT md5('erasable')::uuid, i, created, 'POST', '/v1/responses', id FROM numbers WHERE i % 10 <> 0
		)
		INSERT INTO fusillade.requests (id, template_id, created_by, state, model, created_at, started_at, completed_at, response_status, response_body)
		SELECT id, id, md5('u4')::uuid::text, 'completed', 'any', created, created, created + interval '1 second', 200, substr($3::text, 1, 1000 + (i % 1000)::int)
		FROM numbers`
)

func chances() string {
	parts := make([]string, 7)
	for n := range parts {
		parts[n] = fmt.Sprintf(chance+" AS chance%d", n+1, n+1)
	}
	return strings.Join(parts, ", ")
}

// passage is 3 KB of words that need no escaping in JSON.
func passage() string {
	random := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	for b.Len() < 3000 {
		for range 2 + random.IntN(8) {
			b.WriteByte(byte('a' + random.IntN(26)))
		}
		b.WriteByte(' ')
	}
	return b.String()
}

// load adds the responses numbered from to to, with batchRows requests of
// batches beside each. Each table is filled on its own
// connection, without indexes and checks of references.
func load(ctx context.Context, dbURL string, from, to, users, batchRows int) error {
	conn, err := pgx.Connect(ctx, dbURL)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	rows, err := conn.Query(ctx, `SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
		FROM pg_index i
		WHERE i.indrelid IN ('fusillade.requests'::regclass, 'public.http_analytics'::regclass)
		  AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid)`)
	if err != nil {
		return err
	}
	var name, definition string
	var drop, create []string
	if _, err := pgx.ForEachRow(rows, []any{&name, &definition}, func() error {
		drop, create = append(drop, "DROP INDEX "+name), append(create, definition)
		return nil
	}); err != nil {
		return err
	}
	if err := execAll(ctx, conn, drop); err != nil {
		return err
	}
	text := passage()
	inserts, inserting := errgroup.WithContext(ctx)
	type insert struct {
		sql  string
		args []any
	}
	all := []insert{
		{templatesSQL, []any{from, to, text}},
		{strings.Replace(requestsSQL, "CHANCES", chances(), 1), []any{from, to, text, users}},
		{analyticsSQL, []any{from, to}},
	}
	if batchRows > 0 {
		first, last := (from-1)*batchRows+1, to*batchRows
		all = append(all,
			insert{batchesSQL, []any{first, last, batchRows}},
			insert{strings.Replace(batchRequestsSQL, "CHANCES", chances(), 1), []any{first, last, batchRows, text}})
	}
	for _, insert := range all {
		inserts.Go(func() error {
			conn, err := pgx.Connect(inserting, dbURL)
			if err != nil {
				return err
			}
			defer func() { _ = conn.Close(ctx) }()
			if _, err := conn.Exec(inserting, "SET session_replication_role = replica"); err != nil {
				return fmt.Errorf("the database role must be a superuser: %w", err)
			}
			_, err = conn.Exec(inserting, insert.sql, insert.args...)
			return err
		})
	}
	if err := inserts.Wait(); err != nil {
		return fmt.Errorf("load rows: %w", err)
	}
	return execAll(ctx, conn, append(create, "VACUUM ANALYZE", "CHECKPOINT"))
}

// addErasable adds the responses to erase, numbered from to to.
func addErasable(ctx context.Context, conn *pgx.Conn, from, to int) error {
	if _, err := conn.Exec(ctx, erasableSQL, from, to, passage()); err != nil {
		return fmt.Errorf("load rows to erase: %w", err)
	}
	return execAll(ctx, conn, []string{"VACUUM ANALYZE fusillade.requests, fusillade.request_templates, public.http_analytics"})
}

func execAll(ctx context.Context, conn *pgx.Conn, statements []string) error {
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%.60s: %w", statement, err)
		}
	}
	return nil
}
