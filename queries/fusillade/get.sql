-- The revision changes with everything that is shown of a response; a file
-- that is deleted takes its prompts out of sight. Contents that are not asked
-- for are not read, nor are those of other owners, so that how long it takes to
-- find nothing does not tell what there is. Both queries return the same columns.

-- name: Get :one
-- The prompt of a file that was deleted is withheld. Of usage nothing is known.
SELECT r.id, coalesce(r.created_by, '')::text AS owner, r.model, r.state, r.service_tier,
       r.created_at, r.started_at, r.completed_at, r.failed_at, r.response_status,
       (r.error IS NOT NULL)::boolean AS has_error,
       concat_ws(' ', extract(epoch FROM r.updated_at), extract(epoch FROM t.updated_at), f.deleted_at IS NOT NULL)::text AS revision,
       CASE WHEN sqlc.arg('contents')::boolean THEN r.response_body END AS response_body,
       CASE WHEN sqlc.arg('contents')::boolean THEN r.error END AS error,
       (CASE WHEN sqlc.arg('contents')::boolean AND f.deleted_at IS NULL THEN coalesce(t.body, '') ELSE '' END)::text AS prompt,
       NULL::bigint AS prompt_tokens, NULL::bigint AS completion_tokens, NULL::bigint AS reasoning_tokens,
       NULL::bigint AS total_tokens, NULL::text AS total_cost,
       (r.template_id IS NOT NULL AND t.id IS NULL)::boolean AS prompt_elsewhere
FROM requests r
LEFT JOIN request_templates t ON t.id = r.template_id
LEFT JOIN files f ON f.id = t.file_id
WHERE r.id = sqlc.arg('id') AND r.batch_id IS NULL AND r.created_by IS NOT NULL
  AND (sqlc.narg('owners')::text[] IS NULL OR r.created_by = ANY (sqlc.narg('owners')::text[]));

-- name: GetWithUsage :one
-- Get with the newest usage, as queries/analytics/latest.sql reads it, for
-- where that is in the same database.
SELECT r.id, coalesce(r.created_by, '')::text AS owner, r.model, r.state, r.service_tier,
       r.created_at, r.started_at, r.completed_at, r.failed_at, r.response_status,
       (r.error IS NOT NULL)::boolean AS has_error,
       concat_ws(' ', extract(epoch FROM r.updated_at), extract(epoch FROM t.updated_at), f.deleted_at IS NOT NULL)::text AS revision,
       CASE WHEN sqlc.arg('contents')::boolean THEN r.response_body END AS response_body,
       CASE WHEN sqlc.arg('contents')::boolean THEN r.error END AS error,
       (CASE WHEN sqlc.arg('contents')::boolean AND f.deleted_at IS NULL THEN coalesce(t.body, '') ELSE '' END)::text AS prompt,
       a.prompt_tokens, a.completion_tokens, a.reasoning_tokens, a.total_tokens, a.total_cost::text AS total_cost,
       (r.template_id IS NOT NULL AND t.id IS NULL)::boolean AS prompt_elsewhere
FROM requests r
LEFT JOIN request_templates t ON t.id = r.template_id
LEFT JOIN files f ON f.id = t.file_id
LEFT JOIN LATERAL (
    SELECT prompt_tokens, completion_tokens, reasoning_tokens, total_tokens, total_cost
    FROM public.http_analytics
    WHERE fusillade_request_id = r.id ORDER BY timestamp DESC, id DESC LIMIT 1
) a ON true
WHERE r.id = sqlc.arg('id') AND r.batch_id IS NULL AND r.created_by IS NOT NULL
  AND (sqlc.narg('owners')::text[] IS NULL OR r.created_by = ANY (sqlc.narg('owners')::text[]));
