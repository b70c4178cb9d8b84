import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { createRandom } from '@amaas/learn/statistics';
import { failsWith } from '../../../learn/src/data/testing/source-contract.ts';
import { createScratch, readFile } from './testing/scratch.ts';

const scratch = createScratch();

function messagesOf(findings: readonly { readonly code: string; readonly message: string }[], code: string): string[] {
  return findings.filter((finding) => finding.code === code).map(({ message }) => message);
}

test('openTable reads BOM, CRLF, quotes across lines, doubled quotes and a last line without an end', async () => {
  const text = '\ufeff"age","no, te"\r\n39,"two\r\nlines"\r\n40,"a ""quoted"" word"\r\n41,plain';
  const { names, kinds, rows } = await scratch.read('bom.csv', text);
  assert.deepEqual(
    [names, kinds],
    [
      ['age', 'no, te'],
      ['number', 'string'],
    ],
  );
  assert.deepEqual(rows, [
    [39, 'two\r\nlines'],
    [40, 'a "quoted" word'],
    [41, 'plain'],
  ]);
});

test('openTable finds semicolons, tabs and bars, and decimal commas where the separator is none', async () => {
  for (const separator of [';', '\t', '|']) {
    const lines = ['price,x', '1,5,a', '-2,25,b', '3,c'].map((line) => line.replace(/,([abcx])$/, `${separator}$1`));
    const { rows, findings } = await scratch.read('decimal.csv', `${lines.join('\n')}\n`);
    assert.deepEqual(rows, [
      [1.5, 'a'],
      [-2.25, 'b'],
      [3, 'c'],
    ]);
    assert.match(messagesOf(findings, 'decimal-comma')[0] ?? '', /decimal comma \(found cells such as 1,5 and -2,25\)/);
    assert.match(
      messagesOf(findings, 'separator')[0] ?? '',
      /decimal\.csv: cells are separated by a .*, which gives 2 cells in 100 %/,
    );
  }
});

test('openTable takes a point in a decimal comma file for no number, and grouped thousands where told', async () => {
  const text = 'n;m\n1,5;1.234,5\n2,5;12\n3,5;1.000.000\n';
  assert.deepEqual((await scratch.read('points.csv', text)).kinds, ['number', 'string']);
  const { rows } = await scratch.read('points.csv', text, { decimal: ',', thousands: '.' });
  assert.deepEqual(rows, [
    [1.5, 1234.5],
    [2.5, 12],
    [3.5, 1_000_000],
  ]);
  const { kinds } = await scratch.read('odd.csv', 'n,m\n"1,00",a\n"1,234",b\n', { thousands: ',' });
  assert.deepEqual(kinds, ['string', 'string']);
});

test('openTable takes "?", NA, N/A, null, empty and blank cells as missing, and counts each', async () => {
  const text = 'a,b\n1,x\n?,y\nNA,NA\n N/A ,null\n,\n   ,z\n7,None\n';
  const { rows, findings } = await scratch.read('missing.csv', text);
  assert.deepEqual(rows, [
    [1, 'x'],
    [null, 'y'],
    [null, null],
    [null, null],
    [null, null],
    [null, 'z'],
    [7, 'None'],
  ]);
  assert.deepEqual(messagesOf(findings, 'missing-values').sort(), [
    'missing.csv: 1 cell with "?" counts as missing (column "a")',
    'missing.csv: 1 cell with "N/A" counts as missing (column "a")',
    'missing.csv: 1 cell with "null" counts as missing (column "b")',
    'missing.csv: 1 cell with blank text counts as missing (column "a")',
    'missing.csv: 2 cells with "NA" count as missing (columns "a", "b")',
    'missing.csv: 2 cells with empty text count as missing (columns "a", "b")',
  ]);
});

test('openTable takes the missing texts it is given, numbers among them', async () => {
  const text = "a,b\n1,x\n-999,NA\n3,it's\n";
  const { rows } = await scratch.read('given.csv', text, { missing: ['-999', "it's"] });
  assert.deepEqual(rows, [
    [1, 'x'],
    [null, 'NA'],
    [3, null],
  ]);
});

test('openTable tells headers from rows, with the reason', async () => {
  const cases: readonly (readonly [string, string, readonly string[]])[] = [
    ['x,y\n1,2\n3,4\n', '"x" stands above numbers', ['x', 'y']],
    ['day,n\n2024-01-02,a\n2024-01-03,b\n', '"day" stands above numbers or dates', ['day', 'n']],
    ['1,2\n3,4\n', 'line 1 holds the value 1', ['column1', 'column2']],
    ['ham,hello\nspam,win\nham,hi\n', '"ham" of line 1 comes again', ['column1', 'column2']],
    ['kind,text\nham,a\nspam,b\nham,c\nham,d\n', 'the values below "kind" repeat', ['kind', 'text']],
    ['name,city\nAnn,Oslo\nBob,Rome\n', 'tables of text usually have one', ['name', 'city']],
    ['emma\nolivia\nava\n', 'nothing sets the first line apart', ['column1']],
    ['name,age\n', 'it is the only line and holds no number', ['name', 'age']],
  ];
  for (const [text, reason, names] of cases) {
    const contents = await scratch.read('header.csv', text);
    assert.deepEqual(contents.names, names, text);
    assert(messagesOf(contents.findings, 'header')[0]?.includes(reason), messagesOf(contents.findings, 'header')[0]);
  }
});

test('openTable takes a first line that holds the columns asked for as the header', async () => {
  const { names, findings } = await scratch.read('asked.csv', 'a,2019,2020\nx,1,2\ny,3,4\n', {
    columns: ['2020', 'a'],
  });
  assert.deepEqual(names, ['2020', 'a']);
  assert.match(messagesOf(findings, 'header')[0] ?? '', /holds the columns asked for, such as "2020"/);
});

test('openTable does as told about header, names, lines to skip and separator', async () => {
  const text = 'made by a machine\n\n1;2\n3;4\n';
  const named = await scratch.read('told.csv', text, { skipLines: 1, header: false, names: ['é', 'select "1"; --'] });
  assert.deepEqual(named.names, ['é', 'select "1"; --']);
  assert.deepEqual(named.rows, [
    [1, 2],
    [3, 4],
  ]);
  const header = await scratch.read('told.csv', text, { skipLines: 1, header: true });
  assert.deepEqual([header.names, header.rows], [['1', '2'], [[3, 4]]]);
  const one = await scratch.read('told.csv', text, { skipLines: 1, separator: ',', header: false });
  assert.deepEqual(one.rows, [['1;2'], ['3;4']]);
  await assert.rejects(
    readFile(scratch.write('told.csv', text), { skipLines: 1, header: false, names: ['a'] }),
    failsWith('INVALID_DATA', /told\.csv has 2 columns, but names has 1/),
  );
});

test('openTable refuses headers that come twice, or renames them', async () => {
  const path = scratch.write('twice.csv', 'a,b,a,A,a,a_2\n1,2,3,4,5,6\n');
  await assert.rejects(
    readFile(path),
    failsWith(
      'INVALID_DATA',
      /names that come twice: "a" \(columns 1, 3, 5\); rename them .* duplicateNames: 'rename'/,
    ),
  );
  const { names, rows, findings } = await readFile(path, { duplicateNames: 'rename' });
  assert.deepEqual(names, ['a', 'b', 'a_3', 'A', 'a_4', 'a_2']);
  assert.deepEqual(rows, [[1, 2, 3, 4, 5, 6]]);
  assert.match(messagesOf(findings, 'renamed-columns')[0] ?? '', /renamed to "a_3", "a_4"/);
});

test('openTable names columns without a name by their number', async () => {
  const { names } = await scratch.read('index.csv', ',a,\n0,5,x\n1,6,y\n');
  assert.deepEqual(names, ['column1', 'a', 'column3']);
});

test('openTable reports ragged lines by their true line numbers and does what it is told', async () => {
  const text = 'a,b,c\n"two\nlines",1,2\nx,3\ny,4,5\nz\nw,6,7\n';
  const path = scratch.write('ragged.csv', text);
  await assert.rejects(
    readFile(path),
    failsWith(
      'INVALID_DATA',
      /3 cells a line are expected, but ragged\.csv: line 4 has 2, line 6 has 1\. .*'drop'.*'pad'.*'join'/,
    ),
  );
  assert.deepEqual((await readFile(path, { ragged: 'drop' })).rows, [
    ['two\nlines', 1, 2],
    ['y', 4, 5],
    ['w', 6, 7],
  ]);
  assert.deepEqual((await readFile(path, { ragged: 'pad' })).rows, [
    ['two\nlines', 1, 2],
    ['x', 3, null],
    ['y', 4, 5],
    ['z', null, null],
    ['w', 6, 7],
  ]);
  assert.deepEqual((await readFile(path, { ragged: 'join' })).rows, [
    ['two\nlines', 1, '2\nx,3'],
    ['y', 4, '5\nz'],
    ['w', 6, '7'],
  ]);
  const first = await scratch.read('first.csv', 'a,b\nx\ny\nz,1\nq\nr\ns\n', { header: true, ragged: 'join' });
  assert.deepEqual(first.rows, [
    ['x', 'y'],
    ['z', '1\nq\nr\ns'],
  ]);
  await assert.rejects(
    readFile(scratch.write('torn.csv', `a,b\n1,2\n${'x\n'.repeat(40)}3,4\n`), { header: true, ragged: 'join' }),
    failsWith('INVALID_DATA', /up to 40 lines in a row are too short/),
  );
  const long = scratch.write('long.csv', 'a,b\n1,2\n3,4,5\n6,7\n');
  for (const ragged of ['refuse', 'pad', 'join'] as const) {
    await assert.rejects(
      readFile(long, { ragged }),
      failsWith('INVALID_DATA', /long\.csv: line 3 has 3\..*put them in quotes/),
    );
  }
  const { rows, findings } = await readFile(long, { ragged: 'drop' });
  assert.deepEqual(rows, [
    [1, 2],
    [6, 7],
  ]);
  assert.match(messagesOf(findings, 'ragged-rows')[0] ?? '', /line 3 has 3; they are left out/);
});

test('openTable overlooks empty cells too many at the end of a line, whatever becomes of others', async () => {
  const forgiven = await scratch.read('trailing.csv', 'a,b\n1,2,\n3,4\n,,,\n');
  assert.deepEqual(forgiven.rows, [
    [1, 2],
    [3, 4],
    [null, null],
  ]);
  const all = await scratch.read('trailing.csv', 'a,b\n1,2,\n3,4,\n5,6,\n');
  assert.deepEqual(
    [all.names, all.rows[2]],
    [
      ['a', 'b'],
      [5, 6],
    ],
  );
  const text = 'a,b\n1,2,\n3,4, \n5,6,,\n7,8,""\n9,10,x\n';
  const { rows, findings } = await scratch.read('trailing.csv', text, { ragged: 'drop' });
  assert.deepEqual(rows, [
    [1, 2],
    [5, 6],
    [7, 8],
  ]);
  assert.match(messagesOf(findings, 'ragged-rows')[0] ?? '', /line 3 has 3, line 6 has 3; /);
});

test('openTable refuses quotes that do not close, by line, and reads them as characters when told or evident', async () => {
  const later = `a,b\n${'1,"x"\n'.repeat(200_000)}2,"open\n3,y\n`; // past the sample
  await assert.rejects(
    readFile(scratch.write('late.csv', later)),
    failsWith('INVALID_DATA', /line 200002 of late\.csv opens a quote that nothing closes; .*quote: ''/),
  );
  const { rows, findings } = await scratch.read('inch.csv', 'n,size\n1,"3 inch\n2,5" wide\n');
  assert.deepEqual(rows, [
    [1, '"3 inch'],
    [2, '5" wide'],
  ]);
  assert.match(messagesOf(findings, 'format')[0] ?? '', /quotes are taken as plain characters/);
  await assert.rejects(
    readFile(scratch.write('stray.csv', 'n,s\n1,"a"b\n'), { quote: '"' }),
    failsWith('INVALID_DATA', /line 2 of stray\.csv has text after a closing quote/),
  );
});

test('openTable reads mixed line ends and old Mac ones', async () => {
  const mixed = await scratch.read('mixed.csv', 'a,b\r\n1,x\n2,"y\r\nz"\r\n3,w\n');
  assert.deepEqual(mixed.rows, [
    [1, 'x'],
    [2, 'y\r\nz'],
    [3, 'w'],
  ]);
  assert.equal(messagesOf(mixed.findings, 'line-ends').length, 1);
  assert.deepEqual((await scratch.read('mac.csv', 'a,b\r1,x\r2,y\r')).rows, [
    [1, 'x'],
    [2, 'y'],
  ]);
});

test('openTable reads UTF-16 by its mark and Latin-1 when told, and refuses bytes that are no UTF-8 by line', async () => {
  const utf16 = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('a\tb\r\n1\tcafé ☂\r\n', 'utf16le')]);
  assert.deepEqual((await scratch.read('excel.txt', utf16)).rows, [[1, 'café ☂']]);
  const latin = Buffer.from('a,b\n1,caf\u00e9\n2,x\n', 'latin1');
  const path = scratch.write('latin.csv', latin);
  await assert.rejects(readFile(path), failsWith('INVALID_DATA', /latin\.csv is not UTF-8.*encoding: 'latin-1'/));
  assert.deepEqual((await readFile(path, { encoding: 'latin-1' })).rows[0], [1, 'café']);
  const late = Buffer.concat([Buffer.from(`a,b\n${'1,café\n'.repeat(200_000)}`), latin.subarray(4)]);
  await assert.rejects(
    readFile(scratch.write('late-latin.csv', late)),
    failsWith('INVALID_DATA', /late-latin\.csv is not UTF-8 \(line 200002\)/),
  );
});

test('openTable keeps what float64 cannot hold and what has leading zeros as text, and says so', async () => {
  const text = 'id,zip,n\n9007199254740993,02139,-9007199254740991\n12345678901234567890,10001,1e300\n';
  const { kinds, rows, findings } = await scratch.read('large.csv', text);
  assert.deepEqual(kinds, ['string', 'string', 'number']);
  assert.deepEqual(rows[0], ['9007199254740993', '02139', -9007199254740991]);
  assert.match(messagesOf(findings, 'large-integers')[0] ?? '', /"id" holds 2 whole numbers beyond 2\^53/);
  assert.match(messagesOf(findings, 'leading-zeros')[0] ?? '', /"zip" holds numbers with leading zeros \(1 cell\)/);
  const told = await scratch.read('large.csv', text, { kinds: new Map([['zip', 'number']]) });
  assert.deepEqual(told.rows[0]?.[1], 2139);
});

test('openTable takes only decimal numbers for numbers', async () => {
  for (const odd of ['1_000', '0x1F', '+-1', 'inf', 'Infinity', '1e400', '1,5', '٣', '1 2', '--1', '1e', '.']) {
    const { kinds } = await scratch.read('odd-number.csv', `n,m\n1,1\n2.5,2\n"${odd}",3\n-3e-2,4\n`);
    assert.deepEqual(kinds, ['string', 'number'], odd);
  }
  const { rows } = await scratch.read('number.csv', 'n,m\n+5,1\n.5,2\n5.,3\n-1e5,4\n 6\u00a0,5\n0.1,6\n');
  assert.deepEqual(
    rows.map(([n]) => n),
    [5, 0.5, 5, -100_000, 6, 0.1],
  );
});

test('openTable takes true and false for booleans and ISO times for times, in UTC', async () => {
  const { kinds, rows } = await scratch.read(
    'kinds.csv',
    'b,t,yes,d\nTrue,2024-02-29T12:30:00.5Z,yes,2024-02-29\nFALSE,2024-02-29 12:30:00+02:00,no,1969-12-31\n,2024-02-29 12:30,yes,NA\n',
  );
  assert.deepEqual(kinds, ['boolean', 'timestamp', 'string', 'timestamp']);
  const noon = Date.UTC(2024, 1, 29, 12, 30);
  assert.deepEqual(rows, [
    [true, noon + 500, 'yes', Date.UTC(2024, 1, 29)],
    [false, noon - 7_200_000, 'no', -86_400_000],
    [null, noon, 'yes', null],
  ]);
  const bad = await scratch.read('leap.csv', 't,n\n2024-02-30,1\n2024-02-28,2\n');
  assert.deepEqual(bad.kinds, ['string', 'number']);
});

test('openTable follows kinds and time formats given, and reports cells that do not fit', async () => {
  const path = scratch.write('kinds-given.csv', 'when,n,ok\n31.12.2023,1,yes\n01.01.2024,two,no\n,3,maybe\n');
  const kinds = new Map([
    ['when', 'timestamp'],
    ['n', 'number'],
    ['ok', 'boolean'],
  ] as const);
  await assert.rejects(
    readFile(path, { kinds, timestampFormat: '%d.%m.%Y' }),
    failsWith(
      'INVALID_DATA',
      /1 cell of column "n" of kinds-given\.csv is no number \(row 2: "two"\); .*badValues: 'missing'/,
    ),
  );
  const { rows, findings } = await readFile(path, { kinds, timestampFormat: '%d.%m.%Y', badValues: 'missing' });
  assert.deepEqual(rows, [
    [Date.UTC(2023, 11, 31), 1, true],
    [Date.UTC(2024, 0, 1), null, false],
    [null, 3, null],
  ]);
  assert.deepEqual(messagesOf(findings, 'bad-values').length, 2);
  await assert.rejects(
    readFile(path, { kinds: new Map([['N', 'number']]) }),
    failsWith('INVALID_DATA', /no column "N"; .*Did you mean "n"\?/),
  );
});

test('openTable reads the columns asked for in their order', async () => {
  const { names, rows } = await scratch.read('order.csv', 'a,b,c\n1,2,3\n', { columns: ['c', 'a'] });
  assert.deepEqual([names, rows], [['c', 'a'], [[3, 1]]]);
  await assert.rejects(
    readFile(scratch.write('order.csv', 'a,b\n1,2\n'), { columns: ['z'] }),
    failsWith('INVALID_DATA', /no column "z"; there are "a", "b"/),
  );
});

test('openTable refuses files without rows, folders, archives and what is not there, saying what to do', async () => {
  const refused: readonly (readonly [string, string | Uint8Array, RegExp])[] = [
    ['empty.csv', '', /empty\.csv is empty \(0 bytes\)/],
    ['blank.csv', '\n\r\n\n', /blank\.csv has no lines with text/],
    ['book.xlsx', 'PK\x03\x04rest', /book\.xlsx is a ZIP archive or an Excel workbook/],
    ['cut.csv.gz', gzipSync('a,b\n1,2\n'.repeat(99)).subarray(0, 30), /cut\.csv\.gz cannot be read/],
  ];
  for (const [name, contents, message] of refused) {
    await assert.rejects(readFile(scratch.write(name, contents)), failsWith('INVALID_DATA', message));
  }
  await assert.rejects(readFile(scratch.folder), failsWith('INVALID_DATA', /is a folder; name a file, or a pattern/));
  await assert.rejects(readFile(`${scratch.folder}/none-*.csv`), failsWith('DATASET_NOT_FOUND', /no file matches/));
  const { rows, names } = await scratch.read('header-only.csv', 'a,b\n');
  assert.deepEqual([rows, names], [[], ['a', 'b']]);
});

test('openTable refuses options out of range', async () => {
  const path = scratch.write('options.csv', 'a,b\n1,2\n');
  for (const options of [
    { separator: '' },
    { separator: ';;' },
    { separator: '\n' },
    { separator: 'é' },
    { skipLines: -1 },
    { memoryLimitBytes: 1000 },
    { threads: 0 },
    { decimal: ',', thousands: ',' },
    { names: ['a', 'a'] },
    { columns: [] },
  ] as const) {
    await assert.rejects(readFile(path, options), failsWith('INVALID_ARGUMENT', /openTable: /));
  }
});

test('openTable never runs what names, cells and options say', async () => {
  const evil = "'); COPY (SELECT 1) TO 'x'; --";
  scratch.write(`it's "a" fx1.csv`, 'another file that the name would match as a pattern\n');
  const path = scratch.write(`it's "a" [file]*?.csv`, `"${evil}",b\n"${evil}",1\nx,2\n`);
  const { names, rows } = await readFile(path, { missing: [evil, "'"], timestampFormat: "%Y'--", quote: '"' });
  assert.deepEqual(
    [names, rows],
    [
      [evil, 'b'],
      [
        [null, 1],
        ['x', 2],
      ],
    ],
  );
});

test('openTable reads several files as one table in the order of their paths, headers alike', async () => {
  for (let file = 0, id = 0; file < 6; file++) {
    const rows = [1, 5000, 3, 20_000, 1, 3000][file] ?? 0;
    const lines = Array.from(
      { length: rows },
      () => `${id},word ${id % 7},2024-01-01 ${String(id++ % 24).padStart(2, '0')}:00:00`,
    );
    scratch.write(`part-${file}.csv`, `id,word,time\n${lines.join('\n')}\n`);
  }
  const { rows, digest } = await readFile(`${scratch.folder}/part-*.csv`);
  assert.equal(rows.length, 28_005);
  // Rows stay in order whatever is computed of them: DuckDB's optimizer may not put joins in between.
  for (const [row, [id]] of rows.entries()) assert.equal(id, row);
  assert.match(digest ?? '', /^sha256:[0-9a-f]{64}$/);
  scratch.write('part-9.csv', 'id,term,time\n1,x,2024-01-01\n');
  await assert.rejects(
    readFile(`${scratch.folder}/part-*.csv`),
    failsWith('INVALID_DATA', /part-9\.csv does not have the columns of .*part-0\.csv \(id, word, time\)/),
  );
});

test('openTable skips the blank lines before each of several headers', async () => {
  for (const [file, blank] of ['', '\n\n', '\n', ''].entries()) {
    scratch.write(`blank-${file}.csv`, `${blank}id,x\n${2 * file},a\n${2 * file + 1},b\n`);
  }
  const { rows } = await readFile(`${scratch.folder}/blank-?.csv`);
  assert.deepEqual(
    rows.map(([id]) => id),
    [0, 1, 2, 3, 4, 5, 6, 7],
  );
});

test('openTable notices a file that changed after it was opened', async () => {
  const { openTable } = await import('./index.ts');
  const { readTable } = await import('@amaas/learn/data');
  const path = scratch.write('changing.csv', 'a,b\n1,2\n3,4\n');
  const source = await openTable(path);
  scratch.write('changing.csv', 'a,b\n1,2\n3,4\n5,6\n');
  await assert.rejects(
    readTable(source),
    failsWith('INVALID_DATA', /2 rows when it was opened and has 3 now; open it again/),
  );
  await source.close();
});

test('openTable reads back what any dialect writes', async () => {
  const random = createRandom('csv round trip');
  const pick = <T>(items: readonly T[]): T | undefined => items[random.integer(items.length)];
  const words = [
    'a',
    'b c',
    'd,e',
    'f;g',
    'h\ti',
    'j|k',
    'say "hi"',
    '"',
    '""',
    "it's",
    'x\ny',
    'x\r\ny',
    'é☂',
    '-',
    '#',
    '\\',
    '{',
    '%',
  ];
  for (let round = 0; round < 25; round++) {
    const separator = pick([',', ';', '\t', '|']) ?? ',';
    const lineEnd = pick(['\n', '\r\n']) ?? '\n';
    const width = 2 + random.integer(4);
    const rows = Array.from({ length: 5 + random.integer(40) }, (_, row) =>
      Array.from({ length: width }, (__, column) => (column === 0 ? row + 0.5 : (pick(words) ?? ''))),
    );
    const write = (cell: string | number): string => {
      const text = String(cell);
      const needsQuotes = text.includes(separator) || /["\r\n]/.test(text) || random.uniform() < 0.2;
      return needsQuotes ? `"${text.replaceAll('"', '""')}"` : text;
    };
    const header = Array.from({ length: width }, (_, column) => `n${column}`);
    const lines = [header, ...rows].map((cells) => cells.map(write).join(separator));
    const text = lines.join(lineEnd) + (random.uniform() < 0.5 ? lineEnd : '');
    const contents = await scratch.read('round.csv', text, { header: true });
    assert.deepEqual(contents.names, header, text);
    assert.deepEqual(contents.rows, rows, text);
  }
});
