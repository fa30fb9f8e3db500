export type ClientOptions = {
    baseUrl: `${string}://${string}` | (string & {});
};
/**
 * One page of a list.
 */
export type ResponsePage = {
    /**
     * The responses, in list order.
     */
    data: Array<ResponseSummary>;
    /**
     * How many responses match in total; null if not counted.
     */
    total_count: number | null;
    /**
     * Whether `total_count` is exact or an estimate by the database; none if it was not requested, or took too long.
     */
    count_kind: 'exact' | 'estimate' | 'none' | (string & {});
    /**
     * How many responses were skipped, as applied.
     */
    skip: number;
    /**
     * The maximum page size, as applied.
     */
    limit: number;
    /**
     * Whether more responses follow.
     */
    has_more: boolean;
    /**
     * Pass as `after` to get the next page; null on the last page.
     */
    next_cursor: string | null;
};
/**
 * Numbers of responses over time.
 */
export type ResponseFigures = {
    /**
     * The time from which responses were counted, as applied.
     */
    from: string;
    /**
     * The time before which responses were counted, as applied.
     */
    to: string;
    /**
     * The width of the buckets; hour or day.
     */
    bucket: string;
    /**
     * What makes the series; null if there is one.
     */
    group_by: string | null;
    /**
     * What was counted; usage if responses were counted with their usage records, rows if without.
     */
    basis: string;
    /**
     * The series with the most responses first, and the rest, if any, last; at most 21.
     */
    series: Array<FigureSeries>;
};
/**
 * Responses that have the same model, state, tier or owner.
 */
export type FigureSeries = {
    /**
     * What they have in common; null without `group_by`, without a tier, and of the rest.
     */
    key: string | null;
    /**
     * Whether these are the rest, which are too many to be series.
     */
    other: boolean;
    /**
     * The email address of an owner, if it is known.
     */
    email: string | null;
    /**
     * In order of time, one for each bucket in which there are responses.
     */
    points: Array<FigurePoint>;
};
/**
 * What one series has in one bucket.
 */
export type FigurePoint = {
    /**
     * Where the bucket begins.
     */
    from: string;
    /**
     * Where the bucket ends; what is created then is in the next.
     */
    to: string;
    /**
     * How many responses were created.
     */
    responses: number;
    /**
     * Of these, those whose state is failed.
     */
    failures: number;
    /**
     * The sum of what is recorded; null if nothing is, or it was not counted.
     */
    prompt_tokens: number | null;
    /**
     * As prompt_tokens.
     */
    completion_tokens: number | null;
    /**
     * As prompt_tokens.
     */
    reasoning_tokens: number | null;
    /**
     * As prompt_tokens.
     */
    total_tokens: number | null;
    /**
     * The sum of the costs that are known; null if none is, or they were not counted.
     */
    total_cost: number | null;
    /**
     * Half of the known durations, from start to completion, are at most this many milliseconds; null if none is known, or they were not read.
     */
    duration_p50_ms: number | null;
    /**
     * The same for 95 of 100.
     */
    duration_p95_ms: number | null;
};
/**
 * A response without its contents. Every field is always present, null if unknown.
 */
export type ResponseSummary = {
    /**
     * The response's identifier.
     */
    id: string;
    /**
     * Always null; responses of batches are not listed.
     */
    batch_id: string | null;
    /**
     * The requested model.
     */
    model: string;
    /**
     * The state: pending, claimed, processing, completed, failed or canceled.
     */
    status: string;
    /**
     * When the request arrived (UTC). Null if the stored time cannot be expressed, such as `infinity`.
     */
    created_at: string | null;
    /**
     * When the answer was complete (UTC).
     */
    completed_at: string | null;
    /**
     * When it finally failed (UTC).
     */
    failed_at: string | null;
    /**
     * Milliseconds from start to completion, exact to the microsecond.
     */
    duration_ms: number | null;
    /**
     * The HTTP status that the model's server returned.
     */
    response_status: number | null;
    /**
     * The tier: auto, default, flex, priority, background or another.
     */
    service_tier: string | null;
    /**
     * Tokens of the prompt.
     */
    prompt_tokens: number | null;
    /**
     * Tokens of the answer.
     */
    completion_tokens: number | null;
    /**
     * Reasoning tokens, included in the answer's.
     */
    reasoning_tokens: number | null;
    /**
     * All tokens.
     */
    total_tokens: number | null;
    /**
     * The cost, in the platform's billing currency. If the newest usage record
     * has no cost or has expired, the cost comes from the ledger
     * (`credits_transactions`); null if that has none either.
     *
     */
    total_cost: number | null;
    /**
     * The email address of the owner, a person or an organization.
     */
    created_by_email: string | null;
};
/**
 * A response with its contents.
 */
export type ResponseDetail = ResponseSummary & {
    /**
     * The request as it was sent, including the prompt; empty if there is
     * none, or if it came with a file that has been deleted.
     *
     */
    body: string;
    /**
     * The answer as the model's server returned it.
     */
    response_body: string | null;
    /**
     * Why it failed.
     */
    error: string | null;
    /**
     * Which of `body`, `response_body` and `error` exist but are not shown
     * because the gateway stores them encrypted. Those fields are then
     * empty or null.
     *
     */
    withheld: Array<string>;
    /**
     * The owner, usually the UUID of a person or an organization.
     */
    created_by: string;
};
/**
 * Who the caller is and what they may do.
 */
export type Caller = {
    /**
     * The person who calls, also with an organization's key.
     */
    id: string;
    /**
     * That person's email address.
     */
    email: string;
    /**
     * Whether that person may do everything.
     */
    admin: boolean;
    /**
     * Their roles, as the control layer spells them.
     */
    roles: Array<string>;
    /**
     * The organizations that they may act for, by identifier.
     */
    organizations: Array<CallerOrganization>;
    /**
     * The organization that they act for; null if none.
     */
    active_organization: string | null;
    can: Permissions;
};
/**
 * An organization that the caller may act for.
 */
export type CallerOrganization = {
    /**
     * The organization's identifier.
     */
    id: string;
    /**
     * Its email address; null if it could not be read.
     */
    email: string | null;
};
/**
 * What the caller may do. Of responses: nothing (`none`), with those of their own
 * and of the active organization (`own`), or with everyone's (`all`).
 *
 */
export type Permissions = {
    list: Reach;
    contents: Reach;
    erase: Reach;
    export: Reach;
    /**
     * Place, see and release holds.
     */
    holds: boolean;
    /**
     * Decide how long responses are kept.
     */
    retention: boolean;
    /**
     * See who read what.
     */
    access_log: boolean;
};
/**
 * Whose responses a permission covers.
 */
export type Reach = 'none' | 'own' | 'all';
/**
 * The people and organizations found.
 */
export type OwnerList = {
    /**
     * Those found, those first whom the text names exactly, then by email address.
     */
    data: Array<Owner>;
    /**
     * Whether there are more; give more of the address or the name.
     */
    has_more: boolean;
};
/**
 * A person or an organization: its UUID, or its whole e-mail address. Case matters
 * only if several addresses differ in nothing else.
 *
 */
export type OwnerName = string;
/**
 * A person or an organization that an e-mail address may mean.
 */
export type OwnerChoice = {
    /**
     * The identifier.
     */
    id: string;
    /**
     * The e-mail address.
     */
    email: string;
    /**
     * A person or an organization.
     */
    kind: 'person' | 'organization' | (string & {});
    /**
     * Whether the control layer has deleted them.
     */
    deleted: boolean;
};
/**
 * A person or an organization that responses may belong to.
 */
export type Owner = {
    /**
     * The identifier, as in `created_by` of responses.
     */
    id: string;
    /**
     * The email address.
     */
    email: string;
    /**
     * The name that is shown; null if there is none.
     */
    name: string | null;
    /**
     * A person or an organization.
     */
    kind: 'person' | 'organization' | (string & {});
    /**
     * Whether the control layer has deleted them.
     */
    deleted: boolean;
    /**
     * How many responses belong to them; null if even an estimate took too long.
     */
    responses: number | null;
    /**
     * Whether `responses` is exact, an estimate by the database, or null.
     */
    count_kind: 'exact' | 'estimate' | 'none' | (string & {});
};
/**
 * One page of the steps of a response.
 */
export type StepPage = {
    /**
     * The steps, in order.
     */
    data: Array<Step>;
    /**
     * The maximum page size, as applied.
     */
    limit: number;
    /**
     * Whether more steps follow.
     */
    has_more: boolean;
    /**
     * Pass as `after` to get the next page; null on the last page.
     */
    next_cursor: string | null;
};
/**
 * A call of a model or of a tool, without its payloads. Every field is always
 * present, null if unknown.
 *
 */
export type StepSummary = {
    /**
     * The step's identifier; that of the request if there is no chain.
     */
    id: string;
    /**
     * The request of a call of a model; null for a call of a tool.
     */
    request_id: string | null;
    /**
     * What was called, `model_call` or `tool_call`.
     */
    kind: string;
    /**
     * The state of the step: pending, processing, completed, failed or canceled; a request without a chain can also be claimed.
     */
    state: string;
    /**
     * The requested model; null for a call of a tool.
     */
    model: string | null;
    /**
     * The name of the tool if what was sent has a `name`, of at most 200 characters; null for a call of a model.
     */
    tool: string | null;
    /**
     * When the step was planned (UTC).
     */
    created_at: string | null;
    /**
     * When it started (UTC).
     */
    started_at: string | null;
    /**
     * When the result was complete (UTC).
     */
    completed_at: string | null;
    /**
     * When it finally failed (UTC).
     */
    failed_at: string | null;
    /**
     * When it was canceled (UTC); unknown for a response without a chain.
     */
    canceled_at: string | null;
    /**
     * Milliseconds from start to completion, exact to the microsecond.
     */
    duration_ms: number | null;
    /**
     * The HTTP status that the model's server returned.
     */
    response_status: number | null;
    /**
     * Whether an error is recorded.
     */
    has_error: boolean;
    /**
     * Tokens of the prompt.
     */
    prompt_tokens: number | null;
    /**
     * Tokens of the answer.
     */
    completion_tokens: number | null;
    /**
     * Reasoning tokens, included in the answer's.
     */
    reasoning_tokens: number | null;
    /**
     * All tokens.
     */
    total_tokens: number | null;
    /**
     * The cost, in the platform's billing currency, from where responses have it.
     */
    total_cost: number | null;
};
/**
 * A step with its payloads, which are null unless `payloads=true`.
 */
export type Step = StepSummary & {
    /**
     * What was sent to the model or the tool, usually JSON.
     */
    request_payload: string | null;
    /**
     * What came back, usually JSON.
     */
    response_payload: string | null;
    /**
     * Why it failed.
     */
    error: string | null;
    /**
     * Which of `request_payload`, `response_payload` and `error` exist but
     * are not shown because the gateway stores them encrypted.
     *
     */
    withheld: Array<string>;
};
/**
 * The models among the caller's responses.
 */
export type ModelList = {
    /**
     * The models, in order of name.
     */
    data: Array<ModelCount>;
    /**
     * Whether there are more models, or may be, as not all responses were looked at.
     */
    has_more: boolean;
};
/**
 * A model and its responses.
 */
export type ModelCount = {
    /**
     * The name, as the filter `model` takes it.
     */
    model: string;
    /**
     * How many responses it has; null if not counted.
     */
    total_count: number | null;
    /**
     * Whether `total_count` is exact or an estimate by the database; none if it was not counted.
     */
    count_kind: 'exact' | 'estimate' | 'none' | (string & {});
};
/**
 * One page of the access log.
 */
export type AccessPage = {
    /**
     * The records, newest first.
     */
    data: Array<Access>;
    /**
     * The maximum page size, as applied.
     */
    limit: number;
    /**
     * Whether more records follow.
     */
    has_more: boolean;
    /**
     * Pass as `after` to get the next page; null on the last page.
     */
    next_cursor: string | null;
};
/**
 * Someone was shown the contents of a response that was not their own.
 */
export type Access = {
    /**
     * The record's identifier.
     */
    id: string;
    /**
     * The response that was read; null for an export.
     */
    response_id: string | null;
    /**
     * The owner of the response, usually the UUID of a person or an
     * organization; null for an export that is not of a single owner.
     *
     */
    owner: string | null;
    /**
     * The owner's email address; null if the owner is not a known person.
     */
    owner_email: string | null;
    /**
     * The person who read it.
     */
    accessed_by: string;
    /**
     * That person's email address; null if the person is no longer known.
     */
    accessed_by_email: string | null;
    /**
     * When (UTC).
     */
    accessed_at: string;
    /**
     * The network address of the peer that sent the request, as in the
     * service's log; the proxy's address if there is a proxy.
     *
     */
    address: string;
    /**
     * What was exported; null for the access to a single response.
     */
    export: ExportedFilter | null;
};
/**
 * An export had everything that matched all given conditions. Without
 * conditions, that is everything.
 *
 */
export type ExportedFilter = {
    /**
     * The owners of the responses, spelled as in their `created_by`; if left out, everyone.
     */
    owners?: Array<string>;
    /**
     * Any of these states.
     */
    states?: Array<string>;
    /**
     * Any of these models, spelled exactly.
     */
    models?: Array<string>;
    /**
     * Any of these service tiers.
     */
    tiers?: Array<string>;
    /**
     * Created at this time or later (UTC).
     */
    created_after?: string;
    /**
     * Created at this time or earlier (UTC).
     */
    created_before?: string;
    /**
     * The model's server returned this HTTP status or a higher one.
     */
    response_status_min?: number;
    /**
     * The model's server returned this HTTP status or a lower one.
     */
    response_status_max?: number;
    /**
     * Took this many milliseconds or more from start to completion.
     */
    min_duration_ms?: number;
    /**
     * With a recorded error, or without one.
     */
    has_error?: boolean;
    /**
     * Cost at least this much.
     */
    min_total_cost?: number;
};
/**
 * How the service and its databases are.
 */
export type ServiceStatus = {
    /**
     * When this was read.
     */
    at: string;
    /**
     * Whether nothing is wrong.
     */
    well: boolean;
    /**
     * That all is well, or the worst that is not and what mends it.
     */
    sentence: string;
    /**
     * The version of the service.
     */
    version: string;
    log: LogStatus;
    erasures: ErasureStatus;
    holds: HoldStatus;
    subject_requests: SubjectRequestStatus;
    /**
     * The enabled retention rules that run next, in order, at most ten.
     */
    next_rules: Array<DueRule>;
    /**
     * How far the schemas of other systems are migrated.
     */
    schemas: Array<SchemaVersion>;
};
/**
 * The log of erasures.
 */
export type LogStatus = {
    /**
     * When receipts were last sealed; null if none ever was.
     */
    sealed_at: string | null;
    /**
     * Sealed receipts.
     */
    leaves: number;
    /**
     * Sealed receipts that a published checkpoint covers.
     */
    published_leaves: number;
    /**
     * Receipts that are not sealed yet; counting ends at 10,000.
     */
    unsealed: number;
    /**
     * How long the oldest unsealed receipt has been waiting; 0 if there is none.
     */
    oldest_unsealed_seconds: number;
};
/**
 * Bulk erasures, including runs of retention rules.
 */
export type ErasureStatus = {
    /**
     * Erasures that are pending or running.
     */
    unfinished: number;
    /**
     * When the oldest unfinished one was requested; null if there is none.
     */
    oldest_unfinished_at: string | null;
    /**
     * Erasures that failed within the last day.
     */
    failed: number;
    /**
     * Erasures that wait for approval; they do not count as unfinished.
     */
    awaiting_approval: number;
    /**
     * When the oldest of these was requested; null if there is none.
     */
    oldest_awaiting_at: string | null;
};
/**
 * What bypasses holds.
 */
export type HoldStatus = {
    /**
     * Responses named by a hold that something other than Lethe has deleted; counting ends at 1,000.
     */
    held_responses_gone: number;
    /**
     * Waiting purges of deleted users that would remove held responses.
     */
    purges_waiting: number;
    /**
     * The same, but purges that have given up.
     */
    purges_failed: number;
};
/**
 * Requests of people about their data that wait for an answer.
 */
export type SubjectRequestStatus = {
    /**
     * Subject requests that wait for an answer.
     */
    open: number;
    /**
     * Those of them whose answer is overdue.
     */
    overdue: number;
    /**
     * When the first of them is due (UTC); null if none waits.
     */
    next_due_at: string | null;
};
/**
 * An enabled retention rule and its next run.
 */
export type DueRule = {
    /**
     * Its identifier.
     */
    rule_id: string;
    /**
     * Its name.
     */
    name: string;
    /**
     * When its next run begins.
     */
    next_run_at: string;
};
/**
 * How far the schema of another system is migrated, by that system's own record.
 */
export type SchemaVersion = {
    /**
     * The name of the schema.
     */
    schema: string;
    /**
     * The newest migration that was applied; null if none is recorded, or the role may not read the record.
     */
    migration: number | null;
    /**
     * Migrations that were begun and not finished.
     */
    failed_migrations: Array<number>;
};
/**
 * Which responses of the caller's list to erase. A response must match all
 * given conditions; if a part of a chain matches, the whole chain does.
 *
 */
export type ErasureFilter = {
    /**
     * Only responses of this user or organization. Requires permission to read
     * everyone's responses; otherwise refused (400).
     *
     */
    member_id?: string;
    /**
     * Matches any of these states: pending, claimed, processing, completed,
     * failed, canceled, and any added later.
     *
     */
    states?: Array<string>;
    /**
     * Matches any of these models, spelled exactly.
     */
    models?: Array<string>;
    /**
     * Matches any of these service tiers: auto, default, flex, priority,
     * background, and any added later.
     *
     */
    tiers?: Array<string>;
    /**
     * Created at this time or later; RFC 3339 with an offset, in the years 0 to 9999 in UTC.
     */
    created_after?: string;
    /**
     * Created at this time or earlier; RFC 3339 with an offset, in the years 0 to 9999 in UTC.
     */
    created_before?: string;
    /**
     * The model's server returned this HTTP status or a higher one.
     */
    response_status_min?: number;
    /**
     * The model's server returned this HTTP status or a lower one.
     */
    response_status_max?: number;
    /**
     * Took this many milliseconds or more from start to completion.
     */
    min_duration_ms?: number;
    /**
     * With a recorded error, or without one.
     */
    has_error?: boolean;
    /**
     * Only true, and only by itself: matches everything. A filter without any condition is refused.
     */
    all?: boolean;
};
/**
 * What to erase. Give exactly one of responses, owner and filter.
 */
export type ErasureRequest = {
    /**
     * Identifiers of responses, in the same formats as `request_id`. Any part
     * of a chain stands for all of it.
     *
     */
    responses?: Array<string>;
    /**
     * A user or an organization whose responses are all erased, by UUID or whole
     * e-mail address. Anyone other than the caller and the active organization
     * requires permission to erase everyone's responses.
     *
     */
    owner?: string;
    filter?: ErasureFilter;
    /**
     * Exactly `true` or `false`. True also erases later turns of the same
     * owner, which quote what is erased, as in `eraseResponse`: at most 1,000
     * per response. A response with more fails as refused; one with a held
     * part in its later turns fails as held. With a filter, turns created
     * after the preview are not erased.
     *
     */
    include_later_turns?: boolean;
};
/**
 * Whose file to make.
 */
export type NewPersonFile = {
    owner: OwnerName;
    /**
     * The subject request that asks for this file. It must wait for an answer, ask
     * for access to the data of this same `owner`, and its identity must have been
     * checked. Administrators and platform managers only.
     *
     */
    subject_request?: string;
};
/**
 * A person's file and its progress. Every field is always present, null if unknown.
 */
export type PersonFile = {
    /**
     * The export's identifier.
     */
    id: string;
    /**
     * Whose responses are in it.
     */
    owner: string;
    /**
     * The state. `done`: the file can be downloaded. `expired`: it is gone, or what
     * was made of it.
     *
     */
    state: 'queued' | 'running' | 'done' | 'failed' | 'expired' | (string & {});
    /**
     * Why it failed or expired.
     */
    reason: 'age' | 'erased' | 'deleted' | 'too_large' | 'disk_full' | 'attempts' | 'internal' | null;
    /**
     * What the reason means, and what to do.
     */
    message: string | null;
    /**
     * When it was requested (UTC).
     */
    requested_at: string;
    /**
     * Who requested it.
     */
    requested_by: string;
    /**
     * The subject request that asked for it.
     */
    subject_request: string | null;
    /**
     * Responses created later are not in it.
     */
    as_of: string | null;
    /**
     * When it was done, failed, or could not go on because of an erasure.
     */
    finished_at: string | null;
    /**
     * When it is removed.
     */
    expires_at: string | null;
    /**
     * How many responses are in it so far.
     */
    responses: number;
    /**
     * Its size, once it is done.
     */
    bytes: number | null;
    /**
     * The SHA-256 of the ZIP, once it is done.
     */
    sha256: string | null;
    /**
     * The path of the file, while it can be downloaded.
     */
    file: string | null;
};
/**
 * One page of persons' files.
 */
export type PersonFilePage = {
    /**
     * The files, newest first.
     */
    data: Array<PersonFile>;
    /**
     * The maximum page size, as applied.
     */
    limit: number;
    /**
     * Whether more files follow.
     */
    has_more: boolean;
    /**
     * Pass as `after` to get the next page; null on the last page.
     */
    next_cursor: string | null;
};
/**
 * What to erase, and why. Give exactly one of responses, owner and filter.
 */
export type NewErasure = {
    /**
     * Identifiers of responses, in the same formats as `request_id`. Any part
     * of a chain stands for all of it.
     *
     */
    responses?: Array<string>;
    /**
     * A user or an organization whose responses are all erased, by UUID or whole
     * e-mail address. Anyone other than the caller and the active organization
     * requires permission to erase everyone's responses.
     *
     */
    owner?: string;
    filter?: ErasureFilter;
    /**
     * Exactly `true` or `false`. True also erases later turns of the same
     * owner, which quote what is erased, as in `eraseResponse`: at most 1,000
     * per response. A response with more fails as refused; one with a held
     * part in its later turns fails as held. With a filter, turns created
     * after the preview are not erased.
     *
     */
    include_later_turns?: boolean;
    /**
     * The token of a preview of the same request. Optional with responses.
     */
    token?: string;
    /**
     * The ground for the erasure, for the receipts. Defaults to unspecified.
     */
    ground?: 'request' | 'consent_withdrawn' | 'objection' | 'no_longer_needed' | 'unlawful' | 'legal_obligation' | 'unspecified';
    /**
     * The subject request that asks for this erasure. It must wait for an answer,
     * ask for the erasure of this same `owner`, and its identity must have been
     * checked. Administrators and platform managers only.
     *
     */
    subject_request?: string;
    /**
     * The caller's own reference, visible to those who can see the erasure. It
     * is not part of any receipt.
     *
     */
    ticket?: string;
};
/**
 * What an erasure would erase.
 */
export type ErasurePreview = {
    /**
     * Ties an erasure to this preview.
     */
    token: string;
    /**
     * When the token expires (UTC).
     */
    expires_at: string;
    /**
     * When this was counted (UTC).
     */
    as_of: string;
    /**
     * False if there is more than was counted; the counts then cover the
     * 250,000 oldest requests. With a filter, only these are erased; preview
     * again for more.
     *
     */
    complete: boolean;
    /**
     * Responses that would be erased, each with its whole chain.
     */
    responses: number;
    /**
     * Requests. A response has one, or one for each call of a model if it was
     * made in several steps, so there can be more of these than responses.
     *
     */
    requests: number;
    /**
     * Steps.
     */
    steps: number;
    /**
     * Prompts.
     */
    templates: number;
    /**
     * Raw copies of requests in the gateway's log.
     */
    raw_requests: number;
    /**
     * Raw copies of answers in the gateway's log.
     */
    raw_responses: number;
    /**
     * Queued and finished jobs that contain a response.
     */
    tasks: number;
    /**
     * Files that an upgrade of the gateway left behind, each made for one
     * request, with their empty batches.
     *
     */
    files: number;
    /**
     * Objects of responses that fusillade-arsenal moved out of the requests:
     * two per response, and included in no other count.
     *
     */
    retained: number;
    /**
     * Prompts that would stay because requests that are not erased need them.
     */
    kept_templates: number;
    /**
     * Responses covered by holds; included in none of the counts above.
     */
    held: number;
    /**
     * Identifiers that are not responses the caller may erase.
     */
    not_found: number;
    /**
     * Later turns of the same owners, which quote what would be erased, and
     * the turns that follow them, excluding those that the target itself names
     * or matches. With `include_later_turns` they are included in `responses`
     * and would be erased; without it they would stay. Null if they were not
     * counted because no index leads to them and the target has more than
     * 5,000 requests.
     *
     */
    later_turns: number | null;
    /**
     * False if there may be more later turns than were counted: more than
     * 1,000 that would stay, encrypted prompts, or more requests than were
     * searched.
     *
     */
    later_turns_complete: boolean;
    /**
     * If no index leads to later turns, the maximum number of the owners'
     * requests that were searched for them, counted from the oldest that would
     * be erased; null if an index does.
     *
     */
    later_turns_searched: number | null;
};
/**
 * Everything that matches all given conditions is erased; if a part of a chain
 * matches, the whole chain is. Without conditions, that is everything.
 *
 */
export type ErasureTargetFilter = {
    /**
     * The owners of the responses, spelled as in their `created_by`; if left out, everyone.
     */
    owners?: Array<string>;
    /**
     * Matches any of these states: pending, claimed, processing, completed,
     * failed, canceled, and any added later.
     *
     */
    states?: Array<string>;
    /**
     * Matches any of these models, spelled exactly.
     */
    models?: Array<string>;
    /**
     * Matches any of these service tiers: auto, default, flex, priority,
     * background, and any added later.
     *
     */
    tiers?: Array<string>;
    /**
     * Created at this time or later (UTC).
     */
    created_after?: string;
    /**
     * Created at this time or earlier (UTC).
     */
    created_before?: string;
    /**
     * The model's server returned this HTTP status or a higher one.
     */
    response_status_min?: number;
    /**
     * The model's server returned this HTTP status or a lower one.
     */
    response_status_max?: number;
    /**
     * Took this many milliseconds or more from start to completion.
     */
    min_duration_ms?: number;
    /**
     * With a recorded error, or without one.
     */
    has_error?: boolean;
};
/**
 * What to erase; exactly one of responses, owner and filter is given.
 */
export type ErasureTarget = {
    /**
     * The responses by identifier, without duplicates; empty in an erasure of another kind.
     */
    responses: Array<string>;
    /**
     * The owner of the responses; null in an erasure of another kind.
     */
    owner: string | null;
    /**
     * The filter that responses must match; null in an erasure of another kind.
     */
    filter: ErasureTargetFilter | null;
    /**
     * Whether later turns of the same owner are erased too.
     */
    include_later_turns: boolean;
};
/**
 * Deleted rows.
 */
export type ErasureCounts = {
    /**
     * Requests. A response has one, or one for each call of a model if it was
     * made in several steps, so there can be more of these than responses.
     *
     */
    requests: number;
    /**
     * Steps.
     */
    steps: number;
    /**
     * Prompts.
     */
    templates: number;
    /**
     * Raw copies of requests in the gateway's log.
     */
    raw_requests: number;
    /**
     * Raw copies of answers in the gateway's log.
     */
    raw_responses: number;
    /**
     * Queued and finished jobs that contain a response.
     */
    tasks: number;
    /**
     * Files that an upgrade of the gateway left behind, each made for one
     * request, with their empty batches.
     *
     */
    files: number;
    /**
     * Objects of responses that fusillade-arsenal moved out of the requests:
     * two per response, and included in no other count.
     *
     */
    retained: number;
    /**
     * Prompts that stayed because another request needed them when theirs was
     * erased. Counted for each part on its own: a prompt shared by several
     * parts is deleted with the last of them.
     *
     */
    kept_templates: number;
};
/**
 * A response that was not erased.
 */
export type ErasureFailure = {
    /**
     * The response's identifier.
     */
    response: string;
    /**
     * Why it was not erased. `not_found`: not a response that the caller may
     * erase. `held`: a hold covers it. `refused`: the database refuses to
     * delete it. `busy`: something else was working on it. More reasons may be
     * added.
     *
     */
    reason: 'not_found' | 'held' | 'refused' | 'busy' | (string & {});
    /**
     * The reason in words.
     */
    message: string;
    /**
     * The holds that cover it; shown to callers who may see holds.
     */
    holds: Array<string>;
};
/**
 * A version of a retention rule.
 */
export type ErasureRule = {
    /**
     * The rule's identifier.
     */
    id: string;
    /**
     * The version.
     */
    version: number;
};
/**
 * A bulk erasure and its progress. Every field is always present, null if unknown.
 */
export type Erasure = {
    /**
     * The erasure's identifier.
     */
    id: string;
    /**
     * The state. `finished`: nothing that it may erase is left except what
     * `refused` counts. `failed`: it cannot continue, and `last_error` says
     * why. `awaiting_approval`: it begins once somebody else approves it;
     * `refused` and `expired`: nobody has, and nothing was erased.
     *
     */
    state: 'awaiting_approval' | 'pending' | 'running' | 'finished' | 'canceled' | 'failed' | 'refused' | 'expired' | (string & {});
    /**
     * What started it: a caller's request (`bulk`) or a retention rule.
     */
    trigger: 'bulk' | 'retention' | (string & {});
    /**
     * The rule that started it; null if a caller did.
     */
    rule: ErasureRule | null;
    /**
     * The kind of target.
     */
    kind: 'responses' | 'owner' | 'filter' | (string & {});
    /**
     * What to erase; null once it is forgotten.
     */
    target: ErasureTarget | null;
    /**
     * Why.
     */
    ground: 'request' | 'consent_withdrawn' | 'objection' | 'no_longer_needed' | 'unlawful' | 'legal_obligation' | 'retention' | 'unspecified' | (string & {});
    /**
     * The reference given by the caller who requested it.
     */
    ticket: string | null;
    /**
     * The subject request that asked for it.
     */
    subject_request: string | null;
    /**
     * When it was requested (UTC).
     */
    requested_at: string;
    /**
     * Who requested it; null for a rule.
     */
    requested_by: string | null;
    /**
     * When its first part began (UTC).
     */
    started_at: string | null;
    /**
     * When it ended (UTC).
     */
    finished_at: string | null;
    /**
     * When the check for anything left is due (UTC).
     */
    verify_at: string | null;
    /**
     * When that check found nothing left (UTC).
     */
    verified_at: string | null;
    /**
     * The approval by a second person that it needs; null if it needs none.
     */
    approval: ErasureApproval | null;
    /**
     * With a filter, or if it needed approval, responses created later are not erased (UTC).
     */
    as_of: string;
    /**
     * Responses counted by the preview; null without a preview, or if the
     * preview of an owner was not complete.
     *
     */
    expected: number | null;
    /**
     * Erased responses.
     */
    responses: number;
    counts: ErasureCounts;
    /**
     * Responses not erased because a hold covers them.
     */
    held: number;
    /**
     * Identifiers that are not responses the caller may erase.
     */
    not_found: number;
    /**
     * Responses that could not be erased because of the database. They are retried once at `verify_at`.
     */
    refused: number;
    /**
     * The number of its receipts.
     */
    receipts: number;
    /**
     * The responses that were not erased, with the reasons; the first 100.
     */
    failures: Array<ErasureFailure>;
    /**
     * Why it makes no progress, why it failed, or that something could not be
     * erased; null if no error is known.
     *
     */
    last_error: string | null;
};
/**
 * The decision of a second person about an erasure.
 */
export type ErasureApproval = {
    /**
     * Until when it can be approved (UTC).
     */
    expires_at: string;
    /**
     * When it was approved or refused (UTC); null if it was not.
     */
    decided_at: string | null;
    /**
     * Who approved or refused it, never who requested it; null if nobody did.
     */
    decided_by: string | null;
    /**
     * Why it was refused, as in `ErasureRefusal`; null if it was not.
     */
    refusal: string | null;
};
/**
 * Why an erasure is refused.
 */
export type ErasureRefusal = {
    /**
     * The reason. `unfounded`: there is no ground for erasing it; `still_needed`:
     * something must be kept.
     *
     */
    reason: 'wrong_target' | 'too_broad' | 'unfounded' | 'still_needed' | 'unspecified';
};
/**
 * One page of erasures.
 */
export type ErasurePage = {
    /**
     * The erasures, newest first.
     */
    data: Array<Erasure>;
    /**
     * The maximum page size, as applied.
     */
    limit: number;
    /**
     * Whether more erasures follow.
     */
    has_more: boolean;
    /**
     * Pass as `after` to get the next page; null on the last page.
     */
    next_cursor: string | null;
};
/**
 * A receipt of a bulk erasure.
 */
export type ErasureReceipt = {
    /**
     * The receipt's identifier.
     */
    id: string;
    /**
     * When its responses were erased (UTC).
     */
    at: string;
    /**
     * How many responses this receipt covers.
     */
    responses: number;
    /**
     * The path of the file that proves the erasure, available once the receipt is sealed.
     */
    location: string;
};
/**
 * One page of the receipts of an erasure.
 */
export type ErasureReceiptPage = {
    /**
     * The receipts, newest first.
     */
    data: Array<ErasureReceipt>;
    /**
     * The maximum page size, as applied.
     */
    limit: number;
    /**
     * Whether more receipts follow.
     */
    has_more: boolean;
    /**
     * Pass as `after` to get the next page; null on the last page.
     */
    next_cursor: string | null;
};
/**
 * A filter like that of the list of responses. A response is held if it
 * matches all given conditions at the time of its erasure.
 *
 */
export type HoldFilter = {
    /**
     * Matches any of these states: pending, claimed, processing, completed,
     * failed, canceled, and any added later.
     *
     */
    states?: Array<string>;
    /**
     * Matches any of these models, spelled exactly.
     */
    models?: Array<string>;
    /**
     * Matches any of these service tiers: auto, default, flex, priority,
     * background, and any added later.
     *
     */
    tiers?: Array<string>;
    /**
     * Created at this time or later; RFC 3339 with an offset, in the years 0 to 9999 in UTC.
     */
    created_after?: string;
    /**
     * Created at this time or earlier; RFC 3339 with an offset, in the years 0 to 9999 in UTC.
     */
    created_before?: string;
};
/**
 * What to hold, and why. Give exactly one of responses, owners and filter.
 */
export type NewHold = {
    /**
     * Identifiers of responses, in the same formats as `request_id`. Any part
     * of a chain holds all of it.
     *
     */
    responses?: Array<string>;
    /**
     * Users and organizations, by UUID or whole e-mail address. Their current and future responses are held.
     */
    owners?: Array<OwnerName>;
    filter?: HoldFilter;
    /**
     * Why, visible to those who can see holds. Surrounding space is removed.
     */
    reason: string;
    /**
     * When the hold ends, in the future; RFC 3339 with an offset. If left out,
     * it lasts until it is released.
     *
     */
    expires_at?: string;
};
/**
 * A session of Lethe's own.
 */
export type Session = {
    /**
     * When it ends, however much it is used.
     */
    expires_at: string;
    /**
     * After how many seconds without a request it ends.
     */
    idle_seconds: number;
};
/**
 * A current or past hold.
 */
export type Hold = {
    /**
     * The hold's identifier.
     */
    id: string;
    /**
     * Whether the hold is in force, neither released nor expired.
     */
    active: boolean;
    /**
     * The responses that are held; empty in a hold of another kind.
     */
    responses: Array<string>;
    /**
     * The users and organizations whose responses are held; empty in a hold of another kind.
     */
    owners: Array<string>;
    /**
     * The filter that held responses match; null in a hold of another kind.
     */
    filter: HoldFilter | null;
    /**
     * Why.
     */
    reason: string;
    /**
     * When it was placed (UTC).
     */
    created_at: string;
    /**
     * Who placed it.
     */
    created_by: string;
    /**
     * When it expires (UTC); null if it does not.
     */
    expires_at: string | null;
    /**
     * When it was released (UTC); null if it was not.
     */
    released_at: string | null;
    /**
     * Who released it; null if nobody did.
     */
    released_by: string | null;
};
/**
 * One page of holds.
 */
export type HoldPage = {
    /**
     * The holds, newest first.
     */
    data: Array<Hold>;
    /**
     * The maximum page size, as applied.
     */
    limit: number;
    /**
     * Whether more holds follow.
     */
    has_more: boolean;
    /**
     * Pass as `after` to get the next page; null on the last page.
     */
    next_cursor: string | null;
};
/**
 * A request to record.
 */
export type NewSubjectRequest = {
    /**
     * What the person asks for.
     */
    kind: 'access' | 'erasure' | 'both';
    /**
     * The person, or the organization, by UUID or e-mail address.
     */
    owner: string;
    /**
     * When it was received; now unless given, within the last year.
     */
    received_at?: string;
    /**
     * A reference of your own.
     */
    ticket?: string;
};
/**
 * Why the answer takes longer.
 */
export type SubjectRequestExtension = {
    /**
     * The reason that the person is told.
     */
    reason: 'complexity' | 'number_of_requests';
};
/**
 * Why a request is refused.
 */
export type SubjectRequestRefusal = {
    /**
     * The reason that the letter gives. `legal_obligation` and `legal_claims`:
     * the data has to be kept.
     *
     */
    reason: 'identity_not_proven' | 'manifestly_unfounded' | 'excessive' | 'legal_obligation' | 'legal_claims';
};
/**
 * A person's request about their data. Every field is always present, null if unknown.
 */
export type SubjectRequest = {
    /**
     * The subject request's identifier.
     */
    id: string;
    /**
     * What the person asks for.
     */
    kind: 'access' | 'erasure' | 'both' | (string & {});
    /**
     * The person or organization; null once they are forgotten.
     */
    owner: string | null;
    /**
     * The reference of whoever recorded it.
     */
    ticket: string | null;
    /**
     * The state. `in_progress` once the identity was checked.
     */
    state: 'received' | 'in_progress' | 'answered' | 'refused' | (string & {});
    /**
     * When it was received (UTC).
     */
    received_at: string;
    /**
     * When the answer is due (UTC).
     */
    due_at: string;
    /**
     * When it was recorded (UTC).
     */
    created_at: string;
    /**
     * Who recorded it; null once they are forgotten, as in the other fields.
     */
    created_by: string | null;
    /**
     * When the identity was checked (UTC).
     */
    identity_checked_at: string | null;
    /**
     * Who checked it.
     */
    identity_checked_by: string | null;
    /**
     * When the time was extended (UTC).
     */
    extended_at: string | null;
    /**
     * Who extended it.
     */
    extended_by: string | null;
    /**
     * Why, as in `SubjectRequestExtension`.
     */
    extension: string | null;
    /**
     * When it was answered or refused (UTC).
     */
    ended_at: string | null;
    /**
     * Who did that.
     */
    ended_by: string | null;
    /**
     * Why it was refused, as in `SubjectRequestRefusal`.
     */
    refusal: string | null;
    /**
     * The bulk erasures that were started for it, the newest 100 first; empty in a list.
     */
    erasures: Array<Erasure>;
    /**
     * The persons' files that were requested for it, the newest 100 first; empty in a list.
     */
    exports: Array<PersonFile>;
    /**
     * Other requests about the same owner that are open or were received within
     * the last year, the newest 20 first; empty in a list.
     *
     */
    duplicates: Array<string>;
};
/**
 * One page of subject requests.
 */
export type SubjectRequestPage = {
    /**
     * The subject requests, newest first.
     */
    data: Array<SubjectRequest>;
    /**
     * The maximum page size, as applied.
     */
    limit: number;
    /**
     * Whether more subject requests follow.
     */
    has_more: boolean;
    /**
     * Pass as `after` to get the next page; null on the last page.
     */
    next_cursor: string | null;
};
/**
 * Which responses a rule covers: every part of a response must match all given
 * conditions. Without `states`, the rule covers responses that have ended:
 * completed, failed and canceled.
 *
 */
export type RetentionFilter = {
    /**
     * Matches any of these states: pending, claimed, processing, completed,
     * failed, canceled, and any added later.
     *
     */
    states?: Array<string>;
    /**
     * Matches any of these models, spelled exactly.
     */
    models?: Array<string>;
    /**
     * Matches any of these service tiers: auto, default, flex, priority,
     * background, and any added later.
     *
     */
    tiers?: Array<string>;
    /**
     * Matches any of these users and organizations. Answers have the UUID of each; requests may give the whole e-mail address instead.
     */
    owners?: Array<OwnerName>;
};
/**
 * A new rule. Without a filter it covers everyone's responses that have ended.
 */
export type NewRetentionRule = {
    /**
     * The name of the rule. Surrounding space is removed.
     */
    name: string;
    filter?: RetentionFilter;
    /**
     * The age, in days of 24 hours since its creation, at which a response is erased.
     */
    age_days: number;
    /**
     * The times of day at which the rule runs (UTC).
     */
    run_at: Array<string>;
    /**
     * The maximum number of responses that one run erases; later runs erase the rest.
     */
    max_per_run?: number;
};
/**
 * The new version of a rule, which replaces the previous one entirely.
 */
export type ChangedRetentionRule = {
    /**
     * The version you edited.
     */
    version: number;
    /**
     * The name of the rule. Surrounding space is removed.
     */
    name: string;
    filter?: RetentionFilter;
    /**
     * The age, in days of 24 hours since its creation, at which a response is erased.
     */
    age_days: number;
    /**
     * The times of day at which the rule runs (UTC).
     */
    run_at: Array<string>;
    /**
     * The maximum number of responses that one run erases; later runs erase the rest.
     */
    max_per_run?: number;
};
/**
 * What to enable.
 */
export type EnabledVersion = {
    /**
     * The version whose dry run you checked.
     */
    version: number;
};
/**
 * Who let a version of a retention rule run.
 */
export type RetentionRuleEnabling = {
    /**
     * Who enabled it.
     */
    by: string;
    /**
     * When it was enabled (UTC).
     */
    at: string;
    /**
     * Until when somebody else can approve it (UTC); null if it needs no approval.
     */
    approve_by: string | null;
    /**
     * Who approved it; null if nobody has.
     */
    approved_by: string | null;
    /**
     * When it was approved (UTC); null if it was not.
     */
    approved_at: string | null;
};
/**
 * What runs of a rule would have erased in total.
 */
export type RetentionDryRun = {
    /**
     * When this was counted (UTC).
     */
    at: string;
    /**
     * False if there is more than was counted; the counts then cover the 250,000 oldest requests.
     */
    complete: boolean;
    /**
     * Responses.
     */
    responses: number;
    /**
     * Requests. A response has one, or one for each call of a model if it was
     * made in several steps, so there can be more of these than responses.
     *
     */
    requests: number;
    /**
     * Steps of responses made in several steps.
     */
    steps: number;
    /**
     * Prompts.
     */
    templates: number;
    /**
     * Raw copies of requests in the gateway's log.
     */
    raw_requests: number;
    /**
     * Raw copies of answers in the gateway's log.
     */
    raw_responses: number;
    /**
     * Queued and finished jobs that contain a response.
     */
    tasks: number;
    /**
     * Files that an upgrade of the gateway left behind, each made for one
     * request, with their empty batches.
     *
     */
    files: number;
    /**
     * Objects of responses that fusillade-arsenal moved out of the requests:
     * two per response, and included in no other count.
     *
     */
    retained: number;
    /**
     * Prompts that would stay because requests that are not erased need them.
     */
    kept_templates: number;
    /**
     * Responses covered by holds; included in no other count.
     */
    held: number;
};
/**
 * A run of a rule.
 */
export type RetentionRun = {
    /**
     * When it started (UTC).
     */
    at: string;
    /**
     * The rule's version at that time.
     */
    version: number;
    /**
     * The erasure it started, which reports its progress.
     */
    erasure_id: string;
};
/**
 * One version of a rule.
 */
export type RetentionRuleVersion = {
    /**
     * The rule's identifier.
     */
    id: string;
    /**
     * The version, counted from 1.
     */
    version: number;
    /**
     * The name of the rule.
     */
    name: string;
    filter: RetentionFilter;
    /**
     * The age, in days of 24 hours since its creation, at which a response is erased.
     */
    age_days: number;
    /**
     * The times of day at which the rule runs (UTC).
     */
    run_at: Array<string>;
    /**
     * The maximum number of responses that one run erases; later runs erase the rest.
     */
    max_per_run: number;
    /**
     * When this version was created (UTC).
     */
    changed_at: string;
    /**
     * Who created this version.
     */
    changed_by: string;
};
/**
 * A retention rule and its status.
 */
export type RetentionRule = {
    /**
     * The rule's identifier.
     */
    id: string;
    /**
     * The current version: 1, plus 1 for each change.
     */
    version: number;
    /**
     * The name of the rule.
     */
    name: string;
    filter: RetentionFilter;
    /**
     * The age, in days of 24 hours since its creation, at which a response is erased.
     */
    age_days: number;
    /**
     * The times of day at which the rule runs (UTC).
     */
    run_at: Array<string>;
    /**
     * The maximum number of responses that one run erases; later runs erase the rest.
     */
    max_per_run: number;
    /**
     * Whether it runs at its times.
     */
    enabled: boolean;
    /**
     * Who enabled this version; null if nobody has. If the rule is not `enabled`
     * all the same, it waits for the approval of somebody else.
     *
     */
    enabling: RetentionRuleEnabling | null;
    /**
     * The newest dry run of this version; null if there is none.
     */
    dry_run: RetentionDryRun | null;
    /**
     * When it runs next (UTC); null while it is disabled.
     */
    next_run_at: string | null;
    /**
     * The last run that started; null if there is none.
     */
    last_run: RetentionRun | null;
    /**
     * When a run was last skipped because the previous one had not ended
     * (UTC); null if that never happened.
     *
     */
    skipped_at: string | null;
    /**
     * When it was created (UTC).
     */
    created_at: string;
    /**
     * Who created it.
     */
    created_by: string;
    /**
     * When this version was created (UTC).
     */
    changed_at: string;
    /**
     * Who created this version.
     */
    changed_by: string;
    /**
     * When it was removed (UTC); null if it was not.
     */
    removed_at: string | null;
    /**
     * Who removed it; null if nobody did.
     */
    removed_by: string | null;
};
/**
 * One page of retention rules.
 */
export type RetentionRulePage = {
    /**
     * The rules, newest first.
     */
    data: Array<RetentionRule>;
    /**
     * The maximum page size, as applied.
     */
    limit: number;
    /**
     * Whether more rules follow.
     */
    has_more: boolean;
    /**
     * Pass as `after` to get the next page; null on the last page.
     */
    next_cursor: string | null;
};
/**
 * An error, as defined by RFC 9457.
 */
export type Problem = {
    /**
     * Always about:blank; the status tells the kind of problem.
     */
    type: string;
    /**
     * The name of the status.
     */
    title: string;
    /**
     * The HTTP status.
     */
    status: number;
    /**
     * What went wrong and what to do about it.
     */
    detail: string;
    /**
     * The parameter or body field that is wrong, if it is one.
     */
    parameter?: string;
    /**
     * Whom an e-mail address may mean, if it is those of several; give the UUID of one of them instead.
     */
    choices?: Array<OwnerChoice>;
    /**
     * Identifies this request in the service's log.
     */
    request_id: string;
};
/**
 * The response's identifier: a UUID with hyphens, as 32 hex digits, in braces,
 * or with the prefix `urn:uuid:`, in upper or lower case.
 *
 */
export type RequestId = string;
/**
 * The identifier of a response, or of any request or step of it, in the same
 * formats as that of a response elsewhere.
 *
 */
export type PartId = string;
/**
 * Exactly `true` or `false`. True returns what was sent and what came back in
 * each step.
 *
 */
export type Payloads = boolean;
/**
 * The erasure's identifier; for `/receipt`, the receipt's identifier, which is
 * the same for a single response. Accepts the same formats as `request_id`.
 *
 */
export type ErasureId = string;
/**
 * A later level of the erasure. Returns the receipt that confirms that the
 * erasure has reached this level; 404 if it has not. `replicated`: no standby
 * shows the data. `vacuumed`: SQL can no longer reach it. `rewritten`: it is
 * gone from the table files. `expired`: the write-ahead log and backups that
 * held it have expired.
 *
 */
export type Reached = 'replicated' | 'vacuumed' | 'rewritten' | 'expired';
/**
 * States, separated by commas; matches any of them: awaiting_approval, pending,
 * running, finished, canceled, failed, refused, expired. Any other word, or an
 * empty list, matches nothing.
 *
 */
export type ErasureStateFilter = Array<string>;
/**
 * What started the erasures: `bulk` for a caller's request, `retention` for a
 * rule. Any other word matches nothing.
 *
 */
export type ErasureTriggerFilter = string;
/**
 * A key for this request, unique to each erasure, 1 to 255 visible ASCII
 * characters. If the same caller repeats the request, no second erasure
 * starts; the call returns the current state of the first. Another request
 * with the same key is refused (409).
 *
 */
export type IdempotencyKey = string;
/**
 * The export's identifier. Accepts the same formats as `request_id`.
 */
export type ExportId = string;
/**
 * A key for this request, unique to each file, 1 to 255 visible ASCII characters.
 * If the same caller repeats the request, no second file is made; the call
 * returns the current state of the first. A request for another owner with the
 * same key is refused (409).
 *
 */
export type PersonFileKey = string;
/**
 * The hold's identifier. Accepts the same formats as `request_id`.
 */
export type HoldId = string;
/**
 * Exactly `true` or `false`. True lists only holds in force; false only released and expired ones.
 */
export type Active = boolean;
/**
 * The subject request's identifier. Accepts the same formats as `request_id`.
 */
export type SubjectRequestId = string;
/**
 * Exactly `true` or `false`. True lists only requests that wait for an answer; false only answered and refused ones.
 */
export type Open = boolean;
/**
 * Only requests about this person or organization: the UUID, or the e-mail
 * address, which `Owner-Understood` in the answer explains.
 *
 */
export type SubjectOwner = string;
/**
 * The rule's identifier. Accepts the same formats as `request_id`.
 */
export type RuleId = string;
/**
 * A version of the rule, counted from 1.
 */
export type RuleVersion = number;
/**
 * Exactly `true` or `false`. True lists the removed rules; false, the default, lists the others.
 */
export type Removed = boolean;
/**
 * The level of the tile, 0 to 63 without leading zeros, or `entries`.
 */
export type TileLevel = string;
/**
 * The index of the tile in its level, in elements of three digits, all but the
 * last prefixed with `x`: 1234067 is `x001/x234/067`. For a tile of fewer than
 * 256 entries, append `.p/` and its width. The slashes are part of the path;
 * they can also be percent-encoded.
 *
 */
export type TileIndex = string;
/**
 * The organization to act for. Ignored unless the caller is an active member,
 * and ignored if the cookie `dw_active_org` is sent.
 *
 */
export type OrganizationId = string;
/**
 * The organization to act for, as dashboards store it. Ignored unless the caller is an active member.
 */
export type ActiveOrganization = string;
/**
 * The last `id` that an earlier stream of the erasure sent; browsers send it
 * automatically. Only `end` has one.
 *
 */
export type LastEventId = string;
/**
 * ETags of earlier answers, separated by commas, or `*`. If the result has not
 * changed, the call returns 304 without a body, and the contents are not even
 * read.
 *
 */
export type IfNoneMatch = string;
/**
 * Exactly `true` or `false`. True also erases the same owner's later turns
 * that follow the response through `previous_response_id`, and the turns that
 * follow those: all or nothing, with one receipt. If any part of them is held,
 * or there are more than 1,000, nothing is erased (409). If no index leads to
 * them, the service searches the 5,000 requests that the owner made next; the
 * receipt says `later_turns` if that search was not complete.
 *
 */
export type IncludeLaterTurns = boolean;
/**
 * `omit` leaves out the contents: `body` is then empty, `response_body` and
 * `error` are null, and a large prompt is not even read.
 *
 */
export type Body = 'full' | 'omit';
/**
 * How many responses to skip. A negative number counts as 0.
 */
export type Skip = number;
/**
 * The maximum number of items to return. Values outside 1 to 101 are clamped, not refused.
 */
export type Limit = number;
/**
 * The `next_cursor` of a page, to get the page that follows it. It is valid
 * only for the same filters, order and scope: with another list, if damaged,
 * or together with a `skip` above 0, it is refused (400). The limit and the
 * count mode can change from page to page.
 *
 */
export type After = string;
/**
 * How to count the matches. `exact` counts for at most one second, then falls
 * back to an estimate. `estimate` never counts; `none` leaves out the count.
 * `auto` counts if that is cheap and estimates otherwise. `count_kind` reports
 * which was used: `none` also if even the estimate takes longer than a second.
 *
 */
export type Count = 'auto' | 'exact' | 'estimate' | 'none';
/**
 * One state, spelled exactly: pending, claimed, processing, completed,
 * failed or canceled. Any other word matches nothing.
 *
 */
export type Status = string;
/**
 * States, separated by commas, spelled as in `status`; matches any of them. An
 * empty list matches nothing. If `status` is given too, both must match.
 *
 */
export type Statuses = Array<string>;
/**
 * Models, separated by commas; matches any of them. An empty list matches nothing.
 */
export type Model = Array<string>;
/**
 * Service tiers, separated by commas; matches any of them: auto, default,
 * flex, priority, background, and any added later. An empty list matches
 * nothing.
 *
 */
export type ServiceTiers = Array<string>;
/**
 * Only responses created at this time or later; RFC 3339 with an offset.
 */
export type CreatedAfter = string;
/**
 * Only responses created at this time or earlier; RFC 3339 with an offset.
 */
export type CreatedBefore = string;
/**
 * Only responses for which the model's server returned this HTTP status or a higher one.
 */
export type ResponseStatusMin = number;
/**
 * Only responses for which the model's server returned this HTTP status or a lower one.
 */
export type ResponseStatusMax = number;
/**
 * Only responses that took this many milliseconds or more from start to completion.
 */
export type MinDurationMs = number;
/**
 * Exactly `true` or `false`. Only responses with a recorded error, or only those without.
 */
export type HasError = boolean;
/**
 * Only responses with a known `total_cost` of at least this much. Refused with
 * 400 if costs are kept in a different database from responses.
 *
 */
export type MinTotalCost = number;
/**
 * Only responses created at this time or later; RFC 3339 with an offset, before
 * `to`. At most 31 days before `to` by hour, and 400 by day; otherwise refused
 * (400). By default 24 hours or 30 days are counted, of which the one that `to`
 * is in is the last.
 *
 */
export type FiguresFrom = string;
/**
 * Only responses created before this time; RFC 3339 with an offset, in the years
 * 3 to 9999. By default now.
 *
 */
export type FiguresTo = string;
/**
 * The width of the buckets, in UTC.
 */
export type FiguresBucket = 'hour' | 'day';
/**
 * What makes the series; without it there is one. `owner` requires permission to
 * read everyone's responses, or an active organization; otherwise refused (400).
 *
 */
export type FiguresGroupBy = 'model' | 'state' | 'tier' | 'owner';
/**
 * Exactly `true` or `false`. True lists unfinished responses first:
 * processing, claimed, pending, then the rest, each newest first. False lists
 * everything newest first.
 *
 */
export type ActiveFirst = boolean;
/**
 * Only responses of this user or organization. Requires permission to read
 * everyone's responses; otherwise refused (400). Accepts the same formats as
 * `request_id`.
 *
 */
export type MemberId = string;
/**
 * Only responses of users and organizations with exactly this email address,
 * including deleted ones. Requires permission to read everyone's responses;
 * otherwise refused (400). Narrows `member_id` and the active organization but
 * does not replace them.
 *
 */
export type CreatedByEmail = string;
/**
 * The `next_cursor` of a page, to get the page that follows it. It is valid
 * only for the same filters: with another list, or if damaged, it is refused
 * (400).
 *
 */
export type AccessLogAfter = string;
/**
 * Only records of this response. Accepts the same formats as `request_id`.
 */
export type AccessResponseId = string;
/**
 * A part of an e-mail address, a user name or a name, of at least 3 characters,
 * or a whole identifier. Case does not matter.
 *
 */
export type OwnerText = string;
/**
 * Only records of responses of this owner, spelled exactly as in their
 * `created_by`, or else by whole e-mail address.
 *
 */
export type AccessOwner = string;
/**
 * Only records of accesses by this person.
 */
export type AccessedBy = OwnerName;
/**
 * Only records from this time or later; RFC 3339 with an offset.
 */
export type AccessedAfter = string;
/**
 * Only records from this time or earlier; RFC 3339 with an offset.
 */
export type AccessedBefore = string;
export type ListResponsesData = {
    body?: never;
    headers?: {
        /**
         * ETags of earlier answers, separated by commas, or `*`. If the result has not
         * changed, the call returns 304 without a body, and the contents are not even
         * read.
         *
         */
        'If-None-Match'?: string;
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path?: never;
    query?: {
        /**
         * How many responses to skip. A negative number counts as 0.
         */
        skip?: number;
        /**
         * The maximum number of items to return. Values outside 1 to 101 are clamped, not refused.
         */
        limit?: number;
        /**
         * The `next_cursor` of a page, to get the page that follows it. It is valid
         * only for the same filters, order and scope: with another list, if damaged,
         * or together with a `skip` above 0, it is refused (400). The limit and the
         * count mode can change from page to page.
         *
         */
        after?: string;
        /**
         * How to count the matches. `exact` counts for at most one second, then falls
         * back to an estimate. `estimate` never counts; `none` leaves out the count.
         * `auto` counts if that is cheap and estimates otherwise. `count_kind` reports
         * which was used: `none` also if even the estimate takes longer than a second.
         *
         */
        count?: 'auto' | 'exact' | 'estimate' | 'none';
        /**
         * One state, spelled exactly: pending, claimed, processing, completed,
         * failed or canceled. Any other word matches nothing.
         *
         */
        status?: string;
        /**
         * States, separated by commas, spelled as in `status`; matches any of them. An
         * empty list matches nothing. If `status` is given too, both must match.
         *
         */
        statuses?: Array<string>;
        /**
         * Models, separated by commas; matches any of them. An empty list matches nothing.
         */
        model?: Array<string>;
        /**
         * Service tiers, separated by commas; matches any of them: auto, default,
         * flex, priority, background, and any added later. An empty list matches
         * nothing.
         *
         */
        service_tiers?: Array<string>;
        /**
         * Only responses created at this time or later; RFC 3339 with an offset.
         */
        created_after?: string;
        /**
         * Only responses created at this time or earlier; RFC 3339 with an offset.
         */
        created_before?: string;
        /**
         * Only responses for which the model's server returned this HTTP status or a higher one.
         */
        response_status_min?: number;
        /**
         * Only responses for which the model's server returned this HTTP status or a lower one.
         */
        response_status_max?: number;
        /**
         * Only responses that took this many milliseconds or more from start to completion.
         */
        min_duration_ms?: number;
        /**
         * Exactly `true` or `false`. Only responses with a recorded error, or only those without.
         */
        has_error?: boolean;
        /**
         * Only responses with a known `total_cost` of at least this much. Refused with
         * 400 if costs are kept in a different database from responses.
         *
         */
        min_total_cost?: number;
        /**
         * Exactly `true` or `false`. True lists unfinished responses first:
         * processing, claimed, pending, then the rest, each newest first. False lists
         * everything newest first.
         *
         */
        active_first?: boolean;
        /**
         * Only responses of this user or organization. Requires permission to read
         * everyone's responses; otherwise refused (400). Accepts the same formats as
         * `request_id`.
         *
         */
        member_id?: string;
        /**
         * Only responses of users and organizations with exactly this email address,
         * including deleted ones. Requires permission to read everyone's responses;
         * otherwise refused (400). Narrows `member_id` and the active organization but
         * does not replace them.
         *
         */
        created_by_email?: string;
    };
    url: '/admin/api/v1/batches/requests';
};
export type ListResponsesErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type ListResponsesError = ListResponsesErrors[keyof ListResponsesErrors];
export type ListResponsesResponses = {
    /**
     * The page.
     */
    200: ResponsePage;
};
export type ListResponsesResponse = ListResponsesResponses[keyof ListResponsesResponses];
export type EraseResponseData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
        /**
         * A key for this request, unique to each erasure, 1 to 255 visible ASCII
         * characters. If the same caller repeats the request, no second erasure
         * starts; the call returns the current state of the first. Another request
         * with the same key is refused (409).
         *
         */
        'Idempotency-Key'?: string;
    };
    path: {
        /**
         * The response's identifier: a UUID with hyphens, as 32 hex digits, in braces,
         * or with the prefix `urn:uuid:`, in upper or lower case.
         *
         */
        request_id: string;
    };
    query?: {
        /**
         * Exactly `true` or `false`. True also erases the same owner's later turns
         * that follow the response through `previous_response_id`, and the turns that
         * follow those: all or nothing, with one receipt. If any part of them is held,
         * or there are more than 1,000, nothing is erased (409). If no index leads to
         * them, the service searches the 5,000 requests that the owner made next; the
         * receipt says `later_turns` if that search was not complete.
         *
         */
        include_later_turns?: boolean;
    };
    url: '/admin/api/v1/batches/requests/{request_id}';
};
export type EraseResponseErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * Not found, or not visible to the caller.
     */
    404: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * Nothing was erased, for one of these reasons. A hold covers the response;
     * callers who may see holds are shown which. The database refuses to delete
     * it, for example because of a trigger or constraint that the operator added;
     * the service's log has details under the request ID. With
     * `include_later_turns`, there are more later turns than one call erases. The
     * `Idempotency-Key` was used with a different request, or too long ago.
     *
     */
    409: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type EraseResponseError = EraseResponseErrors[keyof EraseResponseErrors];
export type EraseResponseResponses = {
    /**
     * The response is erased.
     */
    204: void;
};
export type EraseResponseResponse = EraseResponseResponses[keyof EraseResponseResponses];
export type GetResponseData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
        /**
         * ETags of earlier answers, separated by commas, or `*`. If the result has not
         * changed, the call returns 304 without a body, and the contents are not even
         * read.
         *
         */
        'If-None-Match'?: string;
    };
    path: {
        /**
         * The response's identifier: a UUID with hyphens, as 32 hex digits, in braces,
         * or with the prefix `urn:uuid:`, in upper or lower case.
         *
         */
        request_id: string;
    };
    query?: {
        /**
         * `omit` leaves out the contents: `body` is then empty, `response_body` and
         * `error` are null, and a large prompt is not even read.
         *
         */
        body?: 'full' | 'omit';
    };
    url: '/admin/api/v1/batches/requests/{request_id}';
};
export type GetResponseErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * Not found, or not visible to the caller.
     */
    404: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type GetResponseError = GetResponseErrors[keyof GetResponseErrors];
export type GetResponseResponses = {
    /**
     * The response.
     */
    200: ResponseDetail;
};
export type GetResponseResponse = GetResponseResponses[keyof GetResponseResponses];
export type ListStepsData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The identifier of a response, or of any request or step of it, in the same
         * formats as that of a response elsewhere.
         *
         */
        request_id: string;
    };
    query?: {
        /**
         * Exactly `true` or `false`. True returns what was sent and what came back in
         * each step.
         *
         */
        payloads?: boolean;
        /**
         * The maximum number of items to return. Values outside 1 to 101 are clamped, not refused.
         */
        limit?: number;
        /**
         * The `next_cursor` of a page, to get the page that follows it. It is valid
         * only for the same filters, order and scope: with another list, if damaged,
         * or together with a `skip` above 0, it is refused (400). The limit and the
         * count mode can change from page to page.
         *
         */
        after?: string;
    };
    url: '/lethe/api/v1/responses/{request_id}/steps';
};
export type ListStepsErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * Not found, or not visible to the caller.
     */
    404: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type ListStepsError = ListStepsErrors[keyof ListStepsErrors];
export type ListStepsResponses = {
    /**
     * The page.
     */
    200: StepPage;
};
export type ListStepsResponse = ListStepsResponses[keyof ListStepsResponses];
export type ListModelsData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path?: never;
    query?: {
        /**
         * Only responses of this user or organization. Requires permission to read
         * everyone's responses; otherwise refused (400). Accepts the same formats as
         * `request_id`.
         *
         */
        member_id?: string;
    };
    url: '/lethe/api/v1/models';
};
export type ListModelsErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type ListModelsError = ListModelsErrors[keyof ListModelsErrors];
export type ListModelsResponses = {
    /**
     * The models.
     */
    200: ModelList;
};
export type ListModelsResponse = ListModelsResponses[keyof ListModelsResponses];
export type GetFiguresData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path?: never;
    query?: {
        /**
         * Only responses created at this time or later; RFC 3339 with an offset, before
         * `to`. At most 31 days before `to` by hour, and 400 by day; otherwise refused
         * (400). By default 24 hours or 30 days are counted, of which the one that `to`
         * is in is the last.
         *
         */
        from?: string;
        /**
         * Only responses created before this time; RFC 3339 with an offset, in the years
         * 3 to 9999. By default now.
         *
         */
        to?: string;
        /**
         * The width of the buckets, in UTC.
         */
        bucket?: 'hour' | 'day';
        /**
         * What makes the series; without it there is one. `owner` requires permission to
         * read everyone's responses, or an active organization; otherwise refused (400).
         *
         */
        group_by?: 'model' | 'state' | 'tier' | 'owner';
        /**
         * One state, spelled exactly: pending, claimed, processing, completed,
         * failed or canceled. Any other word matches nothing.
         *
         */
        status?: string;
        /**
         * States, separated by commas, spelled as in `status`; matches any of them. An
         * empty list matches nothing. If `status` is given too, both must match.
         *
         */
        statuses?: Array<string>;
        /**
         * Models, separated by commas; matches any of them. An empty list matches nothing.
         */
        model?: Array<string>;
        /**
         * Service tiers, separated by commas; matches any of them: auto, default,
         * flex, priority, background, and any added later. An empty list matches
         * nothing.
         *
         */
        service_tiers?: Array<string>;
        /**
         * Only responses for which the model's server returned this HTTP status or a higher one.
         */
        response_status_min?: number;
        /**
         * Only responses for which the model's server returned this HTTP status or a lower one.
         */
        response_status_max?: number;
        /**
         * Only responses that took this many milliseconds or more from start to completion.
         */
        min_duration_ms?: number;
        /**
         * Exactly `true` or `false`. Only responses with a recorded error, or only those without.
         */
        has_error?: boolean;
        /**
         * Only responses with a known `total_cost` of at least this much. Refused with
         * 400 if costs are kept in a different database from responses.
         *
         */
        min_total_cost?: number;
        /**
         * Only responses of this user or organization. Requires permission to read
         * everyone's responses; otherwise refused (400). Accepts the same formats as
         * `request_id`.
         *
         */
        member_id?: string;
        /**
         * Only responses of users and organizations with exactly this email address,
         * including deleted ones. Requires permission to read everyone's responses;
         * otherwise refused (400). Narrows `member_id` and the active organization but
         * does not replace them.
         *
         */
        created_by_email?: string;
    };
    url: '/lethe/api/v1/responses/figures';
};
export type GetFiguresErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type GetFiguresError = GetFiguresErrors[keyof GetFiguresErrors];
export type GetFiguresResponses = {
    /**
     * The figures.
     */
    200: ResponseFigures;
};
export type GetFiguresResponse = GetFiguresResponses[keyof GetFiguresResponses];
export type ListPersonFilesData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path?: never;
    query?: {
        /**
         * The maximum number of items to return. Values outside 1 to 101 are clamped, not refused.
         */
        limit?: number;
        /**
         * The `next_cursor` of a page, to get the page that follows it. It is valid
         * only for the same filters, order and scope: with another list, if damaged,
         * or together with a `skip` above 0, it is refused (400). The limit and the
         * count mode can change from page to page.
         *
         */
        after?: string;
    };
    url: '/lethe/api/v1/exports';
};
export type ListPersonFilesErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type ListPersonFilesError = ListPersonFilesErrors[keyof ListPersonFilesErrors];
export type ListPersonFilesResponses = {
    /**
     * The page.
     */
    200: PersonFilePage;
};
export type ListPersonFilesResponse = ListPersonFilesResponses[keyof ListPersonFilesResponses];
export type StartPersonFileData = {
    body: NewPersonFile;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
        /**
         * A key for this request, unique to each file, 1 to 255 visible ASCII characters.
         * If the same caller repeats the request, no second file is made; the call
         * returns the current state of the first. A request for another owner with the
         * same key is refused (409).
         *
         */
        'Idempotency-Key'?: string;
    };
    path?: never;
    query?: never;
    url: '/lethe/api/v1/exports';
};
export type StartPersonFileErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * Not found, or not visible to the caller.
     */
    404: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request conflicts with an earlier one or with the current state: the
     * token does not belong to a preview of this request or has expired, what
     * would be erased has changed since the preview, the `Idempotency-Key` was
     * used with a different request, the e-mail address means several owners, the
     * retention rule has a newer version, has had no dry run, or is removed, the
     * person's file is not made yet or could not be made, or the service keeps no
     * sessions of its own or no files. Nothing was done.
     *
     */
    409: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The request body is not declared as JSON.
     */
    415: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type StartPersonFileError = StartPersonFileErrors[keyof StartPersonFileErrors];
export type StartPersonFileResponses = {
    /**
     * The export, which continues in the background.
     */
    202: PersonFile;
};
export type StartPersonFileResponse = StartPersonFileResponses[keyof StartPersonFileResponses];
export type DeletePersonFileData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The export's identifier. Accepts the same formats as `request_id`.
         */
        export_id: string;
    };
    query?: never;
    url: '/lethe/api/v1/exports/{export_id}';
};
export type DeletePersonFileErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * Not found, or not visible to the caller.
     */
    404: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request conflicts with an earlier one or with the current state: the
     * token does not belong to a preview of this request or has expired, what
     * would be erased has changed since the preview, the `Idempotency-Key` was
     * used with a different request, the e-mail address means several owners, the
     * retention rule has a newer version, has had no dry run, or is removed, the
     * person's file is not made yet or could not be made, or the service keeps no
     * sessions of its own or no files. Nothing was done.
     *
     */
    409: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type DeletePersonFileError = DeletePersonFileErrors[keyof DeletePersonFileErrors];
export type DeletePersonFileResponses = {
    /**
     * The file is gone.
     */
    204: void;
};
export type DeletePersonFileResponse = DeletePersonFileResponses[keyof DeletePersonFileResponses];
export type GetPersonFileData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The export's identifier. Accepts the same formats as `request_id`.
         */
        export_id: string;
    };
    query?: never;
    url: '/lethe/api/v1/exports/{export_id}';
};
export type GetPersonFileErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * Not found, or not visible to the caller.
     */
    404: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type GetPersonFileError = GetPersonFileErrors[keyof GetPersonFileErrors];
export type GetPersonFileResponses = {
    /**
     * The export.
     */
    200: PersonFile;
};
export type GetPersonFileResponse = GetPersonFileResponses[keyof GetPersonFileResponses];
export type PreviewErasureData = {
    body: ErasureRequest;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path?: never;
    query?: never;
    url: '/lethe/api/v1/erasures/preview';
};
export type PreviewErasureErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request conflicts with an earlier one or with the current state: the
     * token does not belong to a preview of this request or has expired, what
     * would be erased has changed since the preview, the `Idempotency-Key` was
     * used with a different request, the e-mail address means several owners, the
     * retention rule has a newer version, has had no dry run, or is removed, the
     * person's file is not made yet or could not be made, or the service keeps no
     * sessions of its own or no files. Nothing was done.
     *
     */
    409: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The request body is not declared as JSON.
     */
    415: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type PreviewErasureError = PreviewErasureErrors[keyof PreviewErasureErrors];
export type PreviewErasureResponses = {
    /**
     * What would be erased.
     */
    200: ErasurePreview;
};
export type PreviewErasureResponse = PreviewErasureResponses[keyof PreviewErasureResponses];
export type ListErasuresData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path?: never;
    query?: {
        /**
         * What started the erasures: `bulk` for a caller's request, `retention` for a
         * rule. Any other word matches nothing.
         *
         */
        trigger?: string;
        /**
         * States, separated by commas; matches any of them: awaiting_approval, pending,
         * running, finished, canceled, failed, refused, expired. Any other word, or an
         * empty list, matches nothing.
         *
         */
        state?: Array<string>;
        /**
         * The maximum number of items to return. Values outside 1 to 101 are clamped, not refused.
         */
        limit?: number;
        /**
         * The `next_cursor` of a page, to get the page that follows it. It is valid
         * only for the same filters, order and scope: with another list, if damaged,
         * or together with a `skip` above 0, it is refused (400). The limit and the
         * count mode can change from page to page.
         *
         */
        after?: string;
    };
    url: '/lethe/api/v1/erasures';
};
export type ListErasuresErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type ListErasuresError = ListErasuresErrors[keyof ListErasuresErrors];
export type ListErasuresResponses = {
    /**
     * The page.
     */
    200: ErasurePage;
};
export type ListErasuresResponse = ListErasuresResponses[keyof ListErasuresResponses];
export type StartErasureData = {
    body: NewErasure;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
        /**
         * A key for this request, unique to each erasure, 1 to 255 visible ASCII
         * characters. If the same caller repeats the request, no second erasure
         * starts; the call returns the current state of the first. Another request
         * with the same key is refused (409).
         *
         */
        'Idempotency-Key'?: string;
    };
    path?: never;
    query?: never;
    url: '/lethe/api/v1/erasures';
};
export type StartErasureErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * Not found, or not visible to the caller.
     */
    404: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request conflicts with an earlier one or with the current state: the
     * token does not belong to a preview of this request or has expired, what
     * would be erased has changed since the preview, the `Idempotency-Key` was
     * used with a different request, the e-mail address means several owners, the
     * retention rule has a newer version, has had no dry run, or is removed, the
     * person's file is not made yet or could not be made, or the service keeps no
     * sessions of its own or no files. Nothing was done.
     *
     */
    409: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The request body is not declared as JSON.
     */
    415: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type StartErasureError = StartErasureErrors[keyof StartErasureErrors];
export type StartErasureResponses = {
    /**
     * The erasure is finished; check its state.
     */
    201: Erasure;
    /**
     * The erasure continues in the background, or waits for approval.
     */
    202: Erasure;
};
export type StartErasureResponse = StartErasureResponses[keyof StartErasureResponses];
export type GetErasureData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The erasure's identifier; for `/receipt`, the receipt's identifier, which is
         * the same for a single response. Accepts the same formats as `request_id`.
         *
         */
        erasure_id: string;
    };
    query?: never;
    url: '/lethe/api/v1/erasures/{erasure_id}';
};
export type GetErasureErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * Not found, or not visible to the caller.
     */
    404: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type GetErasureError = GetErasureErrors[keyof GetErasureErrors];
export type GetErasureResponses = {
    /**
     * The erasure.
     */
    200: Erasure;
};
export type GetErasureResponse = GetErasureResponses[keyof GetErasureResponses];
export type CancelErasureData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The erasure's identifier; for `/receipt`, the receipt's identifier, which is
         * the same for a single response. Accepts the same formats as `request_id`.
         *
         */
        erasure_id: string;
    };
    query?: never;
    url: '/lethe/api/v1/erasures/{erasure_id}/cancel';
};
export type CancelErasureErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * Not found, or not visible to the caller.
     */
    404: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type CancelErasureError = CancelErasureErrors[keyof CancelErasureErrors];
export type CancelErasureResponses = {
    /**
     * The erasure as it is now.
     */
    200: Erasure;
};
export type CancelErasureResponse = CancelErasureResponses[keyof CancelErasureResponses];
export type ApproveErasureData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The erasure's identifier; for `/receipt`, the receipt's identifier, which is
         * the same for a single response. Accepts the same formats as `request_id`.
         *
         */
        erasure_id: string;
    };
    query?: never;
    url: '/lethe/api/v1/erasures/{erasure_id}/approve';
};
export type ApproveErasureErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * Not found, or not visible to the caller.
     */
    404: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request conflicts with an earlier one or with the current state: the
     * token does not belong to a preview of this request or has expired, what
     * would be erased has changed since the preview, the `Idempotency-Key` was
     * used with a different request, the e-mail address means several owners, the
     * retention rule has a newer version, has had no dry run, or is removed, the
     * person's file is not made yet or could not be made, or the service keeps no
     * sessions of its own or no files. Nothing was done.
     *
     */
    409: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type ApproveErasureError = ApproveErasureErrors[keyof ApproveErasureErrors];
export type ApproveErasureResponses = {
    /**
     * The erasure as it is now.
     */
    200: Erasure;
};
export type ApproveErasureResponse = ApproveErasureResponses[keyof ApproveErasureResponses];
export type RefuseErasureData = {
    body: ErasureRefusal;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The erasure's identifier; for `/receipt`, the receipt's identifier, which is
         * the same for a single response. Accepts the same formats as `request_id`.
         *
         */
        erasure_id: string;
    };
    query?: never;
    url: '/lethe/api/v1/erasures/{erasure_id}/refuse';
};
export type RefuseErasureErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * Not found, or not visible to the caller.
     */
    404: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request conflicts with an earlier one or with the current state: the
     * token does not belong to a preview of this request or has expired, what
     * would be erased has changed since the preview, the `Idempotency-Key` was
     * used with a different request, the e-mail address means several owners, the
     * retention rule has a newer version, has had no dry run, or is removed, the
     * person's file is not made yet or could not be made, or the service keeps no
     * sessions of its own or no files. Nothing was done.
     *
     */
    409: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The request body is not declared as JSON.
     */
    415: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type RefuseErasureError = RefuseErasureErrors[keyof RefuseErasureErrors];
export type RefuseErasureResponses = {
    /**
     * The erasure as it is now.
     */
    200: Erasure;
};
export type RefuseErasureResponse = RefuseErasureResponses[keyof RefuseErasureResponses];
export type ListErasureReceiptsData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The erasure's identifier; for `/receipt`, the receipt's identifier, which is
         * the same for a single response. Accepts the same formats as `request_id`.
         *
         */
        erasure_id: string;
    };
    query?: {
        /**
         * The maximum number of items to return. Values outside 1 to 101 are clamped, not refused.
         */
        limit?: number;
        /**
         * The `next_cursor` of a page, to get the page that follows it. It is valid
         * only for the same filters, order and scope: with another list, if damaged,
         * or together with a `skip` above 0, it is refused (400). The limit and the
         * count mode can change from page to page.
         *
         */
        after?: string;
    };
    url: '/lethe/api/v1/erasures/{erasure_id}/receipts';
};
export type ListErasureReceiptsErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * Not found, or not visible to the caller.
     */
    404: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type ListErasureReceiptsError = ListErasureReceiptsErrors[keyof ListErasureReceiptsErrors];
export type ListErasureReceiptsResponses = {
    /**
     * The page.
     */
    200: ErasureReceiptPage;
};
export type ListErasureReceiptsResponse = ListErasureReceiptsResponses[keyof ListErasureReceiptsResponses];
export type WatchErasureData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
        /**
         * The last `id` that an earlier stream of the erasure sent; browsers send it
         * automatically. Only `end` has one.
         *
         */
        'Last-Event-ID'?: string;
    };
    path: {
        /**
         * The erasure's identifier; for `/receipt`, the receipt's identifier, which is
         * the same for a single response. Accepts the same formats as `request_id`.
         *
         */
        erasure_id: string;
    };
    query?: never;
    url: '/lethe/api/v1/erasures/{erasure_id}/events';
};
export type WatchErasureErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * Not found, or not visible to the caller.
     */
    404: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type WatchErasureError = WatchErasureErrors[keyof WatchErasureErrors];
export type WatchErasureResponses = {
    /**
     * The events.
     */
    200: string;
    /**
     * The erasure is finished and the client has received `end` (`Last-Event-ID`).
     */
    204: void;
};
export type WatchErasureResponse = WatchErasureResponses[keyof WatchErasureResponses];
export type GetReceiptData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The erasure's identifier; for `/receipt`, the receipt's identifier, which is
         * the same for a single response. Accepts the same formats as `request_id`.
         *
         */
        erasure_id: string;
    };
    query?: {
        /**
         * A later level of the erasure. Returns the receipt that confirms that the
         * erasure has reached this level; 404 if it has not. `replicated`: no standby
         * shows the data. `vacuumed`: SQL can no longer reach it. `rewritten`: it is
         * gone from the table files. `expired`: the write-ahead log and backups that
         * held it have expired.
         *
         */
        reached?: 'replicated' | 'vacuumed' | 'rewritten' | 'expired';
    };
    url: '/lethe/api/v1/erasures/{erasure_id}/receipt';
};
export type GetReceiptErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * Not found, or not visible to the caller.
     */
    404: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type GetReceiptError = GetReceiptErrors[keyof GetReceiptErrors];
export type GetReceiptResponses = {
    /**
     * The proof.
     */
    200: string;
    /**
     * The receipt exists, but no published checkpoint covers it yet. Retry later.
     */
    202: unknown;
};
export type GetReceiptResponse = GetReceiptResponses[keyof GetReceiptResponses];
export type GetCallerData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path?: never;
    query?: never;
    url: '/lethe/api/v1/me';
};
export type GetCallerErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type GetCallerError = GetCallerErrors[keyof GetCallerErrors];
export type GetCallerResponses = {
    /**
     * The caller.
     */
    200: Caller;
};
export type GetCallerResponse = GetCallerResponses[keyof GetCallerResponses];
export type FindOwnersData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path?: never;
    query: {
        /**
         * A part of an e-mail address, a user name or a name, of at least 3 characters,
         * or a whole identifier. Case does not matter.
         *
         */
        q: string;
    };
    url: '/lethe/api/v1/owners';
};
export type FindOwnersErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type FindOwnersError = FindOwnersErrors[keyof FindOwnersErrors];
export type FindOwnersResponses = {
    /**
     * Those found.
     */
    200: OwnerList;
};
export type FindOwnersResponse = FindOwnersResponses[keyof FindOwnersResponses];
export type ListAccessLogData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path?: never;
    query?: {
        /**
         * The maximum number of items to return. Values outside 1 to 101 are clamped, not refused.
         */
        limit?: number;
        /**
         * The `next_cursor` of a page, to get the page that follows it. It is valid
         * only for the same filters: with another list, or if damaged, it is refused
         * (400).
         *
         */
        after?: string;
        /**
         * Only records of this response. Accepts the same formats as `request_id`.
         */
        response_id?: string;
        /**
         * Only records of responses of this owner, spelled exactly as in their
         * `created_by`, or else by whole e-mail address.
         *
         */
        owner?: string;
        /**
         * Only records of accesses by this person.
         */
        accessed_by?: OwnerName;
        /**
         * Only records from this time or later; RFC 3339 with an offset.
         */
        accessed_after?: string;
        /**
         * Only records from this time or earlier; RFC 3339 with an offset.
         */
        accessed_before?: string;
    };
    url: '/lethe/api/v1/access-log';
};
export type ListAccessLogErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request conflicts with an earlier one or with the current state: the
     * token does not belong to a preview of this request or has expired, what
     * would be erased has changed since the preview, the `Idempotency-Key` was
     * used with a different request, the e-mail address means several owners, the
     * retention rule has a newer version, has had no dry run, or is removed, the
     * person's file is not made yet or could not be made, or the service keeps no
     * sessions of its own or no files. Nothing was done.
     *
     */
    409: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type ListAccessLogError = ListAccessLogErrors[keyof ListAccessLogErrors];
export type ListAccessLogResponses = {
    /**
     * The page.
     */
    200: AccessPage;
};
export type ListAccessLogResponse = ListAccessLogResponses[keyof ListAccessLogResponses];
export type GetStatusData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path?: never;
    query?: never;
    url: '/lethe/api/v1/status';
};
export type GetStatusErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type GetStatusError = GetStatusErrors[keyof GetStatusErrors];
export type GetStatusResponses = {
    /**
     * The status.
     */
    200: ServiceStatus;
};
export type GetStatusResponse = GetStatusResponses[keyof GetStatusResponses];
export type EndSessionData = {
    body?: never;
    path?: never;
    query?: never;
    url: '/lethe/api/v1/session';
};
export type EndSessionErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type EndSessionError = EndSessionErrors[keyof EndSessionErrors];
export type EndSessionResponses = {
    /**
     * There is no session any more.
     */
    204: void;
};
export type EndSessionResponse = EndSessionResponses[keyof EndSessionResponses];
export type StartSessionData = {
    body?: never;
    path?: never;
    query?: never;
    url: '/lethe/api/v1/session';
};
export type StartSessionErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request conflicts with an earlier one or with the current state: the
     * token does not belong to a preview of this request or has expired, what
     * would be erased has changed since the preview, the `Idempotency-Key` was
     * used with a different request, the e-mail address means several owners, the
     * retention rule has a newer version, has had no dry run, or is removed, the
     * person's file is not made yet or could not be made, or the service keeps no
     * sessions of its own or no files. Nothing was done.
     *
     */
    409: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type StartSessionError = StartSessionErrors[keyof StartSessionErrors];
export type StartSessionResponses = {
    /**
     * The session has begun.
     */
    201: Session;
};
export type StartSessionResponse = StartSessionResponses[keyof StartSessionResponses];
export type ListHoldsData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path?: never;
    query?: {
        /**
         * Exactly `true` or `false`. True lists only holds in force; false only released and expired ones.
         */
        active?: boolean;
        /**
         * The maximum number of items to return. Values outside 1 to 101 are clamped, not refused.
         */
        limit?: number;
        /**
         * The `next_cursor` of a page, to get the page that follows it. It is valid
         * only for the same filters, order and scope: with another list, if damaged,
         * or together with a `skip` above 0, it is refused (400). The limit and the
         * count mode can change from page to page.
         *
         */
        after?: string;
    };
    url: '/lethe/api/v1/holds';
};
export type ListHoldsErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type ListHoldsError = ListHoldsErrors[keyof ListHoldsErrors];
export type ListHoldsResponses = {
    /**
     * The page.
     */
    200: HoldPage;
};
export type ListHoldsResponse = ListHoldsResponses[keyof ListHoldsResponses];
export type PlaceHoldData = {
    body: NewHold;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path?: never;
    query?: never;
    url: '/lethe/api/v1/holds';
};
export type PlaceHoldErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request conflicts with an earlier one or with the current state: the
     * token does not belong to a preview of this request or has expired, what
     * would be erased has changed since the preview, the `Idempotency-Key` was
     * used with a different request, the e-mail address means several owners, the
     * retention rule has a newer version, has had no dry run, or is removed, the
     * person's file is not made yet or could not be made, or the service keeps no
     * sessions of its own or no files. Nothing was done.
     *
     */
    409: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The request body is not declared as JSON.
     */
    415: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type PlaceHoldError = PlaceHoldErrors[keyof PlaceHoldErrors];
export type PlaceHoldResponses = {
    /**
     * The hold is in place.
     */
    201: Hold;
};
export type PlaceHoldResponse = PlaceHoldResponses[keyof PlaceHoldResponses];
export type ReleaseHoldData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The hold's identifier. Accepts the same formats as `request_id`.
         */
        hold_id: string;
    };
    query?: never;
    url: '/lethe/api/v1/holds/{hold_id}';
};
export type ReleaseHoldErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * Not found, or not visible to the caller.
     */
    404: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type ReleaseHoldError = ReleaseHoldErrors[keyof ReleaseHoldErrors];
export type ReleaseHoldResponses = {
    /**
     * The hold as it is now.
     */
    200: Hold;
};
export type ReleaseHoldResponse = ReleaseHoldResponses[keyof ReleaseHoldResponses];
export type GetHoldData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The hold's identifier. Accepts the same formats as `request_id`.
         */
        hold_id: string;
    };
    query?: never;
    url: '/lethe/api/v1/holds/{hold_id}';
};
export type GetHoldErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * Not found, or not visible to the caller.
     */
    404: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type GetHoldError = GetHoldErrors[keyof GetHoldErrors];
export type GetHoldResponses = {
    /**
     * The hold.
     */
    200: Hold;
};
export type GetHoldResponse = GetHoldResponses[keyof GetHoldResponses];
export type ListSubjectRequestsData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path?: never;
    query?: {
        /**
         * Exactly `true` or `false`. True lists only requests that wait for an answer; false only answered and refused ones.
         */
        open?: boolean;
        /**
         * Only requests about this person or organization: the UUID, or the e-mail
         * address, which `Owner-Understood` in the answer explains.
         *
         */
        owner?: string;
        /**
         * The maximum number of items to return. Values outside 1 to 101 are clamped, not refused.
         */
        limit?: number;
        /**
         * The `next_cursor` of a page, to get the page that follows it. It is valid
         * only for the same filters, order and scope: with another list, if damaged,
         * or together with a `skip` above 0, it is refused (400). The limit and the
         * count mode can change from page to page.
         *
         */
        after?: string;
    };
    url: '/lethe/api/v1/subject-requests';
};
export type ListSubjectRequestsErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request conflicts with an earlier one or with the current state: the
     * token does not belong to a preview of this request or has expired, what
     * would be erased has changed since the preview, the `Idempotency-Key` was
     * used with a different request, the e-mail address means several owners, the
     * retention rule has a newer version, has had no dry run, or is removed, the
     * person's file is not made yet or could not be made, or the service keeps no
     * sessions of its own or no files. Nothing was done.
     *
     */
    409: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type ListSubjectRequestsError = ListSubjectRequestsErrors[keyof ListSubjectRequestsErrors];
export type ListSubjectRequestsResponses = {
    /**
     * The page.
     */
    200: SubjectRequestPage;
};
export type ListSubjectRequestsResponse = ListSubjectRequestsResponses[keyof ListSubjectRequestsResponses];
export type OpenSubjectRequestData = {
    body: NewSubjectRequest;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path?: never;
    query?: never;
    url: '/lethe/api/v1/subject-requests';
};
export type OpenSubjectRequestErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request conflicts with an earlier one or with the current state: the
     * token does not belong to a preview of this request or has expired, what
     * would be erased has changed since the preview, the `Idempotency-Key` was
     * used with a different request, the e-mail address means several owners, the
     * retention rule has a newer version, has had no dry run, or is removed, the
     * person's file is not made yet or could not be made, or the service keeps no
     * sessions of its own or no files. Nothing was done.
     *
     */
    409: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The request body is not declared as JSON.
     */
    415: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type OpenSubjectRequestError = OpenSubjectRequestErrors[keyof OpenSubjectRequestErrors];
export type OpenSubjectRequestResponses = {
    /**
     * The subject request is recorded.
     */
    201: SubjectRequest;
};
export type OpenSubjectRequestResponse = OpenSubjectRequestResponses[keyof OpenSubjectRequestResponses];
export type GetSubjectRequestData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The subject request's identifier. Accepts the same formats as `request_id`.
         */
        subject_request_id: string;
    };
    query?: never;
    url: '/lethe/api/v1/subject-requests/{subject_request_id}';
};
export type GetSubjectRequestErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * Not found, or not visible to the caller.
     */
    404: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type GetSubjectRequestError = GetSubjectRequestErrors[keyof GetSubjectRequestErrors];
export type GetSubjectRequestResponses = {
    /**
     * The subject request.
     */
    200: SubjectRequest;
};
export type GetSubjectRequestResponse = GetSubjectRequestResponses[keyof GetSubjectRequestResponses];
export type CheckSubjectIdentityData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The subject request's identifier. Accepts the same formats as `request_id`.
         */
        subject_request_id: string;
    };
    query?: never;
    url: '/lethe/api/v1/subject-requests/{subject_request_id}/check-identity';
};
export type CheckSubjectIdentityErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * Not found, or not visible to the caller.
     */
    404: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request conflicts with an earlier one or with the current state: the
     * token does not belong to a preview of this request or has expired, what
     * would be erased has changed since the preview, the `Idempotency-Key` was
     * used with a different request, the e-mail address means several owners, the
     * retention rule has a newer version, has had no dry run, or is removed, the
     * person's file is not made yet or could not be made, or the service keeps no
     * sessions of its own or no files. Nothing was done.
     *
     */
    409: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type CheckSubjectIdentityError = CheckSubjectIdentityErrors[keyof CheckSubjectIdentityErrors];
export type CheckSubjectIdentityResponses = {
    /**
     * The subject request as it is now.
     */
    200: SubjectRequest;
};
export type CheckSubjectIdentityResponse = CheckSubjectIdentityResponses[keyof CheckSubjectIdentityResponses];
export type ExtendSubjectRequestData = {
    body: SubjectRequestExtension;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The subject request's identifier. Accepts the same formats as `request_id`.
         */
        subject_request_id: string;
    };
    query?: never;
    url: '/lethe/api/v1/subject-requests/{subject_request_id}/extend';
};
export type ExtendSubjectRequestErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * Not found, or not visible to the caller.
     */
    404: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request conflicts with an earlier one or with the current state: the
     * token does not belong to a preview of this request or has expired, what
     * would be erased has changed since the preview, the `Idempotency-Key` was
     * used with a different request, the e-mail address means several owners, the
     * retention rule has a newer version, has had no dry run, or is removed, the
     * person's file is not made yet or could not be made, or the service keeps no
     * sessions of its own or no files. Nothing was done.
     *
     */
    409: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The request body is not declared as JSON.
     */
    415: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type ExtendSubjectRequestError = ExtendSubjectRequestErrors[keyof ExtendSubjectRequestErrors];
export type ExtendSubjectRequestResponses = {
    /**
     * The subject request as it is now.
     */
    200: SubjectRequest;
};
export type ExtendSubjectRequestResponse = ExtendSubjectRequestResponses[keyof ExtendSubjectRequestResponses];
export type AnswerSubjectRequestData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The subject request's identifier. Accepts the same formats as `request_id`.
         */
        subject_request_id: string;
    };
    query?: never;
    url: '/lethe/api/v1/subject-requests/{subject_request_id}/answer';
};
export type AnswerSubjectRequestErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * Not found, or not visible to the caller.
     */
    404: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request conflicts with an earlier one or with the current state: the
     * token does not belong to a preview of this request or has expired, what
     * would be erased has changed since the preview, the `Idempotency-Key` was
     * used with a different request, the e-mail address means several owners, the
     * retention rule has a newer version, has had no dry run, or is removed, the
     * person's file is not made yet or could not be made, or the service keeps no
     * sessions of its own or no files. Nothing was done.
     *
     */
    409: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type AnswerSubjectRequestError = AnswerSubjectRequestErrors[keyof AnswerSubjectRequestErrors];
export type AnswerSubjectRequestResponses = {
    /**
     * The subject request as it is now.
     */
    200: SubjectRequest;
};
export type AnswerSubjectRequestResponse = AnswerSubjectRequestResponses[keyof AnswerSubjectRequestResponses];
export type RefuseSubjectRequestData = {
    body: SubjectRequestRefusal;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The subject request's identifier. Accepts the same formats as `request_id`.
         */
        subject_request_id: string;
    };
    query?: never;
    url: '/lethe/api/v1/subject-requests/{subject_request_id}/refuse';
};
export type RefuseSubjectRequestErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * Not found, or not visible to the caller.
     */
    404: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request conflicts with an earlier one or with the current state: the
     * token does not belong to a preview of this request or has expired, what
     * would be erased has changed since the preview, the `Idempotency-Key` was
     * used with a different request, the e-mail address means several owners, the
     * retention rule has a newer version, has had no dry run, or is removed, the
     * person's file is not made yet or could not be made, or the service keeps no
     * sessions of its own or no files. Nothing was done.
     *
     */
    409: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The request body is not declared as JSON.
     */
    415: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type RefuseSubjectRequestError = RefuseSubjectRequestErrors[keyof RefuseSubjectRequestErrors];
export type RefuseSubjectRequestResponses = {
    /**
     * The subject request as it is now.
     */
    200: SubjectRequest;
};
export type RefuseSubjectRequestResponse = RefuseSubjectRequestResponses[keyof RefuseSubjectRequestResponses];
export type GetSubjectLetterData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The subject request's identifier. Accepts the same formats as `request_id`.
         */
        subject_request_id: string;
    };
    query?: never;
    url: '/lethe/api/v1/subject-requests/{subject_request_id}/letter';
};
export type GetSubjectLetterErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * Not found, or not visible to the caller.
     */
    404: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request conflicts with an earlier one or with the current state: the
     * token does not belong to a preview of this request or has expired, what
     * would be erased has changed since the preview, the `Idempotency-Key` was
     * used with a different request, the e-mail address means several owners, the
     * retention rule has a newer version, has had no dry run, or is removed, the
     * person's file is not made yet or could not be made, or the service keeps no
     * sessions of its own or no files. Nothing was done.
     *
     */
    409: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type GetSubjectLetterError = GetSubjectLetterErrors[keyof GetSubjectLetterErrors];
export type GetSubjectLetterResponses = {
    /**
     * The letter.
     */
    200: string;
};
export type GetSubjectLetterResponse = GetSubjectLetterResponses[keyof GetSubjectLetterResponses];
export type ListRetentionRulesData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path?: never;
    query?: {
        /**
         * Exactly `true` or `false`. True lists the removed rules; false, the default, lists the others.
         */
        removed?: boolean;
        /**
         * The maximum number of items to return. Values outside 1 to 101 are clamped, not refused.
         */
        limit?: number;
        /**
         * The `next_cursor` of a page, to get the page that follows it. It is valid
         * only for the same filters, order and scope: with another list, if damaged,
         * or together with a `skip` above 0, it is refused (400). The limit and the
         * count mode can change from page to page.
         *
         */
        after?: string;
    };
    url: '/lethe/api/v1/retention-rules';
};
export type ListRetentionRulesErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type ListRetentionRulesError = ListRetentionRulesErrors[keyof ListRetentionRulesErrors];
export type ListRetentionRulesResponses = {
    /**
     * The page.
     */
    200: RetentionRulePage;
};
export type ListRetentionRulesResponse = ListRetentionRulesResponses[keyof ListRetentionRulesResponses];
export type CreateRetentionRuleData = {
    body: NewRetentionRule;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path?: never;
    query?: never;
    url: '/lethe/api/v1/retention-rules';
};
export type CreateRetentionRuleErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request conflicts with an earlier one or with the current state: the
     * token does not belong to a preview of this request or has expired, what
     * would be erased has changed since the preview, the `Idempotency-Key` was
     * used with a different request, the e-mail address means several owners, the
     * retention rule has a newer version, has had no dry run, or is removed, the
     * person's file is not made yet or could not be made, or the service keeps no
     * sessions of its own or no files. Nothing was done.
     *
     */
    409: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The request body is not declared as JSON.
     */
    415: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type CreateRetentionRuleError = CreateRetentionRuleErrors[keyof CreateRetentionRuleErrors];
export type CreateRetentionRuleResponses = {
    /**
     * The rule is created.
     */
    201: RetentionRule;
};
export type CreateRetentionRuleResponse = CreateRetentionRuleResponses[keyof CreateRetentionRuleResponses];
export type RemoveRetentionRuleData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The rule's identifier. Accepts the same formats as `request_id`.
         */
        rule_id: string;
    };
    query?: never;
    url: '/lethe/api/v1/retention-rules/{rule_id}';
};
export type RemoveRetentionRuleErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * Not found, or not visible to the caller.
     */
    404: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type RemoveRetentionRuleError = RemoveRetentionRuleErrors[keyof RemoveRetentionRuleErrors];
export type RemoveRetentionRuleResponses = {
    /**
     * The rule is removed.
     */
    204: void;
};
export type RemoveRetentionRuleResponse = RemoveRetentionRuleResponses[keyof RemoveRetentionRuleResponses];
export type GetRetentionRuleData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The rule's identifier. Accepts the same formats as `request_id`.
         */
        rule_id: string;
    };
    query?: never;
    url: '/lethe/api/v1/retention-rules/{rule_id}';
};
export type GetRetentionRuleErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * Not found, or not visible to the caller.
     */
    404: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type GetRetentionRuleError = GetRetentionRuleErrors[keyof GetRetentionRuleErrors];
export type GetRetentionRuleResponses = {
    /**
     * The rule.
     */
    200: RetentionRule;
};
export type GetRetentionRuleResponse = GetRetentionRuleResponses[keyof GetRetentionRuleResponses];
export type ChangeRetentionRuleData = {
    body: ChangedRetentionRule;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The rule's identifier. Accepts the same formats as `request_id`.
         */
        rule_id: string;
    };
    query?: never;
    url: '/lethe/api/v1/retention-rules/{rule_id}';
};
export type ChangeRetentionRuleErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * Not found, or not visible to the caller.
     */
    404: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request conflicts with an earlier one or with the current state: the
     * token does not belong to a preview of this request or has expired, what
     * would be erased has changed since the preview, the `Idempotency-Key` was
     * used with a different request, the e-mail address means several owners, the
     * retention rule has a newer version, has had no dry run, or is removed, the
     * person's file is not made yet or could not be made, or the service keeps no
     * sessions of its own or no files. Nothing was done.
     *
     */
    409: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The request body is not declared as JSON.
     */
    415: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type ChangeRetentionRuleError = ChangeRetentionRuleErrors[keyof ChangeRetentionRuleErrors];
export type ChangeRetentionRuleResponses = {
    /**
     * The rule as it is now.
     */
    200: RetentionRule;
};
export type ChangeRetentionRuleResponse = ChangeRetentionRuleResponses[keyof ChangeRetentionRuleResponses];
export type GetRetentionRuleVersionData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The rule's identifier. Accepts the same formats as `request_id`.
         */
        rule_id: string;
        /**
         * A version of the rule, counted from 1.
         */
        version: number;
    };
    query?: never;
    url: '/lethe/api/v1/retention-rules/{rule_id}/versions/{version}';
};
export type GetRetentionRuleVersionErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * Not found, or not visible to the caller.
     */
    404: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type GetRetentionRuleVersionError = GetRetentionRuleVersionErrors[keyof GetRetentionRuleVersionErrors];
export type GetRetentionRuleVersionResponses = {
    /**
     * The version.
     */
    200: RetentionRuleVersion;
};
export type GetRetentionRuleVersionResponse = GetRetentionRuleVersionResponses[keyof GetRetentionRuleVersionResponses];
export type DryRunRetentionRuleData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The rule's identifier. Accepts the same formats as `request_id`.
         */
        rule_id: string;
    };
    query?: never;
    url: '/lethe/api/v1/retention-rules/{rule_id}/dry-run';
};
export type DryRunRetentionRuleErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * Not found, or not visible to the caller.
     */
    404: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request conflicts with an earlier one or with the current state: the
     * token does not belong to a preview of this request or has expired, what
     * would be erased has changed since the preview, the `Idempotency-Key` was
     * used with a different request, the e-mail address means several owners, the
     * retention rule has a newer version, has had no dry run, or is removed, the
     * person's file is not made yet or could not be made, or the service keeps no
     * sessions of its own or no files. Nothing was done.
     *
     */
    409: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type DryRunRetentionRuleError = DryRunRetentionRuleErrors[keyof DryRunRetentionRuleErrors];
export type DryRunRetentionRuleResponses = {
    /**
     * The rule with the result of the dry run.
     */
    200: RetentionRule;
};
export type DryRunRetentionRuleResponse = DryRunRetentionRuleResponses[keyof DryRunRetentionRuleResponses];
export type EnableRetentionRuleData = {
    body: EnabledVersion;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The rule's identifier. Accepts the same formats as `request_id`.
         */
        rule_id: string;
    };
    query?: never;
    url: '/lethe/api/v1/retention-rules/{rule_id}/enable';
};
export type EnableRetentionRuleErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * Not found, or not visible to the caller.
     */
    404: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request conflicts with an earlier one or with the current state: the
     * token does not belong to a preview of this request or has expired, what
     * would be erased has changed since the preview, the `Idempotency-Key` was
     * used with a different request, the e-mail address means several owners, the
     * retention rule has a newer version, has had no dry run, or is removed, the
     * person's file is not made yet or could not be made, or the service keeps no
     * sessions of its own or no files. Nothing was done.
     *
     */
    409: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The request body is not declared as JSON.
     */
    415: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type EnableRetentionRuleError = EnableRetentionRuleErrors[keyof EnableRetentionRuleErrors];
export type EnableRetentionRuleResponses = {
    /**
     * The rule as it is now.
     */
    200: RetentionRule;
};
export type EnableRetentionRuleResponse = EnableRetentionRuleResponses[keyof EnableRetentionRuleResponses];
export type ApproveRetentionRuleData = {
    body: EnabledVersion;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The rule's identifier. Accepts the same formats as `request_id`.
         */
        rule_id: string;
    };
    query?: never;
    url: '/lethe/api/v1/retention-rules/{rule_id}/approve';
};
export type ApproveRetentionRuleErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * Not found, or not visible to the caller.
     */
    404: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request conflicts with an earlier one or with the current state: the
     * token does not belong to a preview of this request or has expired, what
     * would be erased has changed since the preview, the `Idempotency-Key` was
     * used with a different request, the e-mail address means several owners, the
     * retention rule has a newer version, has had no dry run, or is removed, the
     * person's file is not made yet or could not be made, or the service keeps no
     * sessions of its own or no files. Nothing was done.
     *
     */
    409: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The request body is not declared as JSON.
     */
    415: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type ApproveRetentionRuleError = ApproveRetentionRuleErrors[keyof ApproveRetentionRuleErrors];
export type ApproveRetentionRuleResponses = {
    /**
     * The rule as it is now.
     */
    200: RetentionRule;
};
export type ApproveRetentionRuleResponse = ApproveRetentionRuleResponses[keyof ApproveRetentionRuleResponses];
export type DisableRetentionRuleData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The rule's identifier. Accepts the same formats as `request_id`.
         */
        rule_id: string;
    };
    query?: never;
    url: '/lethe/api/v1/retention-rules/{rule_id}/disable';
};
export type DisableRetentionRuleErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * Not found, or not visible to the caller.
     */
    404: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type DisableRetentionRuleError = DisableRetentionRuleErrors[keyof DisableRetentionRuleErrors];
export type DisableRetentionRuleResponses = {
    /**
     * The rule as it is now.
     */
    200: RetentionRule;
};
export type DisableRetentionRuleResponse = DisableRetentionRuleResponses[keyof DisableRetentionRuleResponses];
export type GetCheckpointData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path?: never;
    query?: never;
    url: '/log/checkpoint';
};
export type GetCheckpointErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * Not found, or not visible to the caller.
     */
    404: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type GetCheckpointError = GetCheckpointErrors[keyof GetCheckpointErrors];
export type GetCheckpointResponses = {
    /**
     * The checkpoint.
     */
    200: string;
};
export type GetCheckpointResponse = GetCheckpointResponses[keyof GetCheckpointResponses];
export type GetLogKeysData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path?: never;
    query?: never;
    url: '/log/keys';
};
export type GetLogKeysErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type GetLogKeysError = GetLogKeysErrors[keyof GetLogKeysErrors];
export type GetLogKeysResponses = {
    /**
     * The keys.
     */
    200: string;
};
export type GetLogKeysResponse = GetLogKeysResponses[keyof GetLogKeysResponses];
export type GetTileData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active member,
         * and ignored if the cookie `dw_active_org` is sent.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The level of the tile, 0 to 63 without leading zeros, or `entries`.
         */
        level: string;
        /**
         * The index of the tile in its level, in elements of three digits, all but the
         * last prefixed with `x`: 1234067 is `x001/x234/067`. For a tile of fewer than
         * 256 entries, append `.p/` and its width. The slashes are part of the path;
         * they can also be percent-encoded.
         *
         */
        index: string;
    };
    query?: never;
    url: '/log/tile/{level}/{index}';
};
export type GetTileErrors = {
    /**
     * The request does not follow this document; `parameter` names the part that is wrong.
     */
    400: Problem;
    /**
     * The caller could not be identified.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent the request from another site.
     */
    403: Problem;
    /**
     * Not found, or not visible to the caller.
     */
    404: Problem;
    /**
     * This path does not support the method.
     */
    405: Problem;
    /**
     * The request body is larger than the service accepts.
     */
    413: Problem;
    /**
     * The caller has reached the limit of concurrent work for one caller, which
     * leaves room for others; or too many unknown keys are being tried, so this
     * key could not be looked up. Nothing was done.
     *
     */
    429: Problem;
    /**
     * An internal error; the service's log has details under the request ID.
     */
    500: Problem;
    /**
     * The database is unreachable, busy or too slow, or the service is at
     * capacity. Nothing was changed, except what was already reported.
     *
     */
    503: Problem;
};
export type GetTileError = GetTileErrors[keyof GetTileErrors];
export type GetTileResponses = {
    /**
     * The tile.
     */
    200: Blob | File;
};
export type GetTileResponse = GetTileResponses[keyof GetTileResponses];
