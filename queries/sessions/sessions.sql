-- Which of Lethe's own sessions were ended before their time.

-- name: Ended :one
SELECT EXISTS (SELECT FROM lethe.ended_sessions WHERE id = sqlc.arg('id')::uuid)::boolean;

-- name: RemoveExpiredSessions :exec
-- A few at a time, so that nobody waits long for it.
DELETE FROM lethe.ended_sessions
WHERE id = ANY (ARRAY(
    SELECT e.id FROM lethe.ended_sessions e
    WHERE e.expires_at < clock_timestamp()
    ORDER BY e.expires_at
    LIMIT sqlc.arg('max')::bigint
));

-- name: EndSession :one
-- Whether it is ended now. A person has at most so many rows that count, or a few more
-- if they end several at once.
WITH added AS (
    INSERT INTO lethe.ended_sessions (id, ended_by, expires_at)
    SELECT sqlc.arg('id')::uuid, sqlc.arg('ended_by')::uuid, sqlc.arg('expires_at')::timestamptz
    WHERE (
        SELECT count(*) FROM lethe.ended_sessions e
        WHERE e.ended_by = sqlc.arg('ended_by')::uuid AND e.expires_at >= clock_timestamp()
    ) < sqlc.arg('max')::bigint
    ON CONFLICT (id) DO NOTHING
    RETURNING id
)
SELECT (EXISTS (SELECT FROM added) OR EXISTS (SELECT FROM lethe.ended_sessions e WHERE e.id = sqlc.arg('id')::uuid))::boolean;
