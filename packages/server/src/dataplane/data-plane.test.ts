import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError, createTensor, systemClock } from '@amaas/core';
import { DataPlane } from './data-plane.ts';
import { FakeProvider, FakeRegistry } from './testing/fake-parts.ts';

async function start(registry: FakeRegistry, provider = new FakeProvider()) {
  const failures: number[] = [];
  const dataPlane = new DataPlane({
    registry: registry.asRegistry(),
    provider,
    language: { load: () => Promise.reject(new Error('no language models here')) },
    preparer: { prepare: () => Promise.reject(new Error('nothing to prepare here')) },
    texts: { open: async () => null },
    clock: systemClock,
    defaults: { maxRunMs: 1000, maxQueueSize: 1000, cores: 2 },
    createRecorder: () => ({ recordBatch: () => {}, recordGeneration: () => {}, dispose: () => {} }),
    onFailure: (_model, version) => failures.push(version),
  });
  await dataPlane.start();
  return { dataPlane, provider, failures };
}

/** Which version answers: outputs are the input times the version. */
async function answeredBy(dataPlane: DataPlane, reference: { version?: number; label?: string } = {}): Promise<number> {
  const served = dataPlane.resolve({ model: 'm', ...reference });
  const { outputs } = await served.infer({
    inputs: new Map([['x', createTensor('float32', [1], Float32Array.of(1))]]),
  });
  return Number(outputs.get('y')?.data[0]);
}

const reasonIs = (reason: string) => (error: unknown) => error instanceof AmaasError && error.reason === reason;

test('DataPlane serves the latest version and unloads the one before', async () => {
  const registry = new FakeRegistry();
  registry.set([1]);
  const { dataPlane, provider } = await start(registry);
  assert.equal(await answeredBy(dataPlane), 1);
  registry.set([1, 2]);
  await dataPlane.settle('m');
  assert.equal(await answeredBy(dataPlane), 2);
  assert.deepEqual([...provider.loaded], [2]);
  assert.deepEqual(
    dataPlane.versionsOf('m')?.map((status) => status.state),
    ['UNLOADED', 'READY'],
  );
  assert.throws(() => dataPlane.resolve({ model: 'm', version: 1 }), reasonIs('MODEL_NOT_READY'));
  assert.throws(() => dataPlane.resolve({ model: 'm', version: 9 }), reasonIs('VERSION_NOT_FOUND'));
  assert.throws(() => dataPlane.resolve({ model: 'other' }), reasonIs('MODEL_NOT_FOUND'));
});

test('DataPlane keeps the running version when its successor does not load', async () => {
  const registry = new FakeRegistry();
  registry.set([1]);
  const { dataPlane, provider, failures } = await start(registry);
  provider.failing.add(2);
  registry.set([1, 2]);
  await dataPlane.settle('m');
  assert.equal(await answeredBy(dataPlane), 1);
  assert.deepEqual(failures, [2]);
  const second = dataPlane.versionsOf('m')?.[1];
  assert.deepEqual([second?.state, second?.reason], ['FAILED', 'version 2 does not load']);
  provider.failing.delete(2);
  await dataPlane.settle('m');
  assert.equal(await answeredBy(dataPlane), 1);
  await dataPlane.settle('m', { retryFailed: true });
  assert.equal(await answeredBy(dataPlane), 2);
});

test('DataPlane moves a label only when its new version is ready, and answers throughout', async () => {
  const registry = new FakeRegistry();
  registry.set([1], { labels: { production: 1 } });
  const { dataPlane, provider } = await start(registry);
  provider.holding.add(2);
  registry.set([1, 2], { labels: { production: 2 } });
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(await answeredBy(dataPlane), 1);
  assert.equal(await answeredBy(dataPlane, { label: 'production' }), 1);
  provider.letGo(2);
  await dataPlane.settle('m');
  assert.equal(await answeredBy(dataPlane), 2);
  assert.equal(await answeredBy(dataPlane, { label: 'production' }), 2);
  assert.throws(() => dataPlane.resolve({ model: 'm', label: 'canary' }), reasonIs('LABEL_NOT_FOUND'));
});

test('DataPlane prefers the production label to the highest version', async () => {
  const registry = new FakeRegistry();
  registry.set([1, 2, 3], { policy: { kind: 'all' }, labels: { production: 2 } });
  const { dataPlane } = await start(registry);
  assert.equal(await answeredBy(dataPlane), 2);
  assert.equal(await answeredBy(dataPlane, { version: 3 }), 3);
});

test('DataPlane answers everything accepted while versions are swapped again and again', async () => {
  const registry = new FakeRegistry();
  registry.set([1]);
  const { dataPlane, provider } = await start(registry);
  let isSwapping = true;
  const swapping = (async () => {
    for (let version = 2; version <= 30; version++) {
      registry.set([version - 1, version]);
      await dataPlane.settle('m');
    }
    isSwapping = false;
  })();
  let answered = 0;
  const calling = Array.from({ length: 8 }, async () => {
    while (isSwapping) {
      const version = await answeredBy(dataPlane);
      assert.ok(version >= 1 && version <= 30);
      answered++;
    }
  });
  await Promise.all([swapping, ...calling]);
  assert.ok(answered > 30);
  assert.deepEqual([...provider.loaded], [30]);
});

test('DataPlane unloads a suspended or deleted model and forgets a deleted one', async () => {
  const registry = new FakeRegistry();
  registry.set([1, 2], { labels: { production: 1 } });
  const { dataPlane, provider } = await start(registry);
  registry.set([1, 2], { policy: { kind: 'none', resume: { kind: 'all' } }, labels: { production: 1 } });
  await dataPlane.settle('m');
  assert.equal(provider.loaded.size, 0);
  assert.throws(() => dataPlane.resolve({ model: 'm' }), reasonIs('MODEL_NOT_READY'));
  registry.set([1, 2], { policy: { kind: 'all' } });
  await dataPlane.settle('m');
  assert.deepEqual([...provider.loaded].sort(), [1, 2]);
  registry.remove();
  await dataPlane.settle('m');
  assert.equal(provider.loaded.size, 0);
  assert.throws(() => dataPlane.resolve({ model: 'm' }), reasonIs('MODEL_NOT_FOUND'));
  assert.deepEqual(dataPlane.modelNames(), []);
});

test('DataPlane forgets a deleted model that had no versions any more', async () => {
  const registry = new FakeRegistry();
  registry.set([1]);
  const { dataPlane } = await start(registry);
  registry.set([]);
  await dataPlane.settle('m');
  assert.deepEqual(dataPlane.versionsOf('m'), []);
  registry.remove();
  await dataPlane.settle('m');
  assert.equal(dataPlane.versionsOf('m'), undefined);
  assert.throws(() => dataPlane.resolve({ model: 'm' }), reasonIs('MODEL_NOT_FOUND'));
});

test('DataPlane shows a refused version with its reason until a good one takes its place', async () => {
  const registry = new FakeRegistry();
  const { dataPlane } = await start(registry);
  dataPlane.noteRejected('m', 1, 'the file ends early');
  assert.deepEqual(
    dataPlane.versionsOf('m')?.map(({ state, reason }) => ({ state, reason })),
    [{ state: 'REJECTED', reason: 'the file ends early' }],
  );
  assert.throws(() => dataPlane.resolve({ model: 'm' }), /version 1 is REJECTED: the file ends early/);
  registry.set([1]);
  await dataPlane.settle('m');
  assert.equal(await answeredBy(dataPlane), 1);
  dataPlane.noteRejected('m', 2, 'bad');
  dataPlane.forgetRejected('m', 2);
  assert.equal(dataPlane.versionsOf('m')?.length, 1);
});

test('DataPlane.stop answers what was accepted and leaves nothing loaded', async () => {
  const registry = new FakeRegistry();
  registry.set([1]);
  const { dataPlane, provider } = await start(registry);
  const accepted = answeredBy(dataPlane);
  const stopped = dataPlane.stop();
  assert.equal(await accepted, 1);
  await stopped;
  assert.equal(provider.loaded.size, 0);
});
