-- Finished responses that fusillade-arsenal has moved: asked where its tables are.

-- name: Retained :many
-- Those that readers see, each as its request was, with its prompt. It is used
-- within other queries, where it stands for the table of requests: see retained.go.
-- A payload is unpacked once for each row of which something in it is asked, so
-- nothing is to ask it of rows that are left out then.
SELECT o.object_id AS id, NULL::uuid AS batch_id, o.created_by, o.state, o.model, o.service_tier, o.created_at,
       (p.request ->> 'started_at')::timestamptz AS started_at,
       (p.request ->> 'completed_at')::timestamptz AS completed_at,
       (p.request ->> 'failed_at')::timestamptz AS failed_at,
       (p.request ->> 'updated_at')::timestamptz AS updated_at,
       (p.request ->> 'response_status')::smallint AS response_status,
       (p.request ->> 'response_body')::text AS response_body,
       (p.request ->> 'error')::text AS error,
       (p.request ->> 'template_id')::uuid AS template_id,
       (p.template ->> 'file_id')::uuid AS file_id,
       (p.template ->> 'body')::text AS prompt,
       (p.template ->> 'updated_at')::timestamptz AS prompt_updated_at
FROM retained_response_request_routes q
JOIN retained_response_group_routes g ON g.group_id = q.group_id AND g.delete_on = q.delete_on
JOIN retained_response_objects o ON o.delete_on = q.delete_on AND o.group_id = q.group_id AND o.object_id = q.request_id
JOIN retained_response_buckets b ON b.delete_on = o.delete_on AND b.partition_oid = o.tableoid AND b.state = 'active'
CROSS JOIN LATERAL (SELECT o.payload -> 'request' AS request, o.payload -> 'template' AS template OFFSET 0) p
WHERE o.object_kind = 'request' AND o.created_by IS NOT NULL AND o.created_at IS NOT NULL;

-- name: RetainedRouted :many
-- Those of Retained, where they are found by an index of the objects: whether
-- readers see one is looked up for it alone, which the planner takes to be so. It
-- would take it for a coincidence that routes and objects agree on everything, expect
-- next to no rows, and sort all there are rather than read the first of them.
SELECT o.object_id AS id
FROM retained_response_objects o
CROSS JOIN LATERAL (SELECT o.payload -> 'request' AS request, o.payload -> 'template' AS template OFFSET 0) p
CROSS JOIN LATERAL (
    SELECT FROM retained_response_request_routes q
    JOIN retained_response_group_routes g ON g.group_id = q.group_id AND g.delete_on = q.delete_on
    JOIN retained_response_buckets b ON b.delete_on = q.delete_on AND b.partition_oid = o.tableoid AND b.state = 'active'
    WHERE q.request_id = o.object_id AND q.group_id = o.group_id AND q.delete_on = o.delete_on
    LIMIT 1
) routed
WHERE o.object_kind = 'request' AND o.created_by IS NOT NULL AND o.created_at IS NOT NULL;

-- name: PlanInOrder :exec
-- PlanForArguments for what is retained, where the planner knows nothing of what is
-- in payloads: it would sort what passes a filter on them, and read all for that,
-- where the first few are enough.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true),
       set_config('enable_sort', 'off', true);

-- name: RecordOfRetained :execrows
-- Record of a response that has been moved, unless Record has just recorded it.
INSERT INTO lethe.access_log (id, accessed_at, accessed_by, request_id, owner, address)
SELECT sqlc.arg('access_id')::uuid, sqlc.arg('accessed_at')::timestamptz, sqlc.arg('accessed_by')::uuid, q.request_id,
       sqlc.arg('owner')::text, sqlc.arg('address')::text
FROM retained_response_request_routes q
WHERE q.request_id = sqlc.arg('id')::uuid
  AND NOT EXISTS (SELECT FROM lethe.access_log l WHERE l.id = sqlc.arg('access_id')::uuid)
FOR KEY SHARE OF q;

-- name: LockRetained :exec
-- Nobody moves or drops them meanwhile. Always in the order of the identifiers.
SELECT request_id FROM retained_response_request_routes WHERE request_id = ANY (sqlc.arg('ids')::uuid[]) ORDER BY request_id FOR UPDATE;

-- name: RetainedRemain :many
-- Those of which anything is left where readers may find it, or may have.
SELECT request_id FROM retained_response_request_routes WHERE request_id = ANY (sqlc.arg('ids')::uuid[]);

-- name: Fence :exec
-- Keeps late writers from writing what is erased again, for as long as they may
-- take.
INSERT INTO retained_response_resurrection_fences AS f (object_id, reason, expires_at)
SELECT fenced.id, 'erased', clock_timestamp() + sqlc.arg('within')::interval
FROM (
    SELECT unnest(sqlc.arg('ids')::uuid[]) AS id
    UNION SELECT q.group_id FROM retained_response_request_routes q WHERE q.request_id = ANY (sqlc.arg('ids')::uuid[])
) fenced
ORDER BY fenced.id
ON CONFLICT (object_id) DO UPDATE SET reason = 'erased', expires_at = greatest(f.expires_at, excluded.expires_at);

-- name: DeleteRetained :one
-- The objects of the groups that these are in, and what leads there. Where
-- anything is otherwise than the groups say, as_said is false.
WITH groups AS MATERIALIZED (
    SELECT DISTINCT q.group_id, q.delete_on FROM retained_response_request_routes q
    WHERE q.request_id = ANY (sqlc.arg('ids')::uuid[])
), objects AS (
    DELETE FROM retained_response_objects o USING groups g
    WHERE o.delete_on = g.delete_on AND o.group_id = g.group_id
    RETURNING o.object_kind, o.object_id,
              CASE jsonb_typeof(o.payload -> 'request_ids') WHEN 'array' THEN o.payload -> 'request_ids' ELSE '[]' END AS request_ids
), request_routes AS (
    DELETE FROM retained_response_request_routes q USING groups g
    WHERE q.delete_on = g.delete_on AND q.group_id = g.group_id
    RETURNING q.request_id
), group_routes AS (
    DELETE FROM retained_response_group_routes r USING groups g
    WHERE r.delete_on = g.delete_on AND r.group_id = g.group_id
    RETURNING r.group_id
), said AS (
    SELECT coalesce(array_agg(lower(s.id) ORDER BY lower(s.id)), '{}') AS ids
    FROM objects o CROSS JOIN LATERAL jsonb_array_elements_text(o.request_ids) AS s (id) WHERE o.object_kind = 'group'
)
SELECT (SELECT count(*) FROM objects) AS objects,
       ((SELECT count(*) FROM groups) = (SELECT count(*) FROM group_routes)
        AND (SELECT count(*) FROM groups) = (SELECT count(*) FROM objects WHERE object_kind = 'group')
        AND (SELECT ids FROM said) = ARRAY(SELECT request_id::text FROM request_routes ORDER BY 1)
        AND (SELECT ids FROM said) = ARRAY(SELECT object_id::text FROM objects WHERE object_kind = 'request' ORDER BY 1)
        AND NOT EXISTS (SELECT FROM request_routes WHERE request_id <> ALL (sqlc.arg('ids')::uuid[])))::boolean AS as_said;

-- name: RetainedLeft :one
-- The objects are looked for day by day, as each index begins with the day.
SELECT ((SELECT count(*) FROM retained_response_buckets b
         CROSS JOIN LATERAL (
             SELECT o.object_id FROM retained_response_objects o
             WHERE o.delete_on = b.delete_on AND o.object_kind IN ('group', 'request') AND o.object_id = ANY (sqlc.arg('ids')::uuid[])
             OFFSET 0
         ) found)
      + (SELECT count(*) FROM retained_response_request_routes q WHERE q.request_id = ANY (sqlc.arg('ids')::uuid[]))
      + (SELECT count(*) FROM retained_response_group_routes g WHERE g.group_id = ANY (sqlc.arg('ids')::uuid[])))::bigint AS remaining;
