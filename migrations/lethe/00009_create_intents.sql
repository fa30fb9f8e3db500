-- +goose Up
-- Where raw copies are in another database, one transaction cannot erase all of
-- a response. What is going to be erased is then written here first, and goes on
-- after a crash.
CREATE TABLE lethe.intents (
    id            uuid PRIMARY KEY,
    begun_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    trigger       text NOT NULL,
    rule_id       uuid,
    rule_version  bigint,
    ground        text NOT NULL,
    requested_at  timestamptz NOT NULL,
    actor_id      uuid,
    role          text NOT NULL,
    salt          bytea NOT NULL CONSTRAINT intents_salt_check CHECK (octet_length(salt) = 32),
    request_ids   uuid[] NOT NULL CONSTRAINT intents_request_ids_check CHECK (cardinality(request_ids) > 0),
    owners        text[] NOT NULL,
    raw_requests  bigint NOT NULL,
    raw_responses bigint NOT NULL,
    erasure_id    uuid,
    responses     bigint NOT NULL,
    CONSTRAINT intents_rule_check CHECK (num_nulls(rule_id, rule_version) IN (0, 2))
);
CREATE INDEX intents_requests_idx ON lethe.intents USING gin (request_ids);
CREATE INDEX intents_erasure_idx ON lethe.intents (erasure_id) WHERE erasure_id IS NOT NULL;
COMMENT ON TABLE lethe.intents IS 'Erasures that have begun and are not finished. A row goes with what it is about.';
COMMENT ON COLUMN lethe.intents.id IS 'That of the receipt to come; the columns that follow are what it will say.';
COMMENT ON COLUMN lethe.intents.salt IS 'Opens the commitments of the receipt to come.';
COMMENT ON COLUMN lethe.intents.owners IS 'Whose responses they are: what has come to them since is erased along only if it is theirs.';
COMMENT ON COLUMN lethe.intents.raw_requests IS 'With raw_responses: how many copies there were when it began.';
COMMENT ON COLUMN lethe.intents.erasure_id IS 'The erasure of many that it is a part of; null: none.';
COMMENT ON COLUMN lethe.intents.responses IS 'How many responses it is about.';
