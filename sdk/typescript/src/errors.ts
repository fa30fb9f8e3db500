import type { Erasure } from './generated/index.js';
import type { Outcome } from './prove.js';

interface About {
  erasure?: Erasure | undefined;
  outcome?: Outcome | undefined;
  cause?: unknown;
}

/** An erasure that is not both complete and proven. */
export class ErasureError extends Error {
  override readonly name: string = 'ErasureError';
  /** As it is; undefined for a single response, which is erased in one call. */
  readonly erasure: Erasure | undefined;
  /** What is erased and proven anyway, with its secret; undefined if nothing is. */
  readonly outcome: Outcome | undefined;

  constructor(message: string, { erasure, outcome, cause }: About = {}) {
    super(message, { cause });
    this.erasure = erasure;
    this.outcome = outcome;
  }
}

/** Holds cover a part, which is kept. */
export class HeldError extends ErasureError {
  override readonly name = 'HeldError';

  constructor(
    message: string,
    /** Their identifiers, for callers who may see them. */
    readonly holds: string[],
    about: About = {},
  ) {
    super(message, about);
  }
}

/** Somebody refused the erasure, or the database refuses to delete a part of it, which is kept. */
export class RefusedError extends ErasureError {
  override readonly name = 'RefusedError';
}

/** The erasure failed or was canceled, or parts are not erased for other or several reasons: see `erasure.failures`. */
export class FailedError extends ErasureError {
  override readonly name = 'FailedError';
}

/** The time is over and the erasure is not finished, for example because it awaits approval. */
export class WaitingError extends ErasureError {
  override readonly name = 'WaitingError';

  constructor(
    readonly erasureId: string,
    /** For `proveErasure`, which waits again: sent only once, and opens the receipts. */
    readonly secret: string,
    about: About,
  ) {
    super(`the erasure ${erasureId} is not finished yet; its state is ${about.erasure?.state ?? 'unknown'}`, about);
  }
}

/** Begun, but not proven: a call failed, or a receipt is missing or wrong; `cause` says why. */
export class UnprovenError extends ErasureError {
  override readonly name = 'UnprovenError';

  constructor(
    message: string,
    readonly erasureId: string,
    /** For `proveErasure`, which tries again. */
    readonly secret: string,
    about: About,
  ) {
    super(`the erasure ${erasureId} is not proven: ${message}`, about);
  }
}
