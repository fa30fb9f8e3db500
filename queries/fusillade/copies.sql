-- Where raw copies are, and copies in a database of their own.

-- name: CopiesOf :many
-- In the database of usage records: where the copies of these requests are.
SELECT instance_id, correlation_id, fusillade_request_id::text AS request_id
FROM public.http_analytics WHERE fusillade_request_id = ANY (sqlc.arg('request_ids')::uuid[]);

-- name: StepIndexed :one
-- As of Prepare, in the database of usage records.
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_index x
    JOIN pg_catalog.pg_attribute c ON c.attrelid = x.indrelid AND c.attnum = x.indkey[0] AND c.attname = 'response_step_id'
    WHERE x.indrelid = to_regclass('public.http_analytics') AND x.indisvalid
      AND coalesce(pg_get_expr(x.indpred, x.indrelid, true) = 'response_step_id IS NOT NULL', true)
)::boolean AS by_step;

-- name: CopiesOfSteps :many
-- Likewise of these steps.
SELECT instance_id, correlation_id, ''::text AS request_id
FROM public.http_analytics WHERE response_step_id = ANY (sqlc.arg('step_ids')::uuid[]);

-- name: HeaderIndexed :one
-- As of Prepare, in the database of the copies.
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_index x
    WHERE x.indrelid = to_regclass('http_requests') AND x.indisvalid AND x.indkey[0] = 0
      AND pg_get_indexdef(x.indexrelid, 1, true) = '"right"(translate(lower(headers ->> ''x-fusillade-request-id''::text), ''-[]{}"''::text, ''''::text), 32)'
      AND coalesce(pg_get_expr(x.indpred, x.indrelid, true) = '"right"(translate(lower(headers ->> ''x-fusillade-request-id''::text), ''-[]{}"''::text, ''''::text), 32) IS NOT NULL', true)
)::boolean AS by_header;

-- name: CopiesByHeader :many
-- Those that name one of these requests in a header, however it is spelled; here
-- and wherever else headers are searched, the identifiers are 32 digits.
SELECT instance_id, correlation_id, "right"(translate(lower(headers ->> 'x-fusillade-request-id'), '-[]{}"', ''), 32)::text AS request_id
FROM http_requests WHERE "right"(translate(lower(headers ->> 'x-fusillade-request-id'), '-[]{}"', ''), 32) = ANY (sqlc.arg('digits')::text[]);

-- name: CopiesByHeaderAlone :many
-- Those of them that no usage record of these requests and steps leads to.
SELECT r.instance_id, r.correlation_id, "right"(translate(lower(r.headers ->> 'x-fusillade-request-id'), '-[]{}"', ''), 32)::text AS request_id FROM http_requests r
WHERE "right"(translate(lower(r.headers ->> 'x-fusillade-request-id'), '-[]{}"', ''), 32) = ANY (sqlc.arg('digits')::text[])
  AND NOT EXISTS (
      SELECT FROM public.http_analytics a
      WHERE a.instance_id = r.instance_id AND a.correlation_id = r.correlation_id
        AND (a.fusillade_request_id = ANY (sqlc.arg('request_ids')::uuid[])
             OR sqlc.arg('by_step')::boolean AND a.response_step_id = ANY (sqlc.arg('step_ids')::uuid[]))
  );

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

-- name: UsageOf :many
-- In the database of usage records: whose these requests were, as an
-- organization's are its own, whether they were a batch's, and of which step.
SELECT DISTINCT fusillade_request_id::uuid AS request_id, coalesce(user_id::text, '')::text AS owner,
       (fusillade_batch_id IS NOT NULL)::boolean AS batched, response_step_id
FROM public.http_analytics WHERE fusillade_request_id = ANY (sqlc.arg('request_ids')::uuid[]);

-- name: BatchedByHeader :many
-- In the database of the copies: those of the requests that were a batch's.
SELECT DISTINCT "right"(translate(lower(headers ->> 'x-fusillade-request-id'), '-[]{}"', ''), 32)::text AS request_id FROM http_requests
WHERE "right"(translate(lower(headers ->> 'x-fusillade-request-id'), '-[]{}"', ''), 32) = ANY (sqlc.arg('digits')::text[])
  AND coalesce(headers ->> 'x-fusillade-batch-id', '') <> '';

-- name: OwnersIndexed :one
-- In the database of usage records: whether those of a person can be gone
-- through, as there is an index or they are few.
SELECT (coalesce((SELECT c.reltuples < 1000000 FROM pg_catalog.pg_class c WHERE c.oid = to_regclass('public.http_analytics')), false)
    OR EXISTS (
        SELECT FROM pg_catalog.pg_index x
        JOIN pg_catalog.pg_attribute c ON c.attrelid = x.indrelid AND c.attnum = x.indkey[0] AND c.attname = 'user_id'
        WHERE x.indrelid = to_regclass('public.http_analytics') AND x.indisvalid
          AND coalesce(pg_get_expr(x.indpred, x.indrelid, true) IN ('user_id IS NOT NULL', 'fusillade_request_id IS NOT NULL OR response_step_id IS NOT NULL'), true)
    ))::boolean AS owners_indexed;

-- name: RequestsOfOwner :many
-- What a person or an organization has asked for, the first recorded first, and
-- where its copies are: of a step it may be known by its copy alone which request
-- it was of.
SELECT id, fusillade_request_id AS request_id, instance_id, correlation_id FROM public.http_analytics
WHERE user_id = sqlc.arg('owner')::uuid AND id > sqlc.arg('after')::bigint
  AND (fusillade_request_id IS NOT NULL OR response_step_id IS NOT NULL) AND fusillade_batch_id IS NULL
ORDER BY id
LIMIT sqlc.arg('max')::bigint;
