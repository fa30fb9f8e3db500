import { form } from './receipt-form.gen.js';
/** Why nothing is proven: the words of docs/receipt-format.md, and `bad_key` for keys and salts that are none. */
export type VerifyErrorKind = (typeof form.words.kind)[number];
/** Nothing is proven. */
export declare class VerifyError extends Error {
    readonly name = "VerifyError";
    readonly kind: VerifyErrorKind;
    constructor(kind: VerifyErrorKind, reason: string);
}
/** What a receipt says; the fields that do not go with its level are left out. */
export interface ReceiptFields {
    version: 'lethe-receipt/1';
    id: string;
    log: string;
    level: (typeof form.words.level)[number];
    about?: string;
    trigger?: (typeof form.words.trigger)[number];
    rule?: {
        id: string;
        version: number;
    };
    ground?: string;
    requested_at?: string;
    executed_at: string;
    actor?: (typeof form.words.actor)[number];
    tool: 'lethe';
    build: string;
    method?: 'delete';
    /** Rows deleted, but for `kept_templates`: what somebody else's row needs. */
    counts?: Record<(typeof form.words.counts)[number], number>;
    responses?: string[];
    owners?: string[];
    /** The other receipts of an erasure that has several; in its first one only. */
    parts?: string[];
    verified: string;
    not_covered: (typeof form.words.not_covered)[number][];
}
/** What was proven: that the log holds these bytes. */
export interface VerifiedReceipt {
    receipt: ReceiptFields;
    /** The receipt's bytes. */
    leaf: Uint8Array;
    /** Its place in the log, from 0 on. */
    index: number;
    /** The checkpoint's. */
    log: string;
    size: number;
    root: Uint8Array;
    /** Who else has signed the checkpoint, and when. */
    witnesses: {
        name: string;
        time: Date;
    }[];
}
export interface VerifyOptions {
    /** Of the receipt, or the secret of a bulk erasure, in hex or base64. */
    salt?: string;
    /** Identifiers that must be among the erased; with `salt`. */
    responses?: string[];
    /** Owners who must be among those of the erased, as the database spells them; with `salt`. */
    owners?: string[];
    /** Another checkpoint of the log, which must not have been rewritten in between. */
    older?: Uint8Array | string;
    /** Reads a file of the log's mirror, like `tile/0/000`; undefined where there is none. With `older`. */
    tiles?: (path: string) => Promise<Uint8Array | undefined>;
}
/**
 * What the file of a receipt proves to who trusts the keys: public keys of the
 * log and of witnesses, one on each line. Nothing but the arguments is used, and
 * WebCrypto with Ed25519.
 *
 * Throws `VerifyError`, `TypeError` for a text where a list is meant, and what `tiles` throws.
 */
export declare function verifyReceipt(file: Uint8Array | string, keys: string, options?: VerifyOptions): Promise<VerifiedReceipt>;
