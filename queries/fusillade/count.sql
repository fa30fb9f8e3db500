-- The conditions are those of page.sql, without order and bounds.

-- name: Count :one
SELECT count(*) FROM requests
WHERE created_by IS NOT NULL AND num_nulls(batch_id) <> 0
  AND (sqlc.narg('state')::text IS NULL OR state = sqlc.narg('state')::text)
  AND (sqlc.narg('models')::text[] IS NULL OR model = ANY (sqlc.narg('models')::text[]))
  AND (sqlc.narg('tiers')::text[] IS NULL OR service_tier = ANY (sqlc.narg('tiers')::text[]))
  AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
  AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz);

-- name: CountOfOwner :one
SELECT count(*) FROM requests
WHERE created_by = sqlc.arg('owner')::text AND num_nulls(batch_id) <> 0
  AND (sqlc.narg('state')::text IS NULL OR state = sqlc.narg('state')::text)
  AND (sqlc.narg('models')::text[] IS NULL OR model = ANY (sqlc.narg('models')::text[]))
  AND (sqlc.narg('tiers')::text[] IS NULL OR service_tier = ANY (sqlc.narg('tiers')::text[]))
  AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
  AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz);

-- name: LimitTime :exec
-- For what follows in the same transaction.
SELECT set_config('statement_timeout', sqlc.arg('at_most')::text, true);
