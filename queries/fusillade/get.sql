-- The revision changes with everything that is shown of a response; a file
-- that is deleted takes its prompts out of sight.

-- name: Get :one
-- The prompt of a file that was deleted is withheld.
SELECT r.id, coalesce(r.created_by, '')::text AS owner, r.model, r.state, r.service_tier,
       r.created_at, r.started_at, r.completed_at, r.failed_at, r.response_status,
       concat_ws(' ', extract(epoch FROM r.updated_at), extract(epoch FROM t.updated_at), f.deleted_at IS NOT NULL)::text AS revision,
       r.response_body, r.error,
       (CASE WHEN f.deleted_at IS NULL THEN coalesce(t.body, '') ELSE '' END)::text AS prompt
FROM requests r
LEFT JOIN request_templates t ON t.id = r.template_id
LEFT JOIN files f ON f.id = t.file_id
WHERE r.id = sqlc.arg('id') AND r.batch_id IS NULL AND r.created_by IS NOT NULL;

-- name: GetSummary :one
SELECT r.id, coalesce(r.created_by, '')::text AS owner, r.model, r.state, r.service_tier,
       r.created_at, r.started_at, r.completed_at, r.failed_at, r.response_status,
       concat_ws(' ', extract(epoch FROM r.updated_at), extract(epoch FROM t.updated_at), f.deleted_at IS NOT NULL)::text AS revision,
       (r.error IS NOT NULL)::boolean AS has_error
FROM requests r
LEFT JOIN request_templates t ON t.id = r.template_id
LEFT JOIN files f ON f.id = t.file_id
WHERE r.id = sqlc.arg('id') AND r.batch_id IS NULL AND r.created_by IS NOT NULL;
