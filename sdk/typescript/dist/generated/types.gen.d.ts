export type ClientOptions = {
    baseUrl: `${string}://${string}` | (string & {});
};
/**
 * One page of a list.
 */
export type ResponsePage = {
    /**
     * The responses, in order.
     */
    data: Array<ResponseSummary>;
    /**
     * How many responses match in all; null where they were not to be counted.
     */
    total_count: number | null;
    /**
     * Whether total_count is exact, the database's estimate, or was not asked for.
     */
    count_kind: 'exact' | 'estimate' | 'none' | (string & {});
    /**
     * How many were passed over, as applied.
     */
    skip: number;
    /**
     * The largest size of a page, as applied.
     */
    limit: number;
    /**
     * Whether responses follow this page.
     */
    has_more: boolean;
    /**
     * What to pass as `after` to get what follows; null where nothing does.
     */
    next_cursor: string | null;
};
/**
 * A response without its contents. Every field is always there, null where unknown.
 */
export type ResponseSummary = {
    /**
     * The response's identifier.
     */
    id: string;
    /**
     * Always null; responses of batches are not shown here.
     */
    batch_id: string | null;
    /**
     * The model that was asked.
     */
    model: string;
    /**
     * The state: pending, claimed, processing, completed, failed or canceled.
     */
    status: string;
    /**
     * When the request came in (UTC). Null where the stored time has no form here, as `infinity` has none.
     */
    created_at: string | null;
    /**
     * When the answer was complete (UTC).
     */
    completed_at: string | null;
    /**
     * When it failed for good (UTC).
     */
    failed_at: string | null;
    /**
     * Milliseconds from start to completion, exact to the microsecond.
     */
    duration_ms: number | null;
    /**
     * The HTTP status that the model's server answered with.
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
     * Tokens of reasoning among them.
     */
    reasoning_tokens: number | null;
    /**
     * All tokens together.
     */
    total_tokens: number | null;
    /**
     * What it cost, in the currency that the platform bills in. Where its
     * newest usage record tells no cost, or has expired, it is what the
     * ledger says (`credits_transactions`); null where neither does.
     *
     */
    total_cost: number | null;
    /**
     * The e-mail address of the owner, a person or an organization.
     */
    created_by_email: string | null;
};
/**
 * A response with its contents.
 */
export type ResponseDetail = ResponseSummary & {
    /**
     * The request as it was sent, prompt included; empty where there is none or where it came with a file that was deleted.
     */
    body: string;
    /**
     * The answer as the model's server sent it.
     */
    response_body: string | null;
    /**
     * Why it failed.
     */
    error: string | null;
    /**
     * Which of `body`, `response_body` and `error` are there and not
     * shown, as the gateway has stored them encrypted; the field
     * itself is empty or null then.
     *
     */
    withheld: Array<string>;
    /**
     * The owner, mostly the UUID of a person or an organization.
     */
    created_by: string;
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
     * The largest size of a page, as applied.
     */
    limit: number;
    /**
     * Whether records follow this page.
     */
    has_more: boolean;
    /**
     * What to pass as `after` to get what follows; null where nothing does.
     */
    next_cursor: string | null;
};
/**
 * Somebody was shown the contents of a response that was not their own.
 */
export type Access = {
    /**
     * The record's identifier.
     */
    id: string;
    /**
     * The response that was read.
     */
    response_id: string;
    /**
     * Whose response it was, mostly the UUID of a person or an organization.
     */
    owner: string;
    /**
     * The owner's e-mail address; null where the owner is no known person.
     */
    owner_email: string | null;
    /**
     * The person who read it.
     */
    accessed_by: string;
    /**
     * That person's e-mail address; null where they are not known any more.
     */
    accessed_by_email: string | null;
    /**
     * When (UTC).
     */
    accessed_at: string;
    /**
     * The network address of the peer that asked, as in the access log; a proxy's where there is one.
     */
    address: string;
};
/**
 * What is erased of what the caller's list shows. All that is given must
 * hold; a part of a chain that passes stands for all of the chain.
 *
 */
export type ErasureFilter = {
    /**
     * Only responses of this user or organization. For those who may read everyone's; refused (400) otherwise.
     */
    member_id?: string;
    /**
     * States, any of which will do: pending, claimed, processing,
     * completed, failed, canceled, and what else there may be by now.
     *
     */
    states?: Array<string>;
    /**
     * Models, any of which will do, spelled exactly.
     */
    models?: Array<string>;
    /**
     * Service tiers, any of which will do: auto, default, flex, priority,
     * background, and what else there may be by now.
     *
     */
    tiers?: Array<string>;
    /**
     * Created at this time or later; RFC 3339 with an offset.
     */
    created_after?: string;
    /**
     * Created at this time or earlier; RFC 3339 with an offset.
     */
    created_before?: string;
    /**
     * The model's server answered with this HTTP status or a higher one.
     */
    response_status_min?: number;
    /**
     * The model's server answered with this HTTP status or a lower one.
     */
    response_status_max?: number;
    /**
     * They took this many milliseconds or more from start to completion.
     */
    min_duration_ms?: number;
    /**
     * With an error recorded, or without one.
     */
    has_error?: boolean;
    /**
     * True, and nothing beside it, for everything; a filter without any condition is refused.
     */
    all?: boolean;
};
/**
 * What is to be erased. Exactly one of responses, owner and filter.
 */
export type ErasureRequest = {
    /**
     * Identifiers of responses, spelled as `request_id`. Any part of a chain stands for all of it.
     */
    responses?: Array<string>;
    /**
     * A user or an organization. Everything of theirs; of others than the caller and the active organization only for those who may erase everyone's.
     */
    owner?: string;
    filter?: ErasureFilter;
    /**
     * Exactly `true` or `false`. True erases along the later turns of the
     * same owner, which quote what is erased, as `eraseResponse` does: at
     * most 1,000 of a response, which fails as refused where there are more,
     * and as held where a part of any of them is. By a filter, none that is
     * created after the preview.
     *
     */
    include_later_turns?: boolean;
};
/**
 * What is to be erased, and why. Exactly one of responses, owner and filter.
 */
export type NewErasure = {
    /**
     * Identifiers of responses, spelled as `request_id`. Any part of a chain stands for all of it.
     */
    responses?: Array<string>;
    /**
     * A user or an organization. Everything of theirs; of others than the caller and the active organization only for those who may erase everyone's.
     */
    owner?: string;
    filter?: ErasureFilter;
    /**
     * Exactly `true` or `false`. True erases along the later turns of the
     * same owner, which quote what is erased, as `eraseResponse` does: at
     * most 1,000 of a response, which fails as refused where there are more,
     * and as held where a part of any of them is. By a filter, none that is
     * created after the preview.
     *
     */
    include_later_turns?: boolean;
    /**
     * That of a preview of the same request. May be left out with responses.
     */
    token?: string;
    /**
     * Why, for the receipts. Left out, it is unspecified.
     */
    ground?: 'request' | 'consent_withdrawn' | 'objection' | 'no_longer_needed' | 'unlawful' | 'legal_obligation' | 'unspecified';
    /**
     * The caller's own reference, for those who may see the erasure. It is in no receipt.
     */
    ticket?: string;
};
/**
 * What an erasure would come to.
 */
export type ErasurePreview = {
    /**
     * What binds an erasure to this preview.
     */
    token: string;
    /**
     * From when on the token is refused (UTC).
     */
    expires_at: string;
    /**
     * When this was so (UTC).
     */
    as_of: string;
    /**
     * False where there is more than was counted, which is of the 250,000
     * oldest requests then. By a filter, only these are erased; preview
     * again for more.
     *
     */
    complete: boolean;
    /**
     * Responses that would be erased, each with all of its chain.
     */
    responses: number;
    /**
     * Requests. A response has one, or, where it was made in several
     * steps, one for each call of a model, so there may be more of these
     * than responses.
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
     * Queued and finished jobs that hold a response.
     */
    tasks: number;
    /**
     * Files that an upgrade of the gateway's has left behind, each made for one request, with their empty batches.
     */
    files: number;
    /**
     * Objects of responses that fusillade-arsenal has moved out of the
     * requests: two for each, which are counted nowhere else.
     *
     */
    retained: number;
    /**
     * Prompts that would stay, since requests need them that would not be
     * erased.
     *
     */
    kept_templates: number;
    /**
     * Responses that holds keep; in none of the counts above.
     */
    held: number;
    /**
     * Identifiers of no response that is the caller's to erase.
     */
    not_found: number;
    /**
     * Later turns of the same owners, which quote what would be erased, and
     * those that follow them, apart from what the target names or matches.
     * With `include_later_turns` they are among `responses`, and would be
     * erased; without it they would stay. Null where they were not counted,
     * as no index leads to them and the target has more than 5,000 requests.
     *
     */
    later_turns: number | null;
    /**
     * False where there may be more later turns than were counted: more than
     * 1,000 that would stay, encrypted prompts, or more requests than were
     * looked at.
     *
     */
    later_turns_complete: boolean;
    /**
     * Among how many requests of the owners, made since the oldest that would
     * be erased, later turns were looked for at most, where no index leads to
     * them; null: an index does.
     *
     */
    later_turns_searched: number | null;
};
/**
 * What passes all that is given here is erased; a part of a chain that
 * passes stands for all of the chain. Where nothing is given, that is
 * everything.
 *
 */
export type ErasureTargetFilter = {
    /**
     * Whose responses, spelled as their `created_by`; left out, everyone's.
     */
    owners?: Array<string>;
    /**
     * States, any of which will do: pending, claimed, processing,
     * completed, failed, canceled, and what else there may be by now.
     *
     */
    states?: Array<string>;
    /**
     * Models, any of which will do, spelled exactly.
     */
    models?: Array<string>;
    /**
     * Service tiers, any of which will do: auto, default, flex, priority,
     * background, and what else there may be by now.
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
     * The model's server answered with this HTTP status or a higher one.
     */
    response_status_min?: number;
    /**
     * The model's server answered with this HTTP status or a lower one.
     */
    response_status_max?: number;
    /**
     * They took this many milliseconds or more from start to completion.
     */
    min_duration_ms?: number;
    /**
     * With an error recorded, or without one.
     */
    has_error?: boolean;
};
/**
 * What is to be erased; of the three one is given.
 */
export type ErasureTarget = {
    /**
     * The responses that were named, none twice; empty in an erasure of another kind.
     */
    responses: Array<string>;
    /**
     * Whose responses; null in an erasure of another kind.
     */
    owner: string | null;
    /**
     * What responses pass that are to be erased; null in an erasure of another kind.
     */
    filter: ErasureTargetFilter | null;
    /**
     * Later turns of the same owner are erased along.
     */
    include_later_turns: boolean;
};
/**
 * Rows that are gone.
 */
export type ErasureCounts = {
    /**
     * Requests. A response has one, or, where it was made in several
     * steps, one for each call of a model, so there may be more of these
     * than responses.
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
     * Queued and finished jobs that hold a response.
     */
    tasks: number;
    /**
     * Files that an upgrade of the gateway's has left behind, each made for one request, with their empty batches.
     */
    files: number;
    /**
     * Objects of responses that fusillade-arsenal has moved out of the
     * requests: two for each, which are counted nowhere else.
     *
     */
    retained: number;
    /**
     * Prompts that stayed, since another request needed them when theirs was
     * erased. Each part counts for itself: a prompt that several parts
     * shared is gone with the last of them.
     *
     */
    kept_templates: number;
};
/**
 * A response that was not erased.
 */
export type ErasureFailure = {
    /**
     * Its identifier.
     */
    response: string;
    /**
     * Why. What is not the caller's to erase is not found; refused is what
     * the database does not let be deleted, busy what something else was at
     * work on. More reasons may come.
     *
     */
    reason: 'not_found' | 'held' | 'refused' | 'busy' | (string & {});
    /**
     * The reason in words.
     */
    message: string;
    /**
     * The holds that keep it, for those who may see holds.
     */
    holds: Array<string>;
};
/**
 * A retention rule as it was.
 */
export type ErasureRule = {
    /**
     * The rule's identifier.
     */
    id: string;
    /**
     * Its version.
     */
    version: number;
};
/**
 * A bulk erasure, and how far it has come. Every field is always there, null where unknown.
 */
export type Erasure = {
    /**
     * The erasure's identifier.
     */
    id: string;
    /**
     * What has become of it. When it is finished, nothing that it may
     * erase was left but what is `refused`; failed, it cannot get on, and `last_error` says why.
     *
     */
    state: 'pending' | 'running' | 'finished' | 'canceled' | 'failed' | (string & {});
    /**
     * What it came from, somebody's asking or a retention rule.
     */
    trigger: 'bulk' | 'retention' | (string & {});
    /**
     * The rule that it came from; null where somebody asked.
     */
    rule: ErasureRule | null;
    /**
     * What kind of target it has.
     */
    kind: 'responses' | 'owner' | 'filter' | (string & {});
    /**
     * What is to be erased; null where that has been forgotten.
     */
    target: ErasureTarget | null;
    /**
     * Why.
     */
    ground: 'request' | 'consent_withdrawn' | 'objection' | 'no_longer_needed' | 'unlawful' | 'legal_obligation' | 'retention' | 'unspecified' | (string & {});
    /**
     * The reference of who asked.
     */
    ticket: string | null;
    /**
     * When it was asked for (UTC).
     */
    requested_at: string;
    /**
     * Who asked; null for a rule.
     */
    requested_by: string | null;
    /**
     * When its first part began (UTC).
     */
    started_at: string | null;
    /**
     * When it was over (UTC).
     */
    finished_at: string | null;
    /**
     * When what is left is looked for once more (UTC).
     */
    verify_at: string | null;
    /**
     * When it was looked for once more and nothing was left (UTC).
     */
    verified_at: string | null;
    /**
     * With a filter, what was created later is left (UTC).
     */
    as_of: string;
    /**
     * Responses that the preview showed; null without one, and where the preview of an owner did not count all.
     */
    expected: number | null;
    /**
     * Responses that are gone.
     */
    responses: number;
    counts: ErasureCounts;
    /**
     * Responses that a hold kept.
     */
    held: number;
    /**
     * Identifiers of no response that is the caller's to erase.
     */
    not_found: number;
    /**
     * Responses that could not be erased for a reason of the database's. They are tried once more at `verify_at`.
     */
    refused: number;
    /**
     * How many receipts it has left.
     */
    receipts: number;
    /**
     * What was not erased, and why; the first 100.
     */
    failures: Array<ErasureFailure>;
    /**
     * Why it does not get on, why it failed, or that something could not be erased; null where nothing is known to be wrong.
     */
    last_error: string | null;
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
     * The largest size of a page, as applied.
     */
    limit: number;
    /**
     * Whether erasures follow this page.
     */
    has_more: boolean;
    /**
     * What to pass as `after` to get what follows; null where nothing does.
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
     * When what it is about was erased (UTC).
     */
    at: string;
    /**
     * How many responses were erased with it.
     */
    responses: number;
    /**
     * Where the file is that proves it, once it is sealed.
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
     * The largest size of a page, as applied.
     */
    limit: number;
    /**
     * Whether receipts follow this page.
     */
    has_more: boolean;
    /**
     * What to pass as `after` to get what follows; null where nothing does.
     */
    next_cursor: string | null;
};
/**
 * A filter as of the list of responses. All that is given must hold when a response is to be erased.
 */
export type HoldFilter = {
    /**
     * States, any of which will do: pending, claimed, processing,
     * completed, failed, canceled, and what else there may be by now.
     *
     */
    states?: Array<string>;
    /**
     * Models, any of which will do, spelled exactly.
     */
    models?: Array<string>;
    /**
     * Service tiers, any of which will do: auto, default, flex, priority,
     * background, and what else there may be by now.
     *
     */
    tiers?: Array<string>;
    /**
     * Created at this time or later; RFC 3339 with an offset.
     */
    created_after?: string;
    /**
     * Created at this time or earlier; RFC 3339 with an offset.
     */
    created_before?: string;
};
/**
 * What is to be held, and why. Exactly one of responses, owners and filter.
 */
export type NewHold = {
    /**
     * Identifiers of responses, spelled as `request_id`. Any part of a chain holds all of it.
     */
    responses?: Array<string>;
    /**
     * Identifiers of users and organizations. What they have and will have is held.
     */
    owners?: Array<string>;
    filter?: HoldFilter;
    /**
     * Why, for those who may see holds. Space around it is left out.
     */
    reason: string;
    /**
     * From when on it holds nothing, in the future; RFC 3339 with an offset. Left out, it holds until it is released.
     */
    expires_at?: string;
};
/**
 * What is kept from being erased, or once was.
 */
export type Hold = {
    /**
     * The hold's identifier.
     */
    id: string;
    /**
     * Whether it holds at present, neither released nor expired.
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
     * What responses pass that are held; null in a hold of another kind.
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
     * From when on it holds nothing (UTC); null where it does not expire.
     */
    expires_at: string | null;
    /**
     * When it was released (UTC); null where it was not.
     */
    released_at: string | null;
    /**
     * Who released it; null where it was not.
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
     * The largest size of a page, as applied.
     */
    limit: number;
    /**
     * Whether holds follow this page.
     */
    has_more: boolean;
    /**
     * What to pass as `after` to get what follows; null where nothing does.
     */
    next_cursor: string | null;
};
/**
 * Which responses a rule covers: all that is given must hold, of every
 * part of a response. Without `states`, those are covered that have come
 * to their end: completed, failed and canceled.
 *
 */
export type RetentionFilter = {
    /**
     * States, any of which will do: pending, claimed, processing,
     * completed, failed, canceled, and what else there may be by now.
     *
     */
    states?: Array<string>;
    /**
     * Models, any of which will do, spelled exactly.
     */
    models?: Array<string>;
    /**
     * Service tiers, any of which will do: auto, default, flex, priority,
     * background, and what else there may be by now.
     *
     */
    tiers?: Array<string>;
    /**
     * Identifiers of users and organizations, any of which will do.
     */
    owners?: Array<string>;
};
/**
 * What a rule is to say. Without a filter it covers everyone's responses that have come to their end.
 */
export type NewRetentionRule = {
    /**
     * What the rule is called. Space around it is left out.
     */
    name: string;
    filter?: RetentionFilter;
    /**
     * From how many days of 24 hours on, after it was created, a response is erased.
     */
    age_days: number;
    /**
     * The times of day in UTC at which the rule runs.
     */
    run_at: Array<string>;
    /**
     * How many responses one run erases at most; the rest is left to the next ones.
     */
    max_per_run?: number;
};
/**
 * What a rule is to say from now on, in the place of all that it said.
 */
export type ChangedRetentionRule = {
    /**
     * The version that was changed.
     */
    version: number;
    /**
     * What the rule is called. Space around it is left out.
     */
    name: string;
    filter?: RetentionFilter;
    /**
     * From how many days of 24 hours on, after it was created, a response is erased.
     */
    age_days: number;
    /**
     * The times of day in UTC at which the rule runs.
     */
    run_at: Array<string>;
    /**
     * How many responses one run erases at most; the rest is left to the next ones.
     */
    max_per_run?: number;
};
/**
 * What is to be enabled.
 */
export type EnabledVersion = {
    /**
     * The version whose dry run was looked at.
     */
    version: number;
};
/**
 * What runs of a rule would have erased in all.
 */
export type RetentionDryRun = {
    /**
     * When this was so (UTC).
     */
    at: string;
    /**
     * False where there is more than was counted, which is of the 250,000 oldest requests then.
     */
    complete: boolean;
    /**
     * Responses.
     */
    responses: number;
    /**
     * Requests. A response has one, or, where it was made in several
     * steps, one for each call of a model, so there may be more of these
     * than responses.
     *
     */
    requests: number;
    /**
     * Steps of responses that have several.
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
     * Queued and finished jobs that hold a response.
     */
    tasks: number;
    /**
     * Files that an upgrade of the gateway's has left behind, each made for one request, with their empty batches.
     */
    files: number;
    /**
     * Objects of responses that fusillade-arsenal has moved out of the
     * requests: two for each, which are counted nowhere else.
     *
     */
    retained: number;
    /**
     * Prompts that would stay, since requests need them that would not be
     * erased.
     *
     */
    kept_templates: number;
    /**
     * Responses that holds keep, which are in none of the other counts.
     */
    held: number;
};
/**
 * A run of a rule.
 */
export type RetentionRun = {
    /**
     * When it began (UTC).
     */
    at: string;
    /**
     * The rule's version then.
     */
    version: number;
    /**
     * The erasure that it began, which says how far it has come.
     */
    erasure_id: string;
};
/**
 * What a rule says or once said.
 */
export type RetentionRuleVersion = {
    /**
     * The rule's identifier.
     */
    id: string;
    /**
     * The version, from 1 on.
     */
    version: number;
    /**
     * What the rule is called.
     */
    name: string;
    filter: RetentionFilter;
    /**
     * From how many days of 24 hours on, after it was created, a response is erased.
     */
    age_days: number;
    /**
     * The times of day in UTC at which the rule runs.
     */
    run_at: Array<string>;
    /**
     * How many responses one run erases at most; the rest is left to the next ones.
     */
    max_per_run: number;
    /**
     * When this version was made (UTC).
     */
    changed_at: string;
    /**
     * Who made this version.
     */
    changed_by: string;
};
/**
 * A rule of retention and what has become of it.
 */
export type RetentionRule = {
    /**
     * The rule's identifier.
     */
    id: string;
    /**
     * How often it has been changed, and one.
     */
    version: number;
    /**
     * What the rule is called.
     */
    name: string;
    filter: RetentionFilter;
    /**
     * From how many days of 24 hours on, after it was created, a response is erased.
     */
    age_days: number;
    /**
     * The times of day in UTC at which the rule runs.
     */
    run_at: Array<string>;
    /**
     * How many responses one run erases at most; the rest is left to the next ones.
     */
    max_per_run: number;
    /**
     * Whether it runs at its times.
     */
    enabled: boolean;
    /**
     * The newest dry run of this version; null where there was none.
     */
    dry_run: RetentionDryRun | null;
    /**
     * When it runs next (UTC); null while it is not enabled.
     */
    next_run_at: string | null;
    /**
     * The last run that began; null where there was none.
     */
    last_run: RetentionRun | null;
    /**
     * When a run last did not begin, as the one before it was not over (UTC); null where that was never so.
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
     * When this version was made (UTC).
     */
    changed_at: string;
    /**
     * Who made this version.
     */
    changed_by: string;
    /**
     * When it was removed (UTC); null where it was not.
     */
    removed_at: string | null;
    /**
     * Who removed it; null where it was not.
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
     * The largest size of a page, as applied.
     */
    limit: number;
    /**
     * Whether rules follow this page.
     */
    has_more: boolean;
    /**
     * What to pass as `after` to get what follows; null where nothing does.
     */
    next_cursor: string | null;
};
/**
 * What went wrong, as of RFC 9457.
 */
export type Problem = {
    /**
     * Always about:blank; the status says what kind of problem it is.
     */
    type: string;
    /**
     * The status in words.
     */
    title: string;
    /**
     * The HTTP status.
     */
    status: number;
    /**
     * What is wrong and what to do about it.
     */
    detail: string;
    /**
     * The parameter, or field of the body, that is wrong, where it is one.
     */
    parameter?: string;
    /**
     * Names this request in the service's log.
     */
    request_id: string;
};
/**
 * The response's identifier: a UUID with hyphens, as 32 hex digits, in
 * braces, or after `urn:uuid:`, in either case.
 *
 */
export type RequestId = string;
/**
 * The erasure's identifier; of `/receipt`, the receipt's, which for a
 * single response is the same. Spelled as `request_id`.
 *
 */
export type ErasureId = string;
/**
 * A later level: then the receipt is the one that says that the erasure of
 * this receipt has come to it. 404 where it has not. replicated is no
 * standby shows it; vacuumed is out of SQL's reach; rewritten is out of the
 * tables' files; expired is that write-ahead log and backups have run out.
 *
 */
export type Reached = 'replicated' | 'vacuumed' | 'rewritten' | 'expired';
/**
 * States, separated by commas, any of which will do: pending, running,
 * finished, canceled, failed. Any other word matches nothing, and neither
 * does an empty list.
 *
 */
export type ErasureStateFilter = Array<string>;
/**
 * What the erasures came from: `bulk`, somebody asked, or `retention`, a
 * rule. Any other word matches nothing.
 *
 */
export type ErasureTriggerFilter = string;
/**
 * A name for this request, new for each erasure, 1 to 255 visible ASCII
 * characters. The same caller's repetition of a request begins no second
 * erasure, but is answered with the first as it is by then; another
 * request with the same name is refused (409).
 *
 */
export type IdempotencyKey = string;
/**
 * The hold's identifier. Spelled as `request_id`.
 */
export type HoldId = string;
/**
 * Exactly `true` or `false`. Only holds that are neither released nor
 * expired, or only those that are.
 *
 */
export type Active = boolean;
/**
 * The rule's identifier. Spelled as `request_id`.
 */
export type RuleId = string;
/**
 * A version of the rule, from 1 on.
 */
export type RuleVersion = number;
/**
 * Exactly `true` or `false`. Those rules that have been removed, or, as
 * without it, those that have not.
 *
 */
export type Removed = boolean;
/**
 * The level of the tile, 0 to 63 without leading zeroes, or `entries`.
 */
export type TileLevel = string;
/**
 * The index of the tile in its level, in elements of three digits, all but
 * the last after an `x`: 1234067 is `x001/x234/067`. A tile of less than
 * 256 has `.p/` and its width after that. The slashes are part of the
 * path; they may be percent-encoded, too.
 *
 */
export type TileIndex = string;
/**
 * The organization to act for. Ignored unless the caller is an active
 * member of it, and where the cookie `dw_active_org` is given.
 *
 */
export type OrganizationId = string;
/**
 * The organization to act for, as dashboards keep it. Ignored unless the
 * caller is an active member of it.
 *
 */
export type ActiveOrganization = string;
/**
 * The last `id` that an earlier stream of the erasure told, which a browser
 * sends by itself. Only `end` has one.
 *
 */
export type LastEventId = string;
/**
 * ETags of earlier answers, separated by commas, or `*`. Where what would
 * be answered is still the same, the answer is 304 and empty; contents are
 * not even read then.
 *
 */
export type IfNoneMatch = string;
/**
 * Exactly `true` or `false`. True erases along the later turns of the same
 * owner that follow the response by their `previous_response_id`, and those
 * that follow them: all of them or nothing, with one receipt. Where a part
 * of any of them is held, or there are more than 1,000, nothing is erased
 * (409). Without an index that leads to them, they are looked for among the
 * 5,000 requests that the owner has made since; the receipt says
 * `later_turns` where that was not all.
 *
 */
export type IncludeLaterTurns = boolean;
/**
 * `omit` leaves the contents out: `body` is then empty, `response_body`
 * and `error` are null, and a large prompt is not even read.
 *
 */
export type Body = 'full' | 'omit';
/**
 * How many responses to pass over. A negative number counts as 0.
 */
export type Skip = number;
/**
 * How many to return at most. Brought into the range 1 to 101, never refused for being outside.
 */
export type Limit = number;
/**
 * The `next_cursor` of a page: what follows it. It belongs to
 * that page's filters, order and scope; for another list, or damaged, it
 * is refused (400), and so is a `skip` above 0 beside it. The limit and
 * the kind of count may change from page to page.
 *
 */
export type After = string;
/**
 * How to count what matches. `exact` counts for one second at most, and
 * answers with an estimate after that. `estimate` never counts, `none`
 * leaves the count out. `auto` counts where that costs little and
 * estimates otherwise. `count_kind` tells what came of it.
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
 * States, separated by commas, any of which will do, spelled as in
 * `status`. Given but empty it matches nothing. With `status` given too,
 * both must hold.
 *
 */
export type Statuses = Array<string>;
/**
 * Models, separated by commas. Given but empty it matches nothing.
 */
export type Model = Array<string>;
/**
 * Service tiers, separated by commas: auto, default, flex, priority,
 * background, and what else there may be by now.
 * Given but empty it matches nothing.
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
 * Only responses whose model's server answered with this HTTP status or a higher one.
 */
export type ResponseStatusMin = number;
/**
 * Only responses whose model's server answered with this HTTP status or a lower one.
 */
export type ResponseStatusMax = number;
/**
 * Only responses that took this many milliseconds or more from start to completion.
 */
export type MinDurationMs = number;
/**
 * Exactly `true` or `false`. Only responses with an error recorded, or only those without.
 */
export type HasError = boolean;
/**
 * Only responses of which this or more is known as their `total_cost`. Refused
 * with 400 where costs are kept in another database than responses.
 *
 */
export type MinTotalCost = number;
/**
 * Exactly `true` or `false`. True puts responses that are still at work
 * first: processing, claimed, pending, then the rest. Within each, and
 * with false in all, newest first.
 *
 */
export type ActiveFirst = boolean;
/**
 * Only responses of this user or organization. For those who may read
 * everyone's; refused (400) otherwise. Spelled as `request_id`.
 *
 */
export type MemberId = string;
/**
 * Only responses of users and organizations with exactly this e-mail
 * address, deleted ones included. For those who may read everyone's;
 * refused (400) otherwise. It narrows `member_id` and the active
 * organization, and does not replace them.
 *
 */
export type CreatedByEmail = string;
/**
 * The `next_cursor` of a page: the records that follow it. It belongs to
 * that page's filters; for another list, or damaged, it is refused (400).
 *
 */
export type AccessLogAfter = string;
/**
 * Only records of this response. Spelled as `request_id`.
 */
export type AccessResponseId = string;
/**
 * Only records of responses of this owner, spelled exactly as their `created_by`.
 */
export type AccessOwner = string;
/**
 * Only records of this person. Spelled as `request_id`.
 */
export type AccessedBy = string;
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
         * ETags of earlier answers, separated by commas, or `*`. Where what would
         * be answered is still the same, the answer is 304 and empty; contents are
         * not even read then.
         *
         */
        'If-None-Match'?: string;
        /**
         * The organization to act for. Ignored unless the caller is an active
         * member of it, and where the cookie `dw_active_org` is given.
         *
         */
        'X-Organization-Id'?: string;
    };
    path?: never;
    query?: {
        /**
         * How many responses to pass over. A negative number counts as 0.
         */
        skip?: number;
        /**
         * How many to return at most. Brought into the range 1 to 101, never refused for being outside.
         */
        limit?: number;
        /**
         * The `next_cursor` of a page: what follows it. It belongs to
         * that page's filters, order and scope; for another list, or damaged, it
         * is refused (400), and so is a `skip` above 0 beside it. The limit and
         * the kind of count may change from page to page.
         *
         */
        after?: string;
        /**
         * How to count what matches. `exact` counts for one second at most, and
         * answers with an estimate after that. `estimate` never counts, `none`
         * leaves the count out. `auto` counts where that costs little and
         * estimates otherwise. `count_kind` tells what came of it.
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
         * States, separated by commas, any of which will do, spelled as in
         * `status`. Given but empty it matches nothing. With `status` given too,
         * both must hold.
         *
         */
        statuses?: Array<string>;
        /**
         * Models, separated by commas. Given but empty it matches nothing.
         */
        model?: Array<string>;
        /**
         * Service tiers, separated by commas: auto, default, flex, priority,
         * background, and what else there may be by now.
         * Given but empty it matches nothing.
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
         * Only responses whose model's server answered with this HTTP status or a higher one.
         */
        response_status_min?: number;
        /**
         * Only responses whose model's server answered with this HTTP status or a lower one.
         */
        response_status_max?: number;
        /**
         * Only responses that took this many milliseconds or more from start to completion.
         */
        min_duration_ms?: number;
        /**
         * Exactly `true` or `false`. Only responses with an error recorded, or only those without.
         */
        has_error?: boolean;
        /**
         * Only responses of which this or more is known as their `total_cost`. Refused
         * with 400 where costs are kept in another database than responses.
         *
         */
        min_total_cost?: number;
        /**
         * Exactly `true` or `false`. True puts responses that are still at work
         * first: processing, claimed, pending, then the rest. Within each, and
         * with false in all, newest first.
         *
         */
        active_first?: boolean;
        /**
         * Only responses of this user or organization. For those who may read
         * everyone's; refused (400) otherwise. Spelled as `request_id`.
         *
         */
        member_id?: string;
        /**
         * Only responses of users and organizations with exactly this e-mail
         * address, deleted ones included. For those who may read everyone's;
         * refused (400) otherwise. It narrows `member_id` and the active
         * organization, and does not replace them.
         *
         */
        created_by_email?: string;
    };
    url: '/admin/api/v1/batches/requests';
};
export type ListResponsesErrors = {
    /**
     * The request is not as this document says; `parameter` names what is wrong.
     */
    400: Problem;
    /**
     * Nobody that is known is calling.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent it from another site.
     */
    403: Problem;
    /**
     * This path does not know the method.
     */
    405: Problem;
    /**
     * The request's body is larger than the service reads.
     */
    413: Problem;
    /**
     * The caller has as much of this under way as one caller may have at a time, so that there is some for others; or many keys that are not known are being tried, so that this one could not be looked up. Nothing was done.
     */
    429: Problem;
    /**
     * A fault of the service; its log tells more under the request's id.
     */
    500: Problem;
    /**
     * The database is gone, busy or too slow. Nothing was changed that was not told.
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
         * The organization to act for. Ignored unless the caller is an active
         * member of it, and where the cookie `dw_active_org` is given.
         *
         */
        'X-Organization-Id'?: string;
        /**
         * A name for this request, new for each erasure, 1 to 255 visible ASCII
         * characters. The same caller's repetition of a request begins no second
         * erasure, but is answered with the first as it is by then; another
         * request with the same name is refused (409).
         *
         */
        'Idempotency-Key'?: string;
    };
    path: {
        /**
         * The response's identifier: a UUID with hyphens, as 32 hex digits, in
         * braces, or after `urn:uuid:`, in either case.
         *
         */
        request_id: string;
    };
    query?: {
        /**
         * Exactly `true` or `false`. True erases along the later turns of the same
         * owner that follow the response by their `previous_response_id`, and those
         * that follow them: all of them or nothing, with one receipt. Where a part
         * of any of them is held, or there are more than 1,000, nothing is erased
         * (409). Without an index that leads to them, they are looked for among the
         * 5,000 requests that the owner has made since; the receipt says
         * `later_turns` where that was not all.
         *
         */
        include_later_turns?: boolean;
    };
    url: '/admin/api/v1/batches/requests/{request_id}';
};
export type EraseResponseErrors = {
    /**
     * The request is not as this document says; `parameter` names what is wrong.
     */
    400: Problem;
    /**
     * Nobody that is known is calling.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent it from another site.
     */
    403: Problem;
    /**
     * There is no such thing, or it is not the caller's.
     */
    404: Problem;
    /**
     * This path does not know the method.
     */
    405: Problem;
    /**
     * A hold keeps it from being erased; those who may see holds are told which.
     * Or the database refuses to delete it, as with a trigger or a constraint of
     * its operator's; the log of the service tells more under the request's id. Or,
     * with `include_later_turns`, there are more later turns than are erased along.
     * Or the Idempotency-Key came with another request, or too long ago. Nothing
     * was erased.
     *
     */
    409: Problem;
    /**
     * The request's body is larger than the service reads.
     */
    413: Problem;
    /**
     * The caller has as much of this under way as one caller may have at a time, so that there is some for others; or many keys that are not known are being tried, so that this one could not be looked up. Nothing was done.
     */
    429: Problem;
    /**
     * A fault of the service; its log tells more under the request's id.
     */
    500: Problem;
    /**
     * The database is gone, busy or too slow. Nothing was changed that was not told.
     */
    503: Problem;
};
export type EraseResponseError = EraseResponseErrors[keyof EraseResponseErrors];
export type EraseResponseResponses = {
    /**
     * It is gone.
     */
    204: void;
};
export type EraseResponseResponse = EraseResponseResponses[keyof EraseResponseResponses];
export type GetResponseData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active
         * member of it, and where the cookie `dw_active_org` is given.
         *
         */
        'X-Organization-Id'?: string;
        /**
         * ETags of earlier answers, separated by commas, or `*`. Where what would
         * be answered is still the same, the answer is 304 and empty; contents are
         * not even read then.
         *
         */
        'If-None-Match'?: string;
    };
    path: {
        /**
         * The response's identifier: a UUID with hyphens, as 32 hex digits, in
         * braces, or after `urn:uuid:`, in either case.
         *
         */
        request_id: string;
    };
    query?: {
        /**
         * `omit` leaves the contents out: `body` is then empty, `response_body`
         * and `error` are null, and a large prompt is not even read.
         *
         */
        body?: 'full' | 'omit';
    };
    url: '/admin/api/v1/batches/requests/{request_id}';
};
export type GetResponseErrors = {
    /**
     * The request is not as this document says; `parameter` names what is wrong.
     */
    400: Problem;
    /**
     * Nobody that is known is calling.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent it from another site.
     */
    403: Problem;
    /**
     * There is no such thing, or it is not the caller's.
     */
    404: Problem;
    /**
     * This path does not know the method.
     */
    405: Problem;
    /**
     * The request's body is larger than the service reads.
     */
    413: Problem;
    /**
     * The caller has as much of this under way as one caller may have at a time, so that there is some for others; or many keys that are not known are being tried, so that this one could not be looked up. Nothing was done.
     */
    429: Problem;
    /**
     * A fault of the service; its log tells more under the request's id.
     */
    500: Problem;
    /**
     * The database is gone, busy or too slow. Nothing was changed that was not told.
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
export type PreviewErasureData = {
    body: ErasureRequest;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active
         * member of it, and where the cookie `dw_active_org` is given.
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
     * The request is not as this document says; `parameter` names what is wrong.
     */
    400: Problem;
    /**
     * Nobody that is known is calling.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent it from another site.
     */
    403: Problem;
    /**
     * This path does not know the method.
     */
    405: Problem;
    /**
     * The request's body is larger than the service reads.
     */
    413: Problem;
    /**
     * The request's body is not said to be JSON.
     */
    415: Problem;
    /**
     * The caller has as much of this under way as one caller may have at a time, so that there is some for others; or many keys that are not known are being tried, so that this one could not be looked up. Nothing was done.
     */
    429: Problem;
    /**
     * A fault of the service; its log tells more under the request's id.
     */
    500: Problem;
    /**
     * The database is gone, busy or too slow. Nothing was changed that was not told.
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
         * The organization to act for. Ignored unless the caller is an active
         * member of it, and where the cookie `dw_active_org` is given.
         *
         */
        'X-Organization-Id'?: string;
    };
    path?: never;
    query?: {
        /**
         * What the erasures came from: `bulk`, somebody asked, or `retention`, a
         * rule. Any other word matches nothing.
         *
         */
        trigger?: string;
        /**
         * States, separated by commas, any of which will do: pending, running,
         * finished, canceled, failed. Any other word matches nothing, and neither
         * does an empty list.
         *
         */
        state?: Array<string>;
        /**
         * How many to return at most. Brought into the range 1 to 101, never refused for being outside.
         */
        limit?: number;
        /**
         * The `next_cursor` of a page: what follows it. It belongs to
         * that page's filters, order and scope; for another list, or damaged, it
         * is refused (400), and so is a `skip` above 0 beside it. The limit and
         * the kind of count may change from page to page.
         *
         */
        after?: string;
    };
    url: '/lethe/api/v1/erasures';
};
export type ListErasuresErrors = {
    /**
     * The request is not as this document says; `parameter` names what is wrong.
     */
    400: Problem;
    /**
     * Nobody that is known is calling.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent it from another site.
     */
    403: Problem;
    /**
     * This path does not know the method.
     */
    405: Problem;
    /**
     * The request's body is larger than the service reads.
     */
    413: Problem;
    /**
     * The caller has as much of this under way as one caller may have at a time, so that there is some for others; or many keys that are not known are being tried, so that this one could not be looked up. Nothing was done.
     */
    429: Problem;
    /**
     * A fault of the service; its log tells more under the request's id.
     */
    500: Problem;
    /**
     * The database is gone, busy or too slow. Nothing was changed that was not told.
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
         * The organization to act for. Ignored unless the caller is an active
         * member of it, and where the cookie `dw_active_org` is given.
         *
         */
        'X-Organization-Id'?: string;
        /**
         * A name for this request, new for each erasure, 1 to 255 visible ASCII
         * characters. The same caller's repetition of a request begins no second
         * erasure, but is answered with the first as it is by then; another
         * request with the same name is refused (409).
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
     * The request is not as this document says; `parameter` names what is wrong.
     */
    400: Problem;
    /**
     * Nobody that is known is calling.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent it from another site.
     */
    403: Problem;
    /**
     * This path does not know the method.
     */
    405: Problem;
    /**
     * It contradicts what was asked before, or what has become of it: the token
     * is of no preview of this request or has expired, what would be erased is
     * no longer what was shown, the Idempotency-Key came with another request,
     * or a retention rule has another version by now, was not tried or has been
     * removed. Nothing was done.
     *
     */
    409: Problem;
    /**
     * The request's body is larger than the service reads.
     */
    413: Problem;
    /**
     * The request's body is not said to be JSON.
     */
    415: Problem;
    /**
     * The caller has as much of this under way as one caller may have at a time, so that there is some for others; or many keys that are not known are being tried, so that this one could not be looked up. Nothing was done.
     */
    429: Problem;
    /**
     * A fault of the service; its log tells more under the request's id.
     */
    500: Problem;
    /**
     * The database is gone, busy or too slow. Nothing was changed that was not told.
     */
    503: Problem;
};
export type StartErasureError = StartErasureErrors[keyof StartErasureErrors];
export type StartErasureResponses = {
    /**
     * It is over; look at its state.
     */
    201: Erasure;
    /**
     * It goes on.
     */
    202: Erasure;
};
export type StartErasureResponse = StartErasureResponses[keyof StartErasureResponses];
export type GetErasureData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active
         * member of it, and where the cookie `dw_active_org` is given.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The erasure's identifier; of `/receipt`, the receipt's, which for a
         * single response is the same. Spelled as `request_id`.
         *
         */
        erasure_id: string;
    };
    query?: never;
    url: '/lethe/api/v1/erasures/{erasure_id}';
};
export type GetErasureErrors = {
    /**
     * The request is not as this document says; `parameter` names what is wrong.
     */
    400: Problem;
    /**
     * Nobody that is known is calling.
     */
    401: Problem;
    /**
     * There is no such thing, or it is not the caller's.
     */
    404: Problem;
    /**
     * This path does not know the method.
     */
    405: Problem;
    /**
     * The request's body is larger than the service reads.
     */
    413: Problem;
    /**
     * The caller has as much of this under way as one caller may have at a time, so that there is some for others; or many keys that are not known are being tried, so that this one could not be looked up. Nothing was done.
     */
    429: Problem;
    /**
     * A fault of the service; its log tells more under the request's id.
     */
    500: Problem;
    /**
     * The database is gone, busy or too slow. Nothing was changed that was not told.
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
         * The organization to act for. Ignored unless the caller is an active
         * member of it, and where the cookie `dw_active_org` is given.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The erasure's identifier; of `/receipt`, the receipt's, which for a
         * single response is the same. Spelled as `request_id`.
         *
         */
        erasure_id: string;
    };
    query?: never;
    url: '/lethe/api/v1/erasures/{erasure_id}/cancel';
};
export type CancelErasureErrors = {
    /**
     * The request is not as this document says; `parameter` names what is wrong.
     */
    400: Problem;
    /**
     * Nobody that is known is calling.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent it from another site.
     */
    403: Problem;
    /**
     * There is no such thing, or it is not the caller's.
     */
    404: Problem;
    /**
     * This path does not know the method.
     */
    405: Problem;
    /**
     * The request's body is larger than the service reads.
     */
    413: Problem;
    /**
     * The caller has as much of this under way as one caller may have at a time, so that there is some for others; or many keys that are not known are being tried, so that this one could not be looked up. Nothing was done.
     */
    429: Problem;
    /**
     * A fault of the service; its log tells more under the request's id.
     */
    500: Problem;
    /**
     * The database is gone, busy or too slow. Nothing was changed that was not told.
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
export type ListErasureReceiptsData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active
         * member of it, and where the cookie `dw_active_org` is given.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The erasure's identifier; of `/receipt`, the receipt's, which for a
         * single response is the same. Spelled as `request_id`.
         *
         */
        erasure_id: string;
    };
    query?: {
        /**
         * How many to return at most. Brought into the range 1 to 101, never refused for being outside.
         */
        limit?: number;
        /**
         * The `next_cursor` of a page: what follows it. It belongs to
         * that page's filters, order and scope; for another list, or damaged, it
         * is refused (400), and so is a `skip` above 0 beside it. The limit and
         * the kind of count may change from page to page.
         *
         */
        after?: string;
    };
    url: '/lethe/api/v1/erasures/{erasure_id}/receipts';
};
export type ListErasureReceiptsErrors = {
    /**
     * The request is not as this document says; `parameter` names what is wrong.
     */
    400: Problem;
    /**
     * Nobody that is known is calling.
     */
    401: Problem;
    /**
     * There is no such thing, or it is not the caller's.
     */
    404: Problem;
    /**
     * This path does not know the method.
     */
    405: Problem;
    /**
     * The request's body is larger than the service reads.
     */
    413: Problem;
    /**
     * The caller has as much of this under way as one caller may have at a time, so that there is some for others; or many keys that are not known are being tried, so that this one could not be looked up. Nothing was done.
     */
    429: Problem;
    /**
     * A fault of the service; its log tells more under the request's id.
     */
    500: Problem;
    /**
     * The database is gone, busy or too slow. Nothing was changed that was not told.
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
         * The organization to act for. Ignored unless the caller is an active
         * member of it, and where the cookie `dw_active_org` is given.
         *
         */
        'X-Organization-Id'?: string;
        /**
         * The last `id` that an earlier stream of the erasure told, which a browser
         * sends by itself. Only `end` has one.
         *
         */
        'Last-Event-ID'?: string;
    };
    path: {
        /**
         * The erasure's identifier; of `/receipt`, the receipt's, which for a
         * single response is the same. Spelled as `request_id`.
         *
         */
        erasure_id: string;
    };
    query?: never;
    url: '/lethe/api/v1/erasures/{erasure_id}/events';
};
export type WatchErasureErrors = {
    /**
     * The request is not as this document says; `parameter` names what is wrong.
     */
    400: Problem;
    /**
     * Nobody that is known is calling.
     */
    401: Problem;
    /**
     * There is no such thing, or it is not the caller's.
     */
    404: Problem;
    /**
     * This path does not know the method.
     */
    405: Problem;
    /**
     * The request's body is larger than the service reads.
     */
    413: Problem;
    /**
     * The caller has as much of this under way as one caller may have at a time, so that there is some for others; or many keys that are not known are being tried, so that this one could not be looked up. Nothing was done.
     */
    429: Problem;
    /**
     * A fault of the service; its log tells more under the request's id.
     */
    500: Problem;
    /**
     * The database is gone, busy or too slow. Nothing was changed that was not told.
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
     * The erasure is over, and `end` has been told (`Last-Event-ID`).
     */
    204: void;
};
export type WatchErasureResponse = WatchErasureResponses[keyof WatchErasureResponses];
export type GetReceiptData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active
         * member of it, and where the cookie `dw_active_org` is given.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The erasure's identifier; of `/receipt`, the receipt's, which for a
         * single response is the same. Spelled as `request_id`.
         *
         */
        erasure_id: string;
    };
    query?: {
        /**
         * A later level: then the receipt is the one that says that the erasure of
         * this receipt has come to it. 404 where it has not. replicated is no
         * standby shows it; vacuumed is out of SQL's reach; rewritten is out of the
         * tables' files; expired is that write-ahead log and backups have run out.
         *
         */
        reached?: 'replicated' | 'vacuumed' | 'rewritten' | 'expired';
    };
    url: '/lethe/api/v1/erasures/{erasure_id}/receipt';
};
export type GetReceiptErrors = {
    /**
     * The request is not as this document says; `parameter` names what is wrong.
     */
    400: Problem;
    /**
     * Nobody that is known is calling.
     */
    401: Problem;
    /**
     * There is no such thing, or it is not the caller's.
     */
    404: Problem;
    /**
     * This path does not know the method.
     */
    405: Problem;
    /**
     * The request's body is larger than the service reads.
     */
    413: Problem;
    /**
     * The caller has as much of this under way as one caller may have at a time, so that there is some for others; or many keys that are not known are being tried, so that this one could not be looked up. Nothing was done.
     */
    429: Problem;
    /**
     * A fault of the service; its log tells more under the request's id.
     */
    500: Problem;
    /**
     * The database is gone, busy or too slow. Nothing was changed that was not told.
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
     * The receipt is there, and no published checkpoint covers it yet. Ask again.
     */
    202: unknown;
};
export type GetReceiptResponse = GetReceiptResponses[keyof GetReceiptResponses];
export type ListAccessLogData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active
         * member of it, and where the cookie `dw_active_org` is given.
         *
         */
        'X-Organization-Id'?: string;
    };
    path?: never;
    query?: {
        /**
         * How many to return at most. Brought into the range 1 to 101, never refused for being outside.
         */
        limit?: number;
        /**
         * The `next_cursor` of a page: the records that follow it. It belongs to
         * that page's filters; for another list, or damaged, it is refused (400).
         *
         */
        after?: string;
        /**
         * Only records of this response. Spelled as `request_id`.
         */
        response_id?: string;
        /**
         * Only records of responses of this owner, spelled exactly as their `created_by`.
         */
        owner?: string;
        /**
         * Only records of this person. Spelled as `request_id`.
         */
        accessed_by?: string;
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
     * The request is not as this document says; `parameter` names what is wrong.
     */
    400: Problem;
    /**
     * Nobody that is known is calling.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent it from another site.
     */
    403: Problem;
    /**
     * This path does not know the method.
     */
    405: Problem;
    /**
     * The request's body is larger than the service reads.
     */
    413: Problem;
    /**
     * The caller has as much of this under way as one caller may have at a time, so that there is some for others; or many keys that are not known are being tried, so that this one could not be looked up. Nothing was done.
     */
    429: Problem;
    /**
     * A fault of the service; its log tells more under the request's id.
     */
    500: Problem;
    /**
     * The database is gone, busy or too slow. Nothing was changed that was not told.
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
export type ListHoldsData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active
         * member of it, and where the cookie `dw_active_org` is given.
         *
         */
        'X-Organization-Id'?: string;
    };
    path?: never;
    query?: {
        /**
         * Exactly `true` or `false`. Only holds that are neither released nor
         * expired, or only those that are.
         *
         */
        active?: boolean;
        /**
         * How many to return at most. Brought into the range 1 to 101, never refused for being outside.
         */
        limit?: number;
        /**
         * The `next_cursor` of a page: what follows it. It belongs to
         * that page's filters, order and scope; for another list, or damaged, it
         * is refused (400), and so is a `skip` above 0 beside it. The limit and
         * the kind of count may change from page to page.
         *
         */
        after?: string;
    };
    url: '/lethe/api/v1/holds';
};
export type ListHoldsErrors = {
    /**
     * The request is not as this document says; `parameter` names what is wrong.
     */
    400: Problem;
    /**
     * Nobody that is known is calling.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent it from another site.
     */
    403: Problem;
    /**
     * This path does not know the method.
     */
    405: Problem;
    /**
     * The request's body is larger than the service reads.
     */
    413: Problem;
    /**
     * The caller has as much of this under way as one caller may have at a time, so that there is some for others; or many keys that are not known are being tried, so that this one could not be looked up. Nothing was done.
     */
    429: Problem;
    /**
     * A fault of the service; its log tells more under the request's id.
     */
    500: Problem;
    /**
     * The database is gone, busy or too slow. Nothing was changed that was not told.
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
         * The organization to act for. Ignored unless the caller is an active
         * member of it, and where the cookie `dw_active_org` is given.
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
     * The request is not as this document says; `parameter` names what is wrong.
     */
    400: Problem;
    /**
     * Nobody that is known is calling.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent it from another site.
     */
    403: Problem;
    /**
     * This path does not know the method.
     */
    405: Problem;
    /**
     * The request's body is larger than the service reads.
     */
    413: Problem;
    /**
     * The request's body is not said to be JSON.
     */
    415: Problem;
    /**
     * The caller has as much of this under way as one caller may have at a time, so that there is some for others; or many keys that are not known are being tried, so that this one could not be looked up. Nothing was done.
     */
    429: Problem;
    /**
     * A fault of the service; its log tells more under the request's id.
     */
    500: Problem;
    /**
     * The database is gone, busy or too slow. Nothing was changed that was not told.
     */
    503: Problem;
};
export type PlaceHoldError = PlaceHoldErrors[keyof PlaceHoldErrors];
export type PlaceHoldResponses = {
    /**
     * It is held.
     */
    201: Hold;
};
export type PlaceHoldResponse = PlaceHoldResponses[keyof PlaceHoldResponses];
export type ReleaseHoldData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active
         * member of it, and where the cookie `dw_active_org` is given.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The hold's identifier. Spelled as `request_id`.
         */
        hold_id: string;
    };
    query?: never;
    url: '/lethe/api/v1/holds/{hold_id}';
};
export type ReleaseHoldErrors = {
    /**
     * The request is not as this document says; `parameter` names what is wrong.
     */
    400: Problem;
    /**
     * Nobody that is known is calling.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent it from another site.
     */
    403: Problem;
    /**
     * There is no such thing, or it is not the caller's.
     */
    404: Problem;
    /**
     * This path does not know the method.
     */
    405: Problem;
    /**
     * The request's body is larger than the service reads.
     */
    413: Problem;
    /**
     * The caller has as much of this under way as one caller may have at a time, so that there is some for others; or many keys that are not known are being tried, so that this one could not be looked up. Nothing was done.
     */
    429: Problem;
    /**
     * A fault of the service; its log tells more under the request's id.
     */
    500: Problem;
    /**
     * The database is gone, busy or too slow. Nothing was changed that was not told.
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
         * The organization to act for. Ignored unless the caller is an active
         * member of it, and where the cookie `dw_active_org` is given.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The hold's identifier. Spelled as `request_id`.
         */
        hold_id: string;
    };
    query?: never;
    url: '/lethe/api/v1/holds/{hold_id}';
};
export type GetHoldErrors = {
    /**
     * The request is not as this document says; `parameter` names what is wrong.
     */
    400: Problem;
    /**
     * Nobody that is known is calling.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent it from another site.
     */
    403: Problem;
    /**
     * There is no such thing, or it is not the caller's.
     */
    404: Problem;
    /**
     * This path does not know the method.
     */
    405: Problem;
    /**
     * The request's body is larger than the service reads.
     */
    413: Problem;
    /**
     * The caller has as much of this under way as one caller may have at a time, so that there is some for others; or many keys that are not known are being tried, so that this one could not be looked up. Nothing was done.
     */
    429: Problem;
    /**
     * A fault of the service; its log tells more under the request's id.
     */
    500: Problem;
    /**
     * The database is gone, busy or too slow. Nothing was changed that was not told.
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
export type ListRetentionRulesData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active
         * member of it, and where the cookie `dw_active_org` is given.
         *
         */
        'X-Organization-Id'?: string;
    };
    path?: never;
    query?: {
        /**
         * Exactly `true` or `false`. Those rules that have been removed, or, as
         * without it, those that have not.
         *
         */
        removed?: boolean;
        /**
         * How many to return at most. Brought into the range 1 to 101, never refused for being outside.
         */
        limit?: number;
        /**
         * The `next_cursor` of a page: what follows it. It belongs to
         * that page's filters, order and scope; for another list, or damaged, it
         * is refused (400), and so is a `skip` above 0 beside it. The limit and
         * the kind of count may change from page to page.
         *
         */
        after?: string;
    };
    url: '/lethe/api/v1/retention-rules';
};
export type ListRetentionRulesErrors = {
    /**
     * The request is not as this document says; `parameter` names what is wrong.
     */
    400: Problem;
    /**
     * Nobody that is known is calling.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent it from another site.
     */
    403: Problem;
    /**
     * This path does not know the method.
     */
    405: Problem;
    /**
     * The request's body is larger than the service reads.
     */
    413: Problem;
    /**
     * The caller has as much of this under way as one caller may have at a time, so that there is some for others; or many keys that are not known are being tried, so that this one could not be looked up. Nothing was done.
     */
    429: Problem;
    /**
     * A fault of the service; its log tells more under the request's id.
     */
    500: Problem;
    /**
     * The database is gone, busy or too slow. Nothing was changed that was not told.
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
         * The organization to act for. Ignored unless the caller is an active
         * member of it, and where the cookie `dw_active_org` is given.
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
     * The request is not as this document says; `parameter` names what is wrong.
     */
    400: Problem;
    /**
     * Nobody that is known is calling.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent it from another site.
     */
    403: Problem;
    /**
     * This path does not know the method.
     */
    405: Problem;
    /**
     * The request's body is larger than the service reads.
     */
    413: Problem;
    /**
     * The request's body is not said to be JSON.
     */
    415: Problem;
    /**
     * The caller has as much of this under way as one caller may have at a time, so that there is some for others; or many keys that are not known are being tried, so that this one could not be looked up. Nothing was done.
     */
    429: Problem;
    /**
     * A fault of the service; its log tells more under the request's id.
     */
    500: Problem;
    /**
     * The database is gone, busy or too slow. Nothing was changed that was not told.
     */
    503: Problem;
};
export type CreateRetentionRuleError = CreateRetentionRuleErrors[keyof CreateRetentionRuleErrors];
export type CreateRetentionRuleResponses = {
    /**
     * It is stored.
     */
    201: RetentionRule;
};
export type CreateRetentionRuleResponse = CreateRetentionRuleResponses[keyof CreateRetentionRuleResponses];
export type RemoveRetentionRuleData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active
         * member of it, and where the cookie `dw_active_org` is given.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The rule's identifier. Spelled as `request_id`.
         */
        rule_id: string;
    };
    query?: never;
    url: '/lethe/api/v1/retention-rules/{rule_id}';
};
export type RemoveRetentionRuleErrors = {
    /**
     * The request is not as this document says; `parameter` names what is wrong.
     */
    400: Problem;
    /**
     * Nobody that is known is calling.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent it from another site.
     */
    403: Problem;
    /**
     * There is no such thing, or it is not the caller's.
     */
    404: Problem;
    /**
     * This path does not know the method.
     */
    405: Problem;
    /**
     * The request's body is larger than the service reads.
     */
    413: Problem;
    /**
     * The caller has as much of this under way as one caller may have at a time, so that there is some for others; or many keys that are not known are being tried, so that this one could not be looked up. Nothing was done.
     */
    429: Problem;
    /**
     * A fault of the service; its log tells more under the request's id.
     */
    500: Problem;
    /**
     * The database is gone, busy or too slow. Nothing was changed that was not told.
     */
    503: Problem;
};
export type RemoveRetentionRuleError = RemoveRetentionRuleErrors[keyof RemoveRetentionRuleErrors];
export type RemoveRetentionRuleResponses = {
    /**
     * It is removed.
     */
    204: void;
};
export type RemoveRetentionRuleResponse = RemoveRetentionRuleResponses[keyof RemoveRetentionRuleResponses];
export type GetRetentionRuleData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active
         * member of it, and where the cookie `dw_active_org` is given.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The rule's identifier. Spelled as `request_id`.
         */
        rule_id: string;
    };
    query?: never;
    url: '/lethe/api/v1/retention-rules/{rule_id}';
};
export type GetRetentionRuleErrors = {
    /**
     * The request is not as this document says; `parameter` names what is wrong.
     */
    400: Problem;
    /**
     * Nobody that is known is calling.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent it from another site.
     */
    403: Problem;
    /**
     * There is no such thing, or it is not the caller's.
     */
    404: Problem;
    /**
     * This path does not know the method.
     */
    405: Problem;
    /**
     * The request's body is larger than the service reads.
     */
    413: Problem;
    /**
     * The caller has as much of this under way as one caller may have at a time, so that there is some for others; or many keys that are not known are being tried, so that this one could not be looked up. Nothing was done.
     */
    429: Problem;
    /**
     * A fault of the service; its log tells more under the request's id.
     */
    500: Problem;
    /**
     * The database is gone, busy or too slow. Nothing was changed that was not told.
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
         * The organization to act for. Ignored unless the caller is an active
         * member of it, and where the cookie `dw_active_org` is given.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The rule's identifier. Spelled as `request_id`.
         */
        rule_id: string;
    };
    query?: never;
    url: '/lethe/api/v1/retention-rules/{rule_id}';
};
export type ChangeRetentionRuleErrors = {
    /**
     * The request is not as this document says; `parameter` names what is wrong.
     */
    400: Problem;
    /**
     * Nobody that is known is calling.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent it from another site.
     */
    403: Problem;
    /**
     * There is no such thing, or it is not the caller's.
     */
    404: Problem;
    /**
     * This path does not know the method.
     */
    405: Problem;
    /**
     * It contradicts what was asked before, or what has become of it: the token
     * is of no preview of this request or has expired, what would be erased is
     * no longer what was shown, the Idempotency-Key came with another request,
     * or a retention rule has another version by now, was not tried or has been
     * removed. Nothing was done.
     *
     */
    409: Problem;
    /**
     * The request's body is larger than the service reads.
     */
    413: Problem;
    /**
     * The request's body is not said to be JSON.
     */
    415: Problem;
    /**
     * The caller has as much of this under way as one caller may have at a time, so that there is some for others; or many keys that are not known are being tried, so that this one could not be looked up. Nothing was done.
     */
    429: Problem;
    /**
     * A fault of the service; its log tells more under the request's id.
     */
    500: Problem;
    /**
     * The database is gone, busy or too slow. Nothing was changed that was not told.
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
         * The organization to act for. Ignored unless the caller is an active
         * member of it, and where the cookie `dw_active_org` is given.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The rule's identifier. Spelled as `request_id`.
         */
        rule_id: string;
        /**
         * A version of the rule, from 1 on.
         */
        version: number;
    };
    query?: never;
    url: '/lethe/api/v1/retention-rules/{rule_id}/versions/{version}';
};
export type GetRetentionRuleVersionErrors = {
    /**
     * The request is not as this document says; `parameter` names what is wrong.
     */
    400: Problem;
    /**
     * Nobody that is known is calling.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent it from another site.
     */
    403: Problem;
    /**
     * There is no such thing, or it is not the caller's.
     */
    404: Problem;
    /**
     * This path does not know the method.
     */
    405: Problem;
    /**
     * The request's body is larger than the service reads.
     */
    413: Problem;
    /**
     * The caller has as much of this under way as one caller may have at a time, so that there is some for others; or many keys that are not known are being tried, so that this one could not be looked up. Nothing was done.
     */
    429: Problem;
    /**
     * A fault of the service; its log tells more under the request's id.
     */
    500: Problem;
    /**
     * The database is gone, busy or too slow. Nothing was changed that was not told.
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
         * The organization to act for. Ignored unless the caller is an active
         * member of it, and where the cookie `dw_active_org` is given.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The rule's identifier. Spelled as `request_id`.
         */
        rule_id: string;
    };
    query?: never;
    url: '/lethe/api/v1/retention-rules/{rule_id}/dry-run';
};
export type DryRunRetentionRuleErrors = {
    /**
     * The request is not as this document says; `parameter` names what is wrong.
     */
    400: Problem;
    /**
     * Nobody that is known is calling.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent it from another site.
     */
    403: Problem;
    /**
     * There is no such thing, or it is not the caller's.
     */
    404: Problem;
    /**
     * This path does not know the method.
     */
    405: Problem;
    /**
     * It contradicts what was asked before, or what has become of it: the token
     * is of no preview of this request or has expired, what would be erased is
     * no longer what was shown, the Idempotency-Key came with another request,
     * or a retention rule has another version by now, was not tried or has been
     * removed. Nothing was done.
     *
     */
    409: Problem;
    /**
     * The request's body is larger than the service reads.
     */
    413: Problem;
    /**
     * The caller has as much of this under way as one caller may have at a time, so that there is some for others; or many keys that are not known are being tried, so that this one could not be looked up. Nothing was done.
     */
    429: Problem;
    /**
     * A fault of the service; its log tells more under the request's id.
     */
    500: Problem;
    /**
     * The database is gone, busy or too slow. Nothing was changed that was not told.
     */
    503: Problem;
};
export type DryRunRetentionRuleError = DryRunRetentionRuleErrors[keyof DryRunRetentionRuleErrors];
export type DryRunRetentionRuleResponses = {
    /**
     * The rule with what was counted.
     */
    200: RetentionRule;
};
export type DryRunRetentionRuleResponse = DryRunRetentionRuleResponses[keyof DryRunRetentionRuleResponses];
export type EnableRetentionRuleData = {
    body: EnabledVersion;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active
         * member of it, and where the cookie `dw_active_org` is given.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The rule's identifier. Spelled as `request_id`.
         */
        rule_id: string;
    };
    query?: never;
    url: '/lethe/api/v1/retention-rules/{rule_id}/enable';
};
export type EnableRetentionRuleErrors = {
    /**
     * The request is not as this document says; `parameter` names what is wrong.
     */
    400: Problem;
    /**
     * Nobody that is known is calling.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent it from another site.
     */
    403: Problem;
    /**
     * There is no such thing, or it is not the caller's.
     */
    404: Problem;
    /**
     * This path does not know the method.
     */
    405: Problem;
    /**
     * It contradicts what was asked before, or what has become of it: the token
     * is of no preview of this request or has expired, what would be erased is
     * no longer what was shown, the Idempotency-Key came with another request,
     * or a retention rule has another version by now, was not tried or has been
     * removed. Nothing was done.
     *
     */
    409: Problem;
    /**
     * The request's body is larger than the service reads.
     */
    413: Problem;
    /**
     * The request's body is not said to be JSON.
     */
    415: Problem;
    /**
     * The caller has as much of this under way as one caller may have at a time, so that there is some for others; or many keys that are not known are being tried, so that this one could not be looked up. Nothing was done.
     */
    429: Problem;
    /**
     * A fault of the service; its log tells more under the request's id.
     */
    500: Problem;
    /**
     * The database is gone, busy or too slow. Nothing was changed that was not told.
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
export type DisableRetentionRuleData = {
    body?: never;
    headers?: {
        /**
         * The organization to act for. Ignored unless the caller is an active
         * member of it, and where the cookie `dw_active_org` is given.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The rule's identifier. Spelled as `request_id`.
         */
        rule_id: string;
    };
    query?: never;
    url: '/lethe/api/v1/retention-rules/{rule_id}/disable';
};
export type DisableRetentionRuleErrors = {
    /**
     * The request is not as this document says; `parameter` names what is wrong.
     */
    400: Problem;
    /**
     * Nobody that is known is calling.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent it from another site.
     */
    403: Problem;
    /**
     * There is no such thing, or it is not the caller's.
     */
    404: Problem;
    /**
     * This path does not know the method.
     */
    405: Problem;
    /**
     * The request's body is larger than the service reads.
     */
    413: Problem;
    /**
     * The caller has as much of this under way as one caller may have at a time, so that there is some for others; or many keys that are not known are being tried, so that this one could not be looked up. Nothing was done.
     */
    429: Problem;
    /**
     * A fault of the service; its log tells more under the request's id.
     */
    500: Problem;
    /**
     * The database is gone, busy or too slow. Nothing was changed that was not told.
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
         * The organization to act for. Ignored unless the caller is an active
         * member of it, and where the cookie `dw_active_org` is given.
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
     * The request is not as this document says; `parameter` names what is wrong.
     */
    400: Problem;
    /**
     * Nobody that is known is calling.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent it from another site.
     */
    403: Problem;
    /**
     * There is no such thing, or it is not the caller's.
     */
    404: Problem;
    /**
     * This path does not know the method.
     */
    405: Problem;
    /**
     * The request's body is larger than the service reads.
     */
    413: Problem;
    /**
     * The caller has as much of this under way as one caller may have at a time, so that there is some for others; or many keys that are not known are being tried, so that this one could not be looked up. Nothing was done.
     */
    429: Problem;
    /**
     * A fault of the service; its log tells more under the request's id.
     */
    500: Problem;
    /**
     * The database is gone, busy or too slow. Nothing was changed that was not told.
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
         * The organization to act for. Ignored unless the caller is an active
         * member of it, and where the cookie `dw_active_org` is given.
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
     * The request is not as this document says; `parameter` names what is wrong.
     */
    400: Problem;
    /**
     * Nobody that is known is calling.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent it from another site.
     */
    403: Problem;
    /**
     * This path does not know the method.
     */
    405: Problem;
    /**
     * The request's body is larger than the service reads.
     */
    413: Problem;
    /**
     * The caller has as much of this under way as one caller may have at a time, so that there is some for others; or many keys that are not known are being tried, so that this one could not be looked up. Nothing was done.
     */
    429: Problem;
    /**
     * A fault of the service; its log tells more under the request's id.
     */
    500: Problem;
    /**
     * The database is gone, busy or too slow. Nothing was changed that was not told.
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
         * The organization to act for. Ignored unless the caller is an active
         * member of it, and where the cookie `dw_active_org` is given.
         *
         */
        'X-Organization-Id'?: string;
    };
    path: {
        /**
         * The level of the tile, 0 to 63 without leading zeroes, or `entries`.
         */
        level: string;
        /**
         * The index of the tile in its level, in elements of three digits, all but
         * the last after an `x`: 1234067 is `x001/x234/067`. A tile of less than
         * 256 has `.p/` and its width after that. The slashes are part of the
         * path; they may be percent-encoded, too.
         *
         */
        index: string;
    };
    query?: never;
    url: '/log/tile/{level}/{index}';
};
export type GetTileErrors = {
    /**
     * The request is not as this document says; `parameter` names what is wrong.
     */
    400: Problem;
    /**
     * Nobody that is known is calling.
     */
    401: Problem;
    /**
     * The caller has no role that allows this, or a browser sent it from another site.
     */
    403: Problem;
    /**
     * There is no such thing, or it is not the caller's.
     */
    404: Problem;
    /**
     * This path does not know the method.
     */
    405: Problem;
    /**
     * The request's body is larger than the service reads.
     */
    413: Problem;
    /**
     * The caller has as much of this under way as one caller may have at a time, so that there is some for others; or many keys that are not known are being tried, so that this one could not be looked up. Nothing was done.
     */
    429: Problem;
    /**
     * A fault of the service; its log tells more under the request's id.
     */
    500: Problem;
    /**
     * The database is gone, busy or too slow. Nothing was changed that was not told.
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
