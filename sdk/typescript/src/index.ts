import { type Client, type Config, createClient, type RequestOptions } from './generated/client/index.js';
import {
  type Erasure,
  getReceipt,
  type GetReceiptData,
  listResponses,
  type ListResponsesData,
  type Options,
  type ResponseSummary,
  watchErasure as watch,
  type WatchErasureData,
} from './generated/index.js';
import { ProblemError, retryAfter } from './answers.js';
import { checked, sleep } from './client.js';
import { requireKnown, requireList } from './lists.js';

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
export function createLethe(baseUrl: string, key: string, config: Config = {}): Client {
  const client = createClient({
    ...config,
    baseUrl,
    requestValidator: async (options) => {
      requireKnown(options);
      requireLists(options);
      await config.requestValidator?.(options);
    },
    // A plain string would also be sent as the session and the proxy's user.
    auth: ({ scheme }) => (scheme === 'bearer' ? key : undefined),
  });
  return checked(client);
}

/** Throws `TypeError` for a list parameter that is not a list: some values would be left out of the URL, and the filter with them. */
function requireLists(options: unknown): void {
  const { query = {}, querySerializer } = options as Pick<RequestOptions, 'query' | 'querySerializer'>;
  const parameters = typeof querySerializer === 'object' ? (querySerializer.parameters ?? {}) : {};
  for (const [name, { array }] of Object.entries(parameters)) {
    if (array) {
      requireList(name, query[name] ?? []);
    }
  }
}

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
export async function* allResponses(options: AllOptions): AsyncGenerator<ResponseSummary, void, undefined> {
  const query: ListQuery = { limit: 100, active_first: false, ...options.query, count: 'none' };
  for (;;) {
    const { data: page, error } = await listResponses({ ...options, query });
    if (page === undefined) {
      throw error;
    }
    yield* page.data;
    if (page.next_cursor === null) {
      return;
    }
    query.after = page.next_cursor;
  }
}

/**
 * Returns the file of a receipt. Waits until the receipt is sealed, about two
 * seconds after its erasure, or until `signal` is aborted. `verifyReceipt` checks
 * the file.
 *
 * Throws `ProblemError`.
 */
export async function fetchReceipt(
  options: Omit<Options<GetReceiptData>, 'throwOnError' | 'responseStyle'>,
): Promise<string> {
  for (;;) {
    const { data, error, response } = await getReceipt(options);
    if (response?.status === 200 && typeof data === 'string') {
      return data;
    }
    if (response?.status !== 202) {
      throw error;
    }
    await sleep(1000 * Math.min(Math.max(retryAfter(response) ?? 1, 0.1), 30), { signal: options.signal ?? null });
  }
}

/**
 * Yields an erasure at once and whenever it has changed, until it is finished; the
 * last value of `stream` is its final state. A stream that breaks off is reopened.
 *
 * `stream` throws `ProblemError` for an answer that reopening would not fix, such
 * as 404, after ten failures in a row (`sseMaxRetryAttempts`), and when `signal`
 * is aborted.
 */
export async function watchErasure(
  options: Options<WatchErasureData>,
): Promise<{ stream: AsyncGenerator<Erasure, void, unknown> }> {
  const { stream } = await watch(options);
  return { stream: stream as AsyncGenerator<unknown> as AsyncGenerator<Erasure, void, unknown> };
}
