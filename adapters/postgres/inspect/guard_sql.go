package inspect

// The SQL of the guard. NewGuard fills in {names}.

const (
	// guardActive selects active holds, as in queries/fusillade/holds.tmpl.
	guardActive = "h.released_at IS NULL AND (h.expires_at IS NULL OR h.expires_at > clock_timestamp())"
	// guardLock is the key that LockHolds locks there.
	guardLock = "7163099204871563"
)

// guardMayRead fails before the installation, rather than with each of dwctl's
// deletions.
const guardMayRead = `DO $guard$
DECLARE
    place text;
BEGIN
    FOREACH place IN ARRAY ARRAY[{tables}] LOOP
        IF NOT pg_catalog.has_table_privilege(place, 'SELECT') THEN
            RAISE EXCEPTION 'Run this as a role that can read %: the guard reads it with the privileges of the role that installs it', place;
        END IF;
    END LOOP;
END
$guard$`

const guardPasses = `
SELECT session_user = ANY (ARRAY[{roles}]::name[])
`

// guardEmpty reports whether content, JSON or not, is empty.
const guardEmpty = `
SELECT coalesce(btrim(content, E' \t\r\n{}[]"'), '') IN ('', 'null')
`

// guardSteps selects everything linked to requests and steps, like Chain in
// queries/fusillade/erase.sql.
const guardSteps = `chain AS (
    SELECT s.id, s.request_id, s.parent_step_id, s.prev_step_id
    FROM {steps} s WHERE s.request_id = ANY ($1)
    UNION
    SELECT s.id, s.request_id, s.parent_step_id, s.prev_step_id FROM {steps} s WHERE s.id = ANY ($2)
    UNION
    SELECT linked.id, linked.request_id, linked.parent_step_id, linked.prev_step_id
    FROM chain c
    CROSS JOIN LATERAL (
        SELECT s.id, s.request_id, s.parent_step_id, s.prev_step_id FROM {steps} s WHERE s.parent_step_id = c.id
        UNION ALL
        SELECT s.id, s.request_id, s.parent_step_id, s.prev_step_id FROM {steps} s WHERE s.prev_step_id = c.id
        UNION ALL
        SELECT s.id, s.request_id, s.parent_step_id, s.prev_step_id FROM {steps} s WHERE s.id = c.parent_step_id
        UNION ALL
        SELECT s.id, s.request_id, s.parent_step_id, s.prev_step_id FROM {steps} s WHERE s.id = c.prev_step_id
    ) linked
), ids AS (
    SELECT unnest($1) AS id UNION SELECT c.request_id FROM chain c WHERE c.request_id IS NOT NULL
)`

const guardNoSteps = `ids AS (
    SELECT unnest($1) AS id
)`

// guardHeld returns a held request among those linked to the given ones, or the first
// of the given ones if only the owner is held. Its conditions are those of HoldsOn in
// queries/fusillade/holds.tmpl; a test compares the two.
const guardHeld = `
#variable_conflict use_column
BEGIN
    RETURN (WITH RECURSIVE {chain}, parts AS (
    SELECT i.id, r.created_by, r.state, r.model, r.service_tier, r.created_at
    FROM ids i LEFT JOIN {requests} r ON r.id = i.id
    UNION ALL
    SELECT ($1)[1], $3, NULL, NULL, NULL, NULL WHERE $3 IS NOT NULL
)
SELECT coalesce(p.id, '00000000-0000-0000-0000-000000000000') FROM parts p
WHERE EXISTS (
    SELECT FROM lethe.holds h
    WHERE {active} AND h.responses && ARRAY[p.id]
) OR EXISTS (
    SELECT FROM lethe.holds h
    WHERE {active} AND h.owners && ARRAY[p.created_by]
) OR (p.created_at IS NOT NULL AND EXISTS (
    SELECT FROM lethe.holds h
    WHERE {active}
      AND h.responses IS NULL AND h.owners IS NULL
      AND (h.states IS NULL OR p.state = ANY (h.states))
      AND (h.models IS NULL OR p.model = ANY (h.models))
      AND (h.tiers IS NULL OR p.service_tier = ANY (h.tiers))
      AND (h.created_after IS NULL OR p.created_at >= h.created_after)
      AND (h.created_before IS NULL OR p.created_at <= h.created_before)
))
LIMIT 1);
END
`

// guardAsk takes the lock that erasures take, so that placing a hold waits for deletions
// that have not seen it. If there are no active holds, it allows the change.
const guardAsk = `
    PERFORM pg_advisory_xact_lock_shared({lock});
    IF NOT EXISTS (SELECT FROM lethe.holds h WHERE {active}) THEN
        RETURN kept;
    END IF;
`

const guardRefuse = `
    IF held IS NOT NULL THEN
        RAISE EXCEPTION 'Lethe holds a response that needs this row, so the row must not be %',
            CASE TG_OP WHEN 'DELETE' THEN 'deleted' ELSE 'emptied, or changed so that the hold no longer finds it' END USING
            ERRCODE = 'restrict_violation', DETAIL = TG_TABLE_NAME || ' ' || OLD.id,
            HINT = 'Release the hold, or wait until it expires; Lethe lists holds at /lethe/api/v1/holds.';
    END IF;
    RETURN kept;
END
`

// guardRequests ignores rows of batches, which are not responses. Columns by which a
// hold matches a request may not change, except the state, which dwctl changes.
const guardRequests = `
DECLARE
    kept record := OLD;
    held uuid;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        kept := NEW;
        IF (NEW.id, NEW.template_id, NEW.batch_id, NEW.created_by, NEW.model, NEW.service_tier, NEW.created_at)
             IS NOT DISTINCT FROM (OLD.id, OLD.template_id, OLD.batch_id, OLD.created_by, OLD.model, OLD.service_tier, OLD.created_at)
           AND (lethe.guard_empty(OLD.response_body) OR NOT lethe.guard_empty(NEW.response_body))
           AND (lethe.guard_empty(OLD.error) OR NOT lethe.guard_empty(NEW.error)) THEN
            RETURN kept;
        END IF;
    END IF;
    IF OLD.batch_id IS NOT NULL OR OLD.created_by IS NULL OR lethe.guard_passes() THEN
        RETURN kept;
    END IF;` + guardAsk + `    held := lethe.guard_held(ARRAY[OLD.id], '{}', NULL);` + guardRefuse

// guardTemplates keeps the prompts of held responses. It skips the deletion of one that
// belongs to a file without an error: dwctl deletes those of many people's files in one
// statement, which an error would abort.
const guardTemplates = `
DECLARE
    kept record := OLD;
    held uuid;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        kept := NEW;
        IF lethe.guard_empty(OLD.body) OR NOT lethe.guard_empty(NEW.body) THEN
            RETURN kept;
        END IF;
    END IF;
    IF lethe.guard_passes() THEN
        RETURN kept;
    END IF;` + guardAsk + `    SELECT lethe.guard_held(array_agg(r.id), '{}', NULL) INTO held
    FROM {requests} r WHERE r.template_id = OLD.id AND r.batch_id IS NULL AND r.created_by IS NOT NULL;
    IF held IS NOT NULL AND OLD.file_id IS NOT NULL AND TG_OP = 'DELETE' THEN
        RETURN NULL;
    END IF;` + guardRefuse

// guardStepRows allows linking a step that was not linked: dwctl does so while it works.
const guardStepRows = `
DECLARE
    kept record := OLD;
    held uuid;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        kept := NEW;
        IF NEW.id = OLD.id
           AND (OLD.request_id IS NULL OR NEW.request_id IS NOT DISTINCT FROM OLD.request_id)
           AND (OLD.prev_step_id IS NULL OR NEW.prev_step_id IS NOT DISTINCT FROM OLD.prev_step_id)
           AND (OLD.parent_step_id IS NULL OR NEW.parent_step_id IS NOT DISTINCT FROM OLD.parent_step_id)
           AND (lethe.guard_empty(OLD.request_payload::text) OR NOT lethe.guard_empty(NEW.request_payload::text))
           AND (lethe.guard_empty(OLD.response_payload::text) OR NOT lethe.guard_empty(NEW.response_payload::text))
           AND (lethe.guard_empty(OLD.error::text) OR NOT lethe.guard_empty(NEW.error::text)) THEN
            RETURN kept;
        END IF;
    END IF;
    IF lethe.guard_passes() THEN
        RETURN kept;
    END IF;` + guardAsk + `    held := lethe.guard_held(ARRAY[OLD.request_id], ARRAY[OLD.id], NULL);` + guardRefuse

// guardStepsLeft reports whether any of these steps, or one of the request, still exists.
const guardStepsLeft = `EXISTS (SELECT FROM {steps} s WHERE s.id = ANY (ARRAY[$1, $2])) OR EXISTS (SELECT FROM {steps} s WHERE s.request_id = $1)`

// guardGone returns a request or a step whose row is gone, if a hold may have applied to
// it. A hold with a filter always may. A hold by owner may if a usage row of the request
// or of the copy names that owner or nobody, or if there is no usage row. Its conditions
// are those of HoldsOnGone in queries/fusillade/holds.tmpl; a test compares the two.
const guardGone = `
#variable_conflict use_column
BEGIN
    IF EXISTS (SELECT FROM {requests} r WHERE r.id = $1) OR {steps left} THEN
        RETURN NULL;
    END IF;
    RETURN (WITH known AS (
    SELECT a.user_id::text AS owner FROM {usage} a WHERE a.fusillade_request_id = $1
    UNION
    SELECT a.user_id::text FROM {usage} a WHERE a.instance_id = $3 AND a.correlation_id = $4
)
SELECT coalesce($1, $2) WHERE EXISTS (
    SELECT FROM lethe.holds h
    WHERE {active} AND h.responses IS NULL AND h.owners IS NULL
) OR EXISTS (
    SELECT FROM lethe.holds h
    WHERE {active} AND h.owners && ARRAY(SELECT k.owner FROM known k)
) OR ((SELECT count(*) = 0 OR bool_or(k.owner IS NULL) FROM known k) AND EXISTS (
    SELECT FROM lethe.holds h
    WHERE {active} AND h.owners IS NOT NULL
)));
END
`

// guardBatch reports whether a header says that the copied request belongs to a batch.
const guardBatch = `coalesce(headers ->> 'x-fusillade-batch-id', '') <> ''`

// guardLink returns the request that headers name; empty for one of a batch.
const guardLink = `
SELECT CASE WHEN {batch} THEN '' ELSE {named} END
`

// guardHeaders selects the requests that the headers of a copy name, except those of
// batches.
const guardHeaders = `
        UNION ALL
        SELECT CASE WHEN q.named ~ '^[0-9a-f]{32}$' THEN q.named::uuid END, NULL, NULL
        FROM (
            SELECT lethe.guard_link(c.headers) AS named FROM {copied} c
            WHERE c.instance_id = OLD.instance_id AND c.correlation_id = OLD.correlation_id
        ) q
        WHERE NOT EXISTS (
            SELECT FROM {usage} a
            WHERE a.instance_id = OLD.instance_id AND a.correlation_id = OLD.correlation_id AND a.fusillade_batch_id IS NOT NULL
        )`

const guardNoHeaders = ""

// guardCopies keeps raw copies that a usage row or a header links to a held response,
// also if its row is gone: the usage row names the owner, and a copy without a known
// owner may have been anybody's.
const guardCopies = `
DECLARE
    kept record := OLD;
    held uuid;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        kept := NEW;
        IF (NEW.instance_id, NEW.correlation_id) = (OLD.instance_id, OLD.correlation_id)
           AND lethe.guard_link(NEW.headers) IS NOT DISTINCT FROM lethe.guard_link(OLD.headers)
           AND (lethe.guard_empty(OLD.body::text) OR NOT lethe.guard_empty(NEW.body::text)) THEN
            RETURN kept;
        END IF;
    END IF;
    IF lethe.guard_passes() THEN
        RETURN kept;
    END IF;` + guardAsk + `    SELECT h.held INTO held
    FROM (
        SELECT a.fusillade_request_id AS request, a.response_step_id AS step, a.user_id::text AS owner
        FROM {usage} a
        WHERE a.instance_id = OLD.instance_id AND a.correlation_id = OLD.correlation_id AND a.fusillade_batch_id IS NULL{headers}
    ) l
    CROSS JOIN LATERAL (
        SELECT coalesce(lethe.guard_held(ARRAY[l.request], ARRAY[l.step], l.owner),
                        lethe.guard_gone(l.request, l.step, OLD.instance_id, OLD.correlation_id)) AS held
    ) h
    WHERE (l.request IS NOT NULL OR l.step IS NOT NULL) AND h.held IS NOT NULL
    LIMIT 1;` + guardRefuse

const guardTruncate = `
BEGIN
    PERFORM pg_advisory_xact_lock_shared({lock});
    IF NOT lethe.guard_passes()
       AND EXISTS (SELECT FROM lethe.holds h WHERE {active}) THEN
        RAISE EXCEPTION 'Lethe holds responses, so this table must not be emptied' USING ERRCODE = 'restrict_violation',
            HINT = 'Release the holds, or wait until they expire; Lethe lists them at /lethe/api/v1/holds.';
    END IF;
    RETURN NULL;
END
`
