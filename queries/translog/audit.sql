-- What an audit looks at. Each statement sees the tree and what it compares
-- with it at one moment, as others may go on sealing.

-- name: State :one
SELECT coalesce(s.origin, '')::text AS origin, coalesce(s.size, 0)::bigint AS size, s.root,
       coalesce((SELECT max(c.size) FROM lethe.checkpoints c), 0)::bigint AS newest
FROM (SELECT 1) AS always
LEFT JOIN lethe.log_state s ON true;

-- name: ReceiptsBeyond :many
-- Receipts that say to be where the tree is not.
SELECT r.id, coalesce(r.leaf_index, 0)::bigint AS leaf_index FROM lethe.receipts r
WHERE r.leaf_index >= coalesce((SELECT size FROM lethe.log_state), 0)
ORDER BY r.leaf_index LIMIT sqlc.arg('max');

-- name: TilesOfOtherWidth :many
-- Tiles that have more or fewer hashes than the tree has there.
SELECT t.level, t.idx, (octet_length(t.hashes) / 32)::bigint AS width, w.due::bigint AS due
FROM lethe.tiles t
LEFT JOIN lethe.log_state s ON true
CROSS JOIN LATERAL (
    SELECT CASE WHEN t.level BETWEEN 0 AND 6
                THEN greatest(0, least(256, (coalesce(s.size, 0) >> (8 * t.level)) - t.idx::numeric * 256))
                ELSE 0 END AS due
) w
WHERE octet_length(t.hashes) / 32 <> w.due
ORDER BY t.level, t.idx LIMIT sqlc.arg('max');

-- name: LeafTiles :many
SELECT t.idx, t.hashes FROM lethe.tiles t
WHERE t.level = 0 AND t.idx >= sqlc.arg('first')::bigint AND t.idx < sqlc.arg('beyond')::bigint;

-- name: CheckpointsOf :many
-- Those of more than one size, up to another one.
SELECT c.size, c.note,
       coalesce((SELECT string_agg(s.line, '') FROM lethe.cosignatures s WHERE s.size = c.size), '')::bytea AS cosignatures
FROM lethe.checkpoints c
WHERE c.size > sqlc.arg('above')::bigint AND c.size <= sqlc.arg('max')::bigint
ORDER BY c.size;
