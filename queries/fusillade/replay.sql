-- Erasing once more what a restore has brought back.

-- name: ChainsOf :many
-- As Chain, of several requests, whether these are there or not. What belongs to
-- a batch is no response.
WITH RECURSIVE chain AS (
    SELECT s.id, s.request_id, s.parent_step_id, s.prev_step_id
    FROM response_steps s WHERE s.request_id = ANY (sqlc.arg('ids')::uuid[])
    UNION
    SELECT linked.id, linked.request_id, linked.parent_step_id, linked.prev_step_id
    FROM chain c
    CROSS JOIN LATERAL (
        SELECT s.id, s.request_id, s.parent_step_id, s.prev_step_id FROM response_steps s WHERE s.parent_step_id = c.id
        UNION ALL
        SELECT s.id, s.request_id, s.parent_step_id, s.prev_step_id FROM response_steps s WHERE s.prev_step_id = c.id
        UNION ALL
        SELECT s.id, s.request_id, s.parent_step_id, s.prev_step_id FROM response_steps s WHERE s.id = c.parent_step_id
        UNION ALL
        SELECT s.id, s.request_id, s.parent_step_id, s.prev_step_id FROM response_steps s WHERE s.id = c.prev_step_id
    ) linked
)
SELECT c.id, c.request_id FROM chain c
WHERE NOT EXISTS (SELECT FROM requests r WHERE r.id = c.request_id AND r.batch_id IS NOT NULL);
