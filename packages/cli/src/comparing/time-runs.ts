// Times runs of a model that is warm: enough of them for a 95th percentile, few enough not to be waited for.
import { computeQuantiles } from '@amaas/learn/statistics';
import type { RunTimes } from './measurement.ts';

/** A 95th percentile stands on at least three slower ones. */
const LEAST_RUNS = 60;
const MOST_RUNS = 2000;
/** How long is measured once there are enough runs. */
const MEASURE_MS = 500;
/** Runs that are not counted: first ones allocate, and let the compiler of JavaScript finish. */
const WARM_UP_RUNS = 20;

export interface TimedRuns {
  readonly rows: number;
  /** Runs once; told which run it is. */
  readonly run: (index: number) => Promise<unknown>;
  /** CPU time so far in microseconds; null where it cannot be seen. */
  readonly cpuMicros: (() => number) | null;
}

export async function timeRuns({ rows, run, cpuMicros }: TimedRuns): Promise<RunTimes> {
  for (let index = 0; index < WARM_UP_RUNS; index++) await run(index);
  const durations: number[] = [];
  const cpuBefore = cpuMicros?.() ?? 0;
  const startMs = performance.now();
  let nowMs = startMs;
  while (durations.length < LEAST_RUNS || (nowMs - startMs < MEASURE_MS && durations.length < MOST_RUNS)) {
    await run(durations.length);
    const endMs = performance.now();
    durations.push(endMs - nowMs);
    nowMs = endMs;
  }
  const runs = durations.length;
  const [p50Ms = 0, p95Ms = 0] = computeQuantiles(durations, [0.5, 0.95]);
  return {
    rows,
    runs,
    p50Ms,
    p95Ms,
    cpuMs: cpuMicros === null ? null : (cpuMicros() - cpuBefore) / 1000 / runs,
  };
}
