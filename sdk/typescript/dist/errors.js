/** An erasure that is not both complete and proven. */
export class ErasureError extends Error {
    name = 'ErasureError';
    /** As it is; undefined for a single response, which is erased in one call. */
    erasure;
    /** What is erased and proven anyway, with its secret; undefined if nothing is. */
    outcome;
    constructor(message, { erasure, outcome, cause } = {}) {
        super(message, { cause });
        this.erasure = erasure;
        this.outcome = outcome;
    }
}
/** Holds cover a part, which is kept. */
export class HeldError extends ErasureError {
    holds;
    name = 'HeldError';
    constructor(message, 
    /** Their identifiers, for callers who may see them. */
    holds, about = {}) {
        super(message, about);
        this.holds = holds;
    }
}
/** Somebody refused the erasure, or the database refuses to delete a part of it, which is kept. */
export class RefusedError extends ErasureError {
    name = 'RefusedError';
}
/** The erasure failed or was canceled, or parts are not erased for other or several reasons: see `erasure.failures`. */
export class FailedError extends ErasureError {
    name = 'FailedError';
}
/** The time is over and the erasure is not finished, for example because it awaits approval. */
export class WaitingError extends ErasureError {
    erasureId;
    secret;
    name = 'WaitingError';
    constructor(erasureId, 
    /** For `proveErasure`, which waits again: sent only once, and opens the receipts. */
    secret, about) {
        super(`the erasure ${erasureId} is not finished yet; its state is ${about.erasure?.state ?? 'unknown'}`, about);
        this.erasureId = erasureId;
        this.secret = secret;
    }
}
/** Begun, but not proven: a call failed, or a receipt is missing or wrong; `cause` says why. */
export class UnprovenError extends ErasureError {
    erasureId;
    secret;
    name = 'UnprovenError';
    constructor(message, erasureId, 
    /** For `proveErasure`, which tries again. */
    secret, about) {
        super(`the erasure ${erasureId} is not proven: ${message}`, about);
        this.erasureId = erasureId;
        this.secret = secret;
    }
}
