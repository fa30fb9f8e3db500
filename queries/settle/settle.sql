-- Levels are settled in the order of the leaves, which has no gaps and takes no
-- latecomers: what is before the mark has been looked at.

-- name: Log :one
-- The log as it is, and a place in the write-ahead log that is after all of it.
SELECT origin, size, pg_current_wal_insert_lsn()::text AS place FROM lethe.log_state;

-- name: Mark :one
-- Others who settle the level wait.
SELECT leaves FROM lethe.settled WHERE level = sqlc.arg('level') FOR UPDATE;

-- name: FreeMark :one
-- No row where somebody else settles the level.
SELECT leaves FROM lethe.settled WHERE level = sqlc.arg('level') FOR UPDATE SKIP LOCKED;

-- name: Leaves :many
SELECT r.leaf_index, r.id, (r.about IS NULL)::boolean AS erasure, r.horizon::text AS horizon, r.created_at,
       extract(epoch FROM clock_timestamp() - r.created_at)::float8 AS age_seconds
FROM lethe.receipts r
WHERE r.leaf_index >= sqlc.arg('first')::bigint AND r.leaf_index < sqlc.arg('beyond')::bigint
ORDER BY r.leaf_index
LIMIT sqlc.arg('most');

-- name: Open :one
-- How many erasures are behind the mark.
SELECT count(*) FROM lethe.receipts r
WHERE r.leaf_index >= (SELECT s.leaves FROM lethe.settled s WHERE s.level = sqlc.arg('level')) AND r.about IS NULL;

-- name: Issue :execrows
-- At most one of a level about each.
INSERT INTO lethe.receipts (id, about, level, body)
SELECT unnest(sqlc.arg('ids')::uuid[]), unnest(sqlc.arg('abouts')::uuid[]), sqlc.arg('level')::text, unnest(sqlc.arg('bodies')::bytea[])
ON CONFLICT (about, level) WHERE about IS NOT NULL DO NOTHING;

-- name: Advance :exec
UPDATE lethe.settled SET leaves = sqlc.arg('leaves') WHERE level = sqlc.arg('level');

-- name: Tombstones :many
SELECT t.receipt_id, t.request_ids FROM lethe.tombstones t
WHERE t.receipt_id = ANY (sqlc.arg('receipts')::uuid[]);

-- name: StillThere :many
-- Asked of a standby.
SELECT r.id FROM requests r WHERE r.id = ANY (sqlc.arg('requests')::uuid[])
UNION SELECT s.request_id FROM response_steps s WHERE s.request_id = ANY (sqlc.arg('requests')::uuid[]);
