-- +goose Up
-- Who enabled a retention rule, and who else approved it where that is needed.
ALTER TABLE lethe.retention_rules
    ADD COLUMN enabled_by  uuid,
    ADD COLUMN enabled_at  timestamptz,
    ADD COLUMN approve_by  timestamptz,
    ADD COLUMN approved_by uuid,
    ADD COLUMN approved_at timestamptz,
    ADD CONSTRAINT retention_rules_enabled_check CHECK (
        num_nulls(enabled_by, enabled_at) IN (0, 2)
        AND (enabled_at IS NULL OR approve_by IS NOT NULL OR next_run_at IS NOT NULL)
    ),
    ADD CONSTRAINT retention_rules_approved_check CHECK (
        num_nulls(approved_by, approved_at) IN (0, 2) AND (approved_by <> enabled_by) IS NOT FALSE
    ),
    -- Nothing runs that has to be approved before it is.
    ADD CONSTRAINT retention_rules_approve_by_check CHECK (next_run_at IS NULL OR approve_by IS NULL OR approved_at IS NOT NULL);
COMMENT ON COLUMN lethe.retention_rules.enabled_by IS 'Who enabled this version; null: nobody, or before this was stored.';
COMMENT ON COLUMN lethe.retention_rules.approve_by IS 'Until when it may be approved; null: it needs no approval.';
COMMENT ON COLUMN lethe.retention_rules.approved_by IS 'Who approved it, never who enabled it; null: nobody has.';
