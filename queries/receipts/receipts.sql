-- Writing receipts, in the transaction that they are about.

-- name: InsertReceipt :exec
INSERT INTO lethe.receipts (id, about, level, body) VALUES ($1, $2, $3, $4);

-- name: InsertErasure :exec
-- One statement, as each has its price and every erasure pays it.
WITH receipt AS (
    INSERT INTO lethe.receipts (id, body, cluster)
    VALUES (sqlc.arg('id')::uuid, sqlc.arg('body'), CASE WHEN pg_postmaster_start_time() = sqlc.arg('started_at')::timestamptz THEN nullif(sqlc.arg('cluster')::bigint, 0) ELSE lethe.cluster() END)
), secrets AS (
    INSERT INTO lethe.receipt_secrets (receipt_id, salt, actor_id, owner_keys)
    VALUES (sqlc.arg('id')::uuid, sqlc.arg('salt'), sqlc.narg('actor_id'), sqlc.arg('owner_keys'))
)
INSERT INTO lethe.tombstones (receipt_id, request_ids, due_at)
SELECT sqlc.arg('id')::uuid, sqlc.arg('request_ids')::uuid[], clock_timestamp() + sqlc.arg('look_after')::interval WHERE cardinality(sqlc.arg('request_ids')::uuid[]) > 0;

-- name: ExpirePersonFiles :exec
-- Files with everything of a person have what is erased, or will have read it. In order,
-- so that two erasures do not wait for each other.
UPDATE lethe.person_files SET state = 'expired', reason = 'erased', finished_at = coalesce(finished_at, clock_timestamp())
WHERE id IN (
    SELECT f.id FROM lethe.person_files f
    WHERE f.state IN ('running', 'done') AND (sqlc.arg('everyones')::boolean OR f.owner = ANY (sqlc.arg('owners')::text[]))
    ORDER BY f.id FOR UPDATE
);

-- name: KeepSubjectRequestOpen :one
-- Until the transaction ends, the request cannot. Whoever ends it then sees what began.
SELECT state, (ended_at IS NULL)::boolean AS open FROM lethe.subject_requests WHERE id = sqlc.arg('id') FOR SHARE;
