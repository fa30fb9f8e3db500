-- What is kept outside of the database. Salts are not for the service's role.

-- name: Grown :many
-- The receipts that no tree holds, and those that became leaves from one on.
SELECT r.id, (-1)::bigint AS leaf_index FROM lethe.receipts r WHERE r.leaf_index IS NULL
UNION ALL
SELECT r.id, coalesce(r.leaf_index, -1)::bigint FROM lethe.receipts r WHERE r.leaf_index >= sqlc.arg('first')::bigint;

-- name: Buried :many
-- The receipts of which it is still known what was erased.
SELECT r.id, r.created_at FROM lethe.receipts r
WHERE r.id IN (SELECT t.receipt_id FROM lethe.tombstones t WHERE t.receipt_id IS NOT NULL);

-- name: Erasures :many
-- What was erased, of those receipts of which it is still known.
SELECT r.id, r.created_at, s.salt, s.actor_id, t.requests::uuid[] AS requests
FROM (SELECT unnest(sqlc.arg('ids')::uuid[]) AS id) wanted
JOIN lethe.receipts r ON r.id = wanted.id
LEFT JOIN lethe.receipt_secrets s ON s.receipt_id = r.id
CROSS JOIN LATERAL (
    SELECT array_agg(stone.request_id ORDER BY stone.request_id) AS requests
    FROM lethe.tombstones stone WHERE stone.receipt_id = r.id
) t
WHERE t.requests IS NOT NULL
ORDER BY r.created_at, r.id;

-- name: Bodies :many
SELECT r.id, r.body FROM lethe.receipts r WHERE r.id = ANY (sqlc.arg('ids')::uuid[]);
