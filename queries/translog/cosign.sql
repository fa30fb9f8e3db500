-- name: PublishedOf :one
SELECT note FROM lethe.checkpoints WHERE size = sqlc.arg('size')::bigint AND published_at IS NOT NULL;

-- name: PutCosignatures :execrows
-- The first of each witness stays.
INSERT INTO lethe.cosignatures (size, key, line)
SELECT sqlc.arg('size')::bigint, unnest(sqlc.arg('keys')::text[]), unnest(sqlc.arg('lines')::bytea[])
ON CONFLICT (size, key) DO NOTHING;
