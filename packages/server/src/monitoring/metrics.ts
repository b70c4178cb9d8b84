// All metrics of a server: hands out recorders, counts what belongs to no model, renders everything for Prometheus.
// Labels come only from models that are loaded and from words of our own, so callers cannot make series grow.
import type { ErrorCode } from '@amaas/core';
import type { Metric, Registry } from 'prom-client';
import {
  type BatchGauges,
  createFamilies,
  type EndedJobs,
  type Family,
  type JobGauges,
  type ServedGauges,
} from './families.ts';
import { ModelRecorder, type ModelStatistics, type RequestCount } from './model-recorder.ts';

export interface MetricsOptions {
  /** Asked at each scrape for the versions that are loaded; default none. */
  readonly served?: () => Iterable<ServedGauges>;
  /** Asked at each scrape for the queue of jobs; default none. */
  readonly jobs?: () => JobGauges | null;
  /** Asked at each scrape for the batches of requests; default none. */
  readonly batches?: () => BatchGauges | null;
  /** Wall time in milliseconds since 1970. */
  readonly wallTimeMs?: () => number;
  /** Memory, CPU, garbage collection and event-loop lag of the process; default on. */
  readonly processMetrics?: boolean;
}

export class Metrics {
  readonly #families: readonly Family[];
  readonly #processMetrics: boolean;
  /** Made at the first scrape: prom-client takes 8 MB and 20 ms that a server nobody scrapes need not spend. */
  #registry: Promise<Registry> | null = null;
  readonly #wallTimeMs: () => number;
  readonly #recorders = new Map<string, ModelRecorder>();
  readonly #otherRequests = new Map<string, { protocol: string; code: string; count: number }>();
  readonly #verdicts = new Map<string, number>();
  readonly #authRefusals = new Map<string, number>();
  readonly #jobAttempts = new Map<string, number>();
  readonly #endedJobs = new Map<string, EndedJobs>();
  readonly #endedBatches = new Map<string, number>();

  constructor(options: MetricsOptions = {}) {
    this.#wallTimeMs = options.wallTimeMs ?? Date.now;
    this.#processMetrics = options.processMetrics ?? true;
    this.#families = createFamilies({
      recorders: () => this.#recorders.values(),
      otherRequests: (): readonly RequestCount[] => [...this.#otherRequests.values()],
      served: options.served ?? (() => []),
      verdicts: () => this.#verdicts,
      authRefusals: () => this.#authRefusals,
      jobs: options.jobs ?? (() => null),
      jobAttempts: () => this.#jobAttempts,
      endedJobs: () => this.#endedJobs.values(),
      batches: options.batches ?? (() => null),
      endedBatches: () => this.#endedBatches,
    });
  }

  /** The recorder of a version that is being loaded. A version that was unloaded before starts anew. */
  forModel(model: string, version: number): ModelRecorder {
    const key = `${model}@${version}`;
    const recorder: ModelRecorder = new ModelRecorder(
      { model, version },
      {
        wallTimeMs: this.#wallTimeMs,
        onDispose: () => {
          if (this.#recorders.get(key) === recorder) this.#recorders.delete(key);
        },
      },
    );
    this.#recorders.set(key, recorder);
    return recorder;
  }

  /** Records a request that was for no served version. `protocol` is a word of our own, never of a caller. */
  recordOtherRequest(protocol: string, code: 'OK' | ErrorCode): void {
    const key = `${protocol} ${code}`;
    const known = this.#otherRequests.get(key);
    if (known === undefined) this.#otherRequests.set(key, { protocol, code, count: 1 });
    else known.count++;
  }

  recordVerdict(verdict: 'admitted' | 'rejected'): void {
    this.#verdicts.set(verdict, (this.#verdicts.get(verdict) ?? 0) + 1);
  }

  recordAuthRefusal(reason: 'MISSING_KEY' | 'INVALID_KEY'): void {
    this.#authRefusals.set(reason, (this.#authRefusals.get(reason) ?? 0) + 1);
  }

  /** `kind` is one that is registered, never a word of a caller. */
  recordJobAttempt(kind: string): void {
    this.#jobAttempts.set(kind, (this.#jobAttempts.get(kind) ?? 0) + 1);
  }

  recordEndedJob(kind: string, state: string): void {
    const key = `${kind} ${state}`;
    this.#endedJobs.set(key, { kind, state, count: (this.#endedJobs.get(key)?.count ?? 0) + 1 });
  }

  recordEndedBatch(state: string): void {
    this.#endedBatches.set(state, (this.#endedBatches.get(state) ?? 0) + 1);
  }

  /** Statistics of the loaded versions. */
  readStatistics(): readonly ModelStatistics[] {
    return Array.from(this.#recorders.values(), (recorder) => recorder.readStatistics());
  }

  /** Everything in Prometheus' text format. */
  async render(): Promise<{ readonly contentType: string; readonly text: string }> {
    this.#registry ??= this.#createRegistry();
    const registry = await this.#registry;
    return { contentType: registry.contentType, text: await registry.metrics() };
  }

  async #createRegistry(): Promise<Registry> {
    const { collectDefaultMetrics, Registry } = await import('prom-client');
    const registry = new Registry();
    for (const family of this.#families) registry.registerMetric(asMetric(family));
    if (this.#processMetrics) collectDefaultMetrics({ register: registry });
    return registry;
  }
}

/** A family as prom-client's registry takes it. */
function asMetric(family: Family): Metric {
  const { name, help, type } = family;
  const metric = {
    name,
    help,
    type,
    get: async () => ({ name, help, type, aggregator: 'sum', values: family.collect() }),
  };
  // The registry renders by `name` and `get()` alone (prom-client 15, lib/registry.js, getMetricsAsString).
  return metric as unknown as Metric;
}
