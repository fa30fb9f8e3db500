import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

import { VerifyError, verifyReceipt, type VerifyOptions } from '@lethe/client';

interface Vector {
  file: string;
  keys: string[];
  salt?: string;
  responses?: string[];
  owners?: string[];
  older?: string;
  tiles?: string;
  proven: boolean;
  leaf?: string;
  kind?: string;
  reason?: string;
}

const folder = new URL('../../../docs/vectors/', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, folder));
const vectors: { keys: Record<string, string>; proofs: Vector[] } = JSON.parse(read('vectors.json').toString());
const of = (name: string) => vectors.proofs.find(({ file }) => file === `${name}.receipt`)!;
const keysOf = (vector: Vector) => vector.keys.map((key) => vectors.keys[key]).join('\n');

function check(vector: Vector, file: Uint8Array | string = read(vector.file), given: VerifyOptions = {}) {
  return verifyReceipt(file, keysOf(vector), {
    salt: vector.salt,
    responses: vector.responses,
    owners: vector.owners,
    older: vector.older && read(vector.older),
    tiles: async (path) => {
      const tile = new URL(`${vector.tiles}/${path}`, folder);
      return existsSync(tile) ? readFileSync(tile) : undefined;
    },
    ...given,
  });
}

async function refused(checked: Promise<unknown>, what = ''): Promise<string> {
  const error = await checked.then(() => assert.fail(`proven: ${what}`), (error: unknown) => error);
  assert.ok(error instanceof VerifyError && error.message, `${what}: ${error}`);
  return error.kind;
}

test('vectors are not empty', () => {
  assert.ok(vectors.proofs.filter(({ proven }) => proven).length >= 12);
  assert.ok(new Set(vectors.proofs.map(({ kind }) => kind)).size >= 11);
});

for (const vector of vectors.proofs) {
  test(`vector: ${vector.file}`, async () => {
    if (!vector.proven) {
      assert.equal(await refused(check(vector)), vector.kind);
      return;
    }
    const { receipt, leaf, witnesses } = await check(vector);
    assert.equal(createHash('sha256').update('\0').update(leaf).digest('base64'), vector.leaf);
    assert.deepEqual(JSON.parse(Buffer.from(leaf).toString()), receipt);
    assert.deepEqual(witnesses.map(({ name }) => name), vector.keys.includes('witness') ? ['witness.example/w1'] : []);
  });
}

for (const name of ['single', 'rotated']) {
  test(`any changed byte is refused: ${name}`, async () => {
    const vector = of(name);
    const file = read(vector.file);
    for (let at = 0; at < file.length; at++) {
      const byte = file[at]!;
      for (const value of new Set([byte ^ 1, byte ^ 0x20, byte ^ 0x80, 0x41, 0x0a])) {
        if (value !== byte) {
          const changed = Buffer.from(file);
          changed[at] = value;
          await refused(check(vector, changed), `byte ${at} is ${value}`);
        }
      }
      await refused(check(vector, Buffer.concat([file.subarray(0, at), file.subarray(at + 1)])), `without byte ${at}`);
      if (file[at - 1] !== 0x0a) {
        await refused(check(vector, file.subarray(0, at)), `cut off at byte ${at}`);
      }
    }
  });
}

test('accepts text, and files without witnesses', async () => {
  const vector = of('last');
  const lines = read(vector.file).toString().split(/(?<=\n)/);
  assert.deepEqual((await check(vector, lines.slice(0, -1).join(''))).witnesses, []);
  assert.equal(await refused(check(vector, lines.filter((_, at) => at !== lines.length - 2).join(''))), 'unknown_key');
});

test('keys, salts and commitments', async () => {
  const vector = of('single');
  const file = read(vector.file);
  const salt = vector.salt!;
  await check(vector, file, {
    responses: vector.responses!.map((id) => id.toUpperCase()),
    salt: Buffer.from(salt, 'hex').toString('base64'),
  });
  assert.equal(await refused(check(vector, file, { salt: undefined })), 'bad_key');
  assert.equal(await refused(check(vector, file, { salt: salt.slice(2) })), 'bad_key');
  assert.equal(await refused(check(vector, file, { owners: ['ada'] })), 'wrong_commitment');
  assert.equal(await refused(check(of('level'), undefined, { salt, owners: ['ada'] })), 'wrong_commitment');
  const key = vectors.keys['log']!;
  for (const keys of ['', 'ada', key.slice(0, -1), key.replace('+8', '+9'), `PRIVATE+KEY+${key}`]) {
    assert.equal(await refused(verifyReceipt(file, keys), keys), 'bad_key');
  }
});

test('wrong commitment: names the other parts', async () => {
  const wrong = vectors.proofs.filter(({ file, proven }) => file === 'parts.receipt' && !proven);
  assert.equal(wrong.length, 2);
  for (const vector of wrong) {
    const where = vector.reason!.slice(vector.reason!.indexOf('; this receipt is one of 6 parts of its erasure: '));
    await assert.rejects(check(vector), ({ message }: Error) => message.endsWith(where) && where.startsWith('; this'));
  }
});

test('wrong commitment: the receipt has none', async () => {
  await assert.rejects(check(of('nothing'), undefined, { responses: ['ada'] }), /^VerifyError: the receipt has no responses: check it without$/);
  await assert.rejects(check(of('nothing'), undefined, { owners: ['ada'] }), /^VerifyError: not among the receipt's owners/);
});

test('older checkpoint and tiles', async () => {
  const vector = of('history');
  const mirror = new Map<string, Uint8Array>();
  for (const path of readdirSync(new URL('mirror/', folder), { recursive: true, withFileTypes: true })) {
    if (path.isFile()) {
      const file = `${path.parentPath}/${path.name}`;
      mirror.set(file.slice(file.indexOf('/mirror/') + '/mirror/'.length), readFileSync(file));
    }
  }
  const withTiles = (more: [string, Uint8Array][] = []) => {
    const tiles = new Map([...mirror, ...more]);
    return check(vector, undefined, { tiles: async (path) => tiles.get(path) });
  };
  assert.equal(await refused(check(vector, undefined, { tiles: undefined })), 'bad_tiles');
  await withTiles();
  // A full tile can replace a partial one.
  const partial = mirror.get('tile/0/001.p/44')!;
  mirror.delete('tile/0/001.p/44');
  assert.equal(await refused(withTiles()), 'bad_tiles');
  await withTiles([['tile/0/001', Buffer.concat([partial, Buffer.alloc((256 - 44) * 32)])]]);
  assert.equal(await refused(withTiles([['tile/0/001', partial]])), 'bad_tiles');
  assert.equal(await refused(withTiles([['tile/0/001.p/44', Buffer.alloc(44 * 32)]])), 'bad_tiles');
});
