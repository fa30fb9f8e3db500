-- 20,000 finished responses that fusillade-arsenal has moved, in three days: a
-- tenth of them one owner's, the rest skewed over 200 owners. Each one's payload
-- is large enough to be stored apart from its row.
SET search_path = fusillade, outlet, public;
SELECT setseed(0.5);

CREATE TABLE retained_response_objects_d20270102 PARTITION OF retained_response_objects FOR VALUES FROM ('2027-01-02') TO ('2027-01-03');
CREATE TABLE retained_response_objects_d20270103 PARTITION OF retained_response_objects FOR VALUES FROM ('2027-01-03') TO ('2027-01-04');
INSERT INTO retained_response_buckets (delete_on, partition_schema, partition_table, partition_oid)
SELECT day, 'fusillade', 'retained_response_objects_' || to_char(day, '"d"YYYYMMDD'), ('fusillade.retained_response_objects_' || to_char(day, '"d"YYYYMMDD'))::regclass
FROM (VALUES (date '2027-01-02'), ('2027-01-03')) days (day);

CREATE TEMPORARY TABLE moved AS
SELECT ('00000000-0000-4000-9000-' || lpad(to_hex(n), 12, '0'))::uuid AS id, n, date '2027-01-01' + n / 6667 AS delete_on, at,
    CASE WHEN n % 10 = 1 THEN 'owner-large' ELSE 'owner-' || floor(200 * random() ^ 3) END AS owner,
    CASE WHEN n % 111 = 51 THEN 'failed' WHEN n % 100 = 8 THEN 'canceled' ELSE 'completed' END AS state,
    'model-' || floor(10 * random() * random()) AS model, (ARRAY[NULL, 'auto', 'flex'])[1 + n % 3] AS tier
FROM (SELECT n, timestamptz '2026-01-01' + n * interval '10 seconds' AS at FROM generate_series(1, 20000) n) r;

INSERT INTO retained_response_objects (delete_on, group_id, object_kind, object_id, schema_version, payload)
SELECT delete_on, id, 'group', id, 1, jsonb_build_object('group_id', id, 'request_ids', ARRAY[id]) FROM moved;
INSERT INTO retained_response_objects
    (delete_on, group_id, object_kind, object_id, request_id, created_by, service_tier, state, model, created_at, terminal_at, schema_version, payload)
SELECT delete_on, id, 'request', id, id, owner, tier, state, model, at, at + interval '2 seconds', 1,
    jsonb_build_object('request', jsonb_build_object(
        'id', id, 'started_at', at + interval '1 second', 'completed_at', CASE state WHEN 'completed' THEN at + interval '2 seconds' END,
        'failed_at', CASE state WHEN 'failed' THEN at + interval '2 seconds' END, 'updated_at', at,
        'response_status', CASE state WHEN 'completed' THEN 200 WHEN 'failed' THEN 500 END,
        'response_body', CASE state WHEN 'completed' THEN words END, 'error', CASE state WHEN 'failed' THEN 'words' END),
      'template', jsonb_build_object('id', id, 'body', words, 'updated_at', at))
FROM moved CROSS JOIN LATERAL (SELECT string_agg(md5(n || ' ' || i), '') AS words FROM generate_series(1, 30 + n % 100) i) r;
INSERT INTO retained_response_group_routes SELECT id, delete_on FROM moved;
INSERT INTO retained_response_request_routes SELECT id, id, delete_on FROM moved;
DROP TABLE moved;
VACUUM ANALYZE retained_response_objects, retained_response_group_routes, retained_response_request_routes, retained_response_buckets;
