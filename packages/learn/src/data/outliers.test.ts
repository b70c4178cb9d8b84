import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findOutlierRows, fitOutlierLimits, tableFromColumns, treatOutliers } from './index.ts';
import { failsWith } from './testing/source-contract.ts';

const values = [3.1, 2.2, null, 17.25, 1.2, 3.8, -40.5, 2.7, 1.9, 4.4, 3.3, 5.9, 2.1];
const table = tableFromColumns({ x: values, name: values.map(String), same: values.map((_, i) => (i < 2 ? 9 : 1)) });

test("fitOutlierLimits gives the limits that NumPy's quantiles and medians give", () => {
  const expected = [
    [{ kind: 'iqr' }, -0.8, 6.8],
    [{ kind: 'robust-z' }, -2.029645, 7.829645],
    [{ kind: 'quantile', share: 0.05 }, -17.565, 11.0075],
  ] as const;
  for (const [rule, low, high] of expected) {
    const [limits] = fitOutlierLimits(table, ['x'], rule);
    assert(limits !== undefined && limits.column === 'x');
    assert(Math.abs(limits.low - low) < 1e-12 && Math.abs(limits.high - high) < 1e-12, JSON.stringify(limits));
  }
});

test('fitOutlierLimits sets no limits where the middle half is one value', () => {
  const [limits] = fitOutlierLimits(table, ['same'], { kind: 'iqr' });
  assert.deepEqual([limits?.low, limits?.high], [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]);
});

test('treatOutliers clips, takes away or keeps, and leaves missing cells and other columns alone', () => {
  const limits = fitOutlierLimits(table, ['x']);
  const [clipped] = treatOutliers(table, limits, 'clip').columns;
  assert.deepEqual(
    [clipped?.values[3], clipped?.values[6], clipped?.values[0], clipped?.valid[2]],
    [limits[0]?.high, limits[0]?.low, 3.1, 0],
  );
  const removed = treatOutliers(table, limits, 'missing');
  assert.deepEqual(
    [...(removed.columns[0]?.valid ?? [])].flatMap((valid, row) => (valid === 0 ? [row] : [])),
    [2, 3, 6],
  );
  assert.equal(removed.columns[1], table.columns[1]);
  assert.equal(treatOutliers(table, limits, 'keep'), table);
});

test('findOutlierRows names the rows to drop', () => {
  assert.deepEqual([...findOutlierRows(table, fitOutlierLimits(table, ['x']))], [3, 6]);
});

test('fitOutlierLimits refuses what has no numbers, and factors and shares out of range', () => {
  assert.throws(
    () => fitOutlierLimits(table, ['name']),
    failsWith('INVALID_DATA', /"name" holds strings, not numbers/),
  );
  const empty = tableFromColumns({ x: [null] }, { kinds: new Map([['x', 'number']]) });
  assert.throws(() => fitOutlierLimits(empty, ['x']), failsWith('INVALID_DATA', /"x" has no value/));
  for (const rule of [
    { kind: 'iqr', factor: 0 },
    { kind: 'robust-z', factor: -1 },
    { kind: 'quantile', share: 0.5 },
  ] as const) {
    assert.throws(() => fitOutlierLimits(table, ['x'], rule), failsWith('INVALID_ARGUMENT', /factor|share/));
  }
});
