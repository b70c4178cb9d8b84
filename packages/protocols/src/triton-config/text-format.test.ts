import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTextFormat, type TextMessage, type TextValue } from './text-format.ts';

/** Messages as arrays of [field, values], so that tests can compare them at a glance. */
function plain(message: TextMessage): unknown {
  return [...message].map(([name, values]) => [name, values.map(plainValue)]);
}

function plainValue(value: TextValue): unknown {
  switch (value.kind) {
    case 'message':
      return plain(value.fields);
    case 'text':
      return value.text;
    case 'number':
      return value.value;
    case 'word':
      return `word ${value.word}`;
    default:
      return value satisfies never;
  }
}

function assertParses(text: string, expected: unknown): void {
  assert.deepEqual(plain(parseTextFormat(text)), expected);
}

test('parseTextFormat reads fields, lists and messages in every notation', () => {
  assertParses('a: 1 b: 2', [
    ['a', [1]],
    ['b', [2]],
  ]);
  assertParses('a: 1, b: 2; c: 3,', [
    ['a', [1]],
    ['b', [2]],
    ['c', [3]],
  ]);
  assertParses('m { a: 1 } m: { a: 2 } m < a: 3 > m: <>', [['m', [[['a', [1]]], [['a', [2]]], [['a', [3]]], []]]]);
  assertParses('a: [1, 2] a: 3 a: []', [['a', [1, 2, 3]]]);
  assertParses('m [ { a: 1 }, < a: 2 > ]', [['m', [[['a', [1]]], [['a', [2]]]]]]);
  assertParses('m{n{o{a:TYPE_FP32}}}', [['m', [[['n', [[['o', [[['a', ['word TYPE_FP32']]]]]]]]]]]]);
  assertParses('', []);
  assertParses('\uFEFF# only a comment', []);
  assertParses('a: 1 # comment with "quotes" { [\r\n\t b: 2', [
    ['a', [1]],
    ['b', [2]],
  ]);
  assertParses('__proto__: 1', [['__proto__', [1]]]);
});

test('parseTextFormat reads numbers', () => {
  assertParses('a: [-1, - 2, 0x1F, 010, 0, 1.5, -2.5e-3, .5, 3., 4f, 1e3F]', [
    ['a', [-1, -2, 31, 8, 0, 1.5, -0.0025, 0.5, 3, 4, 1000]],
  ]);
  assertParses('a: -inf b: inf', [
    ['a', [Number.NEGATIVE_INFINITY]],
    ['b', ['word inf']],
  ]);
});

test('parseTextFormat reads texts: quotes, escapes, joining', () => {
  assertParses(`a: "x" 'y' "z" b: ''`, [
    ['a', ['xyz']],
    ['b', ['']],
  ]);
  assertParses(String.raw`a: "\"\'\\\n\t\x41\101\u00e9\U0001F388\xc3\xa9 é"`, [['a', [`"'\\\n\tAAé🎈é é`]]]);
  assertParses(`a: "it's" b: 'say "no"'`, [
    ['a', ["it's"]],
    ['b', ['say "no"']],
  ]);
});

test('parseTextFormat says on which line it failed', () => {
  const refuse = (text: string, message: RegExp): void =>
    assert.throws(() => parseTextFormat(text), { reason: 'INVALID_CONFIG', message });
  refuse('a: 1\nb 2', /^config\.pbtxt line 2: expected ":" after b, got "2"$/);
  refuse('a: {\n b: 1\n', /line 3: expected a field name or "}", got the end/);
  refuse('a < b: 1 }', /expected a field name or ">", got "}"/);
  refuse('a: [1, 2', /expected "," or "]", got the end/);
  refuse('a: [1,]', /expected a value, got "]"/);
  refuse('a:', /expected a value, got the end/);
  refuse('a: -x', /expected a number after "-", got x/);
  refuse('a: - "x"', /expected a number, got "x"/);
  refuse('a: 1x', /cannot read "1x"/);
  refuse('a: 1.2.3', /cannot read "1.2.3"/);
  refuse('# fine\n\na: "open\n"', /line 3: cannot read "\\"open"/);
  refuse('{"name": "json"}', /line 1: expected a field name, got "{"/);
  refuse('}', /expected a field name, got "}"/);
  refuse(String.raw`a: "\q"`, /unknown escape \\q/);
  refuse(String.raw`a: "\xff"`, /a text is not valid UTF-8/);
  refuse(String.raw`a: "\U00110000"`, /code 00110000 is no Unicode character/);
  refuse(String.raw`a: "\ud800"`, /code d800 is no Unicode character/);
});

test('parseTextFormat survives depth and length', () => {
  assert.throws(() => parseTextFormat('a{'.repeat(100_000)), /messages nest deeper than 32/);
  assert.throws(() => parseTextFormat(`a: ${'['.repeat(100_000)}`), /expected a value, got "\["/);
  assert.throws(() => parseTextFormat(`a: "${'x'.repeat(2 ** 20)}"`), /at most 1048576 are read/);
  assert.equal(parseTextFormat(`a: "${'\\n'.repeat(2 ** 18)}"${' '.repeat(2 ** 18)}`).size, 1);
  assert.equal(parseTextFormat('# \n'.repeat(2 ** 18)).size, 0);
});
