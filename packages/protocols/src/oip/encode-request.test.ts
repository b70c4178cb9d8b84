import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createTensor, type Tensor } from '@amaas/core';
import { decodeInferReply } from './decode-reply.ts';
import { encodeInferRequest } from './encode-request.ts';

const x = createTensor('int16', [1, 2], Int16Array.of(1, -1));

function text(parts: readonly Uint8Array[]): string {
  return new TextDecoder().decode(Buffer.concat(parts));
}

describe('encodeInferRequest', () => {
  test('sends binary and asks for binary by default', () => {
    const encoded = encodeInferRequest(new Map([['X', x]]));
    const header =
      '{"parameters":{"binary_data_output":true},"inputs":[{"name":"X","datatype":"INT16","shape":[1,2],"parameters":{"binary_data_size":4}}]}';
    const body = Buffer.concat(encoded.parts);
    assert.equal(body.subarray(0, header.length).toString(), header);
    assert.deepEqual([...body.subarray(header.length)], [1, 0, 0xff, 0xff]);
    assert.deepEqual(encoded.headers, {
      'content-type': 'application/octet-stream',
      'inference-header-content-length': String(header.length),
    });
    assert.equal(encoded.byteLength, header.length + 4);
  });

  test('writes every option', () => {
    const encoded = encodeInferRequest(new Map([['X', x]]), {
      id: 'a"b',
      binary: false,
      priority: 2,
      timeoutMs: 0.0015,
      parameters: new Map([['tag', 'v']]),
      outputs: ['y', { name: 'z', binary: true, classification: 5 }],
    });
    assert.equal(
      text(encoded.parts),
      '{"id":"a\\"b","parameters":{"priority":2,"timeout":2,"tag":"v"},' +
        '"outputs":[{"name":"y","parameters":{"binary_data":false}},{"name":"z","parameters":{"binary_data":true,"classification":5}}],' +
        '"inputs":[{"name":"X","datatype":"INT16","shape":[1,2],"data":[1,-1]}]}',
    );
    assert.deepEqual(encoded.headers, { 'content-type': 'application/json' });
  });

  test('refuses what JSON cannot carry and options that make no sense', () => {
    const odd: readonly Tensor[] = [
      createTensor('float32', [1], Float32Array.of(Number.NaN)),
      createTensor('float64', [1], Float64Array.of(Number.NEGATIVE_INFINITY)),
      createTensor('string', [1], [Uint8Array.of(0xc3)]),
      createTensor('float16', [1], Uint16Array.of(0)),
    ];
    for (const tensor of odd) {
      const inputs = new Map([['X', tensor]]);
      assert.throws(() => encodeInferRequest(inputs, { binary: false }), {
        reason: 'INVALID_ARGUMENT',
        message: /Please use the binary data format/,
      });
      assert.ok(encodeInferRequest(inputs).byteLength > 0);
    }
    assert.throws(() => encodeInferRequest(new Map([['X', createTensor('int4', [1], new Uint8Array(1))]])), {
      reason: 'UNSUPPORTED_TENSOR',
    });
    for (const options of [
      { priority: -1 },
      { timeoutMs: Number.NaN },
      { timeoutMs: -5 },
      { outputs: [{ name: 'y', classification: 1.5 }] },
      { parameters: new Map([['timeout', 5]]) },
      { parameters: new Map([['f', Number.NaN]]) },
    ]) {
      assert.throws(() => encodeInferRequest(new Map([['X', x]]), options), { reason: 'INVALID_ARGUMENT' });
    }
  });
});

describe('decodeInferReply', () => {
  test('reads a reply of Triton, written by hand', () => {
    const header =
      '{"id":"42","model_name":"simple","model_version":"1","outputs":[{"name":"OUTPUT0","datatype":"INT32","shape":[1,2],"parameters":{"binary_data_size":8}},' +
      '{"name":"OUTPUT1","datatype":"BYTES","shape":[1],"data":["0.900000:2:cat"]}]}';
    const body = Buffer.concat([Buffer.from(header), Uint8Array.of(2, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff)]);
    const decoded = decodeInferReply(body, header.length);
    assert.equal(decoded.model, 'simple');
    assert.equal(decoded.version, '1');
    assert.equal(decoded.id, '42');
    assert.deepEqual(decoded.outputs.get('OUTPUT0'), { dtype: 'int32', shape: [1, 2], data: Int32Array.of(2, -2) });
    assert.deepEqual(decoded.outputs.get('OUTPUT1')?.data, [new TextEncoder().encode('0.900000:2:cat')]);
  });

  test('reads a reply of KServe with nulls for what is absent', () => {
    const body = new TextEncoder().encode(
      '{"model_name":"m","model_version":null,"id":null,"parameters":null,"outputs":[{"name":"o","shape":[2,1],"datatype":"FP32","parameters":null,"data":[[1.0],[2.5]]}]}',
    );
    const decoded = decodeInferReply(body, null);
    assert.equal(decoded.version, null);
    assert.equal(decoded.id, null);
    assert.deepEqual(decoded.outputs.get('o')?.data, Float32Array.of(1, 2.5));
  });

  test('says that a reply cannot be read, as a failure that is not to be repeated', () => {
    const output = '{"name":"y","datatype":"INT8","shape":[1],"data":[1]}';
    for (const [body, headerLength] of [
      ['<html>', null],
      ['[]', null],
      ['{"model_name":"m"}', null],
      ['{"outputs":[]}', null],
      [`{"model_name":"m","outputs":[${output},${output}]}`, null],
      [`{"model_name":"m","outputs":[${output}]}trailing`, 56],
      [`{"model_name":"m","outputs":[${output}]}`, 999],
      [
        '{"model_name":"m","outputs":[{"name":"y","datatype":"INT8","shape":[9],"parameters":{"binary_data_size":9}}]}',
        null,
      ],
    ] as const) {
      assert.throws(() => decodeInferReply(new TextEncoder().encode(body), headerLength), {
        reason: 'TRANSPORT_FAILED',
        retryable: false,
        message: /^infer: the reply cannot be read: /,
      });
    }
  });
});
