import assert from 'node:assert/strict';
import { test } from 'node:test';
import { computeHistogram } from './histogram.ts';
import { scipyValues } from './testing/scipy-values.ts';

test("computeHistogram chooses NumPy's bins and counts as NumPy does; a value on an edge belongs to the bin above", () => {
  const chosen = computeHistogram(scipyValues.sample);
  assert.deepEqual(chosen.counts, scipyValues.hist[0]);
  chosen.edges.forEach((edge, i) => {
    assert(Math.abs(edge - (scipyValues.hist[1][i] ?? 0)) < 1e-12);
  });
  // Its edges fall on values of the sample.
  const given = computeHistogram(scipyValues.other, { bins: 7, range: [-0.5, 2.3] });
  assert.equal(given.counts.reduce((a, b) => a + b, 0) + given.outside, scipyValues.other.length);
  for (let bin = 0; bin < 7; bin++) {
    const [low = 0, high = 0] = given.edges.slice(bin, bin + 2);
    const inside = scipyValues.other.filter((value) => value >= low && (value < high || (bin === 6 && value <= high)));
    assert.equal(given.counts[bin], inside.length, `bin ${bin}`);
  }
});

test('computeHistogram counts what is outside or not finite apart', () => {
  const histogram = computeHistogram([0, 1, 2.5, 4, 9, Number.NaN, -Infinity], { bins: 2, range: [1, 4] });
  assert.deepEqual(histogram, { edges: [1, 2.5, 4], counts: [1, 2], outside: 2, notFinite: 2 });
});

test('computeHistogram of one repeated value has one bin around it; of none it is refused', () => {
  assert.deepEqual(computeHistogram([3, 3]), { edges: [2.5, 3.5], counts: [2], outside: 0, notFinite: 0 });
  assert.throws(() => computeHistogram([Number.NaN]), { reason: 'INVALID_DATA' });
  assert.throws(() => computeHistogram([1, 2], { bins: 0 }), { reason: 'INVALID_ARGUMENT' });
  assert.throws(() => computeHistogram([1, 2], { range: [3, 2] }), /range must ascend, got 3 … 2/);
});

test('computeHistogram stays at 100 bins for one far outlier', () => {
  const values = [...Array.from({ length: 1000 }, (_, i) => i % 10), 1e9];
  assert.equal(computeHistogram(values).counts.length, 100);
});
