-- +goose Up
-- A hold may name a response that is not there yet. So that one which is gone can
-- be told from one which never was, it is noted which have been seen.
ALTER TABLE lethe.holds ADD COLUMN seen uuid[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN lethe.holds.seen IS 'Which of the responses were there while it was active, and were not erased by Lethe.';
