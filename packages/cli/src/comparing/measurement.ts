// What running a model costs, as the process that measures it and the command say it to each other.
import type { SerializedError } from '@amaas/core';
import type { SampleRows } from '@amaas/learn/pipelines';

/** What is measured, in a process that has nothing else in it. */
export interface MeasurementTask {
  readonly onnx: Uint8Array;
  /** The output that is asked for. */
  readonly output: string;
  readonly sample: SampleRows;
}

/** How long runs of some rows take, warm. */
export interface RunTimes {
  readonly rows: number;
  readonly runs: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  /** CPU time of one run, over all threads; null where it cannot be seen. */
  readonly cpuMs: number | null;
}

export interface Measurement {
  readonly single: RunTimes;
  readonly batch: RunTimes;
  /** What loading and running the model adds to a process; null where it cannot be seen. */
  readonly memoryBytes: number | null;
  /** What computed, `onnxruntime-node 1.30.0`. */
  readonly runtime: string;
}

export type FromMeasuring =
  | { readonly type: 'done'; readonly measurement: Measurement }
  | { readonly type: 'failed'; readonly error: SerializedError };
