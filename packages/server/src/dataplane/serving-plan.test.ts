import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Manifest } from '@amaas/core';
import type { ServingEvidence } from './ports.ts';
import { planServing } from './serving-plan.ts';

const SOUND = { sound: true, rowsTried: 5 } as const;
const evidence: ServingEvidence = {
  signature: { method: 'predict', inputs: [], outputs: [] },
  memoryBytes: 50 * 2 ** 20,
  loadMs: 20,
  runMs: 4,
  msPerRow: 0.5,
  batching: SOUND,
  warmupSkipped: null,
  hasControlFlow: false,
};
const defaults = { maxRunMs: 30_000, maxQueueSize: 1024, cores: 4 };

function plan(manifest: Manifest, changes: Partial<ServingEvidence> = {}) {
  return planServing(manifest, { ...evidence, ...changes }, defaults);
}

test('planServing joins rows up to a run of 25 ms where batching is proven', () => {
  // 3.5 ms + 0.5 ms a row: 43 rows take 25 ms
  assert.equal(plan({}).batch.maxRows, 43);
  assert.equal(plan({}, { msPerRow: 0.01 }).batch.maxRows, 64);
  assert.equal(plan({}).batchingOff, null);
  assert.equal(plan({ batching: { maxSize: 7 } }).batch.maxRows, 7);
});

test('planServing never joins rows that were not proven sound, whatever the manifest says', () => {
  const unsound = plan({ batching: { maxSize: 32 } }, { batching: { sound: false, reason: 'output "y" mixes rows' } });
  assert.equal(unsound.batch.maxRows, 1);
  assert.equal(unsound.batchingOff, 'output "y" mixes rows');
  assert.equal(plan({ batching: { dim: null } }).batch.maxRows, 1);
});

test('planServing runs very small models inline, control flow in a child, the rest in a thread', () => {
  assert.equal(plan({}, { runMs: 0.03, msPerRow: 0.001 }).isolation, 'inline');
  // 0.03 ms alone, but a batch of only 8 rows would hold the event loop up for longer than 1 ms
  assert.equal(plan({}, { runMs: 0.14, msPerRow: 0.135 }).isolation, 'thread');
  assert.equal(plan({}, { hasControlFlow: true, runMs: 0.03 }).isolation, 'process');
  assert.equal(plan({}).isolation, 'thread');
  assert.equal(plan({}, { runMs: null }).isolation, 'thread');
  assert.equal(plan({ isolation: 'process' }, { runMs: 0.03 }).isolation, 'process');
});

test('planServing keeps inline batches short', () => {
  const inline = plan({}, { runMs: 0.06, msPerRow: 0.04 });
  assert.equal(inline.isolation, 'inline');
  // 0.02 ms + 0.04 ms a row: 24 rows take 0.98 ms
  assert.equal(inline.batch.maxRows, 24);
});

test('planServing sets heavy unbatchable models side by side, each with its share of the cores', () => {
  const unbatchable = { batching: { sound: false, reason: 'fixed first dim' } } as const;
  const heavy = plan({}, { ...unbatchable, runMs: 25 });
  assert.deepEqual([heavy.instances, heavy.resources.intraOpThreads], [4, 1]);
  const huge = plan({}, { ...unbatchable, runMs: 25, memoryBytes: 2 * 2 ** 30 });
  assert.deepEqual([huge.instances, huge.resources.intraOpThreads], [1, 4]);
  const light = plan({}, { ...unbatchable, runMs: 0.3 });
  assert.deepEqual([light.instances, light.resources.intraOpThreads], [1, 1]);
  assert.equal(plan({ instances: 2 }, { ...unbatchable, runMs: 25 }).resources.intraOpThreads, 2);
});

test('planServing takes limits and preferred sizes from the manifest', () => {
  const { batch, maxRunMs, maxQueueSize } = plan({
    batching: { preferredSizes: [16, 4], maxDelayMs: 2 },
    limits: { maxRunMs: 500, maxQueueSize: 9 },
  });
  assert.deepEqual(batch.preferredRows, [4, 16]);
  assert.deepEqual([batch.maxDelayMs, maxRunMs, maxQueueSize], [2, 500, 9]);
});
