// No answer of a gateway in place of the service counts as a success.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import {
  allResponses,
  approveRetentionRule,
  cancelErasure,
  createLethe,
  enableRetentionRule,
  eraseResponse,
  getErasure,
  getHold,
  getReceipt,
  getResponse,
  getRetentionRule,
  getRetentionRuleVersion,
  listErasureReceipts,
  listErasures,
  previewErasure,
  ProblemError,
  releaseHold,
  startErasure,
  watchErasure,
} from '@lethe/client';

interface Lie {
  name: string;
  status: number;
  body?: string;
  documented?: boolean;
  retry_after?: number;
  true_for?: string[];
  another_for?: string[];
  detail?: string;
}

interface Lies {
  lies: Lie[];
  truths: Lie[];
  streams: { name: string; connections: unknown[]; states: string[]; error?: number; detail?: string; asked?: number }[];
}

const gateway = process.env['LETHE_TEST_LIES_URL'];
assert.ok(gateway, 'LETHE_TEST_LIES_URL is not set: run sdk/test.sh typescript');
const told = JSON.parse(readFileSync(new URL('../../testdata/lies.json', import.meta.url), 'utf8')) as Lies;
assert.ok(told.lies.length >= 30 && told.streams.length >= 5);

const id = 'c0000400-0000-4000-8000-00000000005a';
const asked = async (path: string) => Number(await (await fetch(`${gateway}/${path}`)).text());

type Answered = { data?: unknown; error?: unknown; response?: Response };
type Call = (options: { client: ReturnType<typeof createLethe>; throwOnError?: boolean }) => Promise<Answered>;

const calls: Record<string, Call> = {
  eraseResponse: (options) => eraseResponse({ ...options, path: { request_id: id } }),
  startErasure: (options) => startErasure({ ...options, body: { responses: [id] } }),
  previewErasure: (options) => previewErasure({ ...options, body: { responses: [id] } }),
  getErasure: (options) => getErasure({ ...options, path: { erasure_id: id } }),
  cancelErasure: (options) => cancelErasure({ ...options, path: { erasure_id: id } }),
  getResponse: (options) => getResponse({ ...options, path: { request_id: id } }),
  listErasures: (options) => listErasures(options),
  listErasureReceipts: (options) => listErasureReceipts({ ...options, path: { erasure_id: id } }),
  getHold: (options) => getHold({ ...options, path: { hold_id: id } }),
  getRetentionRule: (options) => getRetentionRule({ ...options, path: { rule_id: id } }),
  approveRetentionRule: (options) => approveRetentionRule({ ...options, path: { rule_id: id }, body: { version: 1 } }),
  enableRetentionRule: (options) => enableRetentionRule({ ...options, path: { rule_id: id }, body: { version: 1 } }),
  getRetentionRuleVersion: (options) => getRetentionRuleVersion({ ...options, path: { rule_id: id, version: 1 } }),
  getReceipt: (options) => getReceipt({ ...options, path: { erasure_id: id } }),
  getReceiptOfVacuumed: (options) => getReceipt({ ...options, path: { erasure_id: id }, query: { reached: 'vacuumed' } }),
  releaseHold: (options) => releaseHold({ ...options, path: { hold_id: id } }),
};

function assertLie(error: unknown, lie: Lie, name: string): void {
  assert.ok(error instanceof ProblemError, `${name}: ${error}`);
  assert.equal(error.status, lie.status, name);
  assert.equal(error.problem !== undefined, lie.documented ?? false, name);
  assert.ok(error.detail && error.message.includes(error.detail), name);
  assert.equal(error.response?.status ?? 0, lie.status, name);
  if (lie.another_for?.includes(name)) {
    assert.equal(error.detail, lie.detail, name);
  }
  if (lie.status >= 400) {
    assert.ok(error.body.startsWith(lie.body ?? ''), `${name}: ${error.body}`);
  }
  if (lie.retry_after === undefined) {
    assert.equal(error.retryAfter, undefined, name);
  } else {
    assert.ok(error.retryAfter! <= lie.retry_after && error.retryAfter! > lie.retry_after - 10, `${name}: ${error.retryAfter}`);
  }
}

for (const lie of told.lies) {
  test(`lie: ${lie.name}`, async () => {
    const client = createLethe(`${gateway}/${lie.name}`, 'key', { retry: { attempts: 1 } });
    for (const [name, call] of Object.entries(calls)) {
      const { data, error, response } = await call({ client });
      if (lie.true_for?.includes(name)) {
        assert.equal(error, undefined, name);
        assert.ok(data || lie.status === 202, name);
        continue;
      }
      assertLie(error, lie, name);
      assert.equal(data, undefined, name);
      assert.equal(response?.status ?? 0, lie.status, name);
      await assert.rejects(call({ client, throwOnError: true }), (thrown) => {
        assertLie(thrown, lie, name);
        return true;
      });
    }
    await assert.rejects(allResponses({ client }).next(), (error) => {
      assertLie(error, lie, 'allResponses');
      return true;
    });
  });
}

test('redirects are not followed', async () => {
  const client = createLethe(`${gateway}/redirect-307`, 'key', { redirect: 'follow' });
  const { error } = await eraseResponse({ client, path: { request_id: id }, redirect: 'follow' });
  assert.equal((error as ProblemError).status, 307);
  assert.equal(await asked('follows'), 0);
  // Even if the caller's own fetch follows it, the result is not an answer.
  const followed = await eraseResponse({
    client,
    path: { request_id: id },
    fetch: (input) => fetch(input, { redirect: 'follow' }),
  });
  assert.match((followed.error as ProblemError).detail, /after a redirect/);
  assert.equal(await asked('follows'), 1);
});

for (const truth of told.truths) {
  test(`truth: ${truth.name}`, async () => {
    const client = createLethe(`${gateway}/${truth.name}`, 'key');
    const { data } = await getErasure({ client, path: { erasure_id: id }, throwOnError: true });
    if (truth.name === 'unknown-words') {
      assert.equal(data.state, 'hibernating');
      assert.equal(data.failures[0]?.reason, 'unlucky');
    }
  });
}

for (const stream of told.streams) {
  test(`stream: ${stream.name}`, async () => {
    const name = `${stream.name}/${randomUUID()}`;
    const client = createLethe(`${gateway}/${name}`, 'key');
    const states: string[] = [];
    let failure: unknown;
    try {
      for await (const { state } of (await watchErasure({ client, path: { erasure_id: id } })).stream) {
        states.push(state);
      }
    } catch (error) {
      failure = error;
    }
    assert.deepEqual(states, stream.states);
    assert.equal((failure as ProblemError | undefined)?.status, stream.error, String(failure));
    assert.equal((failure as ProblemError | undefined)?.detail, stream.detail ?? (failure as ProblemError | undefined)?.detail);
    assert.ok(failure === undefined || failure instanceof ProblemError);
    assert.equal(await asked(`asked/${name}`), stream.asked ?? stream.connections.length);
  });
}

test('watchErasure: aborted signal ends the stream', async () => {
  const client = createLethe(`${gateway}/never/${randomUUID()}`, 'key');
  const leaving = new AbortController();
  const { stream } = await watchErasure({ client, path: { erasure_id: id }, signal: leaving.signal });
  assert.equal((await stream.next()).value?.state, 'running');
  leaving.abort();
  await assert.rejects(stream.next(), { name: 'ProblemError' });
});

test('no answer: status 0', async () => {
  const client = createLethe('http://127.0.0.1:1', 'key', { retry: { attempts: 1 } });
  const { error, response } = await eraseResponse({ client, path: { request_id: id } });
  assert.ok(error instanceof ProblemError && error.cause instanceof TypeError);
  assert.equal(error.status, 0);
  assert.equal(response, undefined);
});
