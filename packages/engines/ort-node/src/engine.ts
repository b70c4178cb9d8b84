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

  async probe(source: ModelSource, options: ProbeOptions): Promise<ProbeReport> {
    if (this.#disposal.signal.aborted) throw shuttingDown('probe', source.label);
    return await probeInChild({
      config: this.#sessionConfig(source, options.resources, 1),
      timeoutMs: options.timeoutMs,
      maxMemoryBytes: options.maxMemoryBytes,
      example: options.example ?? null,
      declared: options.declared ?? null,
      signal: AbortSignal.any([this.#disposal.signal, ...(options.signal === undefined ? [] : [options.signal])]),
      clock: this.#clock,
    });
  }

  async load(source: ModelSource, options: LoadOptions): Promise<LoadedModel> {
    const { label } = source;
    assertLoadable(label, options);
    if (this.#disposal.signal.aborted) throw shuttingDown('load', label);
    const config = this.#sessionConfig(source, options.resources, options.instances);
    const startInstance = (signal?: AbortSignal): Promise<Instance> => STARTERS[options.isolation](config, signal);
    const instances = await startAll(startInstance, options);
    if (options.signal?.aborted || this.#disposal.signal.aborted) {
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
    await Promise.all([...this.#models].map((model) => model.dispose()));
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

function shuttingDown(operation: string, label: string): AmaasError {
  return new AmaasError('SHUTTING_DOWN', `${operation}: the engine of model "${label}" has been disposed`);
}

function assertLoadable(label: string, { instances, isolation, maxRunMs, signal }: LoadOptions): void {
  if (signal?.aborted) throw cancelled(`load: model "${label}"`);
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
async function startAll(
  startInstance: (signal?: AbortSignal) => Promise<Instance>,
  { instances, signal }: LoadOptions,
): Promise<readonly Instance[]> {
  const started = await Promise.allSettled(Array.from({ length: instances }, () => startInstance(signal)));
  const failure = started.find((outcome) => outcome.status === 'rejected');
  const alive = started.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  if (failure === undefined) return alive;
  await Promise.all(alive.map((instance) => instance.close()));
  throw failure.reason;
}
