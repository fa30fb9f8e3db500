-- Erasures that begin before all of them can be done in one transaction.
--
-- Who locks an intent has locked the rows that it is about before, and that no hold
-- is placed: steps, requests, ShareHolds, LockGone, intents. So whoever is after the same
-- waits for the rows, and nobody for somebody who waits for him. Before all of
-- them comes the bulk erasure that a part is of.

-- name: AddIntent :exec
INSERT INTO lethe.intents (id, trigger, rule_id, rule_version, ground, requested_at, actor_id, role, salt, request_ids, owners,
    raw_requests, raw_responses, erasure_id, responses, shared, instance_ids, correlation_ids)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18);

-- name: Intent :one
SELECT * FROM lethe.intents WHERE id = sqlc.arg('id');

-- name: LockIntent :one
-- Waits for who is finishing it; no row where that has been done. Whether there
-- is its receipt all the same: a restore may have brought back the one, and a
-- mirror of the log the other.
SELECT EXISTS (SELECT FROM lethe.receipts r WHERE r.id = i.id)
FROM lethe.intents i WHERE i.id = sqlc.arg('id') FOR UPDATE OF i;

-- name: IntentFree :one
-- No row where another is finishing it or has. Nothing stays locked: it is a
-- transaction of its own.
SELECT id FROM lethe.intents WHERE id = sqlc.arg('id') FOR UPDATE SKIP LOCKED;

-- name: LockIntents :many
-- Those of these that are still there.
SELECT id FROM lethe.intents WHERE id = ANY (sqlc.arg('ids')::uuid[]) ORDER BY id FOR UPDATE;

-- name: DropIntents :exec
DELETE FROM lethe.intents WHERE id = ANY (sqlc.arg('ids')::uuid[]);

-- name: OpenIntents :many
SELECT id FROM lethe.intents WHERE id > sqlc.arg('after')::uuid ORDER BY id LIMIT sqlc.arg('max')::bigint;

-- name: IntentsOn :many
-- Those that are about any of these requests.
SELECT id, trigger, request_ids, raw_requests, raw_responses FROM lethe.intents WHERE request_ids && sqlc.arg('request_ids')::uuid[];

-- name: IntentsOf :many
-- Those of a bulk erasure.
SELECT id FROM lethe.intents WHERE erasure_id = sqlc.arg('erasure_id')::uuid;

-- name: RecordErased :exec
UPDATE lethe.erasures SET
    done = done + sqlc.arg('responses')::bigint, pass_erased = pass_erased + sqlc.arg('responses')::bigint, receipts = receipts + sqlc.arg('receipts')::bigint,
    requests = requests + sqlc.arg('requests')::bigint, steps = steps + sqlc.arg('steps')::bigint,
    templates = templates + sqlc.arg('templates')::bigint, raw_requests = raw_requests + sqlc.arg('raw_requests')::bigint,
    raw_responses = raw_responses + sqlc.arg('raw_responses')::bigint, tasks = tasks + sqlc.arg('tasks')::bigint,
    files = files + sqlc.arg('files')::bigint, kept_templates = kept_templates + sqlc.arg('kept_templates')::bigint,
    retained = retained + sqlc.arg('retained')::bigint, last_error = ''
WHERE id = sqlc.arg('id');

-- name: WrittenReceipt :one
SELECT body FROM lethe.receipts WHERE id = sqlc.arg('id');

-- name: BeginRehearsal :exec
SAVEPOINT rehearsal;

-- name: EndRehearsal :exec
ROLLBACK TO SAVEPOINT rehearsal;
