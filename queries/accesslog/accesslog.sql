-- name: Durably :exec
-- For what follows in the same transaction: it must be on disk before the
-- contents are shown, even where the server's default is to report it earlier.
SELECT set_config('synchronous_commit', coalesce(nullif(current_setting('synchronous_commit'), 'off'), 'on'), true);

-- name: Record :execrows
-- The response is locked against being erased, and looked at again where an
-- erasure had locked it: no row is written of a response that is gone, and an
-- erasure finds every row that was written. Whoever changes a response does not
-- wait for this lock, nor this for them.
INSERT INTO lethe.access_log (id, accessed_at, accessed_by, request_id, owner, address)
SELECT sqlc.arg('id')::uuid, sqlc.arg('accessed_at')::timestamptz, sqlc.arg('accessed_by')::uuid, r.id,
       sqlc.arg('owner')::text, sqlc.arg('address')::text
FROM requests r
WHERE r.id = sqlc.arg('request_id')::uuid
FOR KEY SHARE;

-- name: MayBeRetained :one
-- Whether finished responses may have been moved.
SELECT (to_regclass('retained_response_resurrection_fences') IS NOT NULL)::boolean;

-- name: RecordOfRetained :execrows
-- Likewise of a response that has been moved.
INSERT INTO lethe.access_log (id, accessed_at, accessed_by, request_id, owner, address)
SELECT sqlc.arg('id')::uuid, sqlc.arg('accessed_at')::timestamptz, sqlc.arg('accessed_by')::uuid, q.request_id,
       sqlc.arg('owner')::text, sqlc.arg('address')::text
FROM retained_response_request_routes q
WHERE q.request_id = sqlc.arg('request_id')::uuid
FOR KEY SHARE;

-- name: PlanForArguments :exec
-- Filters that are not given then cost nothing, and each one has its index.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true);

-- name: Page :many
SELECT id, accessed_at, accessed_by, request_id, owner, address
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
