-- +goose Up
-- How long responses are kept. What a rule says is in its versions, which are
-- written once, as receipts name them; what becomes of it is in its row.
CREATE TABLE lethe.retention_versions (
    rule_id      uuid NOT NULL,
    version      bigint NOT NULL CONSTRAINT retention_versions_version_check CHECK (version >= 1),
    name         text NOT NULL CONSTRAINT retention_versions_name_check CHECK (char_length(name) BETWEEN 1 AND 100),
    states       text[] CONSTRAINT retention_versions_states_check CHECK (cardinality(states) > 0),
    models       text[] CONSTRAINT retention_versions_models_check CHECK (cardinality(models) > 0),
    tiers        text[] CONSTRAINT retention_versions_tiers_check CHECK (cardinality(tiers) > 0),
    owners       uuid[] CONSTRAINT retention_versions_owners_check CHECK (cardinality(owners) BETWEEN 1 AND 100),
    age_days     bigint NOT NULL CONSTRAINT retention_versions_age_days_check CHECK (age_days >= 1),
    run_at       integer[] NOT NULL CONSTRAINT retention_versions_run_at_check CHECK (
        cardinality(run_at) BETWEEN 1 AND 24 AND 0 <= ALL (run_at) AND 1440 > ALL (run_at)
    ),
    max_per_run  bigint NOT NULL CONSTRAINT retention_versions_max_per_run_check CHECK (max_per_run >= 1),
    changed_at   timestamptz NOT NULL,
    changed_by   uuid NOT NULL,
    PRIMARY KEY (rule_id, version)
);
CREATE TABLE lethe.retention_rules (
    id              uuid PRIMARY KEY,
    version         bigint NOT NULL,
    created_at      timestamptz NOT NULL,
    created_by      uuid NOT NULL,
    dry_run_at      timestamptz,
    dry_run_counts  bigint[] CONSTRAINT retention_rules_dry_run_counts_check CHECK (cardinality(dry_run_counts) = 12),
    next_run_at     timestamptz,
    last_run_at     timestamptz,
    last_version    bigint,
    last_erasure_id uuid,
    skipped_at      timestamptz,
    removed_at      timestamptz,
    removed_by      uuid,
    CONSTRAINT retention_rules_version_fkey FOREIGN KEY (id, version) REFERENCES lethe.retention_versions (rule_id, version),
    CONSTRAINT retention_rules_dry_run_check CHECK (num_nulls(dry_run_at, dry_run_counts) IN (0, 2)),
    CONSTRAINT retention_rules_last_run_check CHECK (num_nulls(last_run_at, last_version, last_erasure_id) IN (0, 3)),
    CONSTRAINT retention_rules_removed_check CHECK (num_nulls(removed_at, removed_by) IN (0, 2)),
    -- Nothing runs that was not tried.
    CONSTRAINT retention_rules_next_run_check CHECK (next_run_at IS NULL OR (dry_run_at IS NOT NULL AND removed_at IS NULL))
);
CREATE INDEX retention_rules_list_idx ON lethe.retention_rules (created_at DESC, id DESC);
CREATE INDEX retention_rules_due_idx ON lethe.retention_rules (next_run_at, id) WHERE next_run_at IS NOT NULL;
COMMENT ON TABLE lethe.retention_versions IS 'What retention rules say and once said. Rows are added, never changed or removed.';
COMMENT ON COLUMN lethe.retention_versions.states IS 'With the three columns that follow: a filter, all of which has to pass. Null does not narrow, but for states: then it is what has come to its end.';
COMMENT ON COLUMN lethe.retention_versions.age_days IS 'From how many days of 24 hours on, after it was created, a response is erased.';
COMMENT ON COLUMN lethe.retention_versions.run_at IS 'Minutes after midnight, UTC; ascending.';
COMMENT ON COLUMN lethe.retention_versions.max_per_run IS 'How many responses one run erases at most.';
COMMENT ON TABLE lethe.retention_rules IS 'Rules of retention and what becomes of them. A removed one stays as a record.';
COMMENT ON COLUMN lethe.retention_rules.dry_run_counts IS 'Of this version: responses, requests, steps, templates, raw requests, raw responses, tasks, held responses; 1 where there was more than was counted, else 0; and files, kept templates and objects of retained responses.';
COMMENT ON COLUMN lethe.retention_rules.next_run_at IS 'Null: not enabled.';
COMMENT ON COLUMN lethe.retention_rules.last_erasure_id IS 'What the last run began, as in lethe.erasures.';
COMMENT ON COLUMN lethe.retention_rules.skipped_at IS 'When a run last did not begin, as the one before it was not over.';
