import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { sharedDataPath, skipWithoutSharedData } from '../../../../tools/test-data.ts';
import { createRandom } from '../statistics/index.ts';
import { createGguf, ggufNumber, ggufNumbers, ggufText, ggufTexts, readGguf } from './index.ts';
import { oracleBytes } from './testing/oracle.ts';

test("readGguf reads every type of value and tensor out of a file by ggml's own writer", async () => {
  const { metadata, tensors, ...file } = await readGguf(oracleBytes('file')).then((each) => ({
    metadata: each.metadata,
    tensors: each.tensors,
    load: (name: string) => each.loadTensor(name),
  }));
  assert.deepEqual(
    [...metadata].slice(0, 13),
    [
      ['general.architecture', 'string', 'llama'],
      ['a.uint8', 'uint8', 200],
      ['a.int8', 'int8', -100],
      ['a.uint16', 'uint16', 60_000],
      ['a.int16', 'int16', -30_000],
      ['a.uint32', 'uint32', 4_000_000_000],
      ['a.int32', 'int32', -2_000_000_000],
      ['a.uint64', 'uint64', 2n ** 64n - 3n],
      ['a.int64', 'int64', -(2n ** 63n) + 5n],
      ['a.float32', 'float32', Math.fround(0.1)],
      ['a.float64', 'float64', 0.1],
      ['a.bool', 'bool', true],
      ['a.string', 'string', '\ufeffAn äöü 🚀 text'],
    ].map(([key, type, value]) => [key, { type, value }]),
  );
  assert.deepEqual(
    [...metadata].slice(13),
    [
      ['b.strings', 'string', ['', '▁a', '\ufeff']],
      ['b.int32', 'int32', Int32Array.of(1, -2, 3)],
      ['b.float32', 'float32', Float32Array.of(0.5, -1.25)],
      ['b.bool', 'bool', [true, false]],
      ['b.uint64', 'uint64', BigUint64Array.of(2n ** 60n)],
      ['b.int8', 'int8', Int8Array.of(-7, 7)],
    ].map(([key, of, items]) => [key, { type: 'array', of, items }]),
  );
  assert.deepEqual(
    Array.from(tensors.values(), ({ name, type, shape }) => [name, type, ...shape]),
    [
      ['one.f32', 'F32', 2, 3],
      ['two.f16', 'F16', 3, 2],
      ['three.q8_0', 'Q8_0', 2, 32],
      ['four.bf16', 'BF16', 1, 2],
      ['five.q5_0', 'Q5_0', 2, 32],
    ],
  );
  assert.deepEqual([...(await file.load('one.f32')).data], [0, 0.25, 0.5, 0.75, 1, 1.25]);
  assert.deepEqual([...(await file.load('two.f16')).data], [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]);
  assert.deepEqual([...(await file.load('four.bf16')).data], [1, -2.5]);
  const eight = await file.load('three.q8_0');
  assert.deepEqual(eight.shape, [2, 32]);
  for (const [index, value] of eight.data.entries()) {
    assert.ok(Math.abs(value - (-1 + (3 * index) / 63)) < 2 / 254 + 1e-4);
  }
  await assert.rejects(file.load('five.q5_0'), { reason: 'UNSUPPORTED_TENSOR', message: /"five\.q5_0".* got Q5_0$/ });
  await assert.rejects(file.load('six'), { reason: 'INVALID_MODEL', message: 'gguf: there is no tensor "six"' });
});

test('readGguf asks a source for no more than the header and the tensors that are loaded', async () => {
  const tensor = { type: 'F32', shape: [1 << 20], load: () => new Float32Array(1 << 20).fill(3) } as const;
  const words = Array.from({ length: 200_000 }, (_, index) => `token ${index}`);
  const bytes = createGguf({
    metadata: new Map([['words', { type: 'array', of: 'string', items: words }]]),
    tensors: new Map([
      ['a', tensor],
      ['b', tensor],
    ]),
  });
  const reads: [number, number][] = [];
  const file = await readGguf({
    byteLength: bytes.length,
    async read(start, end) {
      reads.push([start, end]);
      return bytes.slice(start, end);
    },
  });
  assert.deepEqual(ggufTexts(file.metadata, 'words'), words);
  assert.ok(reads.every(([, end]) => end <= 4 << 20));
  reads.length = 0;
  assert.deepEqual([...(await file.loadTensor('b')).data.subarray(0, 2)], [3, 3]);
  assert.deepEqual(reads, [[bytes.length - (4 << 20), bytes.length]]);
});

test('ggufNumber and its siblings give values of their type, nothing for keys that are not there, and refuse others', async () => {
  const { metadata } = await readGguf(oracleBytes('file'));
  assert.equal(ggufNumber(metadata, 'a.int32'), -2_000_000_000);
  assert.equal(ggufNumber(metadata, 'no'), undefined);
  assert.throws(() => ggufNumber(metadata, 'a.uint64'), { message: /^gguf: a\.uint64 expects a number, got uint64 / });
  assert.throws(() => ggufNumber(metadata, 'a.bool'), { reason: 'INVALID_MODEL' });
  assert.equal(ggufText(metadata, 'general.architecture'), 'llama');
  assert.throws(() => ggufText(metadata, 'a.int8'), { message: 'gguf: a.int8 expects a string, got int8 -100' });
  assert.deepEqual(ggufNumbers(metadata, 'b.int8'), Int8Array.of(-7, 7));
  assert.throws(() => ggufNumbers(metadata, 'b.strings'), {
    message: /expects an array of numbers, got an array of string$/,
  });
  assert.throws(() => ggufTexts(metadata, 'b.int8'), { reason: 'INVALID_MODEL' });
});

/** A file of one tensor, `changed` where its numbers lie. */
function changedFile(
  change: (view: DataView, at: { readonly kv: number; readonly tensor: number }) => void,
): Uint8Array {
  const bytes = createGguf({
    metadata: new Map([['k', { type: 'string', value: 'text' }]]),
    tensors: new Map([['t', { type: 'F32', shape: [2, 3], load: () => new Float32Array(6) }]]),
  });
  const kv = 24; // magic, version and two counts lie in front
  change(new DataView(bytes.buffer), { kv, tensor: kv + 8 + 1 + 4 + 8 + 4 });
  return bytes;
}

for (const [what, change, message] of [
  ['another magic', (view) => view.setUint32(0, 7), 'the file does not begin with "GGUF"'],
  ['version 1', (view) => view.setUint32(4, 1, true), 'version 2 or 3 is expected, got 1'],
  ['big-endian files', (view) => view.setUint32(4, 3, false), 'version 2 or 3 is expected, got 50331648 (big-endian?)'],
  [
    'more tensors than fit',
    (view) => view.setBigUint64(8, 10n ** 9n, true),
    /^the number of tensors says 1000000000, /,
  ],
  ['more values than fit', (view) => view.setBigUint64(16, 2n ** 60n, true), /expects a number that can be/],
  ['strings longer than the file', (view, at) => view.setBigUint64(at.kv, 500n, true), /a string says 500, /],
  ['empty keys', (view, at) => view.setBigUint64(at.kv, 0n, true), 'metadata key 0 expects a name of its own, got ""'],
  [
    'bytes that are no UTF-8',
    (view, at) => view.setUint8(at.kv + 8, 0xff),
    'metadata key 0 expects UTF-8, got other bytes',
  ],
  [
    'types that are none',
    (view, at) => view.setUint32(at.kv + 9, 13, true),
    /"k" expects a value type from 0 to 12, got 13$/,
  ],
  ['too many axes', (view, at) => view.setUint32(at.tensor + 9, 5, true), 'tensor "t" expects at most 4 axes, got 5'],
  [
    'too many elements',
    (view, at) => view.setBigUint64(at.tensor + 13, 2n ** 52n, true),
    /more elements than can be counted$/,
  ],
  [
    'tensors that are cut off',
    (view, at) => view.setBigUint64(at.tensor + 13, 64n, true),
    /takes bytes 96 to 608; the file ends at 128$/,
  ],
  [
    'rows that are no blocks',
    (view, at) => view.setUint32(at.tensor + 29, 8, true),
    /rows of Q8_0 expect a multiple of 32 elements, got 3$/,
  ],
  [
    'tensor types that are none',
    (view, at) => view.setUint32(at.tensor + 29, 4, true),
    'tensor "t" has type 4, which is not known',
  ],
  [
    'misplaced tensors',
    (view, at) => view.setBigUint64(at.tensor + 33, 8n, true),
    'tensor "t" begins at 8, no multiple of 32',
  ],
] as const satisfies readonly (readonly [string, Parameters<typeof changedFile>[0], string | RegExp])[]) {
  test(`readGguf refuses ${what}`, async () => {
    await assert.rejects(readGguf(changedFile(change)), (error: unknown) => {
      assert.ok(error instanceof AmaasError);
      assert.equal(error.reason, 'INVALID_MODEL');
      const text = error.message.replace(/^gguf: /, '');
      if (typeof message === 'string') assert.equal(text, message);
      else assert.match(text, message);
      return true;
    });
  });
}

test('readGguf refuses tensors that overlap or share a name, and alignments that are none', async () => {
  const tensor = { type: 'F32', shape: [16], load: () => new Float32Array(16) } as const;
  const two = createGguf({
    metadata: new Map(),
    tensors: new Map([
      ['a', tensor],
      ['b', tensor],
    ]),
  });
  const view = new DataView(two.buffer);
  const second = 24 + 33;
  view.setBigUint64(second + 25, 32n, true);
  await assert.rejects(readGguf(two), { message: /^gguf: tensor "b" begins at byte \d+, inside the one before it$/ });
  view.setBigUint64(second + 25, 64n, true);
  await readGguf(two);
  two[second + 8] = 97;
  await assert.rejects(readGguf(two), { message: 'gguf: tensor 1 has the name of an earlier one, "a"' });
  const key = (value: number): Uint8Array => {
    const file = createGguf({
      metadata: new Map([['general.alignmenT', { type: 'uint32', value }]]),
      tensors: new Map(),
    });
    file[24 + 8 + 16] = 't'.charCodeAt(0);
    return file;
  };
  await readGguf(key(64));
  for (const value of [0, 48])
    await assert.rejects(readGguf(key(value)), { message: /expects a power of two as uint32$/ });
});

const FUZZED = 'llm/stories260K.gguf';
const MUTATIONS = 1500;

test(`readGguf reads or refuses each of ${MUTATIONS} damaged files, and never asks for more than is there`, {
  skip: skipWithoutSharedData(FUZZED),
}, async () => {
  const random = createRandom('damage');
  const whole = readFileSync(sharedDataPath(FUZZED)).subarray(0, 20_000);
  const small = oracleBytes('file');
  let read = 0;
  for (let round = 0; round < MUTATIONS; round++) {
    const bytes = new Uint8Array(round % 3 === 0 ? whole : small);
    for (let change = 0; change <= random.integer(4); change++) {
      // Lengths and counts are eight bytes of which few are set; both those and single bits are tried.
      const at = random.integer(bytes.length - 8);
      const value = [0, 1, 0x7f, 0xff, random.integer(256)][random.integer(5)] ?? 0;
      bytes.fill(value, at, at + 1 + random.integer(8));
    }
    const cut = bytes.subarray(0, random.integer(4) === 0 ? random.integer(bytes.length) : bytes.length);
    try {
      const file = await readGguf(cut);
      for (const name of file.tensors.keys()) await file.loadTensor(name);
      read++;
    } catch (error) {
      assert.ok(error instanceof AmaasError, `round ${round}: ${String(error)}`);
      assert.ok(['INVALID_MODEL', 'UNSUPPORTED_TENSOR'].includes(error.reason), error.message);
      if (error.reason === 'UNSUPPORTED_TENSOR') read++;
    }
  }
  assert.ok(read > MUTATIONS / 50 && read < MUTATIONS * 0.9, `${read} of ${MUTATIONS} were read`);
});
