-- The statements of one erasure, in the order in which they run.

-- name: Prepare :one
-- Which copies are in this database. A table of the outlet counts only in the
-- schema that is configured as the outlet's: "hidden" is one that exists there
-- and that the search_path does not lead to. The commit must be on disk before
-- it is reported, even where the server's default is to report it earlier. Tables
-- of fusillade-arsenal count as soon as they are there.
SELECT
    (to_regclass('public.http_analytics') IS NOT NULL)::boolean AS analytics,
    (to_regclass('underway.task') IS NOT NULL)::boolean AS tasks,
    (to_regclass('request_templates_g2') IS NOT NULL)::boolean AS templates_elsewhere,
    (to_regclass('retained_response_resurrection_fences') IS NOT NULL)::boolean AS retained,
    (to_regclass(format('%I.http_requests', sqlc.arg('outlet')::text)) IS NOT NULL)::boolean AS raw_requests,
    (to_regclass(format('%I.http_responses', sqlc.arg('outlet')::text)) IS NOT NULL)::boolean AS raw_responses,
    coalesce(
        to_regclass(format('%I.http_requests', sqlc.arg('outlet')::text)) <> to_regclass('http_requests')
        OR to_regclass(format('%I.http_responses', sqlc.arg('outlet')::text)) <> to_regclass('http_responses'),
        false
    )::boolean AS hidden,
    set_config('synchronous_commit', coalesce(nullif(current_setting('synchronous_commit'), 'off'), 'on'), true)::text
        AS synchronous_commit;

-- name: ShareHolds :exec
-- No hold is placed from then on until the transaction ends: see holds.tmpl. Rows
-- are locked before, so that nobody who is to place one waits for those rows.
SELECT pg_advisory_xact_lock_shared(7163099204871563);

-- name: LockGone :exec
-- Who erases copies of a response that has no row has nothing else to wait for others
-- by who do. After rows and ShareHolds, before intents: what is there is looked for
-- from then on.
SELECT pg_advisory_xact_lock(7163099204871564);

-- name: ShareHoldsFor :many
-- ShareHolds where there is what LockAlone locks, of which there is a row then. Of
-- anything else nobody has to wait.
SELECT pg_advisory_xact_lock_shared(7163099204871563)::text AS holds_locked FROM requests r
WHERE r.id = sqlc.arg('id')::uuid AND r.batch_id IS NULL AND r.created_by IS NOT NULL
  AND (sqlc.narg('owners')::text[] IS NULL OR r.created_by = ANY (sqlc.narg('owners')::text[]))
  AND NOT EXISTS (SELECT FROM response_steps s WHERE s.request_id = r.id);

-- name: Leads :one
-- Which leads have an index that makes them cheap to follow: those of
-- inspect.CopyIndexes. And which cluster this is, for as long as the server runs.
SELECT
    coalesce(lethe.cluster(), 0)::bigint AS cluster,
    pg_postmaster_start_time()::timestamptz AS started_at,
    EXISTS (
        SELECT FROM pg_catalog.pg_index x
        JOIN pg_catalog.pg_attribute c ON c.attrelid = x.indrelid AND c.attnum = x.indkey[0] AND c.attname = 'response_step_id'
        WHERE x.indrelid = to_regclass('public.http_analytics') AND x.indisvalid
          AND coalesce(pg_get_expr(x.indpred, x.indrelid, true) = 'response_step_id IS NOT NULL', true)
    )::boolean AS by_step,
    EXISTS (
        SELECT FROM pg_catalog.pg_index x
        WHERE x.indrelid = to_regclass(format('%I.http_requests', sqlc.arg('outlet')::text)) AND x.indisvalid AND x.indkey[0] = 0
          AND pg_get_indexdef(x.indexrelid, 1, true) = '"right"(translate(lower(headers ->> ''x-fusillade-request-id''::text), ''-[]{}"''::text, ''''::text), 32)'
          AND coalesce(pg_get_expr(x.indpred, x.indrelid, true) = '"right"(translate(lower(headers ->> ''x-fusillade-request-id''::text), ''-[]{}"''::text, ''''::text), 32) IS NOT NULL', true)
    )::boolean AS by_header,
    EXISTS (
        SELECT FROM pg_catalog.pg_index x
        WHERE x.indrelid = to_regclass('request_templates') AND x.indisvalid AND x.indkey[0] = 0
          AND pg_get_indexdef(x.indexrelid, 1, true) = '"right"(translate(lower(unistr("substring"(body, ''^dwzdr1:|"(?:p|[[.backslash.]]u0070)(?:r|[[.backslash.]]u0072)(?:e|[[.backslash.]]u0065)(?:v|[[.backslash.]]u0076)(?=(?:[deinoprsuv_]|[[.backslash.]]u00[567][0-9A-Fa-f]){16}"[[:space:]]*:[[:space:]]*"(?:[^"[.backslash.]]|[[.backslash.]]u00[2-7][0-9A-Fa-f]){32,60}".*"(?:[deinoprsuv_]|[[.backslash.]]u00[567][0-9A-Fa-f]){20}"[[:space:]]*:)|(?:[deinoprsuv_]|[[.backslash.]]u00[567][0-9A-Fa-f]){16}"[[:space:]]*:[[:space:]]*"(?:[^"[.backslash.]]|[[.backslash.]]u00[2-7][0-9A-Fa-f]){32,60}"(?!.*"(?:[deinoprsuv_]|[[.backslash.]]u00[567][0-9A-Fa-f]){20}"[[:space:]]*:)''::text))), ''-"{}''::text, ''''::text), 32)'
          AND coalesce(pg_get_expr(x.indpred, x.indrelid, true) = '"right"(translate(lower(unistr("substring"(body, ''^dwzdr1:|"(?:p|[[.backslash.]]u0070)(?:r|[[.backslash.]]u0072)(?:e|[[.backslash.]]u0065)(?:v|[[.backslash.]]u0076)(?=(?:[deinoprsuv_]|[[.backslash.]]u00[567][0-9A-Fa-f]){16}"[[:space:]]*:[[:space:]]*"(?:[^"[.backslash.]]|[[.backslash.]]u00[2-7][0-9A-Fa-f]){32,60}".*"(?:[deinoprsuv_]|[[.backslash.]]u00[567][0-9A-Fa-f]){20}"[[:space:]]*:)|(?:[deinoprsuv_]|[[.backslash.]]u00[567][0-9A-Fa-f]){16}"[[:space:]]*:[[:space:]]*"(?:[^"[.backslash.]]|[[.backslash.]]u00[2-7][0-9A-Fa-f]){32,60}"(?!.*"(?:[deinoprsuv_]|[[.backslash.]]u00[567][0-9A-Fa-f]){20}"[[:space:]]*:)''::text))), ''-"{}''::text, ''''::text), 32) IS NOT NULL', true)
    )::boolean AS by_turn;

-- name: LockAlone :many
-- A response of these owners that is one request, as most are. None where it has
-- steps. What is somebody else's is not waited for, as if it were not there.
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error, template_id,
       (SELECT t.file_id FROM request_templates t WHERE t.id = r.template_id) AS file_id
FROM requests r
WHERE r.id = sqlc.arg('id')::uuid AND r.batch_id IS NULL AND r.created_by IS NOT NULL
  AND (sqlc.narg('owners')::text[] IS NULL OR r.created_by = ANY (sqlc.narg('owners')::text[]))
  AND NOT EXISTS (SELECT FROM response_steps s WHERE s.request_id = r.id)
FOR UPDATE;

-- name: HasSteps :one
-- Whether it got steps before it was locked. From then on it gets none: a new
-- step needs a lock on the row that it refers to.
SELECT EXISTS (SELECT FROM response_steps WHERE request_id = sqlc.arg('id')::uuid);

-- name: LockTemplates :exec
-- Nothing can refer to a template from then on, as that takes a lock on its row;
-- and what did before is seen by the statements that follow.
SELECT id FROM request_templates WHERE id = ANY (sqlc.arg('ids')::uuid[]) ORDER BY id FOR UPDATE;

-- name: DeleteAlone :one
-- All that there is of such a response, in the order of the statements below.
WITH raw_requests AS (
    DELETE FROM http_requests r USING public.http_analytics a
    WHERE a.fusillade_request_id = sqlc.arg('id')::uuid
      AND r.instance_id = a.instance_id AND r.correlation_id = a.correlation_id
    RETURNING 1
), raw_responses AS (
    DELETE FROM http_responses r USING public.http_analytics a
    WHERE a.fusillade_request_id = sqlc.arg('id')::uuid
      AND r.instance_id = a.instance_id AND r.correlation_id = a.correlation_id
    RETURNING 1
), tasks AS (
    DELETE FROM underway.task
    WHERE task_queue_name IN ('create-response', 'complete-response')
      AND input -> 'step_input' ->> 'request_id' = sqlc.arg('id_text')::text
    RETURNING 1
), gone AS (
    DELETE FROM requests WHERE id = sqlc.arg('id')::uuid RETURNING 1
), templates AS (
    DELETE FROM request_templates t
    WHERE t.id = sqlc.narg('template_id')::uuid
      AND NOT EXISTS (SELECT FROM requests r WHERE r.template_id = t.id AND r.id <> sqlc.arg('id')::uuid)
    RETURNING 1
), accesses AS (
    DELETE FROM lethe.access_log WHERE request_id = sqlc.arg('id')::uuid
)
SELECT (SELECT count(*) FROM raw_requests) AS raw_requests, (SELECT count(*) FROM raw_responses) AS raw_responses,
       (SELECT count(*) FROM tasks) AS tasks, (SELECT count(*) FROM gone) AS requests, (SELECT count(*) FROM templates) AS templates;

-- name: LeftAlone :one
-- What there is of it still, and apart from that a template that another needs.
SELECT ((SELECT count(*) FROM response_steps s WHERE s.request_id = sqlc.arg('id')::uuid)
      + (SELECT count(*) FROM requests r WHERE r.id = sqlc.arg('id')::uuid)
      + (SELECT count(*) FROM request_templates t
         WHERE t.id = sqlc.narg('template_id')::uuid AND NOT EXISTS (SELECT FROM requests r WHERE r.template_id = t.id))
      + (SELECT count(*) FROM http_requests r
         JOIN public.http_analytics a ON r.instance_id = a.instance_id AND r.correlation_id = a.correlation_id
         WHERE a.fusillade_request_id = sqlc.arg('id')::uuid)
      + (SELECT count(*) FROM http_responses r
         JOIN public.http_analytics a ON r.instance_id = a.instance_id AND r.correlation_id = a.correlation_id
         WHERE a.fusillade_request_id = sqlc.arg('id')::uuid)
      + (SELECT count(*) FROM underway.task
         WHERE task_queue_name IN ('create-response', 'complete-response')
           AND input -> 'step_input' ->> 'request_id' = sqlc.arg('id_text')::text)
      + (SELECT count(*) FROM lethe.access_log l WHERE l.request_id = sqlc.arg('id')::uuid))::bigint AS remaining,
       (SELECT count(*) FROM request_templates t
        WHERE t.id = sqlc.narg('template_id')::uuid AND EXISTS (SELECT FROM requests r WHERE r.template_id = t.id)) AS kept_templates;

-- name: IsResponse :one
-- Whether there is such a response of these owners.
SELECT EXISTS (SELECT FROM requests WHERE id = sqlc.arg('id')::uuid AND batch_id IS NULL AND created_by IS NOT NULL
    AND (sqlc.narg('owners')::text[] IS NULL OR created_by = ANY (sqlc.narg('owners')::text[])));

-- name: Chain :many
-- Every step that hangs together with any of these requests, by either link and
-- in either direction, and so all that a cascade could reach.
WITH RECURSIVE chain AS (
    SELECT s.id, s.request_id, s.parent_step_id, s.prev_step_id
    FROM response_steps s WHERE s.request_id = ANY (sqlc.arg('request_ids')::uuid[])
    UNION
    SELECT linked.id, linked.request_id, linked.parent_step_id, linked.prev_step_id
    FROM chain c
    CROSS JOIN LATERAL (
        SELECT s.id, s.request_id, s.parent_step_id, s.prev_step_id FROM response_steps s WHERE s.parent_step_id = c.id
        UNION ALL
        SELECT s.id, s.request_id, s.parent_step_id, s.prev_step_id FROM response_steps s WHERE s.prev_step_id = c.id
        UNION ALL
        SELECT s.id, s.request_id, s.parent_step_id, s.prev_step_id FROM response_steps s WHERE s.id = c.parent_step_id
        UNION ALL
        SELECT s.id, s.request_id, s.parent_step_id, s.prev_step_id FROM response_steps s WHERE s.id = c.prev_step_id
    ) linked
)
SELECT id, request_id, parent_step_id, prev_step_id FROM chain;

-- name: LockSteps :exec
-- Always in the order of the identifiers, so that two erasures wait for each
-- other instead of blocking each other.
SELECT id FROM response_steps WHERE id = ANY (sqlc.arg('ids')::uuid[]) ORDER BY id FOR UPDATE;

-- name: LockRequests :many
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error, template_id,
       (SELECT t.file_id FROM request_templates t WHERE t.id = r.template_id) AS file_id
FROM requests r WHERE id = ANY (sqlc.arg('ids')::uuid[]) ORDER BY id FOR UPDATE;

-- name: DeleteRawRequests :execrows
DELETE FROM http_requests r USING public.http_analytics a
WHERE a.fusillade_request_id = ANY (sqlc.arg('request_ids')::uuid[])
  AND r.instance_id = a.instance_id AND r.correlation_id = a.correlation_id;

-- name: DeleteRawResponses :execrows
DELETE FROM http_responses r USING public.http_analytics a
WHERE a.fusillade_request_id = ANY (sqlc.arg('request_ids')::uuid[])
  AND r.instance_id = a.instance_id AND r.correlation_id = a.correlation_id;

-- name: DeleteRawRequestsOfSteps :execrows
-- What a usage record leads to by the step alone, as it names no request.
DELETE FROM http_requests r USING public.http_analytics a
WHERE a.response_step_id = ANY (sqlc.arg('step_ids')::uuid[])
  AND r.instance_id = a.instance_id AND r.correlation_id = a.correlation_id;

-- name: DeleteRawResponsesOfSteps :execrows
DELETE FROM http_responses r USING public.http_analytics a
WHERE a.response_step_id = ANY (sqlc.arg('step_ids')::uuid[])
  AND r.instance_id = a.instance_id AND r.correlation_id = a.correlation_id;

-- name: DeleteHeaded :one
-- What only a header leads to, as usage records expire: after what they lead to.
-- Where anything was found, it has to be looked for again at these places. They
-- pass through arrays, as the planner may know nothing of how few there are.
WITH headed AS MATERIALIZED (
    SELECT instance_id, correlation_id FROM http_requests
    WHERE "right"(translate(lower(headers ->> 'x-fusillade-request-id'), '-[]{}"', ''), 32) = ANY (sqlc.arg('digits')::text[])
), places AS MATERIALIZED (
    SELECT ARRAY(SELECT h.instance_id FROM headed h ORDER BY h.instance_id, h.correlation_id)::uuid[] AS instance_ids,
           ARRAY(SELECT h.correlation_id FROM headed h ORDER BY h.instance_id, h.correlation_id)::bigint[] AS correlation_ids
), raw_requests AS (
    DELETE FROM http_requests r
    USING (SELECT unnest(p.instance_ids) AS instance_id, unnest(p.correlation_ids) AS correlation_id FROM places p) c
    WHERE r.instance_id = c.instance_id AND r.correlation_id = c.correlation_id
    RETURNING 1
), raw_responses AS (
    DELETE FROM http_responses r
    USING (SELECT unnest(p.instance_ids) AS instance_id, unnest(p.correlation_ids) AS correlation_id FROM places p) c
    WHERE r.instance_id = c.instance_id AND r.correlation_id = c.correlation_id
    RETURNING 1
)
SELECT (SELECT count(*) FROM raw_requests) AS raw_requests, (SELECT count(*) FROM raw_responses) AS raw_responses,
       p.instance_ids, p.correlation_ids
FROM places p;

-- name: DeleteTasks :execrows
-- Whatever their state: a pending one would write the response again.
DELETE FROM underway.task
WHERE task_queue_name IN ('create-response', 'complete-response')
  AND input -> 'step_input' ->> 'request_id' = ANY (sqlc.arg('request_ids')::text[]);

-- name: DeleteSteps :execrows
DELETE FROM response_steps WHERE id = ANY (sqlc.arg('ids')::uuid[]);

-- name: DeleteRequests :execrows
DELETE FROM requests WHERE id = ANY (sqlc.arg('ids')::uuid[]);

-- name: DeleteTemplates :execrows
-- But not what the request of another response needs.
DELETE FROM request_templates t
WHERE t.id = ANY (sqlc.arg('ids')::uuid[]) AND NOT EXISTS (SELECT FROM requests r WHERE r.template_id = t.id);

-- name: LockFiles :exec
-- As of LockTemplates: of files that may have been made for one request.
SELECT id FROM files
WHERE id = ANY (sqlc.arg('ids')::uuid[]) AND name = 'single_request' AND purpose = 'batch' AND uploaded_by IS NULL
ORDER BY id FOR UPDATE;

-- name: DeleteFiles :one
-- Files that an upgrade of the gateway's has left behind: made for one request,
-- each with its batch, which has no request any more. Name, uploader and batch
-- together tell them from somebody's upload. Nothing else refers to them.
WITH made AS (
    SELECT f.id, b.id AS batch_id
    FROM files f JOIN batches b ON b.file_id = f.id
    WHERE f.id = ANY (sqlc.arg('ids')::uuid[]) AND f.name = 'single_request' AND f.purpose = 'batch' AND f.uploaded_by IS NULL
      AND b.total_requests = 1
      AND NOT EXISTS (SELECT FROM requests r WHERE r.batch_id = b.id)
      AND NOT EXISTS (SELECT FROM request_templates t WHERE t.file_id = f.id)
      AND NOT EXISTS (SELECT FROM batches o WHERE o.file_id = f.id AND o.id <> b.id)
      AND NOT EXISTS (SELECT FROM batches o WHERE o.output_file_id = f.id)
      AND NOT EXISTS (SELECT FROM batches o WHERE o.error_file_id = f.id)
), emptied AS (
    DELETE FROM batches WHERE id IN (SELECT batch_id FROM made) RETURNING 1
), gone AS (
    DELETE FROM files WHERE id IN (SELECT id FROM made) RETURNING 1
)
SELECT (SELECT count(*) FROM made) AS made, (SELECT count(*) FROM emptied) AS batches, (SELECT count(*) FROM gone) AS files;

-- name: DeleteAccesses :exec
-- Who looked at it goes too. It is no part of the response, and not counted.
DELETE FROM lethe.access_log WHERE request_id = ANY (sqlc.arg('request_ids')::uuid[]);

-- name: Left :one
SELECT ((SELECT count(*) FROM response_steps s WHERE s.id = ANY (sqlc.arg('step_ids')::uuid[]))
      + (SELECT count(*) FROM response_steps s WHERE s.request_id = ANY (sqlc.arg('request_ids')::uuid[]))
      + (SELECT count(*) FROM requests r WHERE r.id = ANY (sqlc.arg('request_ids')::uuid[]))
      + (SELECT count(*) FROM lethe.access_log l WHERE l.request_id = ANY (sqlc.arg('request_ids')::uuid[]))
      + (SELECT count(*) FROM request_templates t
         WHERE t.id = ANY (sqlc.arg('template_ids')::uuid[])
           AND NOT EXISTS (SELECT FROM requests r WHERE r.template_id = t.id)))::bigint AS remaining,
       (SELECT count(*) FROM request_templates t
        WHERE t.id = ANY (sqlc.arg('template_ids')::uuid[]) AND EXISTS (SELECT FROM requests r WHERE r.template_id = t.id)) AS kept_templates;

-- name: RawRequestsLeft :one
SELECT count(*) FROM http_requests r
JOIN public.http_analytics a ON r.instance_id = a.instance_id AND r.correlation_id = a.correlation_id
WHERE a.fusillade_request_id = ANY (sqlc.arg('request_ids')::uuid[]);

-- name: RawResponsesLeft :one
SELECT count(*) FROM http_responses r
JOIN public.http_analytics a ON r.instance_id = a.instance_id AND r.correlation_id = a.correlation_id
WHERE a.fusillade_request_id = ANY (sqlc.arg('request_ids')::uuid[]);

-- name: TasksLeft :one
SELECT count(*) FROM underway.task
WHERE task_queue_name IN ('create-response', 'complete-response')
  AND input -> 'step_input' ->> 'request_id' = ANY (sqlc.arg('request_ids')::text[]);

-- name: RawRequestsOfStepsLeft :one
-- Beside those that are led to by these requests.
SELECT count(*) FROM http_requests r
JOIN public.http_analytics a ON r.instance_id = a.instance_id AND r.correlation_id = a.correlation_id
WHERE a.response_step_id = ANY (sqlc.arg('step_ids')::uuid[])
  AND (a.fusillade_request_id = ANY (sqlc.arg('request_ids')::uuid[])) IS NOT TRUE;

-- name: RawResponsesOfStepsLeft :one
SELECT count(*) FROM http_responses r
JOIN public.http_analytics a ON r.instance_id = a.instance_id AND r.correlation_id = a.correlation_id
WHERE a.response_step_id = ANY (sqlc.arg('step_ids')::uuid[])
  AND (a.fusillade_request_id = ANY (sqlc.arg('request_ids')::uuid[])) IS NOT TRUE;

-- name: Quoted :one
-- Whether any prompt may quote one of these: it says which response it follows,
-- or nobody can read it. The identifiers are 32 digits; the last one stands for
-- what is encrypted. Of a prompt that says several the index does not tell which
-- counts: it may be any, where it is of one of these owners or nobody's. Without
-- owners, and of very many such prompts, whose it is does not matter.
SELECT EXISTS (
    SELECT FROM request_templates t
    WHERE "right"(translate(lower(unistr("substring"(t.body, '^dwzdr1:|"(?:p|[[.backslash.]]u0070)(?:r|[[.backslash.]]u0072)(?:e|[[.backslash.]]u0065)(?:v|[[.backslash.]]u0076)(?=(?:[deinoprsuv_]|[[.backslash.]]u00[567][0-9A-Fa-f]){16}"[[:space:]]*:[[:space:]]*"(?:[^"[.backslash.]]|[[.backslash.]]u00[2-7][0-9A-Fa-f]){32,60}".*"(?:[deinoprsuv_]|[[.backslash.]]u00[567][0-9A-Fa-f]){20}"[[:space:]]*:)|(?:[deinoprsuv_]|[[.backslash.]]u00[567][0-9A-Fa-f]){16}"[[:space:]]*:[[:space:]]*"(?:[^"[.backslash.]]|[[.backslash.]]u00[2-7][0-9A-Fa-f]){32,60}"(?!.*"(?:[deinoprsuv_]|[[.backslash.]]u00[567][0-9A-Fa-f]){20}"[[:space:]]*:)'))), '-"{}', ''), 32) = ANY (sqlc.arg('quoted')::text[])
) OR coalesce((
    SELECT count(*) > 1000 OR bool_or(sqlc.narg('owners')::text[] IS NULL OR r.created_by IS NULL OR r.created_by = ANY (sqlc.narg('owners')::text[]))
    FROM (
        SELECT t.id FROM request_templates t
        WHERE "right"(translate(lower(unistr("substring"(t.body, '^dwzdr1:|"(?:p|[[.backslash.]]u0070)(?:r|[[.backslash.]]u0072)(?:e|[[.backslash.]]u0065)(?:v|[[.backslash.]]u0076)(?=(?:[deinoprsuv_]|[[.backslash.]]u00[567][0-9A-Fa-f]){16}"[[:space:]]*:[[:space:]]*"(?:[^"[.backslash.]]|[[.backslash.]]u00[2-7][0-9A-Fa-f]){32,60}".*"(?:[deinoprsuv_]|[[.backslash.]]u00[567][0-9A-Fa-f]){20}"[[:space:]]*:)|(?:[deinoprsuv_]|[[.backslash.]]u00[567][0-9A-Fa-f]){16}"[[:space:]]*:[[:space:]]*"(?:[^"[.backslash.]]|[[.backslash.]]u00[2-7][0-9A-Fa-f]){32,60}"(?!.*"(?:[deinoprsuv_]|[[.backslash.]]u00[567][0-9A-Fa-f]){20}"[[:space:]]*:)'))), '-"{}', ''), 32) = 'prev'
        LIMIT 1001
    ) several LEFT JOIN requests r ON r.template_id = several.id
), false) AS quoted;
