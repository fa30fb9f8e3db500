-- What people ask about their own data.

-- name: CreateSubjectRequest :one
INSERT INTO lethe.subject_requests (id, kind, owner, ticket, state, received_at, due_at, created_at, created_by)
VALUES (sqlc.arg('id'), sqlc.arg('kind'), sqlc.arg('owner')::uuid, sqlc.arg('ticket'), sqlc.arg('state'),
        sqlc.arg('received_at'), sqlc.arg('due_at'), sqlc.arg('created_at'), sqlc.arg('created_by')::uuid)
RETURNING *;

-- name: SubjectRequest :one
SELECT * FROM lethe.subject_requests WHERE id = sqlc.arg('id');

-- name: LockSubjectRequest :one
SELECT * FROM lethe.subject_requests WHERE id = sqlc.arg('id') FOR UPDATE;

-- name: WorkForSubject :one
-- A statement of its own after the lock: it sees what was begun until then.
SELECT ARRAY(SELECT DISTINCT e.state FROM lethe.erasures e WHERE e.subject_request = sqlc.arg('id')::uuid)::text[] AS erasures,
    EXISTS (SELECT FROM lethe.person_files f WHERE f.subject_request = sqlc.arg('id')::uuid AND f.sha256 IS NOT NULL) AS file_made;

-- name: ChangeSubjectRequest :one
UPDATE lethe.subject_requests SET
    state = sqlc.arg('state'), due_at = sqlc.arg('due_at'),
    identity_checked_at = sqlc.narg('identity_checked_at'), identity_checked_by = sqlc.narg('identity_checked_by'),
    extended_at = sqlc.narg('extended_at'), extended_by = sqlc.narg('extended_by'), extension = sqlc.narg('extension'),
    ended_at = sqlc.narg('ended_at'), ended_by = sqlc.narg('ended_by'), refusal = sqlc.narg('refusal')
WHERE id = sqlc.arg('id')
RETURNING *;

-- name: SubjectRequests :many
SELECT * FROM lethe.subject_requests
WHERE (sqlc.narg('open')::boolean IS NULL OR (ended_at IS NULL) = sqlc.narg('open')::boolean)
  AND (sqlc.narg('of_owner')::uuid IS NULL OR owner = sqlc.narg('of_owner')::uuid)
  AND (created_at, id) < (coalesce(sqlc.narg('after_created_at')::timestamptz, 'infinity'),
                          coalesce(sqlc.narg('after_id')::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
ORDER BY created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint;

-- name: OpenSubjectRequests :one
SELECT count(*) AS open, count(*) FILTER (WHERE due_at < sqlc.arg('now')::timestamptz) AS overdue, min(due_at)::timestamptz AS next_due_at
FROM lethe.subject_requests WHERE ended_at IS NULL
HAVING count(*) > 0;

-- name: ForgetSubjects :one
WITH forgotten AS (
    UPDATE lethe.subject_requests SET owner = NULL, ticket = '', created_by = NULL, identity_checked_by = NULL, extended_by = NULL, ended_by = NULL
    WHERE ended_at < sqlc.arg('before')::timestamptz AND owner IS NOT NULL
    RETURNING id
), files AS (
    DELETE FROM lethe.person_files f USING forgotten s
    WHERE f.subject_request = s.id AND f.removed AND f.state IN ('failed', 'expired')
)
SELECT count(*) FROM forgotten;
