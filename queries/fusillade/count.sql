-- The conditions are those of page.sql, without order and bounds, and without
-- that on batches: a check of the table has it that a row with an owner has
-- none, and the indexes by owner hold all that a plain count needs to know.
-- Where owners are given, it is not asked whether a row has one: the planner
-- would take that for another coincidence, and expect too few rows.
--
-- The duration is spelled as in the statistics that doctor advises.

-- name: Count :one
SELECT count(*) FROM requests
WHERE (sqlc.narg('owners')::text[] IS NOT NULL OR created_by IS NOT NULL)
  AND (sqlc.narg('owners')::text[] IS NULL OR created_by = ANY (sqlc.narg('owners')::text[]))
  AND (sqlc.narg('states')::text[] IS NULL OR state = ANY (sqlc.narg('states')::text[]))
  AND (sqlc.narg('models')::text[] IS NULL OR model = ANY (sqlc.narg('models')::text[]))
  AND (sqlc.narg('tiers')::text[] IS NULL OR service_tier = ANY (sqlc.narg('tiers')::text[]))
  AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
  AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
  AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
  AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
  AND (sqlc.narg('min_duration')::interval IS NULL OR (started_at IN ('infinity', '-infinity')) IS NOT TRUE
      AND (completed_at IN ('infinity', '-infinity')) IS NOT TRUE AND completed_at - started_at >= sqlc.narg('min_duration')::interval)
  AND (sqlc.narg('has_error')::boolean IS NULL OR (error IS NOT NULL) = sqlc.narg('has_error')::boolean);

-- name: CountOfOwner :one
SELECT count(*) FROM requests
WHERE created_by = sqlc.arg('owner')::text
  AND (sqlc.narg('states')::text[] IS NULL OR state = ANY (sqlc.narg('states')::text[]))
  AND (sqlc.narg('models')::text[] IS NULL OR model = ANY (sqlc.narg('models')::text[]))
  AND (sqlc.narg('tiers')::text[] IS NULL OR service_tier = ANY (sqlc.narg('tiers')::text[]))
  AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
  AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
  AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
  AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
  AND (sqlc.narg('min_duration')::interval IS NULL OR (started_at IN ('infinity', '-infinity')) IS NOT TRUE
      AND (completed_at IN ('infinity', '-infinity')) IS NOT TRUE AND completed_at - started_at >= sqlc.narg('min_duration')::interval)
  AND (sqlc.narg('has_error')::boolean IS NULL OR (error IS NOT NULL) = sqlc.narg('has_error')::boolean);

-- name: CountOfOwnerUpTo :one
-- Reads no more than it counts, and in the order of an index, or the planner
-- would find half of the table cheaper for an owner of many.
SELECT count(*) FROM (
    SELECT FROM requests WHERE created_by = sqlc.arg('owner')::text
    ORDER BY created_at DESC, id DESC LIMIT sqlc.arg('at_most')::bigint
) counted;

-- name: LimitCount :exec
-- For what follows in the same transaction. A plan made for the filters leaves
-- out those that are not given; one process for each count is enough, and its
-- plan says how many rows it expects in all. A count is over before it would pay to
-- compile it.
SELECT set_config('statement_timeout', sqlc.arg('at_most')::text, true),
       set_config('plan_cache_mode', 'force_custom_plan', true),
       set_config('max_parallel_workers_per_gather', '0', true),
       set_config('jit', 'off', true);
