-- +goose Up
-- Of which requests a receipt is, for as long as what was erased is looked for.
-- What is looked for again together is one row: most of the cost of an erasure
-- of many would be such rows.
ALTER TABLE lethe.tombstones ADD COLUMN receipt_id uuid, ADD COLUMN request_ids uuid[];
UPDATE lethe.tombstones SET receipt_id = gen_random_uuid(), request_ids = ARRAY[request_id];
ALTER TABLE lethe.tombstones
    DROP COLUMN request_id,
    ALTER COLUMN receipt_id SET NOT NULL,
    ALTER COLUMN request_ids SET NOT NULL,
    ADD CONSTRAINT tombstones_request_ids_check CHECK (cardinality(request_ids) > 0),
    ADD PRIMARY KEY (receipt_id);
COMMENT ON COLUMN lethe.tombstones.receipt_id IS 'The receipt of the erasure; that of no receipt where it is from before there was this column.';
COMMENT ON COLUMN lethe.tombstones.request_ids IS 'The requests that were erased.';
