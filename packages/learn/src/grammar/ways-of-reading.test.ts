// Which grammars are refused because llama.cpp would go through too many ways of reading a text. That the widest of those let
// through do not hold it is tried with llama.cpp itself, in the slow test of answer grammars.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  checkWaysOfReading,
  grammarOfExpression,
  grammarOfJsonObject,
  grammarOfJsonSchema,
  readWrittenGrammar,
} from './index.ts';

const TOO_MANY = /^grammar: the rule ".+" reads ".*" in too many ways; let each text be read in one or a few$/;
const repeat = (count: number, part: string, between: string): string =>
  Array.from({ length: count }, () => part).join(between);

function checkWritten(grammar: string): void {
  const { rules, root } = readWrittenGrammar(grammar);
  checkWaysOfReading(`root ::= ${root}\n${rules}`);
}

test('checkWaysOfReading refuses expressions whose ways of reading a text multiply', () => {
  const refused = [
    '(a?){300}',
    '([a-z ]?){30}',
    `(${repeat(30, '[a-z]', '|')}){3}`,
    `(${repeat(300, 'abc', '|')})*`,
    `(${repeat(100, '----', '|')})*`,
    '( +,?)*',
    '(-|-)*',
    '(-{1,50}){1,30}',
    '(x{0,300}){0,300}',
    `begin .{0,200} (${repeat(40, '[ab]', '|')}){40} end`,
    Array.from({ length: 5000 }, (_, index) => `too many choices ${index}`).join('|'),
    `(one|two|three|(${repeat(3, '\\*', '|')}){30})`,
  ];
  for (const source of refused) {
    const check = (): number => checkWaysOfReading(grammarOfExpression(source));
    assert.throws(check, { reason: 'INVALID_ARGUMENT', message: TOO_MANY }, source);
  }
});

test('checkWaysOfReading lets through expressions that people write, in several ways or not', () => {
  const accepted = [
    ...['.*foo.*bar.*', '[a-z]*[a-z]*[a-z]*', '(a*)*', '((a?)*)*', '[A-Za-z ,.]{1,500}', '(ab|a|b)?', 'x{0,2000}'],
    ...['\\d{3}-\\d{3,4}(-\\d+)?', '([A-Z][a-z]+ ?){1,5}', '[A-Z][a-z]+( [A-Z][a-z]+)*', '(\\w+\\s?)*', '(a|b|ab)*'],
    ...['\\w+([.-]?\\w+)*@\\w+([.-]?\\w+)*(\\.\\w{2,3})+', '(https?://)?([\\w-]+\\.)+[a-z]{2,6}(/[^ ]*)?', ''],
    ...['(\\+\\d{1,2}\\s)?\\(?\\d{3}\\)?[\\s.-]\\d{3}[\\s.-]\\d{4}', '(- [^\\n]+\\n)+', '(#{1,6} .+\\n)+(.*\\n)*'],
    Array.from({ length: 1500 }, (_, index) => `choice number ${index}`).join('|'),
  ];
  for (const source of accepted) checkWaysOfReading(grammarOfExpression(source));
});

test('checkWaysOfReading lets through what schemas become, and refuses those of alternatives without end', () => {
  const names = Array.from({ length: 30 }, (_, index) => `property${index}`);
  const types = { type: ['string', 'integer', 'number', 'null', 'boolean', 'array', 'object'] };
  const properties = Object.fromEntries(names.map((name) => [name, types]));
  const node = {
    properties: {
      name: { type: 'string', maxLength: 2000 },
      parts: { items: { $ref: '#/$defs/node' } },
      by: { type: 'object', additionalProperties: { $ref: '#/$defs/node' } },
    },
  };
  const accepted = [
    ...[{}, { properties }, { properties, required: names }, { $defs: { node }, $ref: '#/$defs/node' }],
    ...[{ enum: names }, { anyOf: names.map((name) => ({ properties: { [name]: types } })) }],
    ...[{ prefixItems: names.map(() => ({ type: 'integer' })) }, { items: { format: 'email' }, maxItems: 1000 }],
    { items: { type: 'integer', minimum: -12, maximum: 1234567 }, minItems: 3 },
    { type: 'string', pattern: 'some.*thing' },
    { items: { type: ['integer', 'number'] } },
  ];
  checkWaysOfReading(grammarOfJsonObject());
  for (const schema of accepted) checkWaysOfReading(grammarOfJsonSchema(schema), { mayBeLarge: true });
  const refused = { items: { anyOf: Array.from({ length: 40 }, () => ({ type: 'integer', minimum: 0 })) } };
  assert.throws(() => checkWaysOfReading(grammarOfJsonSchema(refused), { mayBeLarge: true }), { message: TOO_MANY });
  assert.throws(() => grammarOfJsonSchema({ type: 'string', pattern: '^(-?){300}$' }), { message: TOO_MANY });
});

test('checkWaysOfReading names the rule and the text, as the caller wrote them', () => {
  const alternatives = repeat(300, '"x"?', ' | ');
  const grammar = `root ::= "<" many ">"\nmany ::= one{9}\none ::= ${alternatives}`;
  assert.throws(() => checkWritten(grammar), {
    reason: 'INVALID_ARGUMENT',
    message: 'grammar: the rule "root" reads "x" in too many ways; let each text be read in one or a few',
    details: { rule: 'root' },
  });
  checkWritten(`root ::= one\none ::= ${alternatives}`); // once is not too often
  checkWritten('root ::= (expr "=" [0-9]+ "\\n")+\nexpr ::= [a-z]+ | "(" expr ([-+*/] expr)? ")"');
});

test('checkWaysOfReading refuses ways that never meet again', () => {
  const grammar = 'root ::= [a-z ] root "b" | [a-z ] root "c" | [a-z ]';
  assert.throws(() => checkWritten(grammar), { reason: 'INVALID_ARGUMENT', message: TOO_MANY });
});

test('checkWaysOfReading refuses rules that begin with themselves, also where llama.cpp does not notice', () => {
  const refused: readonly (readonly [grammar: string, message: RegExp])[] = [
    ['root ::= a\na ::= a "x" | "y"', /the rule "a" begins with itself$/],
    ['root ::= a\na ::= ("b" | ) a "x" | "y"', /the rule "a" begins with itself$/],
    ['root ::= a\na ::= b a "x" | "y"\nb ::= "c"?', /the rule "(root|a)" begins with itself, or goes on/],
    [
      [
        'root ::= r0',
        ...Array.from({ length: 40 }, (_, i) => `r${i} ::= r${i + 1} | r${i + 1} "x"`),
        'r40 ::= "y"',
      ].join('\n'),
      /too many rules begin with one another/,
    ],
    [
      ['root ::= r0', ...Array.from({ length: 9000 }, (_, i) => `r${i} ::= r${i + 1}`), 'r9000 ::= "y"'].join('\n'),
      /more than 4096 rules begin with one another/,
    ],
  ];
  for (const [grammar, message] of refused) {
    assert.throws(() => checkWritten(grammar), { reason: 'INVALID_ARGUMENT', message }, grammar.slice(0, 60));
  }
  checkWritten('root ::= ("a" root)? b\nb ::= b2 "c" b | ""\nb2 ::= "d"?');
});

test('checkWaysOfReading refuses what takes too much memory or time itself', () => {
  const message = /take more than 500000 elements$/;
  assert.throws(() => checkWritten(`root ::= "${'x'.repeat(50_000)}"{0,2000}`), { message });
  const properties = Object.fromEntries(
    Array.from({ length: 400 }, (_, index) => [`p${index}`, { type: ['string', 'integer', 'null'] }]),
  );
  const schema = grammarOfJsonSchema({ properties });
  assert.throws(() => checkWaysOfReading(schema), { message: /takes too long to find out/ });
  checkWaysOfReading(schema, { mayBeLarge: true });
});

test('addJsonSchema bounds what finding out about all its patterns takes', () => {
  const patterns = (count: number) => ({
    properties: Object.fromEntries(
      Array.from({ length: count }, (_, index) => [`p${index}`, { pattern: `^(\\w+\\s?){1,9}${index}$` }]),
    ),
  });
  grammarOfJsonSchema(patterns(3));
  assert.throws(() => grammarOfJsonSchema(patterns(3000)), { message: /takes too long to find out/ });
});
