// Erasing, waiting and checking in one call.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import {
  allErasures,
  allHolds,
  allResponses,
  allRetentionRules,
  allSteps,
  type AllOptions,
  commits,
  createLethe,
  eraseAndProve,
  ErasureError,
  FailedError,
  HeldError,
  type ListResponsesData,
  type Outcome,
  placeHold,
  ProblemError,
  proveErasure,
  RefusedError,
  releaseHold,
  UnprovenError,
  WaitingError,
} from '@lethe/client';

function setting(name: string): string {
  const value = process.env[name];
  assert.ok(value, `${name} is not set: run sdk/test.sh typescript`);
  return value;
}

const user = createLethe(setting('LETHE_TEST_URL'), setting('LETHE_TEST_USER_KEY'));
const admin = createLethe(setting('LETHE_TEST_URL'), setting('LETHE_TEST_ADMIN_KEY'));

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all = [];
  for await (const item of items) {
    all.push(item);
  }
  return all;
}

async function some(n: number, query: AllOptions<ListResponsesData>['query'] = {}, client = user): Promise<string[]> {
  const all = await collect(allResponses({ client, query: { status: 'completed', ...query } }));
  return all.map(({ id }) => id).slice(0, n);
}

async function named({ receipts, secret }: Outcome, name: { response: string } | { owner: string }): Promise<boolean> {
  const found = await Promise.all(receipts.map(({ proof }) => commits(proof.receipt, secret, name)));
  return found.includes(true);
}

async function thrown<E extends Error>(kind: abstract new (...a: never[]) => E, run: Promise<unknown>): Promise<E> {
  const error = await run.then(() => undefined, (error: unknown) => error);
  assert.ok(error instanceof kind && error.constructor === kind, `want ${kind.name}, got ${String(error)}`);
  return error;
}

test('one response', async () => {
  const [id] = await some(1);
  const outcome = await eraseAndProve({ client: user, responses: [id!] });
  assert.equal(outcome.responses, 1);
  assert.equal(outcome.receipts.length, 1);
  assert.equal(outcome.receipts[0]!.proof.receipt.trigger, 'single');
  assert.ok(outcome.counts['requests']! >= 1);
  assert.ok(await named(outcome, { response: id! }));
  assert.ok(!(await named(outcome, { response: randomUUID() })));
  assert.equal((await thrown(ProblemError, eraseAndProve({ client: user, responses: [id!] }))).status, 404);
});

test('several responses', async () => {
  const responses = await some(2);
  const keys = setting('LETHE_TEST_LOG_KEY');
  const outcome = await eraseAndProve({ client: user, responses, ground: 'request', ticket: 'PRIV-1', keys });
  assert.deepEqual([outcome.responses, outcome.preview?.responses, outcome.erasure?.ticket], [2, 2, 'PRIV-1']);
  for (const response of responses) {
    assert.ok(await named(outcome, { response }));
  }
  const { id: erasureId } = outcome.erasure!;
  const again = await proveErasure({ client: user, erasureId, secret: outcome.secret });
  assert.deepEqual(again.receipts.map(({ id }) => id), outcome.receipts.map(({ id }) => id));
  const wrong = await thrown(UnprovenError, proveErasure({ client: user, erasureId, secret: '0'.repeat(64) }));
  assert.match(wrong.message, /no receipt names the response/);
  assert.equal(wrong.erasureId, erasureId);
  await thrown(UnprovenError, proveErasure({ client: user, erasureId, secret: 'no salt' }));
  const listed = await collect(allErasures({ client: user, query: { limit: 1 } }));
  assert.ok(listed.some(({ id }) => id === erasureId));
});

test('an owner by address', async () => {
  const owner = 'owner@globex.test';
  const theirs = await some(100, { created_by_email: owner }, admin);
  assert.ok(theirs.length > 0);
  const outcome = await eraseAndProve({ client: admin, owner });
  assert.ok(outcome.responses >= theirs.length);
  for (const response of theirs) {
    assert.ok(await named(outcome, { response }));
  }
  const id = outcome.erasure!.target!.owner!;
  assert.ok(await named(outcome, { owner: id }));
  assert.deepEqual(await some(1, { created_by_email: owner }, admin), []);
  // Nothing is left, which is proven too; the owner may be given as an identifier.
  const nothing = await eraseAndProve({ client: admin, owner: id });
  assert.deepEqual([nothing.responses, nothing.receipts.length], [0, 1]);
});

test('a filter', async () => {
  const outcome = await eraseAndProve({ client: user, filter: { states: ['failed'] } });
  assert.ok(outcome.responses > 0 && outcome.preview?.complete && outcome.counts['requests']! >= outcome.responses);
});

test('held', async () => {
  const responses = await some(2);
  const { data: hold } = await placeHold({ client: admin, body: { reason: 'a lawsuit', responses: [responses[0]!] }, throwOnError: true });
  try {
    const one = await thrown(HeldError, eraseAndProve({ client: admin, responses: [responses[0]!] }));
    assert.ok(one.holds.includes(hold.id) && one.outcome === undefined);
    const two = await thrown(HeldError, eraseAndProve({ client: admin, responses }));
    assert.ok(two.holds.includes(hold.id) && two.erasure?.held === 1);
    // The rest is erased and proven.
    assert.ok(two.outcome?.responses === 1 && (await named(two.outcome, { response: responses[1]! })));
    assert.deepEqual((await thrown(HeldError, eraseAndProve({ client: user, responses: [responses[0]!] }))).holds, []);
    assert.ok((await collect(allHolds({ client: admin, query: { limit: 1 } }))).some(({ id }) => id === hold.id));
  } finally {
    await releaseHold({ client: admin, path: { hold_id: hold.id } });
  }
});

test('not found', async () => {
  const [id] = await some(1);
  const error = await thrown(FailedError, eraseAndProve({ client: user, responses: [id!, randomUUID()] }));
  assert.deepEqual([error.outcome?.responses, error.erasure?.not_found], [1, 1]);
});

test('keys are needed before anything is erased', async () => {
  const [id] = await some(1);
  for (const keys of ['', 'no key', 'example.com/other+00000000+AAAA']) {
    await assert.rejects(eraseAndProve({ client: user, responses: [id!], keys }), { name: 'VerifyError' });
  }
  assert.deepEqual(await some(1), [id]);
});

test('other iterators', async () => {
  await collect(allRetentionRules({ client: admin }));
  const [id] = await some(1);
  assert.ok((await collect(allSteps({ client: user, path: { request_id: id! }, query: { limit: 1 } }))).length > 0);
});

test('exactly one target', async () => {
  for (const target of [{}, { responses: [], owner: 'x' }, { owner: 'x', filter: { all: true } }]) {
    await assert.rejects(eraseAndProve({ client: user, ...target } as never), /exactly one/);
  }
  await assert.rejects(eraseAndProve({ client: user, responses: 'x' as never }), /must be an array/);
});

// What the service does not do at will, or not yet.

const erasureId = '3f2b8c1e-6d0a-4b7e-9c55-0a1d2e3f4a5b';
const id = 'c0000400-0000-4000-8000-00000000005a';
const vectors = new URL('../../../docs/vectors/vectors.json', import.meta.url);
const { log: keys } = (JSON.parse(readFileSync(vectors, 'utf8')) as { keys: { log: string } }).keys;
const at = '2026-03-01T12:00:00Z';
const numbers = Object.fromEntries(
  ['requests', 'steps', 'templates', 'raw_requests', 'raw_responses', 'tasks', 'files', 'retained', 'kept_templates'].map((name) => [name, 0]),
);
const preview = {
  ...numbers, token: 'T', expires_at: at, as_of: at, complete: true, responses: 0, held: 0, not_found: 0,
  later_turns: null, later_turns_complete: true, later_turns_searched: null,
};
const erasure = (changed: object = {}) => ({
  id: erasureId, state: 'finished', trigger: 'bulk', rule: null, kind: 'owner', target: null, ground: 'request',
  ticket: null, subject_request: null, approval: null, requested_at: at, requested_by: null, started_at: null, finished_at: null, verify_at: null,
  verified_at: null, as_of: at, expected: null, responses: 0, counts: numbers, held: 0, not_found: 0, refused: 0,
  receipts: 0, failures: [], last_error: null, ...changed,
});
const event = (name: string, changed: object = {}) => `event: ${name}\nretry: 1\ndata: ${JSON.stringify(erasure(changed))}\n\n`;

/** A client of a service that starts this erasure, and its requests. */
function pretend(told: object, { conflicts = 0, events = '', gone = '-' } = {}) {
  const requests: string[] = [];
  const client = createLethe('http://lethe.test', 'key', {
    retry: { attempts: 1 },
    fetch: async (input) => {
      const { method, url } = input as Request;
      const { pathname } = new URL(url);
      requests.push(`${method} ${pathname}`);
      if (pathname.endsWith(gone)) {
        return new Response('', { status: 404 });
      }
      if (pathname.endsWith('/preview')) {
        return Response.json(preview);
      }
      if (method === 'POST' && conflicts-- > 0) {
        const problem = { type: 'about:blank', title: 'Conflict', status: 409, detail: 'changed', request_id: '1' };
        return Response.json(problem, { status: 409, headers: { 'Content-Type': 'application/problem+json' } });
      }
      if (method === 'POST') {
        return Response.json(told, { status: 202, headers: { 'Receipt-Salt': '0'.repeat(64) } });
      }
      return pathname.endsWith('/events')
        ? new Response(events, { headers: { 'Content-Type': 'text/event-stream' } })
        : Response.json({ data: [], limit: 100, has_more: false, next_cursor: null });
    },
  });
  return { client, requests };
}

test('awaits approval', async () => {
  const waiting = { state: 'awaiting_approval' };
  const { client, requests } = pretend(erasure(waiting), { events: event('progress', waiting) });
  const error = await thrown(WaitingError, eraseAndProve({ client, owner: 'x', keys, wait: 200 }));
  assert.ok(error instanceof ErasureError);
  assert.deepEqual([error.erasureId, error.secret, error.erasure?.state], [erasureId, '0'.repeat(64), 'awaiting_approval']);
  assert.match(error.message, /awaiting_approval/);
  assert.equal(requests.filter((request) => request === 'POST /lethe/api/v1/erasures').length, 1);
  assert.ok(requests.filter((request) => request.endsWith('/events')).length > 1);
});

test('is approved', async () => {
  const waiting = { state: 'awaiting_approval' };
  const events = event('progress', waiting) + event('progress', { state: 'running' }) + event('end');
  const { client } = pretend(erasure(waiting), { events });
  assert.equal((await eraseAndProve({ client, owner: 'x', keys })).erasure?.state, 'finished');
});

const failure = { response: id, message: 'why it is kept', holds: [] };
const left: [object, abstract new (...args: never[]) => ErasureError][] = [
  [{ state: 'refused', last_error: 'why it is kept' }, RefusedError],
  [{ state: 'failed', last_error: 'why it is kept' }, FailedError],
  [{ state: 'canceled', last_error: 'why it is kept' }, FailedError],
  [{ refused: 1, failures: [{ ...failure, reason: 'refused' }] }, RefusedError],
  [{ held: 1, failures: [{ ...failure, reason: 'held', holds: [id] }] }, HeldError],
  [{ held: 1, refused: 1, failures: [{ ...failure, reason: 'held' }] }, FailedError],
  [{ not_found: 1, failures: [{ ...failure, reason: 'not_found' }] }, FailedError],
  [{ failures: [{ ...failure, reason: 'unlucky' }] }, FailedError],
];
for (const [told, kind] of left) {
  test(`not erased: ${JSON.stringify(told)}`, async () => {
    const { client } = pretend(erasure({ state: 'running' }), { events: event('end', told) });
    const error = await thrown(kind, eraseAndProve({ client, owner: 'x', keys }));
    assert.match(error.message, /why it is kept/);
    assert.deepEqual([error.erasure?.id, error.outcome?.secret], [erasureId, '0'.repeat(64)]);
    if (error instanceof HeldError) {
      assert.deepEqual(error.holds, [id]);
    }
  });
}

test('missing receipts', async () => {
  const { client } = pretend(erasure({ receipts: 1 }));
  assert.match((await thrown(UnprovenError, eraseAndProve({ client, owner: 'x', keys }))).message, /1 receipts, and 0 were found/);
});

for (const gone of ['/events', '/receipts']) {
  test(`calls that fail after the start: ${gone}`, async () => {
    const { client } = pretend(erasure({ state: 'running' }), { events: event('end'), gone });
    const error = await thrown(UnprovenError, eraseAndProve({ client, owner: 'x', keys }));
    assert.deepEqual([error.erasureId, error.secret], [erasureId, '0'.repeat(64)]);
    assert.equal((error.cause as ProblemError).status, 404);
  });
}

test('previews again if something has changed', async () => {
  const two = pretend(erasure(), { conflicts: 2 });
  await eraseAndProve({ client: two.client, owner: 'x', keys });
  assert.equal(two.requests.filter((request) => request.endsWith('/preview')).length, 3);
  const three = pretend(erasure(), { conflicts: 3 });
  assert.equal((await thrown(ProblemError, eraseAndProve({ client: three.client, owner: 'x', keys }))).status, 409);
  assert.equal(three.requests.length, 6);
});
