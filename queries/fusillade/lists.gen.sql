-- Code generated from lists.tmpl. DO NOT EDIT.

-- A query for each order, of one owner and of all or several: each has an index
-- of its own, and the order is spelled exactly as that index spells it. Bodies
-- are never read here.
--
-- A list that nothing narrows but an owner is Unfiltered: it has one plan for ever,
-- none of the cost of planning, and no conditions to prepare each time. Where there are
-- filters (narrowed), the plan is to be made for them, which PlanForArguments sees to:
-- those that are not given then vanish. That they hang on one switch keeps the planner
-- from taking them for many coincidences where it does not know them: it would expect
-- next to no rows, and rather sort those than follow the order of an index.
--
-- A page read with its usage may come in any order: the caller sorts it.
--
-- num_nulls(batch_id) <> 0 means batch_id IS NULL. Every row with an owner has
-- no batch, but the planner does not know that: where most rows are of batches
-- it would take the plain condition for a rare coincidence, expect next to
-- nothing, and choose and estimate accordingly. Of this one it expects that
-- nearly all rows pass.
--
-- A page that goes on after a row asks InRank for what is left of that row's
-- rank, and ActiveFirst for the ranks above it.
--
-- What a response has to pass is "filter", below: there alone. A parameter of it is
-- a field of dbsqlc.CountOfCostParams, which filter.go fills.

-- name: Page :many
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error
FROM requests
WHERE num_nulls(created_by) <> 1 AND num_nulls(batch_id) <> 0
  AND CASE WHEN sqlc.arg('narrowed')::boolean THEN (sqlc.narg('owners')::text[] IS NULL OR created_by = ANY (sqlc.narg('owners')::text[]))
      AND (sqlc.narg('states')::text[] IS NULL OR CASE cardinality(sqlc.narg('states')::text[]) WHEN 1 THEN state = (sqlc.narg('states')::text[])[1] ELSE state = ANY (sqlc.narg('states')::text[]) END)
      AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR CASE WHEN sqlc.narg('has_error')::boolean THEN num_nulls(error) = 0 ELSE error IS NULL END)
      AND (sqlc.narg('models')::text[] IS NULL OR CASE cardinality(sqlc.narg('models')::text[]) WHEN 1 THEN model = (sqlc.narg('models')::text[])[1] ELSE model = ANY (sqlc.narg('models')::text[]) END)
      AND (sqlc.narg('tiers')::text[] IS NULL OR CASE cardinality(sqlc.narg('tiers')::text[]) WHEN 1 THEN service_tier = (sqlc.narg('tiers')::text[])[1] ELSE service_tier = ANY (sqlc.narg('tiers')::text[]) END)
      AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
      AND (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval)
      ELSE true END
  AND (created_at, id) < (coalesce(sqlc.narg('after_created_at')::timestamptz, 'infinity'),
                          coalesce(sqlc.narg('after_id')::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
ORDER BY created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint OFFSET sqlc.arg('skip')::bigint;

-- name: PageActiveFirst :many
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error
FROM requests
WHERE num_nulls(created_by) <> 1 AND num_nulls(batch_id) <> 0
  AND CASE WHEN sqlc.arg('narrowed')::boolean THEN (sqlc.narg('owners')::text[] IS NULL OR created_by = ANY (sqlc.narg('owners')::text[]))
      AND (sqlc.narg('states')::text[] IS NULL OR CASE cardinality(sqlc.narg('states')::text[]) WHEN 1 THEN state = (sqlc.narg('states')::text[])[1] ELSE state = ANY (sqlc.narg('states')::text[]) END)
      AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR CASE WHEN sqlc.narg('has_error')::boolean THEN num_nulls(error) = 0 ELSE error IS NULL END)
      AND (sqlc.narg('models')::text[] IS NULL OR CASE cardinality(sqlc.narg('models')::text[]) WHEN 1 THEN model = (sqlc.narg('models')::text[])[1] ELSE model = ANY (sqlc.narg('models')::text[]) END)
      AND (sqlc.narg('tiers')::text[] IS NULL OR CASE cardinality(sqlc.narg('tiers')::text[]) WHEN 1 THEN service_tier = (sqlc.narg('tiers')::text[])[1] ELSE service_tier = ANY (sqlc.narg('tiers')::text[]) END)
      AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
      AND (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval)
      AND CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END <= sqlc.arg('up_to_rank')::integer
      ELSE true END
  AND CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END > sqlc.arg('above_rank')::integer
ORDER BY CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END,
         created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint OFFSET sqlc.arg('skip')::bigint;

-- name: PageInRank :many
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error
FROM requests
WHERE num_nulls(created_by) <> 1 AND num_nulls(batch_id) <> 0
  AND CASE WHEN sqlc.arg('narrowed')::boolean THEN (sqlc.narg('owners')::text[] IS NULL OR created_by = ANY (sqlc.narg('owners')::text[]))
      AND (sqlc.narg('states')::text[] IS NULL OR CASE cardinality(sqlc.narg('states')::text[]) WHEN 1 THEN state = (sqlc.narg('states')::text[])[1] ELSE state = ANY (sqlc.narg('states')::text[]) END)
      AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR CASE WHEN sqlc.narg('has_error')::boolean THEN num_nulls(error) = 0 ELSE error IS NULL END)
      AND (sqlc.narg('models')::text[] IS NULL OR CASE cardinality(sqlc.narg('models')::text[]) WHEN 1 THEN model = (sqlc.narg('models')::text[])[1] ELSE model = ANY (sqlc.narg('models')::text[]) END)
      AND (sqlc.narg('tiers')::text[] IS NULL OR CASE cardinality(sqlc.narg('tiers')::text[]) WHEN 1 THEN service_tier = (sqlc.narg('tiers')::text[])[1] ELSE service_tier = ANY (sqlc.narg('tiers')::text[]) END)
      AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
      AND (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval)
      ELSE true END
  AND CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END = sqlc.arg('in_rank')::integer
  AND (created_at, id) < (sqlc.arg('after_created_at')::timestamptz, sqlc.arg('after_id')::uuid)
ORDER BY created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint;

-- name: Next :many
-- What follows in an erasure, the oldest first.
SELECT id, created_at
FROM requests
WHERE num_nulls(created_by) <> 1 AND num_nulls(batch_id) <> 0
  AND CASE WHEN sqlc.arg('narrowed')::boolean THEN (sqlc.narg('owners')::text[] IS NULL OR created_by = ANY (sqlc.narg('owners')::text[]))
      AND (sqlc.narg('states')::text[] IS NULL OR CASE cardinality(sqlc.narg('states')::text[]) WHEN 1 THEN state = (sqlc.narg('states')::text[])[1] ELSE state = ANY (sqlc.narg('states')::text[]) END)
      AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR CASE WHEN sqlc.narg('has_error')::boolean THEN num_nulls(error) = 0 ELSE error IS NULL END)
      AND (sqlc.narg('models')::text[] IS NULL OR CASE cardinality(sqlc.narg('models')::text[]) WHEN 1 THEN model = (sqlc.narg('models')::text[])[1] ELSE model = ANY (sqlc.narg('models')::text[]) END)
      AND (sqlc.narg('tiers')::text[] IS NULL OR CASE cardinality(sqlc.narg('tiers')::text[]) WHEN 1 THEN service_tier = (sqlc.narg('tiers')::text[])[1] ELSE service_tier = ANY (sqlc.narg('tiers')::text[]) END)
      AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
      AND (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval)
      ELSE true END
  AND (created_at, id) > (coalesce(sqlc.narg('after_created_at')::timestamptz, '-infinity'),
                          coalesce(sqlc.narg('after_id')::uuid, '00000000-0000-0000-0000-000000000000'))
ORDER BY created_at, id
LIMIT sqlc.arg('max')::bigint;

-- name: Count :one
-- Without order and bounds, and without the condition on batches: a check of the
-- table has it that a row with an owner has none, and the indexes by owner hold all
-- that a plain count needs to know. Where owners are given, it is not asked whether a
-- row has one: the planner would take that for another coincidence, and expect too
-- few rows.
SELECT count(*) FROM requests
WHERE (sqlc.narg('owners')::text[] IS NOT NULL OR created_by IS NOT NULL)
  AND (sqlc.narg('owners')::text[] IS NULL OR created_by = ANY (sqlc.narg('owners')::text[]))
      AND (sqlc.narg('states')::text[] IS NULL OR state = ANY (sqlc.narg('states')::text[]))
      AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR (error IS NOT NULL) = sqlc.narg('has_error')::boolean)
      AND (sqlc.narg('models')::text[] IS NULL OR model = ANY (sqlc.narg('models')::text[]))
      AND (sqlc.narg('tiers')::text[] IS NULL OR service_tier = ANY (sqlc.narg('tiers')::text[]))
      AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
      AND (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval);

-- name: Figures :many
-- Of each bucket and series, of which the largest are kept. A series is what its
-- responses have in common after =, empty where that is nothing; the others are other.
-- In collation C, as words are only told apart: any other takes longer.
-- It reads the responses once, and neither sorts them nor unpacks anything.
WITH found AS MATERIALIZED (
    SELECT date_bin(sqlc.arg('stride')::interval, created_at, '2000-01-01 00:00Z'::timestamptz)::timestamptz AS bucket, coalesce('=' || CASE sqlc.arg('by')::text
        WHEN 'model' THEN model WHEN 'state' THEN state WHEN 'tier' THEN service_tier WHEN 'owner' THEN created_by END, '')::text COLLATE "C" AS series,
           count(*) AS responses, count(*) FILTER (WHERE state = 'failed') AS failures
    FROM requests
    WHERE (sqlc.narg('owners')::text[] IS NOT NULL OR created_by IS NOT NULL) AND (sqlc.narg('owners')::text[] IS NULL OR created_by = ANY (sqlc.narg('owners')::text[]))
      AND (sqlc.narg('states')::text[] IS NULL OR state = ANY (sqlc.narg('states')::text[]))
      AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR (error IS NOT NULL) = sqlc.narg('has_error')::boolean)
      AND (sqlc.narg('models')::text[] IS NULL OR model = ANY (sqlc.narg('models')::text[]))
      AND (sqlc.narg('tiers')::text[] IS NULL OR service_tier = ANY (sqlc.narg('tiers')::text[]))
      AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
      AND (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval)
    GROUP BY 1, 2
), largest AS (
    SELECT series FROM found GROUP BY series ORDER BY sum(responses) DESC, series LIMIT sqlc.arg('max')::bigint
)
SELECT f.bucket::timestamptz AS bucket, coalesce(l.series, 'other')::text AS series,
       sum(f.responses)::bigint AS responses, sum(f.failures)::bigint AS failures
FROM found f LEFT JOIN largest l ON l.series = f.series
GROUP BY 1, 2;

-- name: FigureDurations :many
-- Percentiles in microseconds, of less than 300 years as Go's durations are; known is how
-- many durations there are. It sorts them.
SELECT p.bucket::timestamptz AS bucket, (CASE WHEN p.series = ANY (sqlc.arg('largest')::text[]) THEN p.series ELSE 'other' END)::text AS series, count(p.duration) AS known,
       greatest(least(coalesce(extract(epoch FROM percentile_disc(0.5) WITHIN GROUP (ORDER BY p.duration)) * 1000000, 0), 9e15), -9e15)::bigint AS p50,
       greatest(least(coalesce(extract(epoch FROM percentile_disc(0.95) WITHIN GROUP (ORDER BY p.duration)) * 1000000, 0), 9e15), -9e15)::bigint AS p95
FROM (
SELECT id, date_bin(sqlc.arg('stride')::interval, created_at, '2000-01-01 00:00Z'::timestamptz)::timestamptz AS bucket, coalesce('=' || CASE sqlc.arg('by')::text
        WHEN 'model' THEN model WHEN 'state' THEN state WHEN 'tier' THEN service_tier WHEN 'owner' THEN created_by END, '')::text COLLATE "C" AS series, CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END AS duration
    FROM requests
    WHERE (sqlc.narg('owners')::text[] IS NOT NULL OR created_by IS NOT NULL) AND (sqlc.narg('owners')::text[] IS NULL OR created_by = ANY (sqlc.narg('owners')::text[]))
      AND (sqlc.narg('states')::text[] IS NULL OR state = ANY (sqlc.narg('states')::text[]))
      AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR (error IS NOT NULL) = sqlc.narg('has_error')::boolean)
      AND (sqlc.narg('models')::text[] IS NULL OR model = ANY (sqlc.narg('models')::text[]))
      AND (sqlc.narg('tiers')::text[] IS NULL OR service_tier = ANY (sqlc.narg('tiers')::text[]))
      AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
      AND (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval)
) p
GROUP BY 1, 2;

-- name: FigureUsage :many
-- Sums of the newest usage record of each response; -1 or empty is unknown.
SELECT u.bucket::timestamptz AS bucket, u.series::text AS series,
       least(coalesce(sum(u.prompt_tokens), -1), 9223372036854775807)::bigint AS prompt_tokens,
       least(coalesce(sum(u.completion_tokens), -1), 9223372036854775807)::bigint AS completion_tokens,
       least(coalesce(sum(u.reasoning_tokens), -1), 9223372036854775807)::bigint AS reasoning_tokens,
       least(coalesce(sum(u.total_tokens), -1), 9223372036854775807)::bigint AS total_tokens,
       coalesce(sum(nullif(nullif(u.total_cost, ''), 'NaN')::numeric)::text, '')::text AS total_cost
FROM (
    SELECT p.bucket, (CASE WHEN p.series = ANY (sqlc.arg('largest')::text[]) THEN p.series ELSE 'other' END)::text AS series, a.prompt_tokens, a.completion_tokens, a.reasoning_tokens, a.total_tokens,
           coalesce(a.total_cost::text, '')::text AS total_cost
    FROM (
SELECT id, date_bin(sqlc.arg('stride')::interval, created_at, '2000-01-01 00:00Z'::timestamptz)::timestamptz AS bucket, coalesce('=' || CASE sqlc.arg('by')::text
        WHEN 'model' THEN model WHEN 'state' THEN state WHEN 'tier' THEN service_tier WHEN 'owner' THEN created_by END, '')::text COLLATE "C" AS series, CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END AS duration
    FROM requests
    WHERE (sqlc.narg('owners')::text[] IS NOT NULL OR created_by IS NOT NULL) AND (sqlc.narg('owners')::text[] IS NULL OR created_by = ANY (sqlc.narg('owners')::text[]))
      AND (sqlc.narg('states')::text[] IS NULL OR state = ANY (sqlc.narg('states')::text[]))
      AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR (error IS NOT NULL) = sqlc.narg('has_error')::boolean)
      AND (sqlc.narg('models')::text[] IS NULL OR model = ANY (sqlc.narg('models')::text[]))
      AND (sqlc.narg('tiers')::text[] IS NULL OR service_tier = ANY (sqlc.narg('tiers')::text[]))
      AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
      AND (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval)
    ) p
    LEFT JOIN LATERAL (
        SELECT n.prompt_tokens, n.completion_tokens, n.reasoning_tokens, n.total_tokens, n.total_cost
        FROM public.http_analytics n
        WHERE n.fusillade_request_id = p.id ORDER BY n.timestamp DESC, n.id DESC LIMIT 1
    ) a ON true
) u
GROUP BY 1, 2;

-- name: PageOfOwner :many
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error
FROM requests
WHERE created_by = sqlc.arg('owner')::text AND num_nulls(batch_id) <> 0
  AND CASE WHEN sqlc.arg('narrowed')::boolean THEN num_nulls(created_by) <> 1
      AND (sqlc.narg('states')::text[] IS NULL OR CASE cardinality(sqlc.narg('states')::text[]) WHEN 1 THEN state = (sqlc.narg('states')::text[])[1] ELSE state = ANY (sqlc.narg('states')::text[]) END)
      AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR CASE WHEN sqlc.narg('has_error')::boolean THEN num_nulls(error) = 0 ELSE error IS NULL END)
      AND (sqlc.narg('models')::text[] IS NULL OR CASE cardinality(sqlc.narg('models')::text[]) WHEN 1 THEN model = (sqlc.narg('models')::text[])[1] ELSE model = ANY (sqlc.narg('models')::text[]) END)
      AND (sqlc.narg('tiers')::text[] IS NULL OR CASE cardinality(sqlc.narg('tiers')::text[]) WHEN 1 THEN service_tier = (sqlc.narg('tiers')::text[])[1] ELSE service_tier = ANY (sqlc.narg('tiers')::text[]) END)
      AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
      AND (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval)
      ELSE true END
  AND (created_at, id) < (coalesce(sqlc.narg('after_created_at')::timestamptz, 'infinity'),
                          coalesce(sqlc.narg('after_id')::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
ORDER BY created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint OFFSET sqlc.arg('skip')::bigint;

-- name: PageOfOwnerActiveFirst :many
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error
FROM requests
WHERE created_by = sqlc.arg('owner')::text AND num_nulls(batch_id) <> 0
  AND CASE WHEN sqlc.arg('narrowed')::boolean THEN num_nulls(created_by) <> 1
      AND (sqlc.narg('states')::text[] IS NULL OR CASE cardinality(sqlc.narg('states')::text[]) WHEN 1 THEN state = (sqlc.narg('states')::text[])[1] ELSE state = ANY (sqlc.narg('states')::text[]) END)
      AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR CASE WHEN sqlc.narg('has_error')::boolean THEN num_nulls(error) = 0 ELSE error IS NULL END)
      AND (sqlc.narg('models')::text[] IS NULL OR CASE cardinality(sqlc.narg('models')::text[]) WHEN 1 THEN model = (sqlc.narg('models')::text[])[1] ELSE model = ANY (sqlc.narg('models')::text[]) END)
      AND (sqlc.narg('tiers')::text[] IS NULL OR CASE cardinality(sqlc.narg('tiers')::text[]) WHEN 1 THEN service_tier = (sqlc.narg('tiers')::text[])[1] ELSE service_tier = ANY (sqlc.narg('tiers')::text[]) END)
      AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
      AND (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval)
      AND CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END <= sqlc.arg('up_to_rank')::integer
      ELSE true END
  AND CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END > sqlc.arg('above_rank')::integer
ORDER BY CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END,
         created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint OFFSET sqlc.arg('skip')::bigint;

-- name: PageOfOwnerInRank :many
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error
FROM requests
WHERE created_by = sqlc.arg('owner')::text AND num_nulls(batch_id) <> 0
  AND CASE WHEN sqlc.arg('narrowed')::boolean THEN num_nulls(created_by) <> 1
      AND (sqlc.narg('states')::text[] IS NULL OR CASE cardinality(sqlc.narg('states')::text[]) WHEN 1 THEN state = (sqlc.narg('states')::text[])[1] ELSE state = ANY (sqlc.narg('states')::text[]) END)
      AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR CASE WHEN sqlc.narg('has_error')::boolean THEN num_nulls(error) = 0 ELSE error IS NULL END)
      AND (sqlc.narg('models')::text[] IS NULL OR CASE cardinality(sqlc.narg('models')::text[]) WHEN 1 THEN model = (sqlc.narg('models')::text[])[1] ELSE model = ANY (sqlc.narg('models')::text[]) END)
      AND (sqlc.narg('tiers')::text[] IS NULL OR CASE cardinality(sqlc.narg('tiers')::text[]) WHEN 1 THEN service_tier = (sqlc.narg('tiers')::text[])[1] ELSE service_tier = ANY (sqlc.narg('tiers')::text[]) END)
      AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
      AND (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval)
      ELSE true END
  AND CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END = sqlc.arg('in_rank')::integer
  AND (created_at, id) < (sqlc.arg('after_created_at')::timestamptz, sqlc.arg('after_id')::uuid)
ORDER BY created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint;

-- name: NextOfOwner :many
-- What follows in an erasure, the oldest first.
SELECT id, created_at
FROM requests
WHERE created_by = sqlc.arg('owner')::text AND num_nulls(batch_id) <> 0
  AND CASE WHEN sqlc.arg('narrowed')::boolean THEN num_nulls(created_by) <> 1
      AND (sqlc.narg('states')::text[] IS NULL OR CASE cardinality(sqlc.narg('states')::text[]) WHEN 1 THEN state = (sqlc.narg('states')::text[])[1] ELSE state = ANY (sqlc.narg('states')::text[]) END)
      AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR CASE WHEN sqlc.narg('has_error')::boolean THEN num_nulls(error) = 0 ELSE error IS NULL END)
      AND (sqlc.narg('models')::text[] IS NULL OR CASE cardinality(sqlc.narg('models')::text[]) WHEN 1 THEN model = (sqlc.narg('models')::text[])[1] ELSE model = ANY (sqlc.narg('models')::text[]) END)
      AND (sqlc.narg('tiers')::text[] IS NULL OR CASE cardinality(sqlc.narg('tiers')::text[]) WHEN 1 THEN service_tier = (sqlc.narg('tiers')::text[])[1] ELSE service_tier = ANY (sqlc.narg('tiers')::text[]) END)
      AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
      AND (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval)
      ELSE true END
  AND (created_at, id) > (coalesce(sqlc.narg('after_created_at')::timestamptz, '-infinity'),
                          coalesce(sqlc.narg('after_id')::uuid, '00000000-0000-0000-0000-000000000000'))
ORDER BY created_at, id
LIMIT sqlc.arg('max')::bigint;

-- name: CountOfOwner :one
-- Without order and bounds, and without the condition on batches: a check of the
-- table has it that a row with an owner has none, and the indexes by owner hold all
-- that a plain count needs to know. Where owners are given, it is not asked whether a
-- row has one: the planner would take that for another coincidence, and expect too
-- few rows.
SELECT count(*) FROM requests
WHERE created_by = sqlc.arg('owner')::text
  AND num_nulls(created_by) <> 1
      AND (sqlc.narg('states')::text[] IS NULL OR state = ANY (sqlc.narg('states')::text[]))
      AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR (error IS NOT NULL) = sqlc.narg('has_error')::boolean)
      AND (sqlc.narg('models')::text[] IS NULL OR model = ANY (sqlc.narg('models')::text[]))
      AND (sqlc.narg('tiers')::text[] IS NULL OR service_tier = ANY (sqlc.narg('tiers')::text[]))
      AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
      AND (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval);

-- name: PageOfCost :many
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error
FROM requests
WHERE num_nulls(created_by) <> 1 AND num_nulls(batch_id) <> 0
  AND CASE WHEN sqlc.arg('narrowed')::boolean THEN (sqlc.narg('owners')::text[] IS NULL OR created_by = ANY (sqlc.narg('owners')::text[]))
      AND (sqlc.narg('states')::text[] IS NULL OR CASE cardinality(sqlc.narg('states')::text[]) WHEN 1 THEN state = (sqlc.narg('states')::text[])[1] ELSE state = ANY (sqlc.narg('states')::text[]) END)
      AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR CASE WHEN sqlc.narg('has_error')::boolean THEN num_nulls(error) = 0 ELSE error IS NULL END)
      AND (sqlc.narg('models')::text[] IS NULL OR CASE cardinality(sqlc.narg('models')::text[]) WHEN 1 THEN model = (sqlc.narg('models')::text[])[1] ELSE model = ANY (sqlc.narg('models')::text[]) END)
      AND (sqlc.narg('tiers')::text[] IS NULL OR CASE cardinality(sqlc.narg('tiers')::text[]) WHEN 1 THEN service_tier = (sqlc.narg('tiers')::text[])[1] ELSE service_tier = ANY (sqlc.narg('tiers')::text[]) END)
      AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
      AND (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval)
      AND nullif((SELECT a.total_cost FROM public.http_analytics a WHERE a.fusillade_request_id = requests.id
           ORDER BY a.timestamp DESC, a.id DESC LIMIT 1), 'NaN') >= sqlc.arg('min_total_cost')::text::numeric
      ELSE true END
  AND (created_at, id) < (coalesce(sqlc.narg('after_created_at')::timestamptz, 'infinity'),
                          coalesce(sqlc.narg('after_id')::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
ORDER BY created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint OFFSET sqlc.arg('skip')::bigint;

-- name: PageOfCostActiveFirst :many
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error
FROM requests
WHERE num_nulls(created_by) <> 1 AND num_nulls(batch_id) <> 0
  AND CASE WHEN sqlc.arg('narrowed')::boolean THEN (sqlc.narg('owners')::text[] IS NULL OR created_by = ANY (sqlc.narg('owners')::text[]))
      AND (sqlc.narg('states')::text[] IS NULL OR CASE cardinality(sqlc.narg('states')::text[]) WHEN 1 THEN state = (sqlc.narg('states')::text[])[1] ELSE state = ANY (sqlc.narg('states')::text[]) END)
      AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR CASE WHEN sqlc.narg('has_error')::boolean THEN num_nulls(error) = 0 ELSE error IS NULL END)
      AND (sqlc.narg('models')::text[] IS NULL OR CASE cardinality(sqlc.narg('models')::text[]) WHEN 1 THEN model = (sqlc.narg('models')::text[])[1] ELSE model = ANY (sqlc.narg('models')::text[]) END)
      AND (sqlc.narg('tiers')::text[] IS NULL OR CASE cardinality(sqlc.narg('tiers')::text[]) WHEN 1 THEN service_tier = (sqlc.narg('tiers')::text[])[1] ELSE service_tier = ANY (sqlc.narg('tiers')::text[]) END)
      AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
      AND (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval)
      AND nullif((SELECT a.total_cost FROM public.http_analytics a WHERE a.fusillade_request_id = requests.id
           ORDER BY a.timestamp DESC, a.id DESC LIMIT 1), 'NaN') >= sqlc.arg('min_total_cost')::text::numeric
      AND CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END <= sqlc.arg('up_to_rank')::integer
      ELSE true END
  AND CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END > sqlc.arg('above_rank')::integer
ORDER BY CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END,
         created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint OFFSET sqlc.arg('skip')::bigint;

-- name: PageOfCostInRank :many
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error
FROM requests
WHERE num_nulls(created_by) <> 1 AND num_nulls(batch_id) <> 0
  AND CASE WHEN sqlc.arg('narrowed')::boolean THEN (sqlc.narg('owners')::text[] IS NULL OR created_by = ANY (sqlc.narg('owners')::text[]))
      AND (sqlc.narg('states')::text[] IS NULL OR CASE cardinality(sqlc.narg('states')::text[]) WHEN 1 THEN state = (sqlc.narg('states')::text[])[1] ELSE state = ANY (sqlc.narg('states')::text[]) END)
      AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR CASE WHEN sqlc.narg('has_error')::boolean THEN num_nulls(error) = 0 ELSE error IS NULL END)
      AND (sqlc.narg('models')::text[] IS NULL OR CASE cardinality(sqlc.narg('models')::text[]) WHEN 1 THEN model = (sqlc.narg('models')::text[])[1] ELSE model = ANY (sqlc.narg('models')::text[]) END)
      AND (sqlc.narg('tiers')::text[] IS NULL OR CASE cardinality(sqlc.narg('tiers')::text[]) WHEN 1 THEN service_tier = (sqlc.narg('tiers')::text[])[1] ELSE service_tier = ANY (sqlc.narg('tiers')::text[]) END)
      AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
      AND (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval)
      AND nullif((SELECT a.total_cost FROM public.http_analytics a WHERE a.fusillade_request_id = requests.id
           ORDER BY a.timestamp DESC, a.id DESC LIMIT 1), 'NaN') >= sqlc.arg('min_total_cost')::text::numeric
      ELSE true END
  AND CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END = sqlc.arg('in_rank')::integer
  AND (created_at, id) < (sqlc.arg('after_created_at')::timestamptz, sqlc.arg('after_id')::uuid)
ORDER BY created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint;

-- name: CountOfCost :one
-- Without order and bounds, and without the condition on batches: a check of the
-- table has it that a row with an owner has none, and the indexes by owner hold all
-- that a plain count needs to know. Where owners are given, it is not asked whether a
-- row has one: the planner would take that for another coincidence, and expect too
-- few rows.
SELECT count(*) FROM requests
WHERE (sqlc.narg('owners')::text[] IS NOT NULL OR created_by IS NOT NULL)
  AND (sqlc.narg('owners')::text[] IS NULL OR created_by = ANY (sqlc.narg('owners')::text[]))
      AND (sqlc.narg('states')::text[] IS NULL OR state = ANY (sqlc.narg('states')::text[]))
      AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR (error IS NOT NULL) = sqlc.narg('has_error')::boolean)
      AND (sqlc.narg('models')::text[] IS NULL OR model = ANY (sqlc.narg('models')::text[]))
      AND (sqlc.narg('tiers')::text[] IS NULL OR service_tier = ANY (sqlc.narg('tiers')::text[]))
      AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
      AND (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval)
      AND nullif((SELECT a.total_cost FROM public.http_analytics a WHERE a.fusillade_request_id = requests.id
           ORDER BY a.timestamp DESC, a.id DESC LIMIT 1), 'NaN') >= sqlc.arg('min_total_cost')::text::numeric;

-- name: FiguresOfCost :many
-- Of each bucket and series, of which the largest are kept. A series is what its
-- responses have in common after =, empty where that is nothing; the others are other.
-- In collation C, as words are only told apart: any other takes longer.
-- It reads the responses once, and neither sorts them nor unpacks anything.
WITH found AS MATERIALIZED (
    SELECT date_bin(sqlc.arg('stride')::interval, created_at, '2000-01-01 00:00Z'::timestamptz)::timestamptz AS bucket, coalesce('=' || CASE sqlc.arg('by')::text
        WHEN 'model' THEN model WHEN 'state' THEN state WHEN 'tier' THEN service_tier WHEN 'owner' THEN created_by END, '')::text COLLATE "C" AS series,
           count(*) AS responses, count(*) FILTER (WHERE state = 'failed') AS failures
    FROM requests
    WHERE (sqlc.narg('owners')::text[] IS NOT NULL OR created_by IS NOT NULL) AND (sqlc.narg('owners')::text[] IS NULL OR created_by = ANY (sqlc.narg('owners')::text[]))
      AND (sqlc.narg('states')::text[] IS NULL OR state = ANY (sqlc.narg('states')::text[]))
      AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR (error IS NOT NULL) = sqlc.narg('has_error')::boolean)
      AND (sqlc.narg('models')::text[] IS NULL OR model = ANY (sqlc.narg('models')::text[]))
      AND (sqlc.narg('tiers')::text[] IS NULL OR service_tier = ANY (sqlc.narg('tiers')::text[]))
      AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
      AND (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval)
      AND nullif((SELECT a.total_cost FROM public.http_analytics a WHERE a.fusillade_request_id = requests.id
           ORDER BY a.timestamp DESC, a.id DESC LIMIT 1), 'NaN') >= sqlc.arg('min_total_cost')::text::numeric
    GROUP BY 1, 2
), largest AS (
    SELECT series FROM found GROUP BY series ORDER BY sum(responses) DESC, series LIMIT sqlc.arg('max')::bigint
)
SELECT f.bucket::timestamptz AS bucket, coalesce(l.series, 'other')::text AS series,
       sum(f.responses)::bigint AS responses, sum(f.failures)::bigint AS failures
FROM found f LEFT JOIN largest l ON l.series = f.series
GROUP BY 1, 2;

-- name: FigureDurationsOfCost :many
-- Percentiles in microseconds, of less than 300 years as Go's durations are; known is how
-- many durations there are. It sorts them.
SELECT p.bucket::timestamptz AS bucket, (CASE WHEN p.series = ANY (sqlc.arg('largest')::text[]) THEN p.series ELSE 'other' END)::text AS series, count(p.duration) AS known,
       greatest(least(coalesce(extract(epoch FROM percentile_disc(0.5) WITHIN GROUP (ORDER BY p.duration)) * 1000000, 0), 9e15), -9e15)::bigint AS p50,
       greatest(least(coalesce(extract(epoch FROM percentile_disc(0.95) WITHIN GROUP (ORDER BY p.duration)) * 1000000, 0), 9e15), -9e15)::bigint AS p95
FROM (
SELECT id, date_bin(sqlc.arg('stride')::interval, created_at, '2000-01-01 00:00Z'::timestamptz)::timestamptz AS bucket, coalesce('=' || CASE sqlc.arg('by')::text
        WHEN 'model' THEN model WHEN 'state' THEN state WHEN 'tier' THEN service_tier WHEN 'owner' THEN created_by END, '')::text COLLATE "C" AS series, CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END AS duration
    FROM requests
    WHERE (sqlc.narg('owners')::text[] IS NOT NULL OR created_by IS NOT NULL) AND (sqlc.narg('owners')::text[] IS NULL OR created_by = ANY (sqlc.narg('owners')::text[]))
      AND (sqlc.narg('states')::text[] IS NULL OR state = ANY (sqlc.narg('states')::text[]))
      AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR (error IS NOT NULL) = sqlc.narg('has_error')::boolean)
      AND (sqlc.narg('models')::text[] IS NULL OR model = ANY (sqlc.narg('models')::text[]))
      AND (sqlc.narg('tiers')::text[] IS NULL OR service_tier = ANY (sqlc.narg('tiers')::text[]))
      AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
      AND (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval)
      AND nullif((SELECT a.total_cost FROM public.http_analytics a WHERE a.fusillade_request_id = requests.id
           ORDER BY a.timestamp DESC, a.id DESC LIMIT 1), 'NaN') >= sqlc.arg('min_total_cost')::text::numeric
) p
GROUP BY 1, 2;

-- name: FigureUsageOfCost :many
-- Sums of the newest usage record of each response; -1 or empty is unknown.
SELECT u.bucket::timestamptz AS bucket, u.series::text AS series,
       least(coalesce(sum(u.prompt_tokens), -1), 9223372036854775807)::bigint AS prompt_tokens,
       least(coalesce(sum(u.completion_tokens), -1), 9223372036854775807)::bigint AS completion_tokens,
       least(coalesce(sum(u.reasoning_tokens), -1), 9223372036854775807)::bigint AS reasoning_tokens,
       least(coalesce(sum(u.total_tokens), -1), 9223372036854775807)::bigint AS total_tokens,
       coalesce(sum(nullif(nullif(u.total_cost, ''), 'NaN')::numeric)::text, '')::text AS total_cost
FROM (
    SELECT p.bucket, (CASE WHEN p.series = ANY (sqlc.arg('largest')::text[]) THEN p.series ELSE 'other' END)::text AS series, a.prompt_tokens, a.completion_tokens, a.reasoning_tokens, a.total_tokens,
           coalesce(a.total_cost::text, '')::text AS total_cost
    FROM (
SELECT id, date_bin(sqlc.arg('stride')::interval, created_at, '2000-01-01 00:00Z'::timestamptz)::timestamptz AS bucket, coalesce('=' || CASE sqlc.arg('by')::text
        WHEN 'model' THEN model WHEN 'state' THEN state WHEN 'tier' THEN service_tier WHEN 'owner' THEN created_by END, '')::text COLLATE "C" AS series, CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END AS duration
    FROM requests
    WHERE (sqlc.narg('owners')::text[] IS NOT NULL OR created_by IS NOT NULL) AND (sqlc.narg('owners')::text[] IS NULL OR created_by = ANY (sqlc.narg('owners')::text[]))
      AND (sqlc.narg('states')::text[] IS NULL OR state = ANY (sqlc.narg('states')::text[]))
      AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR (error IS NOT NULL) = sqlc.narg('has_error')::boolean)
      AND (sqlc.narg('models')::text[] IS NULL OR model = ANY (sqlc.narg('models')::text[]))
      AND (sqlc.narg('tiers')::text[] IS NULL OR service_tier = ANY (sqlc.narg('tiers')::text[]))
      AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
      AND (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval)
      AND nullif((SELECT a.total_cost FROM public.http_analytics a WHERE a.fusillade_request_id = requests.id
           ORDER BY a.timestamp DESC, a.id DESC LIMIT 1), 'NaN') >= sqlc.arg('min_total_cost')::text::numeric
    ) p
    LEFT JOIN LATERAL (
        SELECT n.prompt_tokens, n.completion_tokens, n.reasoning_tokens, n.total_tokens, n.total_cost
        FROM public.http_analytics n
        WHERE n.fusillade_request_id = p.id ORDER BY n.timestamp DESC, n.id DESC LIMIT 1
    ) a ON true
) u
GROUP BY 1, 2;

-- name: PageOfOwnerOfCost :many
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error
FROM requests
WHERE created_by = sqlc.arg('owner')::text AND num_nulls(batch_id) <> 0
  AND CASE WHEN sqlc.arg('narrowed')::boolean THEN num_nulls(created_by) <> 1
      AND (sqlc.narg('states')::text[] IS NULL OR CASE cardinality(sqlc.narg('states')::text[]) WHEN 1 THEN state = (sqlc.narg('states')::text[])[1] ELSE state = ANY (sqlc.narg('states')::text[]) END)
      AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR CASE WHEN sqlc.narg('has_error')::boolean THEN num_nulls(error) = 0 ELSE error IS NULL END)
      AND (sqlc.narg('models')::text[] IS NULL OR CASE cardinality(sqlc.narg('models')::text[]) WHEN 1 THEN model = (sqlc.narg('models')::text[])[1] ELSE model = ANY (sqlc.narg('models')::text[]) END)
      AND (sqlc.narg('tiers')::text[] IS NULL OR CASE cardinality(sqlc.narg('tiers')::text[]) WHEN 1 THEN service_tier = (sqlc.narg('tiers')::text[])[1] ELSE service_tier = ANY (sqlc.narg('tiers')::text[]) END)
      AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
      AND (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval)
      AND nullif((SELECT a.total_cost FROM public.http_analytics a WHERE a.fusillade_request_id = requests.id
           ORDER BY a.timestamp DESC, a.id DESC LIMIT 1), 'NaN') >= sqlc.arg('min_total_cost')::text::numeric
      ELSE true END
  AND (created_at, id) < (coalesce(sqlc.narg('after_created_at')::timestamptz, 'infinity'),
                          coalesce(sqlc.narg('after_id')::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
ORDER BY created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint OFFSET sqlc.arg('skip')::bigint;

-- name: PageOfOwnerOfCostActiveFirst :many
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error
FROM requests
WHERE created_by = sqlc.arg('owner')::text AND num_nulls(batch_id) <> 0
  AND CASE WHEN sqlc.arg('narrowed')::boolean THEN num_nulls(created_by) <> 1
      AND (sqlc.narg('states')::text[] IS NULL OR CASE cardinality(sqlc.narg('states')::text[]) WHEN 1 THEN state = (sqlc.narg('states')::text[])[1] ELSE state = ANY (sqlc.narg('states')::text[]) END)
      AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR CASE WHEN sqlc.narg('has_error')::boolean THEN num_nulls(error) = 0 ELSE error IS NULL END)
      AND (sqlc.narg('models')::text[] IS NULL OR CASE cardinality(sqlc.narg('models')::text[]) WHEN 1 THEN model = (sqlc.narg('models')::text[])[1] ELSE model = ANY (sqlc.narg('models')::text[]) END)
      AND (sqlc.narg('tiers')::text[] IS NULL OR CASE cardinality(sqlc.narg('tiers')::text[]) WHEN 1 THEN service_tier = (sqlc.narg('tiers')::text[])[1] ELSE service_tier = ANY (sqlc.narg('tiers')::text[]) END)
      AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
      AND (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval)
      AND nullif((SELECT a.total_cost FROM public.http_analytics a WHERE a.fusillade_request_id = requests.id
           ORDER BY a.timestamp DESC, a.id DESC LIMIT 1), 'NaN') >= sqlc.arg('min_total_cost')::text::numeric
      AND CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END <= sqlc.arg('up_to_rank')::integer
      ELSE true END
  AND CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END > sqlc.arg('above_rank')::integer
ORDER BY CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END,
         created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint OFFSET sqlc.arg('skip')::bigint;

-- name: PageOfOwnerOfCostInRank :many
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error
FROM requests
WHERE created_by = sqlc.arg('owner')::text AND num_nulls(batch_id) <> 0
  AND CASE WHEN sqlc.arg('narrowed')::boolean THEN num_nulls(created_by) <> 1
      AND (sqlc.narg('states')::text[] IS NULL OR CASE cardinality(sqlc.narg('states')::text[]) WHEN 1 THEN state = (sqlc.narg('states')::text[])[1] ELSE state = ANY (sqlc.narg('states')::text[]) END)
      AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR CASE WHEN sqlc.narg('has_error')::boolean THEN num_nulls(error) = 0 ELSE error IS NULL END)
      AND (sqlc.narg('models')::text[] IS NULL OR CASE cardinality(sqlc.narg('models')::text[]) WHEN 1 THEN model = (sqlc.narg('models')::text[])[1] ELSE model = ANY (sqlc.narg('models')::text[]) END)
      AND (sqlc.narg('tiers')::text[] IS NULL OR CASE cardinality(sqlc.narg('tiers')::text[]) WHEN 1 THEN service_tier = (sqlc.narg('tiers')::text[])[1] ELSE service_tier = ANY (sqlc.narg('tiers')::text[]) END)
      AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
      AND (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval)
      AND nullif((SELECT a.total_cost FROM public.http_analytics a WHERE a.fusillade_request_id = requests.id
           ORDER BY a.timestamp DESC, a.id DESC LIMIT 1), 'NaN') >= sqlc.arg('min_total_cost')::text::numeric
      ELSE true END
  AND CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END = sqlc.arg('in_rank')::integer
  AND (created_at, id) < (sqlc.arg('after_created_at')::timestamptz, sqlc.arg('after_id')::uuid)
ORDER BY created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint;

-- name: CountOfOwnerOfCost :one
-- Without order and bounds, and without the condition on batches: a check of the
-- table has it that a row with an owner has none, and the indexes by owner hold all
-- that a plain count needs to know. Where owners are given, it is not asked whether a
-- row has one: the planner would take that for another coincidence, and expect too
-- few rows.
SELECT count(*) FROM requests
WHERE created_by = sqlc.arg('owner')::text
  AND num_nulls(created_by) <> 1
      AND (sqlc.narg('states')::text[] IS NULL OR state = ANY (sqlc.narg('states')::text[]))
      AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR (error IS NOT NULL) = sqlc.narg('has_error')::boolean)
      AND (sqlc.narg('models')::text[] IS NULL OR model = ANY (sqlc.narg('models')::text[]))
      AND (sqlc.narg('tiers')::text[] IS NULL OR service_tier = ANY (sqlc.narg('tiers')::text[]))
      AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
      AND (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval)
      AND nullif((SELECT a.total_cost FROM public.http_analytics a WHERE a.fusillade_request_id = requests.id
           ORDER BY a.timestamp DESC, a.id DESC LIMIT 1), 'NaN') >= sqlc.arg('min_total_cost')::text::numeric;

-- name: PageUnfiltered :many
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error
FROM requests
WHERE num_nulls(created_by) <> 1 AND num_nulls(batch_id) <> 0
  AND (created_at, id) < (coalesce(sqlc.narg('after_created_at')::timestamptz, 'infinity'),
                          coalesce(sqlc.narg('after_id')::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
ORDER BY created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint OFFSET sqlc.arg('skip')::bigint;

-- name: PageUnfilteredActiveFirst :many
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error
FROM requests
WHERE num_nulls(created_by) <> 1 AND num_nulls(batch_id) <> 0
  AND CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END > sqlc.arg('above_rank')::integer
ORDER BY CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END,
         created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint OFFSET sqlc.arg('skip')::bigint;

-- name: PageUnfilteredInRank :many
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error
FROM requests
WHERE num_nulls(created_by) <> 1 AND num_nulls(batch_id) <> 0
  AND CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END = sqlc.arg('in_rank')::integer
  AND (created_at, id) < (sqlc.arg('after_created_at')::timestamptz, sqlc.arg('after_id')::uuid)
ORDER BY created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint;

-- name: PageOfOwnerUnfiltered :many
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error
FROM requests
WHERE created_by = sqlc.arg('owner')::text AND num_nulls(batch_id) <> 0
  AND (created_at, id) < (coalesce(sqlc.narg('after_created_at')::timestamptz, 'infinity'),
                          coalesce(sqlc.narg('after_id')::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
ORDER BY created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint OFFSET sqlc.arg('skip')::bigint;

-- name: PageOfOwnerUnfilteredActiveFirst :many
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error
FROM requests
WHERE created_by = sqlc.arg('owner')::text AND num_nulls(batch_id) <> 0
  AND CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END > sqlc.arg('above_rank')::integer
ORDER BY CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END,
         created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint OFFSET sqlc.arg('skip')::bigint;

-- name: PageOfOwnerUnfilteredInRank :many
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error
FROM requests
WHERE created_by = sqlc.arg('owner')::text AND num_nulls(batch_id) <> 0
  AND CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END = sqlc.arg('in_rank')::integer
  AND (created_at, id) < (sqlc.arg('after_created_at')::timestamptz, sqlc.arg('after_id')::uuid)
ORDER BY created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint;

-- name: PageWithUsage :many
SELECT p.*, a.prompt_tokens, a.completion_tokens, coalesce(a.reasoning_tokens, -1)::bigint AS reasoning_tokens,
       a.total_tokens, coalesce(a.total_cost::text, '')::text AS total_cost
FROM (
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error
FROM requests
WHERE num_nulls(created_by) <> 1 AND num_nulls(batch_id) <> 0
  AND CASE WHEN sqlc.arg('narrowed')::boolean THEN (sqlc.narg('owners')::text[] IS NULL OR created_by = ANY (sqlc.narg('owners')::text[]))
      AND (sqlc.narg('states')::text[] IS NULL OR CASE cardinality(sqlc.narg('states')::text[]) WHEN 1 THEN state = (sqlc.narg('states')::text[])[1] ELSE state = ANY (sqlc.narg('states')::text[]) END)
      AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR CASE WHEN sqlc.narg('has_error')::boolean THEN num_nulls(error) = 0 ELSE error IS NULL END)
      AND (sqlc.narg('models')::text[] IS NULL OR CASE cardinality(sqlc.narg('models')::text[]) WHEN 1 THEN model = (sqlc.narg('models')::text[])[1] ELSE model = ANY (sqlc.narg('models')::text[]) END)
      AND (sqlc.narg('tiers')::text[] IS NULL OR CASE cardinality(sqlc.narg('tiers')::text[]) WHEN 1 THEN service_tier = (sqlc.narg('tiers')::text[])[1] ELSE service_tier = ANY (sqlc.narg('tiers')::text[]) END)
      AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
      AND (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval)
      ELSE true END
  AND (created_at, id) < (coalesce(sqlc.narg('after_created_at')::timestamptz, 'infinity'),
                          coalesce(sqlc.narg('after_id')::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
ORDER BY created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint OFFSET sqlc.arg('skip')::bigint
) p
LEFT JOIN LATERAL (
    SELECT u.prompt_tokens, u.completion_tokens, u.reasoning_tokens, u.total_tokens, u.total_cost
    FROM public.http_analytics u
    WHERE u.fusillade_request_id = p.id ORDER BY u.timestamp DESC, u.id DESC LIMIT 1
) a ON true;

-- name: PageWithUsageActiveFirst :many
SELECT p.*, a.prompt_tokens, a.completion_tokens, coalesce(a.reasoning_tokens, -1)::bigint AS reasoning_tokens,
       a.total_tokens, coalesce(a.total_cost::text, '')::text AS total_cost
FROM (
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error
FROM requests
WHERE num_nulls(created_by) <> 1 AND num_nulls(batch_id) <> 0
  AND CASE WHEN sqlc.arg('narrowed')::boolean THEN (sqlc.narg('owners')::text[] IS NULL OR created_by = ANY (sqlc.narg('owners')::text[]))
      AND (sqlc.narg('states')::text[] IS NULL OR CASE cardinality(sqlc.narg('states')::text[]) WHEN 1 THEN state = (sqlc.narg('states')::text[])[1] ELSE state = ANY (sqlc.narg('states')::text[]) END)
      AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR CASE WHEN sqlc.narg('has_error')::boolean THEN num_nulls(error) = 0 ELSE error IS NULL END)
      AND (sqlc.narg('models')::text[] IS NULL OR CASE cardinality(sqlc.narg('models')::text[]) WHEN 1 THEN model = (sqlc.narg('models')::text[])[1] ELSE model = ANY (sqlc.narg('models')::text[]) END)
      AND (sqlc.narg('tiers')::text[] IS NULL OR CASE cardinality(sqlc.narg('tiers')::text[]) WHEN 1 THEN service_tier = (sqlc.narg('tiers')::text[])[1] ELSE service_tier = ANY (sqlc.narg('tiers')::text[]) END)
      AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
      AND (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval)
      AND CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END <= sqlc.arg('up_to_rank')::integer
      ELSE true END
  AND CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END > sqlc.arg('above_rank')::integer
ORDER BY CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END,
         created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint OFFSET sqlc.arg('skip')::bigint
) p
LEFT JOIN LATERAL (
    SELECT u.prompt_tokens, u.completion_tokens, u.reasoning_tokens, u.total_tokens, u.total_cost
    FROM public.http_analytics u
    WHERE u.fusillade_request_id = p.id ORDER BY u.timestamp DESC, u.id DESC LIMIT 1
) a ON true;

-- name: PageWithUsageInRank :many
SELECT p.*, a.prompt_tokens, a.completion_tokens, coalesce(a.reasoning_tokens, -1)::bigint AS reasoning_tokens,
       a.total_tokens, coalesce(a.total_cost::text, '')::text AS total_cost
FROM (
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error
FROM requests
WHERE num_nulls(created_by) <> 1 AND num_nulls(batch_id) <> 0
  AND CASE WHEN sqlc.arg('narrowed')::boolean THEN (sqlc.narg('owners')::text[] IS NULL OR created_by = ANY (sqlc.narg('owners')::text[]))
      AND (sqlc.narg('states')::text[] IS NULL OR CASE cardinality(sqlc.narg('states')::text[]) WHEN 1 THEN state = (sqlc.narg('states')::text[])[1] ELSE state = ANY (sqlc.narg('states')::text[]) END)
      AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR CASE WHEN sqlc.narg('has_error')::boolean THEN num_nulls(error) = 0 ELSE error IS NULL END)
      AND (sqlc.narg('models')::text[] IS NULL OR CASE cardinality(sqlc.narg('models')::text[]) WHEN 1 THEN model = (sqlc.narg('models')::text[])[1] ELSE model = ANY (sqlc.narg('models')::text[]) END)
      AND (sqlc.narg('tiers')::text[] IS NULL OR CASE cardinality(sqlc.narg('tiers')::text[]) WHEN 1 THEN service_tier = (sqlc.narg('tiers')::text[])[1] ELSE service_tier = ANY (sqlc.narg('tiers')::text[]) END)
      AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
      AND (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval)
      ELSE true END
  AND CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END = sqlc.arg('in_rank')::integer
  AND (created_at, id) < (sqlc.arg('after_created_at')::timestamptz, sqlc.arg('after_id')::uuid)
ORDER BY created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint
) p
LEFT JOIN LATERAL (
    SELECT u.prompt_tokens, u.completion_tokens, u.reasoning_tokens, u.total_tokens, u.total_cost
    FROM public.http_analytics u
    WHERE u.fusillade_request_id = p.id ORDER BY u.timestamp DESC, u.id DESC LIMIT 1
) a ON true;

-- name: PageOfOwnerWithUsage :many
SELECT p.*, a.prompt_tokens, a.completion_tokens, coalesce(a.reasoning_tokens, -1)::bigint AS reasoning_tokens,
       a.total_tokens, coalesce(a.total_cost::text, '')::text AS total_cost
FROM (
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error
FROM requests
WHERE created_by = sqlc.arg('owner')::text AND num_nulls(batch_id) <> 0
  AND CASE WHEN sqlc.arg('narrowed')::boolean THEN num_nulls(created_by) <> 1
      AND (sqlc.narg('states')::text[] IS NULL OR CASE cardinality(sqlc.narg('states')::text[]) WHEN 1 THEN state = (sqlc.narg('states')::text[])[1] ELSE state = ANY (sqlc.narg('states')::text[]) END)
      AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR CASE WHEN sqlc.narg('has_error')::boolean THEN num_nulls(error) = 0 ELSE error IS NULL END)
      AND (sqlc.narg('models')::text[] IS NULL OR CASE cardinality(sqlc.narg('models')::text[]) WHEN 1 THEN model = (sqlc.narg('models')::text[])[1] ELSE model = ANY (sqlc.narg('models')::text[]) END)
      AND (sqlc.narg('tiers')::text[] IS NULL OR CASE cardinality(sqlc.narg('tiers')::text[]) WHEN 1 THEN service_tier = (sqlc.narg('tiers')::text[])[1] ELSE service_tier = ANY (sqlc.narg('tiers')::text[]) END)
      AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
      AND (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval)
      ELSE true END
  AND (created_at, id) < (coalesce(sqlc.narg('after_created_at')::timestamptz, 'infinity'),
                          coalesce(sqlc.narg('after_id')::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
ORDER BY created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint OFFSET sqlc.arg('skip')::bigint
) p
LEFT JOIN LATERAL (
    SELECT u.prompt_tokens, u.completion_tokens, u.reasoning_tokens, u.total_tokens, u.total_cost
    FROM public.http_analytics u
    WHERE u.fusillade_request_id = p.id ORDER BY u.timestamp DESC, u.id DESC LIMIT 1
) a ON true;

-- name: PageOfOwnerWithUsageActiveFirst :many
SELECT p.*, a.prompt_tokens, a.completion_tokens, coalesce(a.reasoning_tokens, -1)::bigint AS reasoning_tokens,
       a.total_tokens, coalesce(a.total_cost::text, '')::text AS total_cost
FROM (
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error
FROM requests
WHERE created_by = sqlc.arg('owner')::text AND num_nulls(batch_id) <> 0
  AND CASE WHEN sqlc.arg('narrowed')::boolean THEN num_nulls(created_by) <> 1
      AND (sqlc.narg('states')::text[] IS NULL OR CASE cardinality(sqlc.narg('states')::text[]) WHEN 1 THEN state = (sqlc.narg('states')::text[])[1] ELSE state = ANY (sqlc.narg('states')::text[]) END)
      AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR CASE WHEN sqlc.narg('has_error')::boolean THEN num_nulls(error) = 0 ELSE error IS NULL END)
      AND (sqlc.narg('models')::text[] IS NULL OR CASE cardinality(sqlc.narg('models')::text[]) WHEN 1 THEN model = (sqlc.narg('models')::text[])[1] ELSE model = ANY (sqlc.narg('models')::text[]) END)
      AND (sqlc.narg('tiers')::text[] IS NULL OR CASE cardinality(sqlc.narg('tiers')::text[]) WHEN 1 THEN service_tier = (sqlc.narg('tiers')::text[])[1] ELSE service_tier = ANY (sqlc.narg('tiers')::text[]) END)
      AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
      AND (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval)
      AND CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END <= sqlc.arg('up_to_rank')::integer
      ELSE true END
  AND CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END > sqlc.arg('above_rank')::integer
ORDER BY CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END,
         created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint OFFSET sqlc.arg('skip')::bigint
) p
LEFT JOIN LATERAL (
    SELECT u.prompt_tokens, u.completion_tokens, u.reasoning_tokens, u.total_tokens, u.total_cost
    FROM public.http_analytics u
    WHERE u.fusillade_request_id = p.id ORDER BY u.timestamp DESC, u.id DESC LIMIT 1
) a ON true;

-- name: PageOfOwnerWithUsageInRank :many
SELECT p.*, a.prompt_tokens, a.completion_tokens, coalesce(a.reasoning_tokens, -1)::bigint AS reasoning_tokens,
       a.total_tokens, coalesce(a.total_cost::text, '')::text AS total_cost
FROM (
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error
FROM requests
WHERE created_by = sqlc.arg('owner')::text AND num_nulls(batch_id) <> 0
  AND CASE WHEN sqlc.arg('narrowed')::boolean THEN num_nulls(created_by) <> 1
      AND (sqlc.narg('states')::text[] IS NULL OR CASE cardinality(sqlc.narg('states')::text[]) WHEN 1 THEN state = (sqlc.narg('states')::text[])[1] ELSE state = ANY (sqlc.narg('states')::text[]) END)
      AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR CASE WHEN sqlc.narg('has_error')::boolean THEN num_nulls(error) = 0 ELSE error IS NULL END)
      AND (sqlc.narg('models')::text[] IS NULL OR CASE cardinality(sqlc.narg('models')::text[]) WHEN 1 THEN model = (sqlc.narg('models')::text[])[1] ELSE model = ANY (sqlc.narg('models')::text[]) END)
      AND (sqlc.narg('tiers')::text[] IS NULL OR CASE cardinality(sqlc.narg('tiers')::text[]) WHEN 1 THEN service_tier = (sqlc.narg('tiers')::text[])[1] ELSE service_tier = ANY (sqlc.narg('tiers')::text[]) END)
      AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
      AND (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval)
      ELSE true END
  AND CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END = sqlc.arg('in_rank')::integer
  AND (created_at, id) < (sqlc.arg('after_created_at')::timestamptz, sqlc.arg('after_id')::uuid)
ORDER BY created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint
) p
LEFT JOIN LATERAL (
    SELECT u.prompt_tokens, u.completion_tokens, u.reasoning_tokens, u.total_tokens, u.total_cost
    FROM public.http_analytics u
    WHERE u.fusillade_request_id = p.id ORDER BY u.timestamp DESC, u.id DESC LIMIT 1
) a ON true;

-- name: PageOfCostWithUsage :many
SELECT p.*, a.prompt_tokens, a.completion_tokens, coalesce(a.reasoning_tokens, -1)::bigint AS reasoning_tokens,
       a.total_tokens, coalesce(a.total_cost::text, '')::text AS total_cost
FROM (
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error
FROM requests
WHERE num_nulls(created_by) <> 1 AND num_nulls(batch_id) <> 0
  AND CASE WHEN sqlc.arg('narrowed')::boolean THEN (sqlc.narg('owners')::text[] IS NULL OR created_by = ANY (sqlc.narg('owners')::text[]))
      AND (sqlc.narg('states')::text[] IS NULL OR CASE cardinality(sqlc.narg('states')::text[]) WHEN 1 THEN state = (sqlc.narg('states')::text[])[1] ELSE state = ANY (sqlc.narg('states')::text[]) END)
      AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR CASE WHEN sqlc.narg('has_error')::boolean THEN num_nulls(error) = 0 ELSE error IS NULL END)
      AND (sqlc.narg('models')::text[] IS NULL OR CASE cardinality(sqlc.narg('models')::text[]) WHEN 1 THEN model = (sqlc.narg('models')::text[])[1] ELSE model = ANY (sqlc.narg('models')::text[]) END)
      AND (sqlc.narg('tiers')::text[] IS NULL OR CASE cardinality(sqlc.narg('tiers')::text[]) WHEN 1 THEN service_tier = (sqlc.narg('tiers')::text[])[1] ELSE service_tier = ANY (sqlc.narg('tiers')::text[]) END)
      AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
      AND (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval)
      AND nullif((SELECT a.total_cost FROM public.http_analytics a WHERE a.fusillade_request_id = requests.id
           ORDER BY a.timestamp DESC, a.id DESC LIMIT 1), 'NaN') >= sqlc.arg('min_total_cost')::text::numeric
      ELSE true END
  AND (created_at, id) < (coalesce(sqlc.narg('after_created_at')::timestamptz, 'infinity'),
                          coalesce(sqlc.narg('after_id')::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
ORDER BY created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint OFFSET sqlc.arg('skip')::bigint
) p
LEFT JOIN LATERAL (
    SELECT u.prompt_tokens, u.completion_tokens, u.reasoning_tokens, u.total_tokens, u.total_cost
    FROM public.http_analytics u
    WHERE u.fusillade_request_id = p.id ORDER BY u.timestamp DESC, u.id DESC LIMIT 1
) a ON true;

-- name: PageOfCostWithUsageActiveFirst :many
SELECT p.*, a.prompt_tokens, a.completion_tokens, coalesce(a.reasoning_tokens, -1)::bigint AS reasoning_tokens,
       a.total_tokens, coalesce(a.total_cost::text, '')::text AS total_cost
FROM (
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error
FROM requests
WHERE num_nulls(created_by) <> 1 AND num_nulls(batch_id) <> 0
  AND CASE WHEN sqlc.arg('narrowed')::boolean THEN (sqlc.narg('owners')::text[] IS NULL OR created_by = ANY (sqlc.narg('owners')::text[]))
      AND (sqlc.narg('states')::text[] IS NULL OR CASE cardinality(sqlc.narg('states')::text[]) WHEN 1 THEN state = (sqlc.narg('states')::text[])[1] ELSE state = ANY (sqlc.narg('states')::text[]) END)
      AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR CASE WHEN sqlc.narg('has_error')::boolean THEN num_nulls(error) = 0 ELSE error IS NULL END)
      AND (sqlc.narg('models')::text[] IS NULL OR CASE cardinality(sqlc.narg('models')::text[]) WHEN 1 THEN model = (sqlc.narg('models')::text[])[1] ELSE model = ANY (sqlc.narg('models')::text[]) END)
      AND (sqlc.narg('tiers')::text[] IS NULL OR CASE cardinality(sqlc.narg('tiers')::text[]) WHEN 1 THEN service_tier = (sqlc.narg('tiers')::text[])[1] ELSE service_tier = ANY (sqlc.narg('tiers')::text[]) END)
      AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
      AND (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval)
      AND nullif((SELECT a.total_cost FROM public.http_analytics a WHERE a.fusillade_request_id = requests.id
           ORDER BY a.timestamp DESC, a.id DESC LIMIT 1), 'NaN') >= sqlc.arg('min_total_cost')::text::numeric
      AND CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END <= sqlc.arg('up_to_rank')::integer
      ELSE true END
  AND CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END > sqlc.arg('above_rank')::integer
ORDER BY CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END,
         created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint OFFSET sqlc.arg('skip')::bigint
) p
LEFT JOIN LATERAL (
    SELECT u.prompt_tokens, u.completion_tokens, u.reasoning_tokens, u.total_tokens, u.total_cost
    FROM public.http_analytics u
    WHERE u.fusillade_request_id = p.id ORDER BY u.timestamp DESC, u.id DESC LIMIT 1
) a ON true;

-- name: PageOfCostWithUsageInRank :many
SELECT p.*, a.prompt_tokens, a.completion_tokens, coalesce(a.reasoning_tokens, -1)::bigint AS reasoning_tokens,
       a.total_tokens, coalesce(a.total_cost::text, '')::text AS total_cost
FROM (
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error
FROM requests
WHERE num_nulls(created_by) <> 1 AND num_nulls(batch_id) <> 0
  AND CASE WHEN sqlc.arg('narrowed')::boolean THEN (sqlc.narg('owners')::text[] IS NULL OR created_by = ANY (sqlc.narg('owners')::text[]))
      AND (sqlc.narg('states')::text[] IS NULL OR CASE cardinality(sqlc.narg('states')::text[]) WHEN 1 THEN state = (sqlc.narg('states')::text[])[1] ELSE state = ANY (sqlc.narg('states')::text[]) END)
      AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR CASE WHEN sqlc.narg('has_error')::boolean THEN num_nulls(error) = 0 ELSE error IS NULL END)
      AND (sqlc.narg('models')::text[] IS NULL OR CASE cardinality(sqlc.narg('models')::text[]) WHEN 1 THEN model = (sqlc.narg('models')::text[])[1] ELSE model = ANY (sqlc.narg('models')::text[]) END)
      AND (sqlc.narg('tiers')::text[] IS NULL OR CASE cardinality(sqlc.narg('tiers')::text[]) WHEN 1 THEN service_tier = (sqlc.narg('tiers')::text[])[1] ELSE service_tier = ANY (sqlc.narg('tiers')::text[]) END)
      AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
      AND (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval)
      AND nullif((SELECT a.total_cost FROM public.http_analytics a WHERE a.fusillade_request_id = requests.id
           ORDER BY a.timestamp DESC, a.id DESC LIMIT 1), 'NaN') >= sqlc.arg('min_total_cost')::text::numeric
      ELSE true END
  AND CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END = sqlc.arg('in_rank')::integer
  AND (created_at, id) < (sqlc.arg('after_created_at')::timestamptz, sqlc.arg('after_id')::uuid)
ORDER BY created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint
) p
LEFT JOIN LATERAL (
    SELECT u.prompt_tokens, u.completion_tokens, u.reasoning_tokens, u.total_tokens, u.total_cost
    FROM public.http_analytics u
    WHERE u.fusillade_request_id = p.id ORDER BY u.timestamp DESC, u.id DESC LIMIT 1
) a ON true;

-- name: PageOfOwnerOfCostWithUsage :many
SELECT p.*, a.prompt_tokens, a.completion_tokens, coalesce(a.reasoning_tokens, -1)::bigint AS reasoning_tokens,
       a.total_tokens, coalesce(a.total_cost::text, '')::text AS total_cost
FROM (
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error
FROM requests
WHERE created_by = sqlc.arg('owner')::text AND num_nulls(batch_id) <> 0
  AND CASE WHEN sqlc.arg('narrowed')::boolean THEN num_nulls(created_by) <> 1
      AND (sqlc.narg('states')::text[] IS NULL OR CASE cardinality(sqlc.narg('states')::text[]) WHEN 1 THEN state = (sqlc.narg('states')::text[])[1] ELSE state = ANY (sqlc.narg('states')::text[]) END)
      AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR CASE WHEN sqlc.narg('has_error')::boolean THEN num_nulls(error) = 0 ELSE error IS NULL END)
      AND (sqlc.narg('models')::text[] IS NULL OR CASE cardinality(sqlc.narg('models')::text[]) WHEN 1 THEN model = (sqlc.narg('models')::text[])[1] ELSE model = ANY (sqlc.narg('models')::text[]) END)
      AND (sqlc.narg('tiers')::text[] IS NULL OR CASE cardinality(sqlc.narg('tiers')::text[]) WHEN 1 THEN service_tier = (sqlc.narg('tiers')::text[])[1] ELSE service_tier = ANY (sqlc.narg('tiers')::text[]) END)
      AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
      AND (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval)
      AND nullif((SELECT a.total_cost FROM public.http_analytics a WHERE a.fusillade_request_id = requests.id
           ORDER BY a.timestamp DESC, a.id DESC LIMIT 1), 'NaN') >= sqlc.arg('min_total_cost')::text::numeric
      ELSE true END
  AND (created_at, id) < (coalesce(sqlc.narg('after_created_at')::timestamptz, 'infinity'),
                          coalesce(sqlc.narg('after_id')::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
ORDER BY created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint OFFSET sqlc.arg('skip')::bigint
) p
LEFT JOIN LATERAL (
    SELECT u.prompt_tokens, u.completion_tokens, u.reasoning_tokens, u.total_tokens, u.total_cost
    FROM public.http_analytics u
    WHERE u.fusillade_request_id = p.id ORDER BY u.timestamp DESC, u.id DESC LIMIT 1
) a ON true;

-- name: PageOfOwnerOfCostWithUsageActiveFirst :many
SELECT p.*, a.prompt_tokens, a.completion_tokens, coalesce(a.reasoning_tokens, -1)::bigint AS reasoning_tokens,
       a.total_tokens, coalesce(a.total_cost::text, '')::text AS total_cost
FROM (
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error
FROM requests
WHERE created_by = sqlc.arg('owner')::text AND num_nulls(batch_id) <> 0
  AND CASE WHEN sqlc.arg('narrowed')::boolean THEN num_nulls(created_by) <> 1
      AND (sqlc.narg('states')::text[] IS NULL OR CASE cardinality(sqlc.narg('states')::text[]) WHEN 1 THEN state = (sqlc.narg('states')::text[])[1] ELSE state = ANY (sqlc.narg('states')::text[]) END)
      AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR CASE WHEN sqlc.narg('has_error')::boolean THEN num_nulls(error) = 0 ELSE error IS NULL END)
      AND (sqlc.narg('models')::text[] IS NULL OR CASE cardinality(sqlc.narg('models')::text[]) WHEN 1 THEN model = (sqlc.narg('models')::text[])[1] ELSE model = ANY (sqlc.narg('models')::text[]) END)
      AND (sqlc.narg('tiers')::text[] IS NULL OR CASE cardinality(sqlc.narg('tiers')::text[]) WHEN 1 THEN service_tier = (sqlc.narg('tiers')::text[])[1] ELSE service_tier = ANY (sqlc.narg('tiers')::text[]) END)
      AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
      AND (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval)
      AND nullif((SELECT a.total_cost FROM public.http_analytics a WHERE a.fusillade_request_id = requests.id
           ORDER BY a.timestamp DESC, a.id DESC LIMIT 1), 'NaN') >= sqlc.arg('min_total_cost')::text::numeric
      AND CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END <= sqlc.arg('up_to_rank')::integer
      ELSE true END
  AND CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END > sqlc.arg('above_rank')::integer
ORDER BY CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END,
         created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint OFFSET sqlc.arg('skip')::bigint
) p
LEFT JOIN LATERAL (
    SELECT u.prompt_tokens, u.completion_tokens, u.reasoning_tokens, u.total_tokens, u.total_cost
    FROM public.http_analytics u
    WHERE u.fusillade_request_id = p.id ORDER BY u.timestamp DESC, u.id DESC LIMIT 1
) a ON true;

-- name: PageOfOwnerOfCostWithUsageInRank :many
SELECT p.*, a.prompt_tokens, a.completion_tokens, coalesce(a.reasoning_tokens, -1)::bigint AS reasoning_tokens,
       a.total_tokens, coalesce(a.total_cost::text, '')::text AS total_cost
FROM (
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error
FROM requests
WHERE created_by = sqlc.arg('owner')::text AND num_nulls(batch_id) <> 0
  AND CASE WHEN sqlc.arg('narrowed')::boolean THEN num_nulls(created_by) <> 1
      AND (sqlc.narg('states')::text[] IS NULL OR CASE cardinality(sqlc.narg('states')::text[]) WHEN 1 THEN state = (sqlc.narg('states')::text[])[1] ELSE state = ANY (sqlc.narg('states')::text[]) END)
      AND (sqlc.narg('status_min')::integer IS NULL OR response_status >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR response_status <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR CASE WHEN sqlc.narg('has_error')::boolean THEN num_nulls(error) = 0 ELSE error IS NULL END)
      AND (sqlc.narg('models')::text[] IS NULL OR CASE cardinality(sqlc.narg('models')::text[]) WHEN 1 THEN model = (sqlc.narg('models')::text[])[1] ELSE model = ANY (sqlc.narg('models')::text[]) END)
      AND (sqlc.narg('tiers')::text[] IS NULL OR CASE cardinality(sqlc.narg('tiers')::text[]) WHEN 1 THEN service_tier = (sqlc.narg('tiers')::text[])[1] ELSE service_tier = ANY (sqlc.narg('tiers')::text[]) END)
      AND (sqlc.narg('created_after')::timestamptz IS NULL OR created_at >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR created_at <= sqlc.narg('created_before')::timestamptz)
      AND (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval)
      AND nullif((SELECT a.total_cost FROM public.http_analytics a WHERE a.fusillade_request_id = requests.id
           ORDER BY a.timestamp DESC, a.id DESC LIMIT 1), 'NaN') >= sqlc.arg('min_total_cost')::text::numeric
      ELSE true END
  AND CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END = sqlc.arg('in_rank')::integer
  AND (created_at, id) < (sqlc.arg('after_created_at')::timestamptz, sqlc.arg('after_id')::uuid)
ORDER BY created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint
) p
LEFT JOIN LATERAL (
    SELECT u.prompt_tokens, u.completion_tokens, u.reasoning_tokens, u.total_tokens, u.total_cost
    FROM public.http_analytics u
    WHERE u.fusillade_request_id = p.id ORDER BY u.timestamp DESC, u.id DESC LIMIT 1
) a ON true;

-- name: PageUnfilteredWithUsage :many
SELECT p.*, a.prompt_tokens, a.completion_tokens, coalesce(a.reasoning_tokens, -1)::bigint AS reasoning_tokens,
       a.total_tokens, coalesce(a.total_cost::text, '')::text AS total_cost
FROM (
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error
FROM requests
WHERE num_nulls(created_by) <> 1 AND num_nulls(batch_id) <> 0
  AND (created_at, id) < (coalesce(sqlc.narg('after_created_at')::timestamptz, 'infinity'),
                          coalesce(sqlc.narg('after_id')::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
ORDER BY created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint OFFSET sqlc.arg('skip')::bigint
) p
LEFT JOIN LATERAL (
    SELECT u.prompt_tokens, u.completion_tokens, u.reasoning_tokens, u.total_tokens, u.total_cost
    FROM public.http_analytics u
    WHERE u.fusillade_request_id = p.id ORDER BY u.timestamp DESC, u.id DESC LIMIT 1
) a ON true;

-- name: PageUnfilteredWithUsageActiveFirst :many
SELECT p.*, a.prompt_tokens, a.completion_tokens, coalesce(a.reasoning_tokens, -1)::bigint AS reasoning_tokens,
       a.total_tokens, coalesce(a.total_cost::text, '')::text AS total_cost
FROM (
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error
FROM requests
WHERE num_nulls(created_by) <> 1 AND num_nulls(batch_id) <> 0
  AND CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END > sqlc.arg('above_rank')::integer
ORDER BY CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END,
         created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint OFFSET sqlc.arg('skip')::bigint
) p
LEFT JOIN LATERAL (
    SELECT u.prompt_tokens, u.completion_tokens, u.reasoning_tokens, u.total_tokens, u.total_cost
    FROM public.http_analytics u
    WHERE u.fusillade_request_id = p.id ORDER BY u.timestamp DESC, u.id DESC LIMIT 1
) a ON true;

-- name: PageUnfilteredWithUsageInRank :many
SELECT p.*, a.prompt_tokens, a.completion_tokens, coalesce(a.reasoning_tokens, -1)::bigint AS reasoning_tokens,
       a.total_tokens, coalesce(a.total_cost::text, '')::text AS total_cost
FROM (
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error
FROM requests
WHERE num_nulls(created_by) <> 1 AND num_nulls(batch_id) <> 0
  AND CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END = sqlc.arg('in_rank')::integer
  AND (created_at, id) < (sqlc.arg('after_created_at')::timestamptz, sqlc.arg('after_id')::uuid)
ORDER BY created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint
) p
LEFT JOIN LATERAL (
    SELECT u.prompt_tokens, u.completion_tokens, u.reasoning_tokens, u.total_tokens, u.total_cost
    FROM public.http_analytics u
    WHERE u.fusillade_request_id = p.id ORDER BY u.timestamp DESC, u.id DESC LIMIT 1
) a ON true;

-- name: PageOfOwnerUnfilteredWithUsage :many
SELECT p.*, a.prompt_tokens, a.completion_tokens, coalesce(a.reasoning_tokens, -1)::bigint AS reasoning_tokens,
       a.total_tokens, coalesce(a.total_cost::text, '')::text AS total_cost
FROM (
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error
FROM requests
WHERE created_by = sqlc.arg('owner')::text AND num_nulls(batch_id) <> 0
  AND (created_at, id) < (coalesce(sqlc.narg('after_created_at')::timestamptz, 'infinity'),
                          coalesce(sqlc.narg('after_id')::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
ORDER BY created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint OFFSET sqlc.arg('skip')::bigint
) p
LEFT JOIN LATERAL (
    SELECT u.prompt_tokens, u.completion_tokens, u.reasoning_tokens, u.total_tokens, u.total_cost
    FROM public.http_analytics u
    WHERE u.fusillade_request_id = p.id ORDER BY u.timestamp DESC, u.id DESC LIMIT 1
) a ON true;

-- name: PageOfOwnerUnfilteredWithUsageActiveFirst :many
SELECT p.*, a.prompt_tokens, a.completion_tokens, coalesce(a.reasoning_tokens, -1)::bigint AS reasoning_tokens,
       a.total_tokens, coalesce(a.total_cost::text, '')::text AS total_cost
FROM (
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error
FROM requests
WHERE created_by = sqlc.arg('owner')::text AND num_nulls(batch_id) <> 0
  AND CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END > sqlc.arg('above_rank')::integer
ORDER BY CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END,
         created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint OFFSET sqlc.arg('skip')::bigint
) p
LEFT JOIN LATERAL (
    SELECT u.prompt_tokens, u.completion_tokens, u.reasoning_tokens, u.total_tokens, u.total_cost
    FROM public.http_analytics u
    WHERE u.fusillade_request_id = p.id ORDER BY u.timestamp DESC, u.id DESC LIMIT 1
) a ON true;

-- name: PageOfOwnerUnfilteredWithUsageInRank :many
SELECT p.*, a.prompt_tokens, a.completion_tokens, coalesce(a.reasoning_tokens, -1)::bigint AS reasoning_tokens,
       a.total_tokens, coalesce(a.total_cost::text, '')::text AS total_cost
FROM (
SELECT id, coalesce(created_by, '')::text AS owner, model, state, service_tier, created_at,
       started_at, completed_at, failed_at, response_status, (error IS NOT NULL)::boolean AS has_error
FROM requests
WHERE created_by = sqlc.arg('owner')::text AND num_nulls(batch_id) <> 0
  AND CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END = sqlc.arg('in_rank')::integer
  AND (created_at, id) < (sqlc.arg('after_created_at')::timestamptz, sqlc.arg('after_id')::uuid)
ORDER BY created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint
) p
LEFT JOIN LATERAL (
    SELECT u.prompt_tokens, u.completion_tokens, u.reasoning_tokens, u.total_tokens, u.total_cost
    FROM public.http_analytics u
    WHERE u.fusillade_request_id = p.id ORDER BY u.timestamp DESC, u.id DESC LIMIT 1
) a ON true;

-- name: Shares :one
-- Only ever explained: how many rows the planner expects of all responses, of those of
-- these owners, and of all that pass each part of a filter. With the statistics that
-- doctor advises these describe responses alone, however many rows are of batches.
SELECT (SELECT count(*) FROM requests WHERE created_by IS NOT NULL) AS responses,
       (SELECT count(*) FROM requests WHERE (sqlc.narg('owners')::text[] IS NOT NULL OR created_by IS NOT NULL) AND (sqlc.narg('owners')::text[] IS NULL OR created_by = ANY (sqlc.narg('owners')::text[]))) AS owned,
       (SELECT count(*) FROM requests WHERE (sqlc.narg('states')::text[] IS NULL OR CASE WHEN created_by IS NOT NULL THEN state END = ANY (sqlc.narg('states')::text[]))
      AND (sqlc.narg('status_min')::integer IS NULL OR CASE WHEN created_by IS NOT NULL THEN response_status END >= sqlc.narg('status_min')::integer)
      AND (sqlc.narg('status_max')::integer IS NULL OR CASE WHEN created_by IS NOT NULL THEN response_status END <= sqlc.narg('status_max')::integer)
      AND (sqlc.narg('has_error')::boolean IS NULL OR CASE WHEN created_by IS NOT NULL THEN num_nulls(error) END = CASE WHEN sqlc.narg('has_error')::boolean THEN 0 ELSE 1 END)) AS outcome,
       (SELECT count(*) FROM requests WHERE (sqlc.narg('models')::text[] IS NULL OR CASE WHEN created_by IS NOT NULL THEN model END = ANY (sqlc.narg('models')::text[]))) AS models,
       (SELECT count(*) FROM requests WHERE (sqlc.narg('tiers')::text[] IS NULL OR CASE WHEN created_by IS NOT NULL THEN service_tier END = ANY (sqlc.narg('tiers')::text[]))) AS tiers,
       (SELECT count(*) FROM requests WHERE (sqlc.narg('created_after')::timestamptz IS NULL OR CASE WHEN created_by IS NOT NULL THEN created_at END >= sqlc.narg('created_after')::timestamptz)
      AND (sqlc.narg('created_before')::timestamptz IS NULL OR CASE WHEN created_by IS NOT NULL THEN created_at END <= sqlc.narg('created_before')::timestamptz)) AS creation,
       (SELECT count(*) FROM requests WHERE (sqlc.narg('min_duration')::interval IS NULL OR CASE WHEN created_by IS NOT NULL AND isfinite(started_at) AND isfinite(completed_at) THEN completed_at - started_at END >= sqlc.narg('min_duration')::interval)) AS duration;

-- name: KnowsShares :one
-- Whether the table has the statistics that Shares needs.
SELECT (SELECT count(*) FROM pg_catalog.pg_statistic_ext x, unnest(pg_catalog.pg_get_statisticsobjdef_expressions(x.oid)) AS e (text)
        WHERE x.stxrelid = 'requests'::regclass AND e.text LIKE '%CASE%created_by IS NOT NULL%') >= 7;

-- name: RetainedStates :many
-- The states that there are, each looked up in the index by state, and an empty one,
-- from which it goes on. There is none, NULL, where a response has none, which no
-- constraint forbids. It is used within others.
WITH RECURSIVE states AS (
    SELECT '' AS state
    UNION ALL
    SELECT (SELECT o.state FROM retained_response_objects o
            WHERE o.object_kind = 'request' AND o.state > s.state ORDER BY o.state LIMIT 1)
    FROM states s WHERE s.state IS NOT NULL
)
SELECT state::text AS state, (CASE state WHEN 'processing' THEN 0 WHEN 'claimed' THEN 1 WHEN 'pending' THEN 2 ELSE 3 END)::integer AS rank
FROM states
WHERE state IS NOT NULL OR EXISTS (SELECT FROM retained_response_objects o WHERE o.object_kind = 'request' AND o.state IS NULL);
