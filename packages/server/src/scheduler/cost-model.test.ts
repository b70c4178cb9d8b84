import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ArrivalRate, CostModel } from './cost-model.ts';

test('CostModel recovers the line behind noisy runs from a wrong start', () => {
  const model = new CostModel({ fixedMs: 100, msPerRow: 9 });
  let seed = 7;
  for (let run = 0; run < 300; run++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    const rows = 1 + (seed % 32);
    const noise = ((seed >>> 8) / 2 ** 24 - 0.5) * 0.2;
    model.observe(rows, 2.5 + 0.3 * rows + noise);
  }
  assert.ok(Math.abs(model.estimate.fixedMs - 2.5) < 0.1, `fixed ${model.estimate.fixedMs}`);
  assert.ok(Math.abs(model.estimate.msPerRow - 0.3) < 0.01, `per row ${model.estimate.msPerRow}`);
});

test('CostModel follows a machine that becomes slower', () => {
  const model = new CostModel({ fixedMs: 1, msPerRow: 0.1 });
  for (let run = 0; run < 200; run++) model.observe(1 + (run % 7), 1 + 0.1 * (1 + (run % 7)));
  for (let run = 0; run < 400; run++) model.observe(1 + (run % 7), 3 + 0.4 * (1 + (run % 7)));
  assert.ok(Math.abs(model.estimate.fixedMs - 3) < 0.15);
  assert.ok(Math.abs(model.estimate.msPerRow - 0.4) < 0.03);
});

test('CostModel stays finite and right at the size it sees when all runs have one size', () => {
  const model = new CostModel({ fixedMs: 1, msPerRow: 0.1 });
  for (let run = 0; run < 100_000; run++) model.observe(5, 7);
  const { fixedMs, msPerRow } = model.estimate;
  assert.ok(Number.isFinite(fixedMs) && Number.isFinite(msPerRow));
  assert.ok(Math.abs(fixedMs + 5 * msPerRow - 7) < 0.5, `${fixedMs} + 5 · ${msPerRow}`);
});

test('ArrivalRate expects nobody before two arrivals and notices a silence', () => {
  const rate = new ArrivalRate();
  assert.equal(rate.expectedGapMs(0), Number.POSITIVE_INFINITY);
  rate.observe(10);
  assert.equal(rate.expectedGapMs(11), Number.POSITIVE_INFINITY);
  rate.observe(12);
  assert.equal(rate.expectedGapMs(12), 2);
  assert.equal(rate.expectedGapMs(512), 500);
});
