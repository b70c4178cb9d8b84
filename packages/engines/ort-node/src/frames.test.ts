import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { failsWith } from './testing/tensors.ts';
import { encodeFrame, type Frame, FrameReader } from './frames.ts';
import type { PackedTensor } from './tensors.ts';

const tensors = new Map<string, PackedTensor>([
  ['odd', { dtype: 'uint8', shape: [3], data: Uint8Array.of(1, 2, 255) }],
  ['wide', { dtype: 'int64', shape: [2, 1], data: BigInt64Array.of(-1n, 2n ** 60n) }],
  ['none', { dtype: 'float32', shape: [0, 4], data: new Float32Array(0) }],
  ['half', { dtype: 'float16', shape: [], data: Uint16Array.of(0x3c01) }],
  ['text', { dtype: 'string', shape: [2], lengths: Uint32Array.of(3, 0), bytes: Uint8Array.of(97, 98, 99) }],
  ['__proto__', { dtype: 'bool', shape: [1], data: Uint8Array.of(1) }],
]);

function bytesOf(frame: Frame): Uint8Array {
  return new Uint8Array(Buffer.concat(encodeFrame(frame)));
}

describe('frames', () => {
  test('FrameReader gives back what encodeFrame wrote, however the bytes are cut', () => {
    const sent: Frame = { message: { kind: 'run', outputs: null, names: ['ä', '\u2028'] }, tensors };
    const empty: Frame = { message: 'no tensors', tensors: new Map() };
    const bytes = Buffer.concat([sent, empty, sent, empty].map(bytesOf));
    for (const chunkBytes of [1, 2, 7, 8, 13, 64, bytes.length]) {
      const received: Frame[] = [];
      const reader = new FrameReader((frame) => received.push(frame));
      for (let offset = 0; offset < bytes.length; offset += chunkBytes) {
        reader.push(bytes.subarray(offset, offset + chunkBytes));
      }
      assert.deepEqual(received, [sent, empty, sent, empty], `chunks of ${chunkBytes}`);
    }
  });

  test('encodeFrame does not copy the tensors', () => {
    const data = Float32Array.of(1, 2);
    const pieces = encodeFrame({ message: null, tensors: new Map([['x', { dtype: 'float32', shape: [2], data }]]) });
    assert.ok(pieces.some((piece) => piece.buffer === data.buffer));
  });

  test('encodeFrame sends only the view of a larger buffer', () => {
    const data = new Float32Array(new ArrayBuffer(4096), 1024, 2).fill(3);
    const bytes = bytesOf({ message: null, tensors: new Map([['x', { dtype: 'float32', shape: [2], data }]]) });
    assert.ok(bytes.length < 200, String(bytes.length));
  });

  test('FrameReader refuses sizes no frame has', () => {
    for (const [headerBytes, bodyBytes] of [
      [2 ** 32 - 1, 0],
      [2, -8],
      [2, Number.NaN],
      [2, 2 ** 60],
    ] as const) {
      const prefix = Buffer.alloc(14, '{}');
      prefix.writeUInt32LE(headerBytes, 0);
      prefix.writeDoubleLE(bodyBytes, 4);
      assert.throws(() => new FrameReader(() => {}).push(prefix), failsWith('INTERNAL', /cannot have/));
    }
  });
});
