-- name: MarkPlace :exec
-- Runs after the checkpoints were committed, so that this place is after them.
UPDATE lethe.checkpoints SET lsn = pg_current_wal_lsn() WHERE published_at IS NULL AND lsn IS NULL;

-- name: PublishAll :execrows
-- For a log that waits for no standby.
UPDATE lethe.checkpoints SET published_at = clock_timestamp() WHERE published_at IS NULL;
