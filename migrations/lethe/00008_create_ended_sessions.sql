-- +goose Up
-- Lethe's own sessions that were ended before their time. Their callers keep them
-- sealed, so only the end of one has to be stored.
CREATE TABLE lethe.ended_sessions (
    id         uuid PRIMARY KEY,
    ended_by   uuid NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX ended_sessions_ended_by_idx ON lethe.ended_sessions (ended_by, expires_at);
CREATE INDEX ended_sessions_expires_at_idx ON lethe.ended_sessions (expires_at);
COMMENT ON TABLE lethe.ended_sessions IS 'Sessions of Lethe''s own that were ended before their time. Later ends remove rows that have expired.';
COMMENT ON COLUMN lethe.ended_sessions.ended_by IS 'Whose session it was, as in users.id: each person has a limited number of rows.';
COMMENT ON COLUMN lethe.ended_sessions.expires_at IS 'When the session would have ended by itself: the row is not needed any more.';
