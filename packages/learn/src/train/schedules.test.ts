import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  constantRate,
  cosineDecay,
  exponentialDecay,
  linearDecay,
  oneCycle,
  type Schedule,
  stepDecay,
  warmupStableDecay,
} from './schedules.ts';
import { assertNear, torchValues } from './testing/torch-values.ts';

const CASES: Readonly<Record<string, Schedule>> = {
  exponentialDecay: exponentialDecay(0.4, 4, 0.7),
  stepDecay: stepDecay(0.4, [3, 7], 0.2),
  cosineDecay: cosineDecay(0.4, 11, { minRate: 0.02 }),
  linearDecay: linearDecay(0.4, 10, 0.04),
  warmupStableDecay: warmupStableDecay(0.4, 14, { warmupSteps: 3, decaySteps: 5, minRate: 0.04 }),
  oneCycle: oneCycle(0.4, 12),
  'oneCycle 0.45': oneCycle(0.4, 14, 0.45),
};

for (const [name, schedule] of Object.entries(CASES)) {
  test(`${name}: rates by step are PyTorch's`, () => {
    const expected = torchValues.schedules[name] ?? assert.fail('no fixture');
    assertNear(
      expected.map((_, step) => schedule(step)),
      expected,
      { tolerance: 1e-13, what: name },
    );
  });
}

test('every fixture of a schedule is used', () => {
  assert.deepEqual(Object.keys(CASES).toSorted(), Object.keys(torchValues.schedules).toSorted());
});

test('cosineDecay grows in equal parts to the rate, then falls over what is left, and stays', () => {
  const schedule = cosineDecay(0.6, 12, { warmupSteps: 3, minRate: 0.1 });
  const rates = Array.from({ length: 15 }, (_, step) => schedule(step));
  assertNear(rates.slice(0, 4), [0.2, 0.4, 0.6, 0.6], { tolerance: 1e-15, what: 'warm-up' });
  // Halfway between, 4.5 steps after the warm-up, the cosine is 0.
  assertNear([schedule(7.5), rates[12] ?? 0, rates[14] ?? 0], [0.35, 0.1, 0.1], { tolerance: 1e-15, what: 'decay' });
});

test('warmupStableDecay goes down over the last fifth, ends at 0, and refuses phases longer than the training', () => {
  const schedule = warmupStableDecay(0.5, 20);
  const rates = Array.from({ length: 22 }, (_, step) => schedule(step));
  assertNear(rates.slice(0, 17), Array(17).fill(0.5), { tolerance: 0, what: 'stable' });
  assertNear(rates.slice(17), [0.375, 0.25, 0.125, 0, 0], { tolerance: 1e-15, what: 'decay' });
  assert.throws(() => warmupStableDecay(0.5, 20, { warmupSteps: 17 }), {
    reason: 'INVALID_ARGUMENT',
    message: /17 warmupSteps and 4 decaySteps must fit into 20 steps/,
  });
});

test('oneCycle stays finite for the shortest trainings, and at its end beyond them', () => {
  for (const steps of [1, 2, 3]) {
    for (let step = 0; step < steps + 3; step++) {
      const rate = oneCycle(0.5, steps)(step);
      assert(rate > 0 && rate <= 0.5, `${step} of ${steps}: ${rate}`);
    }
  }
  assertNear([oneCycle(0.5, 40)(100)], [0.5 / 25 / 1e4], { tolerance: 1e-15, what: 'beyond' });
});

test('constantRate passes schedules through and refuses what is no rate', () => {
  assert.equal(constantRate(0.25)(1000), 0.25);
  const own: Schedule = (step) => step;
  assert.equal(constantRate(own), own);
  for (const rate of [-0.1, Number.NaN, Infinity]) {
    assert.throws(() => constantRate(rate), { reason: 'INVALID_ARGUMENT', message: /at least 0, got/ });
  }
});
