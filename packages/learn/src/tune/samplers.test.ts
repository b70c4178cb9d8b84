import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../statistics/index.ts';
import { createHalton } from './halton.ts';
import { createParzenEstimate } from './parzen.ts';
import { parseSearchSpace } from './parse-space.ts';
import type { Configuration, JsonValue } from './search-space.ts';

test('createHalton puts one of each b points into each b-th of an axis, in every scrambling', () => {
  for (const seed of ['one', 'two']) {
    const sequence = createHalton(4, createRandom(seed));
    for (const [axis, base] of [2, 3, 5, 7].entries()) {
      const cells = base ** 3;
      // Any run of b³ points that starts at a multiple of b³.
      for (const start of [0, cells, 5 * cells]) {
        const hit = Array.from({ length: cells }, (_, i) =>
          Math.floor((sequence.point(start + i)[axis] ?? 0) * cells + 1e-9),
        );
        assert.equal(new Set(hit).size, cells, `base ${base} from ${start}`);
      }
    }
  }
  const first = (seed: string): string => String(createHalton(3, createRandom(seed)).point(5));
  assert.equal(first('one'), first('one'));
  assert.notEqual(first('one'), first('two'));
});

test('createHalton covers the square more evenly than random points', () => {
  // Centred L2 discrepancy by Hickernell's formula, the mean of ten point sets of 64.
  const discrepancies = (pointOf: (seed: number, i: number) => ArrayLike<number>): number =>
    mean(
      Array.from({ length: 10 }, (_, seed) =>
        centredDiscrepancy(Array.from({ length: 64 }, (_unused, i) => pointOf(seed, i))),
      ),
    );
  const random = Array.from({ length: 10 }, (_, seed) => createRandom(seed));
  const sequences = Array.from({ length: 10 }, (_, seed) => createHalton(2, createRandom(seed)));
  const ofRandom = discrepancies((seed) => [random[seed]?.uniform() ?? 0, random[seed]?.uniform() ?? 0]);
  const ofHalton = discrepancies((seed, i) => sequences[seed]?.point(i) ?? []);
  assert(ofHalton < 0.4 * ofRandom, `${ofHalton} against ${ofRandom}`);
});

const SPACE = parseSearchSpace({
  x: { uniform: [-2, 6] },
  rate: { logUniform: [1e-4, 1] },
  layers: { integer: [1, 5] },
  units: { logInteger: [1, 16] },
  letter: { choice: ['a', 'b', 'c'] },
});

function configurations(...rows: readonly (readonly JsonValue[])[]): readonly Configuration[] {
  return rows.map((row) => new Map(SPACE.parameters.map(({ name }, i) => [name, row[i] ?? null])));
}

const OBSERVED = configurations(
  [-1, 3e-4, 2, 1, 'c'],
  [0.5, 0.02, 2, 3, 'c'],
  [5.9, 1, 4, 16, 'a'],
  [0.6, 0.03, 5, 4, 'c'],
);

test('ParzenEstimate.density has mean 1 under the space itself, along each parameter and together', () => {
  const random = createRandom('integral');
  const groups = [...SPACE.parameters.map((parameter) => [parameter]), SPACE.parameters];
  for (const group of groups) {
    const estimate = createParzenEstimate(group, OBSERVED);
    const prior = createParzenEstimate(group, []);
    const draws = group.length === 1 ? 40_000 : 200_000;
    let sum = 0;
    let squares = 0;
    for (let i = 0; i < draws; i++) {
      const values = prior.sample(random);
      assert.equal(prior.density(values), 1);
      const density = estimate.density(values);
      sum += density;
      squares += density ** 2;
    }
    const integral = sum / draws;
    const standardError = Math.sqrt((squares / draws - integral ** 2) / draws);
    assert(Math.abs(integral - 1) < 4 * standardError + 1e-12, `${integral} ± ${standardError}`);
  }
});

test('ParzenEstimate.sample draws from its own density', () => {
  // E under the estimate of 1/density is the space's volume, 1: it fails unless both describe one distribution.
  const random = createRandom('harmonic');
  for (const group of [...SPACE.parameters.map((parameter) => [parameter]), SPACE.parameters]) {
    const estimate = createParzenEstimate(group, OBSERVED);
    const inverse = Array.from({ length: 40_000 }, () => 1 / estimate.density(estimate.sample(random)));
    const centre = mean(inverse);
    const standardError = Math.sqrt(mean(inverse.map((value) => (value - centre) ** 2)) / inverse.length);
    assert(Math.abs(centre - 1) < 4 * standardError, `${centre} ± ${standardError}`);
  }
});

test('ParzenEstimate.density is greatest where observations crowd and keeps them joined', () => {
  const estimate = createParzenEstimate(SPACE.parameters, OBSERVED);
  const near = estimate.density([0.55, 0.025, 3, 3, 'c']);
  assert(near > 3 * estimate.density([0.55, 0.025, 3, 3, 'b']));
  assert(near > 3 * estimate.density([4, 0.025, 3, 3, 'c']));
});

test('ParzenEstimate.density keeps values together that were observed together', () => {
  const [x, rate] = SPACE.parameters;
  assert(x !== undefined && rate !== undefined);
  const observed = configurations([-1.8, 2e-4], [-1.5, 1e-4], [-1.9, 3e-4], [5.8, 0.5], [5.5, 0.9], [5.9, 0.3]);
  const estimate = createParzenEstimate([x, rate], observed);
  assert(estimate.density([-1.7, 2e-4]) > 5 * estimate.density([-1.7, 0.5]));
});

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function centredDiscrepancy(points: readonly ArrayLike<number>[]): number {
  const n = points.length;
  const centred = points.map((point) => Array.from(point, (u) => u - 0.5));
  const single = centred.reduce((sum, z) => sum + z.reduce((p, zi) => p * (1 + Math.abs(zi) / 2 - zi ** 2 / 2), 1), 0);
  let pairs = 0;
  for (const a of centred) {
    for (const b of centred) {
      pairs += a.reduce((p, ai, i) => {
        const bi = b[i] ?? 0;
        return p * (1 + Math.abs(ai) / 2 + Math.abs(bi) / 2 - Math.abs(ai - bi) / 2);
      }, 1);
    }
  }
  return Math.sqrt((13 / 12) ** 2 - (2 / n) * single + pairs / n ** 2);
}
