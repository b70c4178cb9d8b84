// One place for an instance inside a loaded model: it runs one job at a time, enforces the time limit, and puts a new
// instance where one has crashed, was killed or is stuck. Knows nothing of queues.
import { AmaasError, type CancelTimer, type Clock } from '@amaas/core';
import type { Instance, InstanceJob, InstanceResult } from './instance.ts';

/** Pause before a replacement starts; doubles until a run succeeds, so that a model that keeps crashing costs little. */
const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 10_000;

/** What a slot needs from the model it belongs to. */
export interface SlotHost {
  readonly label: string;
  readonly maxRunMs: number;
  readonly clock: Clock;
  startInstance(signal: AbortSignal): Promise<Instance>;
  /** The slot has become free. */
  onIdle(): void;
  /** A replacement could not be started; another try follows. */
  onStartFailed(error: unknown): void;
  /** Takes over an instance whose run cannot be ended; false when there are too many of them to start another. */
  abandon(instance: Instance, run: Promise<unknown>): boolean;
}

/** `given-up`: its run is stuck and no replacement is allowed; see {@link Slot.retry}. */
type SlotState = 'idle' | 'busy' | 'replacing' | 'given-up' | 'closed';

export class Slot {
  readonly #host: SlotHost;
  #instance: Instance | null = null;
  #state: SlotState = 'replacing';
  #backoffMs = FIRST_BACKOFF_MS;
  #cancelRestart: CancelTimer | null = null;
  #starting: Promise<void> = Promise.resolve();
  readonly #closing = new AbortController();
  /** Resolves when the run under way has ended or been given up on. */
  #released: Promise<void> = Promise.resolve();

  constructor(host: SlotHost, instance: Instance) {
    this.#host = host;
    this.#adopt(instance);
  }

  get state(): SlotState {
    return this.#state;
  }

  measureMemoryBytes(): number | null {
    return this.#instance?.measureMemoryBytes() ?? null;
  }

  /** Runs one job on the idle slot. @throws what the run throws, DEADLINE_EXCEEDED after the model's time limit. */
  run(job: InstanceJob): Promise<InstanceResult> {
    const instance = this.#instance;
    if (instance === null || this.#state !== 'idle') {
      return Promise.reject(new AmaasError('INTERNAL', `run: a slot of model "${this.#host.label}" is not idle`));
    }
    this.#state = 'busy';
    const released = Promise.withResolvers<void>();
    this.#released = released.promise;
    const { promise, resolve, reject } = Promise.withResolvers<InstanceResult>();
    const run = instance.run(job);
    const cancelTimer = this.#host.clock.schedule(this.#host.maxRunMs, () => {
      reject(this.#deadlineExceeded());
      if (this.#giveUpOn(instance, run)) released.resolve();
    });
    run.then(
      (result) => {
        cancelTimer();
        resolve(result);
        this.#backoffMs = FIRST_BACKOFF_MS;
        this.#free(instance, false);
        released.resolve();
      },
      (error: unknown) => {
        cancelTimer();
        reject(error);
        this.#free(instance, error instanceof AmaasError && error.reason === 'ENGINE_CRASHED');
        released.resolve();
      },
    );
    return promise;
  }

  /** Waits for the run under way, at most as long as a run may take, and ends the instance. */
  async close(): Promise<void> {
    this.#state = 'closed';
    this.#cancelRestart?.();
    this.#closing.abort();
    await Promise.all([this.#released, this.#starting]);
    await this.#instance?.close();
    this.#instance = null;
  }

  /** Starts the replacement that was not allowed before; call it when a stuck run has ended after all. */
  retry(): void {
    if (this.#state === 'given-up') this.#replace();
  }

  #adopt(instance: Instance): void {
    this.#instance = instance;
    this.#state = 'idle';
    void instance.ended.then(() => {
      if (this.#instance === instance) this.#replace();
    });
  }

  #free(instance: Instance, crashed: boolean): void {
    if (this.#instance !== instance) return;
    if (crashed) {
      this.#replace(); // before anybody can be given the dead one
    } else if (this.#state === 'busy') {
      this.#state = 'idle';
      this.#host.onIdle();
    }
  }

  /** Ends or abandons the instance; true when it is no longer this slot's, false when its run ends now. */
  #giveUpOn(instance: Instance, run: Promise<unknown>): boolean {
    if (instance.kill()) return false; // the run ends with a crash, which brings the replacement
    this.#instance = null;
    const mayReplace = this.#host.abandon(instance, run);
    if (mayReplace) this.#replace();
    else if (this.#state !== 'closed') this.#state = 'given-up';
    return true;
  }

  #replace(): void {
    this.#instance = null;
    if (this.#state === 'closed' || this.#state === 'replacing') return;
    this.#state = 'replacing';
    this.#scheduleStart();
  }

  #scheduleStart(): void {
    this.#cancelRestart = this.#host.clock.schedule(this.#backoffMs, () => {
      this.#starting = this.#start();
    });
    this.#backoffMs = Math.min(this.#backoffMs * 2, MAX_BACKOFF_MS);
  }

  async #start(): Promise<void> {
    try {
      const instance = await this.#host.startInstance(this.#closing.signal);
      if (this.#state === 'closed') {
        await instance.close();
        return;
      }
      this.#adopt(instance);
      this.#host.onIdle();
    } catch (error) {
      if (this.#state === 'closed') return;
      this.#scheduleStart();
      this.#host.onStartFailed(error);
    }
  }

  #deadlineExceeded(): AmaasError {
    const { label, maxRunMs } = this.#host;
    return new AmaasError('DEADLINE_EXCEEDED', `run: model "${label}" did not finish within ${maxRunMs} ms`, {
      details: { maxRunMs },
    });
  }
}
