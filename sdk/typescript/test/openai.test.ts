// OpenAI's own client against the service.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { allResponses, createLethe, fetchReceipt, getLogKeys, verifyReceipt } from '@lethe/client';
import OpenAI from 'openai';

function setting(name: string): string {
  const value = process.env[name];
  assert.ok(value, `${name} is not set: run sdk/test.sh typescript`);
  return value;
}

const service = setting('LETHE_TEST_URL');
const connect = (apiKey: string, url = service) => new OpenAI({ baseURL: `${url}/ai/v1`, apiKey, maxRetries: 0 });
const user = connect(setting('LETHE_TEST_USER_KEY'));
const lethe = createLethe(service, setting('LETHE_TEST_USER_KEY'));

// A chain of three requests of the user, which is held.
const chain = 'resp_c0000600-0000-4000-8000-00000000000b';
const parts = ['68', '69', '6a'].map((n) => `resp_c0000400-0000-4000-8000-0000000000${n}`);

test("OpenAI's client retrieves", async () => {
  const whole = await user.responses.retrieve(chain);
  assert.deepEqual([whole.id, whole.object, whole.status, whole.output.length], [chain, 'response', 'completed', 3]);
  for (const part of parts) {
    assert.deepEqual((await user.responses.retrieve(part)).output, whole.output);
  }
});

test("OpenAI's client pages through input items", async () => {
  const items = [];
  for await (const item of user.responses.inputItems.list(chain, { limit: 1, order: 'asc' })) {
    items.push(item);
  }
  assert.ok(items.length > 0, 'the prompt has no items');
  const newest = (await user.responses.inputItems.list(chain)).data;
  assert.deepEqual(newest.reverse(), items);
});

test("OpenAI's client deletes, and leaves a receipt", async () => {
  const own = [];
  for await (const summary of allResponses({ client: lethe })) {
    if (!parts.includes(`resp_${summary.id}`)) {
      own.push(summary.id);
    }
  }
  const oldest = own.at(-1)!;
  const id = `resp_${oldest}`;
  const response = await user.responses.delete(id).asResponse();
  assert.deepEqual(await response.json(), { id, object: 'response', deleted: true });
  const receipt = response.headers.get('location')!.split('/').at(-2)!;
  const file = await fetchReceipt({ client: lethe, path: { erasure_id: receipt }, signal: AbortSignal.timeout(60_000) });
  const { data: keys } = await getLogKeys({ client: lethe });
  await verifyReceipt(file, keys!, { salt: response.headers.get('receipt-salt')!, responses: [oldest] });
  await assert.rejects(user.responses.retrieve(id), OpenAI.NotFoundError);
  await assert.rejects(user.responses.delete(id), OpenAI.NotFoundError);
});

test("OpenAI's client tells the errors apart", async () => {
  const rejects = (call: Promise<unknown>, kind: new (...args: any[]) => Error, fields: object = {}) =>
    assert.rejects(call, (error: Error) => {
      assert.ok(error instanceof kind, `want ${kind.name}, got ${error}`);
      for (const [name, value] of Object.entries(fields)) {
        assert.equal((error as any)[name], value);
      }
      return true;
    });
  await rejects(user.responses.retrieve('resp_none'), OpenAI.NotFoundError);
  await rejects(user.responses.retrieve(chain, { stream: true }), OpenAI.BadRequestError, { param: 'stream' });
  await rejects(user.responses.inputItems.list(chain, { limit: 101 }), OpenAI.BadRequestError, { param: 'limit' });
  await rejects(user.responses.delete(chain), OpenAI.ConflictError);
  await rejects(user.responses.cancel(chain), OpenAI.NotFoundError);
  await rejects(user.responses.create({ model: 'm', input: 'text' }), OpenAI.NotFoundError);
  await rejects(connect('sk-wrong').responses.retrieve(chain), OpenAI.AuthenticationError, { code: 'invalid_api_key' });
  await rejects(connect('sk-any', setting('LETHE_TEST_DOWN_URL')).responses.retrieve(chain), OpenAI.InternalServerError, { status: 503 });
});
