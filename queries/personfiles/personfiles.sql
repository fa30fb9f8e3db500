-- name: Durably :exec
-- The commit must be on disk before it is reported.
SELECT set_config('synchronous_commit', coalesce(nullif(current_setting('synchronous_commit'), 'off'), 'on'), true);

-- name: TakeTurn :exec
-- One file is added at a time, or more than the limits allow could be.
SELECT pg_advisory_xact_lock(sqlc.arg('lock')::bigint);

-- name: CountFiles :one
-- What takes, or may soon take, room in the folder.
SELECT count(*)::bigint AS total, (count(*) FILTER (WHERE requested_by = sqlc.arg('requested_by')::uuid))::bigint AS own
FROM lethe.person_files WHERE state IN ('queued', 'running', 'done') OR state = 'expired' AND NOT removed;

-- name: CreateFile :one
INSERT INTO lethe.person_files (id, owner, requested_at, requested_by, subject_request, idempotency_key, due_at)
VALUES (sqlc.arg('id'), sqlc.arg('owner'), sqlc.arg('requested_at'), sqlc.arg('requested_by'), sqlc.narg('subject_request'), sqlc.narg('idempotency_key'), sqlc.arg('requested_at'))
RETURNING *;

-- name: FileByKey :one
SELECT * FROM lethe.person_files WHERE requested_by = sqlc.arg('requested_by')::uuid AND idempotency_key = sqlc.arg('idempotency_key')::text;

-- name: File :one
SELECT * FROM lethe.person_files WHERE id = sqlc.arg('id')::uuid;

-- name: PlanForArguments :exec
-- Each list has its own index.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true);

-- name: Files :many
SELECT * FROM lethe.person_files
WHERE (sqlc.narg('requested_by')::uuid IS NULL OR requested_by = sqlc.narg('requested_by')::uuid)
  AND (sqlc.narg('after_requested_at')::timestamptz IS NULL
       OR (requested_at, id) < (sqlc.narg('after_requested_at')::timestamptz, sqlc.narg('after_id')::uuid))
ORDER BY requested_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint;

-- name: FilesForSubject :many
SELECT * FROM lethe.person_files WHERE subject_request = sqlc.arg('subject_request')::uuid
ORDER BY requested_at DESC, id DESC LIMIT sqlc.arg('max')::bigint;

-- name: KeepDeletedFile :execrows
-- That one was made for a subject request stays known with what that says of people.
UPDATE lethe.person_files f SET state = 'expired', removed = true,
    reason = CASE WHEN f.state = 'expired' THEN f.reason ELSE sqlc.arg('reason')::text END
FROM lethe.subject_requests r
WHERE f.id = sqlc.arg('id')::uuid AND f.sha256 IS NOT NULL AND r.id = f.subject_request AND r.owner IS NOT NULL;

-- name: DeleteFile :execrows
DELETE FROM lethe.person_files WHERE id = sqlc.arg('id')::uuid;

-- name: DueFiles :many
SELECT id, attempt FROM lethe.person_files
WHERE state IN ('queued', 'running') AND due_at <= sqlc.arg('now')::timestamptz
ORDER BY due_at LIMIT sqlc.arg('max')::bigint;

-- name: WaitSeldom :exec
-- Erasures that come later wait as long as this transaction waits for earlier ones.
SELECT set_config('lock_timeout', '1s', true);

-- name: LockFiles :exec
-- Waits for the erasures that have looked for files and are not committed: what they
-- erase can still be read. Later ones find the file that begins.
LOCK TABLE lethe.person_files IN SHARE ROW EXCLUSIVE MODE;

-- name: BeginFile :one
UPDATE lethe.person_files SET state = 'running', attempt = attempt + 1, due_at = sqlc.arg('until')::timestamptz, as_of = sqlc.arg('now')::timestamptz, responses = 0
WHERE id = sqlc.arg('id')::uuid AND attempt = sqlc.arg('attempt')::integer AND state IN ('queued', 'running') AND due_at <= sqlc.arg('now')::timestamptz
RETURNING *;

-- name: RecordFile :execrows
-- Only the newest attempt may go on, and only while nothing was erased.
UPDATE lethe.person_files SET responses = sqlc.arg('responses')::bigint, due_at = sqlc.arg('until')::timestamptz
WHERE id = sqlc.arg('id')::uuid AND attempt = sqlc.arg('attempt')::integer AND state = 'running';

-- name: ReleaseFile :exec
UPDATE lethe.person_files SET state = 'queued', due_at = sqlc.arg('now')::timestamptz
WHERE id = sqlc.arg('id')::uuid AND attempt = sqlc.arg('attempt')::integer AND state = 'running';

-- name: FinishFile :execrows
UPDATE lethe.person_files SET state = 'done', finished_at = sqlc.arg('at')::timestamptz, expires_at = sqlc.arg('expires_at')::timestamptz,
    responses = sqlc.arg('responses')::bigint, bytes = sqlc.arg('bytes')::bigint, sha256 = sqlc.arg('sha256')::bytea
WHERE id = sqlc.arg('id')::uuid AND attempt = sqlc.arg('attempt')::integer AND state = 'running';

-- name: FailFile :exec
UPDATE lethe.person_files SET state = 'failed', finished_at = sqlc.arg('at')::timestamptz, reason = sqlc.arg('reason')::text, removed = true
WHERE id = sqlc.arg('id')::uuid AND attempt = sqlc.arg('attempt')::integer AND state = 'running';

-- name: ExpireFiles :exec
UPDATE lethe.person_files SET state = 'expired', reason = sqlc.arg('reason')::text
WHERE state = 'done' AND expires_at <= sqlc.arg('now')::timestamptz;

-- name: ForgetFiles :exec
-- A row says whose file somebody asked for. Those of subject requests go with what these
-- say of people, or afterwards if they were not gone then.
DELETE FROM lethe.person_files f
WHERE f.removed AND f.state IN ('failed', 'expired') AND f.finished_at < sqlc.arg('before')::timestamptz
  AND NOT EXISTS (SELECT FROM lethe.subject_requests r WHERE r.id = f.subject_request AND r.owner IS NOT NULL);

-- name: RemovableFiles :many
SELECT id FROM lethe.person_files WHERE state = 'expired' AND NOT removed ORDER BY id LIMIT sqlc.arg('max')::bigint;

-- name: FileRemoved :exec
UPDATE lethe.person_files SET removed = true WHERE id = sqlc.arg('id')::uuid AND state = 'expired';

-- name: LiveFiles :many
SELECT id FROM lethe.person_files
WHERE id = ANY (sqlc.arg('ids')::uuid[]) AND state IN ('queued', 'running', 'done');

-- name: ReceiptsOf :many
-- Of erasures that somebody asked for, and those that were about all of theirs, while
-- that is known.
SELECT receipt_id FROM (
    SELECT s.receipt_id FROM lethe.receipt_secrets s WHERE s.actor_id = sqlc.arg('owner')::uuid
    UNION
    SELECT r.receipt_id FROM lethe.erasures e JOIN lethe.erasure_receipts r ON r.erasure_id = e.id
    WHERE e.kind = 'owner' AND e.target ->> 'owner' = sqlc.arg('owner')::uuid::text
) AS found
WHERE receipt_id > sqlc.arg('after')::uuid
ORDER BY receipt_id LIMIT sqlc.arg('max')::bigint;

-- name: TallyFiles :many
SELECT state, count(*)::bigint AS files, coalesce(sum(bytes) FILTER (WHERE NOT removed AND state IN ('done', 'expired')), 0)::bigint AS bytes,
    (count(*) FILTER (WHERE state = 'expired' AND NOT removed))::bigint AS to_remove
FROM lethe.person_files GROUP BY state;
