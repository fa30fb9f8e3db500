import type { Problem } from './generated/index.js';
/** The successes that the contract documents. */
export interface Documented {
    operations: {
        id: string;
        method: string;
        path: string;
        query?: string[];
        /** Whether it takes an Idempotency-Key. */
        keyed?: boolean;
        /** The type of an item, if it lists by cursor. */
        item?: string;
        /** `same` are the fields that repeat the path's parameters. */
        answers: Record<string, {
            media?: string;
            schema?: Shape;
            headers?: Record<string, Shape>;
            same?: string[];
        }>;
    }[];
    schemas: Record<string, Shape>;
}
/** What a client checks in a value. */
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
 * Any answer that is not a success as the contract documents it: its status,
 * media type, and required headers and fields. It always has the fields of a
 * `Problem`, even if the service did not send one.
 */
export declare class ProblemError extends Error implements Problem {
    readonly name = "ProblemError";
    /** The HTTP status, 0 if nothing answered; `cause` says why. */
    readonly status: number;
    /** The service's own problem; undefined if something else answered, such as a gateway in between. */
    readonly problem: Problem | undefined;
    /** As much of the answer as arrived, at most 64 KiB. */
    readonly body: string;
    /** The answer, if there is one. */
    readonly response: Response | undefined;
    /** Seconds to wait before trying again, if known. */
    readonly retryAfter: number | undefined;
    readonly type: string;
    readonly title: string;
    /** What is wrong according to the service, or what is wrong with the answer. */
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
/** The seconds in Retry-After, or until its date. */
export declare function retryAfter({ headers }: Response): number | undefined;
/** A `fetch` that returns only documented successes and throws everything else as `ProblemError`. */
export declare function documentedOnly(send: typeof fetch): typeof fetch;
type Operation = Documented['operations'][number];
/** The operation of a request, and the parameters of its path. */
export declare function operationOf({ method, url }: Request): {
    operation?: Operation;
    asked: string[];
};
/** The identifier in the path of a request, '' if there is none. */
export declare function askedFor(request: Request): string;
/** Whether an event is the end of the requested erasure; throws `ProblemError` if the event should carry that erasure but does not. */
export declare function isEnd(event: string | undefined, data: unknown, asked: string, response: Response | undefined): boolean;
export {};
