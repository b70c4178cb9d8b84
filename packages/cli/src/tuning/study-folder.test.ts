// The folder of a study: journals that were cut off, studies of something else, and two processes at once.
import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { candidateStore, openStudyFolder } from './study-folder.ts';

const IDENTITY = { settings: { target: 'y', seed: 1 }, reading: {}, digest: 'sha256:00' };
const FIRST =
  '{"event":"study","format":1,"definition":{"space":{"dropout":{"uniform":[0,0.5]}},"direction":"minimise",' +
  '"sampler":{"kind":"random"},"scheduler":{"kind":"none"},"seed":1}}';
const START = '{"event":"start","trial":0,"configuration":{"dropout":0.25},"promotedFrom":null,"atMs":3}';

async function makeFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'amaas-study-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'study');
}

test('openStudyFolder gives back what was written, without a line that was cut off', async (t) => {
  const folder = await makeFolder(t);
  const first = await openStudyFolder(folder, IDENTITY);
  assert.deepEqual(first.journal.events, []);
  first.journal.sink(FIRST);
  first.journal.sink(START);
  await first.addReport(1);
  await first.close();
  await appendFile(join(folder, 'journal.jsonl'), '{"event":"report","tri');
  const second = await openStudyFolder(folder, IDENTITY);
  assert.deepEqual(
    second.journal.events.map(({ event }) => event),
    ['study', 'start'],
  );
  assert.deepEqual(second.reports, [1]);
  second.journal.sink('{"event":"end","trial":0,"status":"completed","value":0.5,"atMs":9}');
  await second.close();
  const lines = (await readFile(join(folder, 'journal.jsonl'), 'utf8')).split('\n');
  assert.deepEqual([lines[0], lines[1], lines.length], [FIRST, START, 4]);
});

test('openStudyFolder refuses a study of other data or settings', async (t) => {
  const folder = await makeFolder(t);
  const first = await openStudyFolder(folder, IDENTITY);
  first.journal.sink(FIRST);
  await first.close();
  for (const other of [
    { ...IDENTITY, digest: 'sha256:01' },
    { ...IDENTITY, settings: { target: 'y', seed: 2 } },
    { ...IDENTITY, reading: { separator: ';' } },
  ]) {
    await assert.rejects(
      openStudyFolder(folder, other),
      (error) => error instanceof AmaasError && error.reason === 'INVALID_CHECKPOINT',
    );
  }
  await (await openStudyFolder(folder, IDENTITY)).close();
});

test('openStudyFolder lets one process in, and takes over from one that is gone', async (t) => {
  const folder = await makeFolder(t);
  const first = await openStudyFolder(folder, IDENTITY);
  first.journal.sink(FIRST);
  await first.close();
  await writeFile(join(folder, 'lock'), String(process.ppid)); // alive, and not this one
  await assert.rejects(openStudyFolder(folder, IDENTITY), new RegExp(`process ${process.ppid} runs the study in`));
  await writeFile(join(folder, 'lock'), '4194305'); // above the highest that Linux gives
  await (await openStudyFolder(folder, IDENTITY)).close();
  assert.ok(!(await readdir(folder)).includes('lock'));
});

test('StudyFolder.close leaves nothing of a study that never began', async (t) => {
  const folder = await makeFolder(t);
  await (await openStudyFolder(folder, IDENTITY)).close();
  await assert.rejects(readdir(folder), /ENOENT/);
});

test('candidateStore keeps a checkpoint until it is removed', async (t) => {
  const folder = await makeFolder(t);
  const opened = await openStudyFolder(folder, IDENTITY);
  t.after(() => opened.close());
  const store = candidateStore(folder, 'trial-3');
  assert.equal(await store.load(), null);
  await store.save(Uint8Array.of(1, 2, 3));
  assert.deepEqual([...((await candidateStore(folder, 'trial-3').load()) ?? [])], [1, 2, 3]);
  await store.remove();
  await store.remove();
  assert.equal(await store.load(), null);
});
