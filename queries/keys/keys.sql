-- Which keys have worked: see adapters/gate.

-- name: KeySecret :one
SELECT secret FROM lethe.known_keys_secret;

-- name: KnownKeys :many
-- The latest.
SELECT mark FROM lethe.known_keys ORDER BY seen_at DESC LIMIT sqlc.arg('max')::bigint;

-- name: RecordKeys :exec
INSERT INTO lethe.known_keys (mark) SELECT unnest(sqlc.arg('marks')::bytea[]) ON CONFLICT (mark) DO NOTHING;

-- name: RemoveKeys :exec
DELETE FROM lethe.known_keys WHERE seen_at < clock_timestamp() - interval '180 days';
