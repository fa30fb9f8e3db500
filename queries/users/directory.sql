-- Keeping users and keys in a database of Lethe's own. This takes more than the
-- privileges that the service needs.

-- name: FindUser :many
-- By identifier or by e-mail address, in whatever case the address is written.
SELECT id, user_type FROM public.users
WHERE (id::text = lower(sqlc.arg('who')::text) OR lower(email) = lower(sqlc.arg('who')::text))
  AND NOT is_deleted AND NOT is_internal
ORDER BY id;

-- name: Taken :one
SELECT EXISTS (
           SELECT FROM public.users
           WHERE lower(email) = lower(sqlc.arg('email')::text) OR lower(username) = lower(sqlc.arg('email')::text)
       ) AS email,
       EXISTS (
           SELECT FROM public.users WHERE external_user_id = sqlc.narg('external_user_id')::text
       ) AS external_user_id;

-- name: AddUser :one
INSERT INTO public.users (username, email, display_name, auth_source, is_admin, user_type, external_user_id)
VALUES (sqlc.arg('email'), sqlc.arg('email'), sqlc.narg('display_name'), sqlc.arg('auth_source'),
        sqlc.arg('is_admin'), sqlc.arg('user_type'), sqlc.narg('external_user_id'))
RETURNING id;

-- name: ListUsers :many
SELECT u.id, u.email, u.display_name, u.user_type, u.is_admin, u.external_user_id, u.created_at, u.last_login,
       ARRAY (SELECT r.role::text FROM public.user_roles r WHERE r.user_id = u.id ORDER BY r.role)::text[] AS roles,
       ARRAY (
           SELECT o.email
           FROM public.user_organizations m
           JOIN public.users o ON o.id = m.organization_id
           WHERE m.user_id = u.id AND m.status = 'active'
             AND o.user_type = 'organization' AND NOT o.is_deleted
           ORDER BY o.email
       )::text[] AS organizations
FROM public.users u
WHERE NOT u.is_deleted AND NOT u.is_internal
ORDER BY u.created_at, u.id;

-- name: AllRoles :one
SELECT enum_range(NULL::public.user_role)::text[] AS roles;

-- name: RemoveRoles :exec
DELETE FROM public.user_roles WHERE user_id = sqlc.arg('user_id');

-- name: AddRoles :exec
INSERT INTO public.user_roles (user_id, role)
SELECT sqlc.arg('user_id'), unnest(sqlc.arg('roles')::text[]::public.user_role[])
ON CONFLICT DO NOTHING;

-- name: Join :exec
INSERT INTO public.user_organizations (user_id, organization_id, role, status)
VALUES (sqlc.arg('user_id')::uuid, sqlc.arg('organization_id'), sqlc.arg('role'), sqlc.arg('status'))
ON CONFLICT (user_id, organization_id) DO UPDATE SET role = excluded.role, status = excluded.status;

-- name: CreateKey :one
INSERT INTO public.api_keys (name, secret, user_id, created_by, purpose)
VALUES (sqlc.arg('name'), sqlc.arg('secret'), sqlc.arg('owner'), sqlc.arg('creator'), sqlc.arg('purpose'))
ON CONFLICT (user_id, created_by, name) WHERE is_deleted = false DO NOTHING
RETURNING id;

-- name: ListKeys :many
-- Never the secret: six characters are enough to tell keys apart.
SELECT k.id, k.name, k.purpose, left(k.secret, 6)::text AS prefix, o.email AS owner, c.email AS creator,
       k.created_at, k.last_used
FROM public.api_keys k
JOIN public.users o ON o.id = k.user_id
JOIN public.users c ON c.id = k.created_by
WHERE NOT k.is_deleted
ORDER BY k.created_at, k.id;

-- name: RevokeKey :execrows
UPDATE public.api_keys SET is_deleted = true WHERE id = sqlc.arg('id') AND NOT is_deleted;
