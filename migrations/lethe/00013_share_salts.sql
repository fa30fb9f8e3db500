-- +goose Up
-- What is too much for one receipt has several, the salts of which are derived.
ALTER TABLE lethe.intents ADD COLUMN shared boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN lethe.intents.salt IS 'Opens the commitments of the receipt to come, or is what its salt is derived from.';
COMMENT ON COLUMN lethe.intents.shared IS 'The salts of all receipts to come are derived; else that of the first is salt itself.';
