-- name: Emails :many
SELECT id, email FROM public.users WHERE id = ANY (sqlc.arg('ids')::uuid[]);
