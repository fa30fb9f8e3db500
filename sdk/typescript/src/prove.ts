import { ProblemError, retryAfter } from './answers.js';
import { sleep } from './client.js';
import { FailedError, HeldError, RefusedError, UnprovenError, WaitingError } from './errors.js';
import {
  type Erasure,
  type ErasureFilter,
  type ErasurePreview,
  eraseResponse,
  getErasure,
  getLogKeys,
  getReceipt,
  type GetReceiptData,
  type NewErasure,
  type Options,
  previewErasure,
  startErasure,
  watchErasure,
} from './generated/index.js';
import { allErasureReceipts } from './lists.gen.js';
import { requireList } from './lists.js';
import { parseKeys, commits, type VerifiedReceipt, verifyReceipt } from './receipt.js';

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
export type ProveOptions = Omit<Options<{ url: string }>, 'throwOnError' | 'responseStyle' | 'headers'> & {
  /** The log's public keys, one per line. Without them the service is asked, and then its own word is all that says that the log is the right one. */
  keys?: string;
  /** For how long to wait for the end and the receipts, in milliseconds; 600,000 by default. */
  wait?: number;
  headers?: { 'X-Organization-Id'?: string };
};

/** Exactly one of `responses` (identifiers), `owner` (a UUID or an e-mail address) and `filter`, and why. */
export type EraseOptions = ProveOptions &
  Omit<NewErasure, 'token'> &
  (
    | { responses: string[]; owner?: never; filter?: never }
    | { owner: string; responses?: never; filter?: never }
    | { filter: ErasureFilter; responses?: never; owner?: never }
  );

/** What a preview counted may have changed before the erasure starts; then preview again. */
const maxPreviews = 3;

/** States of an erasure that has ended. */
const ended = ['finished', 'canceled', 'failed', 'refused'];

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
export async function eraseAndProve(options: EraseOptions): Promise<Outcome> {
  const { responses, owner, filter, include_later_turns, ground, ticket, ...rest } = options;
  if ([responses, owner, filter].filter((given) => given !== undefined).length !== 1) {
    throw new TypeError('give exactly one of responses, owner and filter');
  }
  if (responses) {
    requireList('responses', responses);
  }
  const end = Date.now() + (rest.wait ?? 600_000);
  const { call, keys } = await prepare(rest);
  const [only, ...others] = responses ?? [];
  if (only !== undefined && others.length === 0 && ground === undefined && ticket === undefined) {
    return eraseOne(call, only, include_later_turns, keys, end);
  }
  const target = given({ responses, owner, filter, include_later_turns });
  for (let n = 1; ; n += 1) {
    const { data: preview } = await previewErasure({ ...call, body: target, throwOnError: true });
    const body = { ...target, ...given({ ground, ticket }), token: preview.token };
    const { data: erasure, error, response } = await startErasure({ ...call, body });
    if (erasure) {
      return prove(call, erasure, response.headers.get('Receipt-Salt') ?? '', keys, end, preview);
    }
    if (!(error instanceof ProblemError) || error.status !== 409 || n === maxPreviews) {
      throw error;
    }
  }
}

/**
 * Waits for a bulk erasure that was started before, and checks every receipt, like
 * `eraseAndProve`; `secret` is the `Receipt-Salt` of its start.
 */
export async function proveErasure(options: ProveOptions & { erasureId: string; secret: string }): Promise<Outcome> {
  const { erasureId, secret, ...rest } = options;
  const end = Date.now() + (rest.wait ?? 600_000);
  const { call, keys } = await prepare(rest);
  const { data: erasure } = await getErasure({ ...call, path: { erasure_id: erasureId }, throwOnError: true });
  return prove(call, erasure, secret, keys, end);
}

/**
 * Returns the file of a receipt. Waits until the receipt is sealed, about two
 * seconds after its erasure, or until `signal` is aborted. `verifyReceipt` checks
 * the file.
 *
 * Throws `ProblemError`.
 */
export async function fetchReceipt(
  options: Omit<Options<GetReceiptData>, 'throwOnError' | 'responseStyle'>,
): Promise<string> {
  for (;;) {
    const { data, error, response } = await getReceipt(options);
    if (response?.status === 200 && typeof data === 'string') {
      return data;
    }
    if (response?.status !== 202) {
      throw error;
    }
    await sleep(1000 * Math.min(Math.max(retryAfter(response) ?? 1, 0.1), 30), { signal: options.signal ?? null });
  }
}

type Call = Omit<ProveOptions, 'keys' | 'wait'>;

/** The options of each call, and the keys, which are read before anything is erased. */
async function prepare({ keys, wait: _, ...call }: ProveOptions): Promise<{ call: Call; keys: string }> {
  const read = keys ?? (await getLogKeys({ ...call, throwOnError: true })).data;
  await parseKeys(read);
  return { call, keys: read };
}

/** The fields that are given. */
function given<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}

async function eraseOne(
  call: Call,
  id: string,
  include_later_turns: boolean | undefined,
  keys: string,
  end: number,
): Promise<Outcome> {
  const query = given({ include_later_turns });
  const { error, response } = await eraseResponse({ ...call, path: { request_id: id }, query });
  if (error instanceof ProblemError && error.status === 409) {
    const holds = error.detail.split('expire: ')[1]?.match(uuids) ?? [];
    throw error.detail.includes(' is held ')
      ? new HeldError(error.detail, holds, { cause: error })
      : new RefusedError(error.detail, { cause: error });
  }
  if (error) {
    throw error;
  }
  const secret = response.headers.get('Receipt-Salt') ?? '';
  const first = response.headers.get('Location')?.split('/').at(-2) ?? ''; // …/erasures/{id}/receipt
  const unproven = (why: string, cause?: unknown) => new UnprovenError(why, first, secret, { cause });
  const receipts = await fetchAll(call, [first], keys, end, unproven);
  await checkNamed(receipts, secret, [id], [], unproven);
  return { responses: 1, counts: sum(receipts), receipts, secret, keys };
}

const uuids = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

type Unproven = (why: string, cause?: unknown) => UnprovenError;

async function prove(
  call: Call,
  started: Erasure,
  secret: string,
  keys: string,
  end: number,
  preview?: ErasurePreview,
): Promise<Outcome> {
  const erasure = ended.includes(started.state) ? started : await finished(call, started, secret, end);
  const path = { erasure_id: erasure.id };
  const unproven = (why: string, cause?: unknown) => new UnprovenError(why, erasure.id, secret, { erasure, cause });
  const ids = [];
  try {
    for await (const { id } of allErasureReceipts({ ...call, path })) {
      ids.push(id);
    }
  } catch (cause) {
    throw unproven((cause as Error).message, cause);
  }
  if (ids.length < erasure.receipts) {
    throw unproven(`it has ${erasure.receipts} receipts, and ${ids.length} were found`);
  }
  const receipts = await fetchAll(call, ids, keys, end, unproven);
  const { target, held, refused, not_found } = erasure;
  // A failure names one part of a chain, and more parts of it may have been asked for.
  const whole = erasure.state === 'finished' && held + refused + not_found === 0;
  await checkNamed(receipts, secret, whole ? (target?.responses ?? []) : [], target?.owner ? [target.owner] : [], unproven);
  const outcome = { responses: erasure.responses, counts: sum(receipts), receipts, secret, keys, erasure, ...given({ preview }) };
  throwFor(erasure, outcome);
  return outcome;
}

/** The final state of an erasure. */
async function finished(call: Call, started: Erasure, secret: string, end: number): Promise<Erasure> {
  const over = AbortSignal.timeout(Math.max(end - Date.now(), 0));
  const signal = call.signal ? AbortSignal.any([call.signal, over]) : over;
  let last = started;
  try {
    const { stream } = await watchErasure({ ...call, path: { erasure_id: started.id }, signal });
    for await (const erasure of stream as AsyncGenerator<unknown>) {
      last = erasure as Erasure;
    }
    return last;
  } catch (cause) {
    const about = { erasure: last, cause };
    throw over.aborted
      ? new WaitingError(started.id, secret, about)
      : new UnprovenError((cause as Error).message, started.id, secret, about);
  }
}

/** Throws the error for what is not erased, if anything is not. */
function throwFor(erasure: Erasure, outcome: Outcome): void {
  const { id, state, held, refused, not_found, failures, last_error } = erasure;
  const about = { erasure, outcome };
  const why = last_error ?? [...new Set(failures.map(({ message }) => message))].join('; ');
  const left = `the erasure ${id} left responses: ${held} held, ${refused} refused, ${not_found} not found: ${why}`;
  if (state === 'refused') {
    throw new RefusedError(`the erasure ${id} was refused: ${why}`, about);
  }
  if (state !== 'finished') {
    throw new FailedError(`the erasure ${id} is ${state}: ${why}`, about);
  }
  const other = not_found > 0 || failures.some(({ reason }) => reason !== 'held' && reason !== 'refused');
  if (other || (held > 0 && refused > 0)) {
    throw new FailedError(left, about);
  }
  if (refused > 0) {
    throw new RefusedError(left, about);
  }
  if (held > 0) {
    throw new HeldError(left, [...new Set(failures.flatMap(({ holds }) => holds))], about);
  }
}

/** The receipts and the other parts that they name, each checked by itself. */
async function fetchAll(call: Call, ids: string[], keys: string, end: number, unproven: Unproven): Promise<Receipt[]> {
  const found = new Map<string, Receipt>();
  const waiting = [...ids];
  for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
    if (found.has(id)) {
      continue;
    }
    const over = AbortSignal.timeout(Math.max(end - Date.now(), 0));
    const signal = call.signal ? AbortSignal.any([call.signal, over]) : over;
    try {
      const file = await fetchReceipt({ ...call, path: { erasure_id: id }, signal });
      const proof = await verifyReceipt(file, keys);
      found.set(id, { id, file, proof });
      waiting.push(...(proof.receipt.parts ?? []));
    } catch (cause) {
      throw unproven(`the receipt ${id}: ${over.aborted ? 'it is not sealed yet' : (cause as Error).message}`, cause);
    }
  }
  return [...found.values()];
}

/** Throws unless the receipts name these responses and owners. */
async function checkNamed(
  receipts: Receipt[],
  secret: string,
  responses: string[],
  owners: string[],
  unproven: Unproven,
): Promise<void> {
  const names = [...responses.map((response) => ({ response })), ...owners.map((owner) => ({ owner }))];
  for (const name of names) {
    let named = false;
    for (const { proof } of receipts) {
      try {
        named ||= await commits(proof.receipt, secret, name);
      } catch (cause) {
        throw unproven((cause as Error).message, cause);
      }
    }
    if (!named) {
      throw unproven(`no receipt names the ${'response' in name ? `response ${name.response}` : `owner ${name.owner}`}`);
    }
  }
}

function sum(receipts: Receipt[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [kind, count] of receipts.flatMap(({ proof }) => Object.entries(proof.receipt.counts ?? {}))) {
    counts[kind] = (counts[kind] ?? 0) + count;
  }
  return counts;
}
