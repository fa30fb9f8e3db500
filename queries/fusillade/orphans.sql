-- Looking for raw copies whose request is gone.

-- name: OrphansTurn :many
-- Where the sweep stands, if it is due and no other process is at it.
SELECT after_request, after_response, responses FROM lethe.orphans
WHERE due_at <= clock_timestamp()
FOR UPDATE SKIP LOCKED;

-- name: RecordOrphans :exec
UPDATE lethe.orphans SET after_request = sqlc.arg('after_request'), after_response = sqlc.arg('after_response'),
    responses = sqlc.arg('responses'), due_at = clock_timestamp() + sqlc.arg('pause')::interval;

-- name: CopiedRequests :many
-- In the database of the copies, as CopiedResponses and CopiesNaming. The next
-- ones by number, that are old enough.
SELECT id, instance_id, correlation_id FROM http_requests
WHERE id > sqlc.arg('after')::bigint AND timestamp < sqlc.arg('before')::timestamptz
ORDER BY id
LIMIT sqlc.arg('max')::bigint;

-- name: CopiedResponses :many
SELECT id, instance_id, correlation_id FROM http_responses
WHERE id > sqlc.arg('after')::bigint AND timestamp < sqlc.arg('before')::timestamptz
ORDER BY id
LIMIT sqlc.arg('max')::bigint;

-- name: CopiesNaming :many
-- What the copies at these places name in their headers, and whether each is young.
SELECT r.instance_id, r.correlation_id, coalesce(r.headers ->> 'x-fusillade-request-id', '')::text AS request_id,
       (coalesce(r.headers ->> 'x-fusillade-batch-id', '') <> '')::boolean AS batched,
       (r.timestamp >= sqlc.arg('before')::timestamptz)::boolean AS young
FROM http_requests r
JOIN (SELECT unnest(sqlc.arg('instance_ids')::uuid[]) AS instance_id, unnest(sqlc.arg('correlation_ids')::bigint[]) AS correlation_id) c
  ON r.instance_id = c.instance_id AND r.correlation_id = c.correlation_id
UNION
SELECT r.instance_id, r.correlation_id, '', false, r.timestamp >= sqlc.arg('before')::timestamptz
FROM http_responses r
JOIN (SELECT unnest(sqlc.arg('instance_ids')::uuid[]) AS instance_id, unnest(sqlc.arg('correlation_ids')::bigint[]) AS correlation_id) c
  ON r.instance_id = c.instance_id AND r.correlation_id = c.correlation_id;

-- name: UsageAt :many
-- In the database of usage records: what those of copies at these places name,
-- and whose they are.
SELECT a.instance_id, a.correlation_id, coalesce(a.fusillade_request_id::text, '')::text AS request_id, a.response_step_id,
       coalesce(a.user_id::text, '')::text AS owner, (a.fusillade_batch_id IS NOT NULL)::boolean AS batched
FROM public.http_analytics a
JOIN (SELECT unnest(sqlc.arg('instance_ids')::uuid[]) AS instance_id, unnest(sqlc.arg('correlation_ids')::bigint[]) AS correlation_id) c
  ON a.instance_id = c.instance_id AND a.correlation_id = c.correlation_id;

-- name: StepsRemain :many
SELECT id FROM response_steps WHERE id = ANY (sqlc.arg('ids')::uuid[]);

-- name: OtherPlaces :many
-- The tables of newer versions, and of batches, that name requests, with the
-- column that does; one whose column is not known or may not be read is of no use.
SELECT t.name::text AS table_name, coalesce(c.attname, '')::text AS column_name,
       coalesce(has_column_privilege(to_regclass(t.name), c.attname, 'SELECT'), false)::boolean AS readable
FROM unnest(ARRAY['retained_response_request_routes', 'retained_response_objects', 'batch_requests_archive']) AS t (name)
LEFT JOIN LATERAL (
    SELECT a.attname FROM pg_catalog.pg_attribute a
    WHERE a.attrelid = to_regclass(t.name) AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid = 'uuid'::regtype
      AND a.attname IN ('request_id', 'id')
    ORDER BY a.attname DESC LIMIT 1
) c ON true
WHERE to_regclass(t.name) IS NOT NULL;
