import { type Client, type Config } from './generated/client/index.js';
import { type GetReceiptData, type ListResponsesData, type Options, type Problem, type ResponseSummary } from './generated/index.js';
export * from './generated/index.js';
export * from './receipt.js';
export type { Client, Config };
/**
 * A client of the service at a URL, for the owner of an API key. Pass it as
 * `client` to `listResponses`, `getResponse` and `eraseResponse`.
 */
export declare function createLethe(baseUrl: string, key: string, config?: Config): Client;
/** An answer of the service other than the one asked for. */
export declare class ProblemError extends Error {
    readonly name = "ProblemError";
    readonly status: number;
    /** What the service says; undefined where something else answered, like a gateway in between. */
    readonly problem: Problem | undefined;
    /** Seconds to wait before trying again, where told. */
    readonly retryAfter: number | undefined;
    constructor(error: unknown, response: Response);
}
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
 * Throws `ProblemError`, and what `fetch` throws.
 */
export declare function allResponses(options: AllOptions): AsyncGenerator<ResponseSummary, void, undefined>;
/**
 * The file of a receipt, as soon as it is sealed: some two seconds after its
 * erasure. Waits until then, or until `signal` is aborted. `verifyReceipt`
 * checks the file.
 *
 * Throws `ProblemError`, and what `fetch` throws.
 */
export declare function fetchReceipt(options: Omit<Options<GetReceiptData>, 'throwOnError' | 'responseStyle'>): Promise<string>;
