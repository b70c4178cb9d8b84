import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTensor, type DType, type Tensor } from '@amaas/core';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { sharedDataPath, skipWithoutSharedData } from '../../../../tools/test-data.ts';
import { onnxCodeOf } from './dtype-codes.ts';
import { EXTERNAL_DATA } from './model.ts';
import { tensorFromOnnx, tensorFromProto, tensorToProto } from './tensor-proto.ts';
import { readTarGz } from './testing/tar.ts';
import { float32Bytes, float64Bytes, lengthField, numberField, varint } from './testing/proto-bytes.ts';

/** A TensorProto named "t" with these dims, and data in one field. */
function proto(dtype: DType, dims: readonly number[], data: readonly number[]): Uint8Array {
  return Uint8Array.from([
    ...dims.flatMap((dim) => numberField(1, dim)),
    ...numberField(2, onnxCodeOf(dtype)),
    ...data,
    ...lengthField(8, 't'),
  ]);
}

const FLOAT_DATA = 4;
const INT32_DATA = 5;
const STRING_DATA = 6;
const INT64_DATA = 7;
const RAW_DATA = 9;
const DOUBLE_DATA = 10;
const UINT64_DATA = 11;

function packed(field: number, values: readonly (number | bigint)[]): number[] {
  return lengthField(field, values.flatMap(varint));
}

// Stored values as onnx.proto lays them out → what they mean.
const TYPED: readonly (readonly [DType, readonly number[], number[], Tensor['data']])[] = [
  ['float32', [2], lengthField(FLOAT_DATA, float32Bytes(1.5, -0.1)), Float32Array.of(1.5, -0.1)],
  ['complex64', [1], lengthField(FLOAT_DATA, float32Bytes(1.5, -2)), Float32Array.of(1.5, -2)],
  ['float64', [2], lengthField(DOUBLE_DATA, float64Bytes(0.1, -3)), Float64Array.of(0.1, -3)],
  ['complex128', [1], lengthField(DOUBLE_DATA, float64Bytes(0.1, -3)), Float64Array.of(0.1, -3)],
  ['int64', [3], packed(INT64_DATA, [5, -6, -(2n ** 63n)]), BigInt64Array.of(5n, -6n, -(2n ** 63n))],
  ['uint64', [2], packed(UINT64_DATA, [5, 2n ** 64n - 1n]), BigUint64Array.of(5n, 2n ** 64n - 1n)],
  ['uint32', [2], packed(UINT64_DATA, [5, 4294967295]), Uint32Array.of(5, 4294967295)],
  ['int32', [2], packed(INT32_DATA, [7, -2147483648]), Int32Array.of(7, -2147483648)],
  ['int16', [2], packed(INT32_DATA, [7, -32768]), Int16Array.of(7, -32768)],
  ['int8', [2], packed(INT32_DATA, [7, -128]), Int8Array.of(7, -128)],
  ['uint16', [2], packed(INT32_DATA, [7, 65535]), Uint16Array.of(7, 65535)],
  ['uint8', [2], packed(INT32_DATA, [7, 255]), Uint8Array.of(7, 255)],
  ['bool', [3], packed(INT32_DATA, [1, 0, 1]), Uint8Array.of(1, 0, 1)],
  ['float16', [2], packed(INT32_DATA, [0x3c00, 0xc000]), Uint16Array.of(0x3c00, 0xc000)],
  ['bfloat16', [2], packed(INT32_DATA, [0x3f80, -16384]), Uint16Array.of(0x3f80, 0xc000)],
  ['float8e4m3fn', [2], packed(INT32_DATA, [0x38, 0xb8]), Uint8Array.of(0x38, 0xb8)],
  ['float8e8m0', [1], packed(INT32_DATA, [127]), Uint8Array.of(127)],
  ['int4', [3], packed(INT32_DATA, [0x21, 0x0f]), Uint8Array.of(0x21, 0x0f)],
  ['uint4', [2, 2], packed(INT32_DATA, [0x21, 0x43]), Uint8Array.of(0x21, 0x43)],
  ['float4e2m1', [1], packed(INT32_DATA, [0x07]), Uint8Array.of(0x07)],
  ['int2', [5], packed(INT32_DATA, [0xe4, 0x03]), Uint8Array.of(0xe4, 0x03)],
  ['uint2', [4], packed(INT32_DATA, [0x1b]), Uint8Array.of(0x1b)],
  [
    'string',
    [2],
    [...lengthField(STRING_DATA, 'é'), ...lengthField(STRING_DATA, [0xff, 0])],
    [Uint8Array.of(0xc3, 0xa9), Uint8Array.of(0xff, 0)],
  ],
];

for (const [dtype, dims, field, data] of TYPED) {
  test(`tensorFromProto reads ${dtype} from its typed field, tensorToProto writes it back`, () => {
    const { name, tensor } = tensorFromProto(proto(dtype, dims, field));
    assert.equal(name, 't');
    assert.deepEqual(tensor, { dtype, shape: dims, data });
    assert.deepEqual(tensorFromProto(tensorToProto('u', tensor)), { name: 'u', tensor });
  });
}

test('tensorFromProto reads typed values one by one as well as packed', () => {
  const single = [...numberField(INT32_DATA, -5), ...numberField(INT32_DATA, 6)];
  assert.deepEqual(tensorFromProto(proto('int16', [2], single)).tensor.data, Int16Array.of(-5, 6));
});

test('tensorFromProto reads raw bytes, also where they are not aligned', () => {
  const bytes = proto('float32', [2], lengthField(RAW_DATA, float32Bytes(0.1, -7)));
  for (let shift = 0; shift < 4; shift++) {
    const moved = new Uint8Array(bytes.length + shift);
    moved.set(bytes, shift);
    assert.deepEqual(tensorFromProto(moved.subarray(shift)).tensor.data, Float32Array.of(0.1, -7));
    assert.deepEqual(tensorFromProto(Buffer.from(moved).subarray(shift)).tensor.data, Float32Array.of(0.1, -7));
  }
});

test('tensorFromProto reads scalars and empty tensors', () => {
  assert.deepEqual(
    tensorFromProto(proto('float32', [], lengthField(RAW_DATA, float32Bytes(3)))).tensor,
    createTensor('float32', [], Float32Array.of(3)),
  );
  assert.deepEqual(
    tensorFromProto(proto('int64', [0, 5], [])).tensor,
    createTensor('int64', [0, 5], new BigInt64Array(0)),
  );
  assert.deepEqual(tensorFromProto(proto('string', [0], [])).tensor, createTensor('string', [0], []));
});

test('tensorFromProto refuses data that does not fit', () => {
  const refuse = (bytes: Uint8Array, message: RegExp): void =>
    assert.throws(() => tensorFromProto(bytes), { reason: 'INVALID_MODEL', message });
  refuse(
    proto('float32', [3], lengthField(RAW_DATA, float32Bytes(1, 2))),
    /tensor "t" does not fit its dims: .* needs 12 bytes, got 8/,
  );
  refuse(proto('float32', [3], lengthField(FLOAT_DATA, float32Bytes(1, 2))), /needs 12 bytes, got 8/);
  refuse(proto('float32', [1], []), /needs 4 bytes, got 0/);
  refuse(proto('float32', [], lengthField(FLOAT_DATA, [1, 2, 3])), /holds 3 bytes, no multiple of 4 at byte/);
  refuse(proto('int32', [3], packed(INT32_DATA, [1, 200])), /needs 3 stored values, got at most 2/);
  refuse(proto('int32', [1], packed(INT32_DATA, [1, 2])), /int32 \[1\] holds more than 1 values/);
  refuse(proto('int64', [2 ** 40], packed(INT64_DATA, [1])), /needs 1099511627776 stored values, got at most 1/);
  refuse(proto('string', [2], lengthField(STRING_DATA, 'a')), /needs 2 stored values, got at most 1/);
  refuse(proto('uint8', [1], packed(INT32_DATA, [256])), /holds 256, which uint8 cannot/);
  refuse(proto('int8', [1], packed(INT32_DATA, [200])), /holds 200, which int8 cannot/);
  refuse(proto('bool', [1], packed(INT32_DATA, [2])), /holds 2, which bool cannot/);
  refuse(proto('bool', [2], lengthField(RAW_DATA, [1, 2])), /holds a bool that is not 0 or 1/);
  refuse(proto('float32', [2 ** 31, 2 ** 31], []), /describes more elements than can be counted/);
  refuse(Uint8Array.of(), /element type 0, which ONNX does not define/);
  refuse(Uint8Array.from(numberField(2, 27)), /element type 27/);
  refuse(Uint8Array.of(0x12, 0xff), /wire type 2, expected 0/);
});

test('tensorFromOnnx refuses data that lies elsewhere', () => {
  const stored = { name: 't', dims: [1], dataType: 1 };
  assert.throws(() => tensorFromOnnx({ ...stored, dataLocation: EXTERNAL_DATA }), /keeps its data in another file/);
  assert.throws(
    () => tensorFromOnnx({ ...stored, segment: { begin: 0n, end: 1n } }),
    /is one segment of a larger tensor/,
  );
});

for (const [archive, runnable] of [
  ['onnx/onnx_backend_simple_v1.22.0.tar.gz', 17],
  ['onnx/onnx_backend_pytorch-operator_v1.22.0.tar.gz', 23],
] as const) {
  test(`tensorFromProto reads inputs and outputs that ONNX Runtime confirms: ${archive}`, {
    skip: skipWithoutSharedData(archive),
  }, async () => {
    const files = readTarGz(sharedDataPath(archive));
    let ran = 0;
    for (const [path, bytes] of files) {
      if (!path.endsWith('/model.onnx')) continue;
      let session: InferenceSession;
      try {
        session = await InferenceSession.create(bytes, { intraOpNumThreads: 1, logSeverityLevel: 4 });
      } catch {
        continue; // newer operators than this ONNX Runtime has, or types its binding lacks
      }
      for (let set = 0; files.has(`${folderOf(path)}/test_data_set_${set}/output_0.pb`); set++) {
        const prefix = `${folderOf(path)}/test_data_set_${set}`;
        const inputs = loadSet(files, `${prefix}/input`, session.inputNames);
        const expected = loadSet(files, `${prefix}/output`, session.outputNames);
        const feeds = Object.fromEntries([...inputs].map(([name, tensor]) => [name, toOrt(tensor)]));
        const results = await session.run(feeds);
        for (const [name, tensor] of expected) assertClose(results[name], tensor, `${path} ${name}`);
      }
      ran++;
      await session.release();
    }
    assert.equal(ran, runnable);
  });
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'));
}

/** The tensors of `prefix_0.pb`, `prefix_1.pb` …, by name or else by position. */
function loadSet(
  files: ReadonlyMap<string, Uint8Array>,
  prefix: string,
  names: readonly string[],
): ReadonlyMap<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  for (const [index, fallback] of names.entries()) {
    const bytes = files.get(`${prefix}_${index}.pb`);
    if (bytes === undefined) continue;
    const { name, tensor } = tensorFromProto(bytes);
    tensors.set(name === '' ? fallback : name, tensor);
  }
  return tensors;
}

function toOrt(tensor: Tensor): OrtTensor {
  const text = new TextDecoder();
  if (tensor.dtype === 'string')
    return new OrtTensor(
      'string',
      tensor.data.map((bytes) => text.decode(bytes)),
      [...tensor.shape],
    );
  // The archives' tests use dtypes the binding knows by the same names.
  return new OrtTensor(tensor.dtype as 'float32', tensor.data as Float32Array, [...tensor.shape]);
}

function assertClose(actual: OrtTensor | undefined, expected: Tensor, where: string): void {
  assert.ok(actual, where);
  assert.deepEqual(actual.dims, [...expected.shape], where);
  assert.equal(actual.type, expected.dtype, where);
  if (expected.dtype === 'string') {
    const text = new TextDecoder();
    assert.deepEqual(
      actual.data,
      expected.data.map((bytes) => text.decode(bytes)),
      where,
    );
    return;
  }
  const values = [...(actual.data as Float32Array)]; // any array of numbers
  for (const [index, value] of [...(expected.data as Float32Array)].entries()) {
    if (Number.isNaN(value) && Number.isNaN(values[index])) continue; // the square root of a negative number, say
    const difference = Math.abs(Number(value) - Number(values[index]));
    assert.ok(
      difference <= 1e-3 * Math.max(1, Math.abs(Number(value))),
      `${where}[${index}]: ${values[index]} for ${value}`,
    );
  }
}
