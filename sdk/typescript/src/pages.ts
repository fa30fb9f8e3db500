import type { Options } from './generated/index.js';
import type { TDataShape } from './generated/client/index.js';

/** The options of a list, except those that its iterator sets itself; `query.limit` is the page size, 100 by default. */
export type AllOptions<Data extends TDataShape> = Omit<Options<Data>, 'query' | 'throwOnError' | 'responseStyle'> & {
  query?: Omit<NonNullable<Data['query']>, 'skip' | 'count' | 'after'>;
};

interface Page<Item> {
  data: Item[];
  next_cursor: string | null;
}

/** Every item of a list, page by page; `lists.gen.ts` has an iterator for each list. Throws `ProblemError`. */
export async function* all<Item>(
  list: (options: never) => Promise<{ data?: Page<Item> | undefined; error?: unknown }>,
  options: { query?: object },
  defaults: object,
  fixed: object,
): AsyncGenerator<Item, void, undefined> {
  const query: Record<string, unknown> = { limit: 100, ...defaults, ...options.query, ...fixed };
  for (;;) {
    const { data: page, error } = await list({ ...options, query } as never);
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
