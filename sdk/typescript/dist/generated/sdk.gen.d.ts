import type { Client, Options as Options2, TDataShape } from './client/index.js';
import type { CancelErasureData, CancelErasureErrors, CancelErasureResponses, ChangeRetentionRuleData, ChangeRetentionRuleErrors, ChangeRetentionRuleResponses, CreateRetentionRuleData, CreateRetentionRuleErrors, CreateRetentionRuleResponses, DisableRetentionRuleData, DisableRetentionRuleErrors, DisableRetentionRuleResponses, DryRunRetentionRuleData, DryRunRetentionRuleErrors, DryRunRetentionRuleResponses, EnableRetentionRuleData, EnableRetentionRuleErrors, EnableRetentionRuleResponses, EraseResponseData, EraseResponseErrors, EraseResponseResponses, GetCheckpointData, GetCheckpointErrors, GetCheckpointResponses, GetErasureData, GetErasureErrors, GetErasureResponses, GetHoldData, GetHoldErrors, GetHoldResponses, GetLogKeysData, GetLogKeysErrors, GetLogKeysResponses, GetReceiptData, GetReceiptErrors, GetReceiptResponses, GetResponseData, GetResponseErrors, GetResponseResponses, GetRetentionRuleData, GetRetentionRuleErrors, GetRetentionRuleResponses, GetRetentionRuleVersionData, GetRetentionRuleVersionErrors, GetRetentionRuleVersionResponses, GetTileData, GetTileErrors, GetTileResponses, ListAccessLogData, ListAccessLogErrors, ListAccessLogResponses, ListErasureReceiptsData, ListErasureReceiptsErrors, ListErasureReceiptsResponses, ListErasuresData, ListErasuresErrors, ListErasuresResponses, ListHoldsData, ListHoldsErrors, ListHoldsResponses, ListResponsesData, ListResponsesErrors, ListResponsesResponses, ListRetentionRulesData, ListRetentionRulesErrors, ListRetentionRulesResponses, PlaceHoldData, PlaceHoldErrors, PlaceHoldResponses, PreviewErasureData, PreviewErasureErrors, PreviewErasureResponses, ReleaseHoldData, ReleaseHoldErrors, ReleaseHoldResponses, RemoveRetentionRuleData, RemoveRetentionRuleErrors, RemoveRetentionRuleResponses, StartErasureData, StartErasureErrors, StartErasureResponses, WatchErasureData, WatchErasureErrors, WatchErasureResponses } from './types.gen.js';
export type Options<TData extends TDataShape = TDataShape, ThrowOnError extends boolean = boolean> = Options2<TData, ThrowOnError> & {
    /**
     * You can provide a client instance returned by `createClient()` instead of
     * individual options. This might be also useful if you want to implement a
     * custom client.
     */
    client: Client;
    /**
     * You can pass arbitrary values through the `meta` object. This can be
     * used to access values that aren't defined as part of the SDK function.
     */
    meta?: Record<string, unknown>;
};
/**
 * List responses
 *
 * One page of the responses that the caller may see: those of `member_id`
 * where given, else those of the active organization, else everyone's for
 * administrators and platform managers, else the caller's own. A response
 * is shown when it passes every filter that is given.
 *
 * To go through a whole list, pass each page's `next_cursor` as `after`
 * of the next request, with the same filters and order, until `has_more`
 * is false. A response that keeps its state comes exactly once, whatever
 * is created, changed or erased meanwhile.
 *
 * Parameters that are not known are passed over, as the reference does,
 * and words of `status`, `statuses` and `service_tiers` that nothing has
 * match nothing. `Unknown-Parameters` of the answer names both.
 *
 */
export declare const listResponses: <ThrowOnError extends boolean = false>(options: Options<ListResponsesData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<ListResponsesResponses, ListResponsesErrors, ThrowOnError, "fields">;
/**
 * Erase a response
 *
 * Erases the whole response, all at once or not at all: every request and
 * step of its chain, their prompts, and raw copies in the gateway's log
 * and task queue where these are in the same database. Usage and credit
 * records stay, they are billing. A chain with a part that the caller may
 * not erase is answered exactly as a missing one; one with a part that is
 * held, or that the database refuses to delete, is not erased (409).
 *
 * Later turns, whose prompts say with `previous_response_id` that they
 * follow it, quote what it answered. They stay, unless
 * `include_later_turns` is true.
 *
 * With an `Idempotency-Key` that is hard to guess, an answer that was lost
 * is had again: for a day the same caller's repetition at this path is
 * answered with the same receipt and salt, and after that with 409. With
 * another `include_later_turns` it is another request: 409.
 *
 */
export declare const eraseResponse: <ThrowOnError extends boolean = false>(options: Options<EraseResponseData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<EraseResponseResponses, EraseResponseErrors, ThrowOnError, "fields">;
/**
 * Fetch a response
 *
 * One response with its prompt and answer. A response of somebody else is
 * answered exactly as a missing one.
 *
 * Where those who may read everyone's are shown contents of somebody
 * else's, that is on record (`listAccessLog`) before they are shown; where it
 * cannot be recorded, the answer is 503. With `body=omit`, and with 304,
 * no contents are shown and nothing is recorded. HEAD counts as GET.
 *
 */
export declare const getResponse: <ThrowOnError extends boolean = false>(options: Options<GetResponseData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<GetResponseResponses, GetResponseErrors, ThrowOnError, "fields">;
/**
 * Preview an erasure
 *
 * Counts what erasing these responses would come to, and erases nothing.
 * Exactly one of `responses`, `owner` and `filter` is given. The token
 * binds an erasure to what was counted, for a quarter of an hour. For
 * those who may erase; responses that are not the caller's to erase are
 * counted as not found, just as those that are not there.
 *
 */
export declare const previewErasure: <ThrowOnError extends boolean = false>(options: Options<PreviewErasureData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<PreviewErasureResponses, PreviewErasureErrors, ThrowOnError, "fields">;
/**
 * List erasures
 *
 * One page of the bulk erasures, newest first: everyone's for those who
 * may erase everyone's, else those that the caller has asked for. To go
 * through all, pass each page's `next_cursor` as `after` of the next
 * request, with the same filters.
 *
 */
export declare const listErasures: <ThrowOnError extends boolean = false>(options: Options<ListErasuresData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<ListErasuresResponses, ListErasuresErrors, ThrowOnError, "fields">;
/**
 * Erase many responses
 *
 * Erases what is named, in parts: each is one transaction that erases
 * whole responses with all that `eraseResponse` says, and leaves a receipt
 * of its own. Up to 100 responses that are named are erased before the
 * answer (201); all else goes on in the background (202). What is not the
 * caller's to erase is reported as not found, what is held as held, and
 * neither keeps the rest from being erased.
 *
 * An `owner` or a `filter` needs the token of a preview of the same
 * request by the same caller; where anything was added to or taken from
 * what it counted, the answer is 409 and nothing is erased. A `filter`
 * leaves what is created after the preview. With an `owner`, what comes
 * while it is erased is erased too, until none is left, and what is left
 * is looked for once more a day later.
 *
 */
export declare const startErasure: <ThrowOnError extends boolean = false>(options: Options<StartErasureData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<StartErasureResponses, StartErasureErrors, ThrowOnError, "fields">;
/**
 * Fetch an erasure
 *
 * One bulk erasure, and how far it has come. It is for who asked for
 * it, and for those who may erase everyone's; for all others there is
 * none. A day after it was over, its target, its failures and its salt are
 * forgotten.
 *
 */
export declare const getErasure: <ThrowOnError extends boolean = false>(options: Options<GetErasureData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<GetErasureResponses, GetErasureErrors, ThrowOnError, "fields">;
/**
 * Cancel an erasure
 *
 * Ends the erasure: when this has been answered, nothing more is erased by
 * it. What is gone stays gone, with its receipts. One that is over stays as
 * it was, but is not verified any more. For those who may see it.
 *
 */
export declare const cancelErasure: <ThrowOnError extends boolean = false>(options: Options<CancelErasureData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<CancelErasureResponses, CancelErasureErrors, ThrowOnError, "fields">;
/**
 * List the receipts of an erasure
 *
 * One page of the receipts that the erasure has left so far, newest first.
 * For those who may see it. To go through all, pass each page's
 * `next_cursor` as `after` of the next request.
 *
 */
export declare const listErasureReceipts: <ThrowOnError extends boolean = false>(options: Options<ListErasureReceiptsData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<ListErasureReceiptsResponses, ListErasureReceiptsErrors, ThrowOnError, "fields">;
/**
 * Watch an erasure
 *
 * Server-sent events: `progress` with the erasure, as `getErasure` answers
 * it, at once and when it has changed, looked at once a second; when it is
 * over, `end` with the same, and nothing after that. A stream ends after
 * ten minutes, or with the service, without `end`; open it again for what
 * is so by then. Who opens it again after `end`, as a browser does, is
 * answered with 204 and need not ask any more. Lines that begin with a
 * colon only keep the connection. For those who may see the erasure. 503
 * where too many streams are open; ask for the erasure itself then.
 *
 */
export declare const watchErasure: <ThrowOnError extends boolean = false>(options: Options<WatchErasureData, ThrowOnError>) => Promise<import("./core/serverSentEvents.gen.js").ServerSentEventsResult<WatchErasureResponses, WatchErasureErrors>>;
/**
 * Fetch the receipt of an erasure
 *
 * One file that proves the erasure offline: the receipt, the proof that it
 * is a leaf of the log, and a signed checkpoint of the log (C2SP
 * tlog-proof, the receipt as extra data). `lethe verify` checks it. It is
 * for who asked for the erasure, and for those who may erase everyone's;
 * for all others there is none.
 *
 */
export declare const getReceipt: <ThrowOnError extends boolean = false>(options: Options<GetReceiptData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<GetReceiptResponses, GetReceiptErrors, ThrowOnError, "fields">;
/**
 * List the access log
 *
 * One page of the records of who was shown the contents of responses that
 * were not their own, newest first, for administrators. A record is shown
 * when it passes every filter that is given. Records go with the response
 * that they are about, and when their time is over.
 *
 * To go through a whole list, pass each page's `next_cursor` as `after`
 * of the next request, with the same filters, until `has_more` is false.
 *
 */
export declare const listAccessLog: <ThrowOnError extends boolean = false>(options: Options<ListAccessLogData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<ListAccessLogResponses, ListAccessLogErrors, ThrowOnError, "fields">;
/**
 * List holds
 *
 * One page of the holds, newest first, released and expired ones too. For
 * administrators and platform managers. To go through all, pass each
 * page's `next_cursor` as `after` of the next request.
 *
 */
export declare const listHolds: <ThrowOnError extends boolean = false>(options: Options<ListHoldsData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<ListHoldsResponses, ListHoldsErrors, ThrowOnError, "fields">;
/**
 * Place a hold
 *
 * Keeps what it covers from being erased by anyone or anything, until it is
 * released or expires. Exactly one of `responses`, `owners` and `filter`
 * is given. What is to be held need not be there yet. When this has been
 * answered, nothing that it covers is erased any more. For administrators
 * and platform managers.
 *
 */
export declare const placeHold: <ThrowOnError extends boolean = false>(options: Options<PlaceHoldData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<PlaceHoldResponses, PlaceHoldErrors, ThrowOnError, "fields">;
/**
 * Release a hold
 *
 * Ends the hold. It stays as a record of who held what, and is never
 * removed; one that has been released already stays as it is. For
 * administrators and platform managers.
 *
 */
export declare const releaseHold: <ThrowOnError extends boolean = false>(options: Options<ReleaseHoldData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<ReleaseHoldResponses, ReleaseHoldErrors, ThrowOnError, "fields">;
/**
 * Fetch a hold
 *
 * One hold, a released or expired one too. For administrators and platform managers.
 */
export declare const getHold: <ThrowOnError extends boolean = false>(options: Options<GetHoldData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<GetHoldResponses, GetHoldErrors, ThrowOnError, "fields">;
/**
 * List retention rules
 *
 * One page of the rules, newest first. For administrators and platform
 * managers. To go through all, pass each page's `next_cursor` as `after` of the
 * next request.
 *
 */
export declare const listRetentionRules: <ThrowOnError extends boolean = false>(options: Options<ListRetentionRulesData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<ListRetentionRulesResponses, ListRetentionRulesErrors, ThrowOnError, "fields">;
/**
 * Create a retention rule
 *
 * A rule erases responses that are older than it says, at set times of the day.
 * A new one is not enabled and erases nothing: it needs a dry run first, and
 * then to be enabled. For administrators and platform managers.
 *
 */
export declare const createRetentionRule: <ThrowOnError extends boolean = false>(options: Options<CreateRetentionRuleData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<CreateRetentionRuleResponses, CreateRetentionRuleErrors, ThrowOnError, "fields">;
/**
 * Remove a retention rule
 *
 * The rule never runs again, and a run that is not over is canceled. It stays as a
 * record, with all its versions, as receipts name them; one that has been removed
 * already stays as it is. For administrators and platform managers.
 *
 */
export declare const removeRetentionRule: <ThrowOnError extends boolean = false>(options: Options<RemoveRetentionRuleData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<RemoveRetentionRuleResponses, RemoveRetentionRuleErrors, ThrowOnError, "fields">;
/**
 * Fetch a retention rule
 *
 * One rule, a removed one too. For administrators and platform managers.
 *
 */
export declare const getRetentionRule: <ThrowOnError extends boolean = false>(options: Options<GetRetentionRuleData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<GetRetentionRuleResponses, GetRetentionRuleErrors, ThrowOnError, "fields">;
/**
 * Change a retention rule
 *
 * Puts what is given in the place of what the rule says: what is left out is not
 * kept. It becomes the next version of the rule, which is not enabled and needs a
 * dry run of its own. A run of an earlier version is canceled, and erases nothing
 * more when this has been answered. `version` is the one that was changed: where
 * the rule has another by now, the answer is 409 and nothing is changed. For
 * administrators and platform managers.
 *
 */
export declare const changeRetentionRule: <ThrowOnError extends boolean = false>(options: Options<ChangeRetentionRuleData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<ChangeRetentionRuleResponses, ChangeRetentionRuleErrors, ThrowOnError, "fields">;
/**
 * Fetch a version of a retention rule
 *
 * What the rule says or once said. Receipts of its runs name the version. For
 * administrators and platform managers.
 *
 */
export declare const getRetentionRuleVersion: <ThrowOnError extends boolean = false>(options: Options<GetRetentionRuleVersionData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<GetRetentionRuleVersionResponses, GetRetentionRuleVersionErrors, ThrowOnError, "fields">;
/**
 * Try a retention rule
 *
 * Counts what runs of the rule would erase in all if they ran now, and keeps that
 * with the rule. Nothing is erased. A response of several steps is counted where
 * any of them is old enough, and erased where all of them are. For administrators
 * and platform managers.
 *
 */
export declare const dryRunRetentionRule: <ThrowOnError extends boolean = false>(options: Options<DryRunRetentionRuleData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<DryRunRetentionRuleResponses, DryRunRetentionRuleErrors, ThrowOnError, "fields">;
/**
 * Enable a retention rule
 *
 * From its next set time on the rule erases. `version` is the one whose dry run was
 * looked at: where the rule has another by now, or this one has had no dry run, the
 * answer is 409 and nothing is enabled. One that is enabled stays as it is. For
 * administrators and platform managers.
 *
 */
export declare const enableRetentionRule: <ThrowOnError extends boolean = false>(options: Options<EnableRetentionRuleData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<EnableRetentionRuleResponses, EnableRetentionRuleErrors, ThrowOnError, "fields">;
/**
 * Disable a retention rule
 *
 * The rule does not run until it is enabled again. A run that is not over is
 * canceled, and erases nothing more when this has been answered. One that is not
 * enabled stays as it is. For administrators and platform managers.
 *
 */
export declare const disableRetentionRule: <ThrowOnError extends boolean = false>(options: Options<DisableRetentionRuleData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<DisableRetentionRuleResponses, DisableRetentionRuleErrors, ThrowOnError, "fields">;
/**
 * Fetch the newest checkpoint of the log
 *
 * The newest published checkpoint, a signed note (C2SP tlog-checkpoint):
 * the log's name, how many leaves, the root of their tree, signatures. For
 * those who may erase. 404 before the first erasure has been sealed.
 *
 */
export declare const getCheckpoint: <ThrowOnError extends boolean = false>(options: Options<GetCheckpointData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<GetCheckpointResponses, GetCheckpointErrors, ThrowOnError, "fields">;
/**
 * List the public keys of the log
 *
 * The public keys that checkpoints are signed with, one a line: the log's,
 * the newest first, and those of its witnesses; empty where none is
 * configured. For those who may erase. Whoever checks receipts should get
 * them in another way, too.
 *
 */
export declare const getLogKeys: <ThrowOnError extends boolean = false>(options: Options<GetLogKeysData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<GetLogKeysResponses, GetLogKeysErrors, ThrowOnError, "fields">;
/**
 * Fetch a tile of the log
 *
 * Hashes of the tree, or, at level `entries`, a bundle of the receipts
 * themselves: each after its length as a big-endian number of 16 bits.
 * Hashes are for those who may erase, entries for those who may erase
 * everyone's. 404 where the published log has no such tile, or fewer in
 * it.
 *
 */
export declare const getTile: <ThrowOnError extends boolean = false>(options: Options<GetTileData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<GetTileResponses, GetTileErrors, ThrowOnError, "fields">;
