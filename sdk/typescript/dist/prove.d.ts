import { type Erasure, type ErasureFilter, type ErasurePreview, type GetReceiptData, type NewErasure, type Options } from './generated/index.js';
import { type VerifiedReceipt } from './receipt.js';
/** A receipt: its file, and what the file proves. */
export interface Receipt {
    id: string;
    file: string;
    proof: VerifiedReceipt;
}
/** What is erased and proven. */
export interface Outcome {
    /** The number of responses; `commits` tells whether a receipt names one. */
    responses: number;
    /** Deleted rows by kind, as the receipts state. */
    counts: Record<string, number>;
    /** Keep their files with the secret and the log's keys: together they prove the erasure to anyone, at any time. */
    receipts: Receipt[];
    /** Opens all receipts; sent only once. */
    secret: string;
    /** The public keys that the receipts were checked with. */
    keys: string;
    /** The final state; undefined for a single response. */
    erasure?: Erasure;
    /** What was counted before. If it is not `complete`, a filter matches more than one erasure takes: erase again. */
    preview?: ErasurePreview;
}
/** The options of each call, with those that say what receipts are checked with and for how long. */
export type ProveOptions = Omit<Options<{
    url: string;
}>, 'throwOnError' | 'responseStyle' | 'headers'> & {
    /** The log's public keys, one per line. Without them the service is asked, and then its own word is all that says that the log is the right one. */
    keys?: string;
    /** For how long to wait for the end and the receipts, in milliseconds; 600,000 by default. */
    wait?: number;
    headers?: {
        'X-Organization-Id'?: string;
    };
};
/** Exactly one of `responses` (identifiers), `owner` (a UUID or an e-mail address) and `filter`, and why. */
export type EraseOptions = ProveOptions & Omit<NewErasure, 'token'> & ({
    responses: string[];
    owner?: never;
    filter?: never;
} | {
    owner: string;
    responses?: never;
    filter?: never;
} | {
    filter: ErasureFilter;
    responses?: never;
    owner?: never;
});
/**
 * Erases responses, an owner's or those of a filter, waits until all are erased, and
 * checks every receipt.
 *
 * What a preview counts is erased at once; use `previewErasure` and `startErasure` if
 * somebody is to look at it first. A single response without `ground` and `ticket` is
 * erased in one call.
 *
 * Throws `HeldError`, `RefusedError`, `FailedError`, `WaitingError` and
 * `UnprovenError`, all of them `ErasureError`; `ProblemError` if a call fails before
 * anything is known to be erased.
 */
export declare function eraseAndProve(options: EraseOptions): Promise<Outcome>;
/**
 * Waits for a bulk erasure that was started before, and checks every receipt, like
 * `eraseAndProve`; `secret` is the `Receipt-Salt` of its start.
 */
export declare function proveErasure(options: ProveOptions & {
    erasureId: string;
    secret: string;
}): Promise<Outcome>;
/**
 * Returns the file of a receipt. Waits until the receipt is sealed, about two
 * seconds after its erasure, or until `signal` is aborted. `verifyReceipt` checks
 * the file.
 *
 * Throws `ProblemError`.
 */
export declare function fetchReceipt(options: Omit<Options<GetReceiptData>, 'throwOnError' | 'responseStyle'>): Promise<string>;
