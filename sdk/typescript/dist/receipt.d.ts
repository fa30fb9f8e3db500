import { form } from './receipt-form.gen.js';
/** Why nothing is proven: the words of docs/receipt-format.md, and `bad_key` for invalid keys and salts. */
export type VerifyErrorKind = (typeof form.words.kind)[number];
/** Nothing is proven. */
export declare class VerifyError extends Error {
    readonly name = "VerifyError";
    readonly kind: VerifyErrorKind;
    constructor(kind: VerifyErrorKind, reason: string);
}
/** The fields of a receipt; those that do not apply to its level are left out. */
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
    /** Deleted rows; `kept_templates` are those kept because another row needs them. */
    counts?: Record<(typeof form.words.counts)[number], number>;
    responses?: string[];
    owners?: string[];
    /** The other receipts of an erasure that has several; only in its first receipt. */
    parts?: string[];
    verified: string;
    not_covered: (typeof form.words.not_covered)[number][];
}
/** What is proven: the log contains these bytes. */
export interface VerifiedReceipt {
    receipt: ReceiptFields;
    /** The receipt's bytes. */
    leaf: Uint8Array;
    /** Its position in the log, from 0. */
    index: number;
    /** Of the checkpoint. */
    log: string;
    size: number;
    root: Uint8Array;
    /** The witnesses that signed the checkpoint, and when. */
    witnesses: {
        name: string;
        time: Date;
    }[];
}
export interface VerifyOptions {
    /** Of the receipt, or the secret of a bulk erasure, in hex or base64. */
    salt?: string;
    /** Identifiers of responses that the receipt must contain; with `salt`. */
    responses?: string[];
    /** Owners that the receipt must contain, as the database spells them; with `salt`. */
    owners?: string[];
    /** Another checkpoint of the log, which must not have been rewritten in between. */
    older?: Uint8Array | string;
    /** Reads a file of the log's mirror, such as `tile/0/000`; undefined if it does not exist. With `older`. */
    tiles?: (path: string) => Promise<Uint8Array | undefined>;
}
/**
 * Returns what the file of a receipt proves to anyone who trusts the keys: the public
 * keys of the log and its witnesses, one per line. Uses only its arguments and
 * WebCrypto with Ed25519.
 *
 * Throws `VerifyError`, `TypeError` for a string in place of a list, and whatever `tiles` throws.
 */
export declare function verifyReceipt(file: Uint8Array | string, keys: string, options?: VerifyOptions): Promise<VerifiedReceipt>;
type Bytes = Uint8Array<ArrayBuffer>;
/** Kinds and public keys, by name and key hash. */
export declare function parseKeys(text: string): Promise<Map<string, Bytes>>;
/**
 * Whether the receipt of an erasure names this response, or this owner; `salt` is that
 * of the receipt, or the secret of a bulk erasure. Throws `VerifyError` for an invalid salt.
 */
export declare function commits(receipt: ReceiptFields, salt: string, name: {
    response: string;
} | {
    owner: string;
}): Promise<boolean>;
export {};
