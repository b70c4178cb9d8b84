// What the executor on onnxruntime-node adds to the contract: its options, and that disposal gives everything back.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { createOrtNodeExecutor } from './executor.ts';
import { layerModel } from './testing/models.ts';
import { failsWith, floats, named, valuesOf } from './testing/tensors.ts';

test('createOrtNodeExecutor names the runtime and its version', async () => {
  assert.match((await createOrtNodeExecutor()).name, /^onnxruntime-node \d+\.\d+\.\d+$/);
});

test('createOrtNodeExecutor refuses a thread count that is none', async () => {
  for (const threads of [0, 2.5]) {
    await assert.rejects(createOrtNodeExecutor({ threads }), failsWith('INVALID_CONFIG', /executor: threads .* got/));
  }
});

test('OrtCompiledModel.run computes before it returns', async () => {
  const compiled = await (await createOrtNodeExecutor()).compile(layerModel(4, 3));
  const data = Float32Array.of(1, 2, 3, 4);
  const running = compiled.run(named({ x: { dtype: 'float32', shape: [1, 4], data } }));
  data.fill(0);
  // Weights by column: [-3 -2 -1 0], [-1 0 1 2], [1 2 3 -3] tenths, then relu.
  const values = valuesOf(await running, 'y').map((value) => Number(value).toFixed(3));
  assert.deepEqual(values, ['0.000', '1.000', '0.200']);
  await compiled.dispose();
});

const linux = process.platform === 'linux' ? false : 'threads are counted in /proc';

test('OrtCompiledModel.dispose ends the threads of its session', { skip: linux }, async () => {
  const threadsNow = (): number => readdirSync('/proc/self/task').length;
  const executor = await createOrtNodeExecutor();
  const model = layerModel(4, 3);
  const before = threadsNow();
  const compiled = await Promise.all(Array.from({ length: 5 }, () => executor.compile(model, { threads: 3 })));
  assert.equal(threadsNow(), before + 10); // the calling thread is one of the three
  for (const each of compiled) await each.dispose();
  assert.equal(threadsNow(), before);
});

test('OrtCompiledModel.dispose gives memory back', async () => {
  const executor = await createOrtNodeExecutor();
  const model = layerModel(2048, 1024); // 8 MiB of weights
  const cycle = async (): Promise<void> => {
    const compiled = await executor.compile(model);
    await compiled.run(named({ x: floats([1, 2048], new Float32Array(2048)) }));
    await compiled.dispose();
  };
  for (let round = 0; round < 5; round++) await cycle();
  const before = process.memoryUsage.rss();
  for (let round = 0; round < 40; round++) await cycle();
  const grownMiB = (process.memoryUsage.rss() - before) / 2 ** 20;
  assert.ok(grownMiB < 160, `40 models of 8 MiB came and went: ${grownMiB.toFixed(0)} MiB more than before`);
});
