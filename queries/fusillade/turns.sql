-- Later turns: responses whose prompts say which response they follow. What a
-- prompt says there counts only where it is read as JSON, outside of SQL.

-- name: PlanByIndex :exec
-- For TurnsByIndex, RequestsOf, Quoted and Encrypted, which follow it always, in the
-- same transaction. The planner may take what is in prompts for common, or know
-- nothing of how a table has grown: it would rather read all, for each turn of a
-- conversation again. And nothing is worth compiling.
SELECT set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true);

-- name: TurnsByIndex :many
-- What may follow one of these, of these owners, by the index of later turns, but
-- for what is known. The identifiers are 32 digits, as in Quoted. Without contents
-- nothing but which they are is read. Each prompt leads to its requests, whatever
-- the planner expects there to be.
SELECT r.id, r.created_by::text AS owner, r.created_at,
       "right"(translate(lower(unistr("substring"(t.body, '^dwzdr1:|"(?:p|[[.backslash.]]u0070)(?:r|[[.backslash.]]u0072)(?:e|[[.backslash.]]u0065)(?:v|[[.backslash.]]u0076)(?=(?:[deinoprsuv_]|[[.backslash.]]u00[567][0-9A-Fa-f]){16}"[[:space:]]*:[[:space:]]*"(?:[^"[.backslash.]]|[[.backslash.]]u00[2-7][0-9A-Fa-f]){32,60}".*"(?:[deinoprsuv_]|[[.backslash.]]u00[567][0-9A-Fa-f]){20}"[[:space:]]*:)|(?:[deinoprsuv_]|[[.backslash.]]u00[567][0-9A-Fa-f]){16}"[[:space:]]*:[[:space:]]*"(?:[^"[.backslash.]]|[[.backslash.]]u00[2-7][0-9A-Fa-f]){32,60}"(?!.*"(?:[deinoprsuv_]|[[.backslash.]]u00[567][0-9A-Fa-f]){20}"[[:space:]]*:)'))), '-"{}', ''), 32)::text AS quoted,
       (CASE WHEN sqlc.arg('contents')::boolean THEN t.body ELSE '' END)::text AS prompt
FROM request_templates t
CROSS JOIN LATERAL (
    SELECT q.id, q.created_by, q.created_at FROM requests q WHERE q.template_id = t.id AND num_nulls(q.batch_id) <> 0 OFFSET 0
) r
WHERE "right"(translate(lower(unistr("substring"(t.body, '^dwzdr1:|"(?:p|[[.backslash.]]u0070)(?:r|[[.backslash.]]u0072)(?:e|[[.backslash.]]u0065)(?:v|[[.backslash.]]u0076)(?=(?:[deinoprsuv_]|[[.backslash.]]u00[567][0-9A-Fa-f]){16}"[[:space:]]*:[[:space:]]*"(?:[^"[.backslash.]]|[[.backslash.]]u00[2-7][0-9A-Fa-f]){32,60}".*"(?:[deinoprsuv_]|[[.backslash.]]u00[567][0-9A-Fa-f]){20}"[[:space:]]*:)|(?:[deinoprsuv_]|[[.backslash.]]u00[567][0-9A-Fa-f]){16}"[[:space:]]*:[[:space:]]*"(?:[^"[.backslash.]]|[[.backslash.]]u00[2-7][0-9A-Fa-f]){32,60}"(?!.*"(?:[deinoprsuv_]|[[.backslash.]]u00[567][0-9A-Fa-f]){20}"[[:space:]]*:)'))), '-"{}', ''), 32) = ANY (sqlc.arg('quoted')::text[])
  AND r.created_by = ANY (sqlc.arg('owners')::text[])
  AND r.id <> ALL (sqlc.arg('known')::uuid[])
LIMIT sqlc.arg('max')::bigint;

-- name: TurnsByOwner :many
-- The requests of these owners from these times on, with the prompts that may say
-- what they follow, or are encrypted. "elsewhere" is a template that is not among
-- these. It may fail on no text, so it looks for the bare key, with escapes or not.
SELECT r.id, o.owner::text AS owner, r.created_at, r.elsewhere, r.prompt::text AS prompt
FROM (SELECT unnest(sqlc.arg('owners')::text[]) AS owner, unnest(sqlc.arg('since')::timestamptz[]) AS since) o
CROSS JOIN LATERAL (
    SELECT q.id, q.created_at,
           CASE WHEN t.id IS NULL THEN q.template_id END AS elsewhere,
           CASE WHEN t.body LIKE 'dwzdr1:%' THEN 'dwzdr1:' WHEN t.body ~ '"(?:[deinoprsuv_]|[[.backslash.]]u00[567][0-9A-Fa-f]){20}"[[:space:]]*:' THEN t.body ELSE '' END AS prompt
    FROM requests q LEFT JOIN request_templates t ON t.id = q.template_id
    WHERE q.created_by = o.owner AND num_nulls(q.batch_id) <> 0 AND q.created_at >= o.since
    ORDER BY q.created_at, q.id
    LIMIT sqlc.arg('max')::bigint
) r
LIMIT sqlc.arg('max')::bigint;

-- name: PromptsOf :many
SELECT r.id, t.body AS prompt FROM requests r JOIN request_templates t ON t.id = r.template_id
WHERE r.id = ANY (sqlc.arg('ids')::uuid[]);

-- name: Encrypted :one
-- Whether there is a prompt that nobody can read, by the index of later turns.
SELECT EXISTS (
    SELECT FROM request_templates t
    WHERE "right"(translate(lower(unistr("substring"(t.body, '^dwzdr1:|"(?:p|[[.backslash.]]u0070)(?:r|[[.backslash.]]u0072)(?:e|[[.backslash.]]u0065)(?:v|[[.backslash.]]u0076)(?=(?:[deinoprsuv_]|[[.backslash.]]u00[567][0-9A-Fa-f]){16}"[[:space:]]*:[[:space:]]*"(?:[^"[.backslash.]]|[[.backslash.]]u00[2-7][0-9A-Fa-f]){32,60}".*"(?:[deinoprsuv_]|[[.backslash.]]u00[567][0-9A-Fa-f]){20}"[[:space:]]*:)|(?:[deinoprsuv_]|[[.backslash.]]u00[567][0-9A-Fa-f]){16}"[[:space:]]*:[[:space:]]*"(?:[^"[.backslash.]]|[[.backslash.]]u00[2-7][0-9A-Fa-f]){32,60}"(?!.*"(?:[deinoprsuv_]|[[.backslash.]]u00[567][0-9A-Fa-f]){20}"[[:space:]]*:)'))), '-"{}', ''), 32) = 'dwzdr1:'
);
