-- +goose Up
-- A large erasure waits until somebody else than who asked for it lets it begin.
ALTER TABLE lethe.erasures
    ADD COLUMN approve_by timestamptz,
    ADD COLUMN decided_at timestamptz,
    ADD COLUMN decided_by uuid,
    ADD COLUMN refusal    text,
    DROP CONSTRAINT erasures_state_check,
    DROP CONSTRAINT erasures_finished_check,
    ADD CONSTRAINT erasures_state_check
        CHECK (state IN ('awaiting_approval', 'pending', 'running', 'finished', 'canceled', 'failed', 'refused', 'expired')),
    ADD CONSTRAINT erasures_finished_check CHECK ((finished_at IS NULL) = (state IN ('awaiting_approval', 'pending', 'running'))),
    ADD CONSTRAINT erasures_decided_check CHECK (num_nulls(decided_at, decided_by) IN (0, 2) AND (decided_by <> requested_by) IS NOT FALSE),
    ADD CONSTRAINT erasures_refusal_check CHECK ((refusal IS NOT NULL) = (state = 'refused')),
    -- Nothing that has to be approved is erased before it is.
    ADD CONSTRAINT erasures_approved_check CHECK (
        approve_by IS NULL OR decided_at IS NOT NULL
        OR state IN ('awaiting_approval', 'canceled', 'expired', 'failed') AND done = 0
    );
CREATE INDEX erasures_awaiting_idx ON lethe.erasures (approve_by) WHERE state = 'awaiting_approval';
COMMENT ON COLUMN lethe.erasures.approve_by IS 'Until when it may be approved; null: it needs no approval.';
COMMENT ON COLUMN lethe.erasures.decided_by IS 'Who approved or refused it, never who asked for it; null: nobody has.';
COMMENT ON COLUMN lethe.erasures.refusal IS 'Why it was refused, as a word.';
