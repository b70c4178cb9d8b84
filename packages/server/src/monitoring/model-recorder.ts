// What one served version has done: the numbers behind both its Prometheus series and the statistics of the Open
// Inference Protocol. Recording happens on every request, so it is additions only; names and labels come in when read.
import type { ErrorCode } from '@amaas/core';
import { Histogram, LATENCY_BOUNDS_MS, ROW_BOUNDS } from './histogram.ts';

/** One request as it ended. Times in milliseconds; those of a request that never ran are 0. */
export interface RequestObservation {
  /** Which protocol brought it: a word of our own, never of a caller. */
  readonly protocol: string;
  readonly code: 'OK' | ErrorCode;
  readonly queueMs: number;
  readonly computeMs: number;
  /** From the header's arrival to the reply. */
  readonly totalMs: number;
}

/** One run of the model. Times in milliseconds. */
export interface BatchObservation {
  readonly rows: number;
  readonly requests: number;
  /** Why the scheduler dispatched it. */
  readonly reason: string;
  readonly computeMs: number;
  readonly failed: boolean;
  /** Joining the inputs; default 0. */
  readonly inputMs?: number;
  /** Splitting the outputs; default 0. */
  readonly outputMs?: number;
}

/** One generation of text as it ended. Times in milliseconds. */
export interface GenerationObservation {
  readonly promptTokens: number;
  /** Of the prompt's, those that were there from an earlier request. */
  readonly cachedTokens: number;
  readonly completionTokens: number;
  readonly queueMs: number;
  readonly promptMs: number;
  readonly generationMs: number;
  readonly loadMs: number;
}

/** Tokens since the version was loaded. */
export interface TokenTotals {
  readonly prompt: number;
  readonly cached: number;
  readonly completion: number;
}

/** How often something happened and how long it took together. */
export interface DurationTotal {
  readonly count: number;
  readonly totalMs: number;
}

/** Runs of one number of rows. */
export interface BatchTotals {
  readonly batchSize: number;
  readonly computeInput: DurationTotal;
  readonly computeInfer: DurationTotal;
  readonly computeOutput: DurationTotal;
}

/** What one version has done since it was loaded, as OIP's ModelStatistics asks. */
export interface ModelStatistics {
  readonly model: string;
  readonly version: number;
  /** Wall time of the last inference in milliseconds since 1970; 0: none yet. */
  readonly lastInferenceMs: number;
  /** Rows inferred. */
  readonly inferenceCount: number;
  /** Runs. */
  readonly executionCount: number;
  readonly success: DurationTotal;
  readonly fail: DurationTotal;
  readonly queue: DurationTotal;
  readonly computeInput: DurationTotal;
  readonly computeInfer: DurationTotal;
  readonly computeOutput: DurationTotal;
  /** By batch size, ascending. */
  readonly batches: readonly BatchTotals[];
}

/** Requests of one protocol that ended with one code. */
export interface RequestCount {
  readonly protocol: string;
  readonly code: string;
  readonly count: number;
}

/**
 * Most batch sizes told apart. Callers choose how many rows they send; without a bound each new number would stay in
 * memory for good. Larger maximum batch sizes than this are hardly in use.
 */
const MAX_BATCH_SIZES = 512;

class Duration {
  count = 0;
  totalMs = 0;

  add(ms: number, times = 1): void {
    this.count += times;
    this.totalMs += ms * times;
  }

  read(): DurationTotal {
    return { count: this.count, totalMs: this.totalMs };
  }
}

class Tally {
  readonly #counts = new Map<string, Map<string, { count: number }>>();

  add(first: string, second: string): void {
    let row = this.#counts.get(first);
    if (row === undefined) {
      row = new Map();
      this.#counts.set(first, row);
    }
    const cell = row.get(second);
    if (cell === undefined) row.set(second, { count: 1 });
    else cell.count++;
  }

  *read(): Iterable<readonly [string, string, number]> {
    for (const [first, row] of this.#counts) for (const [second, { count }] of row) yield [first, second, count];
  }
}

export class ModelRecorder {
  readonly model: string;
  readonly version: number;
  readonly queueMs = new Histogram(LATENCY_BOUNDS_MS);
  readonly computeMs = new Histogram(LATENCY_BOUNDS_MS);
  readonly totalMs = new Histogram(LATENCY_BOUNDS_MS);
  readonly batchRows = new Histogram(ROW_BOUNDS);
  /** From a request's acceptance to its first token. */
  readonly firstTokenMs = new Histogram(LATENCY_BOUNDS_MS);
  /** Between the tokens of an answer, on average. */
  readonly tokenMs = new Histogram(LATENCY_BOUNDS_MS);
  readonly #requests = new Tally();
  readonly #dispatches = new Tally();
  readonly #success = new Duration();
  readonly #fail = new Duration();
  readonly #computeInput = new Duration();
  readonly #computeOutput = new Duration();
  readonly #batches = new Map<number, { input: Duration; infer: Duration; output: Duration }>();
  readonly #wallTimeMs: () => number;
  readonly #onDispose: () => void;
  readonly #tokens = { prompt: 0, cached: 0, completion: 0 };
  #inferenceCount = 0;
  #executionCount = 0;
  #lastInferenceMs = 0;

  constructor(
    identity: { readonly model: string; readonly version: number },
    ports: { readonly wallTimeMs: () => number; readonly onDispose: () => void },
  ) {
    this.model = identity.model;
    this.version = identity.version;
    this.#wallTimeMs = ports.wallTimeMs;
    this.#onDispose = ports.onDispose;
  }

  /** Records a request that was for this version, whether it succeeded or not. */
  recordRequest(request: RequestObservation): void {
    this.#requests.add(request.protocol, request.code);
    this.totalMs.observe(request.totalMs);
    if (request.code !== 'OK') {
      this.#fail.add(request.totalMs);
      return;
    }
    this.#success.add(request.totalMs);
    this.queueMs.observe(request.queueMs);
    this.computeMs.observe(request.computeMs);
  }

  /** Records a run. */
  recordBatch(batch: BatchObservation): void {
    const { rows, requests, inputMs = 0, outputMs = 0 } = batch;
    this.#dispatches.add(batch.reason, '');
    this.batchRows.observe(rows);
    if (batch.failed) return;
    this.#inferenceCount += rows;
    this.#executionCount++;
    this.#lastInferenceMs = this.#wallTimeMs();
    this.#computeInput.add(inputMs, requests);
    this.#computeOutput.add(outputMs, requests);
    const size = this.#batchOf(rows);
    if (size === undefined) return;
    size.input.add(inputMs);
    size.infer.add(batch.computeMs);
    size.output.add(outputMs);
  }

  #batchOf(rows: number) {
    let size = this.#batches.get(rows);
    if (size === undefined && this.#batches.size < MAX_BATCH_SIZES) {
      size = { input: new Duration(), infer: new Duration(), output: new Duration() };
      this.#batches.set(rows, size);
    }
    return size;
  }

  /** Records a generation of text. */
  recordGeneration(generation: GenerationObservation): void {
    const { promptTokens, cachedTokens, completionTokens, queueMs, promptMs, generationMs, loadMs } = generation;
    this.#tokens.prompt += promptTokens;
    this.#tokens.cached += cachedTokens;
    this.#tokens.completion += completionTokens;
    this.firstTokenMs.observe(loadMs + queueMs + promptMs);
    if (completionTokens > 1) this.tokenMs.observe(generationMs / (completionTokens - 1));
    this.#inferenceCount++;
    this.#executionCount++;
    this.#lastInferenceMs = this.#wallTimeMs();
  }

  /** null where it has written nothing yet. */
  readTokens(): TokenTotals | null {
    const { prompt, completion } = this.#tokens;
    return prompt + completion === 0 ? null : { ...this.#tokens };
  }

  /** Takes the series of this version away; called when it is unloaded. Late records go nowhere. */
  dispose(): void {
    this.#onDispose();
  }

  readRequests(): readonly RequestCount[] {
    return Array.from(this.#requests.read(), ([protocol, code, count]) => ({ protocol, code, count }));
  }

  readDispatches(): readonly { readonly reason: string; readonly count: number }[] {
    return Array.from(this.#dispatches.read(), ([reason, , count]) => ({ reason, count }));
  }

  readStatistics(): ModelStatistics {
    return {
      model: this.model,
      version: this.version,
      lastInferenceMs: this.#lastInferenceMs,
      inferenceCount: this.#inferenceCount,
      executionCount: this.#executionCount,
      success: this.#success.read(),
      fail: this.#fail.read(),
      queue: { count: this.queueMs.count, totalMs: this.queueMs.sum },
      computeInput: this.#computeInput.read(),
      computeInfer: { count: this.computeMs.count, totalMs: this.computeMs.sum },
      computeOutput: this.#computeOutput.read(),
      batches: [...this.#batches]
        .sort(([a], [b]) => a - b)
        .map(([batchSize, { input, infer, output }]) => ({
          batchSize,
          computeInput: input.read(),
          computeInfer: infer.read(),
          computeOutput: output.read(),
        })),
    };
  }
}
