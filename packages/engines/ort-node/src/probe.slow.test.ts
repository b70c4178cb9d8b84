// Quarantine with real children: what it finds out, and that nothing a model does gets past it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { AmaasError, type Engine, type ModelSource, type ProbeOptions, type ProbeReport } from '@amaas/core';
import { sharedDataPath, skipWithoutSharedData } from '../../../../tools/test-data.ts';
import { createOrtEngine } from './engine.ts';
import { ENDLESS, loopInputs } from './testing/loop-runs.ts';
import { childPids, skipWithoutProc, until } from './testing/machine.ts';
import { identityModel, layerModel, loopModel, ModelFolder, rowMixingModel } from './testing/models.ts';
import { externalInitializer, initializer, model, tensorInfo } from './testing/onnx-writer.ts';
import { failsWith, floats, longs, named } from './testing/tensors.ts';

describe('probe', () => {
  let engine: Engine;
  let folder: ModelFolder;
  before(() => {
    engine = createOrtEngine();
    folder = new ModelFolder();
  });
  after(async () => {
    await engine.dispose();
    folder[Symbol.dispose]();
    if (skipWithoutProc === false) assert.deepEqual(childPids(), []);
  });

  const probe = (source: ModelSource, options: Partial<ProbeOptions> = {}): Promise<ProbeReport> =>
    engine.probe(source, { resources: {}, timeoutMs: 30_000, maxMemoryBytes: 1e9, ...options });

  test('a model of independent rows is sound, with its cost and memory', async () => {
    const report = await probe(folder.add('layer', layerModel(400, 300)));
    assert.deepEqual(report.signature, {
      method: 'predict',
      inputs: [{ name: 'x', dtype: 'float32', shape: ['N', 400] }],
      outputs: [{ name: 'y', dtype: 'float32', shape: ['N', 300] }],
    });
    assert.deepEqual(report.batching, { sound: true, rowsTried: 5 });
    assert.ok(report.runMs !== null && report.runMs > 0 && report.msPerRow !== null && report.msPerRow >= 0);
    assert.ok(report.loadMs > 0 && report.memoryBytes > 400 * 300 * 4);
    assert.equal(report.warmupSkipped, null);
  });

  test('a softmax over the rows is found out', async () => {
    const report = await probe(folder.add('mixing', rowMixingModel()));
    assert.ok(!report.batching.sound);
    assert.match(report.batching.reason, /^output "y" row 0 differs by 0\.\d+ when run together/);
    assert.equal(report.msPerRow, null);
    assert.ok(report.runMs !== null);
  });

  test('fixed and missing first dims rule batching out', async () => {
    const fixed = await probe(folder.add('fixed', identityModel('float32', [1, 3])));
    assert.deepEqual(fixed.batching, { sound: false, reason: 'input "x" has fixed first dim 1' });
    const scalar = await probe(folder.add('scalar', identityModel('float32', [])));
    assert.deepEqual(scalar.batching, { sound: false, reason: 'input "x" has no batch dim' });
  });

  test('declared shapes tell an unknown rank from a scalar', async () => {
    const source = folder.add('any', identityModel('float32', null));
    const spec = (name: string): { name: string; dtype: 'float32'; shape: null } => ({
      name,
      dtype: 'float32',
      shape: null,
    });
    const report = await probe(source, { declared: { inputs: [spec('x')], outputs: [spec('y')] } });
    assert.deepEqual(report.signature.inputs, [spec('x')]);
    assert.deepEqual(report.batching, { sound: true, rowsTried: 5 });
  });

  for (const type of ['string', 'float16', 'int64', 'bool'] as const) {
    test(`rows of ${type} are compared too`, async () => {
      const report = await probe(folder.add(type, identityModel(type, ['N', 2])));
      assert.deepEqual(report.batching, { sound: true, rowsTried: 5 });
    });
  }

  test('sizes of free dims are tried until the model runs', async () => {
    // x [N, L] times a matrix [16, 2]: runs with L = 16 only.
    const picky = model({
      nodes: [{ op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] }],
      initializers: [initializer('w', 'float32', [16, 2], new Float32Array(32).fill(0.5))],
      inputs: [tensorInfo('x', 'float32', ['N', 'L'])],
      outputs: [tensorInfo('y', 'float32', ['N', 2])],
    });
    const report = await probe(folder.add('picky', picky));
    assert.equal(report.warmupSkipped, null);
    assert.deepEqual(report.batching, { sound: true, rowsTried: 5 });
  });

  test('a model that takes no made-up input is admitted without measurements, and measured with its example', async () => {
    const source = folder.add('gather', gatherModel());
    const report = await probe(source);
    assert.match(
      report.warmupSkipped ?? '',
      /no made-up input was accepted; the first attempt: .*indices element out of data bounds/,
    );
    assert.equal(report.runMs, null);
    assert.ok(!report.batching.sound);
    const measured = await probe(source, { example: named({ i: longs([2, 2], [-3n, -2n, -3n, -3n]) }) });
    assert.equal(measured.warmupSkipped, null);
    assert.ok(measured.runMs !== null);
    assert.deepEqual(measured.batching, { sound: true, rowsTried: 5 });
  });

  test('an example that the model refuses rejects it', async () => {
    const example = named({ x: floats([1, 5], [1, 2, 3, 4, 5]) });
    await assert.rejects(
      probe(folder.add('layer', layerModel(4, 3)), { example }),
      failsWith('MODEL_REJECTED', /the example of model "layer@1" fails: .*Got: 5 Expected: 4/),
    );
  });

  test('files that are no models are rejected with the reason', async () => {
    const layer = layerModel(40, 30);
    const cases: readonly (readonly [string, Uint8Array, RegExp])[] = [
      ['empty', new Uint8Array(0), /"empty@1" cannot be loaded: .*does not have a graph/],
      ['text', Buffer.from('hello'), /Protobuf parsing failed/],
      ['truncated', layer.subarray(0, layer.length / 2), /Protobuf parsing failed/],
      ['outside', externalModel('../../secret.bin'), /escapes model directory/],
      ['absolute', externalModel('/etc/hostname'), /Absolute path not allowed/],
    ];
    for (const [name, bytes, message] of cases) {
      await assert.rejects(probe(folder.add(name, bytes)), failsWith('MODEL_REJECTED', message));
    }
    await assert.rejects(
      probe(folder.add('brain', identityModel('bfloat16', [2]))),
      failsWith('UNSUPPORTED_TENSOR', /input "x" .* is bfloat16/),
    );
  });

  test('a run that does not return is rejected after the time limit', async () => {
    await assert.rejects(
      probe(folder.add('loop', loopModel()), { timeoutMs: 1000, example: loopInputs(ENDLESS) }),
      failsWith('MODEL_REJECTED', /"loop@1" timed out after 1000 ms during warm-up/),
    );
  });

  test('a model that needs more memory than allowed is stopped with MEMORY_LIMIT', async () => {
    // A run on [1] asks for 400 MB at once.
    const example = named({ x: floats([1], [1]), times: longs([1], [100_000_000n]) });
    const report = await probe(folder.add('expand', expandModel()), { example });
    assert.ok(report.memoryBytes > 300e6 || report.runMs !== null);
    await assert.rejects(probe(folder.add('expand', expandModel()), { example, maxMemoryBytes: 200e6 }), (error) => {
      assert.ok(error instanceof AmaasError);
      assert.equal(error.details['maxMemoryBytes'], 200e6);
      assert.ok(Number(error.details['memoryBytes']) > 200e6);
      return failsWith('MEMORY_LIMIT', /"expand@1" took \d+ bytes of memory.* at most 200000000 are allowed/)(error);
    });
  });

  test('a crash is rejected with its signal', { skip: skipWithoutProc }, async () => {
    const verdict = probe(folder.add('loop', loopModel()), { example: loopInputs(ENDLESS) });
    const check = assert.rejects(verdict, (error) => {
      assert.ok(error instanceof AmaasError);
      assert.equal(error.details['signal'], 'SIGSEGV');
      return failsWith('MODEL_REJECTED', /"loop@1" ended its process during warm-up: it was killed by SIGSEGV/)(error);
    });
    await until('the child', () => childPids().length === 1);
    setTimeout(() => process.kill(childPids()[0] ?? 0, 'SIGSEGV'), 1500);
    await check;
  });

  test('probe is CANCELLED when its caller goes, and its child with it', async () => {
    const controller = new AbortController();
    const verdict = probe(folder.add('loop', loopModel()), { example: loopInputs(ENDLESS), signal: controller.signal });
    setTimeout(() => controller.abort(), 400);
    await assert.rejects(verdict, failsWith('CANCELLED', /probe: model "loop@1"/));
    if (skipWithoutProc === false) assert.deepEqual(childPids(), []);
  });

  const mnist = 'onnx/mnist.onnx';
  test('forty mutations of a real model end in a report or a rejection', {
    skip: skipWithoutSharedData(mnist),
  }, async () => {
    const original = readFileSync(sharedDataPath(mnist));
    const random = seededRandom(7);
    const reasons = new Map<string, number>();
    for (let index = 0; index < 40; index++) {
      const mutant = new Uint8Array(original);
      const header = index % 2 === 0 ? mutant.length : 3000; // half of them where the graph is described
      for (let change = 0; change < 1 + (index % 5); change++) {
        mutant[mutant.length - 1 - Math.floor(random() * header)] = Math.floor(random() * 256);
      }
      const outcome = await probe(folder.add('mutant', mutant), { timeoutMs: 20_000 }).then(
        () => 'admitted',
        (error: unknown) => (error instanceof AmaasError ? error.reason : String(error)),
      );
      reasons.set(outcome, (reasons.get(outcome) ?? 0) + 1);
    }
    const allowed = new Set(['admitted', 'MODEL_REJECTED', 'UNSUPPORTED_TENSOR', 'MEMORY_LIMIT']);
    assert.deepEqual(
      [...reasons.keys()].filter((reason) => !allowed.has(reason)),
      [],
      JSON.stringify([...reasons]),
    );
  });
});

/** y = table[i + 4]: the indices run from −8 to −1, so that neither 0 nor 1 is one. */
function gatherModel(): Uint8Array {
  return model({
    nodes: [
      { op: 'Add', inputs: ['i', 'four'], outputs: ['shifted'] },
      { op: 'Gather', inputs: ['table', 'shifted'], outputs: ['y'] },
    ],
    initializers: [
      initializer('table', 'float32', [4], Float32Array.of(1, 2, 3, 4)),
      initializer('four', 'int64', [], BigInt64Array.of(4n)),
    ],
    inputs: [tensorInfo('i', 'int64', ['N', 2])],
    outputs: [tensorInfo('y', 'float32', ['N', 2])],
  });
}

/** y = x repeated as often as `times` says. */
function expandModel(): Uint8Array {
  return model({
    nodes: [
      { op: 'Expand', inputs: ['x', 'times'], outputs: ['wide'] },
      { op: 'ReduceSum', inputs: ['wide'], outputs: ['y'] },
    ],
    inputs: [tensorInfo('x', 'float32', [1]), tensorInfo('times', 'int64', [1])],
    outputs: [tensorInfo('y', 'float32', null)],
  });
}

function externalModel(location: string): Uint8Array {
  return model({
    nodes: [{ op: 'Add', inputs: ['x', 'w'], outputs: ['y'] }],
    initializers: [externalInitializer('w', [3], location)],
    inputs: [tensorInfo('x', 'float32', [3])],
    outputs: [tensorInfo('y', 'float32', [3])],
  });
}

/** Repeatable numbers in [0, 1). Source: Park and Miller's minimal standard generator, 1988. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}
