-- +goose Up
-- Who looked: a row for each time that somebody was shown the contents of a
-- response that is not their own, and one for each export of such contents. It holds
-- no contents, goes with the response that it is about, if any, and is kept for a set
-- time.
CREATE TABLE lethe.access_log (
    id          uuid PRIMARY KEY,
    accessed_at timestamptz NOT NULL,
    accessed_by uuid NOT NULL,
    request_id  uuid,
    owner       text NOT NULL,
    address     text NOT NULL,
    export      jsonb,
    CHECK (num_nulls(request_id, export) = 1)
);
-- Lists go from the newest on, of all or of those of one response, person or
-- owner; an erasure removes by the response, and time by the first of these.
CREATE INDEX access_log_accessed_at_idx ON lethe.access_log (accessed_at, id);
CREATE INDEX access_log_request_idx ON lethe.access_log (request_id, accessed_at, id);
CREATE INDEX access_log_owner_idx ON lethe.access_log (owner, accessed_at, id);
CREATE INDEX access_log_accessed_by_idx ON lethe.access_log (accessed_by, accessed_at, id);
COMMENT ON TABLE lethe.access_log IS 'Who was shown the contents of a response that is not their own. Rows go with their response, or when their time is over.';
COMMENT ON COLUMN lethe.access_log.accessed_by IS 'The person who read it, as in users.id. Their rows stay when they are deleted.';
COMMENT ON COLUMN lethe.access_log.request_id IS 'The response, as in fusillade''s requests.id; NULL: an export. No foreign key: the name of that schema is a setting.';
COMMENT ON COLUMN lethe.access_log.owner IS 'Whose response it was, as in fusillade''s requests.created_by; empty: those of an export.';
COMMENT ON COLUMN lethe.access_log.address IS 'The address of the peer that asked, as in the log of requests.';
COMMENT ON COLUMN lethe.access_log.export IS 'The filter of an export.';
