/** Throws `TypeError` for anything but an array, such as a string that plain JavaScript would accept. */
export declare function requireList(name: string, value: unknown): void;
/** Throws `TypeError` for a query parameter that the contract does not have: the service would ignore it, and the filter with it. */
export declare function requireKnown(options: unknown): void;
