-- +goose Up
-- Which levels an erasure has come to after the first one. The horizon is later
-- than the transaction: versions of the erased rows may be of later transactions
-- than the one that erased, but not of later ones than had begun when it wrote
-- its receipt. Receipts that are there already get the horizon of this moment.
LOCK TABLE lethe.receipts IN ACCESS EXCLUSIVE MODE;
ALTER TABLE lethe.receipts
    ADD COLUMN horizon xid8 NOT NULL DEFAULT pg_snapshot_xmax(pg_current_snapshot()),
    ADD COLUMN level   text NOT NULL DEFAULT 'logical';
CREATE UNIQUE INDEX receipts_about_key ON lethe.receipts (about, level) WHERE about IS NOT NULL;
COMMENT ON COLUMN lethe.receipts.horizon IS 'The first transaction that had not begun when it was written: every version of what was erased is of an earlier one.';
COMMENT ON COLUMN lethe.receipts.level IS 'As in its body.';

CREATE TABLE lethe.settled (
    level  text PRIMARY KEY CONSTRAINT settled_level_check CHECK (level IN ('replicated', 'vacuumed', 'rewritten', 'expired')),
    leaves bigint NOT NULL DEFAULT 0 CONSTRAINT settled_leaves_check CHECK (leaves >= 0)
);
INSERT INTO lethe.settled (level) VALUES ('replicated'), ('vacuumed'), ('rewritten'), ('expired');
COMMENT ON TABLE lethe.settled IS 'How far each later level has been settled. Who writes receipts of one has its row locked.';
COMMENT ON COLUMN lethe.settled.leaves IS 'How many leaves of the log have been looked at: those before it are settled, or cannot be.';
