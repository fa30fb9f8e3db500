import { type Client, type Config, createClient } from './generated/client/index.js';
import {
  listResponses,
  type ListResponsesData,
  type Options,
  type Problem,
  type ResponseSummary,
} from './generated/index.js';

export * from './generated/index.js';
export type { Client, Config };

/**
 * A client of the service at a URL, for the owner of an API key. Pass it as
 * `client` to `listResponses`, `getResponse` and `eraseResponse`.
 */
export function createLethe(baseUrl: string, key: string, config: Config = {}): Client {
  return createClient({
    ...config,
    baseUrl,
    // A plain string would also be sent as session and as proxy's user.
    auth: ({ scheme }) => (scheme === 'bearer' ? key : undefined),
  });
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
  query?: Omit<ListQuery, 'skip' | 'active_first'>;
};

/**
 * Goes through every response that matches, newest first, page by page;
 * `query.limit` is the size of a page, 100 by default.
 *
 * Each page begins where the one before ended, in time. So responses may come
 * in, change or be erased meanwhile, and none is told twice or left out, as
 * long as no more than a page of them were created at the very same time.
 *
 * Throws `ProblemError`, and what `fetch` throws.
 */
export async function* allResponses(options: AllOptions): AsyncGenerator<ResponseSummary, void, undefined> {
  const query: ListQuery & { skip: number } = { limit: 100, ...options.query, active_first: false, skip: 0 };
  const told = new Set<string>(); // those created at the very time where the page begins
  for (;;) {
    const { data: page, error, response } = await listResponses({ ...options, query });
    if (page === undefined) {
      throw response ? new ProblemError(error, response) : error;
    }
    for (const summary of page.data) {
      if (!told.has(summary.id)) {
        yield summary;
      }
    }
    const last = page.data.at(-1)?.created_at;
    if (last === undefined || page.data.length < page.limit) {
      return;
    }
    if (last === query.created_before) {
      query.skip += page.data.length;
    } else {
      query.created_before = last;
      query.skip = 0;
      told.clear();
    }
    for (const summary of page.data) {
      if (summary.created_at === last) {
        told.add(summary.id);
      }
    }
  }
}
