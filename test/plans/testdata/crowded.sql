-- 40,000 responses among 400,000 rows: nine of ten are of batches, which fail less
-- often, wait more often and take far longer.
SET search_path = fusillade, public;
SELECT setseed(0.75);

INSERT INTO batches (id, expires_at) SELECT md5('batch ' || n)::uuid, now() FROM generate_series(0, 20) n;

INSERT INTO requests (state, model, service_tier, created_at, created_by, batch_id, daemon_id, claimed_at, started_at,
    completed_at, failed_at, canceled_at, response_status, response_body, error)
SELECT state,
    CASE WHEN owner IS NOT NULL AND m < 0.02 THEN 'model-rare' ELSE 'model-' || floor(8 * m * m) END,
    CASE WHEN owner IS NULL THEN (ARRAY['flex', NULL])[1 + n % 2] ELSE (ARRAY['auto', 'default', 'flex', 'priority', NULL])[1 + floor(4.2 * t)] END,
    at, owner, CASE WHEN owner IS NULL THEN md5('batch ' || n / 20000)::uuid END,
    CASE WHEN state IN ('claimed', 'processing') THEN md5('daemon')::uuid END,
    CASE WHEN state IN ('claimed', 'processing') THEN at END,
    CASE WHEN state NOT IN ('claimed', 'pending') THEN at + interval '1 second' END,
    CASE WHEN state = 'completed' THEN at + interval '1 second' * (1 + CASE WHEN owner IS NULL THEN 20 * exp(8 * d) ELSE exp(6 * d - 1) END) END,
    CASE WHEN state = 'failed' THEN at + interval '2 seconds' END,
    CASE WHEN state = 'canceled' THEN at + interval '3 seconds' END,
    CASE state WHEN 'completed' THEN 200 WHEN 'failed' THEN (ARRAY[500, 503, 429])[1 + floor(3 * f)] END,
    CASE state WHEN 'completed' THEN 'words' END,
    CASE state WHEN 'failed' THEN 'words' END
FROM (
    SELECT n, timestamptz '2026-01-01' + n * interval '5 seconds' AS at, d, f, m, t,
        CASE WHEN n % 10 = 0 THEN CASE WHEN o < 0.1 THEN 'owner-large' ELSE 'owner-' || floor(1000 * p ^ 3) END END AS owner,
        CASE WHEN n % 10 = 0
             THEN CASE WHEN s < 0.002 THEN 'processing' WHEN s < 0.003 THEN 'claimed' WHEN s < 0.005 THEN 'pending'
                       WHEN s < 0.065 THEN 'failed' WHEN s < 0.07 THEN 'canceled' ELSE 'completed' END
             ELSE CASE WHEN s < 0.0005 THEN 'processing' WHEN s < 0.05 THEN 'pending' WHEN s < 0.054 THEN 'failed' ELSE 'completed' END
        END AS state
    FROM (SELECT n, random() d, random() f, random() m, random() o, random() p, random() s, random() t
          FROM generate_series(1, 400000) n) x
) y;
