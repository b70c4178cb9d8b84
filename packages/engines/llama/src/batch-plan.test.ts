import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PlannedSequence, planStep } from './batch-plan.ts';

const writing: PlannedSequence = { waiting: 1, isWriting: true, startedMs: 0 };
const reading = (waiting: number, startedMs = 0): PlannedSequence => ({ waiting, isWriting: false, startedMs });

test('planStep gives every writing sequence its token and the rest to one long prompt after the other', () => {
  assert.deepEqual(planStep([], 64), []);
  assert.deepEqual(planStep([writing, writing], 64), [1, 1]);
  assert.deepEqual(planStep([writing, reading(200)], 64), [1, 63]);
  assert.deepEqual(planStep([reading(200, 2), writing, reading(200, 1)], 65), [0, 1, 64]);
  assert.deepEqual(planStep([reading(100, 1), reading(90, 2), reading(120, 3)], 200), [100, 90, 0]);
});

test('planStep reads short prompts side by side, as many tokens of each', () => {
  assert.deepEqual(planStep([reading(1), reading(2), reading(3)], 64), [1, 2, 3]);
  assert.deepEqual(planStep([reading(32, 3), reading(32, 1), reading(32, 2)], 37), [12, 12, 12]);
  assert.deepEqual(planStep([reading(5), reading(40), reading(40)], 65), [5, 30, 30]);
  assert.deepEqual(planStep([reading(9, 2), reading(9, 1), reading(9, 3)], 2), [1, 1, 0]);
});

test('planStep lets short prompts pass a long one, and the one that began first has half of the step whatever comes', () => {
  assert.deepEqual(planStep([reading(5, 2), reading(200, 1), reading(100, 3)], 65), [5, 60, 0]);
  assert.deepEqual(planStep([reading(500, 1), reading(16, 2), reading(16, 3), reading(16, 4)], 64), [34, 10, 10, 10]);
});

test('planStep lets prompts go on when those who write fill the step, and never gives more than waits', () => {
  assert.deepEqual(planStep([writing, writing, reading(10), reading(10)], 2), [1, 1, 1, 0]);
  for (let seed = 0; seed < 200; seed++) {
    const count = 1 + (seed % 7);
    const sequences = Array.from({ length: count }, (_, index) =>
      (seed * 31 + index * 17) % 3 === 0
        ? writing
        : reading(1 + ((seed * 13 + index * 101) % 90), (seed * 7 + index * 5) % 11),
    );
    const stepTokens = 1 + (seed % 50);
    const shares = planStep(sequences, stepTokens);
    const total = shares.reduce((sum, share) => sum + share, 0);
    const writers = sequences.filter(({ isWriting }) => isWriting).length;
    const waiting = sequences.reduce((sum, { waiting: tokens }) => sum + tokens, 0);
    const room = Math.max(stepTokens, writers + (writers < count ? 1 : 0));
    assert.ok(total <= Math.min(waiting, room));
    for (const [index, { waiting: most, isWriting }] of sequences.entries()) {
      const share = shares[index] ?? -1;
      assert.ok(share >= 0 && share <= most && (!isWriting || share === 1));
    }
    // Whoever began first has half of what the others leave, or all it needs; of short ones each has its part.
    const oldest = sequences
      .map((each, index) => ({ ...each, share: shares[index] ?? 0 }))
      .filter(({ isWriting }) => !isWriting)
      .toSorted((a, b) => a.startedMs - b.startedMs)[0];
    if (oldest === undefined) continue;
    const part = oldest.waiting > 64 ? 2 : count - writers;
    assert.ok(oldest.share >= Math.min(oldest.waiting, Math.max(1, Math.floor((room - writers) / part))));
  }
});
