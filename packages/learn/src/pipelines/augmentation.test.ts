import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AmaasError, createTensor, type TensorOf } from '@amaas/core';
import { createOrtNodeExecutor } from '@amaas/engine-ort-node';
import { compileToOnnx } from '../compile/index.ts';
import { type Warp, warpImages } from '../data/index.ts';
import { input } from '../graph/index.ts';
import { createScope } from '../layers/index.ts';
import { createRandom } from '../statistics/index.ts';
import { augmentation, type ImageAugmentation } from './augmentation.ts';

const executor = await createOrtNodeExecutor();
const SHAPE = [4, 2, 7, 10] as const;

const CASES: readonly (readonly [name: string, options: ImageAugmentation])[] = [
  ['shifts', { maxShift: 0.3, fill: -3 }],
  ['shifts that differ by axis, mirrored', { maxShift: 0.2, maxShiftY: 0.5, mirrorShare: 0.5 }],
  ['turns', { maxTurnDegrees: 170, fill: 2 }],
  ['everything', { maxShift: 0.25, maxTurnDegrees: 40, mirrorShare: 0.6, fill: 0.5 }],
];

for (const [name, options] of CASES) {
  test(`augmentation changes pictures as warpImages does: ${name}`, async () => {
    for (let seed = 0; seed < 3; seed++) {
      const random = createRandom(seed);
      const pictures = madePictures(seed);
      const draws = Float32Array.from({ length: SHAPE[0] * 4 }, () => random.uniform());
      const changed = await augment(pictures, draws, options);
      const expected = warpImages(pictures, warpsOf(draws, options), { layout: 'nchw', fill: options.fill ?? 0 });
      for (const [at, value] of changed.entries()) {
        const wanted = expected.data[at] ?? Number.NaN;
        assert(Math.abs(value - wanted) < 1e-4, `element ${at}: ${value} is not ${wanted}`);
      }
      assert(changed.some((value, at) => Math.abs(value - (pictures.data[at] ?? 0)) > 0.01));
    }
  });
}

test('augmentation does nothing outside of training and draws nothing when nothing may change', () => {
  const x = input('x', 'float32', SHAPE);
  const serving = createScope(false);
  assert.equal(augmentation({ maxShift: 0.5 }).apply(x, serving.scope), x);
  const training = createScope(true);
  assert.equal(augmentation({ fill: 3 }).apply(x, training.scope), x);
  assert.equal(training.record().randomInputs.length, 0);
});

test('augmentation refuses amounts out of range', () => {
  for (const options of [{ maxShift: 1.1 }, { maxShiftY: -1 }, { maxTurnDegrees: 181 }, { mirrorShare: Number.NaN }]) {
    assert.throws(
      () => augmentation(options),
      (error) => error instanceof AmaasError && error.reason === 'INVALID_CONFIG',
    );
  }
});

/** What the layer makes of numbers drawn in [0, 1). */
function warpsOf(draws: Float32Array, options: ImageAugmentation): readonly Warp[] {
  const { maxShift = 0, maxShiftY = maxShift, maxTurnDegrees = 0, mirrorShare = 0 } = options;
  const shift = (draw: number, most: number): number => Math.floor(draw * (2 * most + 1)) - most;
  return Array.from({ length: SHAPE[0] }, (_, picture) => {
    const [mirror = 0, turn = 0, x = 0, y = 0] = draws.subarray(picture * 4, picture * 4 + 4);
    return {
      mirror: mirror < mirrorShare,
      turnDegrees: (2 * turn - 1) * maxTurnDegrees,
      shiftX: shift(x, Math.floor(maxShift * SHAPE[3])),
      shiftY: shift(y, Math.floor(maxShiftY * SHAPE[2])),
    };
  });
}

function madePictures(seed: number): TensorOf<'float32'> {
  const random = createRandom(`pictures ${seed}`);
  const size = SHAPE.reduce((product, each) => product * each, 1);
  return createTensor(
    'float32',
    SHAPE,
    Float32Array.from({ length: size }, () => random.normal()),
  );
}

async function augment(
  pictures: TensorOf<'float32'>,
  draws: Float32Array,
  options: ImageAugmentation,
): Promise<Float32Array> {
  const x = input('x', 'float32', SHAPE);
  const { scope, record } = createScope(true);
  const y = augmentation(options).apply(x, scope);
  const [drawn] = record().randomInputs;
  assert(drawn !== undefined);
  const compiled = await executor.compile(compileToOnnx(new Map([['y', y]]), { inputs: [x, drawn.value] }));
  const feeds = new Map([
    ['x', pictures],
    [drawn.name, createTensor('float32', [SHAPE[0], 4], draws)],
  ]);
  const result = (await compiled.run(feeds)).get('y');
  await compiled.dispose();
  assert(result?.dtype === 'float32');
  return result.data;
}
