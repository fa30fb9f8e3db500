-- +goose Up
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
