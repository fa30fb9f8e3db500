-- +goose Up
-- What the database refuses to delete keeps nothing else from being erased.
ALTER TABLE lethe.erasures ADD COLUMN refused bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN lethe.erasures.refused IS 'Responses that could not be erased for a reason of the database''s.';
