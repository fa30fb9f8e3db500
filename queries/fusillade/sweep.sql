-- Looking for what was written of a response after it had been erased.

-- name: DueTombstones :many
-- Those that another process is looking for are left to it.
SELECT receipt_id, request_ids, sweeps FROM lethe.tombstones
WHERE due_at <= clock_timestamp()
ORDER BY due_at
LIMIT sqlc.arg('max')
FOR UPDATE SKIP LOCKED;

-- name: PostponeTombstones :exec
UPDATE lethe.tombstones t SET due_at = clock_timestamp() + d.after, sweeps = d.sweeps
FROM (SELECT unnest(sqlc.arg('receipt_ids')::uuid[]) AS receipt_id, unnest(sqlc.arg('afters')::interval[]) AS after,
             unnest(sqlc.arg('sweeps')::integer[]) AS sweeps) d
WHERE t.receipt_id = d.receipt_id;

-- name: RemoveTombstones :exec
DELETE FROM lethe.tombstones WHERE receipt_id = ANY (sqlc.arg('receipt_ids')::uuid[]);

-- name: RowsRemain :many
SELECT id FROM requests WHERE id = ANY (sqlc.arg('ids')::uuid[])
UNION SELECT request_id FROM response_steps WHERE request_id = ANY (sqlc.arg('ids')::uuid[]);

-- name: StepsOf :many
SELECT id FROM response_steps WHERE request_id = ANY (sqlc.arg('ids')::uuid[]) ORDER BY id FOR UPDATE;

-- name: RawRequestsRemain :many
SELECT DISTINCT a.fusillade_request_id::uuid AS id FROM http_requests r
JOIN public.http_analytics a ON r.instance_id = a.instance_id AND r.correlation_id = a.correlation_id
WHERE a.fusillade_request_id = ANY (sqlc.arg('ids')::uuid[]);

-- name: RawResponsesRemain :many
SELECT DISTINCT a.fusillade_request_id::uuid AS id FROM http_responses r
JOIN public.http_analytics a ON r.instance_id = a.instance_id AND r.correlation_id = a.correlation_id
WHERE a.fusillade_request_id = ANY (sqlc.arg('ids')::uuid[]);

-- name: TasksRemain :many
SELECT DISTINCT (input -> 'step_input' ->> 'request_id')::uuid AS id FROM underway.task
WHERE task_queue_name IN ('create-response', 'complete-response')
  AND input -> 'step_input' ->> 'request_id' = ANY (sqlc.arg('ids')::text[]);
