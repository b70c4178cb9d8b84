import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { skipWithoutSharedData } from '../../../../tools/test-data.ts';
import { readModel } from './read.ts';
import { loadSharedModel, SHARED_MODELS } from './testing/models.ts';
import { float32Bytes, floatField, lengthField, modelBytes, numberField, varint } from './testing/proto-bytes.ts';
import { writeModel } from './write.ts';

function assertInvalid(bytes: Uint8Array | readonly number[], message: RegExp): void {
  assert.throws(
    () => readModel(Uint8Array.from(bytes)),
    (error) => {
      assert.ok(error instanceof AmaasError);
      assert.equal(error.reason, 'INVALID_MODEL');
      assert.match(error.message, message);
      return true;
    },
  );
}

/** A model whose graph is one node with one attribute of these bytes, named "a". */
function modelWithAttribute(attribute: readonly number[]): Uint8Array {
  const node = [...lengthField(4, 'Op'), ...lengthField(5, [...lengthField(1, 'a'), ...attribute])];
  return modelBytes(lengthField(1, node));
}

for (const path of SHARED_MODELS) {
  test(`writeModel gives back the very bytes readModel read: ${path}`, { skip: skipWithoutSharedData(path) }, () => {
    const bytes = loadSharedModel(path);
    assert.ok(Buffer.from(bytes).equals(writeModel(readModel(bytes))));
  });
}

test('readModel gives weights as views into the file', { skip: skipWithoutSharedData('onnx/yolox_nano.onnx') }, () => {
  const bytes = loadSharedModel('onnx/yolox_nano.onnx');
  const weights = readModel(bytes).graph.initializers.flatMap((tensor) => tensor.rawData ?? []);
  assert.equal(weights.length, 236);
  for (const weight of weights) assert.equal(weight.buffer, bytes.buffer);
});

test('readModel gives plain Uint8Arrays for a Buffer', () => {
  const tensor = [...numberField(2, 2), ...lengthField(9, [7])];
  const model = readModel(Buffer.from(modelBytes(lengthField(5, tensor))));
  assert.equal(model.graph.initializers[0]?.rawData?.constructor, Uint8Array);
});

test('readModel reads every kind of field', () => {
  const attribute = [
    ...floatField(2, 1.5),
    ...numberField(3, -7n),
    ...lengthField(4, [0xff, 0]),
    ...lengthField(13, 'grüße 🎈'),
    ...numberField(20, 2),
  ];
  const [node] = readModel(modelWithAttribute(attribute)).graph.nodes;
  assert.deepEqual(node, {
    opType: 'Op',
    inputs: [],
    outputs: [],
    attributes: [{ name: 'a', f: 1.5, i: -7n, s: Uint8Array.of(0xff, 0), docString: 'grüße 🎈', type: 2 }],
  });
});

test('readModel keeps a byte order mark at the start of a text', () => {
  const model = readModel(modelBytes(lengthField(2, '\uFEFFname')));
  assert.equal(model.graph.name, '\uFEFFname');
});

test('readModel takes repeated numbers one by one, packed, and in several runs', () => {
  const single = [...floatField(7, 1.5), ...floatField(7, -2), ...numberField(8, 3), ...numberField(8, -(2n ** 63n))];
  const packed = [...lengthField(7, float32Bytes(1.5, -2)), ...lengthField(8, [...varint(3), ...varint(2n ** 63n)])];
  const mixed = [
    ...lengthField(7, float32Bytes(1.5)),
    ...floatField(7, -2),
    ...lengthField(8, varint(3)),
    ...lengthField(8, []),
    ...numberField(8, -(2n ** 63n)),
  ];
  for (const attribute of [single, packed, mixed]) {
    const [read] = readModel(modelWithAttribute(attribute)).graph.nodes[0]?.attributes ?? [];
    assert.deepEqual(read?.floats, Float32Array.of(1.5, -2));
    assert.deepEqual(read?.ints, BigInt64Array.of(3n, -(2n ** 63n)));
  }
});

test('readModel joins thousands of unpacked numbers in order', () => {
  const values = Array.from({ length: 5000 }, (_, index) => BigInt(index * index));
  const attribute = values.flatMap((value) => numberField(8, value));
  const [read] = readModel(modelWithAttribute(attribute)).graph.nodes[0]?.attributes ?? [];
  assert.deepEqual([...(read?.ints ?? [])], values);
});

test('readModel gives dims packed or not', () => {
  const tensor = [...numberField(1, 2), ...lengthField(1, [3, ...varint(300)]), ...numberField(2, 1)];
  assert.deepEqual(readModel(modelBytes(lengthField(5, tensor))).graph.initializers[0]?.dims, [2, 3, 300]);
});

test('readModel merges a message that appears twice, as protobuf does', () => {
  const first = [...lengthField(2, 'first'), ...lengthField(11, lengthField(1, 'x'))];
  const second = [
    ...lengthField(2, 'second'),
    ...lengthField(11, lengthField(1, 'y')),
    ...lengthField(1, lengthField(4, 'Op')),
  ];
  const { graph } = readModel(modelBytes(first, lengthField(7, second)));
  assert.equal(graph.name, 'second');
  assert.deepEqual(
    graph.inputs.map((info) => info.name),
    ['x', 'y'],
  );
  assert.equal(graph.nodes.length, 1);
  const [attribute] = readModel(
    modelWithAttribute([
      ...lengthField(5, [...numberField(1, 2), ...lengthField(4, float32Bytes(1))]),
      ...lengthField(5, [...numberField(1, 3), ...lengthField(4, float32Bytes(2))]),
    ]),
  ).graph.nodes[0]?.attributes ?? [undefined];
  assert.deepEqual(attribute?.t?.dims, [2, 3]);
  assert.deepEqual(attribute?.t?.floatData, Uint8Array.from(float32Bytes(1, 2)));
});

test('readModel keeps the last member of a oneof', () => {
  const tensorType = lengthField(1, numberField(1, 1));
  const sequenceType = lengthField(4, []);
  const input = (type: readonly number[]): Uint8Array =>
    modelBytes(lengthField(11, [...lengthField(1, 'x'), ...lengthField(2, type)]));
  assert.deepEqual(readModel(input([...tensorType, ...sequenceType])).graph.inputs[0]?.type, { sequenceType: {} });
  assert.deepEqual(readModel(input([...sequenceType, ...tensorType])).graph.inputs[0]?.type, {
    tensorType: { elemType: 1 },
  });
});

test('readModel and writeModel carry unknown fields of every wire type through a rewrite', () => {
  const unknown = [
    ...numberField(1000, 5),
    ...[...varint(1001 * 8 + 1), 1, 2, 3, 4, 5, 6, 7, 8],
    ...lengthField(1002, 'future'),
    ...floatField(1003, 2.5),
  ];
  const node = [...lengthField(10, 'device'), ...lengthField(4, 'Op'), ...lengthField(10, 'device 2')];
  const graph = [...lengthField(1, node), ...unknown];
  const bytes = modelBytes(graph, unknown);
  const model = readModel(bytes);
  assert.deepEqual(model.unknownFields, [Uint8Array.from(unknown)]);
  const rewritten = writeModel({ ...model, graph: { ...model.graph, name: 'renamed' } });
  const again = readModel(rewritten);
  assert.equal(again.graph.name, 'renamed');
  assert.deepEqual(again.unknownFields, model.unknownFields);
  assert.deepEqual(again.graph.unknownFields, [Uint8Array.from(unknown)]);
  assert.deepEqual(
    Buffer.concat(again.graph.nodes[0]?.unknownFields ?? []).toString('latin1'),
    '\x52\x06device\x52\x08device 2',
  );
});

test('readModel refuses what is no model, saying what is missing', () => {
  assertInvalid([], /the file is empty/);
  assertInvalid(numberField(1, 8), /nothing in these 2 bytes gives its graph/);
  assertInvalid([...lengthField(7, []), ...lengthField(8, numberField(2, 13))], /gives its ir_version/);
  assertInvalid([...numberField(1, 8), ...lengthField(7, [])], /gives its opset_import/);
});

test('readModel names the format of a foreign file', () => {
  const text = (content: string): Uint8Array => Buffer.from(content, 'latin1');
  assertInvalid(text('version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n'), /got a Git LFS pointer/);
  assertInvalid(text('PK\x03\x04\x14\x00'), /got a ZIP archive/);
  assertInvalid(text('GGUF\x03\x00\x00\x00'), /got a GGUF model/);
  assertInvalid(text('<!doctype html>'), /got HTML/);
  assertInvalid(text('{"a": 1}'), /got JSON/);
  assertInvalid(text('\x1c\x00\x00\x00TFL3\x00'), /got a TensorFlow Lite model/);
});

test('readModel does not mistake a model for the foreign file it resembles', () => {
  const bytes = Uint8Array.from([...numberField(1, 8), ...lengthField(2, 'TFL3'), ...modelBytes([]).subarray(2)]);
  assert.equal(String.fromCharCode(...bytes.subarray(4, 8)), 'TFL3');
  assert.equal(readModel(bytes).producerName, 'TFL3');
});

test('readModel refuses lengths beyond the bytes that are there', () => {
  assertInvalid(
    [...numberField(1, 8), 0x3a, ...varint(100), 0],
    /a length of 100 exceeds the 1 bytes that follow at byte 3$/,
  );
  assertInvalid([...numberField(1, 8), 0x3a, ...varint(2n ** 60n)], /a length of 1152921504606846976 exceeds/);
  // A length that stays inside the file but leaves its message.
  assertInvalid(modelBytes([0x0a, 4, 0x22, 5, 65, 65]), /a length of 5 exceeds the 2 bytes that follow/);
});

test('readModel refuses numbers that are too long or cut off', () => {
  assertInvalid([0x08, ...Array(10).fill(0xff), 1], /a number is longer than 10 bytes at byte 1$/);
  assertInvalid([0x08, 0x80], /a number runs past the end of its message at byte 1$/);
  assertInvalid(modelWithAttribute([0x15, 0, 0, 0]), /a value of 4 bytes runs past the end/);
});

test('readModel refuses groups, unknown wire types and impossible field numbers', () => {
  assertInvalid(modelBytes([], [0x0b]), /wire type 3, expected 0|field 1 of ModelProto has wire type 3/);
  assertInvalid(modelBytes([], [...varint(2000 * 8 + 3)]), /field 2000 has wire type 3, which ONNX does not use/);
  assertInvalid(modelBytes([], [...varint(2000 * 8 + 7)]), /wire type 7/);
  assertInvalid([0x00, 0x01], /a field number is out of range at byte 0$/);
  assertInvalid([...varint(2n ** 35n + 8n), 1], /a field number is out of range at byte 0$/);
});

test('readModel refuses a known field of the wrong wire type', () => {
  assertInvalid([...numberField(7, 1)], /field 7 of ModelProto has wire type 0, expected 2, at byte 1$/);
});

test('readModel refuses text that is not UTF-8', () => {
  assertInvalid(modelBytes(lengthField(2, [0xc3, 0x28])), /a text is not valid UTF-8 at byte/);
});

test('readModel refuses integers a number cannot hold', () => {
  const tensor = numberField(1, 2n ** 53n);
  assertInvalid(modelBytes(lengthField(5, tensor)), /TensorProto.dims is 9007199254740992, beyond ±2\^53, at byte/);
});

test('readModel follows 100 levels of nesting and no more', () => {
  const nested = (graphs: number): Uint8Array => {
    let graph: number[] = [];
    for (let level = 0; level < graphs; level++) {
      graph = lengthField(1, lengthField(5, lengthField(6, graph)));
    }
    return modelBytes(graph);
  };
  // The model is level 1, its graph level 2, and every further graph three more.
  assert.ok(readModel(nested(32)));
  assertInvalid(nested(33), /messages nest deeper than 100 at byte/);
  assertInvalid(nested(2000), /messages nest deeper than 100 at byte/);
});

test('readModel stops at maxParts', () => {
  const bytes = modelBytes(Array.from({ length: 1000 }, () => [0x0a, 0]).flat());
  assert.throws(() => readModel(bytes, { maxParts: 500 }), /holds more than 500 parts; reading stopped at byte/);
  assert.equal(readModel(bytes, { maxParts: 1002 }).graph.nodes.length, 1000);
});
