import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom, type Random, restoreRandom } from './random.ts';

test('createRandom gives equal streams for equal seeds and others for others', () => {
  const draw = (seed: string | number): number[] =>
    Array.from({ length: 8 }, () => 0).map(takeFrom(createRandom(seed)));
  assert.deepEqual(draw(7), draw('7'));
  assert.equal(new Set([draw(7), draw(8), draw('seven')].flat()).size, 24);
});

test('Random.fork depends on the seed and the keys only', () => {
  const random = createRandom(3);
  const before = random.fork('dropout', 5).uint32();
  random.uint32();
  assert.equal(random.fork('dropout', 5).uint32(), before);
  assert.notEqual(random.fork('dropout5').uint32(), before);
  assert.notEqual(random.fork('dropout', 6).uint32(), before);
});

test('Random.integer refuses bounds that no number is below', () => {
  for (const bound of [0, -1, 1.5, Number.NaN, 2 ** 32 + 1]) {
    assert.throws(() => createRandom(1).integer(bound), { reason: 'INVALID_ARGUMENT' });
  }
  assert.equal(createRandom(1).integer(1), 0);
});

test('Random.integer is uniform: chi-square over 10 classes stays below its 99.9 % quantile', () => {
  const random = createRandom('chi-square');
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 100_000; i++) {
    const drawn = random.integer(10);
    counts[drawn] = (counts[drawn] ?? 0) + 1;
  }
  const statistic = counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
  assert(statistic < 27.9, `chi-square ${statistic} with 9 degrees of freedom`); // scipy.stats.chi2.ppf(0.999, 9)
});

test('Random.normal has the moments of the standard normal', () => {
  const random = createRandom('normal');
  const moments = [0, 0, 0, 0];
  const draws = 200_000;
  for (let i = 0; i < draws; i++) {
    const value = random.normal();
    for (let k = 0; k < 4; k++) moments[k] = (moments[k] ?? 0) + value ** (k + 1) / draws;
  }
  const [mean = 0, second = 0, third = 0, fourth = 0] = moments;
  assert(Math.abs(mean) < 0.01 && Math.abs(second - 1) < 0.015, `${mean} ${second}`);
  assert(Math.abs(third) < 0.04 && Math.abs(fourth - 3) < 0.1, `${third} ${fourth}`);
});

test('Random.shuffle keeps the elements, and every order of three comes equally often', () => {
  const random = createRandom('shuffle');
  const orders = new Map<string, number>();
  for (let i = 0; i < 6000; i++) {
    const order = random.shuffle(['a', 'b', 'c']).join('');
    orders.set(order, (orders.get(order) ?? 0) + 1);
  }
  assert.equal(orders.size, 6);
  for (const [order, count] of orders) assert(Math.abs(count - 1000) < 120, `${order}: ${count}`);
});

test('restoreRandom goes on exactly where saveState stood, a pending normal included', () => {
  const random = createRandom('state');
  random.normal();
  const copy = restoreRandom(JSON.parse(JSON.stringify(random.saveState())));
  assert.deepEqual(
    [copy.normal(), copy.uniform(), copy.fork('x').uint32()],
    [random.normal(), random.uniform(), random.fork('x').uint32()],
  );
});

function takeFrom(random: Random): () => number {
  return () => random.uint32();
}
