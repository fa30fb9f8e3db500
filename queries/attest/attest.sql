-- Levels are attested in the order of the leaves, which has no gaps and takes no
-- latecomers: what is before the mark has been looked at.

-- name: Log :one
-- The log as it is, and a place in the write-ahead log that is after all of it.
SELECT origin, size, pg_current_wal_insert_lsn()::text AS place FROM lethe.log_state;

-- name: Mark :one
-- Others who attest the level wait.
SELECT leaves FROM lethe.attested WHERE level = sqlc.arg('level') FOR UPDATE;

-- name: FreeMark :one
-- No row where somebody else attests the level.
SELECT leaves FROM lethe.attested WHERE level = sqlc.arg('level') FOR UPDATE SKIP LOCKED;

-- name: NoticeCluster :execrows
-- No row where it was noticed before.
INSERT INTO lethe.clusters (system_identifier) SELECT lethe.cluster() WHERE lethe.cluster() IS NOT NULL
ON CONFLICT (system_identifier) DO NOTHING;

-- name: Foreign :one
-- What is not attested yet, sealed or not, of what was erased in other clusters.
SELECT (lethe.cluster() IS NOT NULL)::boolean AS known,
       (SELECT count(*) FROM lethe.receipts r
        WHERE (r.leaf_index IS NULL OR r.leaf_index >= (SELECT s.leaves FROM lethe.attested s WHERE s.level = 'vacuumed'))
          AND r.about IS NULL AND r.cluster <> lethe.cluster()) AS erasures;

-- name: Leaves :many
-- The horizon is one of this cluster: that of a receipt which another one wrote
-- is where this cluster was noticed, or now. Where it is not known who wrote it,
-- the later of the two.
SELECT r.leaf_index, r.id, (r.about IS NULL)::boolean AS erasure,
       (CASE WHEN r.cluster = here.id THEN r.horizon
             WHEN r.cluster IS NULL OR here.id IS NULL THEN greatest(r.horizon, here.horizon)
             ELSE here.horizon END)::text AS horizon, r.created_at,
       extract(epoch FROM clock_timestamp() - r.created_at)::float8 AS age_seconds
FROM lethe.receipts r
CROSS JOIN (SELECT i.id, coalesce(c.horizon, pg_snapshot_xmax(pg_current_snapshot())) AS horizon
            FROM (SELECT lethe.cluster() AS id) i LEFT JOIN lethe.clusters c ON c.system_identifier = i.id) here
WHERE r.leaf_index >= sqlc.arg('first')::bigint AND r.leaf_index < sqlc.arg('beyond')::bigint
ORDER BY r.leaf_index
LIMIT sqlc.arg('max');

-- name: Open :one
-- How many erasures are behind the mark.
SELECT count(*) FROM lethe.receipts r
WHERE r.leaf_index >= (SELECT s.leaves FROM lethe.attested s WHERE s.level = sqlc.arg('level')) AND r.about IS NULL;

-- name: Issue :execrows
-- At most one of a level about each.
INSERT INTO lethe.receipts (id, about, level, body)
SELECT unnest(sqlc.arg('ids')::uuid[]), unnest(sqlc.arg('abouts')::uuid[]), sqlc.arg('level')::text, unnest(sqlc.arg('bodies')::bytea[])
ON CONFLICT (about, level) WHERE about IS NOT NULL DO NOTHING;

-- name: Advance :exec
UPDATE lethe.attested SET leaves = sqlc.arg('leaves') WHERE level = sqlc.arg('level');

-- name: Tombstones :many
SELECT t.receipt_id, t.request_ids FROM lethe.tombstones t
WHERE t.receipt_id = ANY (sqlc.arg('receipts')::uuid[]);

-- name: StillThere :many
-- Asked of a standby.
SELECT r.id FROM requests r WHERE r.id = ANY (sqlc.arg('requests')::uuid[])
UNION SELECT s.request_id FROM response_steps s WHERE s.request_id = ANY (sqlc.arg('requests')::uuid[]);

-- name: BesideRetained :one
-- Asked of a standby: whether fusillade-arsenal moves responses there.
SELECT (to_regclass('retained_response_request_routes') IS NOT NULL)::boolean;

-- name: RetainedStillThere :many
-- Asked of such a standby.
SELECT q.request_id FROM retained_response_request_routes q WHERE q.request_id = ANY (sqlc.arg('requests')::uuid[]);
