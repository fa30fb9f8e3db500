-- 200,000 rows: a tenth of them one owner's, a tenth of batches, the rest
-- skewed over 2,000 owners. The newest hundred are still at work.
SET search_path = fusillade, outlet, public;
SELECT setseed(0.5);

INSERT INTO batches (id, expires_at) VALUES ('00000000-0000-4000-8000-00000000ba7c', now());

INSERT INTO requests (id, state, model, service_tier, created_at, created_by, batch_id, daemon_id, claimed_at, started_at,
    completed_at, failed_at, canceled_at, response_status, response_body, error)
SELECT ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, state,
    'model-' || floor(10 * random() * random()), (ARRAY[NULL, 'auto', 'flex'])[1 + n % 3], at,
    CASE n % 10 WHEN 0 THEN NULL WHEN 1 THEN 'owner-large' ELSE 'owner-' || floor(2000 * random() ^ 3) END,
    CASE WHEN n % 10 = 0 THEN '00000000-0000-4000-8000-00000000ba7c'::uuid END,
    CASE WHEN state IN ('claimed', 'processing') THEN '00000000-0000-4000-8000-00000000ba7c'::uuid END,
    CASE WHEN state IN ('claimed', 'processing') THEN at END,
    CASE WHEN state NOT IN ('pending', 'claimed') THEN at + interval '1 second' END,
    CASE WHEN state = 'completed' THEN at + interval '1 second' + random() ^ 4 * interval '100 seconds' END,
    CASE WHEN state = 'failed' THEN at + interval '2 seconds' END,
    CASE WHEN state = 'canceled' THEN at END,
    CASE state WHEN 'completed' THEN 200 WHEN 'failed' THEN 500 END,
    CASE state WHEN 'completed' THEN 'words' END,
    CASE state WHEN 'failed' THEN 'words' END
FROM (
    SELECT n, timestamptz '2026-01-01' + n * interval '10 seconds' AS at,
        CASE WHEN n > 199900 THEN (ARRAY['pending', 'claimed', 'processing'])[1 + n % 3]
             WHEN n % 111 = 51 THEN 'failed' WHEN n % 100 = 8 THEN 'canceled' ELSE 'completed' END AS state
    FROM generate_series(1, 200000) n
) r;

INSERT INTO public.http_analytics (instance_id, correlation_id, timestamp, method, uri, fusillade_request_id)
SELECT '00000000-0000-4000-8000-00000000ba7c', row_number() OVER (), created_at, 'POST', '/', id
FROM requests WHERE created_by IS NOT NULL;

INSERT INTO response_steps (id, request_id, parent_step_id, step_kind, step_sequence, request_payload)
SELECT gen_random_uuid(), ('00000000-0000-4000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, NULL, 'model_call', 0, '{}'
FROM generate_series(1, 20000) n;

INSERT INTO public.users (username, email) SELECT 'user ' || n, 'user' || n || '@example.com' FROM generate_series(1, 50000) n;
