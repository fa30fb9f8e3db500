-- +goose Up
-- Which keys have worked, so that they are looked up at once after a restart, too,
-- while unknown ones wait for each other.
CREATE TABLE lethe.known_keys (
    mark    bytea PRIMARY KEY CONSTRAINT known_keys_mark_check CHECK (octet_length(mark) = 16),
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX known_keys_seen_idx ON lethe.known_keys (seen_at);
COMMENT ON TABLE lethe.known_keys IS 'A keyed hash of each key that has worked, cut to 16 bytes: too little to find out anything about the key.';
COMMENT ON COLUMN lethe.known_keys.seen_at IS 'When it was noted; half a year later it is forgotten, and noted anew if it still works.';

CREATE TABLE lethe.known_keys_secret (
    single boolean PRIMARY KEY DEFAULT true CONSTRAINT known_keys_secret_single_check CHECK (single),
    secret bytea NOT NULL DEFAULT decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex')
);
INSERT INTO lethe.known_keys_secret DEFAULT VALUES;
COMMENT ON TABLE lethe.known_keys_secret IS 'The key of these hashes: one row, from the migration on.';
