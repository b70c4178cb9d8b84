import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DType } from '@amaas/core';
import { compileToOnnx } from '../../compile/index.ts';
import { arrayFromTensor, evaluate, isText, type ReferenceArray, tensorFromArray } from '../../reference/index.ts';
import { assertClose, ortExecutor } from '../../reference/testing/check-operation.ts';
import type { Shape } from '../shape.ts';
import { input, type Value } from '../value.ts';
import { verifyGraph } from '../verify.ts';
import * as op from './index.ts';

/** What ONNX Runtime gives, after it was found equal to the reference. */
async function run(x: ReferenceArray, build: (x: Value) => Value, shape: Shape = ['N']): Promise<ReferenceArray> {
  const source = input('x', x.dtype, shape);
  const y = build(source);
  verifyGraph([y]);
  const [expected] = evaluate([y], new Map([[source, x]]));
  const compiled = await (await ortExecutor()).compile(compileToOnnx(new Map([['y', y]]), { inputs: [source] }));
  try {
    const outputs = await compiled.run(new Map([['x', tensorFromArray(x)]]));
    const found = arrayFromTensor(outputs.get('y') ?? assert.fail());
    assert.equal(found.dtype, y.dtype);
    assertClose(found, expected ?? assert.fail(), 1e-6);
    return found;
  } finally {
    await compiled.dispose();
  }
}

const texts = (values: readonly string[], shape: readonly number[] = [values.length]): ReferenceArray => ({
  dtype: 'string',
  shape,
  texts: values,
});
const numbers = (
  dtype: DType,
  values: readonly number[],
  shape: readonly number[] = [values.length],
): ReferenceArray => ({
  dtype,
  shape,
  data: Float64Array.from(values),
});

function assertText(array: ReferenceArray, shape: readonly number[], expected: readonly string[]): void {
  assert.deepEqual([array.shape, isText(array) && array.texts], [shape, expected]);
}

function assertNumbers(array: ReferenceArray, expected: readonly number[]): void {
  assert.deepEqual(isText(array) || [...array.data], expected);
}

/** Scripts, marks, pairs of surrogates, nothing. */
const MIXED = ['Hello, Wörld! 42', '', '日本 語😀x', 'İe\u0301 ΑΣ', 'a_b\tC'];

test('splitCharacters gives code points', async () => {
  const found = await run(texts(['ab', '', '日😀e\u0301']), (x) => op.splitCharacters(x));
  assertText(found, [3, 4], ['a', 'b', '', '', '', '', '', '', '日', '😀', 'e', '\u0301']);
  const matrix = await run(texts(['ab', 'c'], [2, 1]), (x) => op.splitCharacters(x), ['N', 1]);
  assertText(matrix, [2, 1, 2], ['a', 'b', 'c', '']);
});

test('splitWords gives letters of any script with their marks', async () => {
  const found = await run(texts(MIXED), (x) => op.splitWords(x));
  const expected = [
    ['Hello', 'Wörld', '42'],
    ['', '', ''],
    ['日本', '語', 'x'],
    ['İe\u0301', 'ΑΣ', ''],
    ['a_b', 'C', ''],
  ];
  assertText(found, [5, 3], expected.flat());
});

test('splitWords takes the longest match', async () => {
  for (const [pattern, text, expected] of [
    ['a|ab', 'ab abc a', ['ab', 'ab', 'a']],
    ['a+(?:ab)*', 'aab a', ['aab', 'a']],
    ['a?(?:ab)?[bc]', 'abb c', ['abb', 'c']],
    ['[a-z]{2,3}', 'abcde f gh', ['abc', 'de', 'gh']],
    ['\\p{Lu}\\p{Ll}*|[0-9]', 'AbcDe 12', ['Abc', 'De', '1', '2']],
    ['[^,]+', 'red, green,,blue', ['red', ' green', 'blue']],
    ['(?i:ä|k)+', 'ÄkÄ\u212Ax', ['ÄkÄ\u212A']],
  ] as const) {
    const found = await run(texts([text]), (x) => op.splitWords(x, { pattern }));
    assert.deepEqual(isText(found) && found.texts, expected, pattern);
  }
});

test('splitWords without a word gives an axis of size 0', async () => {
  assertText(await run(texts(['', '!?']), (x) => op.splitWords(x)), [2, 0], []);
});

test('patterns that JavaScript and RE2 read differently are refused', () => {
  const x = input('x', 'string', ['N']);
  for (const pattern of [
    'a(?=b)',
    '(?<!a)b',
    '(a)\\1',
    'a+?',
    '\\w+',
    '\\s',
    'a.b',
    '\\p{Letter}',
    '(?i)a',
    '[',
    'a*',
  ]) {
    assert.throws(() => op.splitWords(x, { pattern }), { reason: 'INVALID_GRAPH' }, pattern);
  }
  for (const pattern of ['[.?*]+', 'a\\.b', '\\?+', '(?:a|b)+', 'x\\*?y']) op.splitWords(x, { pattern });
});

test('matchesPattern matches whole texts', async () => {
  const found = await run(texts(['ab1', 'ab', '', 'xab1', 'ÄB2']), (x) => op.matchesPattern(x, '(?i:[a-zä]+)[0-9]|'));
  assertNumbers(found, [1, 0, 1, 1, 1]);
});

test('concatStrings broadcasts', async () => {
  const found = await run(
    texts(['a', ''], [2, 1]),
    (x) => op.concatStrings(op.concatStrings(x, op.constantStrings([2], ['ß', ''])), x),
    ['N', 1],
  );
  assertText(found, [2, 2], ['aßa', 'aa', 'ß', '']);
});

test('replaceCharacters and lowerCase give what they do to one text', async () => {
  const long = `${'ÀB'.repeat(40)}😀`;
  const exact = 'Q'.repeat(64);
  const all = [...MIXED, long, exact, 'ẞ Ǆ ǅ Ⅷ Ⓐ 𐐀 ꓐ'];
  const table = op.lowerCaseTable();
  const lower = await run(texts(all), (x) => op.lowerCase(x));
  assertText(
    lower,
    [all.length],
    all.map((text) => op.replaceInText(text, table)),
  );
  // Each character by itself: JavaScript's own rule differs at the end of words only.
  assert.deepEqual(
    isText(lower) && lower.texts,
    all.map((text) => text.toLowerCase().replaceAll('ς', 'σ')),
  );
  const marks = new Map([
    ['ö', 'oe'],
    ['😀', ':)'],
    ['!', ''],
  ]);
  const replaced = await run(texts(MIXED), (x) => op.replaceCharacters(x, marks));
  assert.equal(isText(replaced) && replaced.texts[0], 'Hello, Woerld 42');
  assertText(await run(texts(['', '']), (x) => op.lowerCase(x)), [2], ['', '']);
});

test('lowerCase keeps no more characters than asked for', async () => {
  const given = ['AB'.repeat(100), 'C', '', 'D'.repeat(128)];
  const found = await run(texts(given), (x) => op.lowerCase(x, { maxCharacters: 100 }));
  assertText(
    found,
    [4],
    given.map((text) => text.toLowerCase().slice(0, 128)),
  );
});

test('parseNumber reads what is a number and gives NaN for the rest', async () => {
  const good = ['1', '-1.5e3', ' +2. ', '.5', '1e-7', '007', '12345678901234567890', '\t3\n', '9e99'];
  const bad = [
    '',
    'abc',
    '-',
    '1,5',
    '1.2.3',
    ' ',
    'NaN',
    'inf',
    '0x10',
    '1e400',
    '1_000',
    '٣',
    '3 4',
    '1e',
    '1\u00A0',
  ];
  const found = await run(texts([...good, ...bad]), (x) => op.parseNumber(x, 'float64'));
  assertNumbers(found, [...good.map(Number), ...bad.map(() => Number.NaN)]);
  assertNumbers(
    await run(texts(['1,5']), (x) => op.parseNumber(op.replaceCharacters(x, new Map([[',', '.']])))),
    [1.5],
  );
});

test('labelEncoder looks text and numbers up', async () => {
  const colours = new Map([
    ['red', 3],
    ['Grün', 1],
    ['', 0],
  ]);
  const found = await run(texts(['Grün', 'grün', '', 'red', 'red ']), (x) =>
    op.labelEncoder(x, colours, { to: 'int64', fallback: -1 }),
  );
  assertNumbers(found, [1, -1, 0, 3, -1]);
  const means = new Map([
    ['a', 0.25],
    ['b', -2],
  ]);
  const encoded = await run(texts(['b', 'a', 'c']), (x) =>
    op.labelEncoder(x, means, { to: 'float32', fallback: Number.NaN }),
  );
  assertNumbers(encoded, [-2, 0.25, Number.NaN]);
  const names = new Map([
    [0, 'no'],
    [7, 'ja'],
  ]);
  assertText(
    await run(numbers('int64', [7, 0, -7]), (x) => op.labelEncoder(x, names, { to: 'string', fallback: '?' })),
    [3],
    ['ja', 'no', '?'],
  );
  const bins = new Map([
    [0.5, 10],
    [0, 20],
  ]);
  assertNumbers(
    await run(numbers('float32', [0.5, -0, Number.NaN, 0.25]), (x) =>
      op.labelEncoder(x, bins, { to: 'int64', fallback: 0 }),
    ),
    [10, 20, 0, 0],
  );
});

test('labelEncoder refuses tables that do not fit', () => {
  const x = input('x', 'string', ['N']);
  const refused = (message: string): { reason: string; message: string } => ({ reason: 'INVALID_GRAPH', message });
  assert.throws(
    () => op.labelEncoder(x, new Map(), { to: 'int64', fallback: 0 }),
    refused('LabelEncoder: the table is empty'),
  );
  assert.throws(
    () => op.labelEncoder(x, new Map([['a', 1.5]]), { to: 'int64', fallback: 0 }),
    refused('LabelEncoder: 1.5 does not fit a table from string to int64'),
  );
  assert.throws(
    () => op.labelEncoder(input('x', 'float32', ['N']), new Map([[Number.NaN, 1]]), { to: 'int64', fallback: 0 }),
    refused('LabelEncoder: NaN does not fit a table from float32 to int64'),
  );
});

test('isIn, indicator and bucketize', async () => {
  assertNumbers(await run(texts(['?', 'NA', 'na', '']), (x) => op.isIn(x, ['NA', '?', ''])), [1, 1, 0, 1]);
  const rows = await run(numbers('int64', [2, -1, 0, 3]), (x) => op.indicator(x, 3));
  assertNumbers(rows, [0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0]);
  const values = numbers('float32', [-1, 0, 0.5, 1, 2.5, Number.NaN]);
  assertNumbers(await run(values, (x) => op.bucketize(x, [0, 1, 2.5])), [0, 1, 1, 2, 3, 0]);
  assertNumbers(await run(values, (x) => op.bucketize(x, [0, 1, 2.5], { right: true })), [0, 0, 1, 1, 2, 0]);
});

test('hashStrings gives the hashes that scikit-learn has', async () => {
  // sklearn.utils.murmurhash3_32(text, seed, positive=True)
  const known = ['', 'a', 'Hello', 'wörld', '日本 語😀x'];
  const unseeded = [0, 1009084850, 316307400, 2433575786, 3599516435];
  const seeded = [1011272156, 2503289909, 1340822506, 4150584373, 2355875103];
  assertNumbers(await run(texts(known), (x) => op.hashStrings(x, 2 ** 32)), unseeded);
  assertNumbers(await run(texts(known), (x) => op.hashStrings(x, 2 ** 32, 12345)), seeded);
  await run(texts(MIXED), (x) => op.hashStrings(x, 97, 12345));
});

test('ngramCounts counts words and pairs of numbers', async () => {
  const grams = [['b', 'a'], ['a'], ['b'], ['a', 'a', 'a'], ['ß', 'b']];
  const found = await run(texts(['a', 'b', 'a', 'b', 'a', 'a', 'a', ''], [2, 4]), (x) => op.ngramCounts(x, grams), [
    'N',
    'W',
  ]);
  assertNumbers(found, [1, 2, 2, 0, 0, 0, 3, 0, 1, 0]);
  const pairs = await run(
    numbers('int64', [5, 6, 5, 6, 6], [5]),
    (x) =>
      op.ngramCounts(x, [
        [5, 6],
        [6, 6],
        [6, 5],
      ]),
    ['W'],
  );
  assertNumbers(pairs, [2, 1, 1]);
  const fromText = await run(texts(['the Cat the', '', 'cat']), (x) =>
    op.ngramCounts(op.splitWords(op.lowerCase(x)), [['cat'], ['the', 'cat']]),
  );
  assertNumbers(fromText, [1, 1, 0, 0, 1, 0]);
  const none = await run(texts(['', '?']), (x) => op.ngramCounts(op.splitWords(x), [['cat'], ['the', 'cat']]));
  assertNumbers(none, [0, 0, 0, 0]);
});

test('hashed words are counted without those that fill up', async () => {
  const build = (x: Value): Value => {
    const words = op.splitWords(op.lowerCase(x));
    const isPad = op.equal(words, op.constantStrings([], ['']));
    const buckets = Array.from({ length: 16 }, (_, index) => [index]);
    return op.ngramCounts(op.where(isPad, -1, op.hashStrings(words, 16)), buckets);
  };
  const found = await run(texts(['The cat. the Dog', 'x', '']), build);
  const counts = (words: readonly string[]): readonly number[] =>
    Array.from({ length: 16 }, (_, index) => words.filter((word) => op.murmurHash3(word, 0) % 16 === index).length);
  assertNumbers(found, [...counts(['the', 'cat', 'the', 'dog']), ...counts(['x']), ...counts([])]);
  assertNumbers(await run(texts(['', '?']), build), [...counts([]), ...counts([])]);
});
