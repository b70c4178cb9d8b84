// The lock between real processes, which is the only place where it means anything.
import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { AmaasError, type Clock } from '@amaas/core';
import { lockDataDir } from './data-dir-lock.ts';
import { createTestDirectory } from './testing/databases.ts';

const clock: Pick<Clock, 'wallTime'> = { wallTime: () => new Date('2026-03-04T05:06:07.000Z') };

interface Holder {
  readonly process: ChildProcessByStdio<Writable, Readable, null>;
  /** `locked`, or reason and message of the refusal. */
  readonly said: string;
}

async function startHolder(context: TestContext, directory: string): Promise<Holder> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'testing/lock-holder.ts'), directory], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  context.after(() => child.kill('SIGKILL'));
  const [line] = await once(createInterface(child.stdout), 'line');
  return { process: child, said: String(line) };
}

async function kill(holder: Holder): Promise<void> {
  const exit = once(holder.process, 'exit');
  holder.process.kill('SIGKILL');
  await exit;
}

function assertLocked(directory: string, expected: RegExp): void {
  assert.throws(
    () => lockDataDir(directory, clock),
    (error) => {
      assert(error instanceof AmaasError);
      assert.equal(error.reason, 'DATA_DIR_LOCKED');
      assert.match(error.message, expected);
      return true;
    },
  );
}

test('lockDataDir refuses a directory another process has, naming it, and takes it after that was killed', async (t) => {
  const directory = await createTestDirectory(t);
  for (let round = 0; round < 3; round++) {
    const holder = await startHolder(t, directory);
    assert.equal(holder.said, 'locked');
    assertLocked(directory, new RegExp(`in use by process ${holder.process.pid} since 20\\d\\d-.*AMAAS_DATA_DIR`));
    const refused = await startHolder(t, directory);
    assert.match(refused.said, new RegExp(`^DATA_DIR_LOCKED .*process ${holder.process.pid} `));
    await kill(holder);
    lockDataDir(directory, clock).release();
  }
});

test('lockDataDir gives the directory to exactly one of many simultaneous starts', async (t) => {
  const directory = await createTestDirectory(t);
  for (let round = 0; round < 3; round++) {
    const holders = await Promise.all(Array.from({ length: 6 }, () => startHolder(t, directory)));
    const winners = holders.filter((holder) => holder.said === 'locked');
    assert.equal(winners.length, 1, holders.map((holder) => holder.said).join('\n'));
    for (const winner of winners) await kill(winner);
  }
});

test('lockDataDir lets go when released and when the holder ends by itself', async (t) => {
  const directory = await createTestDirectory(t);
  const holder = await startHolder(t, directory);
  const exit = once(holder.process, 'exit');
  holder.process.stdin.end();
  await exit;
  const lock = lockDataDir(directory, clock);
  assertLocked(directory, new RegExp(`process ${process.pid} since 2026-03-04T05:06:07.000Z`)); // also against oneself
  lock.release();
  lock.release();
  lockDataDir(directory, clock).release();
  assert.throws(() => readFileSync(join(directory, 'lock.json')), /ENOENT/);
});

test('lockDataDir is not misled by what lock.json says', async (t) => {
  const directory = await createTestDirectory(t);
  const record = join(directory, 'lock.json');
  // A record left behind: its process is alive (it is this one), but it holds nothing.
  writeFileSync(record, JSON.stringify({ pid: process.pid, host: 'elsewhere', since: 'yesterday' }));
  const lock = lockDataDir(directory, clock);
  for (const text of ['', '{', 'null', '{"pid":"1"}', '{"pid":4194305,"host":1}']) {
    writeFileSync(record, text);
    assertLocked(directory, /in use by a process that is starting or stopping/);
  }
  writeFileSync(record, JSON.stringify({ pid: 12, host: 'elsewhere', since: '2026-01-01T00:00:00.000Z' }));
  assertLocked(directory, /in use by process 12 on elsewhere since 2026-01-01/);
  lock.release();
});
