// The thread of the metronome: sleeps, counts, wakes the other side. It ends by itself, so nobody has to terminate it.
import { workerData } from 'node:worker_threads';
import { type MetronomeData, STOP, TICKS } from './metronome.ts';

const { cells, startedAt, periodMs } = workerData as MetronomeData; // startMetronome alone starts this file
const sleeper = new Int32Array(new SharedArrayBuffer(4));
const startMs = performance.now();
startedAt[0] = performance.timeOrigin + startMs;

for (let tick = 1; Atomics.load(cells, STOP) === 0; ) {
  const waitMs = startMs + tick * periodMs - performance.now();
  if (waitMs > 0) Atomics.wait(sleeper, 0, 0, waitMs);
  tick = Math.floor((performance.now() - startMs) / periodMs) + 1; // late: skip what was missed
  Atomics.add(cells, TICKS, 1);
  Atomics.notify(cells, TICKS);
}
