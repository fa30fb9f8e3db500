import { askedFor, documentedOnly, isEnd, ProblemError } from './answers.js';
import { requireKnown } from './lists.js';
import { backoff, defaultTimeout, retried } from './retry.js';
/** Limits for reopening a stream, in milliseconds; the first if the service does not say. */
const firstWait = 3000;
const longestWait = 30_000;
const maxFailures = 10; // in a row
const methods = ['connect', 'delete', 'get', 'head', 'options', 'patch', 'post', 'put', 'trace'];
/** The client, restricted to documented answers, with streams that are reopened until their end. */
export function checked(client) {
    const fetchOf = (options) => documentedOnly(options.fetch ?? client.getConfig().fetch ?? globalThis.fetch);
    const timeoutOf = (options) => options.timeout ?? client.getConfig().timeout ?? defaultTimeout;
    const asking = (send) => async (options) => {
        const pausing = (ms, signal) => sleep(ms, { signal });
        const fetching = retried(fetchOf(options), options.retry ?? client.getConfig().retry ?? {}, timeoutOf(options), pausing);
        const result = await send({ ...options, fetch: fetching, redirect: 'manual' });
        // The generated client cannot know the response of an error thrown by fetch.
        if (typeof result === 'object' && result !== null && 'error' in result && result.error instanceof ProblemError) {
            return { ...result, response: result.error.response };
        }
        return result;
    };
    const watching = (open, method) => async (options) => {
        requireKnown({ ...options, method: method.toUpperCase() }); // at once, not only in the stream
        return { stream: follow(open, options, fetchOf(options), timeoutOf(options)) };
    };
    return Object.assign({ ...client }, { request: asking(client.request) }, Object.fromEntries(methods.map((method) => [method, asking(client[method])])), { sse: Object.fromEntries(methods.map((method) => [method, watching(client.sse[method], method)])) });
}
/** Yields from streams that are opened one after the other until one sends the end. */
async function* follow(open, options, send, timeout) {
    let wait = options.sseDefaultRetryDelay ?? firstWait;
    let failures = 0;
    for (;;) {
        const connection = new AbortController();
        const abort = () => connection.abort(options.signal?.reason);
        options.signal?.addEventListener('abort', abort);
        let idle;
        const busy = () => {
            clearTimeout(idle);
            idle = setTimeout(() => connection.abort(new Error('nothing came in time')), timeout);
        };
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
                    busy();
                    return noticed((response = await send(request)), busy);
                },
                redirect: 'manual',
                signal: connection.signal,
                sseDefaultRetryDelay: wait, // or an earlier value would be forgotten
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
                    continue; // an event of a newer service
                }
                failures = 0;
                yield data;
                if (over) {
                    return;
                }
            }
            if (response?.status === 204) {
                return; // the caller says that the end was received before
            }
        }
        catch (error) {
            failure = error;
        }
        finally {
            clearTimeout(idle);
            options.signal?.removeEventListener('abort', abort);
            connection.abort();
        }
        failures += 1;
        const unfinished = !(failure instanceof ProblemError);
        const problem = failure instanceof ProblemError ? failure : ended(failure, options.signal?.aborted ? undefined : response);
        options.onSseError?.(problem);
        const passing = unfinished || problem.status === 0 || problem.status === 429 || problem.status >= 500;
        if (options.signal?.aborted || !passing || failures >= (options.sseMaxRetryAttempts ?? maxFailures)) {
            throw problem;
        }
        const longest = options.sseMaxRetryDelay ?? longestWait;
        await sleep(Math.min(backoff(failures, wait, longest, problem), longest), options);
    }
}
/** The same answer, with a call for each part of its body. */
function noticed(response, notice) {
    const noticing = new TransformStream({
        transform(part, controller) {
            notice();
            controller.enqueue(part);
        },
    });
    return response.body ? new Response(response.body.pipeThrough(noticing), response) : response;
}
/** The error for a stream that ended before its erasure. */
function ended(cause, response) {
    return new ProblemError('the stream ended before the erasure did', { cause, ...(response && { response }) });
}
/** Waits until the time is over or the signal is aborted. */
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
