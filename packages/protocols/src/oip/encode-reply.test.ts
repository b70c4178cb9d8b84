import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createTensor, type NamedTensors, type Tensor } from '@amaas/core';
import { encodeInferReply, encodeInferReplyInSteps, type InferReplyParts } from './encode-reply.ts';

function reply(outputs: NamedTensors, more: Partial<InferReplyParts> = {}): InferReplyParts {
  return { model: 'm', version: '3', id: null, outputs, requested: null, binaryDefault: false, ...more };
}

function text(parts: readonly Uint8Array[]): string {
  return new TextDecoder().decode(Buffer.concat(parts));
}

/** The text of the `data` of one output in JSON. */
function dataText(tensor: Tensor): string {
  const match = /"data":(.*)\}\]\}$/.exec(text(encodeInferReply(reply(new Map([['y', tensor]]))).parts));
  assert.ok(match?.[1] !== undefined);
  return match[1];
}

describe('encodeInferReply in JSON', () => {
  test('writes the fields in the order of Triton', () => {
    const outputs = new Map<string, Tensor>([
      ['y', createTensor('float32', [1, 3], Float32Array.of(0.1, -2, 1e-7))],
      ['label', createTensor('string', [1], [new TextEncoder().encode('é"\n')])],
    ]);
    const parameters = new Map<string, string | number | bigint | boolean>([
      ['note', 'a"b'],
      ['count', 18446744073709551615n],
      ['ok', true],
    ]);
    const encoded = encodeInferReply(reply(outputs, { id: '42', parameters }));
    assert.equal(
      text(encoded.parts),
      '{"id":"42","model_name":"m","model_version":"3","parameters":{"note":"a\\"b","count":18446744073709551615,"ok":true},' +
        '"outputs":[{"name":"y","datatype":"FP32","shape":[1,3],"data":[0.1,-2,1e-7]},' +
        '{"name":"label","datatype":"BYTES","shape":[1],"data":["é\\"\\n"]}]}',
    );
    assert.equal(encoded.contentType, 'application/json');
    assert.equal(encoded.headerLength, null);
    assert.equal(encoded.byteLength, Buffer.concat(encoded.parts).byteLength);
  });

  test('writes every datatype in its own words, exactly', () => {
    assert.equal(dataText(createTensor('bool', [2], Uint8Array.of(1, 0))), '[true,false]');
    assert.equal(dataText(createTensor('int8', [2], Int8Array.of(-128, 127))), '[-128,127]');
    assert.equal(dataText(createTensor('uint32', [1], Uint32Array.of(4294967295))), '[4294967295]');
    assert.equal(
      dataText(createTensor('int64', [2], BigInt64Array.of(-(2n ** 63n), 9007199254740993n))),
      '[-9223372036854775808,9007199254740993]',
    );
    assert.equal(dataText(createTensor('uint64', [1], BigUint64Array.of(2n ** 64n - 1n))), '[18446744073709551615]');
    assert.equal(dataText(createTensor('float32', [2], Float32Array.of(16777216, 3.4e38))), '[16777216,3.4e+38]');
    assert.equal(dataText(createTensor('float64', [2], Float64Array.of(0.1, 5e-324))), '[0.1,5e-324]');
    assert.equal(dataText(createTensor('float32', [], Float32Array.of(7))), '[7]');
    assert.equal(dataText(createTensor('float32', [2, 0], new Float32Array(0))), '[]');
  });

  test('writes NaN and the infinities as Triton does', () => {
    const odd = Float32Array.of(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);
    assert.equal(dataText(createTensor('float32', [3], odd)), '[NaN,Infinity,-Infinity]');
  });

  test('refuses what JSON cannot carry and says what to do', () => {
    assert.throws(() => dataText(createTensor('float16', [1], Uint16Array.of(0x3c00))), {
      reason: 'INVALID_ARGUMENT',
      message: 'sending FP16 data via JSON is not supported. Please use the binary data format for output y',
    });
    assert.throws(() => dataText(createTensor('bfloat16', [1], Uint16Array.of(0x3f80))), /sending BF16 data/);
    assert.throws(() => dataText(createTensor('string', [2], [new Uint8Array(1), Uint8Array.of(0xff)])), {
      reason: 'INVALID_ARGUMENT',
      message: /^output 'y' cannot be sent as JSON .*element 1.*Please use the binary data format$/,
    });
    for (const binaryDefault of [true, false]) {
      const outputs = new Map([['y', createTensor('complex64', [1], new Float32Array(2))]]);
      assert.throws(() => encodeInferReply(reply(outputs, { binaryDefault })), {
        reason: 'UNSUPPORTED_TENSOR',
        message: /'y' is complex64/,
      });
    }
  });
});

describe('encodeInferReply in binary', () => {
  test('puts the elements behind the header without copying them', () => {
    const y = createTensor('float32', [2], Float32Array.of(1.5, -8));
    const s = createTensor('string', [2], [Uint8Array.of(0xff), new Uint8Array(0)]);
    const e = createTensor('int64', [0], new BigInt64Array(0));
    const encoded = encodeInferReply(
      reply(
        new Map<string, Tensor>([
          ['y', y],
          ['e', e],
          ['s', s],
        ]),
        { binaryDefault: true },
      ),
    );
    const header =
      '{"model_name":"m","model_version":"3","outputs":[{"name":"y","datatype":"FP32","shape":[2],"parameters":{"binary_data_size":8}},' +
      '{"name":"e","datatype":"INT64","shape":[0],"parameters":{"binary_data_size":0}},' +
      '{"name":"s","datatype":"BYTES","shape":[2],"parameters":{"binary_data_size":9}}]}';
    assert.equal(encoded.headerLength, header.length);
    assert.equal(encoded.contentType, 'application/octet-stream');
    const body = Buffer.concat(encoded.parts);
    assert.equal(body.subarray(0, header.length).toString(), header);
    assert.deepEqual(
      [...body.subarray(header.length)],
      [0, 0, 0xc0, 0x3f, 0, 0, 0, 0xc1, 1, 0, 0, 0, 0xff, 0, 0, 0, 0],
    );
    assert.equal(encoded.byteLength, body.byteLength);
    assert.ok(encoded.parts.some((part) => part.buffer === y.data.buffer));
  });

  test('counts the header in bytes, not characters', () => {
    const outputs = new Map([['é', createTensor('int8', [1], Int8Array.of(1))]]);
    const { headerLength, parts } = encodeInferReply(reply(outputs, { binaryDefault: true, id: '\u{1f600}' }));
    const body = Buffer.concat(parts);
    assert.equal(headerLength, body.byteLength - 1);
    assert.equal(JSON.parse(body.subarray(0, headerLength ?? 0).toString()).id, '\u{1f600}');
  });

  test('needs no header length where nothing follows, as Triton', () => {
    const outputs = new Map([['y', createTensor('float32', [0, 2], new Float32Array(0))]]);
    const encoded = encodeInferReply(reply(outputs, { binaryDefault: true }));
    assert.equal(encoded.headerLength, null);
    assert.equal(encoded.contentType, 'application/json');
    assert.match(text(encoded.parts), /"shape":\[0,2\],"parameters":\{"binary_data_size":0\}\}\]\}$/);
  });

  test('gives the requested outputs in their order and form, and refuses unknown ones', () => {
    const outputs = new Map<string, Tensor>([
      ['a', createTensor('int8', [1], Int8Array.of(1))],
      ['b', createTensor('int8', [1], Int8Array.of(2))],
      ['c', createTensor('int8', [1], Int8Array.of(3))],
    ]);
    const encoded = encodeInferReply(
      reply(outputs, {
        requested: [
          { name: 'c', binary: true, classification: 0 },
          { name: 'a', binary: false, classification: 0 },
        ],
      }),
    );
    assert.equal(
      text(encoded.parts),
      '{"model_name":"m","model_version":"3","outputs":[{"name":"c","datatype":"INT8","shape":[1],"parameters":{"binary_data_size":1}},' +
        '{"name":"a","datatype":"INT8","shape":[1],"data":[1]}]}\u0003',
    );
    assert.throws(
      () => encodeInferReply(reply(outputs, { requested: [{ name: 'z', binary: true, classification: 0 }] })),
      { reason: 'UNKNOWN_OUTPUT', message: "unexpected inference output 'z' for model 'm'" },
    );
  });

  test('writes a model without outputs', () => {
    assert.equal(text(encodeInferReply(reply(new Map())).parts), '{"model_name":"m","model_version":"3","outputs":[]}');
  });
});

describe('encodeInferReplyInSteps', () => {
  test('stops often, in pieces of at most 64 KiB, and ends with the same bytes', () => {
    const data = Float32Array.from({ length: 50_000 }, (_, index) => Math.sin(index) / (1 + index));
    const outputs = new Map<string, Tensor>([
      ['y', createTensor('float32', [50_000], data)],
      ['z', createTensor('int8', [1], Int8Array.of(1))],
    ]);
    const steps = encodeInferReplyInSteps(reply(outputs));
    let stops = 0;
    let step = steps.next();
    while (!step.done) {
      stops++;
      step = steps.next();
    }
    assert.equal(stops, 12);
    assert.ok(step.value.parts.every((part) => part.byteLength <= 65_536));
    const body = text(step.value.parts);
    const parsed = JSON.parse(body);
    assert.deepEqual(Float32Array.from(parsed.outputs[0].data), data);
    assert.deepEqual(parsed.outputs[1].data, [1]);
    assert.equal(body, text(encodeInferReply(reply(outputs)).parts));
  });
});
