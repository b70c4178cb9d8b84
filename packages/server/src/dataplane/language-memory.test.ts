import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LanguageMemory, type MemoryHolder } from './language-memory.ts';

const MB = 1e6;

interface MadeHolder extends MemoryHolder {
  isIdle: boolean;
  /** What happens while it leaves. */
  onEvict: () => void;
  evictions: number;
}

function holder(label: string, lastUsedMs = 0, isIdle = true): MadeHolder {
  return {
    ...{ label, lastUsedMs, isIdle, onEvict() {}, evictions: 0 },
    async evict() {
      this.evictions++;
      this.onEvict();
    },
  };
}

test('LanguageMemory.grow sets more aside for who holds already, and shrink gives that back', async () => {
  const memory = new LanguageMemory(10 * MB);
  const a = holder('a');
  await memory.claim(a, 4 * MB);
  await memory.grow(a, 3 * MB, 'embed');
  await memory.grow(a, 3 * MB, 'score');
  assert.equal(memory.heldBytes, 10 * MB);
  memory.shrink(a, 3 * MB);
  assert.equal(memory.heldBytes, 7 * MB);
  memory.release(a);
  memory.shrink(a, 3 * MB); // it comes too late
  assert.equal(memory.heldBytes, 0);
});

test('LanguageMemory.claim of who holds already takes the place of what it had', async () => {
  const memory = new LanguageMemory(10 * MB);
  const a = holder('a');
  await memory.claim(a, 7 * MB);
  await memory.claim(a, 9 * MB);
  await memory.claim(a, 2 * MB);
  assert.equal(memory.heldBytes, 2 * MB);
});

test('LanguageMemory.grow makes those idle for longest leave, never the one that grows', async () => {
  const memory = new LanguageMemory(10 * MB);
  const [a, b, c] = [holder('a', 1), holder('b', 3), holder('c', 2)];
  for (const each of [a, b, c]) await memory.claim(each, 3 * MB);
  await memory.grow(a, 3 * MB, 'embed');
  assert.deepEqual([a.evictions, b.evictions, c.evictions], [0, 0, 1]);
  assert.equal(memory.heldBytes, 9 * MB);
});

test('LanguageMemory.grow is refused with the numbers, for the moment where others are busy', async () => {
  const memory = new LanguageMemory(10 * MB);
  const [a, b, c] = [holder('a'), holder('b', 1, false), holder('c', 2)];
  await memory.claim(a, 3 * MB);
  await memory.claim(b, 4 * MB);
  await memory.claim(c, 2 * MB);
  await assert.rejects(memory.grow(a, 5 * MB, 'embed'), {
    reason: 'MEMORY_LIMIT',
    retryable: true,
    message:
      'embed: model "a" needs 5 MB beside its 3 MB, and language models may take 10 MB together; b 4 MB are busy',
    details: { neededBytes: 8 * MB, allowedBytes: 10 * MB, heldBytes: 9 * MB },
  });
  assert.equal(c.evictions, 0); // its room would not have been enough
  assert.equal(memory.heldBytes, 9 * MB);
  b.isIdle = true;
  await assert.rejects(memory.grow(a, 8 * MB, 'embed'), {
    reason: 'MEMORY_LIMIT',
    retryable: false,
    message: 'embed: model "a" needs 8 MB beside its 3 MB, and language models may take 10 MB together',
  });
  await memory.grow(a, 5 * MB, 'embed');
  assert.deepEqual([b.evictions, c.evictions, memory.heldBytes], [1, 0, 10 * MB]);
});

test('LanguageMemory.grow sets nothing aside for who has left, before its turn or during it', async () => {
  const memory = new LanguageMemory(10 * MB);
  const [a, b] = [holder('a'), holder('b')];
  await memory.claim(a, 4 * MB);
  const growing = memory.grow(a, 1 * MB, 'embed');
  memory.release(a);
  await assert.rejects(growing, { reason: 'MODEL_NOT_READY', message: 'embed: model "a" is being unloaded' });
  await memory.claim(a, 4 * MB);
  await memory.claim(b, 6 * MB);
  b.onEvict = () => memory.release(a);
  await assert.rejects(memory.grow(a, 1 * MB, 'embed'), { reason: 'MODEL_NOT_READY' });
  assert.equal(memory.heldBytes, 0);
});

test('LanguageMemory.claim that can never be granted is refused for good, and nobody leaves for it', async () => {
  const memory = new LanguageMemory(10 * MB);
  const [a, b] = [holder('a'), holder('b', 0, false)];
  await memory.claim(a, 4 * MB);
  await memory.claim(b, 4 * MB);
  await assert.rejects(memory.claim(holder('large'), 11 * MB), {
    reason: 'MEMORY_LIMIT',
    retryable: false,
    message: 'load: model "large" needs 11 MB, and language models may take 10 MB together; b 4 MB are busy',
  });
  assert.equal(a.evictions, 0);
});

test('LanguageMemory grants one after the other, so that two do not count on the same room', async () => {
  const memory = new LanguageMemory(10 * MB);
  const [a, b] = [holder('a', 0, false), holder('b', 0, false)];
  await memory.claim(a, 4 * MB);
  await memory.claim(b, 4 * MB);
  const outcomes = await Promise.allSettled([memory.grow(a, 2 * MB, 'embed'), memory.grow(b, 2 * MB, 'score')]);
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected'],
  );
  assert.equal(memory.heldBytes, 10 * MB);
});
