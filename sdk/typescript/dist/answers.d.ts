import type { Problem } from './generated/index.js';
/** What the contract documents as success. */
export interface Documented {
    operations: {
        id: string;
        method: string;
        path: string;
        query?: string[];
        /** `same` are the fields that say again what the path's parameters do. */
        answers: Record<string, {
            media?: string;
            schema?: Shape;
            headers?: Record<string, Shape>;
            same?: string[];
        }>;
    }[];
    schemas: Record<string, Shape>;
}
/** What a client must be sure of in a value. */
export interface Shape {
    ref?: string;
    all?: Shape[];
    type?: string;
    format?: string;
    pattern?: string;
    nullable?: boolean;
    items?: Shape;
    required?: string[];
    properties?: Record<string, Shape>;
}
/**
 * Every answer other than a success as the contract documents it, with its
 * status, media type and required headers and fields, whoever answered. It has
 * the fields of a `Problem`, whether or not the service has said it.
 */
export declare class ProblemError extends Error implements Problem {
    readonly name = "ProblemError";
    /** The HTTP status, 0 if there was no answer at all: then `cause` is why. */
    readonly status: number;
    /** What the service says; undefined where something else answered, like a gateway in between. */
    readonly problem: Problem | undefined;
    /** What was answered, as far as it came, at most 64 KiB of it. */
    readonly body: string;
    /** The answer, where there is one. */
    readonly response: Response | undefined;
    /** Seconds to wait before trying again, where told. */
    readonly retryAfter: number | undefined;
    readonly type: string;
    readonly title: string;
    /** What the service says is wrong, or what is wrong with the answer. */
    readonly detail: string;
    readonly parameter?: string;
    readonly request_id: string;
    constructor(fault: string, about?: {
        response?: Response;
        problem?: Problem;
        body?: string;
        cause?: unknown;
    });
}
/** The seconds that Retry-After says, or that its date is away. */
export declare function retryAfter({ headers }: Response): number | undefined;
/** A `fetch` that lets only those answers through that are documented as a success; everything else it throws as `ProblemError`. */
export declare function documentedOnly(send: typeof fetch): typeof fetch;
/** The identifier in the path of a request, '' if there is none. */
export declare function askedFor(request: Request): string;
/** Whether an event of a stream is the end of the erasure that was asked for; throws `ProblemError` for one that should tell of it and does not. */
export declare function isEnd(event: string | undefined, data: unknown, asked: string, response: Response | undefined): boolean;
