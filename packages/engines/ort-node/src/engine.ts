// The Engine port on ONNX Runtime: checks options, starts instances, keeps count of what must be ended.
import { availableParallelism } from 'node:os';
import { AmaasError, type Clock, systemClock } from '@amaas/core';
import type {
  Engine,
  Isolation,
  LoadedModel,
  LoadOptions,
  ModelSource,
  ProbeOptions,
  ProbeReport,
  ResourcesManifest,
} from '@amaas/core';
import { loadBinding, readRuntimeVersion } from './binding.ts';
import { startInlineInstance } from './inline-instance.ts';
import { cancelled, type Instance, type InstanceStarter } from './instance.ts';
import { OrtLoadedModel } from './loaded-model.ts';
import { probeInChild } from './probe.ts';
import { startProcessInstance } from './process-instance.ts';
import type { SessionConfig } from './session.ts';
import { startThreadInstance } from './thread-instance.ts';

export interface OrtEngineOptions {
  /** Cores the sessions of one model may share; default those of the machine. */
  readonly cores?: number;
  /**
   * Whether threads of a session spin while they wait for the next operator. Default false: it gains a little where
   * cores are idle and costs everybody else where they are shared with the server and its clients.
   */
  readonly allowSpinning?: boolean;
  readonly clock?: Clock;
}

/** Longest delay a timer of Node can be set to. */
const MAX_TIMER_MS = 2 ** 31 - 1;

const STARTERS: Readonly<Record<Isolation, InstanceStarter>> = {
  inline: startInlineInstance,
  thread: startThreadInstance,
  process: startProcessInstance,
};

/**
 * Makes the engine. The native library is loaded with the first model, into the thread or child that needs it.
 * @throws ENGINE_MISSING when onnxruntime-node is not installed.
 */
export function createOrtEngine(options: OrtEngineOptions = {}): Engine {
  return new OrtEngine(options, readRuntimeVersion());
}

class OrtEngine implements Engine {
  readonly name = 'onnxruntime';
  readonly version: string;
  readonly #cores: number;
  readonly #allowSpinning: boolean;
  readonly #clock: Clock;
  readonly #models = new Set<LoadedModel>();
  readonly #stuck = new Set<Instance>();
  readonly #disposal = new AbortController();
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(options: OrtEngineOptions, version: string) {
    this.version = version;
    this.#cores = options.cores ?? availableParallelism();
    this.#allowSpinning = options.allowSpinning ?? false;
    this.#clock = options.clock ?? systemClock;
  }

  get stuckRuns(): number {
    return this.#stuck.size;
  }

  async listExecutionProviders(): Promise<readonly string[]> {
    const { executionProviders } = await loadBinding();
    return executionProviders;
  }

  probe(source: ModelSource, options: ProbeOptions): Promise<ProbeReport> {
    return this.#track('probe', source.label, options.signal, (signal) =>
      probeInChild({
        config: this.#sessionConfig(source, options.resources, 1),
        timeoutMs: options.timeoutMs,
        maxMemoryBytes: options.maxMemoryBytes,
        example: options.example ?? null,
        declared: options.declared ?? null,
        signal,
        clock: this.#clock,
      }),
    );
  }

  load(source: ModelSource, options: LoadOptions): Promise<LoadedModel> {
    return this.#track('load', source.label, options.signal, (signal) => this.#load(source, options, signal));
  }

  async #load(source: ModelSource, options: LoadOptions, signal: AbortSignal): Promise<LoadedModel> {
    const { label } = source;
    assertLoadable(label, options);
    const config = this.#sessionConfig(source, options.resources, options.instances);
    const startInstance = (signal: AbortSignal): Promise<Instance> => STARTERS[options.isolation](config, signal);
    const instances = await startAll(options.instances, () => startInstance(signal));
    if (signal.aborted) {
      await Promise.all(instances.map((instance) => instance.close()));
      throw cancelled(`load: model "${label}"`);
    }
    const model: OrtLoadedModel = new OrtLoadedModel({
      label,
      isolation: options.isolation,
      maxRunMs: options.maxRunMs,
      clock: this.#clock,
      instances,
      startInstance,
      stuck: this.#stuck,
      onDisposed: () => this.#models.delete(model),
    });
    this.#models.add(model);
    return model;
  }

  async dispose(): Promise<void> {
    this.#disposal.abort();
    await Promise.allSettled(this.#underWay);
    await Promise.all([...this.#models].map((model) => model.dispose()));
  }

  /** Does something that ends early when its caller goes or the engine is disposed. */
  async #track<T>(
    operation: 'load' | 'probe',
    label: string,
    caller: AbortSignal | undefined,
    act: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const disposal = this.#disposal.signal;
    const what = `${operation}: model "${label}"`;
    if (disposal.aborted) throw new AmaasError('SHUTTING_DOWN', `${what}: the engine has been disposed`);
    if (caller?.aborted) throw cancelled(what);
    const doing = act(caller === undefined ? disposal : AbortSignal.any([disposal, caller]));
    this.#underWay.add(doing);
    try {
      return await doing;
    } finally {
      this.#underWay.delete(doing);
    }
  }

  #sessionConfig(source: ModelSource, resources: ResourcesManifest, instances: number): SessionConfig {
    return {
      label: source.label,
      modelPath: source.modelPath,
      intraOpThreads: resources.intraOpThreads ?? Math.max(1, Math.floor(this.#cores / instances)),
      interOpThreads: resources.interOpThreads ?? null,
      executionProviders: resources.executionProviders ?? ['cpu'],
      allowSpinning: this.#allowSpinning,
    };
  }
}

function assertLoadable(label: string, { instances, isolation, maxRunMs }: LoadOptions): void {
  const what = `load: model "${label}"`;
  if (!Number.isSafeInteger(instances) || instances < 1) {
    throw new AmaasError('INVALID_CONFIG', `${what}: instances must be a whole number ≥ 1, got ${instances}`);
  }
  if (isolation === 'inline' && instances > 1) {
    throw new AmaasError('INVALID_CONFIG', `${what}: isolation "inline" allows one instance, got ${instances}`);
  }
  if (!(maxRunMs > 0 && maxRunMs <= MAX_TIMER_MS)) {
    throw new AmaasError('INVALID_CONFIG', `${what}: maxRunMs must be in (0, ${MAX_TIMER_MS}], got ${maxRunMs}`);
  }
}

/** Starts the instances side by side; when one fails, ends those that came up and throws its error. */
async function startAll(count: number, start: () => Promise<Instance>): Promise<readonly Instance[]> {
  const started = await Promise.allSettled(Array.from({ length: count }, start));
  const failure = started.find((outcome) => outcome.status === 'rejected');
  const alive = started.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  if (failure === undefined) return alive;
  await Promise.all(alive.map((instance) => instance.close()));
  throw failure.reason;
}
