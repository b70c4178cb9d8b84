import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../statistics/index.ts';
import { conv1d, conv2d, conv2dTranspose } from './convolution.ts';
import { dense, embedding } from './dense.ts';
import {
  constantInitializer,
  type Fans,
  INITIALIZER_NAMES,
  type Initializer,
  type InitializerName,
  initializerFor,
  normalInitializer,
  truncatedNormalInitializer,
  uniformInitializer,
} from './initializers.ts';
import type { Layer } from './layer.ts';
import { createScope, type Parameter } from './scope.ts';
import { input } from '../graph/index.ts';

const SHAPE = [250, 400];
const COUNT = 100_000;
const FANS: Fans = { fanIn: 40, fanOut: 110 };

interface Moments {
  readonly mean: number;
  readonly stdDev: number;
  readonly least: number;
  readonly greatest: number;
}

function momentsOf(initializer: Initializer): Moments {
  const values = initializer(SHAPE, createRandom('moments'));
  assert.equal(values.length, COUNT);
  const mean = values.reduce((sum, value) => sum + value, 0) / COUNT;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / COUNT;
  return {
    mean,
    stdDev: Math.sqrt(variance),
    least: values.reduce((a, b) => Math.min(a, b)),
    greatest: values.reduce((a, b) => Math.max(a, b)),
  };
}

/** Within five standard errors of the mean, and the deviation within one in a hundred (100 000 draws give 0.2 %). */
function assertMoments(found: Moments, { mean, stdDev }: { readonly mean: number; readonly stdDev: number }): void {
  assert(Math.abs(found.mean - mean) < (5 * stdDev) / Math.sqrt(COUNT), `mean ${found.mean}`);
  assert(Math.abs(found.stdDev / stdDev - 1) < 0.01, `standard deviation ${found.stdDev}, expected ${stdDev}`);
}

/** Variance and, for uniform ones, nothing else: bounds follow from it. Source: the papers in initializers.ts. */
const VARIANCES: readonly (readonly [InitializerName, number, 'uniform' | 'normal'])[] = [
  ['glorotUniform', 2 / 150, 'uniform'],
  ['glorotNormal', 2 / 150, 'normal'],
  ['heUniform', 2 / 40, 'uniform'],
  ['heNormal', 2 / 40, 'normal'],
  ['lecunUniform', 1 / 40, 'uniform'],
  ['lecunNormal', 1 / 40, 'normal'],
];

for (const [name, variance, kind] of VARIANCES) {
  test(`${name} has mean 0, its variance by the fans, and its bounds`, () => {
    const found = momentsOf(initializerFor(name, FANS));
    const stdDev = Math.sqrt(variance);
    assertMoments(found, { mean: 0, stdDev });
    // Uniform: ± √3 standard deviations. Normal: cut at two of the deviation before cutting, as Keras has it.
    const bound = kind === 'uniform' ? Math.sqrt(3) * stdDev : (2 * stdDev) / 0.8796256610342398;
    for (const extreme of [-found.least, found.greatest]) {
      assert(extreme <= bound * (1 + 1e-6) && extreme > 0.995 * bound, `${extreme} against ${bound}`);
    }
  });
}

test('truncatedNormalInitializer has the moments of a normal cut at two deviations', () => {
  const found = momentsOf(truncatedNormalInitializer(1.5, 0.3));
  assertMoments(found, { mean: 1.5, stdDev: 0.3 * 0.8796256610342398 });
  assert(found.least >= 0.9 - 1e-6 && found.greatest <= 2.1 + 1e-6);
});

test('plain initialisers have the moments asked for', () => {
  assertMoments(momentsOf(uniformInitializer(-0.5, 2)), { mean: 0.75, stdDev: 2.5 / Math.sqrt(12) });
  const normal = momentsOf(normalInitializer(-2, 0.4));
  assertMoments(normal, { mean: -2, stdDev: 0.4 });
  // A normal goes beyond four deviations in 100 000 draws.
  assert(normal.greatest > -2 + 4 * 0.4);
  assert.deepEqual(momentsOf(constantInitializer(0.25)), { mean: 0.25, stdDev: 0, least: 0.25, greatest: 0.25 });
  assert.equal(momentsOf(initializerFor('zeros', FANS)).greatest, 0);
  assert.equal(momentsOf(initializerFor('ones', FANS)).least, 1);
});

for (const shape of [
  [6, 6],
  [4, 9],
  [9, 4],
  [5, 2, 3, 2],
  [3, 1],
  [1, 3],
]) {
  test(`orthogonal makes rows or columns of [${shape}] orthonormal`, () => {
    const [rows = 1] = shape;
    const columns = shape.reduce((product, size) => product * size) / rows;
    const values = initializerFor('orthogonal', FANS)(shape, createRandom('orthogonal'));
    const wide = columns >= rows;
    const at = (vector: number, k: number): number => values[wide ? vector * columns + k : k * columns + vector] ?? 0;
    const length = Math.max(rows, columns);
    for (let a = 0; a < Math.min(rows, columns); a++) {
      for (let b = 0; b <= a; b++) {
        let dot = 0;
        for (let k = 0; k < length; k++) dot += at(a, k) * at(b, k);
        assert(Math.abs(dot - (a === b ? 1 : 0)) < 1e-6, `${a} · ${b} = ${dot}`);
      }
    }
  });
}

test('orthogonal directions are evenly spread', () => {
  // Of 500 square matrices of size 3 every entry has mean 0 and variance 1/3.
  const random = createRandom('spread');
  const entries = Array.from({ length: 500 }, (_, k) => initializerFor('orthogonal', FANS)([3, 3], random.fork(k)));
  for (let k = 0; k < 9; k++) {
    const mean = entries.reduce((sum, matrix) => sum + (matrix[k] ?? 0), 0) / 500;
    const square = entries.reduce((sum, matrix) => sum + (matrix[k] ?? 0) ** 2, 0) / 500;
    assert(Math.abs(mean) < 0.13 && Math.abs(square - 1 / 3) < 0.07, `entry ${k}: ${mean}, ${square}`);
  }
});

test('initialisers draw the same from the same seed, and nothing else is a name', () => {
  for (const name of INITIALIZER_NAMES) {
    const draw = (seed: string): Float32Array => initializerFor(name, FANS)([5, 7], createRandom(seed));
    assert.deepEqual(draw('a'), draw('a'));
    if (name !== 'zeros' && name !== 'ones') assert.notDeepEqual(draw('a'), draw('b'));
  }
  // @ts-expect-error: JavaScript may pass any text
  assert.throws(() => initializerFor('xavier', FANS), {
    reason: 'INVALID_ARGUMENT',
    message: /^initializer: expected one of zeros, .*, orthogonal, got xavier$/,
  });
});

function parametersOf(
  made: Layer,
  shape: readonly number[],
  dtype: 'float32' | 'int64' = 'float32',
): readonly Parameter[] {
  const { scope, record } = createScope(true);
  made.apply(input('x', dtype, shape), scope);
  return record().parameters;
}

/** The greatest of many draws of a uniform initialiser: nearly its bound. */
function boundOf(parameter: Parameter | undefined): number {
  assert(parameter);
  const random = createRandom('bound');
  const draws = Array.from({ length: 60 }, (_, k) => parameter.initializer(parameter.shape, random.fork(k)));
  return Math.max(...draws.flatMap((values) => [...values].map(Math.abs)));
}

test('layers count their fans as what an output sums over and what an input reaches', () => {
  const glorot = (fanIn: number, fanOut: number): number => Math.sqrt(6 / (fanIn + fanOut));
  const cases: readonly (readonly [string, Layer, readonly number[], number])[] = [
    ['dense', dense(7), [2, 5], glorot(5, 7)],
    ['conv2d', conv2d(8, [3, 2]), [2, 4, 9, 9], glorot(24, 48)],
    ['conv2d in groups', conv2d(8, 3, { groups: 2 }), [2, 4, 9, 9], glorot(18, 36)],
    ['conv1d', conv1d(6, 5), [2, 3, 20], glorot(15, 30)],
    ['conv2dTranspose', conv2dTranspose(6, 3), [2, 4, 5, 5], glorot(36, 54)],
  ];
  for (const [name, made, shape, expected] of cases) {
    const [kernel, bias] = parametersOf(made, shape);
    const found = boundOf(kernel);
    assert(found <= expected + 1e-7 && found > 0.98 * expected, `${name}: ${found}, expected ${expected}`);
    assert.equal(kernel?.decays, true);
    assert.equal(bias?.decays, false);
    assert.equal(boundOf(bias), 0);
  }
  const table = boundOf(parametersOf(embedding(30, 4), [3], 'int64')[0]);
  assert(table <= 0.05 && table > 0.049);
});
