-- name: Owners :many
-- Reads all people, who are far fewer than responses; no index could serve a part of a
-- word. What a text says exactly comes first.
SELECT u.id, u.email, coalesce(u.display_name, '')::text AS name, u.user_type, u.is_deleted
FROM public.users u
WHERE NOT u.is_internal AND u.id <> '00000000-0000-0000-0000-000000000000'
  AND (sqlc.narg('among')::uuid[] IS NULL OR u.id = ANY (sqlc.narg('among')::uuid[]))
  AND (u.id::text = lower(sqlc.arg('text')::text)
       OR strpos(lower(u.email), lower(sqlc.arg('text')::text)) > 0
       OR strpos(lower(u.username), lower(sqlc.arg('text')::text)) > 0
       OR strpos(lower(u.display_name), lower(sqlc.arg('text')::text)) > 0)
ORDER BY lower(sqlc.arg('text')::text) = ANY (ARRAY[u.id::text, lower(u.email), lower(u.username), lower(u.display_name)]) IS TRUE DESC,
         u.email, u.id
LIMIT sqlc.arg('at_most')::bigint;
