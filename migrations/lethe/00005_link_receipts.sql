-- +goose Up
-- What later levels of an erasure are found out by: which transaction it was,
-- and, for as long as what was erased is looked for, which receipt is about it.
-- Neither is in the receipt.
ALTER TABLE lethe.receipts ADD COLUMN xact xid8 NOT NULL DEFAULT pg_current_xact_id();
COMMENT ON COLUMN lethe.receipts.xact IS 'The transaction that wrote it, which is the one that erased.';
ALTER TABLE lethe.tombstones ADD COLUMN receipt_id uuid;
CREATE INDEX tombstones_receipt_idx ON lethe.tombstones (receipt_id);
COMMENT ON COLUMN lethe.tombstones.receipt_id IS 'The receipt of the erasure; null of one from before there was this column.';
