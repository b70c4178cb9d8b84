import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CsvScan, type CsvScanOptions, CsvScanner } from './csv-scan.ts';

const OPTIONS: CsvScanOptions = {
  separator: ',',
  quote: '"',
  cellCount: 2,
  skipLines: 0,
  hasHeader: true,
  encoding: 'utf-8',
};

/** Scans a text cut into chunks of `chunkBytes`. */
function scan(text: string | Uint8Array, options: Partial<CsvScanOptions> = {}, chunkBytes = 1 << 20): CsvScan {
  const scanner = new CsvScanner({ ...OPTIONS, ...options });
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  for (let i = 0; i < bytes.length; i += chunkBytes) scanner.add(bytes.subarray(i, i + chunkBytes));
  return scanner.finish();
}

test('CsvScanner counts the same however its bytes are cut', () => {
  const text = '\ufeffa,b\r\n1,"é ""x""\r\ny"\r\n\r\n2\n3,4,5\r6,"☂"\r\n7,8';
  const whole = scan(text);
  assert.deepEqual(whole, {
    records: 5,
    shortRecords: 1,
    longRecords: 1,
    startsShort: false,
    longestShortRun: 1,
    longestRecordBytes: whole.longestRecordBytes,
    raggedLines: [
      { line: 5, cells: 1 },
      { line: 6, cells: 3 },
    ],
    unclosedQuoteLine: undefined,
    strayQuoteLine: undefined,
    invalidUtf8Line: undefined,
    hasMixedLineEnds: true,
  });
  for (const chunkBytes of [3, 4, 5, 7]) assert.deepEqual(scan(text, {}, chunkBytes), whole, `${chunkBytes}`);
});

test('CsvScanner overlooks empty cells too many at the end of a record, as DuckDB does', () => {
  const fine = ['5,6,', '5,6,""', '5,6, "" ', '5,6,,,', '5,6,"",', '"5","6",,', ',,'];
  const long = ['5,6, ', '5,6,,x', '5,6,"x"', '5,6,""""', ' , , '];
  const { longRecords, raggedLines } = scan(`a,b\n${[...fine, ...long].join('\n')}\n`);
  assert.deepEqual([longRecords, raggedLines[0]?.line], [long.length, fine.length + 2]);
});

test('CsvScanner counts short records in a row', () => {
  const { startsShort, longestShortRun, shortRecords } = scan('a,b\n1\n2,3\n4\n5\n\n6\n7,8\n9\n');
  assert.deepEqual([startsShort, longestShortRun, shortRecords], [true, 3, 5]);
});

test('CsvScanner names the lines of quotes that do not close or have text after them', () => {
  assert.equal(scan('a,b\n1,"x\n2,y\n').unclosedQuoteLine, 2);
  assert.equal(scan('a,b\n1,x\n2,"y"z\n').strayQuoteLine, 3);
  assert.equal(scan('a,b\n1, "x" \n2,5" wide\n').strayQuoteLine, undefined);
  assert.equal(scan('a,b\n1,"x\n2,y\n', { quote: '' }).records, 2);
});

test('CsvScanner names the first line that is no UTF-8', () => {
  const bad = Buffer.concat([Buffer.from('a,b\n1,é\n2,'), Buffer.from([0xe9]), Buffer.from('\n3,é\n')]);
  for (const chunkBytes of [3, 8, 100]) assert.equal(scan(bad, {}, chunkBytes).invalidUtf8Line, 3, `${chunkBytes}`);
  assert.equal(scan(bad, { encoding: 'latin-1' }).invalidUtf8Line, undefined);
  assert.equal(scan(Buffer.concat([Buffer.from('a,b\n1,'), Buffer.from([0xe2, 0x98])])).invalidUtf8Line, 2);
});

test('CsvScanner skips lines as lines and headers as records', () => {
  const { records, raggedLines } = scan('a "title\n"h\n1",x\n1,2\n3\n', { skipLines: 1 });
  assert.deepEqual([records, raggedLines], [2, [{ line: 5, cells: 1 }]]);
  assert.equal(scan('1,2\n3,4', { hasHeader: false }).records, 2);
});
