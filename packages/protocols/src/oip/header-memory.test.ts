import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonValue } from '../json/index.ts';
import { createInferDecoder } from './decode-request.ts';
import { HeaderMemory } from './header-memory.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

test('HeaderMemory.recall parses a header once while it is among the last few', () => {
  const memory = new HeaderMemory();
  const parsed: string[] = [];
  const parse = (header: Uint8Array): JsonValue => {
    parsed.push(new TextDecoder().decode(header));
    return new Map([['header', parsed.length > 0]]);
  };
  const first = memory.recall(bytes('{"a":1}'), parse);
  assert.equal(memory.recall(bytes('{"a":1}'), parse), first);
  assert.notEqual(memory.recall(bytes('{"a":2}'), parse), first);
  assert.notEqual(memory.recall(bytes('{"b":1}'), parse), first);
  assert.deepEqual(parsed, ['{"a":1}', '{"a":2}', '{"b":1}']);
  for (let index = 0; index < 8; index++) memory.recall(bytes(`{"c":${index}}`), parse);
  memory.recall(bytes('{"a":1}'), parse);
  assert.equal(parsed.at(-1), '{"a":1}');
  const long = bytes(`{"a":"${'x'.repeat(2000)}"}`);
  memory.recall(long, parse);
  memory.recall(long, parse);
  assert.equal(parsed.length, 14);
});

test('HeaderMemory keeps a copy: the buffer of a header may be used again', () => {
  const memory = new HeaderMemory();
  const buffer = bytes('{"a":1}');
  memory.recall(buffer, () => 'one');
  buffer.set(bytes('{"a":2}'));
  assert.equal(
    memory.recall(buffer, () => 'two'),
    'two',
  );
  assert.equal(
    memory.recall(bytes('{"a":1}'), () => 'three'),
    'one',
  );
});

test('createInferDecoder gives every request its own bytes behind a header it knows already', () => {
  const decode = createInferDecoder();
  const header = bytes('{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","parameters":{"binary_data_size":8}}]}');
  for (const values of [Float32Array.of(1, 2), Float32Array.of(3, 4)]) {
    const body = new Uint8Array(header.length + 8);
    body.set(header);
    body.set(new Uint8Array(values.buffer), header.length);
    assert.deepEqual(decode(body, header.length, 'm').inputs.get('x')?.data, values);
  }
  // The same header in front of too few bytes is still refused.
  assert.throws(
    () => decode(Uint8Array.from([...header, 0, 0]), header.length, 'm'),
    /binary_data_size|byte size|Expected/i,
  );
});
