import { createClient } from './generated/client/index.js';
import { getReceipt, listResponses, } from './generated/index.js';
import { requireList } from './lists.js';
export * from './generated/index.js';
export * from './receipt.js';
/**
 * A client of the service at a URL, for the owner of an API key. Pass it as
 * `client` to `listResponses`, `getResponse` and `eraseResponse`.
 */
export function createLethe(baseUrl, key, config = {}) {
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
function requireLists(options) {
    const { query = {}, querySerializer } = options;
    const parameters = typeof querySerializer === 'object' ? (querySerializer.parameters ?? {}) : {};
    for (const [name, { array }] of Object.entries(parameters)) {
        if (array) {
            requireList(name, query[name] ?? []);
        }
    }
}
/** An answer of the service other than the one asked for. */
export class ProblemError extends Error {
    name = 'ProblemError';
    status;
    /** What the service says; undefined where something else answered, like a gateway in between. */
    problem;
    /** Seconds to wait before trying again, where told. */
    retryAfter;
    constructor(error, response) {
        const problem = isProblem(error) ? error : undefined;
        super(`${response.status} ${problem?.title ?? response.statusText}${problem ? `: ${problem.detail}` : ''}`);
        this.status = response.status;
        this.problem = problem;
        const seconds = Number.parseInt(response.headers.get('Retry-After') ?? '', 10);
        this.retryAfter = Number.isNaN(seconds) ? undefined : seconds;
    }
}
function isProblem(error) {
    return typeof error === 'object' && error !== null && 'detail' in error && 'request_id' in error;
}
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
export async function* allResponses(options) {
    const query = { limit: 100, active_first: false, ...options.query, count: 'none' };
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
export async function fetchReceipt(options) {
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
