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
export declare function all<Item>(list: (options: never) => Promise<{
    data?: Page<Item> | undefined;
    error?: unknown;
}>, options: {
    query?: object;
}, defaults: object, fixed: object): AsyncGenerator<Item, void, undefined>;
export {};
