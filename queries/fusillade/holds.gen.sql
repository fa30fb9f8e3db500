-- Code generated from holds.tmpl. DO NOT EDIT.

-- An erasure takes a shared lock before it looks for holds and keeps it until it
-- commits. Placing a hold takes the same lock exclusively. So once a hold has been
-- placed, every erasure that did not see it has ended. ShareHolds in erase.sql uses
-- the same lock number.

-- name: LockHolds :exec
-- Waits until no erasure is running. The commit must be on disk before it is reported.
SELECT pg_advisory_xact_lock(7163099204871563),
       set_config('synchronous_commit', coalesce(nullif(current_setting('synchronous_commit'), 'off'), 'on'), true);

-- name: PlaceHold :one
INSERT INTO lethe.holds (id, responses, owners, states, models, tiers, created_after, created_before, reason, created_by, expires_at, seen)
VALUES (sqlc.arg('id'), sqlc.narg('responses')::uuid[], sqlc.narg('owners')::uuid[]::text[],
        sqlc.narg('states')::text[], sqlc.narg('models')::text[], sqlc.narg('tiers')::text[],
        sqlc.narg('created_after')::timestamptz, sqlc.narg('created_before')::timestamptz,
        sqlc.arg('reason'), sqlc.arg('placed_by'), sqlc.narg('expires_at')::timestamptz,
        ARRAY(SELECT r.id FROM requests r WHERE r.id = ANY (sqlc.narg('responses')::uuid[]) AND r.batch_id IS NULL AND r.created_by IS NOT NULL ORDER BY r.id))
RETURNING id, responses, owners::uuid[] AS owners, states, models, tiers, created_after, created_before,
       reason, created_at, created_by, expires_at, released_at, released_by, (released_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp()))::boolean AS active;

-- name: ReleaseHold :one
-- Returns no row if the hold does not exist or was released before.
UPDATE lethe.holds SET released_at = clock_timestamp(), released_by = sqlc.arg('released_by')::uuid
WHERE id = sqlc.arg('id') AND released_at IS NULL
RETURNING id, responses, owners::uuid[] AS owners, states, models, tiers, created_after, created_before,
       reason, created_at, created_by, expires_at, released_at, released_by, (released_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp()))::boolean AS active;

-- name: Hold :one
SELECT id, responses, owners::uuid[] AS owners, states, models, tiers, created_after, created_before,
       reason, created_at, created_by, expires_at, released_at, released_by, (released_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp()))::boolean AS active
FROM lethe.holds WHERE id = sqlc.arg('id');

-- name: Holds :many
SELECT id, responses, owners::uuid[] AS owners, states, models, tiers, created_after, created_before,
       reason, created_at, created_by, expires_at, released_at, released_by, (released_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp()))::boolean AS active
FROM lethe.holds
WHERE (sqlc.narg('active')::boolean IS NULL
       OR (released_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())) = sqlc.narg('active')::boolean)
  AND (created_at, id) < (coalesce(sqlc.narg('after_created_at')::timestamptz, 'infinity'),
                          coalesce(sqlc.narg('after_id')::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
ORDER BY created_at DESC, id DESC
LIMIT sqlc.arg('page_size')::bigint;

-- name: HoldsOn :many
-- The active holds on any of these requests, which must be locked.
WITH parts AS (
    SELECT created_by, state, model, service_tier, created_at FROM requests WHERE id = ANY (sqlc.arg('request_ids')::uuid[])
), covering AS (
    SELECT h.id FROM lethe.holds h WHERE h.released_at IS NULL AND h.responses && sqlc.arg('request_ids')::uuid[]
    UNION ALL
    SELECT h.id FROM lethe.holds h WHERE h.released_at IS NULL AND h.owners && ARRAY(SELECT p.created_by::text FROM parts p)
    UNION ALL
    SELECT h.id FROM lethe.holds h WHERE h.released_at IS NULL AND h.responses IS NULL AND h.owners IS NULL
      AND EXISTS (SELECT FROM parts p WHERE (h.states IS NULL OR p.state = ANY (h.states))
            AND (h.models IS NULL OR p.model = ANY (h.models))
            AND (h.tiers IS NULL OR p.service_tier = ANY (h.tiers))
            AND (h.created_after IS NULL OR p.created_at >= h.created_after)
            AND (h.created_before IS NULL OR p.created_at <= h.created_before))
)
SELECT id, responses, owners::uuid[] AS owners, states, models, tiers, created_after, created_before,
       reason, created_at, created_by, expires_at, released_at, released_by, true::boolean AS active
FROM lethe.holds
WHERE id IN (SELECT c.id FROM covering c) AND (expires_at IS NULL OR expires_at > clock_timestamp())
ORDER BY created_at, id
LIMIT sqlc.arg('max')::bigint;

-- name: HoldsOnEach :many
-- HoldsOn for each of the requests, the oldest hold first.
WITH parts AS MATERIALIZED (
    SELECT wanted.id, r.created_by, r.state, r.model, r.service_tier, r.created_at
    FROM (SELECT unnest(sqlc.arg('request_ids')::uuid[]) AS id) wanted LEFT JOIN requests r ON r.id = wanted.id
), covering AS (
    SELECT h.id FROM lethe.holds h WHERE h.released_at IS NULL AND h.responses && sqlc.arg('request_ids')::uuid[]
    UNION ALL
    SELECT h.id FROM lethe.holds h WHERE h.released_at IS NULL AND h.owners && ARRAY(SELECT p.created_by::text FROM parts p)
    UNION ALL
    SELECT h.id FROM lethe.holds h WHERE h.released_at IS NULL AND h.responses IS NULL AND h.owners IS NULL
)
SELECT pairs.request_id::uuid AS request_id, pairs.hold_id
FROM (
    SELECT p.id AS request_id, h.id AS hold_id, row_number() OVER (PARTITION BY p.id ORDER BY h.created_at, h.id) AS place
    FROM lethe.holds h
    JOIN parts p ON p.id = ANY (h.responses)
        OR p.created_by = ANY (h.owners)
        OR (h.responses IS NULL AND h.owners IS NULL AND p.created_at IS NOT NULL
            AND (h.states IS NULL OR p.state = ANY (h.states))
            AND (h.models IS NULL OR p.model = ANY (h.models))
            AND (h.tiers IS NULL OR p.service_tier = ANY (h.tiers))
            AND (h.created_after IS NULL OR p.created_at >= h.created_after)
            AND (h.created_before IS NULL OR p.created_at <= h.created_before))
    WHERE h.id IN (SELECT c.id FROM covering c) AND (h.expires_at IS NULL OR h.expires_at > clock_timestamp())
) pairs
WHERE pairs.place <= sqlc.arg('max')::bigint
ORDER BY pairs.request_id, pairs.place;

-- name: HoldsOnGone :many
-- The active holds on a request whose row is gone, when only these owners are known.
-- Any hold with a filter may cover it, so all of them count. If the owner of a part is
-- unknown, every hold by owner counts too.
SELECT id, responses, owners::uuid[] AS owners, states, models, tiers, created_after, created_before,
       reason, created_at, created_by, expires_at, released_at, released_by, true::boolean AS active
FROM lethe.holds
WHERE released_at IS NULL AND (expires_at IS NULL OR expires_at > clock_timestamp())
  AND (responses @> ARRAY[sqlc.arg('request_id')::uuid] OR owners && sqlc.arg('owners')::text[]
       OR owners IS NOT NULL AND sqlc.arg('unowned')::boolean OR responses IS NULL AND owners IS NULL)
ORDER BY created_at, id
LIMIT sqlc.arg('max')::bigint;

-- name: SeeHeld :exec
-- Records which held responses exist. It leaves out responses that Lethe itself
-- erased, in an erasure that began before the hold. If there are very many holds, it
-- looks at the newest. Tombstones have no index on requests, so they are scanned once,
-- and only if something is gone.
WITH looked AS MATERIALIZED (
    SELECT n.id AS hold_id, held.id, coalesce(r.there, false) AS there, held.id = ANY (n.seen) AS seen
    FROM (
        SELECT a.id, a.responses, a.seen FROM lethe.holds a
        WHERE a.released_at IS NULL AND (a.expires_at IS NULL OR a.expires_at > clock_timestamp()) AND a.responses IS NOT NULL
        ORDER BY a.created_at DESC, a.id DESC LIMIT sqlc.arg('max')::bigint
    ) n
    CROSS JOIN LATERAL (SELECT DISTINCT unnest(n.responses) AS id) held
    LEFT JOIN LATERAL (
        SELECT true AS there FROM requests WHERE requests.id = held.id AND batch_id IS NULL AND created_by IS NOT NULL LIMIT 1
    ) r ON true
), erased AS MATERIALIZED (
    SELECT DISTINCT u.id FROM lethe.tombstones t CROSS JOIN LATERAL unnest(t.request_ids) AS u (id)
    WHERE u.id IN (SELECT l.id FROM looked l WHERE l.seen AND NOT l.there)
), found AS (
    SELECT l.hold_id, coalesce(
        array_agg(l.id ORDER BY l.id) FILTER (WHERE l.there OR l.seen AND l.id NOT IN (SELECT e.id FROM erased e)), '{}'
    ) AS ids
    FROM looked l GROUP BY l.hold_id
)
UPDATE lethe.holds h SET seen = found.ids FROM found WHERE h.id = found.hold_id AND h.seen <> found.ids;

-- name: HeldGone :many
-- The responses that SeeHeld saw, that are gone, and that Lethe did not erase.
WITH gone AS MATERIALIZED (
    SELECT h.id AS hold_id, h.created_at, held.id
    FROM (
        SELECT n.id, n.created_at, n.seen FROM lethe.holds n
        WHERE n.released_at IS NULL AND (n.expires_at IS NULL OR n.expires_at > clock_timestamp()) AND n.responses IS NOT NULL
        ORDER BY n.created_at DESC, n.id DESC LIMIT sqlc.arg('max_holds')::bigint
    ) h
    CROSS JOIN LATERAL unnest(h.seen) AS held (id)
    LEFT JOIN LATERAL (SELECT true AS there FROM requests WHERE requests.id = held.id LIMIT 1) r ON true
    WHERE r.there IS NULL
), erased AS MATERIALIZED (
    SELECT DISTINCT u.id FROM lethe.tombstones t CROSS JOIN LATERAL unnest(t.request_ids) AS u (id)
    WHERE u.id IN (SELECT g.id FROM gone g)
)
SELECT g.hold_id, g.id::uuid AS request_id FROM gone g
WHERE g.id NOT IN (SELECT e.id FROM erased e)
ORDER BY g.created_at, g.hold_id, g.id
LIMIT sqlc.arg('max')::bigint;

-- name: Surroundings :one
-- Which tables exist that only some versions of dwctl have.
SELECT (to_regclass('underway.task') IS NOT NULL)::boolean AS tasks,
       (to_regclass('retained_response_request_routes') IS NOT NULL)::boolean AS routes,
       (to_regclass('retained_response_resurrection_fences') IS NOT NULL)::boolean AS retained;

-- name: HeldPurges :one
-- Jobs of dwctl that delete everything of a deleted user, some of which is held. Holds
-- by owner and by ID are searched starting from the hold, because a person can have
-- very many requests.
SELECT count(*) FILTER (WHERE purge.state <> 'failed') AS waiting, count(*) FILTER (WHERE purge.state = 'failed') AS failed
FROM (
    SELECT t.state::text AS state, jsonb_path_query_first(t.input, '$.**.user_id') #>> '{}' AS owner
    FROM underway.task t
    WHERE t.task_queue_name = 'purge-user-data' AND t.state::text IN ('pending', 'in_progress', 'failed')
    LIMIT sqlc.arg('max')::bigint
) purge
WHERE EXISTS (
    SELECT FROM lethe.holds h
    WHERE h.released_at IS NULL AND (h.expires_at IS NULL OR h.expires_at > clock_timestamp()) AND h.owners && ARRAY[purge.owner]
      AND EXISTS (SELECT FROM requests r WHERE r.created_by = purge.owner AND r.batch_id IS NULL)
) OR EXISTS (
    SELECT FROM lethe.holds h CROSS JOIN LATERAL unnest(h.responses) AS held (id)
    JOIN LATERAL (SELECT r.created_by FROM requests r WHERE r.id = held.id AND r.batch_id IS NULL LIMIT 1) found ON found.created_by = purge.owner
    WHERE h.released_at IS NULL AND (h.expires_at IS NULL OR h.expires_at > clock_timestamp())
) OR EXISTS (
    SELECT FROM lethe.holds h
    WHERE h.released_at IS NULL AND (h.expires_at IS NULL OR h.expires_at > clock_timestamp())
      AND h.responses IS NULL AND h.owners IS NULL
      AND EXISTS (
          SELECT FROM requests r
          WHERE r.created_by = purge.owner AND r.batch_id IS NULL
            AND (h.states IS NULL OR r.state = ANY (h.states))
            AND (h.models IS NULL OR r.model = ANY (h.models))
            AND (h.tiers IS NULL OR r.service_tier = ANY (h.tiers))
            AND (h.created_after IS NULL OR r.created_at >= h.created_after)
            AND (h.created_before IS NULL OR r.created_at <= h.created_before)
      )
);
