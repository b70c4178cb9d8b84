import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PlannedSequence, planStep } from './batch-plan.ts';

const writing: PlannedSequence = { waiting: 1, isWriting: true };
const reading = (waiting: number): PlannedSequence => ({ waiting, isWriting: false });

test('planStep gives every writing sequence its token and shares the rest among the prompts', () => {
  assert.deepEqual(planStep([], 64), []);
  assert.deepEqual(planStep([writing, writing], 64), [1, 1]);
  assert.deepEqual(planStep([writing, reading(200)], 64), [1, 63]);
  assert.deepEqual(planStep([reading(200), writing, reading(200)], 65), [32, 1, 32]);
  assert.deepEqual(planStep([reading(5), reading(200), reading(100)], 65), [5, 30, 30]);
  assert.deepEqual(planStep([reading(1), reading(2), reading(3)], 64), [1, 2, 3]);
});

test('planStep lets prompts go on when those who write fill the step, and never gives more than waits', () => {
  assert.deepEqual(planStep([writing, writing, reading(10), reading(10)], 2), [1, 1, 1, 0]);
  for (let seed = 0; seed < 200; seed++) {
    const count = 1 + (seed % 7);
    const sequences = Array.from({ length: count }, (_, index) =>
      (seed * 31 + index * 17) % 3 === 0 ? writing : reading(1 + ((seed * 13 + index * 101) % 90)),
    );
    const stepTokens = 1 + (seed % 50);
    const shares = planStep(sequences, stepTokens);
    const total = shares.reduce((sum, share) => sum + share, 0);
    const writers = sequences.filter(({ isWriting }) => isWriting).length;
    const waiting = sequences.reduce((sum, { waiting: tokens }) => sum + tokens, 0);
    const room = Math.max(stepTokens, writers + (writers < count ? 1 : 0));
    assert.equal(total, Math.min(waiting, room));
    for (const [index, { waiting: most, isWriting }] of sequences.entries()) {
      const share = shares[index] ?? -1;
      assert.ok(share >= 0 && share <= most && (!isWriting || share === 1));
    }
  }
});
