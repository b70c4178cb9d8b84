// A thousand schemas made by a seeded generator, and a small model that writes by each of them: whatever it finishes is valid.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { LanguageModel } from '@amaas/core';
import { LlamaEngine } from '@amaas/engine-llama';
import { createRandom, type Random } from '@amaas/learn/statistics';
import { grammarOfJsonSchema } from '@amaas/learn/grammar';
import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { sharedDataPath, skipWithoutSharedData } from '../tools/test-data.ts';

const MODEL = 'llm/stories260K.gguf';
const skip = skipWithoutSharedData(MODEL);
const SCHEMAS = 1000;
const engine = new LlamaEngine();
let model: LanguageModel;

before(async () => {
  if (skip) return;
  const options = {
    maxMemoryBytes: 1e9,
    maxLoadMs: 60_000,
    maxQueueSize: 10_000,
    contextTokens: 256,
    parallel: 8,
    threads: 1,
  };
  model = await engine.load({ label: 'stories', modelPath: sharedDataPath(MODEL) }, options);
});
after(() => engine.dispose());

const NAMES = ['name', 'age', 'tags', 'a b', 'quote"d', 'größe', 'x', 'constructor', 'length'];

function madeSchema(random: Random, depth: number): object {
  const whole = (most: number): number => random.integer(most + 1);
  const one = <T>(...choices: readonly T[]): T => choices[random.integer(choices.length)] as T; // it lies inside
  const inner = (): object => madeSchema(random, depth - 1);
  const leaves = [
    () => ({
      type: 'string',
      ...one({}, { minLength: whole(3) }, { maxLength: 1 + whole(8) }, { minLength: 2, maxLength: 6 }),
    }),
    () => ({
      type: 'string',
      pattern: one('^[A-Z]{2,4}$', '^\\d+(\\.\\d{1,2})?$', 'cat|dog', '^(?:yes|no)$', '^[^"\\\\]{0,5}$'),
    }),
    () => ({ type: 'string', format: one('date', 'time', 'date-time', 'uuid', 'ipv4', 'email') }),
    () => {
      const from = whole(2000) - 1000;
      return { type: 'integer', minimum: from, ...one({}, { maximum: from + whole(500) }) };
    },
    () => ({ type: 'integer', exclusiveMaximum: whole(50), ...one({}, { exclusiveMinimum: -1 - whole(100) }) }),
    () => ({ type: 'number', ...one({}, { minimum: 0 }) }),
    () => ({ type: one('boolean', 'null') }),
    () => ({ enum: [one<unknown>('red', 1.5, null), 'gr"een', [1, 'a'], { b: true }].slice(whole(3)) }),
    () => ({ const: one<unknown>('fixed', 42, { a: [null] }) }),
    () => ({ type: ['integer', 'null'] }),
    () => ({}),
  ] as const;
  if (depth <= 0) return one(...leaves)();
  const nodes = [
    () => {
      const properties = Object.fromEntries(NAMES.filter(() => whole(2) === 0).map((name) => [name, inner()]));
      const required = Object.keys(properties).filter(() => whole(1) === 0);
      return { type: 'object', properties, required, ...one({}, { additionalProperties: false }) };
    },
    () => ({ type: 'object', additionalProperties: one<unknown>(true, inner()) }),
    () => ({
      type: 'array',
      items: inner(),
      ...one({}, { minItems: whole(2) }, { minItems: 1, maxItems: 1 + whole(3) }),
    }),
    () => ({ type: 'array', prefixItems: [inner(), inner()], items: one<unknown>(false, inner()), minItems: whole(2) }),
    () => ({ anyOf: [inner(), inner()] }),
    () => ({
      $defs: { node: { type: 'object', properties: { v: inner(), next: { $ref: '#/$defs/node' } }, required: ['v'] } },
      $ref: '#/$defs/node',
    }),
    ...leaves,
  ] as const;
  return one(...nodes)();
}

test(`what a model writes by ${SCHEMAS} schemas is valid by them`, { skip }, async () => {
  const random = createRandom('schemas');
  const schemas = Array.from({ length: SCHEMAS }, () => {
    const schema = madeSchema(random, 3);
    // References are meant from the outermost schema.
    return JSON.stringify(schema).includes('$ref') && !('$ref' in schema) ? madeSchema(random, 0) : schema;
  });
  let finished = 0;
  let values = 0;
  await Promise.all(
    schemas.map(async (schema, seed) => {
      let text = '';
      let reason = '';
      const request = {
        prompt: [{ text: 'Once upon a time', special: false }],
        grammar: grammarOfJsonSchema(schema),
        maxTokens: 100,
        sampling: { temperature: 1.5, seed },
      };
      for await (const event of model.generate(request)) {
        if (event.type === 'text') text += event.text;
        if (event.type === 'ended') ({ reason } = event);
      }
      if (reason !== 'stop') return;
      finished++;
      const ajv = new Ajv2020({ strict: false, validateFormats: true, ownProperties: true });
      addFormats.default(ajv);
      const value: unknown = JSON.parse(text);
      if (typeof value === 'object' && value !== null) values++;
      assert.ok(
        ajv.validate(schema, value),
        `seed ${seed}: ${JSON.stringify(schema)} got ${text}: ${ajv.errorsText()}`,
      );
    }),
  );
  assert.ok(
    finished > SCHEMAS / 2 && values > SCHEMAS / 10,
    `${finished} of ${SCHEMAS} ended, ${values} with structure`,
  );
});
