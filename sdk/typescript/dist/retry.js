import { operationOf, ProblemError } from './answers.js';
/** The limit for one attempt, in milliseconds. */
export const defaultTimeout = 60_000;
const firstPause = 500;
const longestPause = 8000;
/** Methods whose requests can be repeated without doing more (RFC 9110, 9.2.2). */
const repeatableMethods = ['GET', 'HEAD', 'PUT', 'DELETE'];
/** Why Node.js could not connect, so that no byte of the request was sent. */
const notSent = ['ECONNREFUSED', 'EAI_AGAIN', 'ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH', 'UND_ERR_CONNECT_TIMEOUT'];
/**
 * A `fetch` that sends a request again if it got no answer, 429 or 503, as long as
 * that cannot do anything twice. A call that takes an `Idempotency-Key` has one, the
 * same in all attempts.
 */
export function retried(send, { attempts = 4, total = 60_000 }, timeout, sleep) {
    return async (input, init) => {
        const request = new Request(input, init);
        if (operationOf(request).operation?.keyed && !request.headers.has('Idempotency-Key')) {
            request.headers.set('Idempotency-Key', crypto.randomUUID());
        }
        const repeatable = repeatableMethods.includes(request.method) || request.headers.has('Idempotency-Key');
        const end = Date.now() + total;
        for (let done = 1;; done += 1) {
            try {
                const limits = [request.signal, AbortSignal.timeout(timeout)];
                return await send(new Request(request.clone(), { signal: AbortSignal.any(limits) }));
            }
            catch (error) {
                const pause = backoff(done, firstPause, longestPause, error);
                const over = done >= attempts || Date.now() + pause > end || request.signal.aborted;
                if (over || !(error instanceof ProblemError) || !passing(error, repeatable)) {
                    throw error;
                }
                await sleep(pause, request.signal);
            }
        }
    };
}
function passing(error, repeatable) {
    if (error.status === 429 || error.status === 503) {
        // The service itself then has done nothing, but a gateway may have passed the request on.
        return repeatable || error.problem !== undefined;
    }
    return error.cause !== undefined && (repeatable || notSent.includes(code(error.cause)));
}
function code(cause) {
    const { cause: inner } = (cause ?? {});
    return String(inner?.code ?? '');
}
/** Twice as long after each failure, less up to a half by chance, and never shorter than the service asks; in milliseconds. */
export function backoff(failures, first, longest, error) {
    const wait = Math.min(first * 2 ** (failures - 1), longest);
    const asked = 1000 * ((error instanceof ProblemError && error.retryAfter) || 0);
    return Math.max(wait * (0.5 + Math.random() / 2), asked + (Math.random() * wait) / 10);
}
