-- The statements that complete the log of a restored database.

-- name: DropTwins :exec
-- Where levels were found out between a restore and its replay, the leaf that the
-- log had of the same level takes the place of what was written of it then.
DELETE FROM lethe.receipts r
USING (SELECT unnest(sqlc.arg('ids')::uuid[]) AS id, unnest(sqlc.arg('abouts')::uuid[]) AS about, unnest(sqlc.arg('levels')::text[]) AS level) leaf
WHERE r.leaf_index IS NULL AND r.about = leaf.about AND r.level = leaf.level AND r.id <> leaf.id;

-- name: AddLeaves :execrows
-- A receipt that was there unsealed takes its place.
INSERT INTO lethe.receipts (id, about, level, body, created_at, leaf_index)
SELECT unnest(sqlc.arg('ids')::uuid[]), unnest(sqlc.arg('abouts')::uuid[]), unnest(sqlc.arg('levels')::text[]), unnest(sqlc.arg('bodies')::bytea[]),
       unnest(sqlc.arg('created_ats')::timestamptz[]), unnest(sqlc.arg('leaf_indexes')::bigint[])
ON CONFLICT (id) DO UPDATE SET leaf_index = excluded.leaf_index
WHERE receipts.leaf_index IS NULL AND receipts.body = excluded.body;

-- name: AddSecrets :exec
INSERT INTO lethe.receipt_secrets (receipt_id, salt, actor_id, owner_keys)
SELECT unnest(sqlc.arg('ids')::uuid[]), unnest(sqlc.arg('salts')::bytea[]), unnest(sqlc.arg('actors')::uuid[]), '{}'::bytea[]
ON CONFLICT (receipt_id) DO NOTHING;

-- name: MayComplete :one
-- Whether the role may do what the service's may not.
SELECT (has_table_privilege('lethe.receipts', 'INSERT') AND has_table_privilege('lethe.receipt_secrets', 'INSERT'))::boolean;
