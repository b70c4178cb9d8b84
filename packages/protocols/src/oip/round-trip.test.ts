// Properties over all datatypes and random shapes: what one side encodes the other decodes to the same tensors.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createTensor, elementCount, type NamedTensors, type Tensor, tensorFromBytes } from '@amaas/core';
import { OIP_DATATYPES, type OipDType } from './datatypes.ts';
import { decodeInferReply } from './decode-reply.ts';
import { type DecodedInferRequest, decodeInferRequest } from './decode-request.ts';
import { encodeInferReply, type EncodedReply } from './encode-reply.ts';
import { encodeInferRequest } from './encode-request.ts';

const DTYPES = Object.keys(OIP_DATATYPES) as readonly OipDType[]; // its keys are exactly OipDType

/** Numerical Recipes' generator: the same tensors on every run. */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

type Random = ReturnType<typeof createRandom>;

function randomShape(random: Random): readonly number[] {
  return Array.from({ length: random(5) }, () => random(5));
}

function randomTensor(random: Random, dtype: OipDType, text: boolean): Tensor {
  const shape = randomShape(random);
  const elements = elementCount(shape);
  if (dtype === 'string') {
    const letters = ['a', 'é', '"', '\\', '\n', '\0', '\u{1f600}', '\u2028'];
    const data = Array.from({ length: elements }, () => {
      const length = random(6);
      if (text) {
        return new TextEncoder().encode(Array.from({ length }, () => letters[random(letters.length)]).join(''));
      }
      return Uint8Array.from({ length }, () => random(256));
    });
    return createTensor('string', shape, data);
  }
  if (dtype === 'bool') {
    return createTensor(
      'bool',
      shape,
      Uint8Array.from({ length: elements }, () => random(2)),
    );
  }
  const width = { int8: 1, uint8: 1, float16: 2, bfloat16: 2, int16: 2, uint16: 2 }[dtype as string] ?? 0; // lookup by any name
  const size = width === 0 ? (dtype.endsWith('64') ? 8 : 4) : width;
  const bytes = Uint8Array.from({ length: elements * size }, () => random(256));
  const tensor = tensorFromBytes(dtype, shape, bytes);
  if (text && (tensor.dtype === 'float32' || tensor.dtype === 'float64')) {
    for (const [index, value] of tensor.data.entries()) if (!Number.isFinite(value)) tensor.data[index] = 0.1;
  }
  return tensor;
}

/** The bit patterns of a tensor, so that NaN and -0 compare. */
function bits(tensor: Tensor | undefined): unknown {
  assert.ok(tensor !== undefined);
  const { dtype, shape } = tensor;
  if (tensor.dtype === 'string') return { dtype, shape, data: tensor.data.map((element) => [...element]) };
  const { buffer, byteOffset, byteLength } = tensor.data;
  return { dtype, shape, data: [...new Uint8Array(buffer, byteOffset, byteLength)] };
}

function assertSame(actual: NamedTensors, expected: NamedTensors): void {
  assert.deepEqual([...actual.keys()], [...expected.keys()]);
  for (const [name, tensor] of expected) assert.deepEqual(bits(actual.get(name)), bits(tensor), name);
}

/** Joins the parts at an odd address, so that nothing is aligned by luck. */
function join(message: Pick<EncodedReply, 'parts' | 'byteLength'>, shift: number): Uint8Array {
  const body = new Uint8Array(message.byteLength + shift).subarray(shift);
  let offset = 0;
  for (const part of message.parts) {
    body.set(part, offset);
    offset += part.byteLength;
  }
  assert.equal(offset, message.byteLength);
  return body;
}

function randomTensors(random: Random, text: boolean): NamedTensors {
  const tensors = new Map<string, Tensor>();
  for (let count = random(4); count >= 0; count--) {
    const dtype = DTYPES[random(DTYPES.length)] ?? 'float32';
    if (text && (dtype === 'float16' || dtype === 'bfloat16')) continue;
    tensors.set(`t${count}é"`, randomTensor(random, dtype, text));
  }
  return tensors;
}

describe('round trip', () => {
  test('encodeInferRequest then decodeInferRequest keeps every tensor, in binary and in JSON', () => {
    const random = createRandom(1);
    for (let round = 0; round < 1500; round++) {
      const binary = random(2) === 0;
      const inputs = randomTensors(random, !binary);
      const encoded = encodeInferRequest(inputs, { id: `r${round}`, binary, timeoutMs: 2.5, priority: 3 });
      const length = encoded.headers['inference-header-content-length'];
      assert.equal(length, encoded.headerLength === null ? undefined : String(encoded.headerLength));
      const decoded: DecodedInferRequest = decodeInferRequest(join(encoded, random(8)), encoded.headerLength, 'm');
      assertSame(decoded.inputs, inputs);
      assert.equal(decoded.id, `r${round}`);
      assert.equal(decoded.binaryOutputDefault, binary);
      assert.equal(decoded.timeoutMs, 2.5);
      assert.equal(decoded.priority, 3);
    }
  });

  test('encodeInferReply then decodeInferReply keeps every tensor, in binary, in JSON and mixed', () => {
    const random = createRandom(2);
    for (let round = 0; round < 1500; round++) {
      const outputs = randomTensors(random, true);
      const requested =
        random(2) === 0
          ? null
          : [...outputs.keys()].map((name) => ({ name, binary: random(2) === 0, classification: 0 }));
      const encoded = encodeInferReply({
        model: 'm',
        version: '7',
        id: 'x',
        outputs,
        requested,
        binaryDefault: random(2) === 0,
        parameters: new Map([['k', 18446744073709551615n]]),
      });
      const decoded = decodeInferReply(join(encoded, random(8)), encoded.headerLength);
      assertSame(decoded.outputs, outputs);
      assert.equal(decoded.model, 'm');
      assert.equal(decoded.version, '7');
      assert.equal(decoded.id, 'x');
      assert.equal(decoded.parameters.get('k'), 18446744073709551615n);
      assert.deepEqual(structuredClone(decoded).outputs.size, outputs.size);
    }
  });

  test('every datatype takes the whole way as a scalar and with a dim of 0', () => {
    const random = createRandom(3);
    for (const dtype of DTYPES) {
      let scalar = randomTensor(random, dtype, true);
      while (scalar.shape.length > 0) scalar = randomTensor(random, dtype, true);
      let empty = randomTensor(random, dtype, true);
      while (!empty.shape.includes(0)) empty = randomTensor(random, dtype, true);
      const inputs = new Map([
        ['scalar', scalar],
        ['empty', empty],
      ]);
      for (const binary of dtype === 'float16' || dtype === 'bfloat16' ? [true] : [true, false]) {
        const encoded = encodeInferRequest(inputs, { binary });
        assertSame(decodeInferRequest(join(encoded, 1), encoded.headerLength, 'm').inputs, inputs);
      }
    }
  });

  test('NaN and the infinities come back from a JSON reply', () => {
    const odd = Float64Array.of(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0);
    const outputs: NamedTensors = new Map<string, Tensor>([
      ['d', createTensor('float64', [4], odd)],
      ['f', createTensor('float32', [2, 2], Float32Array.from(odd))],
    ]);
    const reply = { model: 'm', version: '1', id: null, outputs, requested: null, binaryDefault: false };
    const decoded = decodeInferReply(join(encodeInferReply(reply), 0), null);
    assert.deepEqual([...(decoded.outputs.get('d')?.data ?? [])], [...odd]);
    assert.deepEqual([...(decoded.outputs.get('f')?.data ?? [])], [...odd]);
  });
});
