/** Throws `TypeError` for what is no array, like the text that plain JavaScript lets through. */
export declare function requireList(name: string, value: unknown): void;
