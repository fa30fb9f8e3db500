// A call is sent again if that can help and cannot do anything twice.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import {
  allAccessLog,
  allResponses,
  cancelErasure,
  createLethe,
  eraseResponse,
  getErasure,
  placeHold,
  previewErasure,
  ProblemError,
  releaseHold,
  type Retry,
  startErasure,
} from '@lethe/client';

const id = 'c0000400-0000-4000-8000-00000000005a';
type Told = { status: number; problem?: boolean; headers?: Record<string, string>; body?: string } | Error;

const erased = {
  status: 204,
  headers: { Location: `/lethe/api/v1/erasures/${id}/receipt`, 'Receipt-Salt': '0'.repeat(64) },
};
const problem = (status: number, headers = {}): Told => ({ status, problem: true, headers });

function failed(code: string): Error {
  return new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) });
}

/** A client of a service that answers so, one after the other and the last one always, and its requests. */
function service(told: Told[], options: { retry?: Retry; timeout?: number } = {}) {
  const requests: Request[] = [];
  const client = createLethe('http://lethe.test', 'key', {
    ...options,
    fetch: async (input) => {
      requests.push((input as Request).clone());
      const answer = told[Math.min(requests.length, told.length) - 1]!;
      if (answer instanceof Error) {
        throw answer;
      }
      const { status, headers, body } = answer;
      const type = { 'Content-Type': 'application/problem+json' };
      return answer.problem
        ? Response.json({ type: 'about:blank', title: '', status, detail: 'later', request_id: '1' }, { status, headers: { ...type, ...headers } })
        : new Response(body ?? null, { status, headers: headers ?? {} });
    },
  });
  return { client, requests };
}

/** Runs without waiting, and returns what would have been waited. */
async function unhurried(run: () => Promise<unknown>): Promise<number[]> {
  const waited: number[] = [];
  const { setTimeout: real } = globalThis;
  globalThis.setTimeout = ((done: () => void, ms: number) => {
    waited.push(ms);
    return real(done, 0);
  }) as typeof setTimeout;
  try {
    await run();
  } finally {
    globalThis.setTimeout = real;
  }
  return waited;
}

const lost = [failed('ECONNRESET'), failed('UND_ERR_SOCKET'), new DOMException('slow', 'TimeoutError') as Error];
const path = { request_id: id, erasure_id: id, hold_id: id };

test('one key for all attempts', async () => {
  for (const failure of [problem(429), problem(503), { status: 503, body: 'a gateway' }, ...lost]) {
    const { client, requests } = service([failure, failure, erased]);
    const waited = await unhurried(() => eraseResponse({ client, path, throwOnError: true }));
    const keys = requests.map(({ headers }) => headers.get('Idempotency-Key'));
    assert.equal(keys.length, 3);
    assert.equal(new Set(keys).size, 1);
    assert.match(keys[0]!, /^[0-9a-f-]{36}$/);
    assert.ok(waited.length === 2 && waited[0]! > 0 && waited[0]! <= 500 && waited[1]! <= 1000, String(waited));
  }
});

test("another key for each call, and the caller's own", async () => {
  const { client, requests } = service([erased]);
  await eraseResponse({ client, path });
  await eraseResponse({ client, path });
  await eraseResponse({ client, path, headers: { 'Idempotency-Key': 'mine' } });
  const [first, second, third] = requests.map(({ headers }) => headers.get('Idempotency-Key'));
  assert.ok(first && second && first !== second && third === 'mine');
  await cancelErasure({ client, path });
  assert.equal(requests.at(-1)!.headers.get('Idempotency-Key'), null);
});

const repeatable = {
  get: (client: never) => getErasure({ client, path }),
  delete: (client: never) => releaseHold({ client, path }),
  'keyed post': (client: never) => startErasure({ client, body: { responses: [id] } }),
};
const others = {
  post: (client: never) => placeHold({ client, body: { reason: 'x', responses: [id] } }),
  'post without effect': (client: never) => previewErasure({ client, body: { responses: [id] } }),
  cancel: (client: never) => cancelErasure({ client, path }),
};

async function attempts(call: (client: never) => Promise<{ error?: unknown }>, failure: Told): Promise<number> {
  const { client, requests } = service([failure]);
  await unhurried(async () => {
    const { error } = await call(client as never);
    assert.ok(error instanceof ProblemError);
    assert.equal(error.status, failure instanceof Error ? 0 : failure.status);
  });
  return requests.length;
}

for (const [name, call] of Object.entries(repeatable)) {
  test(`repeatable: ${name}`, async () => {
    for (const failure of [problem(429), problem(503), { status: 429 }, failed('ECONNREFUSED'), ...lost]) {
      assert.equal(await attempts(call, failure), 4, String(failure));
    }
    for (const failure of [problem(400), problem(409), problem(500), { status: 502 }]) {
      assert.equal(await attempts(call, failure), 1);
    }
  });
}

for (const [name, call] of Object.entries(others)) {
  test(`repeated only if nothing was done: ${name}`, async () => {
    for (const failure of [problem(429), problem(503), failed('ECONNREFUSED'), failed('UND_ERR_CONNECT_TIMEOUT')]) {
      assert.equal(await attempts(call, failure), 4, String(failure));
    }
    for (const failure of [{ status: 503, body: 'a gateway' }, { status: 429 }, ...lost]) {
      assert.equal(await attempts(call, failure), 1, String(failure));
    }
  });
}

test('Retry-After', async () => {
  const { client } = service([problem(503, { 'Retry-After': '7' }), problem(503, { 'Retry-After': '0' }), erased]);
  const waited = await unhurried(() => eraseResponse({ client, path, throwOnError: true }));
  assert.ok(waited[0]! >= 7000 && waited[0]! < 8000 && waited[1]! <= 1000, String(waited));
  // It is not worth to wait for longer than the whole call may take.
  const slow = service([problem(503, { 'Retry-After': '61' })]);
  const none = await unhurried(() => eraseResponse({ client: slow.client, path }));
  assert.deepEqual([none, slow.requests.length], [[], 1]);
});

test('limits, for the client and for a call', async () => {
  const { client, requests } = service([problem(503)], { retry: { attempts: 2 } });
  const counts: number[] = [];
  await unhurried(async () => {
    for (const retry of [undefined, { attempts: 3 }, { total: 0 }]) {
      await getErasure({ client, path, ...(retry && { retry }) });
      counts.push(requests.length);
    }
  });
  assert.deepEqual(counts, [2, 5, 6]);
});

test('timeout and signal', async () => {
  const alive = setInterval(() => {}, 1000); // as a connection would keep the process
  let asked = 0;
  const client = createLethe('http://lethe.test', 'key', {
    retry: { attempts: 2 },
    fetch: (input) => {
      asked += 1;
      const { signal } = input as Request;
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    },
  });
  const { error } = await getErasure({ client, path, timeout: 20 });
  assert.ok(error instanceof ProblemError && (error.cause as Error).name === 'TimeoutError');
  assert.equal(asked, 2);
  const leaving = new AbortController();
  const call = getErasure({ client, path, signal: leaving.signal });
  setTimeout(() => leaving.abort(), 20);
  assert.equal(((await call).error as ProblemError).status, 0);
  assert.equal(asked, 3);
  clearInterval(alive);
});

test('identifiers and times in place of texts', async () => {
  const { client, requests } = service([problem(404)]);
  const at = new Date('2026-03-01T00:00:00Z') as unknown as string;
  await previewErasure({ client, body: { owner: id } });
  await previewErasure({ client, body: { filter: { member_id: id, created_before: at } } });
  await placeHold({ client, body: { reason: 'x', owners: [id], expires_at: at } });
  assert.deepEqual(await Promise.all(requests.map((request) => request.json())), [
    { owner: id },
    { filter: { member_id: id, created_before: '2026-03-01T00:00:00.000Z' } },
    { reason: 'x', owners: [id], expires_at: '2026-03-01T00:00:00.000Z' },
  ]);
  await assert.rejects(allAccessLog({ client, query: { owner: id, accessed_after: at } }).next(), ProblemError);
  const { searchParams } = new URL(requests.at(-1)!.url);
  assert.deepEqual([searchParams.get('owner'), searchParams.get('accessed_after')], [id, '2026-03-01T00:00:00.000Z']);
});

test('iterators end with the error of a page', async () => {
  const body = JSON.stringify({ data: [], skip: 0, limit: 100, count_kind: 'none', total_count: null, has_more: true, next_cursor: 'x' });
  const page = { status: 200, headers: { 'Content-Type': 'application/json' }, body };
  const { client, requests } = service([page, problem(503), page, problem(400)]);
  await unhurried(() => assert.rejects(allResponses({ client, query: { status: 'failed' } }).next(), { status: 400 }));
  assert.deepEqual(requests.map(({ url }) => new URL(url).searchParams.get('after')), [null, 'x', 'x', 'x']);
  assert.deepEqual([...new Set(requests.map(({ url }) => new URL(url).searchParams.get('status')))], ['failed']);
});
