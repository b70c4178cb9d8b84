import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accuracy } from './metrics.ts';
import {
  assertMonitors,
  judge,
  PLATEAU_START,
  type PlateauState,
  type ReduceOnPlateau,
  reduceOnPlateau,
  scoreFor,
  STOPPING_START,
} from './monitor.ts';
import { assertNear, torchValues } from './testing/torch-values.ts';

function factors(values: readonly number[], options: ReduceOnPlateau): readonly number[] {
  let state: PlateauState = PLATEAU_START;
  return values.map((value) => {
    state = reduceOnPlateau(state, value, options);
    return state.factor;
  });
}

test('reduceOnPlateau lowers the rate where PyTorch does', () => {
  const { values, plain, cooling } = torchValues.plateau;
  // PyTorch endures `patience` epochs, we count up to it.
  assertNear(
    factors(values, { factor: 0.5, patience: 2 }).map((factor) => 0.4 * factor),
    plain,
    { tolerance: 1e-12, what: 'plain' },
  );
  assertNear(
    factors(values, { factor: 0.3, patience: 2, cooldown: 2, minDelta: 0.12 }).map((factor) =>
      Math.max(0.4 * factor, 0.01),
    ),
    cooling,
    { tolerance: 1e-12, what: 'cooling down' },
  );
});

test('judge counts epochs since the best, which must be better by more than minDelta', () => {
  const scores = [3, 2.5, 2.45, Number.NaN, 2.39, 2.4];
  let state = STOPPING_START;
  const seen = scores.map((score, index) => {
    state = judge(state, index + 1, { score, minDelta: 0.1 });
    return state;
  });
  assert.deepEqual(
    seen.map(({ best, epochsWithoutImprovement }) => [best?.epoch, epochsWithoutImprovement]),
    [
      [1, 0],
      [2, 0],
      [2, 1],
      [2, 2],
      [5, 0],
      [5, 1],
    ],
  );
});

test('judge never takes a score that is not a number for the best', () => {
  const first = judge(STOPPING_START, 1, { score: Number.NaN });
  assert.deepEqual(first, { best: null, epochsWithoutImprovement: 1 });
  assert.deepEqual(judge(first, 2, { score: 7 }).best, { epoch: 2, score: 7 });
});

test('scoreFor turns round what is better when higher, and refuses names that no epoch has', () => {
  const record = {
    epoch: 1,
    learningRate: 1,
    values: { loss: 2, accuracy: 0.7, 'validation loss': 3, 'validation accuracy': 0.6 },
  };
  const all = { metrics: [accuracy], validates: true };
  assert.equal(scoreFor('stop', {}, all)(record), 3);
  assert.equal(scoreFor('stop', {}, { ...all, validates: false })(record), 2);
  assert.equal(scoreFor('stop', { monitor: 'accuracy' }, all)(record), -0.7);
  assert.equal(scoreFor('stop', { monitor: 'validation accuracy' }, all)(record), -0.6);
  assert.throws(() => scoreFor('stop', { monitor: 'validation loss' }, { ...all, validates: false }), {
    reason: 'INVALID_ARGUMENT',
    message: 'stop: there is no value named validation loss, only loss, accuracy',
  });
  assert.throws(() => scoreFor('stop', { minDelta: -1 }, all), {
    message: 'stop: minDelta must be at least 0, got -1',
  });
});

test('assertMonitors refuses numbers out of range', () => {
  const refused: readonly (readonly [() => void, string])[] = [
    [() => assertMonitors({ patience: 0 }, {}), 'earlyStopping: patience must be a whole number of at least 1, got 0'],
    [
      () => assertMonitors(undefined, { patience: 1.5 }),
      'reduceOnPlateau: patience must be a whole number of at least 1, got 1.5',
    ],
    [() => assertMonitors(undefined, { factor: 1 }), 'reduceOnPlateau: factor must be between 0 and 1, got 1'],
    [
      () => assertMonitors(undefined, { cooldown: -1 }),
      'reduceOnPlateau: cooldown must be a whole number of at least 0, got -1',
    ],
    [() => assertMonitors(undefined, { minRate: Number.NaN }), 'reduceOnPlateau: minRate must be at least 0, got NaN'],
  ];
  for (const [attempt, message] of refused) assert.throws(attempt, { reason: 'INVALID_ARGUMENT', message });
});
