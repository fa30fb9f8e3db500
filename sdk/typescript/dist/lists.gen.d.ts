import { type Access, type ListAccessLogData, type ErasureReceipt, type ListErasureReceiptsData, type Erasure, type ListErasuresData, type Hold, type ListHoldsData, type PersonFile, type ListPersonFilesData, type ResponseSummary, type ListResponsesData, type RetentionRule, type ListRetentionRulesData, type Step, type ListStepsData, type SubjectRequest, type ListSubjectRequestsData } from './generated/index.js';
import { type AllOptions } from './pages.js';
/**
 * Iterates over every item of `listAccessLog`, page by page; `query.limit` is the page
 * size, 100 by default. No item is repeated or left out, even if others are created,
 * changed or erased meanwhile.
 *
 * Throws `ProblemError`.
 */
export declare function allAccessLog(options: AllOptions<ListAccessLogData>): AsyncGenerator<Access, void, undefined>;
/**
 * Iterates over every item of `listErasureReceipts`, page by page; `query.limit` is the page
 * size, 100 by default. No item is repeated or left out, even if others are created,
 * changed or erased meanwhile.
 *
 * Throws `ProblemError`.
 */
export declare function allErasureReceipts(options: AllOptions<ListErasureReceiptsData>): AsyncGenerator<ErasureReceipt, void, undefined>;
/**
 * Iterates over every item of `listErasures`, page by page; `query.limit` is the page
 * size, 100 by default. No item is repeated or left out, even if others are created,
 * changed or erased meanwhile.
 *
 * Throws `ProblemError`.
 */
export declare function allErasures(options: AllOptions<ListErasuresData>): AsyncGenerator<Erasure, void, undefined>;
/**
 * Iterates over every item of `listHolds`, page by page; `query.limit` is the page
 * size, 100 by default. No item is repeated or left out, even if others are created,
 * changed or erased meanwhile.
 *
 * Throws `ProblemError`.
 */
export declare function allHolds(options: AllOptions<ListHoldsData>): AsyncGenerator<Hold, void, undefined>;
/**
 * Iterates over every item of `listPersonFiles`, page by page; `query.limit` is the page
 * size, 100 by default. No item is repeated or left out, even if others are created,
 * changed or erased meanwhile.
 *
 * Throws `ProblemError`.
 */
export declare function allPersonFiles(options: AllOptions<ListPersonFilesData>): AsyncGenerator<PersonFile, void, undefined>;
/**
 * Iterates over every item of `listResponses`, page by page; `query.limit` is the page
 * size, 100 by default. No item is repeated or left out, even if others are created,
 * changed or erased meanwhile.
 * With `active_first` this does not hold for responses whose state changes
 * meanwhile.
 *
 * Throws `ProblemError`.
 */
export declare function allResponses(options: AllOptions<ListResponsesData>): AsyncGenerator<ResponseSummary, void, undefined>;
/**
 * Iterates over every item of `listRetentionRules`, page by page; `query.limit` is the page
 * size, 100 by default. No item is repeated or left out, even if others are created,
 * changed or erased meanwhile.
 *
 * Throws `ProblemError`.
 */
export declare function allRetentionRules(options: AllOptions<ListRetentionRulesData>): AsyncGenerator<RetentionRule, void, undefined>;
/**
 * Iterates over every item of `listSteps`, page by page; `query.limit` is the page
 * size, 100 by default. No item is repeated or left out, even if others are created,
 * changed or erased meanwhile.
 *
 * Throws `ProblemError`.
 */
export declare function allSteps(options: AllOptions<ListStepsData>): AsyncGenerator<Step, void, undefined>;
/**
 * Iterates over every item of `listSubjectRequests`, page by page; `query.limit` is the page
 * size, 100 by default. No item is repeated or left out, even if others are created,
 * changed or erased meanwhile.
 *
 * Throws `ProblemError`.
 */
export declare function allSubjectRequests(options: AllOptions<ListSubjectRequestsData>): AsyncGenerator<SubjectRequest, void, undefined>;
