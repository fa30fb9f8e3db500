import type { Erasure } from './generated/index.js';
import type { Outcome } from './prove.js';
interface About {
    erasure?: Erasure | undefined;
    outcome?: Outcome | undefined;
    cause?: unknown;
}
/** An erasure that is not both complete and proven. */
export declare class ErasureError extends Error {
    readonly name: string;
    /** As it is; undefined for a single response, which is erased in one call. */
    readonly erasure: Erasure | undefined;
    /** What is erased and proven anyway, with its secret; undefined if nothing is. */
    readonly outcome: Outcome | undefined;
    constructor(message: string, { erasure, outcome, cause }?: About);
}
/** Holds cover a part, which is kept. */
export declare class HeldError extends ErasureError {
    /** Their identifiers, for callers who may see them. */
    readonly holds: string[];
    readonly name = "HeldError";
    constructor(message: string, 
    /** Their identifiers, for callers who may see them. */
    holds: string[], about?: About);
}
/** Somebody refused the erasure, or the database refuses to delete a part of it, which is kept. */
export declare class RefusedError extends ErasureError {
    readonly name = "RefusedError";
}
/** The erasure failed or was canceled, or parts are not erased for other or several reasons: see `erasure.failures`. */
export declare class FailedError extends ErasureError {
    readonly name = "FailedError";
}
/** The time is over and the erasure is not finished, for example because it awaits approval. */
export declare class WaitingError extends ErasureError {
    readonly erasureId: string;
    /** For `proveErasure`, which waits again: sent only once, and opens the receipts. */
    readonly secret: string;
    readonly name = "WaitingError";
    constructor(erasureId: string, 
    /** For `proveErasure`, which waits again: sent only once, and opens the receipts. */
    secret: string, about: About);
}
/** Begun, but not proven: a call failed, or a receipt is missing or wrong; `cause` says why. */
export declare class UnprovenError extends ErasureError {
    readonly erasureId: string;
    /** For `proveErasure`, which tries again. */
    readonly secret: string;
    readonly name = "UnprovenError";
    constructor(message: string, erasureId: string, 
    /** For `proveErasure`, which tries again. */
    secret: string, about: About);
}
export {};
