import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openCheckpoints } from './checkpoints.ts';

const identity = { settings: { target: 'y', seed: 3 }, reading: {}, digest: 'sha256:ab' };

async function folderOf(context: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'amaas-checkpoints-'));
  context.after(() => rm(folder, { recursive: true, force: true }));
  return join(folder, 'checkpoints');
}

test('openCheckpoints keeps a checkpoint per candidate, whole, and touches nothing before it is asked', async (t) => {
  const folder = await folderOf(t);
  const open = openCheckpoints(folder, identity, false);
  const [linear, deep] = [open('linear'), open('perceptron')];
  await assert.rejects(readdir(folder));
  assert.equal(await linear.load(), null);
  await linear.save(Uint8Array.of(1, 2));
  await linear.save(Uint8Array.of(3));
  assert.equal(await deep.load(), null);
  assert.deepEqual([...((await linear.load()) ?? [])], [3]);
  assert.deepEqual((await readdir(folder)).sort(), ['linear.safetensors', 'training.json']);
});

test('openCheckpoints goes on with the same training only', async (t) => {
  const folder = await folderOf(t);
  const first = openCheckpoints(folder, identity, false)('linear');
  await first.load();
  await first.save(Uint8Array.of(7));
  const again = openCheckpoints(folder, structuredClone(identity), true)('linear');
  assert.deepEqual([...((await again.load()) ?? [])], [7]);
  for (const other of [
    { ...identity, digest: 'sha256:cd' },
    { ...identity, settings: { target: 'y', seed: 4 } },
    { ...identity, reading: { decimal: ',' as const } },
  ]) {
    await assert.rejects(openCheckpoints(folder, other, true)('linear').load(), { reason: 'INVALID_CHECKPOINT' });
  }
  assert.deepEqual([...((await again.load()) ?? [])], [7], 'a refusal removes nothing');
  const anew = openCheckpoints(folder, { ...identity, digest: null }, false)('linear');
  assert.equal(await anew.load(), null, 'without --resume a training starts over');
});

test('openCheckpoints does not take what a killed writer left for a checkpoint', async (t) => {
  const folder = await folderOf(t);
  const store = openCheckpoints(folder, identity, false)('linear');
  await store.load();
  await writeFile(join(folder, 'linear.safetensors.partial'), 'half');
  assert.equal(await store.load(), null);
});
