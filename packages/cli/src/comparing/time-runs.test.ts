// Timing: enough runs, the warm-up not among them, the CPU time per run.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timeRuns } from './time-runs.ts';

test('timeRuns counts warm runs only, and shares the CPU time among them', async () => {
  let ran = 0;
  const found = await timeRuns({
    rows: 7,
    run: async (index) => {
      ran++;
      assert.ok(index >= 0);
    },
    cpuMicros: () => ran * 3000,
  });
  assert.equal(found.rows, 7);
  assert.ok(found.runs >= 60 && found.runs <= 2000);
  assert.equal(ran, found.runs + 20);
  assert.ok(Math.abs((found.cpuMs ?? 0) - 3) < 1e-9);
  assert.ok(found.p50Ms >= 0 && found.p95Ms >= found.p50Ms);
});

test('timeRuns leaves the CPU time open where it cannot be seen', async () => {
  const { cpuMs } = await timeRuns({ rows: 1, run: async () => {}, cpuMicros: null });
  assert.equal(cpuMs, null);
});
