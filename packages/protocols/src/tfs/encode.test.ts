import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError, createTensor, type NamedTensors, type Tensor } from '@amaas/core';
import {
  decodePredict,
  encodeClassify,
  encodeMetadata,
  encodePredict,
  encodeRegress,
  encodeStatus,
  type PredictFormat,
} from './index.ts';

function text(pieces: readonly Uint8Array[]): string {
  return Buffer.concat(pieces).toString();
}

function floats(shape: readonly number[], ...values: number[]): Tensor {
  return createTensor('float32', shape, Float32Array.from(values));
}

function strings(shape: readonly number[], ...values: string[]): Tensor {
  const encoder = new TextEncoder();
  return createTensor(
    'string',
    shape,
    values.map((value) => encoder.encode(value)),
  );
}

function predict(format: PredictFormat, outputs: Readonly<Record<string, Tensor>>): string {
  return text(encodePredict(new Map(Object.entries(outputs)), format));
}

function assertRefused(run: () => unknown, message: string, reason: string): void {
  assert.throws(run, (error) => {
    assert.ok(error instanceof AmaasError);
    assert.equal(error.message, message);
    assert.equal(error.reason, reason);
    return true;
  });
}

test('encodePredict answers half_plus_two in both formats', () => {
  const y = floats([3], 3, 3.5, 4);
  assert.equal(predict('row', { y }), '{"predictions":[3.0,3.5,4.0]}');
  assert.equal(predict('column', { y }), '{"outputs":[3.0,3.5,4.0]}');
});

test('encodePredict names several outputs, per row or per tensor', () => {
  const outputs = {
    a: floats([2, 2], 1, 0.1, Number.NaN, Number.NEGATIVE_INFINITY),
    __b: createTensor('int64', [2], BigInt64Array.of(2n ** 63n - 1n, -1n)),
  };
  assert.equal(
    predict('row', outputs),
    '{"predictions":[{"a":[1.0,0.1],"__b":9223372036854775807},{"a":[NaN,-Infinity],"__b":-1}]}',
  );
  assert.equal(
    predict('column', outputs),
    '{"outputs":{"a":[[1.0,0.1],[NaN,-Infinity]],"__b":[9223372036854775807,-1]}}',
  );
  const hostile: NamedTensors = new Map([
    ['__proto__', floats([1], 1)],
    ['"\n', floats([1], 2)],
  ]);
  assert.equal(text(encodePredict(hostile, 'row')), '{"predictions":[{"__proto__":1.0,"\\"\\n":2.0}]}');
});

test('encodePredict writes string outputs as text, those named _bytes as base64', () => {
  assert.equal(predict('row', { s: strings([2], 'é', 'a"b') }), '{"predictions":["é","a\\"b"]}');
  assert.equal(
    predict('column', { s_bytes: createTensor('string', [1], [Uint8Array.of(255, 0)]) }),
    '{"outputs":[{"b64":"/wA="}]}',
  );
  assertRefused(
    () => predict('row', { s: createTensor('string', [1], [Uint8Array.of(255, 0)]) }),
    'Tensor name: s: json: expected string elements in UTF-8, got other bytes at element 0',
    'UNSUPPORTED_TENSOR',
  );
});

test('encodePredict needs rows for the row format alone', () => {
  assertRefused(
    () => predict('row', { y: floats([], 1) }),
    'Tensor name: y has no shape information',
    'INVALID_ARGUMENT',
  );
  assertRefused(
    () => predict('row', { a: floats([2], 1, 2), b: floats([1], 1) }),
    'Tensor name: b has inconsistent batch size: 1 expecting: 2',
    'INVALID_ARGUMENT',
  );
  assert.equal(predict('column', { y: floats([], 1) }), '{"outputs":1.0}');
  assert.equal(predict('column', { a: floats([], 7), b: floats([0]) }), '{"outputs":{"a":7.0,"b":[]}}');
  assert.equal(predict('row', { y: floats([0, 3]) }), '{"predictions":[]}');
  assert.equal(predict('row', { y: floats([2, 0]) }), '{"predictions":[[],[]]}');
  assertRefused(() => predict('row', {}), 'Cannot convert empty tensor map to JSON', 'INVALID_ARGUMENT');
  assertRefused(
    () => predict('row', { c: createTensor('complex64', [1], new Float32Array(2)) }),
    'Tensor name: c: json: expected a dtype with a JSON form, got complex64',
    'UNSUPPORTED_TENSOR',
  );
});

test('encodePredict and decodePredict are each other reversed', () => {
  const tensors: readonly Tensor[] = [
    floats([2, 3], 1.5, -0.1, Number.NaN, Number.POSITIVE_INFINITY, 3.4028234663852886e38, 2 ** -149),
    createTensor('float64', [2, 1, 2], Float64Array.of(0.1, -1e-300, 5e-324, 1.7976931348623157e308)),
    createTensor('int64', [2], BigInt64Array.of(-(2n ** 63n), 2n ** 53n + 1n)),
    createTensor('uint64', [1, 2], BigUint64Array.of(2n ** 64n - 1n, 3n)),
    createTensor('int8', [3], Int8Array.of(-128, 0, 127)),
    createTensor('bool', [2, 2], Uint8Array.of(1, 0, 0, 1)),
    strings([2, 2], '', 'é', '"\\\u0001', 'plain'),
    floats([2, 0]),
  ];
  for (const tensor of tensors) {
    const input = { name: 'x', dtype: tensor.dtype, shape: null };
    const signatures = new Map([['serving_default', { method: 'predict' as const, inputs: [input], outputs: [] }]]);
    for (const [format, from, to] of [
      ['row', 'predictions', 'instances'],
      ['column', 'outputs', 'inputs'],
    ] as const) {
      const body = text(encodePredict(new Map([['x', tensor]]), format)).replace(from, to);
      assert.deepEqual(decodePredict(Buffer.from(body), signatures).inputs.get('x'), tensor, body);
    }
  }
});

test('encodeClassify pairs labels and scores', () => {
  const golden = new Map([['y', floats([1, 1], 3)]]);
  assert.equal(text(encodeClassify(golden, null)), '{"results":[[["",3.0]]]}');
  const scores = floats([2, 3], 0.5, 0.25, 0.25, 1, 0, Number.NaN);
  assert.equal(
    text(
      encodeClassify(
        new Map([
          ['label', strings([2], 'q', 'r')],
          ['scores', scores],
        ]),
        ['a', 'b', 'c'],
      ),
    ),
    '{"results":[[["a",0.5],["b",0.25],["c",0.25]],[["a",1.0],["b",0.0],["c",NaN]]]}',
  );
  const classes = strings([2, 3], 'u', 'v', 'w', 'x', 'y', 'z');
  assert.equal(
    text(
      encodeClassify(
        new Map([
          ['scores', scores],
          ['classes', classes],
        ]),
        ['a', 'b', 'c'],
      ),
    ),
    '{"results":[[["u",0.5],["v",0.25],["w",0.25]],[["x",1.0],["y",0.0],["z",NaN]]]}',
  );
  assert.equal(
    text(encodeClassify(new Map([['p', floats([2], 0.5, 1)]]), ['yes'])),
    '{"results":[[["yes",0.5]],[["yes",1.0]]]}',
  );
});

test('encodeClassify refuses outputs that are no scores', () => {
  assertRefused(
    () => encodeClassify(new Map([['n', createTensor('int64', [1], BigInt64Array.of(1n))]]), null),
    'Expected scores Tensor shape to be [batch_size, classes] but got: none',
    'INVALID_ARGUMENT',
  );
  assertRefused(
    () => encodeClassify(new Map([['scores', floats([1, 1, 1], 1)]]), null),
    'Expected scores Tensor shape to be [batch_size, classes] but got: float32 [1,1,1]',
    'INVALID_ARGUMENT',
  );
  assertRefused(
    () =>
      encodeClassify(
        new Map([
          ['scores', floats([1, 2], 1, 2)],
          ['classes', strings([1], 'a')],
        ]),
        null,
      ),
    'Expected classes Tensor shape to be string [1,2] but got: string [1]',
    'INVALID_ARGUMENT',
  );
  assertRefused(
    () => encodeClassify(new Map([['scores', floats([0, 2])]]), null),
    'Cannot convert empty ClassificationResults to JSON',
    'INVALID_ARGUMENT',
  );
});

test('encodeRegress lists one number per example', () => {
  assert.equal(text(encodeRegress(new Map([['y', floats([1], 3)]]))), '{"results":[3.0]}');
  assert.equal(text(encodeRegress(new Map([['n', floats([2, 1], 3, 0.1)]]))), '{"results":[3.0,0.1]}');
  const outputs = new Map([
    ['other', floats([1, 2], 1, 2)],
    ['outputs', floats([1, 1], 7.5)],
  ]);
  assert.equal(text(encodeRegress(outputs)), '{"results":[7.5]}');
  const message = 'Expected outputs Tensor shape to be [batch_size] or [batch_size, 1] but got: ';
  assertRefused(
    () => encodeRegress(new Map([['y', floats([1, 2], 1, 2)]])),
    `${message}float32 [1,2]`,
    'INVALID_ARGUMENT',
  );
  assertRefused(() => encodeRegress(new Map([['y', floats([], 1)]])), `${message}float32 []`, 'INVALID_ARGUMENT');
  assertRefused(() => encodeRegress(new Map()), `${message}none`, 'INVALID_ARGUMENT');
  assertRefused(
    () => encodeRegress(new Map([['y', floats([0])]])),
    'Cannot convert empty RegressionResults to JSON',
    'INVALID_ARGUMENT',
  );
});

test('encodeStatus writes versions as strings and empty fields too', () => {
  assert.equal(
    encodeStatus([
      { version: 123, state: 'AVAILABLE', errorCode: 'OK', errorMessage: '' },
      { version: 7, state: 'END', errorCode: 'INVALID_ARGUMENT', errorMessage: 'bad "file"' },
    ]),
    '{"model_version_status":[{"version":"123","state":"AVAILABLE","status":{"error_code":"OK","error_message":""}},' +
      '{"version":"7","state":"END","status":{"error_code":"INVALID_ARGUMENT","error_message":"bad \\"file\\""}}]}',
  );
});

test('encodeMetadata writes signatures as TensorFlow Serving does', () => {
  const x = { name: 'x', dtype: 'float32', shape: ['batch', 3, null] } as const;
  const y = { name: '__proto__', dtype: 'string', shape: null } as const;
  const body = encodeMetadata({
    model: 'm',
    version: 123,
    signatures: new Map([['serving_default', { method: 'predict', inputs: [x], outputs: [y] }]]),
  });
  assert.equal(
    body,
    '{"model_spec":{"name":"m","signature_name":"","version":"123"},"metadata":{"signature_def":{"signature_def":' +
      '{"serving_default":{"inputs":{"x":{"dtype":"DT_FLOAT","tensor_shape":{"dim":[{"size":"-1","name":""},' +
      '{"size":"3","name":""},{"size":"-1","name":""}],"unknown_rank":false},"name":"x"}},"outputs":{"__proto__":' +
      '{"dtype":"DT_STRING","tensor_shape":{"dim":[],"unknown_rank":true},"name":"__proto__"}},' +
      '"method_name":"tensorflow/serving/predict","defaults":{}}}}}}',
  );
});
