import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { skipWithoutSharedData } from '../../../../tools/test-data.ts';
import { freezeInitializers } from './initializers.ts';
import { inspectModel } from './inspect.ts';
import { readModel } from './read.ts';
import { loadSharedModel } from './testing/models.ts';
import { writeModel } from './write.ts';

const ULTRAFACE = 'onnx/ultraface_version-RFB-320.onnx';

test('freezeInitializers leaves ultraface its one input and its results', {
  skip: skipWithoutSharedData(ULTRAFACE),
}, async () => {
  const model = readModel(loadSharedModel(ULTRAFACE));
  assert.equal(inspectModel(model).overridableInputs.length, 244);
  const frozen = freezeInitializers(model);
  assert.deepEqual(inspectModel(frozen).overridableInputs, []);
  assert.deepEqual(
    frozen.graph.inputs.map(({ name }) => name),
    ['input'],
  );
  const pixels = Float32Array.from({ length: 3 * 240 * 320 }, (_, index) => Math.sin(index * 0.01));
  const run = async (bytes: Uint8Array): Promise<readonly number[]> => {
    const session = await InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 3 });
    const { scores } = await session.run({ input: new OrtTensor('float32', pixels, [1, 3, 240, 320]) });
    await session.release();
    assert.ok(scores);
    return [...(scores.data as Float32Array)]; // the model declares float32
  };
  const before = await run(writeModel(model));
  const after = await run(writeModel(frozen));
  assert.ok(Math.max(...before) - Math.min(...before) > 0.1);
  // Fusing convolution and normalisation rounds differently.
  for (const [index, value] of before.entries()) assert.ok(Math.abs(value - (after[index] ?? Number.NaN)) < 1e-4);
});

test('freezeInitializers gives back the same object when nothing changes', {
  skip: skipWithoutSharedData('onnx/mnist.onnx', 'onnx/yolox_nano.onnx'),
}, () => {
  const old = readModel(loadSharedModel('onnx/mnist.onnx'));
  assert.ok(old.irVersion < 4 && old.graph.inputs.length > 1);
  assert.equal(freezeInitializers(old), old);
  const constant = readModel(loadSharedModel('onnx/yolox_nano.onnx'));
  assert.equal(freezeInitializers(constant), constant);
});
