import { documented } from './answers.gen.js';
import type { RequestOptions } from './generated/client/index.js';

/** Throws `TypeError` for what is no array, like the text that plain JavaScript lets through. */
export function requireList(name: string, value: unknown): void {
  if (!Array.isArray(value)) {
    throw new TypeError(`${name} must be an array, such as [value], not a ${typeof value}`);
  }
}

/** Throws `TypeError` for a parameter of a query that the contract has not: the service would pass it over, and with it the filter. */
export function requireKnown(options: unknown): void {
  const { method, url, query = {} } = options as Pick<RequestOptions, 'method' | 'url' | 'query'>;
  const operation = documented.operations.find((o) => o.method === method && new RegExp(`^${o.path}`).test(url));
  for (const name of Object.keys(query)) {
    if (operation && !operation.query?.includes(name)) {
      const known = operation.query?.join(', ') ?? 'none';
      throw new TypeError(`${name} is no parameter of ${operation.id}; there are: ${known}`);
    }
  }
}
