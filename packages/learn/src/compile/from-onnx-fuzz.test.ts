// Damaged models are read or refused, never anything else: no other error, no hang, no endless memory.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError } from '@amaas/core';
import { skipWithoutSharedData } from '../../../../tools/test-data.ts';
import { readModel } from '../onnx/index.ts';
import { loadSharedModel } from '../onnx/testing/models.ts';
import { createRandom } from '../statistics/index.ts';
import { fromOnnx } from './from-onnx.ts';

/** Models, and shapes for inputs that leave them open. */
const MODELS: readonly (readonly [path: string, shapes: ReadonlyMap<string, readonly number[]>])[] = [
  ['onnx/mnist.onnx', new Map()],
  ['onnx/tract/lgbm_classifier_tensor.model.onnx', new Map([['input', [3, 13]]])],
  ['onnx/tract/lgbm_regressor_tensor.model.onnx', new Map([['input', [3, 13]]])],
];

for (const [path, shapes] of MODELS) {
  test(`fromOnnx reads or refuses damaged copies of ${path}`, { skip: skipWithoutSharedData(path) }, () => {
    const random = createRandom(path);
    const bytes = loadSharedModel(path);
    const outcomes = new Map<string, number>();
    for (let round = 0; round < 400; round++) {
      const damaged = Uint8Array.from(bytes);
      const hits = 1 + random.integer(4);
      for (let hit = 0; hit < hits; hit++) damaged[random.integer(damaged.length)] = random.integer(256);
      let outcome = 'read';
      try {
        fromOnnx(readModel(damaged), { shapes });
      } catch (error) {
        assert(
          error instanceof AmaasError && ['INVALID_MODEL', 'UNSUPPORTED_FEATURE'].includes(error.reason),
          `round ${round}: ${error}`,
        );
        outcome = error.reason;
      }
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
    }
    // Damage of both kinds came: some that weights and names take, some that they do not.
    assert((outcomes.get('read') ?? 0) > 0 && (outcomes.get('INVALID_MODEL') ?? 0) > 0, JSON.stringify([...outcomes]));
  });
}
