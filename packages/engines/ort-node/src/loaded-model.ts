// A model ready to run: as many slots as it has instances and one queue, first come first served.
// Time limits and replacement are the slots' business, batching is the scheduler's.
import { AmaasError, type Clock, type Isolation, type LoadedModel, type TensorSpec } from '@amaas/core';
import type { NamedTensors, RunOptions, RunResult } from '@amaas/core';
import { cancelled, type Instance, type InstanceJob, type InstanceResult } from './instance.ts';
import { Slot } from './slot.ts';
import { packTensors, unpackTensors } from './tensors.ts';

/** Runs waiting inside; the scheduler keeps its own, shorter queue, so this bound only stops a caller without one. */
const MAX_QUEUED_RUNS = 1024;

/** Stuck threads of one model that are replaced; each keeps a core busy and its session's memory for good. */
const MAX_STUCK_THREADS = 2;

export interface LoadedModelParts {
  readonly label: string;
  readonly isolation: Isolation;
  readonly maxRunMs: number;
  readonly clock: Clock;
  /** At least one. */
  readonly instances: readonly Instance[];
  readonly startInstance: (signal: AbortSignal) => Promise<Instance>;
  /** Instances of all models whose runs do not end. */
  readonly stuck: Set<Instance>;
  /** Called once disposed. */
  readonly onDisposed: () => void;
}

interface PendingRun {
  readonly job: InstanceJob;
  resolve(result: InstanceResult): void;
  reject(error: unknown): void;
}

export class OrtLoadedModel implements LoadedModel {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly isolation: Isolation;
  readonly #parts: LoadedModelParts;
  readonly #slots: readonly Slot[];
  readonly #queue = new Set<PendingRun>();
  #stuckThreads = 0;
  #disposing: Promise<void> | null = null;

  constructor(parts: LoadedModelParts) {
    const [first] = parts.instances;
    if (first === undefined) throw new AmaasError('INTERNAL', `load: model "${parts.label}" has no instance`);
    this.#parts = parts;
    this.inputs = first.inputs;
    this.outputs = first.outputs;
    this.isolation = parts.isolation;
    this.#slots = parts.instances.map((instance) => new Slot(this.#slotHost(), instance));
  }

  get instances(): number {
    return this.#slots.length;
  }

  async run(inputs: NamedTensors, options: RunOptions = {}): Promise<RunResult> {
    const { signal, transferInputs = false } = options;
    const { label } = this.#parts;
    if (signal?.aborted) throw cancelled(`run: model "${label}"`);
    const job = { inputs: packTensors(label, inputs), outputs: options.outputs ?? null, transferInputs };
    const { promise, resolve, reject } = Promise.withResolvers<InstanceResult>();
    const pending: PendingRun = { job, resolve, reject };
    const abort = (): void => {
      this.#queue.delete(pending); // under way already: the result is thrown away, the slot stays busy until then
      reject(cancelled(`run: model "${label}"`));
    };
    signal?.addEventListener('abort', abort, { once: true });
    try {
      this.#enqueue(pending);
      const result = await promise;
      return { outputs: unpackTensors(result.outputs), timing: { computeMs: result.computeMs } };
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  measureMemoryBytes(): number | null {
    if (this.isolation !== 'process') return null;
    return this.#slots.reduce((sum, slot) => sum + (slot.measureMemoryBytes() ?? 0), 0);
  }

  dispose(): Promise<void> {
    this.#disposing ??= this.#dispose();
    return this.#disposing;
  }

  async #dispose(): Promise<void> {
    this.#rejectQueued(this.#notReady('it is being unloaded'));
    await Promise.all(this.#slots.map((slot) => slot.close()));
    this.#parts.onDisposed();
  }

  #enqueue(pending: PendingRun): void {
    if (this.#disposing !== null) throw this.#notReady('it is being unloaded');
    if (this.#slots.every((slot) => slot.state === 'given-up')) {
      throw this.#notReady(`${this.#stuckThreads} of its runs do not end, and they cannot be stopped in a thread`);
    }
    if (this.#queue.size >= MAX_QUEUED_RUNS) {
      throw new AmaasError('QUEUE_FULL', `run: ${MAX_QUEUED_RUNS} runs of model "${this.#parts.label}" are waiting`);
    }
    this.#queue.add(pending);
    this.#dispatch();
  }

  #dispatch(): void {
    for (const pending of this.#queue) {
      const slot = this.#slots.find(({ state }) => state === 'idle');
      if (slot === undefined) return;
      this.#queue.delete(pending);
      slot.run(pending.job).then(pending.resolve, pending.reject);
    }
  }

  #rejectQueued(error: AmaasError): void {
    for (const pending of this.#queue) pending.reject(error);
    this.#queue.clear();
  }

  #slotHost(): ConstructorParameters<typeof Slot>[0] {
    const { label, maxRunMs, clock, startInstance } = this.#parts;
    return {
      label,
      maxRunMs,
      clock,
      startInstance,
      onIdle: () => this.#dispatch(),
      onStartFailed: (error) => this.#onStartFailed(error),
      abandon: (instance, run) => this.#abandon(instance, run),
    };
  }

  #onStartFailed(error: unknown): void {
    // As long as another slot lives, those who wait will be served by it.
    if (this.#slots.some(({ state }) => state === 'idle' || state === 'busy')) return;
    const why = error instanceof Error ? error.message : String(error);
    this.#rejectQueued(this.#notReady(`its replacement could not be started: ${why}`));
  }

  #abandon(instance: Instance, run: Promise<unknown>): boolean {
    const { stuck } = this.#parts;
    this.#stuckThreads++;
    stuck.add(instance);
    instance.unref();
    const onEnded = (): void => {
      this.#stuckThreads--;
      stuck.delete(instance);
      void instance.close();
      for (const slot of this.#slots) slot.retry();
    };
    run.then(onEnded, onEnded);
    if (this.#stuckThreads <= MAX_STUCK_THREADS) return true;
    // The slot that reports is still counted as busy: nobody is left to serve those who wait if all others gave up.
    const others = this.#slots.filter(({ state }) => state !== 'given-up');
    if (others.length <= 1) this.#rejectQueued(this.#notReady('its runs do not end'));
    return false;
  }

  #notReady(why: string): AmaasError {
    return new AmaasError('MODEL_NOT_READY', `run: model "${this.#parts.label}" cannot run: ${why}`);
  }
}
