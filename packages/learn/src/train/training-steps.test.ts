// The state that training steps carry: what goes in comes out, and what does not fit is refused.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asNetwork, batchNorm, dense, sequential } from '../layers/index.ts';
import { createRandom } from '../statistics/index.ts';
import {
  adam,
  buildTrainingGraph,
  countParameters,
  initialWeights,
  lossFor,
  TrainingSteps,
  type Weights,
} from './index.ts';
import { packParameters } from './packing.ts';
import { matrix, ortExecutor, weightBytes } from './testing/small-training.ts';

const executor = await ortExecutor();
const graph = buildTrainingGraph({
  network: asNetwork(sequential([dense(150), batchNorm(), dense(170, { useBias: false }), dense(1)])),
  inputs: new Map([['x', { dtype: 'float32', shape: [3] }]]),
  target: { dtype: 'float32', shape: [] },
  batchSize: 2,
  loss: lossFor('mse'),
  metrics: [],
  optimizer: adam(),
});
const weights = initialWeights(graph.record, createRandom('state'));

test('packParameters joins small parameters by whether they decay, and leaves large ones alone', () => {
  const groups = packParameters(graph.record.parameters);
  assert.deepEqual(
    groups.map(({ name, members, shape, decays }) => [name, members.map((member) => member.name), shape, decays]),
    [
      ['parameters.0', ['0.dense/kernel', '3.dense/kernel'], [620], true],
      ['parameters.1', ['2.dense/kernel'], [150, 170], true],
      ['parameters.2', ['0.dense/bias', '1.batchNorm/scale', '1.batchNorm/bias', '3.dense/bias'], [451], false],
    ],
  );
  assert.equal(countParameters(graph.record), 620 + 150 * 170 + 451);
});

test('TrainingSteps gives the weights it was given, as copies', async () => {
  const steps = await TrainingSteps.create(graph, { executor, weights });
  assert.deepEqual(
    weightBytes(new Map([...steps.weights()].toSorted())),
    weightBytes(new Map([...weights].toSorted())),
  );
  steps.weights().get('3.dense/bias')?.data.fill(7);
  assert.deepEqual([...(steps.weights().get('3.dense/bias')?.data ?? [])], [0]);
  await steps.dispose();
});

test('TrainingSteps refuses weights and states that are missing or of another shape', async () => {
  const without = (name: string): Weights => new Map([...weights].filter(([key]) => key !== name));
  const cases: readonly (readonly [Weights, string])[] = [
    [without('0.dense/kernel'), 'weights: 0.dense/kernel should be [3,150], is missing'],
    [
      new Map([...weights, ['1.batchNorm/mean', matrix([3], [1, 2, 3])]]),
      'weights: 1.batchNorm/mean should be [150], is [3]',
    ],
  ];
  for (const [given, message] of cases) {
    await assert.rejects(TrainingSteps.create(graph, { executor, weights: given }), {
      reason: 'INVALID_CHECKPOINT',
      message,
    });
  }
  const steps = await TrainingSteps.create(graph, { executor, weights });
  const states = new Map(steps.states);
  assert.deepEqual([...states.keys()].slice(0, 4), [
    'step',
    'parameters.0',
    'parameters.0.mean',
    'parameters.0.square',
  ]);
  states.delete('parameters.1.mean');
  assert.throws(() => steps.restore(states), {
    reason: 'INVALID_CHECKPOINT',
    message: 'checkpoint: parameters.1.mean should be [150,170], is missing',
  });
  states.set('parameters.1.mean', matrix([2], [1, 2]));
  assert.throws(() => steps.restore(states), { message: 'checkpoint: parameters.1.mean should be [150,170], is [2]' });
  await steps.dispose();
});

test('weights that were left out of running statistics start as the layer says', async () => {
  const only = new Map([...weights].filter(([name]) => !name.startsWith('1.batchNorm/mean')));
  const steps = await TrainingSteps.create(graph, { executor, weights: only });
  assert.equal(
    steps
      .weights()
      .get('1.batchNorm/mean')
      ?.data.every((value) => value === 0),
    true,
  );
  assert.equal(
    steps
      .weights()
      .get('1.batchNorm/variance')
      ?.data.every((value) => value === 1),
    true,
  );
  await steps.dispose();
});
