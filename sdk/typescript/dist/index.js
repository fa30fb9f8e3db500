import { createClient } from './generated/client/index.js';
import { watchErasure as watch, } from './generated/index.js';
import { ProblemError } from './answers.js';
import { checked } from './client.js';
import { requireKnown, requireList } from './lists.js';
export * from './generated/index.js';
export * from './errors.js';
export * from './lists.gen.js';
export * from './prove.js';
export * from './receipt.js';
export { ProblemError };
/**
 * A client of the service at a URL, for the owner of an API key. Pass it as
 * `client` to `listResponses`, `getResponse` and `eraseResponse`.
 *
 * Success is what the contract documents; everything else is a `ProblemError`.
 * Redirects are not followed. `config`, and the options of each call, can have a
 * `timeout` for one attempt and a `retry`, which says how often a call is sent.
 */
export function createLethe(baseUrl, key, config = {}) {
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
function requireLists(options) {
    const { query = {}, querySerializer } = options;
    const parameters = typeof querySerializer === 'object' ? (querySerializer.parameters ?? {}) : {};
    for (const [name, { array }] of Object.entries(parameters)) {
        if (array) {
            requireList(name, query[name] ?? []);
        }
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
export async function watchErasure(options) {
    const { stream } = await watch(options);
    return { stream: stream };
}
