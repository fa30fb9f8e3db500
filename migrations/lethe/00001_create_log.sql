-- +goose Up
-- The log of erasures. An erasure writes its receipt in its own transaction;
-- one sealer at a time makes the receipts that no tree holds yet leaves of a
-- Merkle tree (RFC 6962) and signs what it has become. What is here without
-- the salts of receipt_secrets can be shown to anyone who may audit.
CREATE SCHEMA IF NOT EXISTS lethe;

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

-- A receipt has to fit into a bundle of entries, whose lengths have 16 bits.
-- Nothing refers to it by a foreign key: that would lock it, which would make
-- the sealer pass over it.
CREATE TABLE lethe.receipts (
    id         uuid PRIMARY KEY,
    about      uuid,
    body       bytea NOT NULL CONSTRAINT receipts_body_check CHECK (octet_length(body) BETWEEN 1 AND 65535),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    level      text NOT NULL DEFAULT 'logical',
    -- Versions of the erased rows may be of later transactions than the one that
    -- erased, but not of later ones than had begun when it wrote its receipt.
    horizon    xid8 NOT NULL DEFAULT pg_snapshot_xmax(pg_current_snapshot()),
    cluster    bigint DEFAULT lethe.cluster(),
    leaf_index bigint CONSTRAINT receipts_leaf_index_check CHECK (leaf_index >= 0)
);
-- Commitments do not compress.
ALTER TABLE lethe.receipts ALTER body SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX receipts_leaf_index_key ON lethe.receipts (leaf_index) WHERE leaf_index IS NOT NULL;
CREATE UNIQUE INDEX receipts_about_key ON lethe.receipts (about, level) WHERE about IS NOT NULL;
CREATE INDEX receipts_unsealed_idx ON lethe.receipts (created_at, id) WHERE leaf_index IS NULL;
COMMENT ON TABLE lethe.receipts IS 'One receipt for each erasure, or for what was found out about one later. Rows are added and sealed, never changed.';
COMMENT ON COLUMN lethe.receipts.about IS 'The receipt that this one adds to; null for that of an erasure.';
COMMENT ON COLUMN lethe.receipts.body IS 'The exact bytes of the receipt: the leaf of the tree.';
COMMENT ON COLUMN lethe.receipts.level IS 'As in its body.';
COMMENT ON COLUMN lethe.receipts.horizon IS 'The first transaction that had not begun when it was written: every version of what was erased is of an earlier one.';
COMMENT ON COLUMN lethe.receipts.cluster IS 'Whose transactions the horizon is about: a system identifier; null: the role that wrote it may not know.';
COMMENT ON COLUMN lethe.receipts.leaf_index IS 'Its place in the tree; null until it is sealed.';

CREATE TABLE lethe.receipt_secrets (
    receipt_id uuid PRIMARY KEY,
    salt       bytea NOT NULL,
    actor_id   uuid,
    owner_keys bytea[] NOT NULL
);
COMMENT ON TABLE lethe.receipt_secrets IS 'What links receipts to people. Rows may be deleted: then nothing links, and every proof still holds.';
COMMENT ON COLUMN lethe.receipt_secrets.salt IS 'Opens the commitments of the receipt.';
COMMENT ON COLUMN lethe.receipt_secrets.actor_id IS 'Who asked for the erasure and may fetch the receipt.';
COMMENT ON COLUMN lethe.receipt_secrets.owner_keys IS 'A keyed hash of each owner whose responses were erased.';

CREATE TABLE lethe.tiles (
    level  integer NOT NULL,
    idx    bigint NOT NULL,
    hashes bytea NOT NULL CONSTRAINT tiles_hashes_check CHECK (octet_length(hashes) BETWEEN 32 AND 8192 AND octet_length(hashes) % 32 = 0),
    PRIMARY KEY (level, idx)
);
ALTER TABLE lethe.tiles ALTER hashes SET STORAGE EXTERNAL;
COMMENT ON TABLE lethe.tiles IS 'The tree in tiles of up to 256 hashes of 32 bytes (C2SP tlog-tiles). Only the last tile of a level grows.';

CREATE TABLE lethe.log_state (
    single boolean PRIMARY KEY DEFAULT true CONSTRAINT log_state_single_check CHECK (single),
    origin text NOT NULL,
    size   bigint NOT NULL,
    root   bytea NOT NULL
);
COMMENT ON TABLE lethe.log_state IS 'The tree as it is now: one row, from the first sealing on.';
COMMENT ON COLUMN lethe.log_state.origin IS 'The name of the log, which is also its keys''.';

CREATE TABLE lethe.checkpoints (
    size         bigint PRIMARY KEY CONSTRAINT checkpoints_size_check CHECK (size > 0),
    note         bytea NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    lsn          pg_lsn,
    published_at timestamptz
);
CREATE INDEX checkpoints_published_idx ON lethe.checkpoints (size) WHERE published_at IS NOT NULL;
CREATE INDEX checkpoints_unpublished_idx ON lethe.checkpoints (size) WHERE published_at IS NULL;
COMMENT ON TABLE lethe.checkpoints IS 'Every tree that was signed (C2SP tlog-checkpoint).';
COMMENT ON COLUMN lethe.checkpoints.lsn IS 'A place in the write-ahead log after the checkpoint; standbys that have replayed past it have it.';
COMMENT ON COLUMN lethe.checkpoints.published_at IS 'When it could be shown: a checkpoint that a standby lacks could be forked by a failover.';

-- What witnesses have signed is kept beside the checkpoints, which nothing may
-- rewrite.
CREATE TABLE lethe.cosignatures (
    size     bigint NOT NULL REFERENCES lethe.checkpoints,
    key      text NOT NULL,
    line     bytea NOT NULL,
    added_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (size, key)
);
COMMENT ON TABLE lethe.cosignatures IS 'Signatures of witnesses for published checkpoints (C2SP tlog-cosignature).';
COMMENT ON COLUMN lethe.cosignatures.key IS 'Name and hash of the witness''s key.';

CREATE TABLE lethe.attested (
    level  text PRIMARY KEY CONSTRAINT attested_level_check CHECK (level IN ('replicated', 'vacuumed', 'rewritten', 'expired')),
    leaves bigint NOT NULL DEFAULT 0 CONSTRAINT attested_leaves_check CHECK (leaves >= 0)
);
INSERT INTO lethe.attested (level) VALUES ('replicated'), ('vacuumed'), ('rewritten'), ('expired');
COMMENT ON TABLE lethe.attested IS 'How far each later level has been attested. Who writes receipts of one has its row locked.';
COMMENT ON COLUMN lethe.attested.leaves IS 'How many leaves of the log have been looked at: those before it are attested, or cannot be.';

CREATE TABLE lethe.clusters (
    system_identifier bigint PRIMARY KEY,
    horizon           xid8 NOT NULL DEFAULT pg_snapshot_xmax(pg_current_snapshot()),
    noticed_at        timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE lethe.clusters IS 'The clusters in which levels were attested. A dump takes the rows of former ones along.';
COMMENT ON COLUMN lethe.clusters.horizon IS 'The first transaction that had not begun when the cluster was noticed: no version of what was erased in other clusters is of it or of a later one.';

-- The gateway and its tasks may write copies of a response when it has been
-- erased already. So each erased request is looked for again for a day. What is
-- looked for again together is one row: most of the cost of a bulk erasure would
-- be such rows.
CREATE TABLE lethe.tombstones (
    receipt_id  uuid PRIMARY KEY,
    request_ids uuid[] NOT NULL CONSTRAINT tombstones_request_ids_check CHECK (cardinality(request_ids) > 0),
    due_at      timestamptz NOT NULL,
    sweeps      integer NOT NULL DEFAULT 0 CONSTRAINT tombstones_sweeps_check CHECK (sweeps >= 0)
);
CREATE INDEX tombstones_due_idx ON lethe.tombstones (due_at);
COMMENT ON TABLE lethe.tombstones IS 'What was erased within the last day: to be looked for again, then forgotten.';
COMMENT ON COLUMN lethe.tombstones.receipt_id IS 'The receipt of the erasure.';
COMMENT ON COLUMN lethe.tombstones.request_ids IS 'The requests that were erased.';
COMMENT ON COLUMN lethe.tombstones.due_at IS 'When to look next.';
COMMENT ON COLUMN lethe.tombstones.sweeps IS 'How often it has been looked for.';
