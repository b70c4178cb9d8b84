// What every DataSource keeps to; run on the in-memory source here and on each adapter beside it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { type Cell, type DataSource, readCell, readRows, readTable, type Table } from '../index.ts';

/** Rows of the table every implementation is asked to open: 2,500 of them, so that several batches are needed. */
export const CONTRACT_ROWS = 2500;

/** One row of it, by column: a number with gaps, a text with odd characters, a truth value, a time. */
export function contractRow(row: number): {
  readonly n: number | null;
  readonly s: string | null;
  readonly b: boolean | null;
  readonly t: string | null;
} {
  return {
    n: row % 7 === 3 ? null : row * 0.1 - 50,
    s: row % 11 === 4 ? null : `r${row % 13} "ä,;\t☂'`,
    b: row % 5 === 2 ? null : row % 3 === 0,
    t: row % 9 === 1 ? null : new Date(Date.UTC(2024, 0, 1) + row * 3_600_000).toISOString(),
  };
}

function contractCells(row: number): readonly Cell[] {
  const { n, s, b, t } = contractRow(row);
  return [n, s, b, t === null ? null : Date.parse(t)];
}

/** Declares the tests; `open` gives a fresh source of the contract's table with columns n, s, b, t. */
export function testDataSource(title: string, open: () => Promise<DataSource>): void {
  const testSource = (name: string, run: (source: DataSource) => Promise<void>): void => {
    test(`DataSource (${title}) ${name}`, async () => {
      const source = await open();
      try {
        await run(source);
      } finally {
        await source.close();
      }
    });
  };

  testSource('tells its fields and rows before they are read', async (source) => {
    assert.equal(source.rowCount, CONTRACT_ROWS);
    assert.deepEqual(source.fields, [
      { name: 'n', kind: 'number', integer: false },
      { name: 's', kind: 'string', integer: false },
      { name: 'b', kind: 'boolean', integer: false },
      { name: 't', kind: 'timestamp', integer: false },
    ]);
  });

  testSource('gives every cell in row order, in full batches but the last, twice over', async (source) => {
    for (let pass = 0; pass < 2; pass++) {
      const sizes: number[] = [];
      let row = 0;
      for await (const batch of source.read({ batchRows: 600 })) {
        sizes.push(batch.rowCount);
        for (let i = 0; i < batch.rowCount; i++, row++) assert.deepEqual(cellsOf(batch, i), contractCells(row));
      }
      assert.deepEqual(sizes, [600, 600, 600, 600, 100]);
    }
  });

  testSource('marks missing cells with NaN, 0 and an empty string under a zero mask', async (source) => {
    const { columns } = await readTable(source);
    const [n, s, b, t] = columns;
    assert.deepEqual([n?.values[3], n?.valid[3]], [Number.NaN, 0]);
    assert.deepEqual([s?.values[4], s?.valid[4]], ['', 0]);
    assert.deepEqual([b?.values[2], b?.valid[2]], [0, 0]);
    assert.deepEqual([t?.values[1], t?.valid[1]], [Number.NaN, 0]);
  });

  testSource('gives the columns asked for in the order asked for', async (source) => {
    const table = await readTable(source, { columns: ['t', 'n'] });
    assert.deepEqual(
      table.columns.map((column) => column.name),
      ['t', 'n'],
    );
    assert.deepEqual(cellsOf(table, 17), [contractCells(17)[3], contractCells(17)[0]]);
  });

  testSource('serves several readers at once', async (source) => {
    const [all, some] = await Promise.all([
      readTable(source, { batchRows: 100 }),
      readTable(source, { columns: ['s'] }),
    ]);
    assert.deepEqual(cellsOf(all, 2499), contractCells(2499));
    assert.deepEqual(cellsOf(some, 2499), [contractCells(2499)[1]]);
  });

  testSource('readRows gives rows in the order asked for, repeated ones too', async (source) => {
    const rows = [2499, 0, 1300, 1300, 7];
    const table = await readRows(source, rows, { batchRows: 500 });
    assert.deepEqual(
      rows.map((_, i) => cellsOf(table, i)),
      rows.map(contractCells),
    );
    await assert.rejects(readRows(source, [2500]), failsWith('INVALID_ARGUMENT', /row 2500 of .*, which has 2500/));
  });

  testSource('can be left early and read again', async (source) => {
    for await (const batch of source.read({ batchRows: 10 })) {
      assert.equal(batch.rowCount, 10);
      break;
    }
    assert.equal((await readTable(source)).rowCount, CONTRACT_ROWS);
  });

  testSource('refuses unknown columns and batch sizes by name', async (source) => {
    await assert.rejects(
      readTable(source, { columns: ['N'] }),
      failsWith('INVALID_DATA', /no column "N"; there are "n", "s", "b", "t"\. Did you mean "n"\?/),
    );
    for (const batchRows of [0, 1.5, -1, Number.NaN, 2 ** 21]) {
      await assert.rejects(readTable(source, { batchRows }), failsWith('INVALID_ARGUMENT', /batchRows/));
    }
  });

  testSource('stops at an aborted signal, before and between batches', async (source) => {
    await assert.rejects(
      readTable(source, { signal: AbortSignal.abort() }),
      failsWith('CANCELLED', /caller went away/),
    );
    const controller = new AbortController();
    await assert.rejects(
      async () => {
        for await (const batch of source.read({ batchRows: 100, signal: controller.signal })) {
          assert.equal(batch.rowCount, 100);
          controller.abort();
        }
      },
      failsWith('CANCELLED', /caller went away/),
    );
  });

  testSource('refuses to be read once closed, and closes twice', async (source) => {
    const running = source.read({ batchRows: 100 })[Symbol.asyncIterator]();
    await running.next();
    await source.close();
    await source.close();
    await assert.rejects(
      async () => {
        for (;;) if ((await running.next()).done) return;
      },
      failsWith('INVALID_DATA', /closed/),
    );
    await assert.rejects(readTable(source), failsWith('INVALID_DATA', /closed/));
  });
}

/** The cells of a row, null where missing. */
export function cellsOf(table: Table, row: number): Cell[] {
  return table.columns.map((column) => readCell(column, row));
}

/** A check for assert.rejects and assert.throws. */
export function failsWith(reason: string, message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert(error instanceof AmaasError, String(error));
    assert.equal(error.reason, reason, error.message);
    assert.match(error.message, message);
    return true;
  };
}
