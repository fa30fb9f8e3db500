-- The table of responses in twelve parts of two days each, with everything that
-- the migrations give it, as far as a partitioned table can have it.
DO $$
DECLARE
    definition text;
    indexes text[] := ARRAY(
        SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'fusillade.requests'::regclass AND NOT indisprimary
    );
BEGIN
    ALTER TABLE fusillade.requests RENAME TO whole;
    CREATE TABLE fusillade.requests (
        LIKE fusillade.whole INCLUDING DEFAULTS INCLUDING CONSTRAINTS,
        PRIMARY KEY (id, created_at),
        FOREIGN KEY (batch_id) REFERENCES fusillade.batches (id) ON DELETE SET NULL,
        FOREIGN KEY (template_id) REFERENCES fusillade.request_templates (id) ON DELETE SET NULL
    ) PARTITION BY RANGE (created_at);
    FOR part IN 1 .. 12 LOOP
        EXECUTE format(
            'CREATE TABLE fusillade.%I PARTITION OF fusillade.requests FOR VALUES FROM (%L) TO (%L)',
            'requests_' || lpad(part::text, 2, '0'),
            timestamptz '2026-01-01' + (part - 1) * interval '2 days', timestamptz '2026-01-01' + part * interval '2 days'
        );
    END LOOP;
    INSERT INTO fusillade.requests SELECT * FROM fusillade.whole;
    -- With it goes the reference of the steps.
    DROP TABLE fusillade.whole CASCADE;
    FOREACH definition IN ARRAY indexes LOOP
        EXECUTE definition;
    END LOOP;
    CREATE TRIGGER requests_updated_at BEFORE UPDATE ON fusillade.requests
        FOR EACH ROW EXECUTE FUNCTION fusillade.set_updated_at();
END $$;
