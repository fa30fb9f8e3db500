-- +goose Up
-- What people ask about their own data, and what was done about it. A request
-- stays as a record; who it was about and who worked on it is removed some time
-- after its end.
CREATE TABLE lethe.subject_requests (
    id                  uuid PRIMARY KEY,
    kind                text NOT NULL,
    owner               uuid,
    ticket              text NOT NULL CONSTRAINT subject_requests_ticket_check CHECK (char_length(ticket) <= 200),
    state               text NOT NULL,
    received_at         timestamptz NOT NULL,
    due_at              timestamptz NOT NULL,
    created_at          timestamptz NOT NULL,
    created_by          uuid,
    identity_checked_at timestamptz,
    identity_checked_by uuid,
    extended_at         timestamptz,
    extended_by         uuid,
    extension           text,
    ended_at            timestamptz,
    ended_by            uuid,
    refusal             text,
    CONSTRAINT subject_requests_ended_check CHECK ((ended_at IS NULL) = (state IN ('received', 'in_progress'))),
    CONSTRAINT subject_requests_refusal_check CHECK ((refusal IS NULL) = (state <> 'refused'))
);
CREATE INDEX subject_requests_list_idx ON lethe.subject_requests (created_at DESC, id DESC);
CREATE INDEX subject_requests_owner_idx ON lethe.subject_requests (owner, created_at DESC, id DESC) WHERE owner IS NOT NULL;
CREATE INDEX subject_requests_open_idx ON lethe.subject_requests (due_at) WHERE ended_at IS NULL;
CREATE INDEX subject_requests_known_idx ON lethe.subject_requests (ended_at) WHERE owner IS NOT NULL;
COMMENT ON TABLE lethe.subject_requests IS 'What people ask about their own data. Rows are never removed; who they are about is, some time after the end.';
COMMENT ON COLUMN lethe.subject_requests.owner IS 'Whose data it is about, as in users.id; null when they have been forgotten, and so are the columns that say who worked on it.';
COMMENT ON COLUMN lethe.subject_requests.extension IS 'Why the answer takes longer; null: it does not.';

ALTER TABLE lethe.erasures ADD COLUMN subject_request uuid;
CREATE INDEX erasures_subject_request_idx ON lethe.erasures (subject_request, requested_at DESC, id DESC) WHERE subject_request IS NOT NULL;
COMMENT ON COLUMN lethe.erasures.subject_request IS 'The one in lethe.subject_requests that asked for it; null: none.';
