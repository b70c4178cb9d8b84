// A training whose process is killed at random moments, checkpoints half written included, and started again until it is
// done, ends with the weights of one that was never killed.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createRandom } from '../statistics/index.ts';

/** Starts the training and kills it `killAfterMs` after its first sign of life; the outcome if it was done before. */
async function train(path: string, killAfterMs: number): Promise<string | null> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'testing/kill-main.ts'), path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  let timer: NodeJS.Timeout | undefined;
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
    if (timer === undefined && Number.isFinite(killAfterMs))
      timer = setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  });
  await once(child, 'close');
  clearTimeout(timer);
  const [, outcome] = output.split('done ');
  return outcome?.endsWith('\n') ? outcome : null;
}

test('fit killed at random moments ends with the same bits as never killed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'amaas-kill-'));
  try {
    const expected = await train(join(folder, 'never-killed'), Infinity);
    assert(expected);
    const random = createRandom('kills');
    for (let trial = 0; trial < 3; trial++) {
      const path = join(folder, `killed-${trial}`);
      let outcome: string | null = null;
      let kills = 0;
      for (; outcome === null; kills++) {
        assert(kills < 60, 'the training never got done');
        outcome = await train(path, kills < 6 ? 1 + random.integer(150) : Infinity);
      }
      assert(kills > 2, 'it was never killed');
      assert.equal(outcome, expected, `trial ${trial}, ${kills} starts`);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
