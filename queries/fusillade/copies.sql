-- Raw copies in a database of their own.

-- name: CopiesOf :many
-- In the database of usage records: where the copies of these requests are.
SELECT fusillade_request_id::uuid AS request_id, instance_id, correlation_id
FROM public.http_analytics WHERE fusillade_request_id = ANY (sqlc.arg('request_ids')::uuid[]);

-- name: RawRequestsAt :many
-- In the database of the copies, as all that follows; a row for each copy.
SELECT r.instance_id, r.correlation_id FROM http_requests r
JOIN (SELECT unnest(sqlc.arg('instance_ids')::uuid[]) AS instance_id, unnest(sqlc.arg('correlation_ids')::bigint[]) AS correlation_id) c
  ON r.instance_id = c.instance_id AND r.correlation_id = c.correlation_id;

-- name: RawResponsesAt :many
SELECT r.instance_id, r.correlation_id FROM http_responses r
JOIN (SELECT unnest(sqlc.arg('instance_ids')::uuid[]) AS instance_id, unnest(sqlc.arg('correlation_ids')::bigint[]) AS correlation_id) c
  ON r.instance_id = c.instance_id AND r.correlation_id = c.correlation_id;

-- name: DeleteRawRequestsAt :execrows
DELETE FROM http_requests r
USING (SELECT unnest(sqlc.arg('instance_ids')::uuid[]) AS instance_id, unnest(sqlc.arg('correlation_ids')::bigint[]) AS correlation_id) c
WHERE r.instance_id = c.instance_id AND r.correlation_id = c.correlation_id;

-- name: DeleteRawResponsesAt :execrows
DELETE FROM http_responses r
USING (SELECT unnest(sqlc.arg('instance_ids')::uuid[]) AS instance_id, unnest(sqlc.arg('correlation_ids')::bigint[]) AS correlation_id) c
WHERE r.instance_id = c.instance_id AND r.correlation_id = c.correlation_id;
