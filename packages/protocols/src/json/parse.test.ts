import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { JsonNumber, type JsonValue, PackedNumbers, type ParseOptions, parseJson } from './index.ts';
import { createRandom, type Random } from './testing/random.ts';

const encoder = new TextEncoder();

function parse(text: string, options?: ParseOptions): JsonValue {
  return parseJson(encoder.encode(text), options);
}

/** What JSON.parse would have given, to compare with it. */
function plain(value: JsonValue): unknown {
  if (value instanceof JsonNumber) return value.value;
  if (value instanceof PackedNumbers) return nest(value.shape, value.values);
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [key, plain(item)]));
  if (Array.isArray(value)) return value.map(plain);
  return value;
}

function nest(shape: readonly number[], values: Float64Array): unknown {
  const [dim, ...inner] = shape;
  if (dim === undefined) return values[0];
  const size = values.length / dim;
  return Array.from({ length: dim }, (_, index) => nest(inner, values.subarray(index * size, (index + 1) * size)));
}

function assertRefused(text: string | Uint8Array, message: RegExp, options?: ParseOptions): void {
  const bytes = typeof text === 'string' ? encoder.encode(text) : text;
  assert.throws(
    () => parseJson(bytes, options),
    (error) => {
      assert.ok(error instanceof AmaasError);
      assert.equal(error.reason, 'MALFORMED_REQUEST');
      assert.match(error.message, message);
      return true;
    },
  );
}

function packed(value: JsonValue | undefined): PackedNumbers {
  assert.ok(value instanceof PackedNumbers);
  return value;
}

test('parseJson reads every kind of value', () => {
  const value = parse(' {"a": null, "b": [true, false, "x"], "c": {"d": 7.5}, "e": [], "__proto__": 1} ');
  assert.ok(value instanceof Map);
  assert.equal(value.get('a'), null);
  assert.deepEqual(value.get('b'), [true, false, 'x']);
  assert.deepEqual(value.get('c'), new Map([['d', new JsonNumber(7.5, false, null)]]));
  assert.deepEqual(value.get('e'), []);
  assert.deepEqual(value.get('__proto__'), new JsonNumber(1, true, null));
});

test('parseJson packs rectangular nests of numbers and nothing else', () => {
  const nested = packed(parse('[[[1,2],[3,4]],[[5,6],[7,8]],[[9,10],[11,12]]]'));
  assert.deepEqual(nested.shape, [3, 2, 2]);
  assert.deepEqual([...nested.values], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  assert.equal(nested.areIntegers, true);
  assert.equal(nested.exact, null);
  assert.deepEqual(packed(parse('[[[ -7.5 ]]]')).shape, [1, 1, 1]);
  assert.ok(Array.isArray(parse('[]')));
  assert.ok(Array.isArray(parse('[[],[]]')));
  assert.ok(Array.isArray(parse('[1,"2"]')));

  const ragged = parse('[[[1,2],[3,4]],[[5,6,7],[8,9,1]],[[2]]]');
  assert.ok(Array.isArray(ragged));
  assert.deepEqual(
    ragged.map((item) => packed(item).shape),
    [
      [2, 2],
      [2, 3],
      [1, 1],
    ],
  );
  assert.deepEqual([...packed(ragged[1]).values], [5, 6, 7, 8, 9, 1]);

  const mixed = parse('[[1,2],[3,4],null,[5,6],7,[[8]]]');
  assert.ok(Array.isArray(mixed));
  assert.deepEqual(plain(mixed), [[1, 2], [3, 4], null, [5, 6], 7, [[8]]]);
});

test('parseJson keeps integers and fractions apart, per packed array', () => {
  assert.equal(packed(parse('[1,2.0]')).areIntegers, false);
  assert.equal(packed(parse('[1,2e0]')).areIntegers, false);
  assert.equal(packed(parse('[[1],[2]]')).areIntegers, true);
  const children = parse('[[1,2],[3.5,4],[5,6],null,[7.25]]');
  assert.ok(Array.isArray(children));
  assert.deepEqual(
    children.filter((item) => item instanceof PackedNumbers).map((item) => item.areIntegers),
    [true, false, true, false],
  );
  assert.deepEqual(parse('[1,2.0,null]'), [new JsonNumber(1, true, null), new JsonNumber(2, false, null), null]);
  assert.deepEqual(parse('-0'), new JsonNumber(-0, true, null));
});

test('parseJson keeps integers beyond 2^53 exact', () => {
  assert.deepEqual(parse('9007199254740991'), new JsonNumber(2 ** 53 - 1, true, null));
  assert.deepEqual(parse('9007199254740993'), new JsonNumber(9007199254740992, true, 9007199254740993n));
  assert.deepEqual(parse('-9223372036854775808'), new JsonNumber(-(2 ** 63), true, -(2n ** 63n)));
  const big = packed(parse('[[1,18446744073709551615],[-9223372036854775807,3]]'));
  assert.deepEqual(
    big.exact,
    new Map([
      [1, 2n ** 64n - 1n],
      [2, 1n - 2n ** 63n],
    ]),
  );
  const children = parse('[[1,9007199254740993],[9007199254740995,2],[3,4],"end"]');
  assert.ok(Array.isArray(children));
  assert.deepEqual(packed(children[0]).exact, new Map([[1, 9007199254740993n]]));
  assert.deepEqual(packed(children[1]).exact, new Map([[0, 9007199254740995n]]));
  assert.equal(packed(children[2]).exact, null);
});

test('parseJson takes NaN and the infinities when asked to, and only then', () => {
  const options = { allowNonFinite: true };
  const values = packed(parse('[NaN, Infinity, -Infinity, 1]', options));
  assert.deepEqual([...values.values], [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1]);
  assert.equal(values.areIntegers, false);
  assert.deepEqual(parse('NaN', options), new JsonNumber(Number.NaN, false, null));
  for (const text of ['NaN', '[1,NaN]', 'Infinity', '[-Infinity]']) assertRefused(text, /json: expected /);
  for (const text of ['-NaN', 'nan', 'Inf', '[1,Nan]', 'Infinit']) assertRefused(text, /json: expected /, options);
});

test('parseJson follows the strict grammar', () => {
  const wrong = [
    '01', '-01', '1.', '.5', '+1', '-', '1e', '1e+', '0x10', '1_0', '[1,]', '[,1]', '[1 2]', '{"a":1,}', '{a:1}', '{"a" 1}',
    '{"a":}', '[1', '[1,', '[[1],', '{', '{"a"', '{"a":1', '"', '"abc', 'nul', 'tru', 'True', "'a'", '[1]]', '1 2', '[1.]',
    '[00]', '[-]', '[1,2,03]', '[1.5e]', '[[1],[2]', '[[1][2]]', '"\\x"', '"\\u12g4"', '"\\u12', '"a\nb"', '"\u0000"', '',
    ' ', ']', '}', ':', ',', '/* */1', '\u00a01', '\ufeff1', '[1,"a]', '1a', '[1a]', '[1,2b]', '--1', '[--1]', '1.5.5', '1e5e5',
    '1e5.5',
  ]; // biome-ignore format: a list of words
  for (const text of wrong) assertRefused(text, /^json: expected .* at byte \d+/);
  const right = [
    '0',
    '-0',
    '0.0',
    '0e0',
    '1E5',
    '1e+5',
    '1e-05',
    '[0,-0.0]',
    '"\\u00e9\\n\\/"',
    '\t\r\n 1 ',
    '[ ]',
    '{ }',
    '[[ ] ]',
    '"\u007f"',
  ];
  for (const text of right) assert.deepEqual(plain(parse(text)), JSON.parse(text), text);
});

test('parseJson names the byte and what it found there', () => {
  assertRefused('[1, 2, x]', /^json: expected a value at byte 7, got 'x'$/);
  assertRefused('{"a": tru', /^json: expected a value at byte 6, got 't'$/);
  assertRefused('{"é" 1}', /^json: expected ":" after a key at byte 6, got '1'$/);
  assertRefused('[1', /^json: expected "," or "\]" at byte 2, got the end of the document$/);
  assertRefused('"a\tb"', /^json: expected no unescaped control character in a string at byte 2, got byte 0x09$/);
  assertRefused('[1] [2]', /^json: expected the end of the document at byte 4, got '\['$/);
  assertRefused('{"k":1,"k":2}', /^json: expected every key of an object once, got "k" again at byte 7$/);
  assertRefused('[1,1e999]', /^json: expected a number in the range of a double at byte 3$/);
});

test('parseJson options let trailing text and repeated keys pass', () => {
  assert.deepEqual(parse('{"a":1} trailing', { allowTrailing: true }), new Map([['a', new JsonNumber(1, true, null)]]));
  assert.deepEqual(plain(parse('[1,2]]]', { allowTrailing: true })), [1, 2]);
  assert.deepEqual(plain(parse('{"a":1,"a":2}', { allowDuplicateKeys: true })), { a: 2 });
});

test('parseJson reads strings as JSON.parse does', () => {
  const random = createRandom(5);
  const pieces = [
    'a',
    'Z',
    ' ',
    '/',
    '\\"',
    '\\\\',
    '\\n',
    '\\u0000',
    '\\u00e9',
    '\\uD83D\\uDE00',
    'é',
    '漢',
    '😀',
    '\u007f',
    'xyzxyzxyz',
  ];
  for (let round = 0; round < 3_000; round++) {
    const strings = Array.from({ length: random.integer(1, 6) }, () => {
      const length = random.pick([0, 1, 5, 40, 400]);
      return `"${Array.from({ length }, () => random.pick(pieces)).join('')}"`;
    });
    const text = `[${strings.join(', ')}]`;
    assert.deepEqual(parse(text), JSON.parse(text));
  }
  const long = 'x'.repeat(100_000);
  assert.equal(parse(JSON.stringify(long)), long);
});

test('parseJson refuses strings that are not text', () => {
  assertRefused('"\\ud800"', /^json: expected a pair of surrogates at byte 1, got \\ud800 alone$/);
  assertRefused('"\\udc00x"', /pair of surrogates/);
  assertRefused('"\\ud800\\u0041"', /pair of surrogates/);
  for (const bytes of [[0xff], [0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80]]) {
    assertRefused(Uint8Array.of(0x22, ...bytes, 0x22), /^json: expected UTF-8 in the string at byte 1/);
    assertRefused(Uint8Array.of(0x22, 0x5c, 0x6e, ...bytes, 0x22), /^json: expected UTF-8 in the string at byte 1/);
  }
});

test('parseJson refuses what is nested too deeply, however it is nested', () => {
  for (const [open, close] of [
    ['[', ']'],
    ['{"a":', '}'],
    ['[1,[2],', ']'],
    ['[[1],', ']'],
  ] as const) {
    assertRefused(open.repeat(100_000), /^json: expected at most 64 arrays and objects inside each other/);
    assertRefused(`${open.repeat(100_000)}1${close.repeat(100_000)}`, /at most 64/);
  }
  assert.deepEqual(packed(parse(`${'['.repeat(64)}1${']'.repeat(64)}`)).shape, Array(64).fill(1));
  assertRefused(`${'['.repeat(65)}1${']'.repeat(65)}`, /at most 64/);
  const deep = `${'[["x"],'.repeat(999)}[7]${']'.repeat(999)}`;
  assert.deepEqual(plain(parse(deep, { maxDepth: 1000 })), JSON.parse(deep));
});

const NUMBER_FORMS: readonly ((random: Random) => string)[] = [
  (random) => String(random.integer(-1000, 1000)),
  (random) => String(random.float64()),
  (random) => String(random.float32()),
  (random) => random.float32().toPrecision(random.integer(1, 21)),
  (random) => random.float64().toPrecision(random.integer(1, 40)),
  (random) => (random.uniform() * 10 ** random.integer(-8, 20)).toFixed(random.integer(0, 30)),
  (random) => digits(random, random.integer(1, 30)),
  (random) => `${digits(random, random.integer(1, 22))}.${digits(random, random.integer(1, 40))}`,
  (random) => `0.${'0'.repeat(random.integer(0, 30))}${digits(random, random.integer(1, 30))}`,
  (random) => `${digits(random, random.integer(1, 20))}${random.pick(['e', 'E'])}${random.integer(-330, 290)}`,
  (random) => `-${digits(random, 1)}.${digits(random, random.integer(6, 19))}e-${random.integer(0, 60)}`,
  (random) => halfwayDecimal(random),
];

function digits(random: Random, count: number): string {
  let text = String(random.integer(1, 9));
  while (text.length < count) text += String(random.integer(0, 9));
  return text;
}

/** A decimal at, or one last digit off, the exact middle between two doubles. */
function halfwayDecimal(random: Random): string {
  const places = random.integer(1, 24);
  const middle = (2n * BigInt(random.integer(2 ** 52, 2 ** 53 - 1)) + 1n) * 5n ** BigInt(places);
  const text = String(middle + BigInt(random.integer(-1, 1))).padStart(places + 1, '0');
  return `${text.slice(0, -places)}.${text.slice(-places)}`;
}

test('parseJson rounds numbers as Number(text) does', () => {
  const random = createRandom(20_24);
  for (let round = 0; round < 400; round++) {
    const tokens = Array.from({ length: random.integer(1, 400) }, () => random.pick(NUMBER_FORMS)(random)).filter(
      (text) => /^-?\d/.test(text) && Number.isFinite(Number(text)),
    );
    if (tokens.length === 0) continue;
    const { values } = packed(parse(`[${tokens.join(random.pick([',', ', ', ' ,\n']))}]`));
    for (const [index, text] of tokens.entries()) {
      assert.ok(Object.is(values[index], Number(text)), `${text} gave ${values[index]}`);
    }
    const [first = '0'] = tokens;
    const single = parse(first);
    assert.ok(single instanceof JsonNumber && Object.is(single.value, Number(first)), first);
    assert.equal(single.isInteger, /^-?\d+$/.test(first), first);
    const isBig = single.isInteger && !Number.isSafeInteger(single.value);
    assert.equal(single.exact, isBig ? BigInt(first) : null, first);
  }
});

test('parseJson equals JSON.parse on random documents', () => {
  const random = createRandom(77);
  function value(depth: number): unknown {
    const kind = random.integer(0, depth > 5 ? 3 : 7);
    if (kind === 0) return random.pick([null, true, false]);
    if (kind === 1) return random.pick(['', 'a', 'é"\\', 'x'.repeat(30)]);
    if (kind <= 3) return random.pick([0, -1, 2.5, 1e-7, 123456789, 1.7976931348623157e308]);
    if (kind === 4) {
      return Object.fromEntries(
        Array.from({ length: random.integer(0, 3) }, (_, key) => [`k${key}`, value(depth + 1)]),
      );
    }
    if (kind === 5) return Array.from({ length: random.integer(0, 5) }, () => value(depth + 1));
    const columns = random.integer(1, 4);
    return Array.from({ length: random.integer(1, 4) }, () =>
      Array.from({ length: random.uniform() < 0.1 ? 1 : columns }, () => random.integer(-9, 9)),
    );
  }
  for (let round = 0; round < 5_000; round++) {
    const expected = value(0);
    const text = JSON.stringify(expected, null, random.pick([0, 1]));
    assert.deepEqual(plain(parse(text)), expected, text);
  }
});

/** A view of `bytes` that counts how often they are read one by one. */
function countReads(bytes: Uint8Array): { readonly bytes: Uint8Array; reads(): number } {
  let reads = 0;
  const counting = new Proxy(bytes, {
    get(target, key) {
      if (typeof key === 'string' && /^\d+$/.test(key)) reads++;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  return { bytes: counting, reads: () => reads };
}

test('parseJson reads no byte again and again, however late an array fails to be rectangular', () => {
  const numbers = Array.from({ length: 4_000 }, (_, index) => index % 10).join(',');
  const rows = '[1,2],'.repeat(2_000);
  const documents = [
    `[${numbers}]`,
    `${'['.repeat(64)}${numbers},null${']'.repeat(64)}`,
    `${'['.repeat(63)}[${numbers}]${',null]'.repeat(63)}`,
    `${'['.repeat(62)}[${rows}[1,2,3]]${',[1]]'.repeat(62)}`,
    `${'['.repeat(62)}[${rows}7]${',[[1]]]'.repeat(62)}`,
    `[${'[1],[1,2],'.repeat(1_000)}1]`,
    `[${'[[1],[1,2]],'.repeat(1_000)}1]`,
    `[${'[[1,[2]],7],'.repeat(1_000)}1]`,
  ];
  for (const text of documents) {
    const counted = countReads(encoder.encode(text));
    assert.equal(JSON.stringify(plain(parseJson(counted.bytes))), text);
    assert.ok(
      counted.reads() < 8 * text.length,
      `${counted.reads()} reads of ${text.length} bytes: ${text.slice(0, 80)}`,
    );
  }
});

test('parseJson takes a megabyte of ragged rows', () => {
  const text = `${'['.repeat(40)}${'[1],[1,2],'.repeat(100_000)}null${']'.repeat(40)}`;
  assert.equal(JSON.stringify(plain(parse(text))), text);
});
