// Body of the statistics routes. Counts and durations come from the server; here they only get their names.
// Source: Triton protocol extension "Statistics"; names of `ModelStatistics` in snake case, values as numbers.
import { encodeJson } from './metadata.ts';

/** How often something happened and how long it took together. */
export interface DurationStatistic {
  readonly count: number;
  readonly totalMs: number;
}

/** Runs of one batch size. */
export interface BatchStatistics {
  readonly batchSize: number;
  readonly computeInput: DurationStatistic;
  readonly computeInfer: DurationStatistic;
  readonly computeOutput: DurationStatistic;
}

/** What one version of a model has done since the server started. */
export interface ModelStatistics {
  readonly model: string;
  readonly version: number;
  /** Wall time of the last inference in milliseconds since 1970; 0: none yet. */
  readonly lastInferenceMs: number;
  /** Rows inferred: a request of eight rows counts eight. */
  readonly inferenceCount: number;
  /** Runs of the model: a batch counts one. */
  readonly executionCount: number;
  readonly success: DurationStatistic;
  readonly fail: DurationStatistic;
  readonly queue: DurationStatistic;
  readonly computeInput: DurationStatistic;
  readonly computeInfer: DurationStatistic;
  readonly computeOutput: DurationStatistic;
  /** Default: no cache, so none. */
  readonly cacheHit?: DurationStatistic;
  readonly cacheMiss?: DurationStatistic;
  readonly batches: readonly BatchStatistics[];
  /** Memory held, by place; default none known. */
  readonly memory?: readonly { readonly type: string; readonly id: number; readonly byteSize: number }[];
}

const NONE: DurationStatistic = { count: 0, totalMs: 0 };

export function encodeStatistics(models: readonly ModelStatistics[]): Uint8Array {
  return encodeJson({ model_stats: models.map(modelStatistics) });
}

function modelStatistics(model: ModelStatistics): object {
  return {
    name: model.model,
    version: String(model.version),
    last_inference: Math.round(model.lastInferenceMs),
    inference_count: model.inferenceCount,
    execution_count: model.executionCount,
    inference_stats: {
      success: duration(model.success),
      fail: duration(model.fail),
      queue: duration(model.queue),
      compute_input: duration(model.computeInput),
      compute_infer: duration(model.computeInfer),
      compute_output: duration(model.computeOutput),
      cache_hit: duration(model.cacheHit ?? NONE),
      cache_miss: duration(model.cacheMiss ?? NONE),
    },
    response_stats: {},
    batch_stats: model.batches.map((batch) => ({
      batch_size: batch.batchSize,
      compute_input: duration(batch.computeInput),
      compute_infer: duration(batch.computeInfer),
      compute_output: duration(batch.computeOutput),
    })),
    memory_usage: (model.memory ?? []).map(({ type, id, byteSize }) => ({ type, id, byte_size: byteSize })),
  };
}

function duration(statistic: DurationStatistic): { readonly count: number; readonly ns: number } {
  return { count: statistic.count, ns: Math.round(statistic.totalMs * 1e6) };
}
