-- The models among responses.

-- name: ModelsOfAll :many
-- From each model an index leads to the next, so that no more is read than there are
-- models, and some rows of each: they are counted up to at_most. PlanForArguments comes
-- first, or the planner would look for these rows in the table as a whole.
WITH RECURSIVE names AS (
    (SELECT model FROM requests WHERE num_nulls(created_by) <> 1 ORDER BY model LIMIT 1)
    UNION ALL
    SELECT (SELECT r.model FROM requests r WHERE num_nulls(r.created_by) <> 1 AND r.model > n.model ORDER BY r.model LIMIT 1)
    FROM names n WHERE n.model IS NOT NULL
)
SELECT n.model::text AS model, c.responses
FROM (SELECT model FROM names WHERE model IS NOT NULL LIMIT sqlc.arg('max')::bigint) n
CROSS JOIN LATERAL (
    SELECT count(*) AS responses FROM (
        SELECT FROM requests r WHERE num_nulls(r.created_by) <> 1 AND r.model = n.model
        LIMIT sqlc.arg('at_most')::bigint
    ) counted
) c;

-- name: ModelsOfOwner :many
-- Of the newest responses.
SELECT model, count(*) AS responses FROM (
    SELECT model FROM requests WHERE created_by = sqlc.arg('owner')::text AND num_nulls(batch_id) <> 0
    ORDER BY created_at DESC, id DESC LIMIT sqlc.arg('newest')::bigint
) newest
GROUP BY model;
