-- A person with roles and active memberships in one query each.

-- name: ByKey :one
SELECT k.user_id AS key_owner, k.purpose, u.id, u.email, u.is_admin, u.is_deleted, u.last_login,
       ARRAY (SELECT r.role::text FROM public.user_roles r WHERE r.user_id = u.id)::text[] AS roles,
       ARRAY (
           SELECT m.organization_id
           FROM public.user_organizations m
           JOIN public.users o ON o.id = m.organization_id
           WHERE m.user_id = u.id AND m.status = 'active'
             AND o.user_type = 'organization' AND NOT o.is_deleted
       )::uuid[] AS organizations
FROM public.api_keys k
JOIN public.users u ON u.id = k.created_by
WHERE k.secret = sqlc.arg('secret')::text AND NOT k.is_deleted;

-- name: ByID :one
SELECT u.id, u.email, u.is_admin, u.is_deleted, u.last_login,
       ARRAY (SELECT r.role::text FROM public.user_roles r WHERE r.user_id = u.id)::text[] AS roles,
       ARRAY (
           SELECT m.organization_id
           FROM public.user_organizations m
           JOIN public.users o ON o.id = m.organization_id
           WHERE m.user_id = u.id AND m.status = 'active'
             AND o.user_type = 'organization' AND NOT o.is_deleted
       )::uuid[] AS organizations
FROM public.users u
WHERE u.id = sqlc.arg('id');

-- name: ByExternalID :one
SELECT u.id, u.email, u.is_admin, u.is_deleted, u.last_login,
       ARRAY (SELECT r.role::text FROM public.user_roles r WHERE r.user_id = u.id)::text[] AS roles,
       ARRAY (
           SELECT m.organization_id
           FROM public.user_organizations m
           JOIN public.users o ON o.id = m.organization_id
           WHERE m.user_id = u.id AND m.status = 'active'
             AND o.user_type = 'organization' AND NOT o.is_deleted
       )::uuid[] AS organizations
FROM public.users u
WHERE u.external_user_id = sqlc.arg('name')::text;
