import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { createTestDirectory } from '../storage/testing/databases.ts';
import { FakeClock } from '../scheduler/testing/fake-clock.ts';
import { JobFiles, type JobPaths } from './job-files.ts';
import { JobLog, readLog } from './job-log.ts';

async function openLog(t: TestContext): Promise<{ log: JobLog; paths: JobPaths; clock: FakeClock }> {
  const paths = await new JobFiles(await createTestDirectory(t)).make('job_1');
  const clock = new FakeClock();
  const log = await JobLog.open(paths, clock);
  t.after(() => log.close());
  return { log, paths, clock };
}

async function textOf(paths: JobPaths, tailBytes?: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of readLog(paths, tailBytes)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/** Lines without their times. */
const untimed = (text: string): readonly string[] =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => line.slice(line.indexOf(' ') + 1));

test('JobLog takes lines with their time, whole characters, every line end, and shows control characters', async (t) => {
  const { log, paths } = await openLog(t);
  const bytes = Buffer.from('é€😀\r\ntwo\rthree\u001b[31m\tred\u0000\nlast');
  await log.take(Readable.from(Array.from(bytes, (byte) => Buffer.from([byte]))));
  const text = await textOf(paths);
  assert.match(text, /^\d{4}-\d\d-\d\dT\S+Z é€😀\n/);
  assert.deepEqual(
    untimed(text).filter((line) => line !== ''), // CR and LF came one by one
    ['é€😀', 'two', 'three\\u001b[31m\tred\\u0000', 'last'],
  );
});

test('JobLog cuts long lines, and a line that never ends', async (t) => {
  const { log, paths } = await openLog(t);
  await log.take(Readable.from(Array.from({ length: 40 }, () => Buffer.alloc(1000, 'x'))));
  const lines = untimed(await textOf(paths));
  assert.equal(lines.join('').length, 40_000);
  assert.ok(lines.every((line) => line.length <= 10_000));
});

test('JobLog keeps the first and the last of what is printed too fast, and says how much it left out', async (t) => {
  const { log, paths } = await openLog(t);
  const lines = Array.from({ length: 100_000 }, (_, index) => `line ${index} ${'-'.repeat(40)}`);
  const text = `${lines.join('\n')}\n`;
  const chunks = Array.from({ length: Math.ceil(text.length / 65_536) }, (_, index) =>
    Buffer.from(text.slice(index * 65_536, (index + 1) * 65_536)),
  );
  await log.take(Readable.from(chunks));
  const kept = untimed(await textOf(paths));
  assert.equal(kept[0], lines[0]);
  assert.equal(kept.at(-1), lines.at(-1));
  const gap = kept.findIndex((line) => line.startsWith('-- '));
  assert.deepEqual(kept.slice(0, gap), lines.slice(0, gap));
  assert.deepEqual(kept.slice(gap + 1), lines.slice(-100));
  const leftOut = Number(/^-- (\d+) lines left out/.exec(kept[gap] ?? '')?.[1]);
  assert.equal(gap + leftOut + 100, lines.length);
  assert.ok((await stat(paths.log)).size < 3e6);
});

test('JobLog rotates once it is full, and goes on behind what is there', async (t) => {
  const { log, paths, clock } = await openLog(t);
  for (let index = 0; index < 1200; index++) await log.write([`${index} ${'x'.repeat(8000)}`]);
  await log.close();
  assert.ok((await stat(paths.log)).size <= 4.3e6 && (await stat(paths.oldLog)).size <= 4.3e6);
  const before = await readFile(paths.log, 'utf8');
  const again = await JobLog.open(paths, clock);
  await again.write(['next attempt']);
  await again.close();
  assert.ok((await readFile(paths.log, 'utf8')).startsWith(before));
  const all = untimed(await textOf(paths));
  assert.equal(all.at(-1), 'next attempt');
  const numbers = all.slice(0, -1).map((line) => Number(line.split(' ')[0]));
  assert.deepEqual(
    numbers,
    Array.from({ length: numbers.length }, (_, index) => 1200 - numbers.length + index),
  );
  for (const tailBytes of [1, 30, 20_000, 5_000_000]) {
    const tail = await textOf(paths, tailBytes);
    assert.ok(Buffer.byteLength(tail) <= tailBytes);
    assert.deepEqual(untimed(tail), untimed(tail).length === 0 ? [] : all.slice(-untimed(tail).length), 'whole lines');
  }
});
