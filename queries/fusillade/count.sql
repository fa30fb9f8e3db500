-- What else counts: see lists.tmpl.

-- name: CountOfOwnerUpTo :one
-- Reads no more than it counts, and in the order of an index, or the planner
-- would find half of the table cheaper for an owner of many.
SELECT count(*) FROM (
    SELECT FROM requests WHERE created_by = sqlc.arg('owner')::text
    ORDER BY created_at DESC, id DESC LIMIT sqlc.arg('at_most')::bigint
) counted;

-- name: LimitTime :exec
-- For what follows in the same transaction.
SELECT set_config('statement_timeout', sqlc.arg('at_most')::text, true);

-- name: LimitCount :exec
-- For what follows in the same transaction. A plan made for the filters leaves out
-- those that are not given. What a page before it has kept the planner from is allowed
-- again, as it says what counting costs. A count is over before compiling it would pay.
SELECT set_config('statement_timeout', sqlc.arg('at_most')::text, true),
       set_config('plan_cache_mode', 'force_custom_plan', true),
       set_config('enable_seqscan', 'on', true), set_config('enable_sort', 'on', true),
       set_config('jit', 'off', true);
