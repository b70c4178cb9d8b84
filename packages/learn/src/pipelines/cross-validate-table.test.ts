import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { createTableSource, tableFromColumns } from '../data/index.ts';
import { createRandom } from '../statistics/index.ts';
import { crossValidateTable, type TableFold } from './cross-validate-table.ts';

const executor = await createOrtNodeExecutor();

test('crossValidateTable tests every row once and says what the folds say together', async () => {
  const random = createRandom(2);
  const x = Array.from({ length: 90 }, () => random.normal());
  const y = Array.from({ length: 90 }, () => random.normal());
  // One row in ten is labelled against the rule: nothing can be learned of those.
  const target = x.map((value, row) => (value + (y[row] ?? 0) > 0 !== (row % 10 === 3) ? 'above' : 'below'));
  const table = tableFromColumns({ x, y, target: target.map((label, row) => (row === 17 ? null : label)) });
  const seen: TableFold[] = [];
  const { folds, metrics } = await crossValidateTable({
    source: createTableSource(table),
    target: 'target',
    executor,
    folds: 3,
    threads: 1,
    model: { hidden: [] },
    onFold: (fold) => seen.push(fold),
  });
  assert.deepEqual(seen, folds);
  assert.deepEqual(
    folds.map(({ fold, candidate }) => [fold, candidate]),
    [
      [0, 'linear'],
      [1, 'linear'],
      [2, 'linear'],
    ],
  );
  assert.equal(
    folds.reduce((sum, { report }) => sum + report.n, 0),
    89, // without the row that has no target
  );
  const accuracy = metrics.find(({ name }) => name === 'accuracy')?.summary;
  assert(accuracy?.folds === 3 && accuracy.mean > 0.8 && accuracy.mean < 0.95, `${accuracy?.mean}`);
});

test('crossValidateTable keeps groups together', async () => {
  const rows = Array.from({ length: 60 }, (_, row) => row);
  const table = tableFromColumns({
    x: rows.map((row) => ((row * 37) % 60) + 0.5),
    patient: rows.map((row) => (row < 25 ? 'a' : row < 40 ? 'b' : row < 50 ? 'c' : 'd')),
    target: rows.map((row) => ((row * 37) % 60 > 30 !== (row % 5 === 2) ? 'high' : 'low')),
  });
  const { folds } = await crossValidateTable({
    source: createTableSource(table),
    target: 'target',
    executor,
    folds: 3,
    groupBy: 'patient',
    threads: 1,
    model: { hidden: [], epochs: 2 },
  });
  assert.deepEqual(
    folds.map(({ report }) => report.n).toSorted(),
    [15, 20, 25], // the small groups share a fold
  );
});

test('crossValidateTable refuses more folds than the largest class has rows', async () => {
  const table = tableFromColumns({ x: [1, 2, 3, 4, 5, 6, 7, 8], target: ['a', 'b', 'a', 'b', 'a', 'b', 'a', 'b'] });
  await assert.rejects(
    crossValidateTable({ source: createTableSource(table), target: 'target', executor, folds: 5 }),
    (error) => error instanceof AmaasError && error.reason === 'INVALID_DATA',
  );
});
