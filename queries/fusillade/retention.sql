-- Retention rules, and what they begin. Whoever changes a rule locks it first,
-- and reads it after that: what another one has committed meanwhile is then seen.

-- name: AddRuleVersion :exec
INSERT INTO lethe.retention_versions (rule_id, version, name, states, models, tiers, owners, age_days, run_at, max_per_run, changed_at, changed_by)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name: AddRule :exec
INSERT INTO lethe.retention_rules (id, version, created_at, created_by) VALUES ($1, $2, $3, $4);

-- name: LockRule :one
-- The commit must be on disk before it is reported.
SELECT clock_timestamp()::timestamptz AS now,
       set_config('synchronous_commit', coalesce(nullif(current_setting('synchronous_commit'), 'off'), 'on'), true)
FROM lethe.retention_rules WHERE id = sqlc.arg('id') FOR UPDATE;

-- name: Rule :one
SELECT sqlc.embed(r), sqlc.embed(v)
FROM lethe.retention_rules r JOIN lethe.retention_versions v ON v.rule_id = r.id AND v.version = r.version
WHERE r.id = sqlc.arg('id');

-- name: RuleVersion :one
SELECT * FROM lethe.retention_versions WHERE rule_id = sqlc.arg('id') AND version = sqlc.arg('version');

-- name: Rules :many
SELECT sqlc.embed(r), sqlc.embed(v)
FROM lethe.retention_rules r JOIN lethe.retention_versions v ON v.rule_id = r.id AND v.version = r.version
WHERE (r.removed_at IS NOT NULL) = sqlc.arg('removed')::boolean
  AND (r.created_at, r.id) < (coalesce(sqlc.narg('after_created_at')::timestamptz, 'infinity'),
                              coalesce(sqlc.narg('after_id')::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
ORDER BY r.created_at DESC, r.id DESC
LIMIT sqlc.arg('page_size')::bigint;

-- name: UpdateRule :exec
UPDATE lethe.retention_rules SET
    version = sqlc.arg('version'), dry_run_at = sqlc.narg('dry_run_at'), dry_run_counts = sqlc.narg('dry_run_counts'),
    enabled_by = sqlc.narg('enabled_by'), enabled_at = sqlc.narg('enabled_at'), approve_by = sqlc.narg('approve_by'),
    approved_by = sqlc.narg('approved_by'), approved_at = sqlc.narg('approved_at'), next_run_at = sqlc.narg('next_run_at'), last_run_at = sqlc.narg('last_run_at'), last_version = sqlc.narg('last_version'),
    last_erasure_id = sqlc.narg('last_erasure_id'), skipped_at = sqlc.narg('skipped_at'),
    removed_at = sqlc.narg('removed_at'), removed_by = sqlc.narg('removed_by')
WHERE id = sqlc.arg('id');

-- name: DueRules :many
SELECT id FROM lethe.retention_rules
WHERE next_run_at <= sqlc.arg('now')::timestamptz
ORDER BY next_run_at, id
LIMIT sqlc.arg('max')::bigint;

-- name: NextRules :many
SELECT r.id, v.name, r.next_run_at::timestamptz AS at
FROM lethe.retention_rules r JOIN lethe.retention_versions v ON v.rule_id = r.id AND v.version = r.version
WHERE r.next_run_at IS NOT NULL
ORDER BY r.next_run_at, r.id
LIMIT sqlc.arg('max')::bigint;

-- name: RunOfRule :one
-- Whether a run of the rule is not over.
SELECT EXISTS (SELECT FROM lethe.erasures WHERE rule_id = sqlc.arg('rule_id')::uuid AND finished_at IS NULL);

-- name: CancelRuns :exec
-- Waits for what is under way.
UPDATE lethe.erasures SET state = 'canceled', finished_at = sqlc.arg('at')::timestamptz
WHERE rule_id = sqlc.arg('rule_id')::uuid AND finished_at IS NULL;
