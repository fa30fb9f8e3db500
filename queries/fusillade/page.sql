-- A query for each order, with and without an owner: each has an index of its
-- own, and the order is spelled exactly as that index spells it. Filters that
-- are not given are NULL and vanish when the plan is made for the arguments,
-- which is why the pool asks for custom plans. Bodies are never read here.
--
-- num_nulls(batch_id) <> 0 means batch_id IS NULL. Every row with an owner has
-- no batch, but the planner does not know that: where most rows are of batches
-- it would take the plain condition for a rare coincidence, expect next to
-- nothing, and choose and estimate accordingly. Of this one it expects that
-- nearly all rows pass.

-- name: PageActiveFirst :many
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status
FROM requests
WHERE created_by IS NOT NULL AND num_nulls(batch_id) <> 0
  AND (sqlc.narg('state')::text IS NULL OR state = sqlc.narg('state')::text)
  AND (sqlc.narg('models')::text[] IS NULL OR model = ANY (sqlc.narg('models')::text[]))
  AND (sqlc.narg('tiers')::text[] IS NULL OR service_tier = ANY (sqlc.narg('tiers')::text[]))
  AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
  AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
ORDER BY CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END,
         created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint OFFSET sqlc.arg('skip')::bigint;

-- name: Page :many
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status
FROM requests
WHERE created_by IS NOT NULL AND num_nulls(batch_id) <> 0
  AND (sqlc.narg('state')::text IS NULL OR state = sqlc.narg('state')::text)
  AND (sqlc.narg('models')::text[] IS NULL OR model = ANY (sqlc.narg('models')::text[]))
  AND (sqlc.narg('tiers')::text[] IS NULL OR service_tier = ANY (sqlc.narg('tiers')::text[]))
  AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
  AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
ORDER BY created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint OFFSET sqlc.arg('skip')::bigint;

-- name: PageOfOwnerActiveFirst :many
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status
FROM requests
WHERE created_by = sqlc.arg('owner')::text AND num_nulls(batch_id) <> 0
  AND (sqlc.narg('state')::text IS NULL OR state = sqlc.narg('state')::text)
  AND (sqlc.narg('models')::text[] IS NULL OR model = ANY (sqlc.narg('models')::text[]))
  AND (sqlc.narg('tiers')::text[] IS NULL OR service_tier = ANY (sqlc.narg('tiers')::text[]))
  AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
  AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
ORDER BY CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END,
         created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint OFFSET sqlc.arg('skip')::bigint;

-- name: PageOfOwner :many
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status
FROM requests
WHERE created_by = sqlc.arg('owner')::text AND num_nulls(batch_id) <> 0
  AND (sqlc.narg('state')::text IS NULL OR state = sqlc.narg('state')::text)
  AND (sqlc.narg('models')::text[] IS NULL OR model = ANY (sqlc.narg('models')::text[]))
  AND (sqlc.narg('tiers')::text[] IS NULL OR service_tier = ANY (sqlc.narg('tiers')::text[]))
  AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
  AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
ORDER BY created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint OFFSET sqlc.arg('skip')::bigint;
