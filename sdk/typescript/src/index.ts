import { type Client, type Config, createClient, type RequestOptions } from './generated/client/index.js';
import {
  getReceipt,
  type GetReceiptData,
  listResponses,
  type ListResponsesData,
  type Options,
  type Problem,
  type ResponseSummary,
} from './generated/index.js';
import { requireList } from './lists.js';

export * from './generated/index.js';
export * from './receipt.js';
export type { Client, Config };

/**
 * A client of the service at a URL, for the owner of an API key. Pass it as
 * `client` to `listResponses`, `getResponse` and `eraseResponse`.
 */
export function createLethe(baseUrl: string, key: string, config: Config = {}): Client {
  return createClient({
    ...config,
    baseUrl,
    requestValidator: async (options) => {
      requireLists(options);
      await config.requestValidator?.(options);
    },
    // A plain string would also be sent as session and as proxy's user.
    auth: ({ scheme }) => (scheme === 'bearer' ? key : undefined),
  });
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

/** An answer of the service other than the one asked for. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly status: number;
  /** What the service says; undefined where something else answered, like a gateway in between. */
  readonly problem: Problem | undefined;
  /** Seconds to wait before trying again, where told. */
  readonly retryAfter: number | undefined;

  constructor(error: unknown, response: Response) {
    const problem = isProblem(error) ? error : undefined;
    super(`${response.status} ${problem?.title ?? response.statusText}${problem ? `: ${problem.detail}` : ''}`);
    this.status = response.status;
    this.problem = problem;
    const seconds = Number.parseInt(response.headers.get('Retry-After') ?? '', 10);
    this.retryAfter = Number.isNaN(seconds) ? undefined : seconds;
  }
}

function isProblem(error: unknown): error is Problem {
  return typeof error === 'object' && error !== null && 'detail' in error && 'request_id' in error;
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
export async function* allResponses(options: AllOptions): AsyncGenerator<ResponseSummary, void, undefined> {
  const query: ListQuery = { limit: 100, active_first: false, ...options.query, count: 'none' };
  for (;;) {
    const { data: page, error, response } = await listResponses({ ...options, query });
    if (page === undefined) {
      throw response ? new ProblemError(error, response) : error;
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
 * Throws `ProblemError`, and what `fetch` throws.
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
      throw response ? new ProblemError(error, response) : error;
    }
    const seconds = Number.parseInt(response.headers.get('Retry-After') ?? '1', 10);
    await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
  }
}
