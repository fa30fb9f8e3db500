-- Only what a published checkpoint covers is shown.

-- name: Published :one
-- With the lines of its witnesses, in no order.
SELECT c.size, c.note,
       coalesce((SELECT string_agg(s.line, '') FROM lethe.cosignatures s WHERE s.size = c.size), '')::bytea AS cosignatures
FROM lethe.checkpoints c WHERE c.published_at IS NOT NULL ORDER BY c.size DESC LIMIT 1;

-- name: Receipt :one
-- A receipt, the newest published checkpoint if it covers it, and the newest one
-- that witnesses have signed if that does, too, and is wanted; and with the
-- latter, else the former, every tile that the proof of inclusion may need: at
-- each level the one on the way from the leaf to the root and the last one of the
-- checkpoint's tree. Seven
-- levels hold 2^56 leaves. A receipt about another one is its actor's.
SELECT r.body, r.created_at, coalesce(r.leaf_index, -1)::bigint AS leaf_index, s.actor_id, coalesce(c.size, 0)::bigint AS size, c.note,
       coalesce(w.size, 0)::bigint AS cosigned_size, w.note AS cosigned_note,
       coalesce((SELECT string_agg(s.line, '') FROM lethe.cosignatures s WHERE s.size = w.size), '')::bytea AS cosignatures,
       coalesce(t.levels, '{}')::integer[] AS levels,
       coalesce(t.indexes, '{}')::bigint[] AS indexes,
       coalesce(t.hashes, '{}')::bytea[] AS hashes
FROM lethe.receipts r
LEFT JOIN lethe.receipt_secrets s ON s.receipt_id = coalesce(r.about, r.id)
LEFT JOIN LATERAL (
    SELECT newest.size, newest.note FROM lethe.checkpoints newest
    WHERE newest.published_at IS NOT NULL ORDER BY newest.size DESC LIMIT 1
) c ON c.size > r.leaf_index
LEFT JOIN LATERAL (
    SELECT witnessed.size, witnessed.note FROM lethe.checkpoints witnessed
    WHERE sqlc.arg('cosigned')::boolean AND witnessed.size = (SELECT max(s.size) FROM lethe.cosignatures s)
) w ON w.size > r.leaf_index AND w.size <= c.size
LEFT JOIN LATERAL (
    -- Each is looked up on its own, whatever the planner thinks of a join.
    SELECT array_agg(p.level) AS levels, array_agg(p.idx) AS indexes,
           array_agg((SELECT tile.hashes FROM lethe.tiles tile WHERE tile.level = p.level AND tile.idx = p.idx)) AS hashes
    FROM (
        SELECT l.level, unnest(ARRAY[r.leaf_index >> (8 * l.level + 8), (coalesce(w.size, c.size) >> (8 * l.level)) >> 8]) AS idx
        FROM generate_series(0, 6) AS l (level)
    ) p
) t ON c.size IS NOT NULL
WHERE r.id = sqlc.arg('id');

-- name: Reached :one
SELECT id FROM lethe.receipts WHERE about = sqlc.arg('about')::uuid AND level = sqlc.arg('level');

-- name: Tiles :many
-- Hashes are null of tiles that are not there.
SELECT wanted.level::integer AS level, wanted.idx::bigint AS idx,
       (SELECT t.hashes FROM lethe.tiles t WHERE t.level = wanted.level AND t.idx = wanted.idx) AS hashes
FROM (SELECT unnest(sqlc.arg('levels')::integer[]) AS level, unnest(sqlc.arg('indexes')::bigint[]) AS idx) AS wanted;

-- name: PublishedTile :one
-- The tile with as many hashes as the newest published tree has, up to the
-- width; no row where that is less.
SELECT substring(t.hashes FROM 1 FOR 32 * sqlc.arg('width')::integer)::bytea AS hashes
FROM lethe.tiles t
JOIN LATERAL (
    SELECT newest.size FROM lethe.checkpoints newest
    WHERE newest.published_at IS NOT NULL ORDER BY newest.size DESC LIMIT 1
) c ON c.size >> (8 * sqlc.arg('level')::integer) >= 256 * sqlc.arg('idx')::bigint + sqlc.arg('width')::integer
WHERE t.level = sqlc.arg('level')::integer AND t.idx = sqlc.arg('idx')::bigint;

-- name: PublishedEntries :many
-- The receipts from one leaf to before another; none where the newest
-- published tree does not hold all of these leaves.
SELECT r.leaf_index, r.body
FROM lethe.receipts r
WHERE r.leaf_index >= sqlc.arg('first')::bigint AND r.leaf_index < sqlc.arg('beyond')::bigint
  AND sqlc.arg('beyond')::bigint <= (
      SELECT newest.size FROM lethe.checkpoints newest
      WHERE newest.published_at IS NOT NULL ORDER BY newest.size DESC LIMIT 1
  )
ORDER BY r.leaf_index;

-- name: Leaves :many
SELECT r.id, r.leaf_index, r.body FROM lethe.receipts r
WHERE r.leaf_index >= sqlc.arg('first')::bigint AND r.leaf_index < sqlc.arg('beyond')::bigint
ORDER BY r.leaf_index;
