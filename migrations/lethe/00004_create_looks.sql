-- +goose Up
-- Who looked: a row for each time that somebody was shown the contents of a
-- response that is not their own. It holds no contents, goes with the response
-- that it is about, and is kept for a set time.
CREATE TABLE lethe.looks (
    id         uuid PRIMARY KEY,
    looked_at  timestamptz NOT NULL,
    looked_by  uuid NOT NULL,
    request_id uuid NOT NULL,
    owner      text NOT NULL,
    address    text NOT NULL
);
-- Lists go from the newest on, of all or of those of one response, person or
-- owner; an erasure removes by the response, and time by the first of these.
CREATE INDEX looks_looked_at_idx ON lethe.looks (looked_at, id);
CREATE INDEX looks_request_idx ON lethe.looks (request_id, looked_at, id);
CREATE INDEX looks_owner_idx ON lethe.looks (owner, looked_at, id);
CREATE INDEX looks_looked_by_idx ON lethe.looks (looked_by, looked_at, id);
COMMENT ON TABLE lethe.looks IS 'Who was shown the contents of a response that is not their own. Rows go with their response, or when their time is over.';
COMMENT ON COLUMN lethe.looks.looked_by IS 'The person who looked, as in users.id. Their rows stay when they are deleted.';
COMMENT ON COLUMN lethe.looks.request_id IS 'The response, as in fusillade''s requests.id. No foreign key: the name of that schema is a setting.';
COMMENT ON COLUMN lethe.looks.owner IS 'Whose response it was, as in fusillade''s requests.created_by.';
COMMENT ON COLUMN lethe.looks.address IS 'The address of the peer that asked, as in the access log.';
