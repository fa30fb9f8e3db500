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
    // A plain string would also be sent as session and as proxy's user.
    auth: ({ scheme }) => (scheme === 'bearer' ? key : undefined),
  });
  return checked(client);
}

/** Throws `TypeError` for a list of a query that is none: some are left out of the URL, and with them the filter. */
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
 * The file of a receipt, as soon as it is sealed: some two seconds after its
 * erasure. Waits until then, or until `signal` is aborted. `verifyReceipt`
 * checks the file.
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
 * Tells an erasure at once and when it has changed, until it is over: the last
 * that `stream` tells is the erasure as it ended. A stream that breaks off before
 * is opened again.
 *
 * `stream` throws `ProblemError` for what opening it again would not mend, such
 * as 404, after ten failures in a row (`sseMaxRetryAttempts`), and when `signal`
 * is aborted.
 */
export async function watchErasure(
  options: Options<WatchErasureData>,
): Promise<{ stream: AsyncGenerator<Erasure, void, unknown> }> {
  const { stream } = await watch(options);
  return { stream: stream as AsyncGenerator<unknown> as AsyncGenerator<Erasure, void, unknown> };
}
