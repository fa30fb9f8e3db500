import type { Client, Options as Options2, TDataShape } from './client/index.js';
import type { AnswerSubjectRequestData, AnswerSubjectRequestErrors, AnswerSubjectRequestResponses, ApproveErasureData, ApproveErasureErrors, ApproveErasureResponses, ApproveRetentionRuleData, ApproveRetentionRuleErrors, ApproveRetentionRuleResponses, CancelErasureData, CancelErasureErrors, CancelErasureResponses, ChangeRetentionRuleData, ChangeRetentionRuleErrors, ChangeRetentionRuleResponses, CheckSubjectIdentityData, CheckSubjectIdentityErrors, CheckSubjectIdentityResponses, CreateRetentionRuleData, CreateRetentionRuleErrors, CreateRetentionRuleResponses, DeletePersonFileData, DeletePersonFileErrors, DeletePersonFileResponses, DisableRetentionRuleData, DisableRetentionRuleErrors, DisableRetentionRuleResponses, DryRunRetentionRuleData, DryRunRetentionRuleErrors, DryRunRetentionRuleResponses, EnableRetentionRuleData, EnableRetentionRuleErrors, EnableRetentionRuleResponses, EndSessionData, EndSessionErrors, EndSessionResponses, EraseResponseData, EraseResponseErrors, EraseResponseResponses, ExtendSubjectRequestData, ExtendSubjectRequestErrors, ExtendSubjectRequestResponses, FindOwnersData, FindOwnersErrors, FindOwnersResponses, GetCallerData, GetCallerErrors, GetCallerResponses, GetCheckpointData, GetCheckpointErrors, GetCheckpointResponses, GetErasureData, GetErasureErrors, GetErasureResponses, GetFiguresData, GetFiguresErrors, GetFiguresResponses, GetHoldData, GetHoldErrors, GetHoldResponses, GetLogKeysData, GetLogKeysErrors, GetLogKeysResponses, GetPersonFileData, GetPersonFileErrors, GetPersonFileResponses, GetReceiptData, GetReceiptErrors, GetReceiptResponses, GetResponseData, GetResponseErrors, GetResponseResponses, GetRetentionRuleData, GetRetentionRuleErrors, GetRetentionRuleResponses, GetRetentionRuleVersionData, GetRetentionRuleVersionErrors, GetRetentionRuleVersionResponses, GetStatusData, GetStatusErrors, GetStatusResponses, GetSubjectLetterData, GetSubjectLetterErrors, GetSubjectLetterResponses, GetSubjectRequestData, GetSubjectRequestErrors, GetSubjectRequestResponses, GetTileData, GetTileErrors, GetTileResponses, ListAccessLogData, ListAccessLogErrors, ListAccessLogResponses, ListErasureReceiptsData, ListErasureReceiptsErrors, ListErasureReceiptsResponses, ListErasuresData, ListErasuresErrors, ListErasuresResponses, ListHoldsData, ListHoldsErrors, ListHoldsResponses, ListModelsData, ListModelsErrors, ListModelsResponses, ListPersonFilesData, ListPersonFilesErrors, ListPersonFilesResponses, ListResponsesData, ListResponsesErrors, ListResponsesResponses, ListRetentionRulesData, ListRetentionRulesErrors, ListRetentionRulesResponses, ListStepsData, ListStepsErrors, ListStepsResponses, ListSubjectRequestsData, ListSubjectRequestsErrors, ListSubjectRequestsResponses, OpenSubjectRequestData, OpenSubjectRequestErrors, OpenSubjectRequestResponses, PlaceHoldData, PlaceHoldErrors, PlaceHoldResponses, PreviewErasureData, PreviewErasureErrors, PreviewErasureResponses, RefuseErasureData, RefuseErasureErrors, RefuseErasureResponses, RefuseSubjectRequestData, RefuseSubjectRequestErrors, RefuseSubjectRequestResponses, ReleaseHoldData, ReleaseHoldErrors, ReleaseHoldResponses, RemoveRetentionRuleData, RemoveRetentionRuleErrors, RemoveRetentionRuleResponses, StartErasureData, StartErasureErrors, StartErasureResponses, StartPersonFileData, StartPersonFileErrors, StartPersonFileResponses, StartSessionData, StartSessionErrors, StartSessionResponses, WatchErasureData, WatchErasureErrors, WatchErasureResponses } from './types.gen.js';
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
 * Returns one page of the responses that the caller can see: those of
 * `member_id` if given, otherwise those of the active organization, otherwise
 * everyone's for administrators and platform managers, otherwise the caller's
 * own. A response is listed if it matches every given filter.
 *
 * Pass `next_cursor` as `after` to get the next page, with the same filters
 * and order, until `has_more` is false. A response whose state does not change
 * appears exactly once, no matter what is created, changed or erased
 * meanwhile.
 *
 * Unknown parameters are ignored, as in the reference, and unknown words of
 * `status`, `statuses` and `service_tiers` match nothing. The
 * `Unknown-Parameters` header of the answer lists both.
 *
 */
export declare const listResponses: <ThrowOnError extends boolean = false>(options: Options<ListResponsesData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<ListResponsesResponses, ListResponsesErrors, ThrowOnError, "fields">;
/**
 * Erase a response
 *
 * Erases the whole response, all or nothing: every request and step of its
 * chain, their prompts, and the raw copies in the gateway's log and task queue
 * if these are in the same database. Usage and credit records stay because
 * they are needed for billing. If the caller may not erase some part of the
 * chain, the call returns 404, as for a missing response. If some part is
 * held, or the database refuses to delete it, nothing is erased (409).
 *
 * Later turns refer to the response with `previous_response_id`, and their
 * prompts quote its answer. They stay unless `include_later_turns` is true.
 *
 * An `Idempotency-Key` that is hard to guess makes it safe to retry when the
 * answer was lost: for a day, the same caller repeating the request on this
 * path gets the same receipt and salt, and after that 409. Changing
 * `include_later_turns` makes it a different request: 409.
 *
 */
export declare const eraseResponse: <ThrowOnError extends boolean = false>(options: Options<EraseResponseData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<EraseResponseResponses, EraseResponseErrors, ThrowOnError, "fields">;
/**
 * Fetch a response
 *
 * Returns one response with its prompt and answer. A response that the
 * caller cannot see gets 404, exactly like a missing one.
 *
 * When a caller with permission to read everyone's responses is shown the
 * contents of someone else's, the access is recorded first (see
 * `listAccessLog`); if it cannot be recorded, that call returns 503. With
 * `body=omit`, with HEAD, and with 304, no contents are shown or read, and
 * nothing is recorded.
 *
 */
export declare const getResponse: <ThrowOnError extends boolean = false>(options: Options<GetResponseData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<GetResponseResponses, GetResponseErrors, ThrowOnError, "fields">;
/**
 * List the steps of a response
 *
 * Returns one page of the steps of a response, the calls of models and tools,
 * in the order in which they were planned. Any request or step of a chain
 * stands for the whole of it; a response without a chain is one step, its
 * only request. A response gets 404, exactly like a missing one, if the caller
 * cannot see a part of it.
 *
 * With `payloads=true`, each step has what was sent and what came back.
 * If a part of the response is someone else's, the access is recorded first,
 * as by `getResponse`: once for each page, or the call returns 503. A page
 * then ends early, at 8 MiB of payloads, but has at least one step. With HEAD,
 * no payloads are read, and nothing is recorded.
 *
 * Pass `next_cursor` as `after` to get the next page, until `has_more` is
 * false.
 *
 */
export declare const listSteps: <ThrowOnError extends boolean = false>(options: Options<ListStepsData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<ListStepsResponses, ListStepsErrors, ThrowOnError, "fields">;
/**
 * List the models of responses
 *
 * Returns the models among the responses that `listResponses` lists without
 * filters, each with how many responses it has: at most 1,000 models, in order
 * of name.
 *
 * Of an owner with more than 10,000 responses, the models are those of the
 * newest 10,000, and `has_more` is true. Where fusillade-arsenal has moved
 * responses, they are those of the newest 1,000, whosever they are.
 *
 * Counts are exact where all responses were looked at, and up to 100 for each
 * model of everyone's; greater ones are the database's estimates. If more than
 * 100 models would have to be estimated, these are not counted.
 *
 */
export declare const listModels: <ThrowOnError extends boolean = false>(options: Options<ListModelsData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<ListModelsResponses, ListModelsErrors, ThrowOnError, "fields">;
/**
 * Get figures of responses
 *
 * Counts the responses that `listResponses` would list with the same filters, by
 * when they were created, and sums what they took: failures, tokens, cost, and
 * the median and 95th percentile of durations. Responses that fusillade-arsenal
 * has moved are counted too; erased ones are not.
 *
 * Buckets are full hours or days in UTC. The first begins at `from` and the last
 * ends at `to`, so both may be shorter; each point states the edges of its
 * bucket, which contains its beginning and not its end. Buckets without
 * responses are left out.
 *
 * Of more than 20 series, those with the most responses are returned, and the
 * rest together as `other`. Costs and tokens come from the newest usage record
 * of each response. They are null, and `basis` is `rows`, if usage records are
 * in another database, or if more than 100,000 responses are counted. Durations
 * are null if more than 1,000,000 are. If counting takes longer than ten
 * seconds, the call returns 503: narrow the time, or add a filter.
 *
 */
export declare const getFigures: <ThrowOnError extends boolean = false>(options: Options<GetFiguresData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<GetFiguresResponses, GetFiguresErrors, ThrowOnError, "fields">;
/**
 * List persons' files
 *
 * Returns one page of the files, newest first: everyone's for those who may read
 * everyone's responses, otherwise those that the caller requested. Pass
 * `next_cursor` as `after` to get the next page.
 *
 */
export declare const listPersonFiles: <ThrowOnError extends boolean = false>(options: Options<ListPersonFilesData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<ListPersonFilesResponses, ListPersonFilesErrors, ThrowOnError, "fields">;
/**
 * Request a person's file
 *
 * Makes a file with everything of a person or an organization, in the
 * background: fetch the export until its state is `done`, then its file.
 * Callers can name themselves and their active organization; those who may read
 * everyone's responses can name anyone. If the owner is neither the caller nor
 * the active organization, the access log gets one record of that; if it cannot
 * be written, the call returns 503. A caller can have ten files at a time (429).
 *
 */
export declare const startPersonFile: <ThrowOnError extends boolean = false>(options: Options<StartPersonFileData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<StartPersonFileResponses, StartPersonFileErrors, ThrowOnError, "fields">;
/**
 * Delete a person's file
 *
 * Removes the file before its time, or ends making it. If it was made for a subject
 * request, the export stays, as `expired`, until that is forgotten. Permitted to
 * those who may fetch the export.
 *
 */
export declare const deletePersonFile: <ThrowOnError extends boolean = false>(options: Options<DeletePersonFileData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<DeletePersonFileResponses, DeletePersonFileErrors, ThrowOnError, "fields">;
/**
 * Fetch an export
 *
 * Returns what is known of one person's file, and how far it has come. Visible to
 * the caller who requested it and to those who may read everyone's responses;
 * anyone else gets 404. A month after its end it is forgotten.
 *
 */
export declare const getPersonFile: <ThrowOnError extends boolean = false>(options: Options<GetPersonFileData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<GetPersonFileResponses, GetPersonFileErrors, ThrowOnError, "fields">;
/**
 * Preview an erasure
 *
 * Counts what the erasure would erase, and erases nothing. Give exactly one of
 * `responses`, `owner` and `filter`. The token ties an erasure to what was
 * counted and is valid for 15 minutes. Requires permission to erase; responses
 * that the caller may not erase count as not found, like those that do not
 * exist.
 *
 */
export declare const previewErasure: <ThrowOnError extends boolean = false>(options: Options<PreviewErasureData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<PreviewErasureResponses, PreviewErasureErrors, ThrowOnError, "fields">;
/**
 * List erasures
 *
 * Returns one page of the bulk erasures, newest first: everyone's for those
 * who may erase everyone's responses, otherwise those that the caller
 * requested. Pass `next_cursor` as `after` to get the next page, with the same
 * filters.
 *
 */
export declare const listErasures: <ThrowOnError extends boolean = false>(options: Options<ListErasuresData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<ListErasuresResponses, ListErasuresErrors, ThrowOnError, "fields">;
/**
 * Erase many responses
 *
 * Erases the target in parts. Each part is one transaction that erases whole
 * responses, as `eraseResponse` describes, and leaves its own receipt. Up to
 * 100 responses given by identifier are erased before the call returns (201);
 * everything else is erased in the background (202). Responses that the caller
 * may not erase are reported as not found, held ones as held, and neither
 * stops the rest.
 *
 * An `owner` or a `filter` needs the token of a preview of the same request by
 * the same caller. If what the preview counted has grown or shrunk, the call
 * returns 409 and nothing is erased. A `filter` does not erase what is created
 * after the preview. An `owner` also erases what is created during the
 * erasure, until nothing is left, and checks once more a day later.
 *
 * If `erasure.approval_over` is set and more responses than that would be
 * erased, the erasure waits (202, state `awaiting_approval`) until somebody else
 * approves it; see `approveErasure`. It then leaves what was created after the
 * preview, also with an `owner`.
 *
 */
export declare const startErasure: <ThrowOnError extends boolean = false>(options: Options<StartErasureData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<StartErasureResponses, StartErasureErrors, ThrowOnError, "fields">;
/**
 * Fetch an erasure
 *
 * Returns one bulk erasure and its progress. Visible to the caller who
 * requested it and to those who may erase everyone's responses; anyone else
 * gets 404. A day after it finishes, its target, failures and salt are
 * forgotten.
 *
 */
export declare const getErasure: <ThrowOnError extends boolean = false>(options: Options<GetErasureData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<GetErasureResponses, GetErasureErrors, ThrowOnError, "fields">;
/**
 * Cancel an erasure
 *
 * Stops the erasure: once this call returns, the erasure deletes nothing more.
 * Deleted responses stay deleted and keep their receipts. A finished erasure
 * does not change, but is no longer verified. Open to the caller who requested
 * it and to those who may erase everyone's responses; anyone else gets 404.
 *
 */
export declare const cancelErasure: <ThrowOnError extends boolean = false>(options: Options<CancelErasureData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<CancelErasureResponses, CancelErasureErrors, ThrowOnError, "fields">;
/**
 * Approve an erasure
 *
 * Lets an erasure begin that waits for approval (`awaiting_approval`). Open to
 * those who may erase everyone's responses, except the person who requested it,
 * with whatever key: that is 403. Approving again changes nothing; 409 if
 * somebody else has decided, or if it has been canceled or has expired. Before it
 * begins, the service checks again that both people still have the right to
 * erase; otherwise it fails and erases nothing.
 *
 */
export declare const approveErasure: <ThrowOnError extends boolean = false>(options: Options<ApproveErasureData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<ApproveErasureResponses, ApproveErasureErrors, ThrowOnError, "fields">;
/**
 * Refuse an erasure
 *
 * Ends an erasure that waits for approval, without erasing anything. Open to the
 * same people as `approveErasure`; who requested it can cancel it instead.
 *
 */
export declare const refuseErasure: <ThrowOnError extends boolean = false>(options: Options<RefuseErasureData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<RefuseErasureResponses, RefuseErasureErrors, ThrowOnError, "fields">;
/**
 * List the receipts of an erasure
 *
 * Returns one page of the receipts that the erasure has left so far, newest
 * first. Visible to the caller who requested the erasure and to those who may
 * erase everyone's responses; anyone else gets 404. Pass `next_cursor` as
 * `after` to get the next page.
 *
 */
export declare const listErasureReceipts: <ThrowOnError extends boolean = false>(options: Options<ListErasureReceiptsData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<ListErasureReceiptsResponses, ListErasureReceiptsErrors, ThrowOnError, "fields">;
/**
 * Watch an erasure
 *
 * Streams server-sent events. `progress` carries the erasure as `getErasure`
 * returns it: once at the start, then whenever it has changed, checked once a
 * second. When the erasure is finished, `end` carries the same, and nothing
 * follows. A stream ends without `end` after ten minutes or when the service
 * stops; reopen it to continue. A client that reopens the stream after `end`,
 * as browsers do, gets 204 and can stop. Lines that begin with a colon only
 * keep the connection open. Visible to the caller who requested the erasure
 * and to those who may erase everyone's responses; anyone else gets 404. If
 * too many streams are open, the call returns 503, or 429 if the caller itself
 * has too many; poll `getErasure` instead.
 *
 */
export declare const watchErasure: <ThrowOnError extends boolean = false>(options: Options<WatchErasureData, ThrowOnError>) => Promise<import("./core/serverSentEvents.gen.js").ServerSentEventsResult<WatchErasureResponses, WatchErasureErrors>>;
/**
 * Fetch the receipt of an erasure
 *
 * Returns one file that proves the erasure offline: the receipt, the proof
 * that it is a leaf of the log, and a signed checkpoint of the log (C2SP
 * tlog-proof with the receipt as extra data). `lethe verify` checks it.
 * Visible to the caller who requested the erasure and to those who may erase
 * everyone's responses; anyone else gets 404.
 *
 */
export declare const getReceipt: <ThrowOnError extends boolean = false>(options: Options<GetReceiptData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<GetReceiptResponses, GetReceiptErrors, ThrowOnError, "fields">;
/**
 * Who am I
 *
 * Returns who the caller is, which organization is active, and what the caller
 * may do. Requires no permission.
 *
 */
export declare const getCaller: <ThrowOnError extends boolean = false>(options: Options<GetCallerData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<GetCallerResponses, GetCallerErrors, ThrowOnError, "fields">;
/**
 * Find people and organizations
 *
 * Finds people and organizations by e-mail address, name or identifier, deleted
 * ones included, and says how many responses each has: at most 20, those first
 * that `q` names exactly. Those who may read everyone's responses find anyone;
 * others find themselves and their organizations.
 *
 */
export declare const findOwners: <ThrowOnError extends boolean = false>(options: Options<FindOwnersData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<FindOwnersResponses, FindOwnersErrors, ThrowOnError, "fields">;
/**
 * List the access log
 *
 * Returns one page of the records of who was shown the contents of responses
 * that were not their own, newest first. Administrators only. A record is
 * listed if it matches every given filter. Records are removed together with
 * their response, and when their retention period ends. An export has one
 * record, without responses, which stays until its retention period ends.
 *
 * Pass `next_cursor` as `after` to get the next page, with the same filters,
 * until `has_more` is false.
 *
 */
export declare const listAccessLog: <ThrowOnError extends boolean = false>(options: Options<ListAccessLogData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<ListAccessLogResponses, ListAccessLogErrors, ThrowOnError, "fields">;
/**
 * Get the status
 *
 * Says in one sentence whether all is well, or else the worst that is not and
 * what mends it, with the figures behind it. These are read from the same
 * sources as the metrics, when asked. Administrators and platform managers
 * only. While the service is closed it answers 503 like every call, with the
 * reason.
 *
 */
export declare const getStatus: <ThrowOnError extends boolean = false>(options: Options<GetStatusData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<GetStatusResponses, GetStatusErrors, ThrowOnError, "fields">;
/**
 * End the session
 *
 * Ends the session of the cookie `lethe_session` for good, also for whoever has
 * copied it, and removes the cookie. Event streams of the session end within a
 * second or two. Without a session, there is nothing to do, and the answer is the
 * same. A person can end 1000 sessions that would not have ended yet; then 429.
 *
 */
export declare const endSession: <ThrowOnError extends boolean = false>(options: Options<EndSessionData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<EndSessionResponses, EndSessionErrors, ThrowOnError, "fields">;
/**
 * Start a session
 *
 * Exchanges the key in `Authorization` for the cookie `lethe_session`. Scripts
 * cannot read it, and browsers send it to this service alone, from its own
 * pages alone. It has exactly the rights of the key.
 *
 * The session ends when it is ended, when it was not used for `idle_seconds`, at
 * `expires_at`, when the key or its creator is deleted, and when the service gets
 * another secret. While it is used, answers renew the cookie.
 *
 */
export declare const startSession: <ThrowOnError extends boolean = false>(options: Options<StartSessionData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<StartSessionResponses, StartSessionErrors, ThrowOnError, "fields">;
/**
 * List holds
 *
 * Returns one page of the holds, newest first, including released and expired
 * ones. Administrators and platform managers only. Pass `next_cursor` as
 * `after` to get the next page.
 *
 */
export declare const listHolds: <ThrowOnError extends boolean = false>(options: Options<ListHoldsData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<ListHoldsResponses, ListHoldsErrors, ThrowOnError, "fields">;
/**
 * Place a hold
 *
 * Keeps what it covers from being erased by anyone or anything until the hold
 * is released or expires. Give exactly one of `responses`, `owners` and
 * `filter`. They need not exist yet. Once this call returns, nothing that the
 * hold covers is erased. Administrators and platform managers only.
 *
 */
export declare const placeHold: <ThrowOnError extends boolean = false>(options: Options<PlaceHoldData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<PlaceHoldResponses, PlaceHoldErrors, ThrowOnError, "fields">;
/**
 * Release a hold
 *
 * Ends the hold. It stays as a record of who held what and is never removed. A
 * released hold does not change. Administrators and platform managers only.
 *
 */
export declare const releaseHold: <ThrowOnError extends boolean = false>(options: Options<ReleaseHoldData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<ReleaseHoldResponses, ReleaseHoldErrors, ThrowOnError, "fields">;
/**
 * Fetch a hold
 *
 * Returns one hold, even if it is released or expired. Administrators and platform managers only.
 */
export declare const getHold: <ThrowOnError extends boolean = false>(options: Options<GetHoldData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<GetHoldResponses, GetHoldErrors, ThrowOnError, "fields">;
/**
 * List subject requests
 *
 * Returns one page of the requests of people about their data, newest first,
 * without their erasures and duplicates. Administrators and platform managers
 * only. Pass `next_cursor` as `after` to get the next page.
 *
 */
export declare const listSubjectRequests: <ThrowOnError extends boolean = false>(options: Options<ListSubjectRequestsData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<ListSubjectRequestsResponses, ListSubjectRequestsErrors, ThrowOnError, "fields">;
/**
 * Record a subject request
 *
 * Records that a person asks to see or to erase what is kept about them. The
 * answer is due a month after it was received. Administrators and platform
 * managers only.
 *
 */
export declare const openSubjectRequest: <ThrowOnError extends boolean = false>(options: Options<OpenSubjectRequestData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<OpenSubjectRequestResponses, OpenSubjectRequestErrors, ThrowOnError, "fields">;
/**
 * Fetch a subject request
 *
 * Returns one request with its erasures, and with other recent or open requests
 * about the same owner. Administrators and platform managers only.
 *
 */
export declare const getSubjectRequest: <ThrowOnError extends boolean = false>(options: Options<GetSubjectRequestData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<GetSubjectRequestResponses, GetSubjectRequestErrors, ThrowOnError, "fields">;
/**
 * Record that the identity was checked
 *
 * Records that the caller has made sure that the request comes from the person
 * themselves. Erasures can refer to it from then on. Repeating it changes nothing;
 * an answered or refused request does not change (409). Administrators and
 * platform managers only.
 *
 */
export declare const checkSubjectIdentity: <ThrowOnError extends boolean = false>(options: Options<CheckSubjectIdentityData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<CheckSubjectIdentityResponses, CheckSubjectIdentityErrors, ThrowOnError, "fields">;
/**
 * Extend the time for the answer
 *
 * Gives two more months for the answer, once, before it is due (GDPR article
 * 12(3)). The person has to be told. Otherwise 409. Administrators and platform
 * managers only.
 *
 */
export declare const extendSubjectRequest: <ThrowOnError extends boolean = false>(options: Options<ExtendSubjectRequestData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<ExtendSubjectRequestResponses, ExtendSubjectRequestErrors, ThrowOnError, "fields">;
/**
 * Record that a request is answered
 *
 * Ends the request; its letter can be fetched from then on. Refused (409), with
 * what is missing, until the identity was checked; if access was asked for and the
 * service keeps persons' files, one was made for it; and, if erasure was asked
 * for, an erasure of this request has finished and none is unfinished. Administrators
 * and platform managers only.
 *
 */
export declare const answerSubjectRequest: <ThrowOnError extends boolean = false>(options: Options<AnswerSubjectRequestData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<AnswerSubjectRequestResponses, AnswerSubjectRequestErrors, ThrowOnError, "fields">;
/**
 * Refuse a subject request
 *
 * Ends the request without doing what it asks for. Refused (409) if it has ended
 * already, or if an erasure of it is unfinished. Administrators and platform
 * managers only.
 *
 */
export declare const refuseSubjectRequest: <ThrowOnError extends boolean = false>(options: Options<RefuseSubjectRequestData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<RefuseSubjectRequestResponses, RefuseSubjectRequestErrors, ThrowOnError, "fields">;
/**
 * Fetch the answer as a letter
 *
 * Returns the answer to the person as a page to print, without scripts: what was
 * erased, what is kept and why, and how it can be proven; or why it was refused.
 * 409 before the request has ended, and once its person is forgotten.
 * Administrators and platform managers only.
 *
 */
export declare const getSubjectLetter: <ThrowOnError extends boolean = false>(options: Options<GetSubjectLetterData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<GetSubjectLetterResponses, GetSubjectLetterErrors, ThrowOnError, "fields">;
/**
 * List retention rules
 *
 * Returns one page of the rules, newest first. Administrators and platform
 * managers only. Pass `next_cursor` as `after` to get the next page.
 *
 */
export declare const listRetentionRules: <ThrowOnError extends boolean = false>(options: Options<ListRetentionRulesData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<ListRetentionRulesResponses, ListRetentionRulesErrors, ThrowOnError, "fields">;
/**
 * Create a retention rule
 *
 * Creates a rule that erases responses older than a given age at set times of
 * day. A new rule is not enabled and erases nothing: it needs a dry run first,
 * and then to be enabled. Administrators and platform managers only.
 *
 */
export declare const createRetentionRule: <ThrowOnError extends boolean = false>(options: Options<CreateRetentionRuleData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<CreateRetentionRuleResponses, CreateRetentionRuleErrors, ThrowOnError, "fields">;
/**
 * Remove a retention rule
 *
 * Stops the rule for good and cancels a run in progress. The rule stays as a
 * record with all its versions because receipts name them. A removed rule does
 * not change. Administrators and platform managers only.
 *
 */
export declare const removeRetentionRule: <ThrowOnError extends boolean = false>(options: Options<RemoveRetentionRuleData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<RemoveRetentionRuleResponses, RemoveRetentionRuleErrors, ThrowOnError, "fields">;
/**
 * Fetch a retention rule
 *
 * Returns one rule, even if it is removed. Administrators and platform managers only.
 */
export declare const getRetentionRule: <ThrowOnError extends boolean = false>(options: Options<GetRetentionRuleData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<GetRetentionRuleResponses, GetRetentionRuleErrors, ThrowOnError, "fields">;
/**
 * Change a retention rule
 *
 * Replaces the rule: fields left out are not kept. This creates the next
 * version, which is not enabled and needs its own dry run. A run of an earlier
 * version is canceled; once this call returns, it deletes nothing more.
 * `version` is the version you edited: if the rule has a newer one, the call
 * returns 409 and changes nothing. Administrators and platform managers only.
 *
 */
export declare const changeRetentionRule: <ThrowOnError extends boolean = false>(options: Options<ChangeRetentionRuleData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<ChangeRetentionRuleResponses, ChangeRetentionRuleErrors, ThrowOnError, "fields">;
/**
 * Fetch a version of a retention rule
 *
 * Returns one current or earlier version of the rule. The receipts of its runs
 * name the version. Administrators and platform managers only.
 *
 */
export declare const getRetentionRuleVersion: <ThrowOnError extends boolean = false>(options: Options<GetRetentionRuleVersionData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<GetRetentionRuleVersionResponses, GetRetentionRuleVersionErrors, ThrowOnError, "fields">;
/**
 * Dry-run a retention rule
 *
 * Counts what runs of the rule would erase in total if they ran now, and
 * stores the result with the rule. Nothing is erased. A response of several
 * steps is counted if any step is old enough, but erased only once all of them
 * are. Administrators and platform managers only.
 *
 */
export declare const dryRunRetentionRule: <ThrowOnError extends boolean = false>(options: Options<DryRunRetentionRuleData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<DryRunRetentionRuleResponses, DryRunRetentionRuleErrors, ThrowOnError, "fields">;
/**
 * Enable a retention rule
 *
 * Enables the rule: it runs from its next set time on or, where
 * `erasure.approve_rules` is set, from the first one after somebody else has
 * approved it (`enabling.approve_by`). `version` is the
 * version whose dry run you checked: if the rule has a newer one, or this
 * version has had no dry run, the call returns 409 and enables nothing. An
 * enabled rule does not change. Administrators and platform managers only.
 *
 */
export declare const enableRetentionRule: <ThrowOnError extends boolean = false>(options: Options<EnableRetentionRuleData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<EnableRetentionRuleResponses, EnableRetentionRuleErrors, ThrowOnError, "fields">;
/**
 * Approve a retention rule
 *
 * Lets a rule run that somebody else has enabled, where `erasure.approve_rules` is
 * set: it runs from its next set time on. `version` is the version that was
 * enabled; 409 if the rule has a newer one, if nobody has enabled it, if it has
 * waited longer than `erasure.approval_wait`, or if who enabled it may not decide
 * about retention any more. 403 for the person who enabled it, with whatever key.
 * To refuse, disable the rule. An enabled rule does not change. Administrators and
 * platform managers only.
 *
 */
export declare const approveRetentionRule: <ThrowOnError extends boolean = false>(options: Options<ApproveRetentionRuleData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<ApproveRetentionRuleResponses, ApproveRetentionRuleErrors, ThrowOnError, "fields">;
/**
 * Disable a retention rule
 *
 * Disables the rule: it does not run until it is enabled again. A run in
 * progress is canceled; once this call returns, it deletes nothing more. A
 * disabled rule does not change. Administrators and platform managers only.
 *
 */
export declare const disableRetentionRule: <ThrowOnError extends boolean = false>(options: Options<DisableRetentionRuleData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<DisableRetentionRuleResponses, DisableRetentionRuleErrors, ThrowOnError, "fields">;
/**
 * Fetch the newest checkpoint of the log
 *
 * Returns the newest published checkpoint, a signed note (C2SP
 * tlog-checkpoint) with the log's name, the number of leaves, the root of
 * their tree, and signatures. Requires permission to erase. Returns 404 until
 * the first erasure is sealed.
 *
 */
export declare const getCheckpoint: <ThrowOnError extends boolean = false>(options: Options<GetCheckpointData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<GetCheckpointResponses, GetCheckpointErrors, ThrowOnError, "fields">;
/**
 * List the public keys of the log
 *
 * Returns the public keys of the checkpoint signatures, one per line: the
 * log's, newest first, then those of its witnesses; empty if none is
 * configured. Requires permission to erase. If you verify receipts, get the
 * keys through a second channel as well.
 *
 */
export declare const getLogKeys: <ThrowOnError extends boolean = false>(options: Options<GetLogKeysData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<GetLogKeysResponses, GetLogKeysErrors, ThrowOnError, "fields">;
/**
 * Fetch a tile of the log
 *
 * Returns hashes of the tree or, at level `entries`, a bundle of the receipts
 * themselves, each prefixed with its length as a 16-bit big-endian number.
 * Hashes require permission to erase, entries permission to erase everyone's
 * responses. Returns 404 if the published log does not have the tile, or has
 * fewer elements in it.
 *
 */
export declare const getTile: <ThrowOnError extends boolean = false>(options: Options<GetTileData, ThrowOnError>) => import("./client/types.gen.js").RequestResult<GetTileResponses, GetTileErrors, ThrowOnError, "fields">;
