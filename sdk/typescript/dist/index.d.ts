import { type Client, type Config } from './generated/client/index.js';
import { type Erasure, type Options, type WatchErasureData } from './generated/index.js';
import { ProblemError } from './answers.js';
import type { Retry } from './retry.js';
declare module './generated/client/types.gen.js' {
    interface Config<T extends ClientOptions = ClientOptions> {
        /** The limit for one attempt of a call, and for a stream without a byte, in milliseconds; 60,000 by default. */
        timeout?: number;
        /** How often a call is sent. */
        retry?: Retry;
    }
}
export * from './generated/index.js';
export * from './errors.js';
export * from './lists.gen.js';
export * from './prove.js';
export * from './receipt.js';
export type { AllOptions } from './pages.js';
export { ProblemError };
export type { Client, Config, Retry };
/**
 * A client of the service at a URL, for the owner of an API key. Pass it as
 * `client` to `listResponses`, `getResponse` and `eraseResponse`.
 *
 * Success is what the contract documents; everything else is a `ProblemError`.
 * Redirects are not followed. `config`, and the options of each call, can have a
 * `timeout` for one attempt and a `retry`, which says how often a call is sent.
 */
export declare function createLethe(baseUrl: string, key: string, config?: Config): Client;
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
