import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type TestContext } from 'node:test';
import { tensorToNested } from '@amaas/client';
import { createTensor } from '@amaas/core';
import { encodeNpy } from '@amaas/protocols/npy';
import sharp from 'sharp';
import { startFakeServer } from '../testing/fake-server.ts';
import { runCommand } from '../testing/run-command.ts';

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'amaas-cli-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

async function start(t: TestContext) {
  const server = await startFakeServer(t);
  const cwd = await folder(t);
  const predict = (...argv: readonly string[]) =>
    runCommand(['predict', ...argv], { environment: server.environment, cwd });
  const sent = () =>
    new Map([...(server.lastInputs() ?? [])].map(([name, tensor]) => [name, [tensor.dtype, tensorToNested(tensor)]]));
  return { server, cwd, predict, sent };
}

test('predict takes JSON as a bare array, by name and as an OIP request, and shows class names', async (t) => {
  const { predict, sent, server, cwd } = await start(t);
  const request = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 3], data: [0.5, 3, 1] }] });
  await writeFile(join(cwd, 'request.json'), request);
  for (const argv of [
    ['--data', '[[0.5, 3, 1]]'],
    ['--data', '{"x": [[0.5, 3, 1]]}'],
    ['--data', request],
    ['@request.json'],
    ['--input', 'x=[[0.5, 3, 1]]'],
  ]) {
    const result = await predict('doubler:production', ...argv);
    assert.equal(result.stderr, '', argv.join(' '));
    assert.equal(result.stdout, 'y  float32 [1,3]\n  dog 6\n  owl 2\n  cat 1\nclass  int64 [1]\n  1  dog\n');
    assert.deepEqual(sent().get('x'), ['float32', [[0.5, 3, 1]]]);
  }
  const piped = await runCommand(['predict', 'doubler', '--data', '-'], {
    environment: server.environment,
    stdin: '[[1, 2, 3]]',
  });
  assert.equal(piped.code, 0);
});

test('predict --json gives exact numbers, --output chooses', async (t) => {
  const { predict } = await start(t);
  const { stdout } = await predict(
    'mixed',
    '--data',
    '{"age": [[40.5]], "count": [9007199254740993], "city": [["Köln"]]}',
    '--json',
  );
  assert.match(stdout, /"data":\[9007199254740993\]/);
  const outputs = JSON.parse(stdout).outputs.map((output: { name: string; dtype: string; data: unknown }) => [
    output.name,
    output.dtype,
    output.data,
  ]);
  assert.deepEqual(outputs[0], ['age', 'float32', [[40.5]]]);
  assert.deepEqual(outputs[2], ['city', 'string', [['Köln']]]);
  const only = await predict('doubler', '--data', '[[1, 2, 3]]', '--output', 'class', '--json');
  assert.deepEqual(JSON.parse(only.stdout).outputs, [{ name: 'class', dtype: 'int64', shape: [1], data: [2] }]);
});

test('predict reads .npy and .npz-like inputs, converted to what the model declares', async (t) => {
  const { predict, sent, cwd } = await start(t);
  await writeFile(join(cwd, 'x.npy'), encodeNpy(createTensor('float64', [2, 3], Float64Array.of(1, 2, 3, 4, 5, 0.1))));
  assert.equal((await predict('doubler', '@x.npy')).code, 0);
  assert.deepEqual(sent().get('x'), [
    'float32',
    [
      [1, 2, 3],
      [4, 5, Math.fround(0.1)],
    ],
  ]);
  await writeFile(join(cwd, 'count.npy'), encodeNpy(createTensor('int32', [1], Int32Array.of(7))));
  const mixed = await predict('mixed', '--input', 'count=@count.npy', 'age=[[1]]', 'city=[["x"]]');
  assert.equal(mixed.stderr, '');
  assert.deepEqual(sent().get('count'), ['int64', [7n]]);
});

test('predict reads CSV: all columns for one input, columns by name for several', async (t) => {
  const { predict, sent, cwd } = await start(t);
  await writeFile(join(cwd, 'rows.csv'), 'a,b,c\n1,2,3\n4,5,6.5\n');
  assert.match(
    (await predict('doubler', '--csv', 'rows.csv')).stdout,
    /^y {2}float32 \[2,3\]\n {2}owl 6, dog 4, cat 2\n {2}owl 13, dog 10, cat 8\n/,
  );
  await writeFile(
    join(cwd, 'people.csv'),
    'city,id,count,age\n"Köln, Süd",x,9007199254740993,40\nUlm,y,-2,nan\n,z,1,\n',
  );
  await predict('mixed', '@people.csv');
  assert.deepEqual(
    sent(),
    new Map<string, unknown>([
      ['age', ['float32', [[40], [Number.NaN], [Number.NaN]]]],
      ['count', ['int64', [9007199254740993n, -2n, 1n]]],
      ['city', ['string', [['Köln, Süd'], ['Ulm'], ['']]]],
    ]),
  );
  await writeFile(join(cwd, 'label.csv'), 'a,b,c,species\n1,2,3,4\n');
  assert.match(
    (await predict('doubler', '@label.csv')).stderr,
    /takes 3 columns, the file has 4 \(a, b, c, species\); leave out/,
  );
  await writeFile(join(cwd, 'hole.csv'), 'a,b,c\n1,,3\n');
  assert.match(
    (await predict('doubler', '@hole.csv')).stderr,
    /row 1, column b: expected a number \(float32\), got ""/,
  );
});

test('predict reads rows for a model of columns as the trainer reads files', async (t) => {
  const { predict, sent, cwd } = await start(t);
  const expected = new Map<string, unknown>([
    ['age', ['float32', [40.5, Number.NaN, 1234]]],
    ['seen', ['float64', [Date.UTC(2026, 2, 4), Date.UTC(2026, 2, 5, 6, 7), Number.NaN]]],
    ['city', ['string', ['Köln', '', 'Ulm; Mitte']]],
    ['member', ['bool', [true, false, true]]],
  ]);
  const files = new Map([
    [
      'rows.csv',
      'id, city, age, seen, member, buys\n1, Köln, 40.5, 2026-03-04, true, yes\n2, ?, NA, 2026-03-05 06:07, false, no\n3, Ulm; Mitte, 1234,, true,\n',
    ],
    [
      'german.csv',
      '\ufeffcity;age;seen;member\r\nKöln;40,5;2026-03-04;true\r\n;n/a;2026-03-05 06:07;false\r\n"Ulm; Mitte";1234,0;;true\r\n',
    ],
    [
      'rows.jsonl',
      '{"city":"Köln","age":40.5,"seen":"2026-03-04","member":true}\n{"city":"","age":null,"seen":"2026-03-05T06:07:00Z","member":false}\n{"city":"Ulm; Mitte","age":1234,"member":true}\n',
    ],
    [
      'rows.json',
      '[{"city":"Köln","age":40.5,"seen":"2026-03-04","member":true,"buys":"yes"},{"city":null,"age":null,"seen":"2026-03-05 06:07","member":false},{"city":"Ulm; Mitte","age":1234,"seen":null,"member":true}]',
    ],
  ]);
  for (const [name, text] of files) {
    await writeFile(join(cwd, name), text);
    // With what its training left, and with its declared inputs alone.
    for (const model of ['people', 'columns']) {
      assert.equal((await predict(model, `@${name}`)).stderr, '', `${model} ${name}`);
      assert.deepEqual(sent(), expected, `${model} ${name}`);
    }
  }
  await writeFile(join(cwd, 'tabs.txt'), 'age\tcity\tseen\tmember\n1.234\tUlm\t04.03.2026\ttrue\n');
  const flags = ['--thousands', '.', '--decimal', ',', '--timestamp-format', '%d.%m.%Y'];
  assert.equal((await predict('people', '@tabs.txt', ...flags)).stderr, '');
  assert.deepEqual(sent().get('age'), ['float32', [1234]]);
  assert.deepEqual(sent().get('seen'), ['float64', [Date.UTC(2026, 2, 4)]]);
  await writeFile(join(cwd, 'less.csv'), 'age,city,meber,seen\n1,Ulm,true,2026-03-04\n');
  assert.match((await predict('people', '@less.csv')).stderr, /no column "member"; there are .* Did you mean "meber"/);
  await writeFile(join(cwd, 'words.csv'), 'age,city,member,seen\nold,Ulm,true,2026-03-04\n');
  for (const model of ['people', 'columns']) assert.equal((await predict(model, '@words.csv')).code, 1);
  assert.match((await predict('doubler', '@rows.jsonl')).stderr, /takes no columns of a table/);
  assert.match((await predict('doubler', '--data', '[[1,2,3]]', '--header', 'no')).stderr, /counts only for files/);
});

test('predict asks for many rows in batches and joins the answers', async (t) => {
  const { predict, cwd, server } = await start(t);
  const rows = Array.from({ length: 2500 }, (_, row) => `${row},c${row},2026-03-04,${row % 3 === 0}`);
  await writeFile(join(cwd, 'many.csv'), ['age,city,seen,member', ...rows].join('\n'));
  const { stdout } = await predict('people', '@many.csv', '--json');
  const outputs = new Map<string, { shape: number[]; data: unknown[] }>(
    JSON.parse(stdout).outputs.map((output: { name: string }) => [output.name, output]),
  );
  assert.deepEqual(
    outputs.get('age')?.data,
    rows.map((_, row) => row),
  );
  assert.deepEqual(
    outputs.get('city')?.data,
    rows.map((_, row) => `c${row}`),
  );
  assert.deepEqual(outputs.get('member')?.shape, [2500]);
  const asked = server.asked.filter(({ path }) => path.endsWith('/infer')).map(({ path }) => decodeURIComponent(path));
  assert.deepEqual(asked, ['/v2/models/people/infer', '/v2/models/people@2/infer', '/v2/models/people@2/infer']);
});

test('predict takes one row as a plain object', async (t) => {
  const { predict, sent } = await start(t);
  const row = '{"age": 63, "city": 7, "seen": "2026-03-05T06:07:00+01:00", "member": true, "buys": "no"}';
  assert.equal((await predict('columns', '--data', row)).stderr, '');
  assert.deepEqual(
    sent(),
    new Map<string, unknown>([
      ['age', ['float32', [63]]],
      ['seen', ['float64', [Date.UTC(2026, 2, 5, 5, 7)]]],
      ['city', ['string', ['7']]],
      ['member', ['bool', [true]]],
    ]),
  );
  assert.equal((await predict('mixed', '--data', '[{"age": 1, "count": 2, "city": "x"}]')).stderr, '');
  assert.deepEqual(sent().get('count'), ['int64', [2n]]);
  assert.deepEqual(sent().get('age'), ['float32', [[1]]]);
  const table: readonly [argv: readonly string[], stderr: RegExp][] = [
    [['columns', '--data', '{"age": 63}'], /row 1 has no "seen", only "age"; give null/],
    [
      ['columns', '--data', '{"age": 1, "city": "x", "seen": "tomorrow", "member": true}'],
      /"tomorrow" is not a float64/,
    ],
    [['doubler', '--data', '[{"x": 1}]'], /input "x" of model "doubler" is .*, no column/],
  ];
  for (const [argv, stderr] of table) assert.match((await predict(...argv)).stderr, stderr);
});

test('predict prepares a picture as the manifest declares', async (t) => {
  const { predict, sent, cwd } = await start(t);
  // Two columns of colour, 4 × 2: each pixel survives, as the size is already right.
  const pixels = Uint8Array.from({ length: 4 * 2 * 3 }, (_, index) => index * 9);
  await sharp(pixels, { raw: { width: 4, height: 2, channels: 3 } })
    .png()
    .toFile(join(cwd, 'p.png'));
  const plane = (channel: number) =>
    [0, 1].map((row) => [0, 1, 2, 3].map((column) => pixels[(row * 4 + column) * 3 + channel]));
  for (const argv of [['--image', 'p.png'], ['@p.png'], ['--image', 'p.png', '--input-name', 'image']]) {
    assert.equal((await predict('picture', ...argv)).stderr, '');
    assert.deepEqual(sent().get('image'), ['float32', [[plane(0), plane(1), plane(2)]]]);
  }
  assert.match(
    (await predict('picture', '--image', 'p.png', '--input-name', 'other')).stderr,
    /declares no preparation of pictures for input "other"/,
  );
  await writeFile(join(cwd, 'no.png'), 'text');
  assert.match((await predict('picture', '--image', 'no.png')).stderr, /no\.png cannot be read as a picture/);
});

test('predict sends texts for ids, a row each, and for inputs of strings', async (t) => {
  const { predict, sent, cwd, server } = await start(t);
  const texts = (name: string, rows: unknown) => [[name, ['string', rows]]];
  assert.equal((await predict('encoder', '--text', 'two words', 'né')).stderr, '');
  assert.deepEqual([...sent()], texts('ids', ['two words', 'né']));
  await predict('encoder', '--data', '{"ids": ["by name"]}');
  assert.deepEqual([...sent()], texts('ids', ['by name']));
  await predict('encoder', '--data', '{"ids": [[5, 6]], "mask": [[1, 1]]}');
  assert.deepEqual(sent().get('ids'), ['int64', [[5n, 6n]]]);
  await predict('judge', '--text', 'a', 'b', '--text', 'c', 'd');
  assert.deepEqual(
    [...sent()],
    texts('ids', [
      ['a', 'b'],
      ['c', 'd'],
    ]),
  );
  await predict('mixed', '--text', 'Köln', '--input-name', 'city');
  assert.deepEqual([...sent()], texts('city', [['Köln']]));
  await writeFile(join(cwd, 'one.csv'), 'review\n"good, really"\nbad\n');
  await predict('encoder', '--csv', 'one.csv');
  assert.deepEqual([...sent()], texts('ids', ['good, really', 'bad']));
  await writeFile(join(cwd, 'named.csv'), 'label,ids\n1,good\n0,bad\n');
  await predict('encoder', '@named.csv');
  assert.deepEqual([...sent()], texts('ids', ['good', 'bad']));
  const piped = await runCommand(['predict', 'encoder', '--text', '-'], {
    environment: server.environment,
    stdin: 'from a pipe',
  });
  assert.equal(piped.code, 0);
  assert.deepEqual([...sent()], texts('ids', ['from a pipe']));
  for (const [argv, message] of [
    [['doubler', '--text', 'a'], /model "doubler" takes no texts: it has no input of strings/],
    [['encoder', '--text', 'a', '--input-name', 'mask'], /takes no texts for input "mask"/],
    [['judge', '--text', 'a', 'b', 'c'], /takes pairs of texts: give --text twice for each row, got 3 texts/],
    [['encoder', '--text', 'a', '--data', '[1]'], /one way/],
  ] as const) {
    const { code, stderr } = await predict(...argv);
    assert.match(stderr, message);
    assert.equal(code, 2);
  }
});

test('predict says what is wrong with the inputs', async (t) => {
  const { predict, cwd } = await start(t);
  await writeFile(join(cwd, 'x.npy'), 'no array');
  const table: readonly [argv: readonly string[], code: number, stderr: RegExp][] = [
    [['doubler'], 2, /give the inputs: @file, --data/],
    [['doubler', '--data', '[[1,2,3]]', '--csv', 'x.csv'], 2, /one way/],
    [['doubler', 'x.npy'], 2, /given as @x\.npy/],
    [['doubler', '--input', 'x'], 2, /name=@file\.npy/],
    [['mixed', '--data', '[1]'], 1, /has the inputs "age", "count", "city"; give an object/],
    [['doubler', '--data', '{x: 1}'], 1, /--data is not JSON/],
    [['doubler', '--data', '{"z": [1]}'], 1, /has no input "z"; its inputs are "x"/],
    [['doubler', '--data', '[["a", 2, 3]]'], 1, /"a" is not a float32/],
    [['mixed', '--data', '{"count": [null]}'], 1, /null is not a int64; null means a missing value/],
    [['doubler', '--data', '[[{}, 2, 3]]'], 1, /an object is no element of a tensor/],
    [['doubler', '@absent.csv'], 1, /there is no file or folder \S*absent\.csv/],
    [['doubler', '@x.npy'], 1, /npy/],
    [['nothing', '--data', '[1]'], 1, /there is no model "nothing"/],
    [['Bad Name', '--data', '[1]'], 1, /model name "Bad Name" is not allowed/],
  ];
  for (const [argv, code, stderr] of table) {
    const result = await predict(...argv);
    assert.match(result.stderr, stderr);
    assert.deepEqual([argv, result.code, result.stdout], [argv, code, '']);
  }
});
