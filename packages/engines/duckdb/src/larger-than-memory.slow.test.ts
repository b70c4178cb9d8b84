// A file larger than what DuckDB may hold is read in batches, broken lines joined on the way.
import assert from 'node:assert/strict';
import { createWriteStream, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { after, before, test } from 'node:test';
import { createRandom } from '@amaas/learn/statistics';
import { failsWith } from '../../../learn/src/data/testing/source-contract.ts';
import { openTable } from './index.ts';

const ROWS = 140_000;
const MEMORY_BYTES = 128 * 2 ** 20;
const folder = mkdtempSync(join(tmpdir(), 'amaas-duckdb-large-'));
const path = join(folder, 'large.csv');

before(async () => {
  const random = createRandom('large');
  // Random letters, so that nothing is saved by compression.
  const noise = Array.from({ length: 64 }, () =>
    Array.from({ length: 500 }, () => String.fromCharCode(97 + random.integer(26))).join(''),
  );
  function* lines(): Generator<string> {
    yield 'id,value,text\n';
    for (let row = 0; row < ROWS; row++) {
      yield `${row},${row * 0.25},${row}${noise[random.integer(64)]}${noise[random.integer(64)]}\n`;
      if (row === 70_000) yield 'and this belongs to the row before\n';
    }
  }
  await pipeline(Readable.from(lines()), createWriteStream(path));
  assert(statSync(path).size > MEMORY_BYTES, 'the file must not fit');
});

after(() => rmSync(folder, { recursive: true }));

test('openTable streams a file larger than its memory limit, row by row in order', async () => {
  const source = await openTable(path, { memoryLimitBytes: MEMORY_BYTES, ragged: 'drop' });
  assert.equal(source.rowCount, ROWS);
  const before = process.memoryUsage().rss;
  let peak = 0;
  let row = 0;
  for await (const batch of source.read({ batchRows: 4096 })) {
    const [id, value, text] = batch.columns;
    for (let i = 0; i < batch.rowCount; i++, row++) {
      assert(id?.values[i] === row && value?.values[i] === row * 0.25);
      assert(String(text?.values[i]).startsWith(`${row}`));
    }
    peak = Math.max(peak, process.memoryUsage().rss - before);
  }
  assert.equal(row, ROWS);
  // The rows as strings alone would take 145 MB on top of what DuckDB holds.
  assert(peak < 400 * 2 ** 20, `reading took ${Math.round(peak / 2 ** 20)} MB more`);
  await source.close();
});

test('openTable joins broken lines of a file larger than its memory limit, holding a few rows only', async () => {
  const temporaryFolder = join(folder, 'spill');
  const source = await openTable(path, { memoryLimitBytes: MEMORY_BYTES, ragged: 'join', temporaryFolder });
  assert.equal(source.rowCount, ROWS);
  for await (const batch of source.read({ columns: ['id', 'text'], batchRows: 70_001 })) {
    assert.match(String(batch.columns[1]?.values[70_000]), /[a-z]{9}\nand this belongs to the row before$/);
    break;
  }
  await source.close();
  assert(!existsSync(temporaryFolder) || readdirSync(temporaryFolder).length === 0, 'something was written to disk');
});

test('openTable can be called off while it reads', async () => {
  const controller = new AbortController();
  const opening = openTable(path, { memoryLimitBytes: MEMORY_BYTES, ragged: 'join', signal: controller.signal });
  setTimeout(() => controller.abort(), 300);
  await assert.rejects(opening, failsWith('CANCELLED', /large\.csv: the caller went away/));
  await assert.rejects(openTable(path, { signal: AbortSignal.abort() }), failsWith('CANCELLED', /caller went away/));
});
