import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { sharedDataPath, skipWithoutSharedData } from '../../../../tools/test-data.ts';
import {
  createGguf,
  type GgufTensor,
  type GgufValue,
  ggufByteLength,
  isStoredType,
  readGguf,
  writeGguf,
} from './index.ts';
import { oracleBytes } from './testing/oracle.ts';

async function copyOf(bytes: Uint8Array, without: readonly string[] = []): Promise<Uint8Array> {
  const file = await readGguf(bytes);
  const tensors = new Map<string, GgufTensor>();
  for (const { name, type, shape } of file.tensors.values()) {
    if (without.includes(name) || !isStoredType(type)) continue;
    const { data } = await file.loadTensor(name);
    tensors.set(name, { type, shape, load: () => data });
  }
  return createGguf({ metadata: file.metadata, tensors });
}

test('createGguf writes what readGguf read as the same bytes', {
  skip: skipWithoutSharedData('llm/stories260K.gguf'),
}, async () => {
  const bytes = readFileSync(sharedDataPath('llm/stories260K.gguf'));
  assert.equal(Buffer.compare(await copyOf(bytes), bytes), 0);
});

test("createGguf writes every type of value as ggml's own writer does", async () => {
  const original = await readGguf(oracleBytes('file'));
  const copied = await readGguf(await copyOf(oracleBytes('file')));
  assert.deepEqual(copied.metadata, original.metadata);
  assert.deepEqual([...copied.tensors.keys()], ['one.f32', 'two.f16', 'three.q8_0', 'four.bf16']);
  const start = original.tensors.get('one.f32')?.offset ?? 0;
  // What lies in front of the tensors' list is the same but for the number of tensors.
  const ends = Buffer.from(oracleBytes('file')).indexOf('one.f32') - 8;
  const again = createGguf({ metadata: original.metadata, tensors: new Map() });
  again[8] = 5;
  assert.deepEqual(Buffer.from(again.subarray(0, ends)), Buffer.from(oracleBytes('file').subarray(0, ends)));
  assert.equal(start % 32, 0);
});

test('createGguf writes arrays of arrays, which the format has', async () => {
  const nested: GgufValue = {
    type: 'array',
    of: 'array',
    items: [
      { type: 'array', of: 'uint8', items: Uint8Array.of(1, 2) },
      { type: 'array', of: 'string', items: ['x'] },
    ],
  };
  const { metadata } = await readGguf(createGguf({ metadata: new Map([['n', nested]]), tensors: new Map() }));
  assert.deepEqual(metadata.get('n'), nested);
  const deeper: GgufValue = {
    type: 'array',
    of: 'array',
    items: [{ ...nested, items: [{ ...nested, items: [nested] }] }],
  };
  await assert.rejects(readGguf(createGguf({ metadata: new Map([['n', deeper]]), tensors: new Map() })), {
    message: 'gguf: metadata "n" expects arrays at most 4 deep',
  });
});

test('writeGguf asks for a tensor when its turn comes, once', () => {
  const loaded: string[] = [];
  const tensor = (name: string): [string, GgufTensor] => [
    name,
    {
      type: 'F16',
      shape: [3, 5],
      load: () => {
        loaded.push(name);
        return new Float32Array(15);
      },
    },
  ];
  const contents = { metadata: new Map(), tensors: new Map([tensor('a'), tensor('b')]) };
  let bytes = 0;
  const parts = writeGguf(contents)[Symbol.iterator]();
  bytes += parts.next().value?.length ?? 0;
  assert.deepEqual(loaded, []);
  bytes += parts.next().value?.length ?? 0;
  assert.deepEqual(loaded, ['a']);
  for (let part = parts.next(); part.done !== true; part = parts.next()) bytes += part.value.length;
  assert.deepEqual(loaded, ['a', 'b']);
  assert.equal(bytes, ggufByteLength(contents));
});

test('createGguf refuses what the format cannot hold', () => {
  const refuses = (
    metadata: readonly [string, GgufValue][],
    tensors: readonly [string, GgufTensor][],
    message: RegExp,
  ): void => {
    assert.throws(() => createGguf({ metadata: new Map(metadata), tensors: new Map(tensors) }), { message });
  };
  const one: GgufTensor = { type: 'F32', shape: [2], load: () => new Float32Array(2) };
  refuses([['no key', { type: 'uint8', value: 1 }]], [], /expected a key of words between dots, got "no key"$/);
  refuses([['general.alignment', { type: 'uint32', value: 8 }]], [], /general\.alignment is left at 32$/);
  refuses([['k', { type: 'uint8', value: 256 }]], [], /^gguf: k expects uint8, got 256$/);
  refuses([['k', { type: 'int16', value: -32_769 }]], [], /^gguf: k expects int16, got -32769$/);
  refuses([['k', { type: 'uint64', value: -1n }]], [], /^gguf: k expects uint64, got -1$/);
  refuses([['k', { type: 'string', value: '\ud800' }]], [], /^gguf: k expects string/);
  refuses([['k', { type: 'array', of: 'int32', items: [1, 1.5] }]], [], /^gguf: k expects int32, got 1.5$/);
  refuses([], [['x'.repeat(64), one]], /expects a name of 1 to 63 bytes and 1 to 4 axes, got 64 and 1$/);
  refuses([], [['x', { ...one, shape: [1, 1, 1, 1, 2] }]], /1 to 4 axes, got 1 and 5$/);
  refuses([], [['x', { ...one, type: 'Q4_0' }]], /rows of Q4_0 expect a multiple of 32 elements, got 2$/);
  refuses([], [['x', { ...one, shape: [3] }]], /^gguf: x expects 3 numbers, got 2$/);
  refuses(
    [],
    [['x', { ...one, load: () => Float32Array.of(1, Number.NaN) }]],
    /^gguf: x: quantize: F32 expects finite/,
  );
});
