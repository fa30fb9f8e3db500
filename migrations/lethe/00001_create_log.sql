-- +goose Up
-- The log of erasures. An erasure writes its receipt in its own transaction;
-- one sealer at a time makes the receipts that no tree holds yet leaves of a
-- Merkle tree (RFC 6962) and signs what it has become. What is here without
-- the salts of receipt_secrets can be shown to anyone who may audit.
CREATE SCHEMA IF NOT EXISTS lethe;

-- A receipt has to fit into a bundle of entries, whose lengths have 16 bits.
-- Nothing refers to it by a foreign key: that would lock it, which would make
-- the sealer pass over it.
CREATE TABLE lethe.receipts (
    id         uuid PRIMARY KEY,
    about      uuid,
    body       bytea NOT NULL CONSTRAINT receipts_body_check CHECK (octet_length(body) BETWEEN 1 AND 65535),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    leaf_index bigint CONSTRAINT receipts_leaf_index_check CHECK (leaf_index >= 0)
);
-- Commitments do not compress.
ALTER TABLE lethe.receipts ALTER body SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX receipts_leaf_index_key ON lethe.receipts (leaf_index) WHERE leaf_index IS NOT NULL;
CREATE INDEX receipts_unsealed_idx ON lethe.receipts (created_at, id) WHERE leaf_index IS NULL;
COMMENT ON TABLE lethe.receipts IS 'One receipt for each erasure, or for what was found out about one later. Rows are added and sealed, never changed.';
COMMENT ON COLUMN lethe.receipts.about IS 'The receipt that this one adds to; null for that of an erasure.';
COMMENT ON COLUMN lethe.receipts.body IS 'The exact bytes of the receipt: the leaf of the tree.';
COMMENT ON COLUMN lethe.receipts.leaf_index IS 'Its place in the tree; null until it is sealed.';

CREATE TABLE lethe.receipt_secrets (
    receipt_id   uuid PRIMARY KEY,
    salt         bytea NOT NULL,
    actor_id     uuid,
    subject_keys bytea[] NOT NULL
);
COMMENT ON TABLE lethe.receipt_secrets IS 'What links receipts to people. Rows may be deleted: then nothing links, and every proof still holds.';
COMMENT ON COLUMN lethe.receipt_secrets.salt IS 'Opens the commitments of the receipt.';
COMMENT ON COLUMN lethe.receipt_secrets.actor_id IS 'Who asked for the erasure and may fetch the receipt.';
COMMENT ON COLUMN lethe.receipt_secrets.subject_keys IS 'A keyed hash of each owner whose responses were erased.';

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
