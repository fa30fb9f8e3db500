-- Code generated from get.tmpl. DO NOT EDIT.

-- The revision changes with everything that is shown of a response; a file
-- that is deleted takes its prompts out of sight. Contents of more bytes than are
-- asked for, as of -1, are not read, which it does not take to know how many they
-- are; nor are those of other owners, so that how long it takes to
-- find nothing does not tell what there is. Both queries return the same columns.

-- name: Get :one
-- The prompt of a file that was deleted is withheld. Of usage nothing is known.
SELECT r.id, coalesce(r.created_by, '')::text AS owner, r.model, r.state, r.service_tier,
       r.created_at, r.started_at, r.completed_at, r.failed_at, r.response_status,
       (r.error IS NOT NULL)::boolean AS has_error,
       concat_ws(' ', extract(epoch FROM r.updated_at), extract(epoch FROM t.updated_at), f.deleted_at IS NOT NULL)::text AS revision,
       c.bytes::bigint AS bytes,
       CASE WHEN c.bytes <= sqlc.arg('max')::bigint THEN r.response_body END AS response_body,
       CASE WHEN c.bytes <= sqlc.arg('max')::bigint THEN r.error END AS error,
       (CASE WHEN c.bytes <= sqlc.arg('max')::bigint AND f.deleted_at IS NULL THEN coalesce(t.body, '') ELSE '' END)::text AS prompt,
       NULL::bigint AS prompt_tokens, NULL::bigint AS completion_tokens, NULL::bigint AS reasoning_tokens,
       NULL::bigint AS total_tokens, NULL::text AS total_cost,
       (r.template_id IS NOT NULL AND t.id IS NULL)::boolean AS prompt_elsewhere
FROM requests r
LEFT JOIN request_templates t ON t.id = r.template_id
LEFT JOIN files f ON f.id = t.file_id
CROSS JOIN LATERAL (SELECT coalesce(octet_length(r.response_body), 0) + coalesce(octet_length(r.error), 0)::bigint
    + CASE WHEN f.deleted_at IS NULL THEN coalesce(octet_length(t.body), 0) ELSE 0 END AS bytes) c
WHERE r.id = sqlc.arg('id') AND r.batch_id IS NULL AND r.created_by IS NOT NULL
  AND (sqlc.narg('owners')::text[] IS NULL OR r.created_by = ANY (sqlc.narg('owners')::text[]));

-- name: GetWithUsage :one
-- Get with the newest usage, as queries/analytics/latest.sql reads it, for
-- where that is in the same database.
SELECT r.id, coalesce(r.created_by, '')::text AS owner, r.model, r.state, r.service_tier,
       r.created_at, r.started_at, r.completed_at, r.failed_at, r.response_status,
       (r.error IS NOT NULL)::boolean AS has_error,
       concat_ws(' ', extract(epoch FROM r.updated_at), extract(epoch FROM t.updated_at), f.deleted_at IS NOT NULL)::text AS revision,
       c.bytes::bigint AS bytes,
       CASE WHEN c.bytes <= sqlc.arg('max')::bigint THEN r.response_body END AS response_body,
       CASE WHEN c.bytes <= sqlc.arg('max')::bigint THEN r.error END AS error,
       (CASE WHEN c.bytes <= sqlc.arg('max')::bigint AND f.deleted_at IS NULL THEN coalesce(t.body, '') ELSE '' END)::text AS prompt,
       a.prompt_tokens, a.completion_tokens, a.reasoning_tokens, a.total_tokens, a.total_cost::text AS total_cost,
       (r.template_id IS NOT NULL AND t.id IS NULL)::boolean AS prompt_elsewhere
FROM requests r
LEFT JOIN request_templates t ON t.id = r.template_id
LEFT JOIN files f ON f.id = t.file_id
CROSS JOIN LATERAL (SELECT coalesce(octet_length(r.response_body), 0) + coalesce(octet_length(r.error), 0)::bigint
    + CASE WHEN f.deleted_at IS NULL THEN coalesce(octet_length(t.body), 0) ELSE 0 END AS bytes) c
LEFT JOIN LATERAL (
    SELECT prompt_tokens, completion_tokens, reasoning_tokens, total_tokens, total_cost
    FROM public.http_analytics
    WHERE fusillade_request_id = r.id ORDER BY timestamp DESC, id DESC LIMIT 1
) a ON true
WHERE r.id = sqlc.arg('id') AND r.batch_id IS NULL AND r.created_by IS NOT NULL
  AND (sqlc.narg('owners')::text[] IS NULL OR r.created_by = ANY (sqlc.narg('owners')::text[]));

-- name: Record :execrows
-- Records an access, unless the response belongs to an exempt owner or its contents are
-- larger than max. Get follows in the same transaction. FOR KEY SHARE waits for a running
-- erasure and then looks again: no row is written for a response that is gone, and an
-- erasure finds every row that was written. An update and this lock do not wait for each
-- other. The size does not include a prompt that has been moved, so such a response is
-- recorded only if elsewhere is true.
INSERT INTO lethe.access_log (id, accessed_at, accessed_by, request_id, owner, address)
SELECT sqlc.arg('access_id')::uuid, sqlc.arg('accessed_at')::timestamptz, sqlc.arg('accessed_by')::uuid, r.id,
       r.created_by, sqlc.arg('address')::text
FROM requests r
LEFT JOIN request_templates t ON t.id = r.template_id
LEFT JOIN files f ON f.id = t.file_id
CROSS JOIN LATERAL (SELECT coalesce(octet_length(r.response_body), 0) + coalesce(octet_length(r.error), 0)::bigint
    + CASE WHEN f.deleted_at IS NULL THEN coalesce(octet_length(t.body), 0) ELSE 0 END AS bytes) c
WHERE r.id = sqlc.arg('id') AND r.batch_id IS NULL AND r.created_by IS NOT NULL
  AND (sqlc.narg('owners')::text[] IS NULL OR r.created_by = ANY (sqlc.narg('owners')::text[]))
  AND (r.created_by = ANY (sqlc.arg('exempt')::text[])) IS NOT TRUE
  AND c.bytes <= sqlc.arg('max')::bigint AND (sqlc.arg('elsewhere')::boolean OR NOT (r.template_id IS NOT NULL AND t.id IS NULL))
FOR KEY SHARE OF r;
