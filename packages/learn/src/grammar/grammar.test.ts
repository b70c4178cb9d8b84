// What cannot be a grammar is refused by name. Which texts the grammars let through is held against llama.cpp in conformance.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { grammarOfExpression, grammarOfJsonSchema } from './index.ts';

function refusal(schema: unknown): string {
  try {
    grammarOfJsonSchema(schema);
  } catch (thrown) {
    if (thrown instanceof Error) return thrown.message;
  }
  return 'not refused';
}

/** Keywords of the drafts that are not built. */
const UNSUPPORTED = [
  ...['not', 'allOf', 'oneOf', 'if', 'then', 'else', 'dependentSchemas', 'dependentRequired', 'dependencies'],
  ...[
    'patternProperties',
    'propertyNames',
    'minProperties',
    'maxProperties',
    'unevaluatedProperties',
    'unevaluatedItems',
  ],
  ...['contains', 'minContains', 'maxContains', 'uniqueItems', 'additionalItems', 'multipleOf'],
  ...[
    'contentEncoding',
    'contentMediaType',
    'contentSchema',
    '$dynamicRef',
    '$dynamicAnchor',
    '$anchor',
    '$vocabulary',
  ],
  ...['nullable', 'discriminator', 'something'],
];

test('grammarOfJsonSchema refuses every keyword it does not build, by name and place', () => {
  for (const keyword of UNSUPPORTED) {
    const inner = { type: 'object', properties: { a: { type: 'array', items: { [keyword]: {} } } } };
    assert.equal(refusal(inner), `schema: #/properties/a/items has the keyword "${keyword}", which is not supported`);
  }
});

test('grammarOfJsonSchema refuses what it cannot build together, and what is malformed', () => {
  const refused: readonly (readonly [unknown, string])[] = [
    [false, '# is false: nothing is valid by it'],
    ['string', '# must be an object or a boolean, got "string"'],
    [
      { type: 'text' },
      '#/type must be one of string, integer, number, boolean, null, object, array or a list of them, got "text"',
    ],
    [
      { type: 'number', maximum: 3 },
      '# has the keyword "maximum" of numbers that are not whole, other than minimum 0, which is not supported',
    ],
    [
      { type: 'string', format: 'hostname' },
      '# has the keyword "format" "hostname"; supported are date, time, date-time, uuid, ipv4, email, which is not supported',
    ],
    [
      { type: 'string', pattern: '^a$', maxLength: 3 },
      '# has the keyword "pattern" beside minLength, maxLength or format, which is not supported',
    ],
    [{ enum: ['a'], minLength: 3 }, '# has the keyword "minLength" beside const or enum, which is not supported'],
    [{ enum: [] }, '#/enum must be a list of at least one value'],
    [{ type: 'integer', enum: ['a'] }, '# allows none of its values'],
    [{ type: 'integer', minimum: 2.2, maximum: 2.8 }, '# allows no whole number between its bounds'],
    [{ type: 'string', minLength: 3, maxLength: 2 }, '# allows no string: minLength 3 is more than maxLength 2'],
    [{ type: 'string', maxLength: -1 }, '#/maxLength must be a whole number of at least 0, got -1'],
    [{ items: {}, minItems: 3, maxItems: 2 }, '# allows no list: minItems 3 is more than 2'],
    [{ anyOf: [{}], type: 'string' }, '# has the keyword "type" beside anyOf, which is not supported'],
    [{ $ref: '#/$defs/a', minLength: 1 }, '# has the keyword "minLength" beside $ref, which is not supported'],
    [
      { $ref: 'https://example.org/a' },
      '#/$ref must be a reference into the schema itself, such as #/$defs/name, got "https://example.org/a"',
    ],
    [{ $ref: '#/$defs/a' }, '#/$ref refers to nothing: #/$defs/a'],
    [{ $ref: '#' }, '#/$ref refers to itself without anything between: #'],
    [
      { $defs: { a: { anyOf: [{ $ref: '#/$defs/b' }] }, b: { $ref: '#/$defs/a' } }, $ref: '#/$defs/a' },
      '#/$defs/b/$ref refers to itself without anything between: #/$defs/a',
    ],
    [
      { properties: { a: {} }, required: ['b'], additionalProperties: false },
      '#/required asks for "b", which is not allowed',
    ],
  ];
  for (const [schema, message] of refused) assert.equal(refusal(schema), `schema: ${message}`);
  let deep: object = {};
  for (let depth = 0; depth < 100; depth++) deep = { items: deep };
  assert.match(refusal(deep), /is nested more than 64 deep$/);
  const wide = {
    properties: Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`property number ${index}`, {}])),
  };
  assert.match(refusal(wide), /more than 200000 characters/);
});

test('grammarOfExpression refuses what is not regular, or malformed, by what and where', () => {
  const refused: readonly (readonly [string, string])[] = [
    ['(?=a)b', 'an assertion or a group with flags (at 2)'],
    ['(a)\\1', 'the escape \\1 (at 5)'],
    ['a\\b', 'the escape \\b (at 3)'],
    ['a**', 'two quantifiers in a row (at 2)'],
    ['(a', 'a ( without its ), or $ inside (at 2)'],
    ['a)', 'a ) without its ( (at 1)'],
    ['[a', 'a [ without its ] (at 2)'],
    ['[z-a]', 'a range of characters that goes backwards (at 4)'],
    ['a{3,2}', 'the quantifier {3,2} (at 1)'],
    ['a{99999}', 'the quantifier {99999}, more than 2000 times (at 1)'],
    ['a^b', '^ inside (at 1)'],
    ['^a|b$', '| beside ^ or $; use ^(?:…|…)$ (at 5)'],
    ['\\p{L}', 'the escape \\p (at 2)'],
    ['[^\\s\\S]', 'a class without any character (at 7)'],
    ['+', 'a + with nothing to repeat (at 0)'],
    ['('.repeat(50_000), 'groups nested more than 200 deep (at 201)'],
  ];
  for (const [source, what] of refused) {
    assert.throws(() => grammarOfExpression(source), {
      reason: 'INVALID_ARGUMENT',
      message: `regex: the regular expression ${JSON.stringify(source)} has ${what}, which is not supported`,
    });
  }
});
