-- Keeping responses that were read from files.

-- name: TakeTurn :one
-- Whether no other import is at work.
SELECT pg_try_advisory_xact_lock(sqlc.arg('lock')::bigint)::boolean;

-- name: Present :many
-- Hashes of contents, not the contents: they are only compared.
SELECT r.id, r.created_by, r.model, r.state, r.service_tier, r.created_at, r.completed_at, r.failed_at, r.response_status,
       sha256(convert_to(r.response_body, 'UTF8')) AS answer, sha256(convert_to(r.error, 'UTF8')) AS error,
       sha256(convert_to(t.body, 'UTF8')) AS prompt
FROM requests r LEFT JOIN request_templates t ON t.id = r.template_id
WHERE r.id = ANY (sqlc.arg('ids')::uuid[]);

-- name: Erased :many
SELECT u.id::uuid AS id FROM lethe.tombstones t CROSS JOIN LATERAL unnest(t.request_ids) AS u (id)
WHERE u.id = ANY (sqlc.arg('ids')::uuid[])
UNION
SELECT u.id::uuid FROM lethe.intents i CROSS JOIN LATERAL unnest(i.request_ids) AS u (id)
WHERE i.request_ids && sqlc.arg('ids')::uuid[] AND u.id = ANY (sqlc.arg('ids')::uuid[]);

-- name: Users :many
SELECT id FROM public.users WHERE id = ANY (sqlc.arg('ids')::uuid[]);

-- name: Analyze :exec
ANALYZE requests, request_templates, public.http_analytics;
