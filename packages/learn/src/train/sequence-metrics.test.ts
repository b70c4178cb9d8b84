import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTensor, type Tensor } from '@amaas/core';
import { add, constantOf } from '../graph/index.ts';
import { constantInitializer, functional } from '../layers/index.ts';
import { evaluate, numbersOf } from '../reference/index.ts';
import { ortExecutor } from '../reference/testing/check-operation.ts';
import { evaluateExamples } from './evaluation-steps.ts';
import type { Examples } from './examples.ts';
import { fit } from './fit.ts';
import { sgd } from './optimizers.ts';
import { sequenceCrossentropy } from './sequence-losses.ts';
import { sequenceAccuracy } from './sequence-metrics.ts';

const [STEPS, CLASSES] = [4, 3];

/** The class each step's scores say, the class it has (−100: none), and whether it is there. */
const ROWS = [
  { said: [0, 1, 2, 0], right: [0, 1, 1, -100], there: [1, 1, 1, 1] }, // 2 of 3
  { said: [2, 2, 0, 1], right: [2, 0, 0, 1], there: [1, 1, 0, 0] }, // 1 of 2
  { said: [1, 1, 1, 1], right: [0, -100, -100, -100], there: [1, 1, 1, 1] }, // 0 of 1
  { said: [0, 0, 0, 0], right: [0, 0, 0, 0], there: [0, 0, 0, 0] }, // none
  { said: [2, 1, 0, 2], right: [2, 1, 0, 2], there: [1, 1, 1, 1] }, // 4 of 4
];

function examples(): Examples {
  const scores = ROWS.flatMap(({ said }) => said.flatMap((id) => [0, 1, 2].map((at) => (at === id ? 1.5 : 0.25))));
  const rows = ROWS.length;
  const inputs = new Map<string, Tensor>([
    ['scores', createTensor('float32', [rows, STEPS, CLASSES], Float32Array.from(scores))],
    ['there', createTensor('int64', [rows, STEPS], BigInt64Array.from(ROWS.flatMap(({ there }) => there).map(BigInt)))],
  ]);
  const target = BigInt64Array.from(ROWS.flatMap(({ right }) => right).map(BigInt));
  return { inputs, target: createTensor('int64', [rows, STEPS], target) };
}

const network = functional(['scores', 'there'], (inputs, scope) =>
  add(inputs.get('scores'), scope.parameter('shift', [CLASSES], { initializer: constantInitializer(0) })),
);

test('sequenceAccuracy is each row’s share of right steps among those that count', () => {
  const metric = sequenceAccuracy({ ignore: 9 });
  const scores = constantOf('float32', [2, 3, 2], [0.9, 0.1, 0.3, 0.7, 0.2, 0.8, 0.6, 0.4, 0.1, 0.9, 0.5, 0.4]);
  const target = constantOf('int64', [2, 3], [0, 0, 9, 1, 1, 0]);
  const weights = metric.rowWeights?.(target) ?? assert.fail();
  const [found, counted] = evaluate([metric.perRow(scores, target), weights], new Map());
  assert.deepEqual(
    [...numbersOf(found).data].map((share) => share.toFixed(6)),
    ['0.500000', '0.666667'],
  );
  assert.deepEqual(
    [...numbersOf(counted).data].map((share) => share.toFixed(6)),
    ['0.666667', '1.000000'],
  );
});

test('sequenceAccuracy over batches is the share among all steps that count, masked and unlabelled ones left out', async () => {
  const executor = await ortExecutor();
  const steps = { mask: 'there' };
  const weights = new Map([['shift', createTensor('float32', [CLASSES], new Float32Array(CLASSES))]]);
  const inputs = new Map([
    ['scores', { dtype: 'float32', shape: [STEPS, CLASSES] }],
    ['there', { dtype: 'int64', shape: [STEPS] }],
  ] as const);
  for (const batchSize of [2, 5]) {
    const settings = { executor, loss: sequenceCrossentropy(steps), metrics: [sequenceAccuracy(steps)], batchSize };
    const found = await evaluateExamples({ network, inputs, weights }, examples(), settings);
    assert.deepEqual([...found.keys()], ['loss', 'accuracy']);
    assert(Math.abs((found.get('accuracy') ?? 0) - 7 / 10) < 1e-6, `batches of ${batchSize}: ${found.get('accuracy')}`);
  }
});

test('sequenceAccuracy while training is the same, whatever the batches and however many make an update', async () => {
  const steps = { mask: 'there' };
  for (const accumulate of [1, 2]) {
    const { history } = await fit(network, examples(), {
      executor: await ortExecutor(),
      loss: sequenceCrossentropy(steps),
      metrics: [sequenceAccuracy(steps)],
      optimizer: sgd({ learningRate: 0 }),
      ...{ epochs: 1, batchSize: 2, accumulate, validation: examples() },
      earlyStopping: { monitor: 'validation accuracy', patience: 3 },
    });
    const values = history[0]?.values ?? {};
    assert.deepEqual(Object.keys(values), ['loss', 'accuracy', 'validation loss', 'validation accuracy']);
    for (const name of ['accuracy', 'validation accuracy']) assert(Math.abs((values[name] ?? 0) - 0.7) < 1e-6, name);
  }
});

test('sequenceAccuracy refuses what is no sequence, and a mask that is no input', () => {
  const scores = constantOf('float32', [2, 3], [0, 1, 2, 3, 4, 5]);
  const refused = { reason: 'INVALID_GRAPH', message: /^sequenceAccuracy: expected predictions/ };
  assert.throws(() => sequenceAccuracy().perRow(scores, constantOf('int64', [2], [0, 1])), refused);
  const batch = { inputs: new Map([['x', scores]]), weights: constantOf('float32', [2], [1, 1]) };
  assert.throws(() => sequenceAccuracy({ mask: 'there' }).rowWeights?.(constantOf('int64', [2], [0, 1]), batch), {
    reason: 'INVALID_GRAPH',
    message: /^sequenceAccuracy: the network has no input there/,
  });
});
