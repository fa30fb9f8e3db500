import { askedFor, documentedOnly, isEnd, ProblemError } from './answers.js';
import { requireKnown } from './lists.js';
/** Of a stream that is opened again, in milliseconds; the first where the service does not say. */
const firstWait = 3000;
const longestWait = 30_000;
const maxFailures = 10; // in a row
const methods = ['connect', 'delete', 'get', 'head', 'options', 'patch', 'post', 'put', 'trace'];
/** The client, with nothing but documented answers, and streams that go on to their end. */
export function checked(client) {
    const fetchOf = (options) => documentedOnly(options.fetch ?? client.getConfig().fetch ?? globalThis.fetch);
    const asking = (send) => async (options) => {
        const result = await send({ ...options, fetch: fetchOf(options), redirect: 'manual' });
        // What the generated client could not know, as it was thrown at it.
        if (typeof result === 'object' && result !== null && 'error' in result && result.error instanceof ProblemError) {
            return { ...result, response: result.error.response };
        }
        return result;
    };
    const watching = (open, method) => async (options) => {
        requireKnown({ ...options, method: method.toUpperCase() }); // at once, rather than in the stream
        return { stream: follow(open, options, fetchOf(options)) };
    };
    return Object.assign({ ...client }, { request: asking(client.request) }, Object.fromEntries(methods.map((method) => [method, asking(client[method])])), { sse: Object.fromEntries(methods.map((method) => [method, watching(client.sse[method], method)])) });
}
/** What streams tell that are opened one after the other, until one tells the end. */
async function* follow(open, options, send) {
    let wait = options.sseDefaultRetryDelay ?? firstWait;
    let failures = 0;
    for (;;) {
        const connection = new AbortController();
        const abort = () => connection.abort(options.signal?.reason);
        options.signal?.addEventListener('abort', abort);
        let failure;
        let response;
        let asked = '';
        let tells = false;
        let over = false;
        try {
            options.signal?.throwIfAborted();
            const { stream } = (await open({
                ...options,
                fetch: async (request) => {
                    asked = askedFor(request);
                    return (response = await send(request));
                },
                redirect: 'manual',
                signal: connection.signal,
                sseDefaultRetryDelay: wait, // or what was told before would be forgotten
                sseMaxRetryAttempts: 1,
                onSseError: (error) => (failure = error),
                onSseEvent: (event) => {
                    wait = event.retry ?? wait;
                    tells = event.event === 'progress' || event.event === 'end';
                    over = isEnd(event.event, event.data, asked, response);
                    options.onSseEvent?.(event);
                },
            }));
            for await (const data of stream) {
                if (!tells) {
                    continue; // what a newer service may tell besides
                }
                failures = 0;
                yield data;
                if (over) {
                    return;
                }
            }
            if (response?.status === 204) {
                return; // the end had been told, as the caller says
            }
        }
        catch (error) {
            failure = error;
        }
        finally {
            options.signal?.removeEventListener('abort', abort);
            connection.abort();
        }
        failures += 1;
        const unfinished = !(failure instanceof ProblemError);
        const problem = failure instanceof ProblemError ? failure : ended(failure, options.signal?.aborted ? undefined : response);
        options.onSseError?.(problem);
        const passing = unfinished || problem.status === 0 || problem.status >= 500;
        if (options.signal?.aborted || !passing || failures >= (options.sseMaxRetryAttempts ?? maxFailures)) {
            throw problem;
        }
        const longest = options.sseMaxRetryDelay ?? longestWait;
        await sleep(Math.min(Math.max(wait * 2 ** (failures - 1), 1000 * (problem.retryAfter ?? 0)), longest), options);
    }
}
/** The error where a stream ended before its erasure. */
function ended(cause, response) {
    return new ProblemError('the stream ended before the erasure did', { cause, ...(response && { response }) });
}
/** Waits, or until the signal is aborted. */
export async function sleep(ms, { signal, sseSleepFn }) {
    if (sseSleepFn) {
        return sseSleepFn(ms);
    }
    await new Promise((resolve) => {
        const done = () => {
            clearTimeout(timer);
            signal?.removeEventListener('abort', done);
            resolve();
        };
        const timer = setTimeout(done, ms);
        signal?.addEventListener('abort', done);
        if (signal?.aborted) {
            done();
        }
    });
}
