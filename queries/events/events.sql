-- What a webhook is told of.

-- name: ClaimEvent :one
-- Counts the attempt before it is made: after a crash the event is due again.
UPDATE lethe.events SET attempts = attempts + 1, due_at = sqlc.arg('again_at')::timestamptz
WHERE id = (SELECT id FROM lethe.events WHERE ended_at IS NULL AND due_at <= sqlc.arg('now')::timestamptz
            ORDER BY due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING *;

-- name: RetryEvent :exec
UPDATE lethe.events SET due_at = sqlc.arg('due_at') WHERE id = sqlc.arg('id') AND ended_at IS NULL;

-- name: EndEvent :exec
UPDATE lethe.events SET ended_at = sqlc.arg('at')::timestamptz, delivered = sqlc.arg('delivered') WHERE id = sqlc.arg('id');

-- name: WaitingEvents :one
SELECT count(*) AS waiting, min(at)::timestamptz AS oldest FROM lethe.events WHERE ended_at IS NULL
HAVING count(*) > 0;

-- name: RemoveEvents :execrows
DELETE FROM lethe.events WHERE coalesce(ended_at, at) < sqlc.arg('before')::timestamptz;
