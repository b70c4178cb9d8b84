import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createTensor, type Tensor } from '@amaas/core';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { sharedDataPath, skipWithoutSharedData } from '../../../../tools/test-data.ts';
import { decodeNpz } from './decode-npz.ts';
import { numpyFile } from './testing/numpy-files.ts';
import { crc32 } from './zip.ts';

const EXPECTED: ReadonlyMap<string, Tensor> = new Map<string, Tensor>([
  ['x', createTensor('float32', [3], Float32Array.of(0, 1, 2))],
  ['__proto__', createTensor('int64', [1, 2], BigInt64Array.of(1n, 2n))],
  ['texts', createTensor('string', [1], [new TextEncoder().encode('é')])],
]);

for (const name of ['npz stored', 'npz deflated']) {
  test(`decodeNpz reads what NumPy wrote: ${name}`, async () => {
    assert.deepEqual(await decodeNpz(numpyFile(name)), EXPECTED);
  });

  test(`decodeNpz reads ${name} anywhere in memory, and with a comment at the end`, async () => {
    const file = numpyFile(name);
    const comment = new TextEncoder().encode('PK\x05\x06 a comment that looks like the end of the directory');
    const moved = Buffer.concat([Buffer.alloc(3), file, comment]);
    moved.writeUInt16LE(comment.length, 3 + file.length - 2);
    assert.deepEqual(await decodeNpz(moved.subarray(3)), EXPECTED);
  });
}

for (const model of [
  'lgbm_classifier_tensor',
  'lgbm_regressor_tensor',
  'qlstm_3-2-3_T3_S1',
  'xgboost_classifier_tree',
  'xgboost_regressor_tree',
]) {
  const [npz, onnx] = [`onnx/tract/${model}.io.npz`, `onnx/tract/${model}.model.onnx`];
  test(`decodeNpz reads inputs and outputs that ONNX Runtime confirms: ${model}`, {
    skip: skipWithoutSharedData(npz, onnx),
  }, async () => {
    const tensors = await decodeNpz(readFileSync(sharedDataPath(npz)));
    const session = await InferenceSession.create(sharedDataPath(onnx), { intraOpNumThreads: 1, logSeverityLevel: 3 });
    const feeds: Record<string, OrtTensor> = {};
    for (const name of session.inputNames) {
      const tensor = tensors.get(name);
      assert.ok(tensor?.dtype === 'float32');
      feeds[name] = new OrtTensor('float32', tensor.data, [...tensor.shape]);
    }
    const results = await session.run(feeds);
    let compared = 0;
    for (const name of session.outputNames) {
      const expected = tensors.get(name);
      if (expected === undefined) continue;
      assert.ok(expected.dtype === 'float32' || expected.dtype === 'float64');
      const actual = results[name]?.data as Float32Array; // as the file's array
      assert.equal(actual.length, expected.data.length);
      for (const [index, value] of expected.data.entries())
        assert.ok(Math.abs(value - (actual[index] ?? Number.NaN)) <= 1.9e-8);
      compared++;
    }
    assert.equal(compared, 1);
    await session.release();
  });
}

async function refuse(bytes: Uint8Array, message: RegExp): Promise<void> {
  await assert.rejects(decodeNpz(bytes), { reason: 'MALFORMED_REQUEST', message });
}

/** A file of NumPy's with `bytes` written at the `offset`-th byte of its first directory entry. */
function withDirectory(name: string, offset: number, bytes: readonly number[]): Uint8Array {
  const file = numpyFile(name);
  const entry = Buffer.from(file.buffer).indexOf('PK\x01\x02', 0, 'latin1');
  file.set(bytes, entry + offset);
  return file;
}

test('decodeNpz refuses damaged archives', async () => {
  const stored = numpyFile('npz stored');
  await refuse(new Uint8Array(0), /no complete ZIP archive/);
  await refuse(stored.subarray(0, -1), /no complete ZIP archive/);
  await refuse(stored.subarray(100), /lies outside the archive|directory/);
  const flipped = Uint8Array.from(stored, (byte, index) => (index === 170 ? byte ^ 1 : byte));
  await refuse(flipped, /"x.npy" is damaged: size or checksum do not match/);
  await refuse(withDirectory('npz stored', 8, [1]), /"x.npy" is encrypted/);
  await refuse(withDirectory('npz stored', 10, [12]), /packed by method 12, expected 0/);
  await refuse(withDirectory('npz stored', 20, [0xff, 0xff, 0xff, 0x7f]), /"x.npy" lies outside the archive/);
  await refuse(withDirectory('npz stored', 42, [0xff, 0xff, 0xff, 0x7f]), /"x.npy" lies outside the archive/);
  await refuse(withDirectory('npz stored', 42, [1]), /a file header is damaged/);
  await refuse(withDirectory('npz stored', 28, [0xff, 0xff]), /the directory is damaged/);
  await refuse(withDirectory('npz stored', 0, [0]), /the directory is damaged/);
  // Same length, so that nothing else moves.
  await refuse(withDirectory('npz stored', 46, [...new TextEncoder().encode('x.txt')]), /"x.txt" is no .npy file/);
  const noise = withDirectory('npz deflated', 42, [0]);
  noise.fill(0xff, 60, 100);
  await refuse(noise, /"x.npy" is damaged/);
});

test('decodeNpz refuses a name that is there twice', async () => {
  const file = numpyFile('npz stored');
  // A directory of two entries, both the first.
  const entry = Buffer.from(file.buffer).indexOf('PK\x01\x02', 0, 'latin1');
  const length = 46 + 'x.npy'.length;
  const copy = file.slice(entry, entry + length);
  const second = Buffer.from(file.buffer).indexOf('PK\x01\x02', entry + 4, 'latin1');
  const end = file.length - 22;
  const twice = Uint8Array.from([...file.subarray(0, second), ...copy, ...file.subarray(end)]);
  const view = new DataView(twice.buffer);
  view.setUint16(twice.length - 22 + 10, 2, true);
  view.setUint32(twice.length - 22 + 12, 2 * length, true);
  await refuse(twice, /"x.npy" is in the archive twice/);
});

test('decodeNpz stops at claims beyond maxBytes before unpacking', async () => {
  await assert.rejects(decodeNpz(numpyFile('npz deflated'), { maxBytes: 300 }), {
    reason: 'REQUEST_TOO_LARGE',
    message: /unpack to \d+ bytes, at most 300 are allowed/,
  });
});

test('decodeNpz refuses a deflated file larger or smaller than the directory says', async () => {
  const size = new DataView(withDirectory('npz deflated', 0, []).buffer);
  const entry = Buffer.from(size.buffer).indexOf('PK\x01\x02', 0, 'latin1');
  const claimed = size.getUint32(entry + 24, true);
  for (const wrong of [claimed - 1, claimed + 1, 1_000_000]) {
    await refuse(
      withDirectory('npz deflated', 24, [wrong & 0xff, (wrong >> 8) & 0xff, wrong >> 16, 0]),
      wrong === claimed + 1 ? /"x.npy" is damaged: size or checksum/ : /"x.npy" is damaged: its size does not match/,
    );
  }
});

test('decodeNpz reads sizes from a ZIP64 extra field', async () => {
  const file = withDirectory('npz stored', 20, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
  const entry = Buffer.from(file.buffer).indexOf('PK\x01\x02', 0, 'latin1');
  const plain = new DataView(numpyFile('npz stored').buffer);
  const size = plain.getUint32(entry + 24, true);
  const nameEnd = entry + 46 + 'x.npy'.length;
  const extra = new Uint8Array(4 + 3 + 4 + 16); // another field first, then ZIP64's
  const extraView = new DataView(extra.buffer);
  extraView.setUint16(0, 0x9999, true);
  extraView.setUint16(2, 3, true);
  extraView.setUint16(7, 1, true);
  extraView.setUint16(9, 16, true);
  extraView.setBigUint64(11, BigInt(size), true);
  extraView.setBigUint64(19, BigInt(plain.getUint32(entry + 20, true)), true);
  const wide = Uint8Array.from([...file.subarray(0, nameEnd), ...extra, ...file.subarray(nameEnd)]);
  const view = new DataView(wide.buffer);
  view.setUint16(entry + 30, extra.length, true);
  const end = wide.length - 22;
  view.setUint32(end + 12, view.getUint32(end + 12, true) + extra.length, true);
  assert.deepEqual(await decodeNpz(wide), EXPECTED);
});

test('crc32 gives the published check value', () => {
  assert.equal(crc32(new TextEncoder().encode('123456789')), 0xcbf43926);
});
