-- name: TallyErasures :many
-- Those whose details are kept: what is not over, and what was lately.
SELECT state, trigger, count(*) AS erasures, min(requested_at)::timestamptz AS oldest
FROM lethe.erasures
WHERE target IS NOT NULL
GROUP BY state, trigger
ORDER BY state, trigger;
