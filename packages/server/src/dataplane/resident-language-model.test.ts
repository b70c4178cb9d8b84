import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ExtraMemory, systemClock } from '@amaas/core';
import { LanguageMemory } from './language-memory.ts';
import { ResidentLanguageModel } from './resident-language-model.ts';
import { FakeLanguageEngine } from './testing/fake-language.ts';

function residents(maxBytes: number, keepAliveMs = Number.POSITIVE_INFINITY) {
  const engine = new FakeLanguageEngine();
  const memory = new LanguageMemory(maxBytes);
  const resident = (label: string): ResidentLanguageModel =>
    new ResidentLanguageModel({
      engine,
      source: { label, modelPath: `/${label}` },
      options: { maxMemoryBytes: 1000, maxLoadMs: 1000, maxQueueSize: 3 },
      memory,
      clock: systemClock,
      keepAliveMs,
    });
  return { engine, memory, resident };
}

/** Uses it once. */
async function use(resident: ResidentLanguageModel, keepAliveMs?: number): Promise<void> {
  (await resident.lease()).return(keepAliveMs);
}

test('ResidentLanguageModel loads once for all who come at the same time, and stays', async () => {
  const { engine, memory, resident } = residents(1000);
  const a = resident('a');
  assert.equal(a.model, null);
  const leases = await Promise.all([a.lease(), a.lease(), a.lease()]);
  assert.equal(engine.loads, 1);
  for (const lease of leases) lease.return();
  await use(a);
  assert.equal(engine.loads, 1);
  assert.equal(memory.heldBytes, 100);
});

test('ResidentLanguageModel makes those idle for longest leave, never those in use', async () => {
  const { engine, resident } = residents(200);
  const [a, b, c] = [resident('a'), resident('b'), resident('c')];
  await use(a);
  await use(b);
  await use(a);
  const held = await c.lease(); // b leaves: a was used after it
  assert.deepEqual(engine.present, ['a', 'c']);
  const also = await a.lease();
  await assert.rejects(b.lease(), {
    reason: 'MEMORY_LIMIT',
    retryable: true,
    message: 'load: model "b" needs 1 MB, and language models may take 1 MB together; a 1 MB, c 1 MB are busy',
  });
  held.return();
  await use(b);
  assert.deepEqual(engine.present, ['a', 'b']);
  also.return();
});

test('ResidentLanguageModel that alone is too large is refused for good', async () => {
  const { memory, resident } = residents(99);
  await assert.rejects(resident('a').lease(), { reason: 'MEMORY_LIMIT', retryable: false });
  assert.equal(memory.heldBytes, 0);
});

test('ResidentLanguageModel leaves after its time, which starts anew with every use', async () => {
  const { engine, memory, resident } = residents(1000, 60);
  const a = resident('a');
  await use(a);
  assert(a.expiresAtMs !== null && a.expiresAtMs > Date.now());
  const lease = await a.lease();
  assert.equal(a.expiresAtMs, null);
  await sleep(90);
  assert.deepEqual(engine.present, ['a']);
  lease.return();
  while (engine.present.length > 0) await sleep(5);
  assert.equal(memory.heldBytes, 0);
  await use(a, 0);
  while (engine.present.length > 0) await sleep(1);
  assert.equal(engine.loads, 2);
});

test('ResidentLanguageModel gives room back when loading fails, and tries again', async () => {
  const { engine, memory, resident } = residents(100);
  const a = resident('a');
  engine.failLoads = true;
  await assert.rejects(a.lease(), { reason: 'MODEL_REJECTED' });
  assert.equal(memory.heldBytes, 0);
  engine.failLoads = false;
  await use(a);
  assert.deepEqual(engine.present, ['a']);
});

test('ResidentLanguageModel.close waits for those who use it, and lets nobody in any more', async () => {
  const { engine, memory, resident } = residents(100);
  const a = resident('a');
  const lease = await a.lease();
  let isClosed = false;
  const closing = a.close().then(() => {
    isClosed = true;
  });
  await assert.rejects(a.lease(), { reason: 'MODEL_NOT_READY' });
  await sleep(5);
  assert.equal(isClosed, false);
  lease.return();
  lease.return(); // twice is once
  await closing;
  assert.deepEqual(engine.present, []);
  assert.equal(memory.heldBytes, 0);
});

test('ResidentLanguageModel comes back after it left, one after the other', async () => {
  const { engine, resident } = residents(100);
  const a = resident('a');
  await use(a);
  const leaving = a.evict();
  await Promise.all([leaving, use(a)]);
  assert.deepEqual(engine.present, ['a']);
  assert.equal(engine.loads, 2);
});

/** What a loaded model asks for more memory. */
function extraMemoryOf(engine: FakeLanguageEngine, label: string): ExtraMemory {
  return engine.options.get(label)?.extraMemory ?? assert.fail(`${label} is not loaded`);
}

test('ResidentLanguageModel lets its model take more while others are idle, and gives all back when it leaves', async () => {
  const { engine, memory, resident } = residents(250);
  const [a, b] = [resident('a'), resident('b')];
  await use(b);
  const lease = await a.lease();
  const extra = extraMemoryOf(engine, 'a');
  await extra.claim('embed', 50);
  assert.deepEqual([engine.present, memory.heldBytes], [['b', 'a'], 250]);
  await extra.claim('score', 80); // b leaves
  assert.deepEqual([engine.present, memory.heldBytes], [['a'], 230]);
  extra.giveBack(50);
  assert.equal(memory.heldBytes, 180);
  lease.return();
  await a.evict();
  assert.equal(memory.heldBytes, 0);
  await use(a);
  assert.equal(memory.heldBytes, 100);
});

test('ResidentLanguageModel whose model finds no room for more stays as it is', async () => {
  const { engine, memory, resident } = residents(250);
  const [a, b] = [resident('a'), resident('b')];
  const leases = [await a.lease(), await b.lease()];
  await assert.rejects(extraMemoryOf(engine, 'a').claim('embed', 60), {
    reason: 'MEMORY_LIMIT',
    retryable: true,
    message: /^embed: model "a" needs 1 MB beside its 1 MB, .*; b 1 MB are busy$/,
  });
  assert.deepEqual([engine.present, memory.heldBytes], [['a', 'b'], 200]);
  for (const lease of leases) lease.return();
});

test('ResidentLanguageModel that leaves while its model waits for more holds nothing afterwards', async () => {
  const { engine, memory, resident } = residents(250);
  const a = resident('a');
  await use(a);
  const extra = extraMemoryOf(engine, 'a');
  const leaving = a.evict();
  const asked = extra.claim('embed', 60);
  await Promise.allSettled([asked, leaving]);
  assert.deepEqual([engine.present, memory.heldBytes], [[], 0]);
  await assert.rejects(extra.claim('embed', 60), { reason: 'MODEL_NOT_READY' });
});

test('ResidentLanguageModel.lease ends with its caller while the model loads, which goes on for the others', async () => {
  const { engine, memory, resident } = residents(100, 20);
  const a = resident('a');
  const gate = Promise.withResolvers<void>();
  engine.loading = gate.promise;
  const leaving = new AbortController();
  const early = [a.lease(leaving.signal), a.lease(leaving.signal)];
  const patient = a.lease();
  await assert.rejects(a.lease(), { reason: 'QUEUE_FULL' });
  leaving.abort();
  for (const one of early) await assert.rejects(one, { reason: 'CANCELLED' });
  const late = a.lease(); // those who left are not counted any more
  await assert.rejects(a.lease(leaving.signal), { reason: 'CANCELLED' });
  gate.resolve();
  for (const { model } of await Promise.all([patient, late])) assert.equal(model, a.model);
  assert.equal(engine.loads, 1);
  for (const one of [patient, late]) (await one).return();
  while (memory.heldBytes > 0) await sleep(1);
});

test('ResidentLanguageModel whose callers all left is loaded, stays its time, and is not pushed out half loaded', async () => {
  const { engine, memory, resident } = residents(100, 20);
  const [a, b] = [resident('a'), resident('b')];
  const gate = Promise.withResolvers<void>();
  engine.loading = gate.promise;
  const leaving = new AbortController();
  const only = a.lease(leaving.signal);
  await sleep(1);
  leaving.abort();
  await assert.rejects(only, { reason: 'CANCELLED' });
  assert.deepEqual([a.isIdle, a.expiresAtMs], [false, null]);
  await assert.rejects(b.lease(), { reason: 'MEMORY_LIMIT', retryable: true });
  gate.resolve();
  while (a.model === null) await sleep(1);
  assert.deepEqual([engine.present, a.isIdle, a.expiresAtMs !== null], [['a'], true, true]);
  while (memory.heldBytes > 0) await sleep(1);
  assert.deepEqual([engine.present, a.model], [[], null]);
});
