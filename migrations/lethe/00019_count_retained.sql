-- +goose Up
-- Finished responses that fusillade-arsenal has moved go with the others.
ALTER TABLE lethe.erasures ADD COLUMN retained bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN lethe.erasures.retained IS 'Objects of retained responses: two for each.';

ALTER TABLE lethe.previews ADD COLUMN retained bigint NOT NULL DEFAULT 0;

ALTER TABLE lethe.retention_rules
    DROP CONSTRAINT retention_rules_dry_run_counts_check,
    ADD CONSTRAINT retention_rules_dry_run_counts_check CHECK (cardinality(dry_run_counts) IN (9, 11, 12));
COMMENT ON COLUMN lethe.retention_rules.dry_run_counts IS 'Of this version: responses, requests, steps, templates, raw requests, raw responses, tasks, held responses; 1 where there was more than was counted, else 0; and files, kept templates and objects of retained responses, if they were counted.';
