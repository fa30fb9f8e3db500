import { askedFor, documentedOnly, isEnd, ProblemError } from './answers.js';
import type { Client, RequestOptions } from './generated/client/index.js';
import { requireKnown } from './lists.js';
import { backoff, defaultTimeout, retried } from './retry.js';

/** Limits for reopening a stream, in milliseconds; the first if the service does not say. */
const firstWait = 3000;
const longestWait = 30_000;
const maxFailures = 10; // in a row

const methods = ['connect', 'delete', 'get', 'head', 'options', 'patch', 'post', 'put', 'trace'] as const;

type Send = (options: never) => Promise<unknown>;
type Stream = AsyncGenerator<unknown, void, unknown>;

interface SseEvent {
  data: unknown;
  event?: string;
  id?: string;
  retry?: number;
}

// The options of a stream that are used here.
type SseOptions = RequestOptions & {
  onSseError?: (error: unknown) => void;
  onSseEvent?: (event: SseEvent) => void;
  sseDefaultRetryDelay?: number;
  sseMaxRetryAttempts?: number;
  sseMaxRetryDelay?: number;
  sseSleepFn?: (ms: number) => Promise<void>;
};

/** The client, restricted to documented answers, with streams that are reopened until their end. */
export function checked(client: Client): Client {
  const fetchOf = (options: RequestOptions) =>
    documentedOnly(options.fetch ?? client.getConfig().fetch ?? globalThis.fetch);
  const timeoutOf = (options: RequestOptions) => options.timeout ?? client.getConfig().timeout ?? defaultTimeout;
  const asking = (send: Send) => async (options: RequestOptions) => {
    const pausing = (ms: number, signal: AbortSignal) => sleep(ms, { signal });
    const fetching = retried(fetchOf(options), options.retry ?? client.getConfig().retry ?? {}, timeoutOf(options), pausing);
    const result = await send({ ...options, fetch: fetching, redirect: 'manual' } as never);
    // The generated client cannot know the response of an error thrown by fetch.
    if (typeof result === 'object' && result !== null && 'error' in result && result.error instanceof ProblemError) {
      return { ...result, response: result.error.response };
    }
    return result;
  };
  const watching = (open: Send, method: string) => async (options: SseOptions) => {
    requireKnown({ ...options, method: method.toUpperCase() }); // at once, not only in the stream
    return { stream: follow(open, options, fetchOf(options), timeoutOf(options)) };
  };
  return Object.assign(
    { ...client },
    { request: asking(client.request as Send) },
    Object.fromEntries(methods.map((method) => [method, asking(client[method] as Send)])),
    { sse: Object.fromEntries(methods.map((method) => [method, watching(client.sse[method] as Send, method)])) },
  ) as Client;
}

/** Yields from streams that are opened one after the other until one sends the end. */
async function* follow(open: Send, options: SseOptions, send: typeof fetch, timeout: number): Stream {
  let wait = options.sseDefaultRetryDelay ?? firstWait;
  let failures = 0;
  for (;;) {
    const connection = new AbortController();
    const abort = () => connection.abort(options.signal?.reason);
    options.signal?.addEventListener('abort', abort);
    let idle: ReturnType<typeof setTimeout> | undefined;
    const busy = () => {
      clearTimeout(idle);
      idle = setTimeout(() => connection.abort(new Error('nothing came in time')), timeout);
    };
    let failure: unknown;
    let response: Response | undefined;
    let asked = '';
    let tells = false;
    let over = false;
    try {
      options.signal?.throwIfAborted();
      const { stream } = (await open({
        ...options,
        fetch: async (request: Request) => {
          asked = askedFor(request);
          busy();
          return noticed((response = await send(request)), busy);
        },
        redirect: 'manual',
        signal: connection.signal,
        sseDefaultRetryDelay: wait, // or an earlier value would be forgotten
        sseMaxRetryAttempts: 1,
        onSseError: (error: unknown) => (failure = error),
        onSseEvent: (event: SseEvent) => {
          wait = event.retry ?? wait;
          tells = event.event === 'progress' || event.event === 'end';
          over = isEnd(event.event, event.data, asked, response);
          options.onSseEvent?.(event);
        },
      } as never)) as { stream: Stream };
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
    } catch (error) {
      failure = error;
    } finally {
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
function noticed(response: Response, notice: () => void): Response {
  const noticing = new TransformStream<Uint8Array, Uint8Array>({
    transform(part, controller) {
      notice();
      controller.enqueue(part);
    },
  });
  return response.body ? new Response(response.body.pipeThrough(noticing), response) : response;
}

/** The error for a stream that ended before its erasure. */
function ended(cause: unknown, response: Response | undefined): ProblemError {
  return new ProblemError('the stream ended before the erasure did', { cause, ...(response && { response }) });
}

/** Waits until the time is over or the signal is aborted. */
export async function sleep(ms: number, { signal, sseSleepFn }: Pick<SseOptions, 'signal' | 'sseSleepFn'>): Promise<void> {
  if (sseSleepFn) {
    return sseSleepFn(ms);
  }
  await new Promise<void>((resolve) => {
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
