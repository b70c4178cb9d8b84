import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError, type Tensor } from '@amaas/core';
import { createRandom } from '../statistics/index.ts';
import { readSafetensors, writeSafetensors } from './safetensors.ts';

/** Made by safetensors 0.8.0 for Python: {"b": float32 [[1, 2], [3, 4]], "a": int64 [-7]}, metadata {"made": "by python"}. */
const FROM_PYTHON =
  'mAAAAAAAAAB7Il9fbWV0YWRhdGFfXyI6eyJtYWRlIjoiYnkgcHl0aG9uIn0sImEiOnsiZHR5cGUiOiJJNjQiLCJzaGFwZSI6WzFdLCJkYXRhX29mZnNldHMiOlswLDhdfSwiYiI6eyJkdHlwZSI6IkYzMiIsInNoYXBlIjpbMiwyXSwiZGF0YV9vZmZzZXRzIjpbOCwyNF19fSAgICAgIPn/////////AACAPwAAAEAAAEBAAACAQA==';

const TENSORS: ReadonlyMap<string, Tensor> = new Map<string, Tensor>([
  ['float64', { dtype: 'float64', shape: [2], data: Float64Array.of(1.5, -2.25) }],
  ['half', { dtype: 'float16', shape: [1, 3], data: Uint16Array.of(1, 2, 65535) }],
  ['brain', { dtype: 'bfloat16', shape: [1], data: Uint16Array.of(16256) }],
  ['long', { dtype: 'int64', shape: [2], data: BigInt64Array.of(-(2n ** 63n), 2n ** 62n) }],
  ['bytes', { dtype: 'uint8', shape: [3], data: Uint8Array.of(1, 2, 255) }],
  ['flags', { dtype: 'bool', shape: [2], data: Uint8Array.of(1, 0) }],
  ['none', { dtype: 'float32', shape: [0, 4], data: new Float32Array(0) }],
  ['scalar', { dtype: 'float32', shape: [], data: Float32Array.of(Number.NaN) }],
  ['__proto__', { dtype: 'int32', shape: [1], data: Int32Array.of(5) }],
  ['ein Name mit "Umlauten" ä/ö', { dtype: 'int16', shape: [2], data: Int16Array.of(-1, 7) }],
]);

test('readSafetensors gives back what writeSafetensors wrote, whatever the names', () => {
  const metadata = new Map([
    ['version', '1'],
    ['__proto__', 'kept'],
    ['größe', '3 "mm"'],
  ]);
  const read = readSafetensors(writeSafetensors({ tensors: TENSORS, metadata }));
  assert.deepEqual(read.tensors, TENSORS);
  assert.deepEqual(read.metadata, metadata);
  assert.deepEqual(readSafetensors(writeSafetensors({ tensors: new Map(), metadata: new Map() })), {
    tensors: new Map(),
    metadata: new Map(),
  });
});

test('readSafetensors reads a file at any byte of a buffer', () => {
  const bytes = writeSafetensors({ tensors: TENSORS, metadata: new Map() });
  for (let offset = 0; offset < 9; offset++) {
    const larger = new Uint8Array(bytes.length + 20);
    larger.set(bytes, offset);
    assert.deepEqual(readSafetensors(larger.subarray(offset, offset + bytes.length)).tensors, TENSORS);
  }
});

test('readSafetensors reads what the reference implementation wrote, and writeSafetensors writes the same bytes', () => {
  const { tensors, metadata } = readSafetensors(Buffer.from(FROM_PYTHON, 'base64'));
  assert.deepEqual(
    tensors,
    new Map<string, Tensor>([
      ['a', { dtype: 'int64', shape: [1], data: BigInt64Array.of(-7n) }],
      ['b', { dtype: 'float32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }],
    ]),
  );
  assert.deepEqual(metadata, new Map([['made', 'by python']]));
  assert.deepEqual(Buffer.from(writeSafetensors({ tensors, metadata })).toString('base64'), FROM_PYTHON);
});

test('writeSafetensors refuses dtypes without a name, and the name that is none', () => {
  const text: Tensor = { dtype: 'string', shape: [1], data: [new Uint8Array()] };
  assert.throws(() => writeSafetensors({ tensors: new Map([['t', text]]), metadata: new Map() }), {
    reason: 'UNSUPPORTED_TENSOR',
    message: 'safetensors: "t" is string',
  });
  const one: Tensor = { dtype: 'bool', shape: [1], data: Uint8Array.of(1) };
  assert.throws(() => writeSafetensors({ tensors: new Map([['__metadata__', one]]), metadata: new Map() }), {
    reason: 'INVALID_NAME',
  });
});

function fileOf(header: unknown, dataBytes = 8): Uint8Array {
  const head = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const file = new Uint8Array(8 + head.length + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(head.length), true);
  file.set(head, 8);
  return file;
}

test('readSafetensors refuses what is not of the format', () => {
  const entry = (part: object) => ({ t: { dtype: 'F32', shape: [2], data_offsets: [0, 8], ...part } });
  const refused: readonly (readonly [Uint8Array, string])[] = [
    [new Uint8Array(5), '5 bytes are too few for a header'],
    [new Uint8Array(8).fill(255), 'a header of 18446744073709551615 bytes does not fit a file of 8'],
    [fileOf('{"t": '), 'the header is not JSON'],
    [fileOf('[1, 2]'), 'the header is not an object'],
    [fileOf('null'), 'the header is not an object'],
    [fileOf({ __metadata__: 3 }), '__metadata__ is not an object'],
    [fileOf({ __metadata__: { a: 3 } }), '__metadata__.a is not text'],
    [fileOf({ t: 3 }), 'the entry of "t" is not well-formed'],
    [fileOf(entry({ dtype: 'F8_E4M3' })), '"t" has dtype F8_E4M3, which is not supported'],
    [fileOf(entry({ shape: [-2] })), 'the entry of "t" is not well-formed'],
    [fileOf(entry({ shape: [2.5] })), 'the entry of "t" is not well-formed'],
    [fileOf(entry({ shape: [3] })), 'the entry of "t" is not well-formed'],
    [fileOf(entry({ shape: Array(65).fill(1) })), 'the entry of "t" is not well-formed'],
    [fileOf(entry({ shape: [2 ** 52, 2 ** 52] })), 'the entry of "t" is not well-formed'],
    [fileOf(entry({ data_offsets: [8, 0] })), 'the entry of "t" is not well-formed'],
    [fileOf(entry({ data_offsets: [4, 12] })), 'the entry of "t" is not well-formed'],
    [fileOf(entry({ data_offsets: [0, 8, 8] })), 'the entry of "t" is not well-formed'],
    [fileOf(entry({ data_offsets: '08' })), 'the entry of "t" is not well-formed'],
  ];
  for (const [bytes, message] of refused) {
    assert.throws(() => readSafetensors(bytes), { reason: 'INVALID_MODEL', message: `safetensors: ${message}` });
  }
});

test('readSafetensors reads or refuses damaged files, and fails in no other way', () => {
  const bytes = writeSafetensors({ tensors: TENSORS, metadata: new Map([['version', '1']]) });
  const random = createRandom('damage');
  for (let trial = 0; trial < 3000; trial++) {
    const damaged = random.integer(4) === 0 ? bytes.slice(0, random.integer(bytes.length)) : bytes.slice();
    for (let hit = 0; hit < 1 + random.integer(3) && damaged.length > 0; hit++)
      damaged[random.integer(damaged.length)] = random.integer(256);
    try {
      readSafetensors(damaged);
    } catch (error) {
      assert(error instanceof AmaasError && error.reason === 'INVALID_MODEL', String(error));
    }
  }
});
