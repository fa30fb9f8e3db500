-- +goose Up
-- fusillade-arsenal has no steps any more. Where its tables are, the queries find
-- this one instead, as schema lethe is the last on their search_path.
CREATE TABLE lethe.response_steps (
    id             uuid NOT NULL,
    request_id     uuid,
    prev_step_id   uuid,
    parent_step_id uuid,
    updated_at     timestamptz NOT NULL,
    CONSTRAINT stays_empty CHECK (false)
);
COMMENT ON TABLE lethe.response_steps IS 'Stands in for the table of this name where fusillade has none, and stays empty.';
