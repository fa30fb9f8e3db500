-- +goose Up
-- How far the gateway's raw copies have been gone through for those whose request
-- is gone. They are gone through by their numbers, those of requests first.
CREATE TABLE lethe.orphans (
    single         boolean PRIMARY KEY DEFAULT true CONSTRAINT orphans_single_check CHECK (single),
    after_request  bigint NOT NULL DEFAULT 0,
    after_response bigint NOT NULL DEFAULT 0,
    responses      boolean NOT NULL DEFAULT false,
    due_at         timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO lethe.orphans DEFAULT VALUES;
COMMENT ON TABLE lethe.orphans IS 'Where the sweep for copies whose request is gone stands: one row.';
COMMENT ON COLUMN lethe.orphans.responses IS 'The copies of requests have been gone through, and those of responses are next.';
COMMENT ON COLUMN lethe.orphans.due_at IS 'When to go on: at once, or after a pass when the next one begins.';

-- Such an erasure is about copies at these places, and nothing else.
ALTER TABLE lethe.intents ADD COLUMN instance_ids uuid[], ADD COLUMN correlation_ids bigint[];
ALTER TABLE lethe.intents ADD CONSTRAINT intents_places_check
    CHECK ((trigger = 'orphans') = (instance_ids IS NOT NULL)
           AND cardinality(instance_ids) IS NOT DISTINCT FROM cardinality(correlation_ids));
COMMENT ON COLUMN lethe.intents.instance_ids IS 'With correlation_ids: where the copies are whose request is gone; null: an erasure of responses.';
