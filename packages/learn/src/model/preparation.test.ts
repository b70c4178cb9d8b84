// Scaling and splitting by hand.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StandardScaler, trainTestSplit } from './index.ts';

test('StandardScaler refuses numbers that are missing or not finite, by row and column', () => {
  const rows = [
    [1, 10],
    [3, 30],
    [8, 20],
  ];
  const scaler = new StandardScaler().fit(rows);
  // By hand: mean 4, variance (9 + 1 + 16) / 3.
  assert(Math.abs((scaler.transform([[4 + Math.sqrt(26 / 3), 20]])[0]?.[0] ?? 0) - 1) < 1e-12);
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const error = {
      reason: 'INVALID_DATA',
      message: `StandardScaler: expected finite numbers, row 1 has ${value} in column 1; fill in missing values first`,
    };
    assert.throws(() => new StandardScaler().fit(rows.with(1, [3, value])), error);
    assert.throws(() => scaler.transform(rows.with(1, [3, value])), error);
  }
  assert.throws(() => new StandardScaler().fit([[1, 2], [3]]), {
    reason: 'INVALID_DATA',
    message: 'StandardScaler: row 0 has 2 columns, row 1 has 1',
  });
});

test('trainTestSplit keeps rows with their targets', () => {
  const x = Array.from({ length: 10 }, (_, row) => [row]);
  const split = trainTestSplit(
    x,
    [...x.keys()].map((row) => row * 3),
    { testSize: 0.3, seed: 7 },
  );
  assert.equal(split.xTest.length, 3);
  assert.deepEqual(
    split.yTrain,
    split.xTrain.map(([row = 0]) => row * 3),
  );
  assert.deepEqual(
    [...split.yTest, ...split.yTrain].toSorted((a, b) => a - b),
    [...x.keys()].map((row) => row * 3),
  );
});
