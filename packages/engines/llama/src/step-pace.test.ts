import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MOST_STEP_TOKENS } from './plan-memory.ts';
import { LEAST_STEP_TOKENS, MOST_STEP_MS, StepPace } from './step-pace.ts';

/** Steps of a machine that needs so long for each token. */
function run(pace: StepPace, steps: number, msPerToken: number): readonly number[] {
  return Array.from({ length: steps }, () => {
    const { tokens } = pace;
    pace.observe(tokens, tokens * msPerToken);
    return tokens;
  });
}

test('StepPace comes to what fits into a step, from too much and from too little', () => {
  for (const [begin, msPerToken] of [
    [400, 1.2],
    [20, 1.2],
    [64, 0.7],
  ] as const) {
    const pace = new StepPace(begin);
    const tokens = run(pace, 30, msPerToken);
    assert.equal(tokens[0], begin);
    assert.ok(Math.abs(pace.tokens * msPerToken - MOST_STEP_MS) < 3 * msPerToken, `${begin}: ${pace.tokens}`);
  }
});

test('StepPace is not thrown by one slow step, and not told anything by short ones', () => {
  const pace = new StepPace(100);
  pace.observe(100, 100 * MOST_STEP_MS);
  assert.ok(pace.tokens >= 75);
  const before = pace.tokens;
  pace.observe(3, 0.1);
  pace.observe(3, 10_000);
  assert.equal(pace.tokens, before);
});

test('StepPace stays between its least and its most', () => {
  const slow = new StepPace(100);
  run(slow, 60, 1000);
  assert.equal(slow.tokens, LEAST_STEP_TOKENS);
  const quick = new StepPace(100);
  run(quick, 60, 1e-6);
  assert.equal(quick.tokens, MOST_STEP_TOKENS);
});
