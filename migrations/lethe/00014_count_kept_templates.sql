-- +goose Up
-- Files that were made for one request go with it, and prompts that somebody
-- else's request needs stay.
ALTER TABLE lethe.erasures
    ADD COLUMN files bigint NOT NULL DEFAULT 0,
    ADD COLUMN kept_templates bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN lethe.erasures.files IS 'Files that were made for one request, each with its empty batch.';
COMMENT ON COLUMN lethe.erasures.kept_templates IS 'Prompts that stayed when their response went, as another request needed them.';

ALTER TABLE lethe.previews
    ADD COLUMN files bigint NOT NULL DEFAULT 0,
    ADD COLUMN kept_templates bigint NOT NULL DEFAULT 0;

ALTER TABLE lethe.retention_rules
    DROP CONSTRAINT retention_rules_dry_run_counts_check,
    ADD CONSTRAINT retention_rules_dry_run_counts_check CHECK (cardinality(dry_run_counts) IN (9, 11));
COMMENT ON COLUMN lethe.retention_rules.dry_run_counts IS 'Of this version: responses, requests, steps, templates, raw requests, raw responses, tasks, held responses; 1 where there was more than was counted, else 0; and files and kept templates, if they were counted.';
