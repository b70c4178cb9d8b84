import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldsHtml, proseHtml, typeHtml } from './docs-schema.ts';

test('typeHtml says in words what a schema allows', () => {
  const cases: readonly (readonly [object, string])[] = [
    [{}, 'anything'],
    [{ type: 'string' }, 'string'],
    [{ type: 'integer', minimum: 1, maximum: 9 }, 'integer\u00a0≥\u00a01\u00a0≤\u00a09'],
    [{ type: 'integer', minimum: 1, maximum: Number.MAX_SAFE_INTEGER }, 'integer\u00a0≥\u00a01'],
    [{ type: 'number', exclusiveMinimum: 0 }, 'number\u00a0&gt;\u00a00'],
    [{ type: 'string', pattern: '^<a>$' }, 'string <code>^&lt;a&gt;$</code>'],
    [{ enum: ['a', 'b'] }, '<code>&quot;a&quot;</code> or <code>&quot;b&quot;</code>'],
    [{ const: true }, '<code>true</code>'],
    [{ anyOf: [{ type: 'string' }, { type: 'null' }] }, 'string or null'],
    [{ type: 'array', items: { type: 'array', items: { type: 'number' } } }, 'array of array of number'],
    [{ type: 'object', patternProperties: { '^.*$': { type: 'number' } } }, 'map of number'],
    [{ $ref: '#/components/schemas/Model' }, '<a href="#schema-Model">Model</a>'],
  ];
  for (const [schema, html] of cases) assert.equal(typeHtml({ ...schema }), html);
});

test('fieldsHtml lists the fields of an object, those inside it below them, and marks what may be left out', () => {
  const html = fieldsHtml({
    type: 'object',
    required: ['a'],
    properties: {
      a: { type: 'array', items: { type: 'object', properties: { inner: { type: 'string' } } } },
      b: { type: 'string', description: 'Either `x` or <y>.' },
    },
  });
  assert.equal(html.match(/<ul class="fields">/g)?.length, 2);
  assert.match(
    html,
    /<code class="name">a<\/code> <span class="type">array of object<\/span><ul class="fields"><li><code class="name">inner/,
  );
  assert.match(
    html,
    /<code class="name">b<\/code> <span class="type">string<\/span> <span class="optional">optional<\/span><p>Either <code>x<\/code> or &lt;y&gt;\.<\/p>/,
  );
  assert.equal(fieldsHtml({ type: 'string' }), '');
});

test('proseHtml escapes everything and marks code', () => {
  assert.equal(proseHtml('`<script>` & "x"'), '<code>&lt;script&gt;</code> &amp; &quot;x&quot;');
});
