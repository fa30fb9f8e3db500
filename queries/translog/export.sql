-- What is kept outside of the database. Salts are not for the service's role.

-- name: Grown :many
-- The receipts that no tree holds, and those that became leaves from one on.
SELECT r.id, (-1)::bigint AS leaf_index FROM lethe.receipts r WHERE r.leaf_index IS NULL
UNION ALL
SELECT r.id, coalesce(r.leaf_index, -1)::bigint FROM lethe.receipts r WHERE r.leaf_index >= sqlc.arg('first')::bigint;

-- name: Buried :many
-- The receipts of which it is still known what was erased.
SELECT r.id, r.created_at FROM lethe.receipts r JOIN lethe.tombstones t ON t.receipt_id = r.id;

-- name: Erasures :many
-- What was erased, of those receipts of which it is still known.
SELECT r.id, r.created_at, s.salt, s.actor_id, t.request_ids
FROM lethe.receipts r
JOIN lethe.tombstones t ON t.receipt_id = r.id
LEFT JOIN lethe.receipt_secrets s ON s.receipt_id = r.id
WHERE r.id = ANY (sqlc.arg('ids')::uuid[])
ORDER BY r.created_at, r.id;

-- name: Bodies :many
SELECT r.id, r.body FROM lethe.receipts r WHERE r.id = ANY (sqlc.arg('ids')::uuid[]);
