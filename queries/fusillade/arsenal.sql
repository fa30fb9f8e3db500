-- What only fusillade-arsenal has: asked where its tables are.

-- name: PromptElsewhere :one
-- The prompt of a template that is among those by day, withheld where its file
-- was deleted.
SELECT concat_ws(' ', extract(epoch FROM t.updated_at), f.deleted_at IS NOT NULL)::text AS revision,
       (CASE WHEN f.deleted_at IS NULL THEN octet_length(t.body) ELSE 0 END)::bigint AS bytes,
       (CASE WHEN octet_length(t.body) <= sqlc.arg('max')::bigint AND f.deleted_at IS NULL THEN t.body ELSE '' END)::text AS prompt
FROM requests q
JOIN request_template_routes r ON r.id = q.template_id
JOIN request_templates_g2 t ON t.created_on = r.created_on AND t.id = r.id
LEFT JOIN files f ON f.id = t.file_id
WHERE q.id = sqlc.arg('request_id');

-- name: LockTemplatesElsewhere :exec
-- As of LockTemplates. Here no constraint has who comes to refer to one wait.
SELECT id FROM request_template_routes WHERE id = ANY (sqlc.arg('ids')::uuid[]) ORDER BY id FOR UPDATE;

-- name: DeleteTemplatesElsewhere :one
-- As of DeleteTemplates, with what says where they are.
WITH unneeded AS MATERIALIZED (
    SELECT r.id, r.created_on FROM request_template_routes r
    WHERE r.id = ANY (sqlc.arg('ids')::uuid[]) AND NOT EXISTS (SELECT FROM requests q WHERE q.template_id = r.id)
), gone AS (
    DELETE FROM request_templates_g2 t USING unneeded u WHERE t.created_on = u.created_on AND t.id = u.id RETURNING 1
), routes AS (
    DELETE FROM request_template_routes r USING unneeded u WHERE r.id = u.id
)
SELECT count(*) FROM gone;

-- name: TemplatesElsewhereLeft :one
SELECT count(*) FILTER (WHERE q.needed IS NULL) AS remaining, count(q.needed) AS kept_templates
FROM request_template_routes r
LEFT JOIN LATERAL (SELECT true AS needed FROM requests q WHERE q.template_id = r.id LIMIT 1) q ON true
WHERE r.id = ANY (sqlc.arg('ids')::uuid[]);

-- name: CountTemplatesElsewhere :one
SELECT count(*) FROM request_template_routes r
JOIN request_templates_g2 t ON t.created_on = r.created_on AND t.id = r.id
WHERE r.id = ANY (sqlc.arg('ids')::uuid[]);

-- name: PromptsElsewhere :many
-- As of TurnsByOwner.
SELECT r.id,
       (CASE WHEN t.body LIKE 'dwzdr1:%' THEN 'dwzdr1:' WHEN t.body ~ '"(?:[deinoprsuv_]|[[.backslash.]]u00[567][0-9A-Fa-f]){20}"[[:space:]]*:' THEN t.body ELSE '' END)::text AS prompt
FROM request_template_routes r
JOIN request_templates_g2 t ON t.created_on = r.created_on AND t.id = r.id
WHERE r.id = ANY (sqlc.arg('ids')::uuid[]);
