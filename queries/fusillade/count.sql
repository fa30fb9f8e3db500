-- The conditions are those of page.sql, without order and bounds.

-- name: Count :one
SELECT count(*) FROM requests
WHERE batch_id IS NULL AND created_by IS NOT NULL
  AND (sqlc.narg('state')::text IS NULL OR state = sqlc.narg('state')::text)
  AND (sqlc.narg('models')::text[] IS NULL OR model = ANY (sqlc.narg('models')::text[]))
  AND (sqlc.narg('tiers')::text[] IS NULL OR service_tier = ANY (sqlc.narg('tiers')::text[]))
  AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
  AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz);

-- name: CountOfOwner :one
SELECT count(*) FROM requests
WHERE batch_id IS NULL AND created_by IS NOT NULL AND created_by = sqlc.arg('owner')::text
  AND (sqlc.narg('state')::text IS NULL OR state = sqlc.narg('state')::text)
  AND (sqlc.narg('models')::text[] IS NULL OR model = ANY (sqlc.narg('models')::text[]))
  AND (sqlc.narg('tiers')::text[] IS NULL OR service_tier = ANY (sqlc.narg('tiers')::text[]))
  AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
  AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz);

-- name: LimitTime :exec
-- For what follows in the same transaction, in milliseconds.
SELECT set_config('statement_timeout', sqlc.arg('milliseconds')::text, true);
