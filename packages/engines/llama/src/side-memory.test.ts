import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { SideMemory } from './side-memory.ts';
import { createMadeContext } from './testing/made-context.ts';

const MB = 1e6;

/** A model of 4 MB that may take 10. */
function sideMemory(refused: readonly string[] = []) {
  const log: string[] = [];
  const side = new SideMemory({
    ...{ label: 'm', plannedBytes: 4 * MB, maxMemoryBytes: 10 * MB, contextTokens: 512 },
    memory: {
      async claim(operation, bytes) {
        log.push(`${operation} ${bytes / MB}`);
        if (refused.includes(operation)) throw new AmaasError('MEMORY_LIMIT', 'there is no room');
      },
      giveBack: (bytes) => void log.push(`back ${bytes / MB}`),
    },
  });
  return { side, log };
}

const opened = () => Promise.resolve(createMadeContext().context);

test('SideMemory asks before it opens a context, and gives back once that is closed', async () => {
  const { side, log } = sideMemory();
  const { context, log: done } = createMadeContext();
  const lent = side.lend('embed', 5 * MB, async () => {
    log.push('open');
    return context;
  });
  for (let round = 0; round < 2; round++) await lent.close(await lent.open());
  assert.deepEqual(log, ['embed 5', 'open', 'back 5', 'embed 5', 'open', 'back 5']);
  assert.deepEqual(done, ['dispose', 'dispose']);
});

test('SideMemory opens nothing that is refused, and gives back what could not be opened', async () => {
  const { side, log } = sideMemory(['embed']);
  await assert.rejects(side.lend('embed', 5 * MB, () => assert.fail('it is opened')).open(), {
    message: 'there is no room',
  });
  const failing = side.lend('score', 5 * MB, () => Promise.reject(new Error('llama.cpp failed')));
  await assert.rejects(failing.open(), { message: 'llama.cpp failed' });
  await assert.rejects(
    side.keep('adapter "x"', 6 * MB, () => Promise.reject(new Error('no adapter'))),
    {
      message: 'no adapter',
    },
  );
  assert.deepEqual(log, ['embed 5', 'score 5', 'back 5', 'adapter "x" 6', 'back 6']);
  await side.lend('score', 6 * MB, opened).open(); // nothing of the above counts any more
});

test("SideMemory holds all that is open against the model's own limit, and asks nobody beyond it", async () => {
  const { side, log } = sideMemory();
  await side.keep('adapter "x"', 2 * MB, opened);
  const lent = side.lend('embed', 3 * MB, opened);
  const context = await lent.open();
  const score = side.lend('score', 3 * MB, opened);
  await assert.rejects(score.open(), {
    reason: 'MEMORY_LIMIT',
    retryable: true, // the context for vectors goes after a while
    message: 'score: model "m" has 9 MB and needs 3 MB more for texts of up to 512 tokens, and 10 MB are allowed',
    details: { neededBytes: 12 * MB, allowedBytes: 10 * MB, contextTokens: 512 },
  });
  await assert.rejects(side.keep('adapter "y"', 5 * MB, opened), { reason: 'MEMORY_LIMIT', retryable: false });
  await lent.close(context);
  await score.open();
  assert.deepEqual(log, ['adapter "x" 2', 'embed 3', 'back 3', 'score 3']);
});
