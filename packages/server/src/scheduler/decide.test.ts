import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type DecisionContext, decide, type GroupView } from './decide.ts';

const group: GroupView = { requests: 2, rows: 2, oldestEnqueuedMs: 100, earliestDeadlineMs: Number.POSITIVE_INFINITY };
const context: DecisionContext = {
  policy: { maxRows: 8, maxDelayMs: 5, preferredRows: [] },
  cost: { fixedMs: 10, msPerRow: 1 },
  expectedGapMs: 2,
  nowMs: 101,
  isDraining: false,
};

test('decide waits while fixed − gap exceeds n · (gap + row), until the oldest has waited maxDelayMs', () => {
  // 10 − 2 = 8 > 2 · (2 + 1) = 6
  assert.deepEqual(decide(group, context), { kind: 'wait', untilMs: 105 });
  // n = 3: 8 > 9 does not hold
  assert.deepEqual(decide({ ...group, requests: 3 }, context), { kind: 'dispatch', reason: 'cost' });
  assert.deepEqual(decide(group, { ...context, nowMs: 105 }), { kind: 'dispatch', reason: 'delay' });
});

test('decide leaves early enough to meet the earliest deadline', () => {
  // A run of 2 rows takes 12 ms: it must start at 103 to end at 115.
  const pressed = { ...group, earliestDeadlineMs: 115 };
  assert.deepEqual(decide(pressed, context), { kind: 'wait', untilMs: 103 });
  assert.deepEqual(decide(pressed, { ...context, nowMs: 103.5 }), { kind: 'dispatch', reason: 'deadline' });
});

test('decide does not wait for an unknown arrival, a full batch, an unbatched model, or while draining', () => {
  assert.deepEqual(decide(group, { ...context, expectedGapMs: Number.POSITIVE_INFINITY }), {
    kind: 'dispatch',
    reason: 'cost',
  });
  assert.deepEqual(decide({ ...group, rows: 8 }, context), { kind: 'dispatch', reason: 'full' });
  assert.deepEqual(decide(group, { ...context, policy: { ...context.policy, maxRows: 1 } }), {
    kind: 'dispatch',
    reason: 'unbatched',
  });
  assert.deepEqual(decide(group, { ...context, isDraining: true }), { kind: 'dispatch', reason: 'draining' });
});
