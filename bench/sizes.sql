-- What responses take on disk: bytes per row of each table and index, the depth of
-- the indexes, write-ahead log per response, and the time of a VACUUM.
--
--   createdb sizes
--   LETHE_DATABASE_URL=postgres:///sizes bin/lethe migrate up
--   psql -X -v rows=200000 -f bench/sizes.sql sizes
--
-- Run it as a superuser, on an empty database of an idle server, PostgreSQL 15 or
-- later with the extensions pgstattuple and pg_walinspect. Every response goes
-- through its states as in production, and the table is vacuumed after each
-- twentieth of them. Prompts and answers are 1 to 2 KB; one response in ten belongs
-- to one owner, the rest are skewed over 1,000.
\set ON_ERROR_STOP on
\set QUIET on
\pset footer off
\if :{?rows} \else \set rows 200000 \endif
SET search_path = fusillade, outlet, public;
SET synchronous_commit = off;
CREATE EXTENSION IF NOT EXISTS pgstattuple SCHEMA public;
CREATE EXTENSION IF NOT EXISTS pg_walinspect SCHEMA public;

CREATE TABLE public.passage AS SELECT string_agg(md5(n::text), ' ') AS words FROM generate_series(1, 100) n;

-- A generation of n responses, from prompt to usage, with one step and the raw
-- copies of each.
CREATE PROCEDURE public.live(n integer) AS $$
DECLARE
    born timestamptz := clock_timestamp();
BEGIN
    CREATE TEMP TABLE young ON COMMIT DROP AS
    SELECT i, gen_random_uuid() AS id, gen_random_uuid() AS template, gen_random_uuid() AS instance,
           CASE i % 10 WHEN 0 THEN md5('large') ELSE md5((floor(1000 * random() ^ 3))::text) END::uuid::text AS owner,
           substr(words, 1 + (random() * 1000)::int, 1000 + (random() * 1000)::int) AS prompt,
           substr(words, 1 + (random() * 1000)::int, 1000 + (random() * 1000)::int) AS answer
    FROM generate_series(1, n) i, passage;
    INSERT INTO request_templates (id, endpoint, method, path, body, model, api_key)
    SELECT template, 'https://inference.example', 'POST', '/v1/responses', prompt, 'qwen/qwen3-235b', 'sk-' || md5(owner) FROM young;
    INSERT INTO requests (id, template_id, model, created_by, service_tier, created_at)
    SELECT id, template, 'qwen/qwen3-235b', owner, 'flex', born + i * interval '1 ms' FROM young;
    UPDATE requests r SET state = 'claimed', daemon_id = gen_random_uuid(), claimed_at = now() FROM young WHERE r.id = young.id;
    UPDATE requests r SET state = 'processing', started_at = now() FROM young WHERE r.id = young.id;
    INSERT INTO response_steps (request_id, step_kind, step_sequence, request_payload)
    SELECT id, 'model_call', 0, '{}' FROM young;
    UPDATE requests r SET state = 'completed', response_status = 200, response_body = answer, completed_at = now(), response_size = length(answer)
    FROM young WHERE r.id = young.id;
    INSERT INTO http_analytics (instance_id, correlation_id, timestamp, method, uri, model, status_code, duration_ms, prompt_tokens, completion_tokens,
                                total_tokens, user_id, input_price_per_token, output_price_per_token, fusillade_request_id)
    SELECT instance, i, now(), 'POST', '/v1/responses', 'qwen/qwen3-235b', 200, 1000, 300, 300, 600, NULL, 0.0000002, 0.0000006, id FROM young;
    INSERT INTO http_requests (instance_id, correlation_id, timestamp, method, uri, headers, body)
    SELECT instance, i, now(), 'POST', '/v1/responses', '{"content-type": ["application/json"]}', jsonb_build_object('input', prompt) FROM young;
    INSERT INTO http_responses (instance_id, correlation_id, timestamp, status_code, headers, body, duration_to_first_byte_ms, duration_ms)
    SELECT instance, i, now(), 200, '{"content-type": ["application/json"]}', jsonb_build_object('output', answer), 100, 1000 FROM young;
END $$ LANGUAGE plpgsql SET search_path = fusillade, outlet, public, pg_temp;

SELECT unnest(ARRAY[format('CALL public.live(%s)', :rows / 20), 'VACUUM fusillade.requests']) FROM generate_series(1, 20) \gexec
VACUUM ANALYZE;

\echo
SELECT c.oid::regclass AS table, c.reltuples::bigint AS rows,
       round(pg_relation_size(c.oid) / c.reltuples::numeric) AS "heap, bytes a row",
       round((pg_table_size(c.oid) - pg_relation_size(c.oid)) / c.reltuples::numeric) AS "TOAST and maps",
       round(pg_indexes_size(c.oid) / c.reltuples::numeric) AS indexes
FROM pg_class c
WHERE c.relkind = 'r' AND c.reltuples >= :rows * 0.9 ORDER BY c.relnamespace::regnamespace::text, c.relname;

\echo
SELECT t.oid::regclass AS table, i.relname AS index, round(index_size / t.reltuples::numeric, 1) AS "bytes a row",
       round(t.reltuples / leaf_pages) AS "rows a leaf", round(fan) AS "leaves an inner page", 1 + tree_level AS levels,
       1 + ceil(ln(1e9 / (t.reltuples / leaf_pages)) / ln(fan)) AS "levels at 10^9 rows"
FROM pg_class t JOIN pg_index x ON x.indrelid = t.oid JOIN pg_class i ON i.oid = x.indexrelid,
     LATERAL public.pgstatindex(i.oid::regclass) s, LATERAL (SELECT leaf_pages::float8 / internal_pages AS fan) f
WHERE t.relkind = 'r' AND t.reltuples >= :rows * 0.9 AND i.relpages > 10 ORDER BY t.relnamespace::regnamespace::text, t.relname, i.relname;

-- Right after a checkpoint, every page that is touched is logged whole.
\echo
RESET synchronous_commit;
CHECKPOINT;
SELECT pg_current_wal_flush_lsn() AS before \gset
CALL public.live(:rows / 200);
SELECT pg_current_wal_flush_lsn() AS after \gset
SELECT pg_size_pretty(sum(record_size) / (:rows / 200)) AS "write-ahead log for each response",
       pg_size_pretty(sum(combined_size) / (:rows / 200)) AS "with full pages, right after a checkpoint"
FROM public.pg_get_wal_stats(:'before', :'after');

-- What reads are: a page of an owner, a fetch, a count.
VACUUM ANALYZE requests;
SELECT id FROM requests ORDER BY created_at OFFSET :rows / 2 LIMIT 1 \gset
SET plan_cache_mode = force_generic_plan;
PREPARE page AS
SELECT id, model, state, service_tier, created_at, error IS NOT NULL FROM requests
WHERE created_by = $1::text AND num_nulls(batch_id) <> 0
  AND CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END > $2
ORDER BY CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END, created_at DESC, id DESC LIMIT 11;
PREPARE one AS
SELECT r.response_body, t.body FROM requests r LEFT JOIN request_templates t ON t.id = r.template_id LEFT JOIN files f ON f.id = t.file_id WHERE r.id = $1;
\o /dev/null
EXPLAIN ANALYZE EXECUTE page (md5('large')::uuid, -1);
EXPLAIN ANALYZE EXECUTE one (:'id');
\o
EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) EXECUTE page (md5('large')::uuid, -1);
EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) EXECUTE one (:'id');
EXPLAIN (ANALYZE, BUFFERS, TIMING OFF) SELECT count(*) FROM requests WHERE created_by = md5('large')::uuid::text;
RESET plan_cache_mode;

-- One response in a hundred is erased; what is left to do is VACUUM's.
WITH gone AS (DELETE FROM requests WHERE hashtext(id::text) % 100 = 0 RETURNING id) SELECT count(*) AS gone FROM gone \gset
\echo
\echo :gone responses are deleted
\timing on
VACUUM fusillade.requests;
\timing off
