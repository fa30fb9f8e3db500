-- What people can see of themselves, in a database of Lethe's own. The service's role
-- beside dwctl may not read these columns.

-- name: Profile :one
SELECT username, display_name, avatar_url, auth_source, external_user_id, created_at, updated_at, last_login
FROM public.users
WHERE id = sqlc.arg('id');

-- name: Affiliations :many
SELECT o.id, coalesce(o.display_name, o.username)::text AS name, m.role
FROM public.user_organizations m
JOIN public.users o ON o.id = m.organization_id
WHERE m.user_id = sqlc.arg('id')::uuid AND m.status = 'active'
  AND o.user_type = 'organization' AND NOT o.is_deleted
ORDER BY 2, 1;
