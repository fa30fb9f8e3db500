// Make the pictures in docs/images anew from a running demo, with the HOST, KEY and PERSON
// that it prints. Needs unzip, Chromium (CHROMIUM) and the npm package playwright-core.
// The letter is that of the newest subject request, which must have been answered.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { chromium } from 'playwright-core';

const { HOST, KEY, PERSON, CHROMIUM = '/usr/bin/chromium' } = process.env;
const images = new URL('../docs/images/', import.meta.url).pathname;

async function call(path, init = {}) {
  const headers = { Authorization: `Bearer ${KEY}`, 'Content-Type': 'application/json' };
  const answer = await fetch(`${HOST}${path}`, { ...init, headers });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer;
}

const folder = mkdtempSync(join(tmpdir(), 'screenshots-'));
const browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] });
try {
  let file = await (await call('/lethe/api/v1/exports', { method: 'POST', body: JSON.stringify({ owner: PERSON }) })).json();
  const at = `/lethe/api/v1/exports/${file.id}`;
  while (['queued', 'running'].includes(file.state)) {
    await setTimeout(500);
    file = await (await call(at)).json();
  }
  writeFileSync(join(folder, 'person.zip'), Buffer.from(await (await call(`${at}/file`)).arrayBuffer()));
  await call(at, { method: 'DELETE' });
  execFileSync('unzip', ['-q', 'person.zip'], { cwd: folder });
  const requests = await (await call('/lethe/api/v1/subject-requests?limit=1')).json();
  const letter = await call(`/lethe/api/v1/subject-requests/${requests.data[0].id}/letter`);
  writeFileSync(join(folder, 'letter.html'), await letter.text());

  for (const [name, path, height] of [
    ['person-file', 'index.html', 1000],
    ['person-file-conversations', 'conversations/0001.html', 700],
    ['letter', 'letter.html', 900],
  ]) {
    const page = await browser.newPage({ viewport: { width: 860, height }, colorScheme: 'light' });
    await page.goto(`file://${join(folder, path)}`);
    await page.screenshot({ path: join(images, `${name}.png`) });
  }
} finally {
  await browser.close();
  rmSync(folder, { recursive: true });
}
