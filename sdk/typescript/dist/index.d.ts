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
/** The options of `listResponses`, but for what `allResponses` decides itself. */
export type AllOptions = Omit<Options<ListResponsesData>, 'query' | 'throwOnError' | 'responseStyle'> & {
    query?: Omit<ListQuery, 'skip' | 'count'>;
};
/**
 * Goes through every response that matches, page by page; `query.limit` is the
 * size of a page, 100 by default.
 *
 * The order is newest first: responses may come in, change or be erased
 * meanwhile, and none is told twice or left out. That goes for `active_first`,
 * too, but for those that change their state meanwhile.
 *
 * Throws `ProblemError`.
 */
export declare function allResponses(options: AllOptions): AsyncGenerator<ResponseSummary, void, undefined>;
/**
 * The file of a receipt, as soon as it is sealed: some two seconds after its
 * erasure. Waits until then, or until `signal` is aborted. `verifyReceipt`
 * checks the file.
 *
 * Throws `ProblemError`.
 */
export declare function fetchReceipt(options: Omit<Options<GetReceiptData>, 'throwOnError' | 'responseStyle'>): Promise<string>;
/**
 * Tells an erasure at once and when it has changed, until it is over: the last
 * that `stream` tells is the erasure as it ended. A stream that breaks off before
 * is opened again.
 *
 * `stream` throws `ProblemError` for what opening it again would not mend, such
 * as 404, after ten failures in a row (`sseMaxRetryAttempts`), and when `signal`
 * is aborted.
 */
export declare function watchErasure(options: Options<WatchErasureData>): Promise<{
    stream: AsyncGenerator<Erasure, void, unknown>;
}>;
