-- +goose Up
-- The gateway and its tasks may write copies of a response when it has been
-- erased already. So each erased request is looked for again for a day.
CREATE TABLE lethe.tombstones (
    request_id uuid PRIMARY KEY,
    due_at     timestamptz NOT NULL,
    sweeps     integer NOT NULL DEFAULT 0 CONSTRAINT tombstones_sweeps_check CHECK (sweeps >= 0)
);
CREATE INDEX tombstones_due_idx ON lethe.tombstones (due_at);
COMMENT ON TABLE lethe.tombstones IS 'What was erased within the last day: to be looked for again, then forgotten.';
COMMENT ON COLUMN lethe.tombstones.due_at IS 'When to look next.';
COMMENT ON COLUMN lethe.tombstones.sweeps IS 'How often it has been looked for.';
