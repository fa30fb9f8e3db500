-- name: Emails :many
SELECT id, email FROM public.users WHERE id = ANY (sqlc.arg('ids')::uuid[]);

-- name: ByEmail :many
SELECT id FROM public.users WHERE email = sqlc.arg('email')::text LIMIT sqlc.arg('at_most');
