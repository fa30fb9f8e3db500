-- name: MarkPlace :exec
-- Runs after the checkpoints were committed, so that this place is after them. A
-- place that is still to come is of another cluster, of which this database is a
-- dump, and would be waited for in vain.
UPDATE lethe.checkpoints SET lsn = pg_current_wal_lsn()
WHERE published_at IS NULL AND (lsn IS NULL OR lsn > pg_current_wal_insert_lsn());

-- name: PublishAll :execrows
-- For a log that waits for no standby.
UPDATE lethe.checkpoints SET published_at = clock_timestamp() WHERE published_at IS NULL;
