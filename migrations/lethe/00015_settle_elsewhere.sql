-- +goose Up
-- Transaction numbers are those of a cluster. A dump that is restored into
-- another one, or an upgrade by pg_upgrade, brings receipts along whose horizons
-- say nothing there. So each receipt has the mark of the cluster in which it was
-- written, and a cluster gets a horizon for all that came to it from others.
-- +goose StatementBegin
CREATE FUNCTION lethe.cluster() RETURNS bigint LANGUAGE plpgsql STABLE AS $$
BEGIN
    -- Erasing must not fail where an operator has taken the right away.
    IF pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE') THEN
        RETURN (SELECT system_identifier FROM pg_catalog.pg_control_system());
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION lethe.cluster() IS 'The system identifier of the cluster, which its physical standbys and backups share and nobody else has; null where the role may not know it.';

-- Of receipts that are there already it is not known: 0, which no cluster has.
ALTER TABLE lethe.receipts ADD COLUMN cluster bigint DEFAULT 0;
ALTER TABLE lethe.receipts ALTER COLUMN cluster SET DEFAULT lethe.cluster();
COMMENT ON COLUMN lethe.receipts.cluster IS 'Whose transactions the horizon is about: a system identifier; 0: some cluster''s; null: the role that wrote it may not know.';

CREATE TABLE lethe.clusters (
    system_identifier bigint PRIMARY KEY,
    horizon           xid8 NOT NULL DEFAULT pg_snapshot_xmax(pg_current_snapshot()),
    noticed_at        timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE lethe.clusters IS 'The clusters in which levels were settled. A dump takes the rows of former ones along.';
COMMENT ON COLUMN lethe.clusters.horizon IS 'The first transaction that had not begun when the cluster was noticed: no version of what was erased in other clusters is of it or of a later one.';
