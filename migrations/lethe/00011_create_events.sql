-- +goose Up
-- What a webhook is told of. An event is written in the transaction in which it
-- happens, so none is lost, and none is told of that did not happen.
CREATE TABLE lethe.events (
    id        uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    type      text NOT NULL,
    at        timestamptz NOT NULL,
    data      json NOT NULL,
    attempts  bigint NOT NULL DEFAULT 0,
    due_at    timestamptz NOT NULL,
    ended_at  timestamptz,
    delivered boolean NOT NULL DEFAULT false,
    CONSTRAINT events_delivered_check CHECK (ended_at IS NOT NULL OR NOT delivered)
);
CREATE INDEX events_due_idx ON lethe.events (due_at, id) WHERE ended_at IS NULL;
CREATE INDEX events_old_idx ON lethe.events (coalesce(ended_at, at));
COMMENT ON TABLE lethe.events IS 'What a webhook is told of. Rows are removed some time after their end, and sooner where nobody is told.';
COMMENT ON COLUMN lethe.events.id IS 'What a receiver knows repeats by.';
COMMENT ON COLUMN lethe.events.data IS 'What is told: identifiers, states, counts and times, without contents and owners. As json, it is told as it was written.';
COMMENT ON COLUMN lethe.events.due_at IS 'When the next attempt may begin.';
COMMENT ON COLUMN lethe.events.ended_at IS 'When it was delivered or given up; null: it waits.';

-- Erasures end in several ways, so the table itself says when.
-- +goose StatementBegin
CREATE FUNCTION lethe.erasure_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO lethe.events (type, at, due_at, data)
    VALUES ('erasure.' || NEW.state, NEW.finished_at, NEW.finished_at, json_build_object(
        'id', NEW.id, 'state', NEW.state, 'responses', NEW.done, 'held', NEW.held, 'refused', NEW.refused, 'receipts', NEW.receipts,
        'finished_at', to_char(NEW.finished_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')));
    RETURN NULL;
END
$$;
-- +goose StatementEnd
CREATE TRIGGER erasures_ended AFTER UPDATE OF finished_at ON lethe.erasures
    FOR EACH ROW WHEN (OLD.finished_at IS NULL AND NEW.finished_at IS NOT NULL) EXECUTE FUNCTION lethe.erasure_ended();
