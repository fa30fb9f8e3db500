-- What a replica has shown is looked up on the primary: it may be erased by now.

-- name: StillThere :one
-- How many of these there are.
SELECT count(*) FROM requests WHERE id = ANY (sqlc.arg('ids')::uuid[]);

-- name: MayBeShown :one
-- No row where the response is gone. The prompt may be shown where it is still
-- there and its file has not been deleted.
SELECT (t.id IS NOT NULL AND f.deleted_at IS NULL)::boolean AS prompt
FROM requests r
LEFT JOIN request_templates t ON t.id = r.template_id
LEFT JOIN files f ON f.id = t.file_id
WHERE r.id = sqlc.arg('id') AND r.batch_id IS NULL AND r.created_by IS NOT NULL;
