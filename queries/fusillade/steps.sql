-- The steps of a response, in order.

-- name: ChainOf :many
-- Chain of the request or step with this identifier, its head first and the others in
-- their order, with the owner of each request, unless it belongs to a batch. Steps hang
-- together by either link, as for an erasure. Of other owners' nothing is walked, so that
-- how long it takes to find nothing does not tell what there is.
WITH RECURSIVE chain AS (
    SELECT s.id, s.request_id, s.parent_step_id, s.prev_step_id, s.step_sequence
    FROM response_steps s
    WHERE (s.request_id = sqlc.arg('id')::uuid OR s.id = sqlc.arg('id')::uuid)
      AND (sqlc.narg('owners')::text[] IS NULL OR EXISTS (
          SELECT FROM response_steps h JOIN requests r ON r.id = h.request_id
          WHERE h.id IN (s.id, s.parent_step_id) AND r.batch_id IS NULL AND r.created_by = ANY (sqlc.narg('owners')::text[])
      ))
    UNION
    SELECT linked.id, linked.request_id, linked.parent_step_id, linked.prev_step_id, linked.step_sequence
    FROM chain c
    CROSS JOIN LATERAL (
        SELECT s.id, s.request_id, s.parent_step_id, s.prev_step_id, s.step_sequence FROM response_steps s WHERE s.parent_step_id = c.id
        UNION ALL
        SELECT s.id, s.request_id, s.parent_step_id, s.prev_step_id, s.step_sequence FROM response_steps s WHERE s.prev_step_id = c.id
        UNION ALL
        SELECT s.id, s.request_id, s.parent_step_id, s.prev_step_id, s.step_sequence FROM response_steps s WHERE s.id = c.parent_step_id
        UNION ALL
        SELECT s.id, s.request_id, s.parent_step_id, s.prev_step_id, s.step_sequence FROM response_steps s WHERE s.id = c.prev_step_id
    ) linked
)
SELECT c.id, c.request_id, r.created_by AS owner
FROM (SELECT * FROM chain LIMIT sqlc.arg('at_most')::bigint) c
LEFT JOIN requests r ON r.id = c.request_id AND r.batch_id IS NULL
ORDER BY c.parent_step_id IS NOT NULL, c.step_sequence, c.id;

-- name: Steps :many
-- The first of these steps that follow one of them. Payloads are measured if max is
-- given, and read if all of them together have at most that many bytes. One that is
-- a JSON string is what the string says.
WITH page AS (
    SELECT s.id FROM response_steps s
    WHERE s.id = ANY (sqlc.arg('ids')::uuid[])
      AND (sqlc.narg('after')::uuid IS NULL
           OR (s.step_sequence, s.id) > (SELECT a.step_sequence, a.id FROM response_steps a WHERE a.id = sqlc.narg('after')::uuid))
    ORDER BY s.step_sequence, s.id
    LIMIT sqlc.arg('page_size')::bigint
), measured AS (
    SELECT p.id, CASE WHEN sqlc.narg('max')::bigint IS NULL THEN 0 ELSE
        coalesce(octet_length(s.request_payload #>> '{}'), 0)::bigint + coalesce(octet_length(s.response_payload #>> '{}'), 0)
        + coalesce(octet_length(s.error #>> '{}'), 0) END AS bytes
    FROM page p JOIN response_steps s ON s.id = p.id
), shown AS (
    SELECT m.id, m.bytes, coalesce(sum(m.bytes) OVER () <= sqlc.narg('max')::bigint, false) AS is_read FROM measured m
)
SELECT s.id, s.request_id, s.step_kind, s.state, s.created_at, s.started_at, s.completed_at, s.failed_at, s.canceled_at,
       (s.error IS NOT NULL)::boolean AS has_error, (s.response_payload IS NOT NULL)::boolean AS has_answer,
       r.model, r.response_status,
       left(CASE s.step_kind WHEN 'tool_call' THEN coalesce(s.request_payload ->> 'name', s.request_payload -> 'function' ->> 'name', '') ELSE '' END, 200)::text AS tool,
       p.bytes::bigint AS bytes,
       (CASE WHEN p.is_read THEN coalesce(s.request_payload #>> '{}', '') ELSE '' END)::text AS prompt,
       (CASE WHEN p.is_read THEN coalesce(s.response_payload #>> '{}', '') ELSE '' END)::text AS answer,
       (CASE WHEN p.is_read THEN coalesce(s.error #>> '{}', '') ELSE '' END)::text AS error_text
FROM shown p
JOIN response_steps s ON s.id = p.id
LEFT JOIN requests r ON r.id = s.request_id
ORDER BY s.step_sequence, s.id;
