import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../statistics/index.ts';
import { type Fold, kFold, summariseFolds } from './folds.ts';

/** Asserts that train and test part are each other's complement, and that every row is tested once. */
function assertPartition(folds: readonly Fold[], rows: number): void {
  for (const { train, test: tested } of folds) {
    assert.equal(new Set([...train, ...tested]).size, rows);
    assert.equal(train.length + tested.length, rows);
    assert.deepEqual(
      [...train],
      [...train].sort((a, b) => a - b),
    );
  }
  assert.deepEqual(
    folds.flatMap(({ test: tested }) => [...tested]).sort((a, b) => a - b),
    Array.from({ length: rows }, (_, row) => row),
  );
}

function spread(counts: readonly number[]): number {
  return Math.max(...counts) - Math.min(...counts);
}

test('kFold plain tests every row once, in sizes that differ by one at most, decided by the seed', () => {
  const folds = kFold({ rows: 23, folds: 4, seed: 9 });
  assertPartition(folds, 23);
  assert.deepEqual(folds.map(({ test: tested }) => tested.length).sort(), [5, 6, 6, 6]);
  assert.deepEqual(kFold({ rows: 23, folds: 4, seed: 9 }), folds);
  assert.notDeepEqual(kFold({ rows: 23, folds: 4, seed: 10 }), folds);
});

test('kFold stratified spreads every class evenly and keeps the folds equally large', () => {
  const random = createRandom('classes');
  const labels = Array.from(
    { length: 143 },
    () => ['rare', 'often', 'often', 'often', '__proto__'][random.integer(5)] ?? '',
  );
  const folds = kFold({ rows: 143, folds: 6, seed: 'x', plan: { kind: 'stratified', labels } });
  assertPartition(folds, 143);
  assert(spread(folds.map(({ test: tested }) => tested.length)) <= 1);
  for (const name of ['rare', 'often', '__proto__']) {
    const counts = folds.map(({ test: tested }) => tested.filter((row) => labels[row] === name).length);
    assert(spread(counts) <= 1 && Math.max(...counts) > 1, `${name}: ${counts}`);
  }
  // The order of equal rows is up to the seed.
  assert.notDeepEqual(kFold({ rows: 143, folds: 6, seed: 'y', plan: { kind: 'stratified', labels } }), folds);
});

test('kFold grouped never has a group on both sides', () => {
  const random = createRandom('groups');
  const groups = Array.from({ length: 200 }, () => random.integer(17));
  const folds = kFold({ rows: 200, folds: 5, seed: 1, plan: { kind: 'grouped', groups } });
  assertPartition(folds, 200);
  for (const { train, test: tested } of folds) {
    const trained = new Set([...train].map((row) => groups[row]));
    assert(tested.every((row) => !trained.has(groups[row])));
  }
  assert(spread(folds.map(({ test: tested }) => tested.length)) <= 12);
});

test('kFold grouped evens out one large group with all the small ones, whatever the seed', () => {
  const groups = Array.from({ length: 40 }, (_, row) => (row < 20 ? `alone ${row}` : 'large'));
  for (let seed = 0; seed < 10; seed++) {
    const folds = kFold({ rows: 40, folds: 2, seed, plan: { kind: 'grouped', groups } });
    assert.deepEqual(
      folds.map(({ test: tested }) => tested.length),
      [20, 20],
    );
  }
});

test('kFold by time equals TimeSeriesSplit on different times and keeps equal times together', () => {
  // TimeSeriesSplit(n_splits=3) on 11 rows tests [5, 6), [7, 8), [9, 10] after all rows before.
  const times = [8, 3, 10, 0, 7, 1, 5, 9, 2, 6, 4];
  const folds = kFold({ rows: 11, folds: 3, seed: 0, plan: { kind: 'time', times } });
  const timesOf = (rows: Int32Array): readonly number[] =>
    [...rows].map((row) => times[row] ?? -1).sort((a, b) => a - b);
  assert.deepEqual(
    folds.map(({ test: tested }) => timesOf(tested)),
    [
      [5, 6],
      [7, 8],
      [9, 10],
    ],
  );
  assert.deepEqual(
    folds.map(({ train }) => timesOf(train)),
    [5, 7, 9].map((end) => Array.from({ length: end }, (_, i) => i)),
  );
  const days = [1, 1, 1, 2, 2, 2, 2, 3, 3, 4];
  for (const { train, test: tested } of kFold({ rows: 10, folds: 2, seed: 0, plan: { kind: 'time', times: days } })) {
    assert(
      Math.max(...[...train].map((row) => days[row] ?? 0)) < Math.min(...[...tested].map((row) => days[row] ?? 0)),
    );
  }
  assert.throws(() => kFold({ rows: 4, folds: 3, seed: 0, plan: { kind: 'time', times: [1, 1, 2, 2] } }), {
    reason: 'INVALID_DATA',
  });
});

test('kFold refuses what cannot be cut', () => {
  assert.throws(() => kFold({ rows: 3, folds: 4, seed: 0 }), /folds must be a whole number in 2 … rows, got 4 of 3/);
  assert.throws(() => kFold({ rows: 3, folds: 1, seed: 0 }), { reason: 'INVALID_ARGUMENT' });
  const labels = ['a', 'b', 'c', 'd', 'a'];
  assert.throws(() => kFold({ rows: 5, folds: 3, seed: 0, plan: { kind: 'stratified', labels } }), {
    reason: 'INVALID_DATA',
    message: /the largest class has 2 rows, fewer than the 3 folds/,
  });
  assert.throws(() => kFold({ rows: 5, folds: 5, seed: 0, plan: { kind: 'grouped', groups: labels } }), /4 groups/);
  assert.throws(
    () => kFold({ rows: 6, folds: 2, seed: 0, plan: { kind: 'grouped', groups: labels } }),
    /for 6 rows, got 5/,
  );
});

test('summariseFolds gives mean and standard error, leaving undefined folds out', () => {
  // numpy: mean 0.874, std(ddof=1) 0.0336…, / sqrt(5)
  const summary = summariseFolds([0.91, 0.84, 0.9, null, 0.83, Number.NaN, 0.89]);
  assert.equal(summary.folds, 5);
  assert.equal(summary.undefinedFolds, 2);
  assert(Math.abs(summary.mean - 0.874) < 1e-12);
  assert(Math.abs(summary.standardDeviation - Math.sqrt(0.00532 / 4)) < 1e-12);
  assert(Math.abs(summary.standardError - Math.sqrt(0.00532 / 4 / 5)) < 1e-12);
  assert(Number.isNaN(summariseFolds([0.5]).standardError) && Number.isNaN(summariseFolds([]).mean));
});
