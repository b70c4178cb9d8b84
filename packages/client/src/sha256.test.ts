import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import test from 'node:test';
import { Sha256 } from './sha256.ts';

function bytesOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 167 + (index >> 7)) & 255);
}

test('Sha256 agrees with Node for every length around the block borders', () => {
  for (let length = 0; length <= 260; length++) {
    const bytes = bytesOf(length);
    const hash = new Sha256();
    hash.update(bytes);
    assert.equal(hash.hex(), createHash('sha256').update(bytes).digest('hex'), `${length} bytes`);
  }
});

test('Sha256 gives the same digest however the bytes are cut, at any offset of their buffer', () => {
  const bytes = bytesOf(10_007);
  const expected = createHash('sha256').update(bytes).digest('hex');
  for (const step of [1, 3, 55, 63, 64, 65, 129, 1000]) {
    const hash = new Sha256();
    for (let offset = 0; offset < bytes.length; offset += step) hash.update(bytes.subarray(offset, offset + step));
    assert.equal(hash.hex(), expected, `pieces of ${step}`);
  }
});
