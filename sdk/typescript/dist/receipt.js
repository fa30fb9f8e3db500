// Checks receipts of erasures offline, as docs/receipt-format.md describes.
import { requireList } from './lists.js';
import { form } from './receipt-form.gen.js';
/** Nothing is proven. */
export class VerifyError extends Error {
    name = 'VerifyError';
    kind;
    constructor(kind, reason) {
        super(reason);
        this.kind = kind;
    }
}
/**
 * Returns what the file of a receipt proves to anyone who trusts the keys: the public
 * keys of the log and its witnesses, one per line. Uses only its arguments and
 * WebCrypto with Ed25519.
 *
 * Throws `VerifyError`, `TypeError` for a string in place of a list, and whatever `tiles` throws.
 */
export async function verifyReceipt(file, keys, options = {}) {
    requireList('responses', options.responses ?? []);
    requireList('owners', options.owners ?? []);
    const { leaf, index, path, signed } = parseProof(toText(file));
    const known = await parseKeys(keys);
    const { witnesses, ...checkpoint } = await openCheckpoint(signed, known);
    // First check that the log contains these bytes, then what they say.
    const root = await rootOf(await sha256(join([0], leaf)), index, checkpoint.size, path);
    must(root !== undefined && same(root, checkpoint.root), 'not_included', `the receipt or its proof was modified after sealing: it is not leaf ${index} of the log's tree of size ${checkpoint.size}`);
    const receipt = parseReceipt(toText(leaf));
    must(receipt.log === checkpoint.log, 'other_log', 'receipt and checkpoint are of different logs');
    if (options.older !== undefined) {
        await checkHistory(checkpoint, await openCheckpoint(toText(options.older), known), options.tiles);
    }
    await checkCommitments(receipt, options);
    return { receipt, leaf, index, ...checkpoint, witnesses };
}
const maxFile = 2 << 20;
const maxReceipt = (1 << 16) - 1;
const maxCheckpoint = 64 << 10;
const maxHashes = 53;
const lastSecond = 253402300799n; // of the year 9999
const logKey = 1;
const witnessKey = 4;
function must(holds, kind, otherwise) {
    if (!holds) {
        throw new VerifyError(kind, otherwise);
    }
}
// Files are handled as text with one character per byte, so that decoding cannot lose a byte.
function toText(file) {
    const bytes = typeof file === 'string' ? new TextEncoder().encode(file) : file;
    let text = '';
    for (let at = 0; at < bytes.length; at += 4096) {
        text += String.fromCharCode(...bytes.subarray(at, at + 4096));
    }
    return text;
}
function toBytes(text) {
    return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
function join(...parts) {
    const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
    let at = 0;
    for (const part of parts) {
        all.set(part, at);
        at += part.length;
    }
    return all;
}
function same(a, b) {
    return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
function hex(bytes) {
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
async function sha256(data) {
    return new Uint8Array(await crypto.subtle.digest('SHA-256', data));
}
function node(left, right) {
    return sha256(join([1], left, right));
}
function decode(text, kind, length) {
    let raw = '';
    try {
        raw = atob(text);
    }
    catch {
        // Its form tells.
    }
    must(btoa(raw) === text && (length === undefined || raw.length === length), kind, 'base64 is not canonical');
    return toBytes(raw);
}
function parseNumber(text, kind) {
    const number = /^(0|[1-9][0-9]{0,15})$/.test(text) ? Number(text) : NaN;
    must(Number.isSafeInteger(number), kind, 'a number is invalid or too large');
    return number;
}
/** The text before the first empty line, and what follows it. */
function cut(text) {
    const at = text.indexOf('\n\n');
    return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 2)];
}
function parseProof(file) {
    const kind = 'bad_proof';
    must(file.length <= maxFile, kind, 'the file is too long');
    const [head, signed] = cut(file);
    const [version, extra, index, ...path] = head.split('\n');
    must(version === 'c2sp.org/tlog-proof@v1', kind, 'the file is not a receipt');
    must(extra !== undefined && extra.startsWith('extra ') && index !== undefined && index.startsWith('index '), kind, "the file does not have the lines of a proof");
    must(path.length <= maxHashes, kind, 'the proof has more hashes than any tree needs');
    const leaf = decode(extra.slice(6), kind);
    must(leaf.length > 0 && leaf.length <= maxReceipt, kind, 'the receipt is missing or too long');
    return { leaf, index: parseNumber(index.slice(6), kind), path: path.map((hash) => decode(hash, kind, 32)), signed };
}
/** The root that the path leads to (RFC 9162, 2.1.3.2). */
async function rootOf(leaf, index, size, path) {
    if (index >= size) {
        return undefined;
    }
    const half = (n) => Math.floor(n / 2); // they have more bits than >> takes
    let root = leaf;
    let last = size - 1;
    for (const sibling of path) {
        if (last === 0) {
            return undefined;
        }
        if (index % 2 === 1 || index === last) {
            root = await node(sibling, root);
            while (index > 0 && index % 2 === 0) {
                [index, last] = [half(index), half(last)];
            }
        }
        else {
            root = await node(root, sibling);
        }
        [index, last] = [half(index), half(last)];
    }
    return last === 0 ? root : undefined;
}
const nameForm = '[!#-*,-\\[\\]-~]{1,255}';
const keyForm = new RegExp(`^(${nameForm})\\+([0-9a-f]{8})\\+(.*)$`);
const signatureForm = new RegExp(`^${toText('— ')}(${nameForm}) ([^ ]+)$`);
/** Kinds and public keys, by name and key hash. */
export async function parseKeys(text) {
    const keys = new Map();
    for (const line of text.split('\n').map((line) => line.trim())) {
        if (line === '') {
            continue;
        }
        const [, name, id, encoded] = keyForm.exec(line) ?? [];
        must(encoded !== undefined, 'bad_key', 'invalid key: want name+01234567+base64');
        const key = decode(encoded, 'bad_key', 33);
        const hash = await sha256(join(toBytes(`${name}\n`), key));
        must((key[0] === logKey || key[0] === witnessKey) && hex(hash.subarray(0, 4)) === id, 'bad_key', 'invalid key: its hash or kind does not match');
        keys.set(`${name}+${id}`, key);
    }
    must(keys.size > 0, 'bad_key', "give the log's public key: without one nothing can be proven");
    return keys;
}
/** Every signature must be valid, and one must be the log's. */
async function openCheckpoint(signed, keys) {
    const kind = 'bad_checkpoint';
    must(signed.length <= maxCheckpoint, kind, 'the checkpoint is too long');
    const [body, lines] = cut(signed);
    const [log, sizeText, rootText, ...more] = body.split('\n');
    must(log !== undefined && new RegExp(`^${nameForm}$`).test(log) &&
        sizeText !== undefined && rootText !== undefined && more.length === 0, kind, 'a checkpoint must have three lines: origin, size and root');
    const size = parseNumber(sizeText, kind);
    const root = decode(rootText, kind, 32);
    must(size > 0 || same(root, await sha256(join())), kind, 'the root is not that of an empty tree');
    must(lines.endsWith('\n'), kind, "the checkpoint's signatures are missing or cut off");
    const signatures = lines.slice(0, -1).split('\n').map((line) => {
        const [, name, encoded] = signatureForm.exec(line) ?? [];
        must(name !== undefined && encoded !== undefined, kind, "the checkpoint has an invalid signature line");
        const raw = decode(encoded, kind);
        must(raw.length > 4, kind, "the checkpoint has an invalid signature line");
        const id = hex(raw.subarray(0, 4));
        // A space is before all that names may hold.
        return { name, key: `${name}+${id}`, order: `${name === log ? 0 : 1}${name} ${id}`, raw: raw.subarray(4) };
    });
    must(signatures.every(({ order }, at) => at === 0 || signatures[at - 1].order < order), kind, 'signatures are out of order, or a key signs twice');
    const witnesses = [];
    let byLog = false;
    for (const { name, key: id, raw } of signatures) {
        const key = keys.get(id);
        must(key !== undefined, 'unknown_key', `the checkpoint is signed with ${id}, and that key is not given`);
        const witness = key[0] === witnessKey;
        must(witness || name === log, 'unknown_key', 'the checkpoint is signed with the key of another log');
        const wrong = `the checkpoint's signature with ${id} is wrong`;
        must(raw.length === (witness ? 72 : 64), 'bad_signature', wrong);
        let message = `${body}\n`;
        if (witness) {
            const seconds = new DataView(raw.buffer, raw.byteOffset).getBigUint64(0);
            must(seconds <= lastSecond, 'bad_signature', wrong);
            message = `cosignature/v1\ntime ${seconds}\n${message}`;
            witnesses.push({ name, time: new Date(Number(seconds) * 1000) });
        }
        byLog ||= !witness;
        must(await signedBy(key.subarray(1), raw.subarray(-64), toBytes(message)), 'bad_signature', wrong);
    }
    must(byLog, 'unknown_key', 'the checkpoint is not signed by the log itself');
    return { log, size, root, witnesses };
}
async function signedBy(key, signature, message) {
    let imported;
    try {
        imported = await crypto.subtle.importKey('raw', key, 'Ed25519', false, ['verify']);
    }
    catch (error) {
        if (error instanceof DOMException && error.name === 'DataError') {
            return false; // not a point of the curve
        }
        throw error;
    }
    return crypto.subtle.verify('Ed25519', imported, signature, message);
}
async function checkHistory(one, other, read) {
    const [older, newer] = one.size < other.size ? [one, other] : [other, one];
    must(older.log === newer.log, 'other_log', 'the checkpoints are of different logs');
    const rewritten = 'the log was rewritten: it has signed checkpoints that contradict each other; keep both, they are the evidence';
    if (older.size === 0) {
        return;
    }
    if (older.size === newer.size) {
        must(same(older.root, newer.root), 'rewritten', rewritten);
        return;
    }
    must(read !== undefined, 'bad_tiles', "comparing checkpoints of different sizes needs the log's tiles");
    const [before, after] = await roots(treeOf(newer.size, read), older.size, 0, newer.size);
    must(same(after, newer.root), 'bad_tiles', "the tiles do not match the larger checkpoint");
    must(same(before, older.root), 'rewritten', rewritten);
}
/** Computes roots from tiles (C2SP tlog-tiles). */
function treeOf(size, read) {
    const tiles = new Map();
    async function tile(level, number) {
        const width = Math.min(256, Math.floor(size / 256 ** level) - 256 * number);
        const digits = String(number);
        const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/.../g) ?? [];
        const full = `tile/${level}/${groups.map((group, at) => (at < groups.length - 1 ? 'x' : '') + group).join('/')}`;
        const known = tiles.get(full);
        if (known) {
            return known;
        }
        let hashes = width < 256 ? await read(`${full}.p/${width}`) : undefined;
        const wanted = hashes ? width : 256;
        hashes ??= await read(full);
        must(hashes !== undefined && hashes.length === 32 * wanted, 'bad_tiles', `${full} is missing or damaged`);
        const cut = join(hashes.subarray(0, 32 * width));
        tiles.set(full, cut);
        return cut;
    }
    return async function root(first, count) {
        const height = Math.log2(count);
        if (!Number.isInteger(height)) {
            const half = halfOf(count);
            return node(await root(first, half), await root(first + half, count - half));
        }
        const level = Math.floor(height / 8);
        const at = first / 256 ** level;
        const hashes = await tile(level, Math.floor(at / 256));
        let nodes = Array.from({ length: 2 ** (height % 8) }, (_, n) => hashes.slice(32 * ((at % 256) + n), 32 * ((at % 256) + n + 1)));
        while (nodes.length > 1) {
            nodes = await Promise.all(Array.from({ length: nodes.length / 2 }, (_, n) => node(nodes[2 * n], nodes[2 * n + 1])));
        }
        return nodes[0];
    };
}
/** The largest power of two below count. */
function halfOf(count) {
    let half = 1;
    while (half * 2 < count) {
        half *= 2;
    }
    return half;
}
/** The roots of the first `old` leaves and of all leaves, computed from the same nodes. */
async function roots(tree, old, first, count) {
    if (old === count) {
        const both = await tree(first, count);
        return [both, both];
    }
    const half = halfOf(count);
    if (old <= half) {
        const [before, left] = await roots(tree, old, first, half);
        return [before, await node(left, await tree(first + half, count - half))];
    }
    const left = await tree(first, half);
    const [before, right] = await roots(tree, old - half, first + half, count - half);
    return [await node(left, before), await node(left, right)];
}
// The one form of a receipt, generated from the service's own types: docs/receipt-format.md describes it.
const receiptForms = [form.erasure, form.later].map((fields) => new RegExp(`^${fields.join('')}$`));
function parseReceipt(text) {
    const kind = 'bad_receipt';
    must(receiptForms.some((one) => one.test(text)), kind, 'the receipt is malformed');
    const receipt = JSON.parse(text);
    must(receipt.about !== receipt.id, kind, 'the receipt is about itself');
    const verified = form.verified[receipt.level];
    must(verified.includes(receipt.verified), kind, 'the way of verification does not fit the level');
    must(receipt.not_covered.join() === form.words.not_covered.filter((gap) => receipt.not_covered.includes(gap)).join(), kind, 'not_covered is out of order');
    for (const time of [receipt.requested_at ?? receipt.executed_at, receipt.executed_at]) {
        const milliseconds = `${time.slice(0, 23)}Z`;
        const date = new Date(milliseconds);
        must(!Number.isNaN(date.getTime()) && date.toISOString() === milliseconds && date.getTime() >= 0, kind, 'a time is invalid or before 1970');
    }
    for (const list of [receipt.responses ?? [], receipt.owners ?? []]) {
        const raw = list.map((commitment) => hex(decode(commitment, kind, 32)));
        must(raw.every((commitment, at) => at === 0 || raw[at - 1] < commitment), kind, 'commitments are out of order or repeated');
    }
    const parts = receipt.parts ?? [];
    must(parts.every((part, at) => part !== receipt.id && (at === 0 || parts[at - 1] < part)), kind, 'parts are out of order, repeated, or name the receipt itself');
    const numbers = [...Object.values(receipt.counts ?? {}), receipt.rule?.version ?? 1];
    must(numbers.every(Number.isSafeInteger), kind, 'a number is too large');
    must((receipt.counts?.requests ?? 0) <= (receipt.responses?.length ?? 0), kind, 'too few commitments');
    return receipt;
}
async function checkCommitments(receipt, { salt = '', responses = [], owners = [] }) {
    if (responses.length === 0 && owners.length === 0) {
        return;
    }
    secretOf(salt);
    must(receipt.level === 'logical', 'wrong_commitment', 'this receipt has no commitments: check the receipt of the erasure');
    const find = async (name, field) => {
        must((receipt[field] ?? []).length > 0, 'wrong_commitment', `the receipt has no ${field}: check it without`);
        must(await commits(receipt, salt, name), 'wrong_commitment', `not among the receipt's ${field}, or the salt belongs to another receipt${otherParts(receipt)}`);
    };
    for (const response of responses) {
        await find({ response }, 'responses');
    }
    for (const owner of owners) {
        await find({ owner }, 'owners');
    }
}
/**
 * Whether the receipt of an erasure names this response, or this owner; `salt` is that
 * of the receipt, or the secret of a bulk erasure. Throws `VerifyError` for an invalid salt.
 */
export async function commits(receipt, salt, name) {
    const secret = secretOf(salt);
    const salts = [secret, await hmac(secret, 'erasure-salt-v1', receipt.id)];
    const [domain, text, among] = 'response' in name
        ? ['erasure-response-v1', name.response.toLowerCase(), receipt.responses]
        : ['erasure-owner-v1', name.owner, receipt.owners];
    const commitments = await Promise.all(salts.map((key) => hmac(key, domain, text)));
    return commitments.some((commitment) => among?.includes(btoa(toText(commitment))));
}
function secretOf(salt) {
    return /^[0-9a-fA-F]{64}$/.test(salt)
        ? Uint8Array.from(salt.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))
        : decode(salt, 'bad_key', 32);
}
/** Which other receipts to check for anything this receipt does not contain. */
function otherParts({ parts = [] }) {
    if (parts.length === 0) {
        return '';
    }
    const named = parts.slice(0, 3).concat(parts.length > 3 ? [`${parts.length - 3} more`] : []);
    const names = [named.slice(0, -1).join(', '), ...named.slice(-1)].filter(Boolean).join(' and ');
    const others = parts.length > 1 ? 'others' : 'other one';
    return `; this receipt is one of ${parts.length + 1} parts of its erasure: fetch and verify the ${others}, too: ${names}`;
}
async function hmac(key, domain, text) {
    const imported = await crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
    return new Uint8Array(await crypto.subtle.sign('HMAC', imported, new TextEncoder().encode(`${domain}\0${text}`)));
}
