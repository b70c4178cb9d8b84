import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Clock, createTensor, type NamedTensors, systemClock, type Tensor } from '@amaas/core';
import { ModelScheduler } from '../scheduler/index.ts';
import type { InputPreparer, PreparationRequest, TextSteps } from './ports.ts';
import { ServedVersion } from './served-version.ts';
import { planServing } from './serving-plan.ts';
import { FakeProvider, versionRecord } from './testing/fake-parts.ts';

const encoded: NamedTensors = new Map([['x', createTensor('string', [2], [Uint8Array.of(7), Uint8Array.of(8)])]]);
const ready: NamedTensors = new Map([['x', createTensor('float32', [1], Float32Array.of(5))]]);

/** Turns the first byte of every element into a number, when told to. */
class FakePreparer implements InputPreparer {
  readonly asked: PreparationRequest[] = [];
  released = 0;
  elapsedMs = 0;
  go: () => void = () => {};
  readonly #gate = new Promise<void>((resolve) => {
    this.go = resolve;
  });

  async prepare(request: PreparationRequest) {
    this.asked.push(request);
    await this.#gate;
    const x = request.inputs.get('x') as Tensor & { dtype: 'string' }; // the tests send nothing else here
    const numbers = Float32Array.from(x.data, (bytes) => bytes[0] ?? 0);
    const inputs = new Map([['x', createTensor('float32', [x.data.length], numbers)]]);
    return { inputs, elapsedMs: this.elapsedMs, release: () => void this.released++ };
  }
}

async function serve(preparer: InputPreparer, texts: TextSteps | null = null) {
  const provider = new FakeProvider();
  const image = { kind: 'image', width: 1, height: 1, fit: 'stretch', channels: 'gray', layout: 'nchw' } as const;
  const record = { ...versionRecord('m', 3), manifest: { preprocess: { x: image } } };
  const laidOut = await provider.layOut(record);
  const loaded = await provider.engine.load(laidOut.source, {
    isolation: 'thread',
    instances: 1,
    resources: {},
    maxRunMs: 1000,
  });
  const defaults = { maxRunMs: 1000, maxQueueSize: 10, cores: 2 };
  const plan = planServing(record.manifest, await provider.evidenceFor(), defaults);
  const clock: Clock = systemClock;
  const scheduler = new ModelScheduler(
    loaded,
    { label: 'm@3', policy: plan.batch, maxQueueSize: 10, whenFull: 'reject', initialCost: plan.initialCost },
    { clock, observe: () => {} },
  );
  const recorder = { dispose: () => {} };
  return new ServedVersion({ record, plan, loaded, scheduler, preparer, texts, laidOut, recorder, measuredBytes: 1 });
}

test('ServedVersion.infer has bytes prepared that stand where the signature wants numbers, and nothing else', async () => {
  const preparer = new FakePreparer();
  const served = await serve(preparer);
  assert.deepEqual((await served.infer({ inputs: ready })).outputs.get('y')?.data, Float32Array.of(15));
  assert.equal(preparer.asked.length, 0);
  const answering = served.infer({ inputs: encoded });
  assert.equal(preparer.released, 0);
  preparer.go();
  assert.deepEqual((await answering).outputs.get('y')?.data, Float32Array.of(21, 24));
  assert.equal(preparer.released, 1);
  assert.deepEqual([...(preparer.asked[0]?.preprocess.keys() ?? [])], ['x']);
});

test('ServedVersion.unload answers a request first whose inputs are being prepared', async () => {
  const preparer = new FakePreparer();
  const served = await serve(preparer);
  const answering = served.infer({ inputs: encoded });
  const unloading = served.unload();
  preparer.go();
  assert.deepEqual((await answering).outputs.get('y')?.data, Float32Array.of(21, 24));
  await unloading;
  await assert.rejects(served.infer({ inputs: ready }), { reason: 'SHUTTING_DOWN' });
});

test('ServedVersion.infer counts preparing against the time a request may wait, and gives the inputs back', async () => {
  const preparer = new FakePreparer();
  preparer.elapsedMs = 30;
  preparer.go();
  const served = await serve(preparer);
  await assert.rejects(served.infer({ inputs: encoded, timeoutMs: 20 }), {
    reason: 'DEADLINE_EXCEEDED',
    message: 'infer: reading the pictures for model "m" took 30 ms; the request may wait 20 ms',
  });
  assert.equal(preparer.released, 1);
  assert.equal((await served.infer({ inputs: encoded, timeoutMs: 5000 })).timing.batchRows, 2);
});

test('ServedVersion.infer refuses bytes for an input without declared steps', async () => {
  const preparer = new FakePreparer();
  const served = await serve(preparer);
  const other: NamedTensors = new Map([['z', createTensor('string', [1], [Uint8Array.of(7)])]]);
  await assert.rejects(async () => served.infer({ inputs: other }), { reason: 'INPUT_MISMATCH' });
  assert.equal(preparer.asked.length, 0);
});
