import { type Client, type Config } from './generated/client/index.js';
import { type Erasure, type GetReceiptData, type ListResponsesData, type Options, type ResponseSummary, type WatchErasureData } from './generated/index.js';
import { ProblemError } from './answers.js';
export * from './generated/index.js';
export * from './receipt.js';
export { ProblemError };
export type { Client, Config };
/**
 * A client of the service at a URL, for the owner of an API key. Pass it as
 * `client` to `listResponses`, `getResponse` and `eraseResponse`.
 *
 * Success is what the contract documents; everything else is a `ProblemError`.
 * Redirects are not followed.
 */
export declare function createLethe(baseUrl: string, key: string, config?: Config): Client;
type ListQuery = NonNullable<ListResponsesData['query']>;
/** The options of `listResponses`, except those that `allResponses` sets itself. */
export type AllOptions = Omit<Options<ListResponsesData>, 'query' | 'throwOnError' | 'responseStyle'> & {
    query?: Omit<ListQuery, 'skip' | 'count'>;
};
/**
 * Iterates over every response that matches, page by page; `query.limit` is the
 * page size, 100 by default.
 *
 * The order is newest first. No response is repeated or left out, even if responses
 * are created, changed or erased meanwhile. With `active_first` this does not hold
 * for responses whose state changes meanwhile.
 *
 * Throws `ProblemError`.
 */
export declare function allResponses(options: AllOptions): AsyncGenerator<ResponseSummary, void, undefined>;
/**
 * Returns the file of a receipt. Waits until the receipt is sealed, about two
 * seconds after its erasure, or until `signal` is aborted. `verifyReceipt` checks
 * the file.
 *
 * Throws `ProblemError`.
 */
export declare function fetchReceipt(options: Omit<Options<GetReceiptData>, 'throwOnError' | 'responseStyle'>): Promise<string>;
/**
 * Yields an erasure at once and whenever it has changed, until it is finished; the
 * last value of `stream` is its final state. A stream that breaks off is reopened.
 *
 * `stream` throws `ProblemError` for an answer that reopening would not fix, such
 * as 404, after ten failures in a row (`sseMaxRetryAttempts`), and when `signal`
 * is aborted.
 */
export declare function watchErasure(options: Options<WatchErasureData>): Promise<{
    stream: AsyncGenerator<Erasure, void, unknown>;
}>;
