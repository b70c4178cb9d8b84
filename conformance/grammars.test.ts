// Grammars held against llama.cpp's own reading of them: which texts they let through.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { grammarOfExpression, grammarOfJsonObject, grammarOfJsonSchema } from '@amaas/learn/grammar';
import { loadBinding } from '../packages/engines/llama/src/binding.ts';

const binding = await loadBinding(() => {});
const compile = (grammar: string) => new binding.AddonGrammar(grammar, { addonExports: binding });

/** Schema, values that are valid by it, and values that are not. */
const SCHEMAS: readonly (readonly [
  schema: object | boolean,
  valid: readonly unknown[],
  invalid: readonly unknown[],
])[] = [
  [true, [null, 1, 'x', [1, { a: [] }], {}], []],
  [{ type: 'null' }, [null], [0, 'null']],
  [{ type: 'boolean' }, [true, false], [0, 'true']],
  [{ type: 'string' }, ['', 'a"b\\c\n\u{1f600}\u0007ü'], [1, null]],
  [{ type: 'string', minLength: 2, maxLength: 3 }, ['ab', 'a"\n'], ['a', 'abcd', '']],
  [{ type: 'string', minLength: 2 }, ['ab', 'abcdefg'], ['', 'a']],
  [{ type: 'string', pattern: '^a.c$' }, ['abc', 'a"c', 'a\\c'], ['ac', 'xabc', 'a\nc']],
  [{ type: 'string', pattern: 'b+' }, ['abc', 'bb', '"b\n'], ['', 'ac']],
  [{ type: 'string', pattern: '^(?:yes|no)(?:, \\w{1,3})?$' }, ['yes', 'no, ab_'], ['maybe', 'yes, ', 'yes, abcd']],
  [{ type: 'string', pattern: '^[^a-z"]+$' }, ['AB1', '\u00e9\n'], ['a', '"', '']],
  [{ type: 'string', pattern: '^[\\d\\-.]{3,}\\s?$' }, ['1.2', '1-2-3 '], ['12', '1x3']],
  [
    { type: 'string', format: 'date' },
    ['2024-02-29', '1999-12-31', '2023-04-30'],
    ['2023-02-29', '2023-04-31', '2023-13-01'],
  ],
  [{ type: 'string', format: 'time' }, ['23:59:59Z', '00:00:00.123+02:30'], ['24:00:00Z', '10:00:00']],
  [{ type: 'string', format: 'date-time' }, ['2024-02-29T12:30:00Z'], ['2024-02-29 12:30:00Z', '2024-02-30T12:30:00Z']],
  [{ type: 'string', format: 'uuid' }, ['123e4567-e89b-12d3-a456-426614174000'], ['123e4567e89b12d3a456426614174000']],
  [{ type: 'string', format: 'ipv4' }, ['0.0.0.0', '255.199.20.1'], ['256.0.0.1', '1.2.3', '01.2.3.4']],
  [{ type: 'string', format: 'email' }, ['a.b@example.org'], ['@example.org', 'a@b', 'a@-b.org']],
  [{ type: 'integer' }, [0, -1, 123456789012345], [1.5, '1']],
  [{ type: 'integer', minimum: 0 }, [0, 7, 100], [-1]],
  [{ type: 'integer', exclusiveMinimum: 0, maximum: 10 }, [1, 9, 10], [0, 11, -5]],
  [{ type: 'integer', minimum: -12, maximum: 105 }, [-12, -9, 0, 99, 105], [-13, 106]],
  [{ type: 'integer', minimum: 1.5, exclusiveMaximum: 4 }, [2, 3], [1, 4]],
  [{ type: 'integer', maximum: -3 }, [-3, -4, -100], [-2, 0, 3]],
  [{ type: 'number' }, [0, -1.5, 1e10, 2.5e-7], ['1']],
  [{ type: 'number', minimum: 0 }, [0, 1.5], [-1.5]],
  [{ enum: ['a', 1, null, { b: [2] }] }, ['a', 1, null, { b: [2] }], ['b', 2, { b: [3] }]],
  [{ type: 'string', enum: ['a', 1] }, ['a'], [1]],
  [{ const: 'only "this"' }, ['only "this"'], ['other']],
  [{ type: ['string', 'null'], maxLength: 1 }, ['', 'a', null], ['ab', 1]],
  [{ anyOf: [{ type: 'integer' }, { type: 'string', maxLength: 1 }] }, [3, 'x'], ['xx', null]],
  [{ type: 'array' }, [[], [1, 'a', []]], [{}]],
  [
    { type: 'array', items: { type: 'integer' }, minItems: 1, maxItems: 3 },
    [[1], [1, 2, 3]],
    [[], [1, 2, 3, 4], ['a']],
  ],
  [
    { type: 'array', items: { type: 'integer' }, minItems: 2 },
    [
      [1, 2],
      [1, 2, 3, 4],
    ],
    [[1], []],
  ],
  [{ prefixItems: [{ type: 'integer' }, { type: 'string' }], items: false }, [[], [1], [1, 'a']], [['a'], [1, 'a', 2]]],
  [
    { prefixItems: [{ type: 'integer' }], items: { type: 'null' }, minItems: 2, maxItems: 3 },
    [
      [1, null],
      [1, null, null],
    ],
    [[1], [1, 2]],
  ],
  [{ type: 'object' }, [{}, { a: 1, b: { c: [] } }], [[]]],
  [{ type: 'object', additionalProperties: { type: 'integer' } }, [{}, { a: 1, b: 2 }], [{ a: 'x' }]],
  [{ type: 'object', additionalProperties: false }, [{}], [{ a: 1 }]],
  [
    { properties: { a: { type: 'integer' }, b: { type: 'null' }, c: { type: 'string' } }, required: ['b'] },
    [{ b: null }, { a: 1, b: null }, { b: null, c: 'x' }, { a: 1, b: null, c: '' }],
    [{}, { a: 1 }, { a: 'x', b: null }, { b: null, d: 1 }],
  ],
  [
    { properties: { a: { type: 'integer' }, b: { type: 'null' } } },
    [{}, { a: 1 }, { b: null }, { a: 1, b: null }],
    [{ a: 1, b: 2 }],
  ],
  [{ type: 'object', required: ['x'] }, [{ x: 1 }, { x: [] }], [{}]],
  [
    {
      $ref: '#/$defs/tree',
      $defs: {
        tree: { properties: { v: { type: 'integer' }, kids: { items: { $ref: '#/$defs/tree' } } }, required: ['v'] },
      },
    },
    [{ v: 1 }, { v: 1, kids: [{ v: 2, kids: [] }, { v: 3 }] }],
    [{}, { v: 1, kids: [{}] }],
  ],
  // Names that the rules themselves use.
  [
    { properties: { object: { type: 'object' }, char: { type: 'object', properties: { ws: { type: 'null' } } } } },
    [{ object: { q: 1 }, char: { ws: null } }],
    [{ char: { ws: 1 } }],
  ],
];

test('grammarOfJsonSchema lets through what is valid by the schema, compact and in lines, and nothing else', () => {
  for (const [schema, valid, invalid] of SCHEMAS) {
    const grammar = compile(grammarOfJsonSchema(schema));
    for (const value of valid) {
      // Constants come as JSON.stringify writes them.
      for (const space of typeof schema === 'object' && 'enum' in schema ? [0] : [0, 2]) {
        const text = JSON.stringify(value, null, space);
        assert.ok(grammar.isTextCompatible(text), `${JSON.stringify(schema)} refuses ${text}`);
      }
    }
    for (const value of invalid) {
      const text = JSON.stringify(value);
      assert.ok(!grammar.isTextCompatible(text), `${JSON.stringify(schema)} lets ${text} through`);
    }
    for (const text of ['', '{', 'true false', '"\ud800', '01']) assert.ok(!grammar.isTextCompatible(text), text);
  }
});

test('grammarOfJsonObject lets objects through and nothing else', () => {
  const grammar = compile(grammarOfJsonObject());
  for (const text of ['{}', '{"a": [1, {"b": null}]}', '{ "x":"\\u00e9" }']) assert.ok(grammar.isTextCompatible(text));
  for (const text of ['[]', '1', '{"a"}', '{"a":1,}', '{"a":"\\ud800"}'])
    assert.ok(!grammar.isTextCompatible(text), text);
});

test('grammarOfExpression lets through what the whole expression matches', () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    [
      '(?:\\+\\d{1,3} )?\\d{3}-[0-9]{4}|none',
      ['+49 123-4567', '123-4567', 'none', '123-456', '', 'nonee', '+1234 123-4567'],
    ],
    ['a{2,}b?c*', ['aa', 'aab', 'aaaccc', 'a', 'aabb']],
    ['(?<year>\\d{4})-(?:0[1-9]|1[0-2])', ['2024-01', '2024-13', '2024-1']],
    ['[\\w.-]+@[^@\\s]+', ['a.b-c@d', 'a@b c', '@x']],
    ['\\u00e9\\x41\\u{1F600}.', ['éA😀x', 'éA😀\n', 'éA']],
    ['', ['', 'x']],
  ];
  for (const [source, texts] of cases) {
    const grammar = compile(grammarOfExpression(source));
    const expression = new RegExp(`^(?:${source})$`, 'u');
    for (const text of texts) assert.equal(grammar.isTextCompatible(text), expression.test(text), `${source}: ${text}`);
  }
});
