-- 75,000 rows for estimates: every column is skewed, and a state says much
-- about the HTTP status, the error and the times. A third are of batches, and
-- nothing about them is otherwise than about responses.
SET search_path = fusillade, public;
SELECT setseed(0.25);

INSERT INTO batches (id, expires_at) VALUES ('00000000-0000-4000-8000-00000000ba7c', now());

INSERT INTO requests (state, model, service_tier, created_at, created_by, batch_id, daemon_id, claimed_at, started_at,
    completed_at, failed_at, canceled_at, response_status, response_body, error)
SELECT state,
    'model-' || floor(12 * m * m * m), (ARRAY['auto', 'default', 'flex', NULL])[1 + floor(4 * t * t)], at,
    CASE WHEN b < 1 / 3.0 THEN NULL WHEN o < 0.35 THEN 'owner-first' WHEN o < 0.5 THEN 'owner-second' ELSE 'owner-' || floor(3000 * p ^ 4) END,
    CASE WHEN b < 1 / 3.0 THEN '00000000-0000-4000-8000-00000000ba7c'::uuid END,
    CASE WHEN state = 'processing' THEN '00000000-0000-4000-8000-00000000ba7c'::uuid END,
    CASE WHEN state = 'processing' THEN at END,
    CASE WHEN state NOT IN ('pending', 'canceled') THEN at + interval '1 second' END,
    CASE WHEN state = 'completed' THEN at + interval '1 second' + exp(6 * d) * interval '1 second' END,
    CASE WHEN state = 'failed' THEN at + interval '2 seconds' END,
    CASE WHEN state = 'canceled' THEN at END,
    CASE state WHEN 'completed' THEN CASE WHEN r < 0.95 THEN 200 ELSE 400 END
               WHEN 'failed' THEN CASE WHEN r < 0.6 THEN 500 WHEN r < 0.9 THEN 429 ELSE 503 END END,
    CASE state WHEN 'completed' THEN 'words' END,
    CASE state WHEN 'failed' THEN 'words' END
FROM (
    SELECT timestamptz '2026-01-01' + interval '30 days' * a ^ 3 AS at, b, d, m, o, p, r, t,
        CASE WHEN s < 0.72 THEN 'completed' WHEN s < 0.87 THEN 'failed' WHEN s < 0.94 THEN 'canceled' WHEN s < 0.98 THEN 'pending' ELSE 'processing' END AS state
    FROM (SELECT random() a, random() b, random() d, random() m, random() o, random() p, random() r, random() s, random() t
          FROM generate_series(1, 75000)) x
) y;
