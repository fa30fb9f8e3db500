/** How often a call is sent. */
export interface Retry {
    /** At most so many times; 4 by default. */
    attempts?: number;
    /** No attempt begins later than so many milliseconds after the first; 60,000 by default. */
    total?: number;
}
/** The limit for one attempt, in milliseconds. */
export declare const defaultTimeout = 60000;
/**
 * A `fetch` that sends a request again if it got no answer, 429 or 503, as long as
 * that cannot do anything twice. A call that takes an `Idempotency-Key` has one, the
 * same in all attempts.
 */
export declare function retried(send: typeof fetch, { attempts, total }: Retry, timeout: number, sleep: (ms: number, signal: AbortSignal) => Promise<void>): typeof fetch;
/** Twice as long after each failure, less up to a half by chance, and never shorter than the service asks; in milliseconds. */
export declare function backoff(failures: number, first: number, longest: number, error: unknown): number;
