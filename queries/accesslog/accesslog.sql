-- name: PlanForArguments :exec
-- Filters that are not given then cost nothing, and each one has its index.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true);

-- name: Page :many
SELECT id, accessed_at, accessed_by, request_id, owner, address, export
FROM lethe.access_log
WHERE (sqlc.narg('request_id')::uuid IS NULL OR request_id = sqlc.narg('request_id')::uuid)
  AND (sqlc.narg('owner')::text IS NULL OR owner = sqlc.narg('owner')::text)
  AND (sqlc.narg('accessed_by')::uuid IS NULL OR accessed_by = sqlc.narg('accessed_by')::uuid)
  AND (sqlc.narg('from')::timestamptz IS NULL OR accessed_at >= sqlc.narg('from')::timestamptz)
  AND (sqlc.narg('to')::timestamptz IS NULL OR accessed_at <= sqlc.narg('to')::timestamptz)
  AND (sqlc.narg('after_at')::timestamptz IS NULL
       OR (accessed_at, id) < (sqlc.narg('after_at')::timestamptz, sqlc.narg('after_id')::uuid))
ORDER BY accessed_at DESC, id DESC
LIMIT sqlc.arg('max')::bigint;

-- name: Durably :exec
-- The commit must be on disk before contents are sent.
SELECT set_config('synchronous_commit', coalesce(nullif(current_setting('synchronous_commit'), 'off'), 'on'), true);

-- name: RecordExport :exec
INSERT INTO lethe.access_log (id, accessed_at, accessed_by, owner, address, export)
VALUES (sqlc.arg('id'), sqlc.arg('accessed_at'), sqlc.arg('accessed_by'), sqlc.arg('owner'), sqlc.arg('address'), sqlc.arg('export')::text::jsonb);

-- name: TakeTurn :one
-- Whether this transaction is the one that forgets.
SELECT pg_try_advisory_xact_lock(sqlc.arg('lock')::bigint)::boolean;

-- name: Forget :execrows
-- The oldest first, and not so many at a time that anyone has to wait for it.
DELETE FROM lethe.access_log
WHERE id = ANY (ARRAY(
    SELECT l.id FROM lethe.access_log l
    WHERE l.accessed_at < sqlc.arg('before')::timestamptz
    ORDER BY l.accessed_at, l.id
    LIMIT sqlc.arg('max')::bigint
));
