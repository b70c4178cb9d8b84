import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { measureMedianMs, measureMsPerRow } from './run-cost.ts';

describe('run cost', () => {
  test('measureMedianMs passes over the first run and an outlier', () => {
    const times = [90, 2, 2.5, 70, 2.2, 2.1];
    let calls = 0;
    const median = measureMedianMs(() => times[calls++] ?? 2.2, 1);
    assert.equal(median, 2.2);
  });

  test('measureMedianMs makes one run when even that exceeds its budget', () => {
    let calls = 0;
    const runOnce = (): number => {
      calls++;
      return 5000;
    };
    assert.equal(measureMedianMs(runOnce, 1), 5000);
    assert.equal(calls, 2); // the warm-up and one
  });

  test('measureMsPerRow finds the slope of a·n + b', () => {
    const slope = measureMsPerRow((rows) => 0.7 * rows + 1.3, 2);
    assert.ok(slope !== null && Math.abs(slope - 0.7) < 1e-12, String(slope));
  });

  test('measureMsPerRow is never negative and says null when rows are too slow to try', () => {
    assert.equal(
      measureMsPerRow((rows) => 3 - rows / 16, 3),
      0,
    );
    assert.equal(
      measureMsPerRow(() => 400, 400),
      null,
    );
  });
});
