import assert from 'node:assert/strict';
import test from 'node:test';
import { parseCsv } from './csv.ts';

test('parseCsv reads quotes, escaped quotes, line breaks in quotes, CRLF, a byte-order mark and empty cells', () => {
  const table = parseCsv('\ufeffname,note,n\r\n"a ""b""","x,\ny",1\r\n,,3\r\nlast,"",\r\n\r\n');
  assert.deepEqual(table.header, ['name', 'note', 'n']);
  assert.deepEqual(table.rows, [
    ['a "b"', 'x,\ny', '1'],
    ['', '', '3'],
    ['last', '', ''],
  ]);
});

test('parseCsv takes a first line of numbers for data', () => {
  assert.deepEqual(parseCsv('5.1,3.5,-1e2\n4.9,3,2'), {
    header: null,
    rows: [
      ['5.1', '3.5', '-1e2'],
      ['4.9', '3', '2'],
    ],
  });
});

test('parseCsv names the line that is wrong', () => {
  assert.throws(() => parseCsv('a,b\n1,2\n"x\ny",3\n4\n'), /line 5: expected 2 cells as in the first line, got 1/);
  assert.throws(() => parseCsv('a\n"open\n'), /line 2: a quote does not close/);
  assert.throws(() => parseCsv('a\n"x"y\n'), /line 2: expected a comma after the closing quote, got "y"/);
});

test('parseCsv of nothing is an empty table', () => {
  assert.deepEqual(parseCsv(''), { header: null, rows: [] });
  assert.deepEqual(parseCsv('a,b\n'), { header: ['a', 'b'], rows: [] });
});
