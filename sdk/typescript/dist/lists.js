import { documented } from './answers.gen.js';
/** Throws `TypeError` for anything but an array, such as a string that plain JavaScript would accept. */
export function requireList(name, value) {
    if (!Array.isArray(value)) {
        throw new TypeError(`${name} must be an array, such as [value], not a ${typeof value}`);
    }
}
/** Throws `TypeError` for a query parameter that the contract does not have: the service would ignore it, and the filter with it. */
export function requireKnown(options) {
    const { method, url, query = {} } = options;
    const operation = documented.operations.find((o) => o.method === method && new RegExp(`^${o.path}`).test(url));
    for (const name of Object.keys(query)) {
        if (operation && !operation.query?.includes(name)) {
            const known = operation.query?.join(', ') ?? 'none';
            throw new TypeError(`${name} is not a parameter of ${operation.id}; known parameters: ${known}`);
        }
    }
}
