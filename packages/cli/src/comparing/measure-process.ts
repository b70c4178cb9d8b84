// The process in which one model is measured: with nothing else in it, what it adds to its memory and takes of its CPU
// time is the model's. One thread, so that CPU time means the same for all.
import { serializeError } from '@amaas/core';
import { importInstalled } from '../training/open-source.ts';
import type { FromMeasuring, Measurement, MeasurementTask } from './measurement.ts';
import { timeRuns } from './time-runs.ts';

process.once('message', (task: MeasurementTask) => {
  void measure(task)
    .then((measurement): FromMeasuring => ({ type: 'done', measurement }))
    .catch((thrown: unknown): FromMeasuring => ({ type: 'failed', error: serializeError(thrown) }))
    .then((message) => process.send?.(message, () => process.disconnect()));
});

async function measure({ onnx, output, sample }: MeasurementTask): Promise<Measurement> {
  const { createOrtNodeExecutor } = await importInstalled(() => import('@amaas/engine-ort-node'));
  const executor = await createOrtNodeExecutor({ threads: 1 });
  const before = residentBytes();
  const model = await executor.compile(onnx);
  try {
    const cpuMicros = (): number => {
      const { user, system } = process.cpuUsage();
      return user + system;
    };
    const { single: rows, batch: all, batchRows } = sample;
    const single = await timeRuns({
      rows: 1,
      run: (index) => model.run(rows[index % rows.length] ?? all, [output]),
      cpuMicros,
    });
    const batch = await timeRuns({ rows: batchRows, run: () => model.run(all, [output]), cpuMicros });
    return { single, batch, memoryBytes: Math.max(0, residentBytes() - before), runtime: executor.name };
  } finally {
    await model.dispose();
  }
}

/** Without what only waits to be collected. */
function residentBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage.rss();
}
