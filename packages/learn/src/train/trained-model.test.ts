import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NamedTensors } from '@amaas/core';
import { createReferenceExecutor } from '../compile/index.ts';
import { add } from '../graph/index.ts';
import {
  asNetwork,
  batchNorm,
  conv2d,
  dense,
  dropout,
  embedding,
  flatten,
  functional,
  maxPool2d,
  sequential,
} from '../layers/index.ts';
import { inspectModel, readModel } from '../onnx/index.ts';
import { accuracy, evaluateExamples, initialWeights, lossFor, TrainedModel } from './index.ts';
import { createScope } from '../layers/index.ts';
import { input } from '../graph/index.ts';
import { createRandom } from '../statistics/index.ts';
import { madeIndices, madeNumbers } from './testing/made-numbers.ts';
import { integers, matrix, ortExecutor } from './testing/small-training.ts';
import { assertNear } from './testing/torch-values.ts';

const executor = await ortExecutor();
const INPUTS = new Map([
  ['numbers', { dtype: 'float32', shape: [3] }],
  ['codes', { dtype: 'int64', shape: [] }],
] as const);

const network = functional(['numbers', 'codes'], (inputs, scope) => {
  const table = embedding(5, 4).apply(inputs.get('codes'), scope.inside('table'));
  const numbers = dense(4).apply(inputs.get('numbers'), scope.inside('numbers'));
  const joined = sequential([batchNorm(), dropout(0.5), dense(2, { activation: 'softmax' })]);
  return joined.apply(add(table, numbers), scope.inside('joined'));
});

function trainedModel(): TrainedModel {
  const { scope, record } = createScope(false);
  network.build(
    new Map([...INPUTS].map(([name, { dtype, shape }]) => [name, input(name, dtype, ['N', ...shape])])),
    scope,
  );
  return new TrainedModel({ network, inputs: INPUTS, weights: initialWeights(record(), createRandom('model')) });
}

const model = trainedModel();

function rowsOf(count: number): NamedTensors {
  return new Map([
    ['numbers', matrix([count, 3], madeNumbers(1, count * 3))],
    ['codes', integers([count], madeIndices(2, count, 5))],
  ]);
}

test('TrainedModel predicts any number of rows alike, also none', async () => {
  const many = await model.predict(executor, rowsOf(600));
  assert.deepEqual(many.shape, [600, 2]);
  const few = await model.predict(executor, rowsOf(257));
  assert.deepEqual(few.data, many.data.slice(0, 514));
  const none = await model.predict(executor, rowsOf(0));
  assert.deepEqual(none, { dtype: 'float32', shape: [0, 2], data: new Float32Array(0) });
  const [a = 0, b = 0] = Array.from(many.data, Number);
  assertNear([a + b], [1], { tolerance: 1e-6, what: 'probabilities' });
});

test('TrainedModel refuses rows that do not fit, by input', async () => {
  const predictor = await model.createPredictor(executor);
  const rows = rowsOf(4);
  const replaced = (
    name: string,
    tensor: NamedTensors extends ReadonlyMap<string, infer T> ? T : never,
  ): NamedTensors => new Map([...rows, [name, tensor]]);
  const cases: readonly (readonly [NamedTensors, string])[] = [
    [new Map([...rows].slice(0, 1)), 'predict: input "codes" is missing'],
    [
      replaced('numbers', matrix([4, 2], Array(8).fill(0))),
      'predict: input "numbers" expects float32 [N,3], got float32 [4,2]',
    ],
    [replaced('codes', matrix([4], [1, 2, 3, 4])), 'predict: input "codes" expects int64 [N], got float32 [4]'],
    [replaced('codes', integers([3], [1, 2, 3])), 'predict: input "codes" has 3 rows, the ones before 4'],
  ];
  for (const [given, message] of cases)
    await assert.rejects(predictor.predict(given), { reason: 'INPUT_MISMATCH', message });
  assert.deepEqual((await predictor.predict(rows)).shape, [4, 2]);
  await predictor.dispose();
});

test('TrainedModel exports one model with named inputs of any batch, its weights inside', async () => {
  const bytes = model.toOnnx({ outputName: 'probabilities', metadata: new Map([['made by', 'a test']]) });
  const { inputs, outputs, parameterCount, overridableInputs } = inspectModel(readModel(bytes));
  assert.deepEqual(inputs, [
    { kind: 'tensor', name: 'numbers', dtype: 'float32', shape: ['N', 3] },
    { kind: 'tensor', name: 'codes', dtype: 'int64', shape: ['N'] },
  ]);
  assert.deepEqual(outputs, [{ kind: 'tensor', name: 'probabilities', dtype: 'float32', shape: ['N', 2] }]);
  assert.deepEqual(overridableInputs, []);
  // Equal small constants are stored once: here those of the normalisation, which were not trained.
  assert(parameterCount >= 5 * 4 + 3 * 4 + 4 * 2);
  const compiled = await createReferenceExecutor().compile(bytes);
  const found = (await compiled.run(rowsOf(9))).get('probabilities');
  const predicted = await model.predict(executor, rowsOf(9));
  assertNear(Array.from(found?.data ?? [], Number), Array.from(predicted.data, Number), {
    tolerance: 1e-6,
    what: 'export',
  });
});

test('TrainedModel refuses weights that are missing or of another shape', () => {
  const weights = new Map(model.weights);
  weights.delete('table/table');
  assert.throws(() => new TrainedModel({ network, inputs: INPUTS, weights }).toOnnx(), {
    reason: 'INVALID_CHECKPOINT',
    message: 'weights: table/table should be [5,4], is missing',
  });
  weights.set('table/table', matrix([4, 5], Array(20).fill(1)));
  assert.throws(() => new TrainedModel({ network, inputs: INPUTS, weights }).toOnnx(), {
    message: 'weights: table/table should be [5,4], is [4,5]',
  });
});

test('TrainedModel of images predicts rows as training saw them', async () => {
  const images = sequential([conv2d(3, 3, { activation: 'relu' }), maxPool2d(), flatten(), dense(1)]);
  const { scope, record } = createScope(false);
  images.apply(input('x', 'float32', ['N', 2, 6, 6]), scope);
  const trained = new TrainedModel({
    network: asNetwork(images),
    inputs: new Map([['x', { dtype: 'float32', shape: [2, 6, 6] }]]),
    weights: initialWeights(record(), createRandom(1)),
  });
  const x = matrix([5, 2, 6, 6], madeNumbers(3, 360));
  const [ours, reference] = await Promise.all(
    [executor, createReferenceExecutor()].map((each) => trained.predict(each, new Map([['x', x]]))),
  );
  assertNear(Array.from(ours?.data ?? [], Number), Array.from(reference?.data ?? [], Number), {
    tolerance: 1e-5,
    what: 'images',
  });
});

test('evaluateExamples measures every row once', async () => {
  const labels = madeIndices(5, 37, 2);
  const examples = {
    inputs: rowsOf(37),
    target: integers([37], labels),
    weights: Float32Array.from({ length: 37 }, (_, row) => row % 3),
  };
  const settings = { executor, loss: lossFor('sparseCategoricalCrossentropy'), metrics: [accuracy] };
  const predicted = (await model.predict(executor, examples.inputs)).data;
  const total = examples.weights.reduce((sum, weight) => sum + weight, 0);
  const sum = (of: (row: number) => number): number =>
    labels.reduce((all, _, row) => all + (examples.weights[row] ?? 0) * of(row), 0) / total;
  const expected = [
    sum((row) => -Math.log(Number(predicted[2 * row + (labels[row] ?? 0)]))),
    sum((row) => (Number(predicted[2 * row + 1]) > Number(predicted[2 * row]) === (labels[row] === 1) ? 1 : 0)),
  ];
  for (const batchSize of [1, 8, 100]) {
    const found = await evaluateExamples(model, examples, { ...settings, batchSize });
    assert.deepEqual([...found.keys()], ['loss', 'accuracy']);
    assertNear(found.values(), expected, { tolerance: 1e-5, what: `${batchSize} rows at once` });
  }
  await assert.rejects(evaluateExamples(model, { ...examples, target: integers([37], labels.with(3, 2)) }, settings), {
    reason: 'INVALID_DATA',
    message: /row 3 has 2$/,
  });
  await assert.rejects(
    evaluateExamples(model, { ...examples, inputs: new Map([...examples.inputs].slice(1)) }, settings),
    {
      reason: 'INVALID_DATA',
      message: 'evaluate: input "numbers" is missing',
    },
  );
});
