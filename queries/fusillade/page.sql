-- name: PlanForArguments :exec
-- For what follows in the same transaction. Where the planner expects next to
-- no rows it would read the whole table, which is quick only until it is wrong.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true);
