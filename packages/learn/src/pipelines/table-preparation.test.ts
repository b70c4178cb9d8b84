// What is refused before anything is computed: the executor is never asked.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Executor } from '@amaas/core';
import { createTableSource, tableFromColumns } from '../data/index.ts';
import { type PrepareTableOptions, prepareTable } from './table-preparation.ts';

const executor: Executor = {
  name: 'none',
  compile: () => Promise.reject(new Error('reached the executor')),
};

const ROWS = 60;
const range = <Value>(of: (row: number) => Value): Value[] => Array.from({ length: ROWS }, (_, row) => of(row));
const answer = (row: number): number => ((row * 7) % 11 > 5 ? 1 : 0);
const columns = {
  size: range((row) => (row * 13) % 17),
  y: range(answer),
};

function prepare(more: object, options: Partial<PrepareTableOptions> = {}): Promise<unknown> {
  const source = createTableSource(tableFromColumns({ ...columns, ...more }), { name: 't.csv' });
  return prepareTable({ source, target: 'y', executor, ...options });
}

const REACHED = { message: 'reached the executor' };

test('prepareTable refuses a column that tells the target, unless it is left out or meant', async () => {
  const leaking = { code: range((row) => (answer(row) === 1 ? 'yes' : 'no')) };
  await assert.rejects(prepare(leaking), {
    reason: 'INVALID_DATA',
    message: /column "code" alone tells .* the target "y"/,
  });
  await assert.rejects(prepare(leaking, { exclude: ['code'] }), REACHED);
  await assert.rejects(prepare(leaking, { allowLeakage: true }), REACHED);
});

test('prepareTable refuses a few texts among numbers, unless left out or declared', async () => {
  const mixed = { age: range((row) => (row === 9 ? 'unknown' : String(row % 23))) };
  await assert.rejects(prepare(mixed), {
    reason: 'INVALID_DATA',
    message: /column "age" is text because 1 value of 60 is no number \(row 10: "unknown"\)/,
  });
  await assert.rejects(prepare(mixed, { exclude: ['age'] }), REACHED);
  await assert.rejects(prepare(mixed, { declared: ['age'] }), REACHED);
  // Codes of both kinds are only remarked on.
  await assert.rejects(
    prepare({ ticket: range((row) => (row % 4 === 0 ? `PC ${row % 6}` : String(row % 5))) }),
    REACHED,
  );
});

test('prepareTable refuses names of columns that are not there, with the nearest one', async () => {
  const unknown = { reason: 'INVALID_DATA', message: /there is no column "sizes"; .*Did you mean "size"\?/ };
  await assert.rejects(prepare({}, { exclude: ['sizes'] }), unknown);
  await assert.rejects(prepare({}, { groupBy: 'sizes' }), unknown);
  await assert.rejects(prepare({}, { timeBy: 'sizes' }), unknown);
  await assert.rejects(prepare({}, { target: 'sizes' }), unknown);
  await assert.rejects(prepare({}, { exclude: ['q'] }), (thrown: Error) => !thrown.message.includes('Did you mean'));
});

test('prepareTable says when many held-out rows are training rows, too', async () => {
  const findingsOf = async (copies: number): Promise<readonly string[]> => {
    const row = (at: number): number => at % (240 / copies);
    const columns = {
      a: Array.from({ length: 240 }, (_, at) => (row(at) * 37) % 1009),
      y: Array.from({ length: 240 }, (_, at) => (row(at) * 7) % 2),
    };
    const found: string[] = [];
    const source = createTableSource(tableFromColumns(columns), { name: 't.csv' });
    const onEvent: PrepareTableOptions['onEvent'] = (event) => {
      if (event.kind === 'split') found.push(...event.findings.map(({ message }) => message));
    };
    await assert.rejects(prepareTable({ source, target: 'y', executor, allowLeakage: true, onEvent }), REACHED);
    return found;
  };
  assert.deepEqual(await findingsOf(1), []);
  assert.match(
    (await findingsOf(4)).join('\n'),
    /42 test rows of 48 also are in training .*, which flatters the result/,
  );
});
