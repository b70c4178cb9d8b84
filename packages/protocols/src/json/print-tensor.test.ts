import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError, createTensor, type DType, float16BitsFromNumber, type Tensor, TYPED_ARRAYS } from '@amaas/core';
import { JsonWriter, printTensorData, type TensorStyle, tensorPartWriter } from './index.ts';
import { createRandom } from './testing/random.ts';

const NESTED: TensorStyle = { layout: 'nested' };
const FLAT: TensorStyle = { layout: 'flat' };

function print(tensor: Tensor, style: TensorStyle): string {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  return printTensorData(tensor, style)
    .map((piece) => decoder.decode(piece, { stream: true }))
    .join('');
}

function floats(shape: readonly number[], ...values: number[]): Tensor {
  return createTensor('float32', shape, Float32Array.from(values));
}

function strings(...values: (string | Uint8Array)[]): Tensor {
  const encoder = new TextEncoder();
  return createTensor(
    'string',
    [values.length],
    values.map((value) => (typeof value === 'string' ? encoder.encode(value) : value)),
  );
}

test('printTensorData nests after the shape, or not', () => {
  const tensor = floats([2, 1, 3], 1, 2.5, -3, 0.1, 1e30, -0);
  assert.equal(print(tensor, NESTED), '[[[1,2.5,-3]],[[0.1,1e+30,-0]]]');
  assert.equal(print(tensor, FLAT), '[1,2.5,-3,0.1,1e+30,-0]');
  assert.equal(print(floats([], 7.25), NESTED), '7.25');
  assert.equal(print(floats([], 7.25), FLAT), '[7.25]');
  assert.equal(print(floats([2, 0, 3]), NESTED), '[[],[]]');
  assert.equal(print(floats([0, 3]), NESTED), '[]');
  assert.equal(print(floats([2, 0, 3]), FLAT), '[]');
});

test('printTensorData keeps the point of whole numbers when asked to', () => {
  const style: TensorStyle = { layout: 'flat', wholeNumbersKeepPoint: true };
  const tensor = floats([8], 3, 0, -0, 2.5, 33554432, 1e20, 1e21, 1e-7);
  assert.equal(print(tensor, style), '[3.0,0.0,-0.0,2.5,33554432.0,100000000000000000000.0,1e+21,1e-7]');
  const doubles = createTensor('float64', [5], Float64Array.of(3, 2 ** 53, 0.1, 1e21, -7e300));
  assert.equal(print(doubles, style), '[3.0,9007199254740992.0,0.1,1e+21,-7e+300]');
  assert.equal(print(createTensor('int32', [1], Int32Array.of(3)), style), '[3]');
});

test('printTensorData prints NaN and infinities bare or not at all', () => {
  const tensor = floats([3], Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);
  assert.equal(print(tensor, { layout: 'flat', nonFinite: 'bare' }), '[NaN,Infinity,-Infinity]');
  assert.throws(
    () => print(tensor, FLAT),
    (error) => {
      assert.ok(error instanceof AmaasError);
      assert.equal(error.reason, 'UNSUPPORTED_TENSOR');
      assert.equal(error.message, 'json: expected finite numbers, got NaN at element 0');
      return true;
    },
  );
});

test('printTensorData prints whole numbers of every width', () => {
  const cases: readonly (readonly [Tensor, string])[] = [
    [createTensor('int8', [3], Int8Array.of(-128, 0, 127)), '[-128,0,127]'],
    [createTensor('uint8', [2], Uint8Array.of(0, 255)), '[0,255]'],
    [createTensor('int16', [2], Int16Array.of(-32768, 32767)), '[-32768,32767]'],
    [createTensor('uint16', [1], Uint16Array.of(65535)), '[65535]'],
    [
      createTensor('int32', [3], Int32Array.of(-2147483648, 2147483647, 1000000000)),
      '[-2147483648,2147483647,1000000000]',
    ],
    [createTensor('uint32', [3], Uint32Array.of(4294967295, 999999999, 10)), '[4294967295,999999999,10]'],
    [
      createTensor('int64', [3], BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n, -7n)),
      '[-9223372036854775808,9223372036854775807,-7]',
    ],
    [createTensor('uint64', [1], BigUint64Array.of(2n ** 64n - 1n)), '[18446744073709551615]'],
    [createTensor('bool', [2], Uint8Array.of(1, 0)), '[true,false]'],
    [createTensor('float16', [2], Uint16Array.of(float16BitsFromNumber(0.1), float16BitsFromNumber(-2))), '[0.1,-2]'],
    [createTensor('bfloat16', [1], Uint16Array.of(0x3dcd)), '[0.1]'],
  ];
  for (const [tensor, text] of cases) assert.equal(print(tensor, FLAT), text, tensor.dtype);
});

test('printTensorData prints strings as text or base64', () => {
  const tensor = strings('plain', 'quote " and \\', 'é漢😀\u0000', '');
  assert.deepEqual(JSON.parse(print(tensor, FLAT)), ['plain', 'quote " and \\', 'é漢😀\u0000', '']);
  const bytes = strings(Uint8Array.of(0xff, 0), Uint8Array.of(1), Uint8Array.of(1, 2, 3), Uint8Array.of());
  const b64: TensorStyle = { layout: 'flat', strings: 'b64' };
  assert.equal(print(bytes, b64), '[{"b64":"/wA="},{"b64":"AQ=="},{"b64":"AQID"},{"b64":""}]');
  const random = createRandom(9);
  const large = Uint8Array.from({ length: 100_001 }, () => random.integer(0, 255));
  assert.equal(print(strings(large), b64), `[{"b64":"${Buffer.from(large).toString('base64')}"}]`);
  assert.throws(() => print(strings('a', Uint8Array.of(0xff)), FLAT), /UTF-8, got other bytes at element 1/);
});

test('printTensorData refuses dtypes without a JSON form', () => {
  const dtypes: readonly Exclude<DType, 'string'>[] = ['complex64', 'float8e4m3fn', 'int4', 'float4e2m1'];
  for (const dtype of dtypes) {
    const tensor = { dtype, shape: [2], data: new TYPED_ARRAYS[dtype](4) } as Tensor; // any data will do: it is not read
    assert.throws(
      () => print(tensor, FLAT),
      (error) => error instanceof AmaasError && error.reason === 'UNSUPPORTED_TENSOR',
    );
  }
});

test('printTensorData writes long tensors in pieces that read back exactly', () => {
  const random = createRandom(42);
  const data = Float32Array.from({ length: 60_000 }, () => {
    const value = random.float32();
    return Number.isFinite(value) ? value : 0.5;
  });
  const tensor = createTensor('float32', [20, 30, 100], data);
  assert.ok(printTensorData(tensor, NESTED).length > 5);
  const back: number[] = JSON.parse(print(tensor, NESTED)).flat(2);
  assert.deepEqual(Float32Array.from(back), data);
  const doubles = Float64Array.from({ length: 5_000 }, () => {
    const value = random.float64();
    return Number.isFinite(value) ? value : 0.5;
  });
  assert.deepEqual(Float64Array.from(JSON.parse(print(createTensor('float64', [5_000], doubles), FLAT))), doubles);
});

test('tensorPartWriter writes the elements from one on', () => {
  const writer = new JsonWriter();
  const writePart = tensorPartWriter(writer, floats([3, 2], 1, 2, 3, 4, 5, 6), NESTED);
  writePart(2, [2]);
  writePart(4, [1, 2]);
  writePart(5, []);
  assert.equal(new TextDecoder().decode(writer.takeBytes()), '[3,4][[5,6]]6');
});
