-- Bulk erasures: what they are about, and how far they have come.

-- name: PlanForAny :exec
-- Takes PlanForArguments and PlanInOrder back, for what follows in the same
-- transaction, of which nothing is worth compiling or several processes either.
SELECT set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'on', true), set_config('enable_sort', 'on', true);

-- name: GoneBy :many
-- Those that this erasure has erased lately.
SELECT gone.id::uuid FROM lethe.erasure_receipts r
JOIN lethe.tombstones t ON t.receipt_id = r.receipt_id
CROSS JOIN LATERAL unnest(t.request_ids) AS gone (id)
WHERE r.erasure_id = sqlc.arg('erasure_id')::uuid AND gone.id = ANY (sqlc.arg('ids')::uuid[]);

-- name: LimitEstimate :exec
-- For what follows in the same transaction.
SELECT set_config('statement_timeout', sqlc.arg('at_most')::text, true);

-- name: RequestsOf :many
-- LockRequests without the lock.
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error, template_id,
       (SELECT t.file_id FROM request_templates t WHERE t.id = r.template_id) AS file_id
FROM requests r WHERE id = ANY (sqlc.arg('ids')::uuid[]) ORDER BY id;

-- name: CountTemplates :one
SELECT count(*) FROM request_templates WHERE id = ANY (sqlc.arg('ids')::uuid[]);

-- name: SharedTemplates :many
-- Those of them that more requests refer to than are known, and how many do.
SELECT known.id::uuid AS id, shared.requests
FROM (SELECT unnest(sqlc.arg('ids')::uuid[]) AS id, unnest(sqlc.arg('requests')::bigint[]) AS requests) known
CROSS JOIN LATERAL (SELECT count(*) AS requests FROM requests r WHERE r.template_id = known.id) shared
WHERE shared.requests > known.requests;

-- name: CountFiles :one
-- Those of them that DeleteFiles would delete once so many of their templates
-- are gone.
SELECT count(*)
FROM (SELECT unnest(sqlc.arg('ids')::uuid[]) AS id, unnest(sqlc.arg('templates')::bigint[]) AS templates) known
JOIN files f ON f.id = known.id
JOIN batches b ON b.file_id = f.id
WHERE f.name = 'single_request' AND f.purpose = 'batch' AND f.uploaded_by IS NULL AND b.total_requests = 1
  AND NOT EXISTS (SELECT FROM requests r WHERE r.batch_id = b.id)
  AND (SELECT count(*) FROM request_templates t WHERE t.file_id = f.id) <= known.templates
  AND NOT EXISTS (SELECT FROM batches o WHERE o.file_id = f.id AND o.id <> b.id)
  AND NOT EXISTS (SELECT FROM batches o WHERE o.output_file_id = f.id)
  AND NOT EXISTS (SELECT FROM batches o WHERE o.error_file_id = f.id);

-- name: SavePreview :exec
INSERT INTO lethe.previews (token_sum, requested_by, target, as_of, expires_at, responses, requests, steps, templates,
    raw_requests, raw_responses, tasks, held, not_found, partial, sum, files, kept_templates, retained)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19);

-- name: SavePreviewPart :exec
INSERT INTO lethe.preview_requests (token_sum, part, request_ids) VALUES ($1, $2, $3);

-- name: DropPreviews :exec
-- Those of one person that were made before as many others, unless something was
-- begun with them.
WITH old AS (
    DELETE FROM lethe.previews p
    WHERE p.token_sum IN (SELECT token_sum FROM lethe.previews WHERE requested_by = sqlc.arg('requested_by')::uuid
                          ORDER BY expires_at DESC, token_sum OFFSET sqlc.arg('keep')::bigint)
      AND NOT EXISTS (SELECT FROM lethe.erasures e WHERE e.preview = p.token_sum)
    RETURNING token_sum
)
DELETE FROM lethe.preview_requests WHERE token_sum IN (SELECT token_sum FROM old);

-- name: NextPreviewed :many
-- What follows in an erasure of previewed requests, in their order; created_at is
-- null where one is gone.
SELECT listed.id, r.created_at
FROM (
    SELECT u.id::uuid AS id, (l.part * sqlc.arg('part_size')::bigint + u.at)::bigint AS at
    FROM lethe.preview_requests l CROSS JOIN LATERAL unnest(l.request_ids) WITH ORDINALITY AS u (id, at)
    WHERE l.token_sum = sqlc.arg('token_sum')::bytea AND l.part BETWEEN sqlc.arg('first_part')::integer AND sqlc.arg('last_part')::integer
      AND l.part * sqlc.arg('part_size')::bigint + u.at > sqlc.arg('passed')::bigint
    ORDER BY at
    LIMIT sqlc.arg('max')::bigint
) listed
LEFT JOIN requests r ON r.id = listed.id
ORDER BY listed.at;

-- name: Preview :one
SELECT * FROM lethe.previews WHERE token_sum = sqlc.arg('token_sum')::bytea;

-- name: RemovePreviews :exec
DELETE FROM lethe.previews WHERE expires_at < sqlc.arg('before')::timestamptz;

-- name: RemovePreviewed :exec
DELETE FROM lethe.preview_requests l
WHERE NOT EXISTS (SELECT FROM lethe.previews p WHERE p.token_sum = l.token_sum)
  AND NOT EXISTS (SELECT FROM lethe.erasures e WHERE e.preview = l.token_sum);

-- name: Durably :exec
-- The commit must be on disk before it is reported.
SELECT set_config('synchronous_commit', coalesce(nullif(current_setting('synchronous_commit'), 'off'), 'on'), true);

-- name: CreateErasure :many
-- None where the same person has one with the same key.
INSERT INTO lethe.erasures (id, trigger, rule_id, rule_version, kind, target, scope, as_of, max, ground, ticket, requested_at,
    requested_by, role, secret, idempotency_key, request_sum, state, expected, preview, approve_by, subject_request)
VALUES (sqlc.arg('id'), sqlc.arg('trigger'), sqlc.narg('rule_id'), sqlc.narg('rule_version'), sqlc.arg('kind'),
        sqlc.arg('target')::text::jsonb, sqlc.narg('scope'), sqlc.arg('as_of'), sqlc.arg('max'), sqlc.arg('ground'),
        sqlc.arg('ticket'), sqlc.arg('requested_at'), sqlc.narg('requested_by'), sqlc.arg('role'), sqlc.narg('secret'),
        sqlc.narg('idempotency_key'), sqlc.arg('request_sum'), sqlc.arg('state'), sqlc.narg('expected'), sqlc.narg('preview'), sqlc.narg('approve_by'),
        sqlc.narg('subject_request'))
ON CONFLICT (requested_by, idempotency_key) WHERE idempotency_key IS NOT NULL DO NOTHING
RETURNING *;

-- name: Erasure :one
SELECT * FROM lethe.erasures WHERE id = sqlc.arg('id');

-- name: ErasureByKey :one
SELECT * FROM lethe.erasures WHERE requested_by = sqlc.arg('requested_by')::uuid AND idempotency_key = sqlc.arg('idempotency_key')::text;

-- name: ErasuresForSubject :many
SELECT * FROM lethe.erasures WHERE subject_request = sqlc.arg('subject_request')::uuid
ORDER BY requested_at DESC, id DESC LIMIT sqlc.arg('max')::bigint;

-- name: LockErasure :one
-- And whether finished responses may have been moved.
SELECT sqlc.embed(e), (to_regclass('retained_response_resurrection_fences') IS NOT NULL)::boolean AS beside_retained
FROM lethe.erasures e WHERE e.id = sqlc.arg('id') FOR UPDATE OF e;

-- name: Erasures :many
SELECT * FROM lethe.erasures
WHERE (sqlc.narg('requested_by')::uuid IS NULL OR requested_by = sqlc.narg('requested_by')::uuid)
  AND (sqlc.narg('states')::text[] IS NULL OR state = ANY (sqlc.narg('states')::text[]))
  AND (sqlc.narg('of_trigger')::text IS NULL OR trigger = sqlc.narg('of_trigger')::text)
  AND (requested_at, id) < (coalesce(sqlc.narg('after_requested_at')::timestamptz, 'infinity'),
                            coalesce(sqlc.narg('after_id')::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
ORDER BY requested_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint;

-- name: ErasuresOf :many
-- Of one person, by an index of its own.
SELECT * FROM lethe.erasures
WHERE requested_by = sqlc.arg('requested_by')::uuid
  AND (sqlc.narg('states')::text[] IS NULL OR state = ANY (sqlc.narg('states')::text[]))
  AND (sqlc.narg('of_trigger')::text IS NULL OR trigger = sqlc.narg('of_trigger')::text)
  AND (requested_at, id) < (coalesce(sqlc.narg('after_requested_at')::timestamptz, 'infinity'),
                            coalesce(sqlc.narg('after_id')::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
ORDER BY requested_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint;

-- name: ErasureReceipts :many
SELECT receipt_id, at, responses FROM lethe.erasure_receipts
WHERE erasure_id = sqlc.arg('erasure_id')
  AND (at, receipt_id) < (coalesce(sqlc.narg('after_at')::timestamptz, 'infinity'),
                          coalesce(sqlc.narg('after_id')::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
ORDER BY at DESC, receipt_id DESC
LIMIT sqlc.arg('page_size')::bigint;

-- name: AddErasureReceipt :exec
INSERT INTO lethe.erasure_receipts (receipt_id, erasure_id, at, responses) VALUES ($1, $2, $3, $4);

-- name: CancelErasure :many
-- Waits for what is under way.
UPDATE lethe.erasures SET verify_at = NULL,
    state = CASE WHEN finished_at IS NULL THEN 'canceled' ELSE state END,
    finished_at = coalesce(finished_at, sqlc.arg('at')::timestamptz)
WHERE id = sqlc.arg('id')
RETURNING *;

-- name: DecideErasure :exec
UPDATE lethe.erasures SET
    state = sqlc.arg('state'), finished_at = sqlc.narg('finished_at'), last_error = sqlc.arg('last_error'),
    decided_at = sqlc.narg('decided_at'), decided_by = sqlc.narg('decided_by'), refusal = sqlc.narg('refusal')
WHERE id = sqlc.arg('id');

-- name: UnapprovedErasures :many
SELECT id FROM lethe.erasures
WHERE state = 'awaiting_approval' AND approve_by <= sqlc.arg('before')::timestamptz
ORDER BY approve_by, id
LIMIT sqlc.arg('max')::bigint;

-- name: RecordError :execrows
UPDATE lethe.erasures SET
    last_error = CASE WHEN finished_at IS NULL THEN sqlc.arg('last_error')::text ELSE last_error END,
    state = CASE WHEN finished_at IS NULL AND sqlc.arg('failed')::boolean THEN 'failed' ELSE state END,
    finished_at = CASE WHEN sqlc.arg('failed')::boolean THEN coalesce(finished_at, sqlc.arg('at')::timestamptz) ELSE finished_at END
WHERE id = sqlc.arg('id');

-- name: RecordProgress :exec
UPDATE lethe.erasures SET
    state = sqlc.arg('state'), started_at = sqlc.narg('started_at'), finished_at = sqlc.narg('finished_at'),
    verify_at = sqlc.narg('verify_at'), verified_at = sqlc.narg('verified_at'),
    done = sqlc.arg('done'), requests = sqlc.arg('requests'), steps = sqlc.arg('steps'), templates = sqlc.arg('templates'),
    raw_requests = sqlc.arg('raw_requests'), raw_responses = sqlc.arg('raw_responses'), tasks = sqlc.arg('tasks'),
    files = sqlc.arg('files'), kept_templates = sqlc.arg('kept_templates'), retained = sqlc.arg('retained'),
    held = sqlc.arg('held'), not_found = sqlc.arg('not_found'), receipts = sqlc.arg('receipts'),
    failures = sqlc.arg('failures')::text::jsonb, last_error = '', refused = sqlc.arg('refused'),
    pass_created_at = sqlc.narg('pass_created_at'), pass_id = sqlc.narg('pass_id'),
    pass_named = sqlc.arg('pass_named'), pass_erased = sqlc.arg('pass_erased')
WHERE id = sqlc.arg('id');

-- name: WaitShortly :exec
-- For what follows in the same transaction.
SELECT set_config('lock_timeout', '250ms', true);

-- name: DueErasures :many
SELECT id FROM (
    (SELECT id, requested_at FROM lethe.erasures WHERE finished_at IS NULL AND state <> 'awaiting_approval' ORDER BY requested_at, id LIMIT sqlc.arg('max')::bigint)
    UNION ALL
    (SELECT id, requested_at FROM lethe.erasures WHERE finished_at IS NOT NULL AND verify_at <= sqlc.arg('by')::timestamptz
     ORDER BY requested_at, id LIMIT sqlc.arg('max')::bigint)
) due
ORDER BY requested_at, id
LIMIT sqlc.arg('max')::bigint;

-- name: RedactErasures :exec
UPDATE lethe.erasures SET target = NULL, scope = NULL, failures = '[]', secret = NULL, request_sum = '', pass_created_at = NULL, pass_id = NULL, preview = NULL
WHERE target IS NOT NULL AND finished_at < sqlc.arg('before')::timestamptz AND verify_at IS NULL;
