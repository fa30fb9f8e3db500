-- +goose Up
-- fusillade-arsenal has no steps any more. Where its tables are, the queries find
-- this one instead, as schema lethe is the last on their search_path.
CREATE TABLE lethe.response_steps (
    id               uuid NOT NULL,
    request_id       uuid,
    prev_step_id     uuid,
    parent_step_id   uuid,
    step_kind        text NOT NULL,
    step_sequence    bigint,
    request_payload  jsonb NOT NULL,
    response_payload jsonb,
    state            text NOT NULL,
    started_at       timestamptz,
    completed_at     timestamptz,
    failed_at        timestamptz,
    canceled_at      timestamptz,
    error            jsonb,
    created_at       timestamptz NOT NULL,
    updated_at       timestamptz NOT NULL,
    CONSTRAINT stays_empty CHECK (false)
);
COMMENT ON TABLE lethe.response_steps IS 'Stands in for the table of this name where fusillade has none, and stays empty.';
