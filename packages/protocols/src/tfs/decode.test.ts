import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError, type DType, type ErrorReason, type Signature, type Tensor, type TensorSpec } from '@amaas/core';
import { decodePredict, type PredictRequest } from './index.ts';

const encoder = new TextEncoder();

function signature(...inputs: readonly TensorSpec[]): Signature {
  return { method: 'predict', inputs, outputs: [] };
}

function input(name: string, dtype: DType, optional?: true): TensorSpec {
  return { name, dtype, shape: null, ...(optional ? { optional } : {}) };
}

function decode(body: string, ...inputs: readonly TensorSpec[]): PredictRequest {
  return decodePredict(encoder.encode(body), new Map([['serving_default', signature(...inputs)]]));
}

test('decodePredict takes {"b64": …} for inputs that may come as bytes, and what the signature says otherwise', () => {
  const signatures = new Map([['serving_default', signature(input('image', 'float32'), input('n', 'float32'))]]);
  const decodeEncoded = (body: string) =>
    decodePredict(encoder.encode(body), signatures, { encoded: new Set(['image']), texts: new Set() }).inputs.get(
      'image',
    );
  const two: Tensor = { dtype: 'string', shape: [2], data: [Uint8Array.of(1, 2), Uint8Array.of(3)] };
  assert.deepEqual(decodeEncoded('{"instances":[{"image":{"b64":"AQI="},"n":1},{"image":{"b64":"Aw=="},"n":2}]}'), two);
  assert.deepEqual(decodeEncoded('{"inputs":{"image":[{"b64":"AQI="},{"b64":"Aw=="}],"n":[1,2]}}'), two);
  const numbers: Tensor = { dtype: 'float32', shape: [1, 2], data: Float32Array.of(1, 2) };
  assert.deepEqual(decodeEncoded('{"instances":[{"image":[1,2],"n":1}]}'), numbers);
  for (const body of [
    '{"instances":[{"image":"AQI=","n":1}]}', // text is no picture
    '{"instances":[{"image":[1],"n":{"b64":"AQI="}}]}', // n may not come as bytes
    '{"instances":[{"image":{"b64":"AQI="},"n":1},{"image":[1],"n":2}]}', // one or the other
  ])
    assert.throws(() => decodeEncoded(body), { reason: 'INPUT_MISMATCH' });
});

/** The single input of a request for a model that takes one tensor of `dtype`. */
function decodeOne(body: string, dtype: DType): Tensor {
  const tensor = decode(body, input('x', dtype)).inputs.get('x');
  assert.ok(tensor !== undefined);
  return tensor;
}

function assertRefused(
  body: string,
  inputs: readonly TensorSpec[],
  expected: string | RegExp,
  reason?: ErrorReason,
): void {
  assert.throws(
    () => decode(body, ...inputs),
    (error) => {
      assert.ok(error instanceof AmaasError, String(error));
      if (typeof expected === 'string') assert.equal(error.message, expected);
      else assert.match(error.message, expected);
      if (reason !== undefined) assert.equal(error.reason, reason);
      return true;
    },
  );
}

const X = [input('x', 'float32')];
const AB = [input('a', 'float32'), input('b', 'int64')];

test('decodePredict reads half_plus_two in both formats', () => {
  const tensor = { dtype: 'float32', shape: [3], data: Float32Array.of(2, 3, 4) };
  assert.deepEqual(decode('{"instances": [2.0, 3.0, 4.0]}', ...X), {
    signature: 'serving_default',
    format: 'row',
    inputs: new Map([['x', tensor]]),
  });
  assert.deepEqual(decode('{"inputs": [2.0, 3.0, 4.0]}', ...X), {
    signature: 'serving_default',
    format: 'column',
    inputs: new Map([['x', tensor]]),
  });
  assert.deepEqual(decode('{"instances": [{"x": 2}, {"x": 3}, {"x": 4}], "other": 1}', ...X).inputs.get('x'), tensor);
  assert.deepEqual(decode('{"inputs": {"x": [2, 3, 4], "other": 1}}', ...X).inputs.get('x'), tensor);
});

test('decodePredict gives what can be sent to another thread', () => {
  const request = decode('{"instances": [{"a": [1.5], "b": 2}]}', ...AB);
  assert.deepEqual(structuredClone(request), request);
});

test('decodePredict chooses the signature', () => {
  const signatures = new Map([
    ['serving_default', signature(input('x', 'float32'))],
    ['__proto__', signature(input('y', 'int32'))],
  ]);
  const body = (name: string) => encoder.encode(`{"signature_name": ${name}, "inputs": [1]}`);
  assert.equal(decodePredict(body('"__proto__"'), signatures).inputs.get('y')?.dtype, 'int32');
  assert.equal(decodePredict(body('""'), signatures).signature, 'serving_default');
  assert.throws(() => decodePredict(body('"z"'), signatures), {
    message: 'Serving signature name: "z" not found in signature def',
    reason: 'UNKNOWN_SIGNATURE',
  });
  assert.throws(() => decodePredict(body('7'), signatures), /'signature_name' key must be a string value/);
  assert.throws(() => decodePredict(encoder.encode('{"inputs":[1]}'), new Map()), {
    message: 'Serving signature name: "serving_default" not found in signature def',
  });
});

test('decodePredict stacks rows of any rank', () => {
  assert.deepEqual(decodeOne('{"instances": [[[1,2],[3,4],[5,6]],[[7,8],[9,0],[1,2]]]}', 'int32'), {
    dtype: 'int32',
    shape: [2, 3, 2],
    data: Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2),
  });
  assert.deepEqual(decodeOne('{"instances": [[], []]}', 'float32'), {
    dtype: 'float32',
    shape: [2, 0],
    data: new Float32Array(0),
  });
  assert.deepEqual(decodeOne('{"inputs": 7.5}', 'float64'), {
    dtype: 'float64',
    shape: [],
    data: Float64Array.of(7.5),
  });
  assert.deepEqual(decodeOne('{"inputs": []}', 'float32'), { dtype: 'float32', shape: [0], data: new Float32Array(0) });
  const named = decode('{"instances": [{"a": [1.5, 2], "b": 3}, {"b": -4, "a": [3, 4]}]}', ...AB).inputs;
  assert.deepEqual(named.get('a'), { dtype: 'float32', shape: [2, 2], data: Float32Array.of(1.5, 2, 3, 4) });
  assert.deepEqual(named.get('b'), { dtype: 'int64', shape: [2], data: BigInt64Array.of(3n, -4n) });
});

test('decodePredict lets optional inputs out, in all rows or in none', () => {
  const inputs = [input('a', 'float32'), input('o', 'float32', true)];
  assert.deepEqual([...decode('{"instances": [{"a": 1}, {"a": 2}]}', ...inputs).inputs.keys()], ['a']);
  assert.deepEqual([...decode('{"instances": [{"a": 1, "o": 2}]}', ...inputs).inputs.keys()], ['a', 'o']);
  assert.deepEqual(decode('{"instances": [1, 2]}', ...inputs).inputs.get('a')?.shape, [2]);
  assert.deepEqual([...decode('{"inputs": {"a": [1]}}', ...inputs).inputs.keys()], ['a']);
  assertRefused(
    '{"instances": [{"a": 1}, {"a": 2, "o": 1}]}',
    inputs,
    /element: 1 of 'instances'.* keys must be equal to: a,o/,
  );
  assertRefused('{"instances": [{"a": 1, "o": 1}, {"a": 2}]}', inputs, /element: 1 of 'instances'/);
});

test('decodePredict reads every dtype JSON can carry, to its limits', () => {
  const cases: readonly (readonly [DType, string, ArrayLike<unknown>])[] = [
    ['float32', '[1, -2.5, 16777217, 3.4028235e38, 1e-46]', [1, -2.5, 16777216, 3.4028234663852886e38, 0]],
    ['float64', '[1, 0.1, 9007199254740993, 1e308]', [1, 0.1, 9007199254740992, 1e308]],
    ['int8', '[-128, 127]', [-128, 127]],
    ['int16', '[-32768, 32767]', [-32768, 32767]],
    ['int32', '[-2147483648, 2147483647, -0]', [-2147483648, 2147483647, 0]],
    ['uint8', '[0, 255, -0]', [0, 255, 0]],
    ['uint32', '[0, 4294967295]', [0, 4294967295]],
    [
      'int64',
      '[-9223372036854775808, 9223372036854775807, -1, 4294967296, -4294967297, 9007199254740991, -9007199254740991]',
      [-(2n ** 63n), 2n ** 63n - 1n, -1n, 2n ** 32n, -(2n ** 32n) - 1n, 2n ** 53n - 1n, 1n - 2n ** 53n],
    ],
    [
      'uint64',
      '[0, 18446744073709551615, 4294967297, 9223372036854775808]',
      [0n, 2n ** 64n - 1n, 2n ** 32n + 1n, 2n ** 63n],
    ],
    ['bool', '[true, false]', [1, 0]],
  ];
  for (const [dtype, list, expected] of cases) {
    const { data } = decodeOne(`{"inputs": ${list}}`, dtype);
    assert.deepEqual(Array.from<unknown>(data), Array.from(expected), dtype);
    // The same, not packed: one value after the other.
    const rows = JSON.stringify(list.slice(1, -1).split(', '))
      .replaceAll('"', '')
      .replace(/[^[\],]+/g, '{"x":$&}');
    assert.deepEqual(Array.from<unknown>(decodeOne(`{"instances": ${rows}}`, dtype).data), Array.from(expected), dtype);
  }
});

test('decodePredict refuses numbers a dtype does not hold', () => {
  const refused: readonly (readonly [DType, string])[] = [
    ['int8', '128'], ['int8', '-129'], ['int16', '32768'], ['int32', '2147483648'], ['int32', '1.5'], ['int32', '1.0'],
    ['int32', '1e2'], ['uint8', '256'], ['uint8', '-1'], ['uint32', '4294967296'], ['uint32', '-1'], ['int64', '1.0'],
    ['int64', '9223372036854775808'], ['int64', '-9223372036854775809'], ['uint64', '-1'], ['uint64', '18446744073709551616'],
    ['bool', '1'], ['string', '1'], ['int32', 'NaN'], ['int64', 'true'], ['float32', 'true'], ['float32', '"1"'],
    ['int32', 'null'], ['int64', 'null'], ['bool', 'null'], ['bool', '"true"'], ['string', 'true'], ['string', '{"b64": 7}'], ['float32', '{"b64": "AA=="}'],
  ]; // biome-ignore format: a table
  for (const [dtype, value] of refused) {
    assertRefused(`{"inputs": {"x": [${value}]}}`, [input('x', dtype)], /^JSON Value: /, 'INPUT_MISMATCH');
    assertRefused(`{"instances": [{"x": ${value}}]}`, [input('x', dtype)], /JSON Value: /, 'INPUT_MISMATCH');
  }
  const lossy = 'Cannot convert JSON value: 1e+39 to float without loss of precision.';
  assertRefused('{"inputs": {"x": 1e39}}', X, lossy);
  assertRefused('{"inputs": [1, 1e39]}', X, lossy);
});

test('decodePredict takes null for a missing value: NaN among floats, an empty string', () => {
  for (const dtype of ['float32', 'float64'] as const) {
    assert.deepEqual([...decodeOne('{"instances": [1.5, null, -2]}', dtype).data], [1.5, Number.NaN, -2]);
    assert.deepEqual([...decodeOne('{"instances": [{"x": null}, {"x": 3}]}', dtype).data], [Number.NaN, 3]);
    const nested = decodeOne('{"inputs": [[1, 2], [null, 4]]}', dtype);
    assert.deepEqual(
      [nested.shape, [...nested.data]],
      [
        [2, 2],
        [1, 2, Number.NaN, 4],
      ],
    );
  }
  assert.deepEqual(decodeOne('{"instances": [null, "a"]}', 'string').data, [new Uint8Array(0), Uint8Array.of(97)]);
  assertRefused(
    '{"instances": [{"x": 1}, {"x": null}]}',
    [input('x', 'int64')],
    /element: 1 key: x .*Type: Null is not of expected type: int64; null means a missing value, which only float, double and string/,
  );
});

test('decodePredict takes NaN and the infinities', () => {
  const expected = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const dtype of ['float32', 'float64'] as const) {
    assert.deepEqual([...decodeOne('{"instances": [NaN, Infinity, -Infinity]}', dtype).data], expected);
    assert.deepEqual(
      [...decodeOne('{"instances": [{"x":NaN}, {"x":Infinity}, {"x":-Infinity}]}', dtype).data],
      expected,
    );
  }
});

test('decodePredict reads strings as UTF-8 and base64', () => {
  const tensor = decodeOne('{"instances": ["é", {"b64": "AP8="}, ""]}', 'string');
  assert.deepEqual(tensor, {
    dtype: 'string',
    shape: [3],
    data: [Uint8Array.of(0xc3, 0xa9), Uint8Array.of(0, 255), new Uint8Array(0)],
  });
  assert.deepEqual(decodeOne('{"inputs": {"b64": "AQ=="}}', 'string').shape, []);
  assert.deepEqual(decodeOne('{"instances": [{"x": {"b64": "AQ=="}}]}', 'string').shape, [1]);
  assertRefused('{"inputs": [{"b64": "A"}]}', [input('x', 'string')], 'Unable to base64 decode');
  assertRefused(
    '{"inputs": [{"b64": "AQ==", "c": 1}]}',
    [input('x', 'string')],
    'JSON Value: {"b64":"AQ==","c":1} not formatted correctly for base64 data',
  );
});

test('decodePredict takes an input named b64 for an input where it is not alone', () => {
  const { inputs } = decode('{"instances": [{"b64": "AQ==", "c": "z"}]}', input('b64', 'string'), input('c', 'string'));
  assert.deepEqual(inputs.get('b64')?.data, [encoder.encode('AQ==')]);
});

test('decodePredict refuses dtypes JSON cannot carry with UNIMPLEMENTED', () => {
  for (const dtype of ['uint16', 'float16', 'bfloat16', 'complex64', 'complex128', 'int4'] as const) {
    assertRefused(
      '{"instances": [1, 2]}',
      [input('x', dtype)],
      /^Failed to process element: 0 .*to type: /,
      'UNSUPPORTED_TENSOR',
    );
    assertRefused(
      '{"inputs": [1, 2]}',
      [input('x', dtype)],
      /^Conversion of JSON Value: 1 to type: /,
      'UNSUPPORTED_TENSOR',
    );
  }
  assertRefused('{"inputs": [1]}', [input('x', 'float16')], 'Conversion of JSON Value: 1 to type: half');
});

test('decodePredict words its refusals as clients look for them', () => {
  assertRefused('', X, 'JSON Parse error: The document is empty', 'MALFORMED_REQUEST');
  assertRefused('{"instances": [1,', X, /^JSON Parse error: json: expected a value at byte 17/, 'MALFORMED_REQUEST');
  assertRefused('[1]', X, 'JSON Value: [1] Is not object');
  assertRefused('{}', X, "Missing 'inputs' or 'instances' key");
  assertRefused('{"instances": [], "inputs": []}', X, /^JSON Value: .* one of 'inputs' or 'instances' keys/);
  assertRefused('{"instances": 7}', X, /^JSON Value: \{"instances":7\} .*'instances' to be a list\/array/);
  assertRefused('{"instances": []}', X, /^JSON Value: \{"instances":\[\]\} No values in 'instances' array/);
  assertRefused('{"inputs": ["x"]}', X, 'JSON Value: "x" Type: String is not of expected type: float');
  assertRefused(
    '{"instances": [1, "x"]}',
    X,
    `Failed to process element: 1 of 'instances' list. Error: INVALID_ARGUMENT: JSON Value: "x" Type: String is not of expected type: float`,
  );
  assertRefused(
    '{"instances": [1.5, 2]}',
    [input('x', 'int32')],
    `Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT: JSON Value: 1.5 Type: Number is not of expected type: int32`,
  );
  assertRefused(
    '{"instances": [[1, 2], [3, 4.25]]}',
    [input('x', 'int32')],
    /^Failed to process element: 1 of .*4\.25 Type/,
  );
  assertRefused(
    '{"instances": [1, 2]}',
    AB,
    'instances is a plain list, but expecting list of objects as multiple input tensors required as per tensorinfo_map',
  );
  assertRefused('{"instances": ["x"]}', AB, /^instances is a plain list, /);
  assertRefused('{"inputs": [1]}', AB, /^inputs is a plain value\/list, but expecting an object/);
  assertRefused('{"inputs": {"a": [1]}}', AB, "Missing named input: b in 'inputs' object.");
  assertRefused(
    '{"instances": [{"a": 1, "b": 2}, {"a": 1}]}',
    AB,
    /^Failed to process element: 1 of 'instances' list\. JSON object: \{"a":1\} keys must be equal to: a,b; "b" is missing: null where there is no value$/,
  );
  assertRefused(
    '{"instances": [{"a": 1, "b": 2, "c": 3}]}',
    AB,
    "Failed to process element: 0 key: c of 'instances' list. Error: INVALID_ARGUMENT: JSON object: does not have named input: c",
  );
  assertRefused('{"instances": [{"a": 1, "b": 2}, 7]}', AB, 'Expecting object but got list at item 1 of input list');
  assertRefused(
    '{"instances": ["s", {"x": 1}]}',
    [input('x', 'string')],
    'Expecting value/list but got object at item 1 of input list',
  );
});

test('decodePredict refuses values that are not rectangular', () => {
  const element = "Failed to process element: 1 of 'instances' list. Error: INVALID_ARGUMENT: ";
  assertRefused('{"instances": [[1, 2], [1, 2, 3]]}', X, `${element}Expecting tensor size: 2 but got: 3`);
  assertRefused('{"instances": [[1, 2], [[1, 2]]]}', X, `${element}Expecting shape [2] but got: [1,2]`);
  assertRefused('{"instances": [[1, 2], 3]}', X, /^Failed to process element: 1 .*Expecting tensor size: 2 but got: 1/);
  assertRefused('{"inputs": [[1, 2], [3]]}', X, 'Encountered list at unexpected size: 1 at level: 1 expected size: 2');
  assertRefused(
    '{"instances": [[[1, 2], [3]], [[1, 2], [3]]]}',
    X,
    /^Failed to process element: 0 .*unexpected size: 1 at level: 1/,
  );
  assertRefused('{"inputs": [1, [2]]}', X, 'Encountered list at unexpected level: 1 expected < 1');
  assertRefused(
    '{"inputs": [[1, 2], 3]}',
    X,
    'JSON Value: 3 found at incorrect level: 2 in the JSON DOM. Expected at level: 2',
  );
  assertRefused(
    '{"inputs": [[[1]], [2]]}',
    X,
    /^JSON Value: 2 found at incorrect level: 3 in the JSON DOM\. Expected at level: 3/,
  );
});

test('decodePredict makes no room for what a request only promises', () => {
  // A long first row and a hundred thousand empty ones: a hundred million elements, were it rectangular.
  const rows = `[${'1,'.repeat(10_000)}1]${',[]'.repeat(100_000)}`;
  assertRefused(`{"instances": [${rows}]}`, X, /^Failed to process element: 1 of/);
  assertRefused(`{"inputs": [${rows}]}`, X, /^Encountered list at unexpected size: 0 at level: 1/);
});

test('decodePredict quotes no more than 256 bytes', () => {
  const long = `é${'x'.repeat(100_000)}`;
  assert.throws(
    () => decode(JSON.stringify({ inputs: [long] }), ...X),
    (error) => {
      assert.ok(error instanceof AmaasError);
      const quoted = /^JSON Value: (.*) Type: String/.exec(error.message)?.[1] ?? '';
      assert.equal(encoder.encode(quoted).length, 256);
      return true;
    },
  );
  assertRefused(JSON.stringify({ instances: 1, more: Array(50_000).fill({ a: [1, 2] }) }), X, /^.{0,400}$/);
});

test('decodePredict ignores what follows the document', () => {
  assert.deepEqual(decodeOne('{"instances": [1]} trailing', 'float32').shape, [1]);
});
