import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../statistics/index.ts';
import { slicesByRange, slicesByValue, testSlices } from './slices.ts';

test('slicesByValue makes a slice of every value, missing ones included, and puts rare ones together', () => {
  const slices = slicesByValue('x', ['a', null, 'a', 'b', undefined, '__proto__', 'a', 'b']);
  assert.deepEqual(
    slices.map(({ name, rows }) => [name, ...Array.from(rows)]),
    [
      ['x = a', 0, 2, 6],
      ['x is missing', 1, 4],
      ['x = b', 3, 7],
      ['x = __proto__', 5],
    ],
  );
  const many = slicesByValue(
    'id',
    Array.from({ length: 100 }, (_, row) => Math.min(row, 90)),
  );
  assert.equal(many.length, 30);
  assert.equal(many[0]?.name, 'id = 90');
  assert.equal(many.at(-1)?.name, 'id: 62 rarer values');
  assert.equal(
    many.reduce((sum, { rows }) => sum + rows.length, 0),
    100,
  );
});

test('slicesByRange cuts at quantiles, keeps equal values together and missing ones apart', () => {
  const values = [5, 1, 2, 3, 4, 6, 7, 8, Number.NaN];
  const slices = slicesByRange('age', values);
  assert.deepEqual(
    slices.map(({ name, rows }) => [name, ...Array.from(rows)]),
    [
      ['age 1 … 2.75', 1, 2],
      ['age over 2.75 … 4.5', 3, 4],
      ['age over 4.5 … 6.25', 0, 5],
      ['age over 6.25 … 8', 6, 7],
      ['age is missing', 8],
    ],
  );
  const tied = slicesByRange('age', [0, 0, 0, 0, 0, 0, 1, 9]);
  assert.equal(
    tied.reduce((sum, { rows }) => sum + rows.length, 0),
    8,
  );
  for (const { rows } of tied) assert(Array.from(rows).includes(0) === Array.from(rows).includes(5));
  assert.deepEqual(
    slicesByRange('c', [3, 3]).map(({ name, rows }) => [name, rows.length]),
    [['c 3 … 3', 2]],
  );
  assert.throws(() => slicesByRange('c', [1], 0), { reason: 'INVALID_ARGUMENT' });
});

test('testSlices corrects for the number of slices and has nothing to say about all rows', () => {
  // Half of 20 rows of the slice are wrong, a fifth of the 80 others.
  const losses = Float64Array.from({ length: 100 }, (_, row) => Number(row < 20 ? row % 2 === 0 : row % 5 === 0));
  const slice = { name: 's', rows: Array.from({ length: 20 }, (_, row) => row) };
  const all = { name: 'all', rows: Array.from({ length: 100 }, (_, row) => row) };
  const options = { losses, weights: undefined, areErrors: true, random: createRandom(1), level: 0.05 };
  const [alone = 1] = testSlices([slice], options);
  // scipy.stats.fisher_exact([[10, 10], [16, 64]], 'greater')
  assert(Math.abs(alone - 0.0090229) < 1e-6, `${alone}`);
  const [corrected = 1, whole] = testSlices([slice, all], options);
  assert(Math.abs(corrected - 2 * alone) < 1e-12);
  assert.equal(whole, 1);
  const [permuted = 1] = testSlices([slice], { ...options, weights: new Float64Array(100).fill(2) });
  assert(Math.abs(permuted - alone) < 0.008, `${permuted}`);
});
