-- name: Latest :many
-- The cost is text: exact, with the digits that it was recorded with. Empty is
-- unknown.
SELECT DISTINCT ON (fusillade_request_id)
       fusillade_request_id::uuid AS response_id, prompt_tokens, completion_tokens, reasoning_tokens,
       total_tokens, coalesce(total_cost::text, '')::text AS total_cost
FROM public.http_analytics
WHERE fusillade_request_id = ANY (sqlc.arg('ids')::uuid[])
ORDER BY fusillade_request_id, timestamp DESC, id DESC;
