-- +goose Up
-- Files with everything of a person, or of an organization. The bytes are in a
-- folder; a row says how far one has come, and whether it may still be shown.
CREATE TABLE lethe.person_files (
    id              uuid PRIMARY KEY,
    owner           text NOT NULL,
    requested_at    timestamptz NOT NULL,
    requested_by    uuid NOT NULL,
    subject_request uuid,
    idempotency_key text CONSTRAINT person_files_idempotency_key_check CHECK (idempotency_key <> ''),
    state           text NOT NULL DEFAULT 'queued'
        CONSTRAINT person_files_state_check CHECK (state IN ('queued', 'running', 'done', 'failed', 'expired')),
    reason          text NOT NULL DEFAULT '',
    attempt         integer NOT NULL DEFAULT 0,
    due_at          timestamptz NOT NULL,
    as_of           timestamptz,
    finished_at     timestamptz,
    expires_at      timestamptz,
    responses       bigint NOT NULL DEFAULT 0,
    bytes           bigint NOT NULL DEFAULT 0,
    sha256          bytea CONSTRAINT person_files_sha256_check CHECK (octet_length(sha256) = 32),
    removed         boolean NOT NULL DEFAULT false,
    CONSTRAINT person_files_finished_check CHECK ((finished_at IS NULL) = (state IN ('queued', 'running'))),
    CONSTRAINT person_files_done_check CHECK (state <> 'done' OR num_nulls(sha256, expires_at, as_of) = 0)
);
CREATE UNIQUE INDEX person_files_idempotency_key ON lethe.person_files (requested_by, idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX person_files_list_idx ON lethe.person_files (requested_at DESC, id DESC);
CREATE INDEX person_files_requested_by_idx ON lethe.person_files (requested_by, requested_at DESC, id DESC);
CREATE INDEX person_files_subject_request_idx ON lethe.person_files (subject_request, requested_at DESC, id DESC) WHERE subject_request IS NOT NULL;
CREATE INDEX person_files_due_idx ON lethe.person_files (due_at) WHERE state IN ('queued', 'running');
-- Every erasure looks here for files with what it erases.
CREATE INDEX person_files_owner_idx ON lethe.person_files (owner) WHERE state IN ('running', 'done');
COMMENT ON TABLE lethe.person_files IS 'Files with everything of a person or an organization. An erasure of anything of theirs expires these in its own transaction.';
COMMENT ON COLUMN lethe.person_files.owner IS 'Whose responses, as requests.created_by spells it.';
COMMENT ON COLUMN lethe.person_files.subject_request IS 'The one in lethe.subject_requests that asks for it; null: none.';
COMMENT ON COLUMN lethe.person_files.reason IS 'Why a file failed or expired: a word.';
COMMENT ON COLUMN lethe.person_files.attempt IS 'How often making it was begun: only the newest attempt counts.';
COMMENT ON COLUMN lethe.person_files.due_at IS 'When somebody may begin to make it, or begin again, because the newest attempt says nothing any more.';
COMMENT ON COLUMN lethe.person_files.as_of IS 'What was created later is not in it.';
COMMENT ON COLUMN lethe.person_files.removed IS 'Its bytes are gone from the folder.';

-- A person's file has the receipts of what they erased.
CREATE INDEX receipt_secrets_actor_idx ON lethe.receipt_secrets (actor_id, receipt_id) WHERE actor_id IS NOT NULL;
