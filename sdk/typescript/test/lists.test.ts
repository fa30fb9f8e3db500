// A string in place of a list is refused; plain JavaScript would pass it on.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import * as lethe from '@lethe/client';

type Operation = (options: object) => Promise<unknown>;

const { documented } = await import(new URL('../dist/answers.gen.js', import.meta.url).href) as {
  documented: { operations: { id: string; query?: string[] }[] };
};
const calls = lethe as unknown as Record<string, Operation>;
const operations = documented.operations.map(({ id }) => [id, calls[id]!] as const);

const urls: string[] = [];
const seen: { querySerializer?: { parameters?: object } }[] = [];
const client = lethe.createLethe('http://lethe.test', 'key', {
  fetch: async (request) => {
    urls.push((request as Request).url);
    return new Response('{"data": [], "next_cursor": null}', { headers: { 'Content-Type': 'application/json' } });
  },
  requestValidator: async (options) => {
    seen.push(options as (typeof seen)[number]);
  },
});
const path = { request_id: 'id', erasure_id: 'id', hold_id: 'id', rule_id: 'id', version: 1, level: '0', index: '0' };

const refusal = (name: string) => ({
  name: 'TypeError',
  message: new RegExp(`^${name} must be an array, such as \\[value\\], not a (string|object|number)$`),
});

test('query lists: TypeError for a string', async () => {
  assert.ok(operations.length >= 28, `${operations.length} operations`);
  const lists = [];
  for (const [operation, call] of operations) {
    await call({ client, path });
    for (const name of Object.keys(seen.at(-1)?.querySerializer?.parameters ?? {})) {
      lists.push(`${operation} ${name}`);
      const sent = urls.length;
      for (const wrong of ['', 'failed', new Set(['failed']), 1]) {
        await assert.rejects(call({ client, path, query: { [name]: wrong } }), refusal(name));
      }
      assert.equal(urls.length, sent, 'nothing is sent');
      for (const [list, spelled] of [[['failed', 'canceled'], 'failed,canceled'], [[], '']] as const) {
        await call({ client, path, query: { [name]: list } });
        assert.equal(new URL(urls.at(-1)!).searchParams.get(name), spelled);
      }
    }
  }
  assert.deepEqual(lists.sort(), [
    'getFigures model',
    'getFigures service_tiers',
    'getFigures statuses',
    'listErasures state',
    'listResponses model',
    'listResponses service_tiers',
    'listResponses statuses',
  ]);
});

test('unknown query parameters: TypeError', async () => {
  let known = 0;
  for (const [operation, call] of operations) {
    const sent = urls.length;
    for (const name of ['organisation', 'Limit', '']) {
      await assert.rejects(call({ client, path, query: { [name]: 'x' } }), {
        name: 'TypeError',
        message: new RegExp(`^${name} is not a parameter of ${operation}; known parameters: [\\w, ]+$`),
      });
    }
    assert.equal(urls.length, sent, 'nothing is sent');
    known += documented.operations.find((o) => o.id === operation)!.query?.length ?? 0;
  }
  assert.ok(known >= 30, `${known} parameters`);
  await assert.rejects(lethe.allResponses({ client, query: { owner: 'x' } as object }).next(), TypeError);
});

test('unknown words: sent and reported in Unknown-Parameters', async () => {
  await lethe.listResponses({ client, query: { status: 'complete', statuses: ['x'], service_tiers: ['y'] } });
  assert.equal(new URL(urls.at(-1)!).search, '?status=complete&statuses=x&service_tiers=y');
  await lethe.listErasures({ client, query: { state: ['ended'], trigger: 'sweep' } });
  assert.equal(new URL(urls.at(-1)!).search, '?state=ended&trigger=sweep');
});

test('allResponses: TypeError for a string', async () => {
  const query = { model: 'qwen/qwen3-235b' } as object;
  await assert.rejects(lethe.allResponses({ client, query }).next(), refusal('model'));
});

test('verifyReceipt: TypeError for a string', async () => {
  const file = readFileSync(new URL('../../../docs/vectors/single.receipt', import.meta.url));
  for (const name of ['responses', 'owners']) {
    for (const wrong of ['', 'c0000400-0000-4000-8000-000000000001']) {
      await assert.rejects(lethe.verifyReceipt(file, '', { [name]: wrong }), refusal(name));
    }
  }
});

test('body lists: 400 for a string', async () => {
  const service = lethe.createLethe(process.env['LETHE_TEST_URL']!, process.env['LETHE_TEST_USER_KEY']!);
  for (const [body, parameter] of [
    [{ responses: 'c0000400-0000-4000-8000-000000000001' }, 'responses'],
    [{ filter: { states: 'failed' } }, 'filter.states'],
    [{ filter: { models: 'qwen/qwen3-235b' } }, 'filter.models'],
    [{ filter: { tiers: 'flex' } }, 'filter.tiers'],
  ] as [object, string][]) {
    const { error, response } = await lethe.previewErasure({ client: service, body });
    assert.equal(response?.status, 400);
    assert.deepEqual([error?.parameter, error?.detail], [parameter, `${parameter}: must be a list`]);
  }
});
