-- +goose Up
-- What must not be erased. A hold is on responses, on owners or on whatever
-- passes a filter; it ends when it is released or has expired, and stays as a
-- record then.
CREATE TABLE lethe.holds (
    id             uuid PRIMARY KEY,
    responses      uuid[] CONSTRAINT holds_responses_check CHECK (cardinality(responses) BETWEEN 1 AND 100),
    owners         text[] CONSTRAINT holds_owners_check CHECK (cardinality(owners) BETWEEN 1 AND 100),
    states         text[] CONSTRAINT holds_states_check CHECK (cardinality(states) > 0),
    models         text[] CONSTRAINT holds_models_check CHECK (cardinality(models) > 0),
    tiers          text[] CONSTRAINT holds_tiers_check CHECK (cardinality(tiers) > 0),
    created_after  timestamptz,
    created_before timestamptz,
    reason         text NOT NULL CONSTRAINT holds_reason_check CHECK (char_length(reason) BETWEEN 1 AND 500),
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    created_by     uuid NOT NULL,
    expires_at     timestamptz,
    released_at    timestamptz,
    released_by    uuid,
    -- A hold may name a response that is not there yet. So that one which is gone
    -- can be told from one which never was, it is noted which have been seen.
    seen           uuid[] NOT NULL DEFAULT '{}',
    CONSTRAINT holds_kind_check CHECK (
        num_nonnulls(responses, owners)
        + (num_nonnulls(states, models, tiers, created_after, created_before) > 0)::integer = 1
    ),
    CONSTRAINT holds_released_check CHECK (num_nulls(released_at, released_by) IN (0, 2))
);
CREATE INDEX holds_list_idx ON lethe.holds (created_at DESC, id DESC);
-- Every erasure looks for what is held, by each of the three kinds.
CREATE INDEX holds_responses_idx ON lethe.holds USING gin (responses) WHERE released_at IS NULL;
CREATE INDEX holds_owners_idx ON lethe.holds USING gin (owners) WHERE released_at IS NULL;
CREATE INDEX holds_filters_idx ON lethe.holds (id) WHERE released_at IS NULL AND responses IS NULL AND owners IS NULL;
COMMENT ON TABLE lethe.holds IS 'What must not be erased, and what once must not. Rows are added and released, never removed.';
COMMENT ON COLUMN lethe.holds.responses IS 'The requests that are held with all of their chains; null in a hold of another kind.';
COMMENT ON COLUMN lethe.holds.owners IS 'Whose requests are held, as requests.created_by spells it; null in a hold of another kind.';
COMMENT ON COLUMN lethe.holds.states IS 'With the four columns that follow: a filter, all of which has to pass; null does not narrow.';
COMMENT ON COLUMN lethe.holds.created_after IS 'Inclusive, as is created_before.';
COMMENT ON COLUMN lethe.holds.reason IS 'Why, for those who may see holds.';
COMMENT ON COLUMN lethe.holds.created_by IS 'Who placed it.';
COMMENT ON COLUMN lethe.holds.expires_at IS 'From when on it holds nothing, by the database''s clock; null: never.';
COMMENT ON COLUMN lethe.holds.seen IS 'Which of the responses were there while it was active, and were not erased by Lethe.';
