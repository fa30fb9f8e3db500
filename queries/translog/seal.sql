-- The statements that grow the tree, in the order in which they run.

-- name: Backlog :one
-- What there is to do, for a look that costs little.
SELECT coalesce((SELECT extract(epoch FROM clock_timestamp() - created_at) FROM lethe.receipts
                 WHERE leaf_index IS NULL ORDER BY created_at, id LIMIT 1), -1)::float8 AS oldest_seconds,
       coalesce((SELECT size FROM lethe.log_state), 0)::bigint AS size,
       coalesce((SELECT size FROM lethe.checkpoints WHERE published_at IS NOT NULL ORDER BY size DESC LIMIT 1), 0)::bigint AS published;

-- name: Sealing :one
-- When the newest tree was signed, and how many receipts wait, up to a number.
SELECT coalesce((SELECT created_at FROM lethe.checkpoints ORDER BY size DESC LIMIT 1), '-infinity')::timestamptz AS sealed_at,
       (SELECT count(*) FROM (SELECT FROM lethe.receipts WHERE leaf_index IS NULL LIMIT sqlc.arg('max')::bigint) waiting)::bigint AS unsealed;

-- name: TakeTurn :one
-- Whether this transaction is the one that seals. The commit must be on disk
-- before it is shown to anyone, even where the server's default is otherwise.
SELECT pg_try_advisory_xact_lock(sqlc.arg('lock')::bigint)::boolean AS taken,
       set_config('synchronous_commit', coalesce(nullif(current_setting('synchronous_commit'), 'off'), 'on'), true)::text
           AS synchronous_commit;

-- name: LockState :one
-- The tree.
SELECT origin, size, root FROM lethe.log_state FOR UPDATE;

-- name: Newest :one
-- The newest checkpoint.
SELECT size, note FROM lethe.checkpoints ORDER BY size DESC LIMIT 1;

-- name: Beyond :one
-- Whether something lies outside of a tree of this size.
SELECT (EXISTS (SELECT FROM lethe.receipts WHERE leaf_index >= sqlc.arg('size')::bigint)
     OR EXISTS (SELECT FROM lethe.tiles WHERE level = 0 AND idx > (sqlc.arg('size')::bigint - 1) / 256)
     OR EXISTS (SELECT FROM lethe.tiles WHERE sqlc.arg('size')::bigint = 0))::boolean;

-- name: Unsealed :many
-- Those that are not committed yet come another time: no mark says up to where
-- everything has been sealed.
SELECT id, body FROM lethe.receipts
WHERE leaf_index IS NULL
ORDER BY created_at, id
LIMIT sqlc.arg('max')
FOR UPDATE SKIP LOCKED;

-- name: Seal :execrows
UPDATE lethe.receipts r SET leaf_index = s.leaf_index
FROM (SELECT unnest(sqlc.arg('ids')::uuid[]) AS id, unnest(sqlc.arg('leaf_indexes')::bigint[]) AS leaf_index) AS s
WHERE r.id = s.id AND r.leaf_index IS NULL;

-- name: PutTiles :exec
INSERT INTO lethe.tiles (level, idx, hashes)
SELECT unnest(sqlc.arg('levels')::integer[]), unnest(sqlc.arg('indexes')::bigint[]), unnest(sqlc.arg('hashes')::bytea[])
ON CONFLICT (level, idx) DO UPDATE SET hashes = excluded.hashes;

-- name: PutCheckpoint :exec
INSERT INTO lethe.checkpoints (size, note, published_at)
VALUES (sqlc.arg('size'), sqlc.arg('note'), CASE WHEN sqlc.arg('publish')::boolean THEN clock_timestamp() END);

-- name: PutState :exec
INSERT INTO lethe.log_state (origin, size, root)
VALUES (sqlc.arg('origin'), sqlc.arg('size'), sqlc.arg('root'))
ON CONFLICT (single) DO UPDATE SET size = excluded.size, root = excluded.root;
