import assert from 'node:assert/strict';
import test from 'node:test';
import { HISTOGRAM_RELATIVE_ERROR, LatencyHistogram } from './histogram.ts';

/** A generator of numbers in [0, 1) that a test can repeat (mulberry32). */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

test('LatencyHistogram quantiles stay within the promised error of the sorted values', () => {
  for (const seed of [3, 17, 4242]) {
    const random = seededRandom(seed);
    const histogram = new LatencyHistogram();
    // Log-uniform from 1 µs to 1000 s: every octave gets its share.
    const values = Array.from({ length: 20_011 }, () => 10 ** (-3 + 9 * random()));
    for (const value of values) histogram.record(value);
    values.sort((left, right) => left - right);
    for (const fraction of [0, 0.001, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1]) {
      const exact = values[Math.max(1, Math.ceil(fraction * values.length)) - 1] ?? Number.NaN;
      const relativeError = Math.abs(histogram.quantileMs(fraction) - exact) / exact;
      assert.ok(relativeError <= HISTOGRAM_RELATIVE_ERROR, `p${fraction * 100}: ${relativeError}`);
    }
  }
});

test('LatencyHistogram keeps count, mean and maximum exactly', () => {
  const histogram = new LatencyHistogram();
  for (const value of [0.25, 3.5, 1017.75, 12]) histogram.record(value);
  assert.equal(histogram.count, 4);
  assert.equal(histogram.meanMs, (0.25 + 3.5 + 1017.75 + 12) / 4);
  assert.equal(histogram.maxMs, 1017.75);
  assert.equal(histogram.quantileMs(1), 1017.75);
});

test('LatencyHistogram counts zero and values beyond its range at the ends', () => {
  const histogram = new LatencyHistogram();
  histogram.record(0);
  histogram.record(1e12);
  assert.equal(histogram.count, 2);
  assert.ok(histogram.quantileMs(0.5) < 1e-5);
  assert.equal(histogram.maxMs, 1e12);
});

test('LatencyHistogram without values answers zeros', () => {
  const histogram = new LatencyHistogram();
  assert.deepEqual([histogram.count, histogram.meanMs, histogram.maxMs, histogram.quantileMs(0.5)], [0, 0, 0, 0]);
});
