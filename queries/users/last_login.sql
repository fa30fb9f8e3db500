-- name: SawLogin :exec
-- Several servers may see one person at once: the row decides who writes.
UPDATE public.users SET last_login = now()
WHERE id = sqlc.arg('id') AND (last_login IS NULL OR last_login < now() - interval '5 minutes');
