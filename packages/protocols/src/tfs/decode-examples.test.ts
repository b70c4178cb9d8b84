import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError, type DType, type ErrorReason, type Signature, type Tensor, type TensorSpec } from '@amaas/core';
import { decodeExamples, type ExamplesRequest } from './index.ts';

const encoder = new TextEncoder();

function spec(dtype: DType, shape: TensorSpec['shape'], name = 'x'): TensorSpec {
  return { name, dtype, shape };
}

function decode(body: string, ...inputs: readonly TensorSpec[]): ExamplesRequest {
  const signature: Signature = { method: 'classify', inputs, outputs: [] };
  return decodeExamples('classify', encoder.encode(body), new Map([['serving_default', signature]]));
}

function decodeX(values: readonly string[], input: TensorSpec): Tensor | undefined {
  const examples = values.map((value) => `{"x": ${value}}`).join(',');
  return decode(`{"examples": [${examples}]}`, input).inputs.get('x');
}

function assertRefused(run: () => unknown, expected: string | RegExp, reason?: ErrorReason): void {
  assert.throws(run, (error) => {
    assert.ok(error instanceof AmaasError, String(error));
    if (typeof expected === 'string') assert.equal(error.message, expected);
    else assert.match(error.message, expected);
    if (reason !== undefined) assert.equal(error.reason, reason);
    return true;
  });
}

test('decodeExamples reads half_plus_two', () => {
  const signatures = new Map<string, Signature>([
    ['classify_x_to_y', { method: 'classify', inputs: [spec('float32', ['batch', 1])], outputs: [] }],
  ]);
  const body = encoder.encode('{"signature_name": "classify_x_to_y", "examples": [{"x": 2.0}, {"x": 7.0}]}');
  const request = decodeExamples('classify', body, signatures);
  assert.deepEqual(request, {
    signature: 'classify_x_to_y',
    exampleCount: 2,
    inputs: new Map([['x', { dtype: 'float32', shape: [2, 1], data: Float32Array.of(2, 7) }]]),
  });
  assert.deepEqual(structuredClone(request), request);
  assertRefused(
    () => decodeExamples('regress', body, signatures),
    'Expected signature "classify_x_to_y" to have method_name tensorflow/serving/regress. Was: tensorflow/serving/classify',
  );
});

test('decodeExamples stacks features to the shape the input declares', () => {
  const cases: readonly (readonly [TensorSpec['shape'], readonly string[], readonly number[]])[] = [
    [['n'], ['1', '2', '3'], [3]],
    [
      ['n', 1],
      ['1', '[2]'],
      [2, 1],
    ],
    [
      ['n', 4],
      ['[1,2,3,4]', '[5,6,7,8]'],
      [2, 4],
    ],
    [['n', 2, 2], ['[1,2,3,4]'], [1, 2, 2]],
    [['n', 'time', 2], ['[1,2,3,4,5,6]'], [1, 3, 2]],
    [
      ['n', null],
      ['[1,2,3]', '[4,5,6]'],
      [2, 3],
    ],
    [
      [null, 0],
      ['[]', '[]'],
      [2, 0],
    ],
    [['n', 'm', 0], ['[]'], [1, 0, 0]],
    [null, ['[1,2]', '[3,4]'], [2, 2]],
    [[], ['7'], []],
  ];
  for (const [declared, values, shape] of cases) {
    const tensor = decodeX(values, spec('float32', declared));
    assert.deepEqual(tensor?.shape, shape, JSON.stringify(declared));
    const numbers = values.flatMap((value) => [JSON.parse(value)].flat());
    assert.deepEqual([...(tensor?.data ?? [])], numbers);
  }
  const misfits: readonly (readonly [TensorSpec['shape'], readonly string[]])[] = [
    [['n', 4], ['[1,2,3]']],
    [['n'], ['[1,2]']],
    [['n', 'a', 'b'], ['[1,2,3,4]']],
    [['n', 'a', 3], ['[1,2,3,4]']],
    [['n', 'a', 0], ['[1]']],
    [[], ['1', '2']],
    [[], ['[1,2]']],
  ];
  for (const [declared, values] of misfits) {
    assertRefused(
      () => decodeX(values, spec('float32', declared)),
      /^Feature: x has \d values per example, which do not fit the input's float32 \[/,
      'INPUT_MISMATCH',
    );
  }
  assertRefused(
    () => decodeX(['[1,2]', '[1,2,3]'], spec('float32', ['n', null])),
    'Feature: x has 3 values in example 1, expected 2 as in example 0.',
  );
});

test('decodeExamples gives every example the features of the context', () => {
  const { inputs } = decode(
    '{"context": {"a": 1.5, "b": 9}, "examples": [{"b": 2, "ignored": "z"}, {"a": 2.5}, {"a": 3.5, "b": 4}]}',
    spec('float32', ['n'], 'a'),
    spec('int64', ['n'], 'b'),
  );
  assert.deepEqual(inputs.get('a')?.data, Float32Array.of(1.5, 2.5, 3.5));
  assert.deepEqual(inputs.get('b')?.data, BigInt64Array.of(2n, 9n, 4n));
  assert.equal(inputs.size, 2);
});

test('decodeExamples changes the kind of a feature only where nothing is lost', () => {
  const lossless: readonly (readonly [DType, string, ArrayLike<unknown>])[] = [
    ['float32', '[1, 16777216, -3]', [1, 16777216, -3]],
    ['float64', '[9007199254740992]', [9007199254740992]],
    ['float32', '[0.1, 2.5]', [Math.fround(0.1), 2.5]],
    ['int32', '[2.0, 3.0]', [2, 3]],
    ['int64', '[9223372036854775807, -9223372036854775808]', [2n ** 63n - 1n, -(2n ** 63n)]],
    ['uint8', '[255, 0]', [255, 0]],
    ['bool', '[true, false, 1]', [1, 0, 1]],
    ['int64', '[true, 7]', [1n, 7n]],
    ['float32', '[true]', [1]],
    ['float32', '[NaN, -Infinity]', [Number.NaN, Number.NEGATIVE_INFINITY]],
  ];
  for (const [dtype, value, expected] of lossless) {
    assert.deepEqual(
      Array.from<unknown>(decodeX([value], spec(dtype, [1, null]))?.data ?? []),
      Array.from(expected),
      value,
    );
  }
  const lossy: readonly (readonly [DType, string])[] = [
    ['float32', '16777217'], ['float64', '9007199254740993'], ['float32', '1e39'], ['int32', '2.5'], ['int32', '2147483648'],
    ['uint8', '-1'], ['bool', '2'], ['bool', '0.5'], ['string', '1'], ['float32', '"1"'], ['int64', '1e300'], ['int64', 'NaN'],
  ]; // biome-ignore format: a table
  for (const [dtype, value] of lossy) {
    assertRefused(
      () => decodeX(['0', value].slice(dtype === 'string' ? 1 : 0), spec(dtype, ['n'])),
      /^Feature: x of example \d: /,
      'INPUT_MISMATCH',
    );
  }
});

test('decodeExamples reads bytes as text and base64', () => {
  const tensor = decodeX(['["é", {"b64": "AP8="}]'], spec('string', [1, 2]));
  assert.deepEqual(tensor?.data, [Uint8Array.of(0xc3, 0xa9), Uint8Array.of(0, 255)]);
});

test('decodeExamples refuses features that are no flat list of one kind', () => {
  const input = spec('float32', ['n', null]);
  assertRefused(() => decodeX(['null'], input), 'Feature: x has element with unexpected JSON type: Null');
  assertRefused(() => decodeX(['[1, null]'], input), 'Feature: x has element with unexpected JSON type: Null');
  assertRefused(() => decodeX(['[[1, 2]]'], input), 'Feature: x has element with unexpected JSON type: Array');
  assertRefused(() => decodeX(['[[]]'], input), 'Feature: x has element with unexpected JSON type: Array');
  assertRefused(() => decodeX(['{"y": 1}'], input), 'Feature: x has element with unexpected JSON type: Object');
  assertRefused(() => decodeX(['[1, "a"]'], input), 'Unexpected element type in feature: x expecting type: int64');
  assertRefused(() => decodeX(['["a", 1.5]'], input), 'Unexpected element type in feature: x expecting type: bytes');
  assertRefused(() => decodeX(['[true, "a"]'], input), 'Unexpected element type in feature: x expecting type: int64');
  assertRefused(
    () => decodeX(['9223372036854775808'], input),
    'Feature: x has uint64 element. Only int64 is supported.',
  );
  assertRefused(() => decodeX(['[1, 9223372036854775808]'], input), /^Feature: x has uint64 element/);
});

test('decodeExamples refuses requests of another form', () => {
  const input = spec('float32', ['n']);
  assertRefused(() => decode('{"examples": []}', input), /'examples' value is an empty array$/, 'MALFORMED_REQUEST');
  assertRefused(() => decode('{"examples": {}}', input), /Expecting 'examples' value to be a list\/array$/);
  assertRefused(
    () => decode('{}', input),
    "JSON Value: {} When method is classify, key 'examples' is expected and was not found",
  );
  assertRefused(() => decode('{"examples": [1, 2]}', input), 'Example must be JSON object but got JSON Number');
  assertRefused(() => decode('{"examples": [[1], [2]]}', input), 'Example must be JSON object but got JSON Array');
  assertRefused(() => decode('{"examples": [{}, "a"]}', input), 'Example must be JSON object but got JSON String');
  assertRefused(
    () => decode('{"context": 1, "examples": [{}]}', input),
    'Example must be JSON object but got JSON Number',
  );
  assertRefused(
    () => decode('{"examples": [{"x": 1}, {}]}', input),
    'Feature: x is required but could not be found in example 1.',
  );
  assertRefused(
    () => decodeX(['1'], spec('float16', ['n'])),
    'Conversion of JSON Value: 1 to type: half',
    'UNSUPPORTED_TENSOR',
  );
  const optional: TensorSpec = { ...input, optional: true };
  assert.equal(decode('{"examples": [{"y": 1}]}', optional).inputs.size, 0);
  assertRefused(() => decode('{"examples": [{"x": 1}, {}]}', optional), /could not be found in example 1/);
});
