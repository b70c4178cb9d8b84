import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { createTableSource, type DataSource, splitRows, requireColumn, tableFromRows } from '../data/index.ts';
import { createRandom } from '../statistics/index.ts';
import { findStreamedRows, readSample, type StreamedRowsOptions } from './table-sample.ts';
import { trainTable } from './train-table.ts';

/** A source whose batches are small, so that rows are found by their number in the whole. */
function inBatches(source: DataSource, batchRows: number): DataSource {
  return { ...source, read: (options) => source.read({ ...options, batchRows }) };
}

/** Rows that know their number; every 13th has no target, every 11th no group. */
function numbered(rowCount: number): DataSource {
  const rows = Array.from({ length: rowCount }, (_, row) => ({
    number: row,
    group: row % 11 === 0 ? null : `g${(row * 7) % 23}`,
    time: (row * 37) % rowCount,
    y: row % 13 === 0 ? null : row % 2,
  }));
  return inBatches(createTableSource(tableFromRows(rows), { name: 'numbered' }), 7);
}

test('readSample reads everything that fits and says so with what does not', async () => {
  const all = await readSample(numbered(100), {});
  assert.deepEqual([all.rows, all.table.rowCount, all.findings], [null, 100, []]);
  const some = await readSample(numbered(1000), { maxRowsInMemory: 50, seed: 3 });
  const values = [...requireColumn(some.table, 'number').values];
  const numbers = values.map(Number);
  assert.deepEqual([...(some.rows ?? [])], [...numbers]);
  assert.equal(new Set<unknown>(numbers).size, 50);
  assert.match(some.findings[0]?.message ?? '', /numbered has 1,000 rows, of which a random 50 are held in memory/);
  const again = await readSample(numbered(1000), { maxRowsInMemory: 50, seed: 3 });
  assert.deepEqual(again.rows, some.rows);
  for (const maxRowsInMemory of [0, 1.5, Number.NaN]) {
    await assert.rejects(readSample(numbered(10), { maxRowsInMemory }), { reason: 'INVALID_ARGUMENT' });
  }
});

test('readSample draws every row equally often', async () => {
  const counts = new Float64Array(20);
  const source = numbered(20);
  for (let seed = 0; seed < 800; seed++) {
    for (const row of (await readSample(source, { maxRowsInMemory: 5, seed })).rows ?? [])
      counts[row] = (counts[row] ?? 0) + 1;
  }
  const chiSquare = counts.reduce((sum, count) => sum + (count - 200) ** 2 / (200 * 0.75), 0);
  assert(chiSquare < 43.8, `${[...counts]}`); // 99.9 % quantile for 19 degrees of freedom
});

for (const [name, by] of [
  ['by chance', {}],
  ['by groups', { groupBy: 'group' }],
  ['by time', { timeBy: 'time' }],
] as const) {
  test(`findStreamedRows leaves out what is held out ${name}`, async () => {
    const source = numbered(600);
    const sample = await readSample(source, { maxRowsInMemory: 120 });
    const { table, rows } = sample;
    const targets = requireColumn(table, 'y');
    const split = splitRows(table.rowCount, {
      seed: 0,
      strategy:
        'groupBy' in by
          ? { kind: 'grouped', by: requireColumn(table, 'group') }
          : 'timeBy' in by
            ? { kind: 'time', by: requireColumn(table, 'time') }
            : { kind: 'random' },
      test: 0.2,
      validation: 0.1,
      rows: [...targets.valid.keys()].filter((row) => targets.valid[row] === 1),
    });
    const options: StreamedRowsOptions = {
      ...{ source, sample, split, target: 'y', groupBy: undefined, timeBy: undefined, signal: undefined },
      ...by,
    };
    const streamed = (await findStreamedRows(options)) ?? assert.fail();
    const kept: number[] = [];
    let firstRow = 0;
    for await (const batch of source.read()) {
      const numbers = requireColumn(batch, 'number').values;
      for (const row of streamed.keep(batch, firstRow)) kept.push(Number(numbers[row]));
      firstRow += batch.rowCount;
    }
    const held = [...split.validation, ...split.test].map((row) => rows?.[row] ?? -1);
    const group = (row: number) => (row % 11 === 0 ? null : (row * 7) % 23);
    const time = (row: number) => (row * 37) % 600;
    const groups = new Set(held.map(group).filter((each) => each !== null));
    const oldest = Math.min(...held.map(time));
    const expected = [...Array(600).keys()].filter((row) => {
      if (row % 13 === 0) return false;
      if ('timeBy' in by) return time(row) < oldest;
      return !held.includes(row) && !('groupBy' in by && groups.has(group(row) ?? Number.NaN));
    });
    assert.deepEqual(kept, expected);
    assert.equal(streamed.rowCount, expected.length);
    assert(expected.length > 120, 'more than memory holds');
  });
}

test('findStreamedRows has nothing to say of a table in memory', async () => {
  const source = numbered(60);
  const sample = await readSample(source, {});
  const split = { train: new Uint32Array(), validation: new Uint32Array(), test: new Uint32Array(), findings: [] };
  const nothing = { target: 'y', groupBy: undefined, timeBy: undefined, signal: undefined };
  assert.equal(await findStreamedRows({ source, sample, split, ...nothing }), null);
});

test('trainTable learns from rows that memory does not hold, the same bits each time', async () => {
  const random = createRandom('stream');
  const rows = Array.from({ length: 6000 }, (_, row) => {
    // A class that only 2 % of the rows show at its place: the rows in memory hardly have it.
    const rare = row % 50 === 0;
    const x = rare ? 10 + random.normal() : random.normal();
    const word = random.integer(3) === 0 ? 'red' : 'blue';
    return { x, word, y: rare || x + (word === 'red' ? 1 : 0) + 0.1 * random.normal() > 0.5 ? 'yes' : 'no' };
  });
  const source = inBatches(createTableSource(tableFromRows(rows), { name: 'many' }), 512);
  const executor = await createOrtNodeExecutor();
  const findings: string[] = [];
  const train = () =>
    trainTable({
      source,
      target: 'y',
      executor,
      maxRowsInMemory: 600,
      model: { epochs: 4, batchSize: 64, hidden: [16], learningRate: 0.01 },
      onEvent: (event) => {
        if (event.kind === 'split') findings.push(...event.findings.map(({ code }) => code));
      },
    });
  const trained = await train();
  assert.deepEqual(findings, ['sampled']);
  assert.equal(trained.rows.train, 6000 - trained.rows.validation - trained.rows.test);
  assert.deepEqual([trained.rows.validation, trained.rows.test], [90, 120]);
  const accuracy = trained.report.metrics.find(({ name }) => name === 'accuracy')?.value ?? 0;
  assert(accuracy > 0.93, `${accuracy}`);
  assert.deepEqual((await train()).onnx, trained.onnx);
});
