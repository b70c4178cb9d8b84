// Hundreds of seeded mutations of real models: reading and inspecting either works or says INVALID_MODEL.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { skipWithoutSharedData } from '../../../../tools/test-data.ts';
import { assertExternalDataInside } from './external-data.ts';
import { inspectModel } from './inspect.ts';
import { readModel } from './read.ts';
import { loadSharedModel } from './testing/models.ts';
import { writeModel } from './write.ts';
import { rewriteZipMap } from './zip-map.ts';

const MUTATIONS = 400;

/** mulberry32: numbers in [0, 1), the same for the same seed. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function mutate(original: Uint8Array, seed: number): Uint8Array {
  const random = createRandom(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  // Most of a file is weights, where a change means nothing; half of the mutations go to the structured first bytes.
  const position = (bytes: Uint8Array): number => below(random() < 0.5 ? Math.min(400, bytes.length) : bytes.length);
  let bytes = Uint8Array.from(original);
  for (let round = below(4); round >= 0; round--) {
    const at = position(bytes);
    switch (below(5)) {
      case 0: // cut off
        bytes = bytes.slice(0, at);
        break;
      case 1: // flip a bit
        bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8));
        break;
      case 2: // insert noise
        bytes = Uint8Array.from([
          ...bytes.subarray(0, at),
          ...Array.from({ length: below(20) }, () => below(256)),
          ...bytes.subarray(at),
        ]);
        break;
      case 3: // claim an enormous length or number
        bytes.set([0xff, 0xff, 0xff, 0xff, 0x07].slice(0, bytes.length - at), at);
        break;
      default: {
        // Repeat a piece elsewhere.
        const piece = bytes.subarray(at, at + below(300));
        const to = position(bytes);
        bytes = Uint8Array.from([...bytes.subarray(0, to), ...piece, ...bytes.subarray(to)]);
      }
    }
  }
  return bytes;
}

for (const path of ['onnx/mnist.onnx', 'onnx/rf_iris.onnx']) {
  test(`readModel and inspectModel survive ${MUTATIONS} mutations of ${path}`, {
    skip: skipWithoutSharedData(path),
  }, () => {
    const original = loadSharedModel(path);
    let survived = 0;
    for (let seed = 1; seed <= MUTATIONS; seed++) {
      try {
        const model = readModel(mutate(original, seed));
        assertExternalDataInside(inspectModel(model));
        // What was read can be written, and then reads as the same.
        const rewritten = writeModel(rewriteZipMap(model).model);
        assert.ok(Buffer.from(writeModel(readModel(rewritten))).equals(rewritten));
        survived++;
      } catch (error) {
        assert.ok(error instanceof AmaasError, `seed ${seed}: ${String(error)}`);
        assert.equal(error.reason, 'INVALID_MODEL', `seed ${seed}: ${error.message}`);
        assert.match(error.message, /^onnx: /, `seed ${seed}`);
      }
    }
    // Both ways are taken often.
    assert.ok(survived > MUTATIONS / 20 && survived < MUTATIONS * 0.8, `${survived} of ${MUTATIONS} read`);
  });
}
