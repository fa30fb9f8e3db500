/** Throws `TypeError` for what is no array, like the text that plain JavaScript lets through. */
export declare function requireList(name: string, value: unknown): void;
/** Throws `TypeError` for a parameter of a query that the contract has not: the service would pass it over, and with it the filter. */
export declare function requireKnown(options: unknown): void;
