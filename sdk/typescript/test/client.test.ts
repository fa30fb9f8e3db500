import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';

import {
  allResponses,
  createLethe,
  eraseResponse,
  fetchReceipt,
  getCheckpoint,
  getLogKeys,
  getReceipt,
  getResponse,
  getTile,
  listErasureReceipts,
  listResponses,
  previewErasure,
  type Problem,
  ProblemError,
  type ResponseDetail,
  type ResponseSummary,
  startErasure,
  verifyReceipt,
  watchErasure,
} from '@lethe/client';

function setting(name: string): string {
  const value = process.env[name];
  assert.ok(value, `${name} is not set: run sdk/test.sh typescript`);
  return value;
}

const service = setting('LETHE_TEST_URL');
const user = createLethe(service, setting('LETHE_TEST_USER_KEY'));
const missing = 'c0000400-0000-4000-8000-ffffffffffff';
const somebody = 'c0000100-0000-4000-8000-000000000004';

async function collect(
  query: Parameters<typeof allResponses>[0]['query'] = {},
  each: (summary: ResponseSummary) => Promise<void> = async () => {},
): Promise<ResponseSummary[]> {
  const summaries = [];
  for await (const summary of allResponses({ client: user, query })) {
    summaries.push(summary);
    await each(summary);
  }
  return summaries;
}

/** A response that has a prompt and an answer. */
async function whole(): Promise<{ summary: ResponseSummary; detail: ResponseDetail }> {
  for await (const summary of allResponses({ client: user, query: { status: 'completed' } })) {
    const { data: detail } = await getResponse({ client: user, path: { request_id: summary.id }, throwOnError: true });
    if (detail.body.startsWith('{') && detail.response_body) {
      return { summary, detail };
    }
  }
  throw new Error('no response has a prompt and an answer');
}

const ids = (summaries: ResponseSummary[]) => summaries.map(({ id }) => id);

function assertProblem(result: { error?: unknown; response?: Response }, status: number): Problem {
  assert.equal(result.response?.status, status);
  const problem = result.error as Problem;
  assert.equal(problem.status, status);
  assert.ok(problem.title && problem.detail && problem.request_id, 'a full problem');
  return problem;
}

test('listResponses', async () => {
  const { data: page } = await listResponses({
    client: user,
    query: { limit: 5, status: 'completed', active_first: false, created_before: new Date().toISOString() },
  });
  assert.ok(page);
  assert.equal(page.data.length, 5);
  assert.equal(page.limit, 5);
  assert.equal(page.count_kind, 'exact');
  assert.ok(page.total_count !== null && page.total_count > 5);
  for (const summary of page.data) {
    assert.equal(summary.status, 'completed');
    assert.ok(summary.completed_at);
    assert.equal(summary.batch_id, null);
  }

  const counts = new Map<string, number>();
  for (const { model } of await collect()) {
    counts.set(model, (counts.get(model) ?? 0) + 1);
  }
  assert.ok(counts.size >= 3);
  const models = [...counts.keys()].slice(0, 2);
  const { data: some } = await listResponses({ client: user, query: { model: models } });
  assert.equal(some?.total_count, models.reduce((sum, model) => sum + (counts.get(model) ?? 0), 0));
});

test('allResponses', async () => {
  const { data: page } = await listResponses({ client: user });
  assert.ok(page && page.total_count !== null && page.total_count >= 40, 'enough to page through');

  const whole = ids(await collect());
  assert.equal(whole.length, page.total_count);
  assert.equal(new Set(whole).size, page.total_count);
  for (const limit of [1, 7]) {
    assert.deepEqual(ids(await collect({ limit })), whole, `pages of ${limit}`);
  }
  const first = ids(await collect({ limit: 7, active_first: true }));
  assert.deepEqual([...first].sort(), [...whole].sort(), 'those at work first');
  assert.notDeepEqual(first, whole);

  const { data: uncounted } = await listResponses({ client: user, query: { limit: 1, count: 'none' } });
  assert.ok(uncounted?.has_more && uncounted.next_cursor);
  assert.equal(uncounted.total_count, null);
  assertProblem(await listResponses({ client: user, query: { after: uncounted.next_cursor, status: 'failed' } }), 400);
});

test('getResponse, eraseResponse', async () => {
  const { summary, detail } = await whole();
  const target = { client: user, path: { request_id: summary.id } };
  const { body, response_body, error, withheld, created_by, ...rest } = detail;
  assert.deepEqual(rest, summary);
  assert.ok(created_by && error === null && withheld.length === 0);

  const erased = await eraseResponse(target);
  assert.equal(erased.response?.status, 204);
  assert.equal(erased.error, undefined);
  assertProblem(await getResponse(target), 404);
  assertProblem(await eraseResponse(target), 404);
  assert.ok(!ids(await collect()).includes(summary.id));
});

test('allResponses: erases meanwhile', async () => {
  const erased: string[] = [];
  const seen = ids(
    await collect({ limit: 4 }, async ({ id }) => {
      if (erased.length < 3) {
        await eraseResponse({ client: user, path: { request_id: id }, throwOnError: true });
        erased.push(id);
      }
    }),
  );
  const left = ids(await collect());
  assert.ok(left.length > 0);
  assert.deepEqual(left.filter((id) => !seen.includes(id)), [], 'left out');
  assert.deepEqual(erased.filter((id) => left.includes(id)), [], 'still there');
});

test('400', async () => {
  const problem = assertProblem(await listResponses({ client: user, query: { created_after: 'yesterday' } }), 400);
  assert.equal(problem.parameter, 'created_after');
  assertProblem(await getResponse({ client: user, path: { request_id: 'abc' } }), 400);
  assertProblem(await listResponses({ client: user, query: { member_id: somebody } }), 400);
  const admin = createLethe(service, setting('LETHE_TEST_ADMIN_KEY'));
  assert.equal((await listResponses({ client: admin, query: { member_id: somebody } })).response?.status, 200);
});

test('401', async () => {
  const client = createLethe(service, 'sk-nobody');
  assertProblem(await getResponse({ client, path: { request_id: missing } }), 401);
});

test('403', async () => {
  const client = createLethe(service, setting('LETHE_TEST_FORBIDDEN_KEY'));
  assertProblem(await eraseResponse({ client, path: { request_id: missing } }), 403);
});

test('404', async () => {
  assertProblem(await getResponse({ client: user, path: { request_id: missing } }), 404);
});

test('405', async () => {
  const result = await user.put({ url: '/admin/api/v1/batches/requests' });
  assertProblem(result, 405);
  assert.match(result.response?.headers.get('Allow') ?? '', /GET/);
});

test('503', async () => {
  const client = createLethe(setting('LETHE_TEST_DOWN_URL'), setting('LETHE_TEST_USER_KEY'), { retry: { attempts: 1 } });
  assertProblem(await listResponses({ client }), 503);
  await assert.rejects(allResponses({ client }).next(), (error) => {
    assert.ok(error instanceof ProblemError);
    assert.equal(error.status, 503);
    assert.ok(error.problem && error.message.includes(error.problem.detail));
    assert.ok(error.retryAfter !== undefined && error.retryAfter > 0);
    return true;
  });
});

test('createLethe: sends the key only as a bearer token', async () => {
  const headers: Record<string, unknown>[] = [];
  const server = createServer((request, response) => {
    headers.push(request.headers);
    response.writeHead(502).end('<html>');
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const client = createLethe(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, 'secret');
  await assert.rejects(allResponses({ client }).next(), { name: 'ProblemError', status: 502, problem: undefined });
  server.close();
  server.closeAllConnections();
  assert.equal(headers.length, 1);
  const { authorization, ...others } = headers[0] ?? {};
  assert.equal(authorization, 'Bearer secret');
  assert.ok(!JSON.stringify(others).includes('secret'));
});

test('log: checkpoint, keys, tiles', async () => {
  const { data: keys } = await getLogKeys({ client: user });
  assert.equal(keys, `${setting('LETHE_TEST_LOG_KEY')}\n`);
  assertProblem(await getReceipt({ client: user, path: { erasure_id: missing } }), 404);
  // The slashes of the index reach the service.
  assertProblem(await getTile({ client: user, path: { level: '0', index: 'x001/000.p/7' } }), 404);
  const forbidden = createLethe(service, setting('LETHE_TEST_FORBIDDEN_KEY'));
  assertProblem(await getCheckpoint({ client: forbidden }), 403);
});

test('fetchReceipt, verifyReceipt', async () => {
  const { data: page } = await listResponses({ client: user, query: { status: 'completed', limit: 1 } });
  const id = page!.data[0]!.id;
  const { response } = await eraseResponse({ client: user, path: { request_id: id } });
  const receipt = response!.headers.get('Location')!.split('/').at(-2)!;
  const salt = response!.headers.get('Receipt-Salt')!;
  const file = await fetchReceipt({ client: user, path: { erasure_id: receipt }, signal: AbortSignal.timeout(60_000) });
  const { data: keys } = await getLogKeys({ client: user });
  const checked = await verifyReceipt(file, keys!, { salt, responses: [id] });
  assert.equal(checked.receipt.id, receipt);
  assert.equal(checked.receipt.actor, 'owner');
  await assert.rejects(verifyReceipt(file, keys!, { salt, responses: [missing] }), { kind: 'wrong_commitment' });
  await assert.rejects(fetchReceipt({ client: user, path: { erasure_id: missing } }), { status: 404 });
});

test('startErasure: bulk, with receipt', async () => {
  const { data: page } = await listResponses({ client: user, query: { status: 'completed', limit: 2 } });
  const responses = ids(page!.data);
  const { data: preview } = await previewErasure({ client: user, body: { responses } });
  assert.equal(preview?.responses, 2);
  const request = {
    client: user,
    body: { responses, token: preview.token, ground: 'request' as const },
    headers: { 'Idempotency-Key': randomUUID() },
  };
  const started = await startErasure(request);
  assert.equal(started.response?.status, 201);
  const erasure_id = started.data!.id;
  assert.equal((await startErasure(request)).data?.id, erasure_id);
  assertProblem(await startErasure({ ...request, body: { responses: [missing] } }), 409);

  const told: [string | undefined, string][] = [];
  const { stream } = await watchErasure({
    client: user,
    path: { erasure_id },
    sseMaxRetryAttempts: 1,
    onSseEvent: ({ event, data }) => told.push([event, (data as { state: string }).state]),
  });
  for await (const _ of stream);
  assert.deepEqual(told, [['progress', 'finished'], ['end', 'finished']]);

  const { data: receipts } = await listErasureReceipts({ client: user, path: { erasure_id } });
  const file = await fetchReceipt({ client: user, path: { erasure_id: receipts!.data[0]!.id }, signal: AbortSignal.timeout(60_000) });
  const { data: keys } = await getLogKeys({ client: user });
  const salt = started.response!.headers.get('Receipt-Salt')!;
  const checked = await verifyReceipt(file, keys!, { salt, responses });
  assert.equal(checked.receipt.trigger, 'bulk');
});
