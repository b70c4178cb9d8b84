import assert from 'node:assert/strict';
import { appendFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { mountTinyDisk } from '../artifacts/testing/tiny-disk.ts';
import { createTestDirectory } from '../storage/testing/databases.ts';
import { collect } from './testing/batches-fixture.ts';
import { type LoggedResult, ResultLog } from './result-log.ts';

function result(index: number, text = ''): LoggedResult {
  return { index, isSuccess: index % 3 !== 0, result: { custom_id: `r${index}`, text } };
}

async function open(path: string): Promise<{ readonly log: ResultLog; readonly found: readonly LoggedResult[] }> {
  const found: LoggedResult[] = [];
  const log = await ResultLog.open(path, (each) => found.push(each));
  return { log, found };
}

test('ResultLog keeps what was added, in the order in which it came, and reads it again', async (t) => {
  const path = join(await createTestDirectory(t), 'results.jsonl');
  const { log, found } = await open(path);
  assert.deepEqual(found, []);
  const results = [5, 0, 3, 7].map((index) => result(index, 'ü\n\u2028'.repeat(40_000)));
  await Promise.all(results.map((each) => log.add(each)));
  assert.deepEqual(await collect(log.read()), results);
  await log.close();
  const again = await open(path);
  assert.deepEqual(again.found, results);
  await again.log.add(result(1));
  assert.deepEqual(await collect(again.log.read()), [...results, result(1)]);
  await again.log.close();
});

test('ResultLog drops what a crash left half written, wherever it was cut', async (t) => {
  const path = join(await createTestDirectory(t), 'results.jsonl');
  const lines = [0, 1, 2].map((index) => `${JSON.stringify(result(index))}\n`);
  const whole = Buffer.from(lines.join(''));
  const before = Buffer.byteLength(lines.slice(0, 2).join(''));
  for (let cut = before; cut < whole.byteLength; cut++) {
    await writeFile(path, whole.subarray(0, cut));
    const { log, found } = await open(path);
    assert.deepEqual(found, [result(0), result(1)], `cut at ${cut}`);
    await log.add(result(4));
    await log.close();
    assert.equal(await readFile(path, 'utf8'), `${lines[0]}${lines[1]}${JSON.stringify(result(4))}\n`);
  }
});

test('ResultLog trusts nothing behind a line that it never wrote', async (t) => {
  const path = join(await createTestDirectory(t), 'results.jsonl');
  const good = `${JSON.stringify(result(0))}\n`;
  for (const bad of ['\0\0\0\0', '{}', 'null', '{"index":"1"}', JSON.stringify(result(0)), '']) {
    await writeFile(path, `${good}${bad}\n`);
    await appendFile(path, `${JSON.stringify(result(2))}\n`);
    const { log, found } = await open(path);
    assert.deepEqual(found, [result(0)], JSON.stringify(bad));
    await log.close();
    assert.equal(await readFile(path, 'utf8'), good);
  }
});

test('ResultLog is as it was before when the disk is full, and goes on when it is not any more', async (t) => {
  const disk = mountTinyDisk(t, 64);
  if (disk === null) return;
  const path = join(disk, 'results.jsonl');
  const { log } = await open(path);
  await log.add(result(0));
  const filler = join(disk, 'filler');
  await writeFile(filler, Buffer.alloc(40 * 1024));
  await assert.rejects(log.add(result(1, 'x'.repeat(50_000))), { code: 'ENOSPC' });
  await log.add(result(2));
  await rm(filler);
  await log.add(result(1, 'x'.repeat(30_000)));
  const expected = [result(0), result(2), result(1, 'x'.repeat(30_000))];
  assert.deepEqual(await collect(log.read()), expected);
  await log.close();
  const again = await open(path);
  assert.deepEqual(again.found, expected);
  await again.log.close();
});
