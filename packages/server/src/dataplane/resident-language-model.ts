// A language model that is in memory only while it is used: loaded by the first request, kept for a while after the last,
// asked to leave where others need the room. Knows nothing of what requests say.
import type {
  Cancellation,
  CancelTimer,
  Clock,
  ExtraMemory,
  LanguageEngine,
  LanguageLoadOptions,
  LanguageMemoryPlan,
  LanguageModel,
  LanguageModelSource,
} from '@amaas/core';
import { AmaasError } from '@amaas/core';
import type { LanguageMemory, MemoryHolder } from './language-memory.ts';

export interface ResidentParts {
  readonly engine: LanguageEngine;
  readonly source: LanguageModelSource;
  readonly options: Omit<LanguageLoadOptions, 'signal' | 'extraMemory'>;
  readonly memory: LanguageMemory;
  readonly clock: Clock;
  /** How long it stays after its last request, in milliseconds; Infinity: until it is pushed out. */
  readonly keepAliveMs: number;
}

/** A model in use; whoever took it returns it. */
export interface Lease {
  readonly model: LanguageModel;
  /** Bringing it into memory; 0 where it was there. */
  readonly loadMs: number;
  /** @param keepAliveMs - default as for every request */
  return(keepAliveMs?: number): void;
}

interface Residence {
  readonly plan: LanguageMemoryPlan;
  readonly model: LanguageModel;
}

export class ResidentLanguageModel implements MemoryHolder {
  readonly #parts: ResidentParts;
  #residence: Promise<Residence> | null = null;
  #present: Residence | null = null;
  #leaving: Promise<void> | null = null;
  #leases = 0;
  #lastUsedMs = 0;
  #cancelTimer: CancelTimer | null = null;
  #expiresAtMs: number | null = null;
  #isClosed = false;
  #isLoading = false;
  readonly #idle: (() => void)[] = [];

  constructor(parts: ResidentParts) {
    this.#parts = parts;
  }

  get label(): string {
    return this.#parts.source.label;
  }

  get isIdle(): boolean {
    return this.#leases === 0 && !this.#isLoading; // the load goes on when those who wanted it have left
  }

  get lastUsedMs(): number {
    return this.#lastUsedMs;
  }

  /** The model, where it is in memory. */
  get model(): LanguageModel | null {
    return this.#present?.model ?? null;
  }

  /** Bytes that what is loaded at once was planned to take; 0 while it is not in memory. */
  get plannedBytes(): number {
    return this.#present?.plan.bytes ?? 0;
  }

  /** Wall time in milliseconds when it leaves unless it is used; null: not in memory, in use, or until pushed out. */
  get expiresAtMs(): number | null {
    return this.#expiresAtMs;
  }

  /** @throws MODEL_NOT_READY while it is being unloaded, CANCELLED when the signal fires first, and what loading throws */
  async lease(signal?: Cancellation): Promise<Lease> {
    const { maxQueueSize } = this.#parts.options;
    // While it loads everybody waits here; afterwards its own queue counts.
    if (this.#present === null && this.#leases >= maxQueueSize) {
      throw new AmaasError('QUEUE_FULL', `generate: ${maxQueueSize} requests wait for model "${this.label}" to load`);
    }
    this.#leases++;
    this.#stopTimer();
    const beganMs = this.#parts.clock.nowMs();
    const wasPresent = this.#present !== null;
    try {
      if (this.#leaving !== null) await orCancelled(this.#leaving, signal);
      if (this.#isClosed) throw new AmaasError('MODEL_NOT_READY', `generate: model "${this.label}" is being unloaded`);
      this.#residence ??= this.#moveIn();
      const { model } = await orCancelled(this.#residence, signal);
      this.#lastUsedMs = this.#parts.clock.nowMs();
      let isReturned = false;
      return {
        model,
        loadMs: wasPresent ? 0 : this.#parts.clock.nowMs() - beganMs,
        return: (keepAliveMs = this.#parts.keepAliveMs) => {
          if (isReturned) return;
          isReturned = true;
          this.#returned(keepAliveMs);
        },
      };
    } catch (thrown) {
      this.#returned(this.#parts.keepAliveMs);
      throw thrown;
    }
  }

  /** Leaves memory at once where nobody uses it. */
  async evict(): Promise<void> {
    if (this.isIdle) await this.#moveOut();
  }

  /** Leaves memory once the last request has ended, for good. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (!this.isIdle) await new Promise<void>((resolve) => this.#idle.push(resolve));
    await this.#moveOut();
  }

  async #moveIn(): Promise<Residence> {
    const { engine, source, options, memory, keepAliveMs } = this.#parts;
    this.#isLoading = true;
    try {
      const plan = await engine.plan(source, options);
      await memory.claim(this, plan.bytes);
      const { contextTokens, parallel } = plan;
      const extraMemory: ExtraMemory = {
        claim: (operation, bytes) => memory.grow(this, bytes, operation),
        giveBack: (bytes) => memory.shrink(this, bytes),
      };
      const model = await engine.load(source, { ...options, contextTokens, parallel, extraMemory });
      this.#present = { plan, model };
      return this.#present;
    } catch (thrown) {
      memory.release(this);
      this.#residence = null;
      throw thrown;
    } finally {
      this.#isLoading = false;
      this.#rest(keepAliveMs);
    }
  }

  #moveOut(): Promise<void> {
    this.#stopTimer();
    const residence = this.#residence;
    if (residence === null) return this.#leaving ?? Promise.resolve();
    this.#residence = null;
    this.#present = null;
    const leaving = residence
      .then(({ model }) => model.dispose())
      .catch(() => {}) // what cannot be ended is not there any more
      .finally(() => {
        this.#parts.memory.release(this);
        if (this.#leaving === leaving) this.#leaving = null;
      });
    this.#leaving = leaving;
    return leaving;
  }

  #returned(keepAliveMs: number): void {
    this.#leases--;
    this.#rest(keepAliveMs);
  }

  /** Begins the time it stays for, where nobody uses it. */
  #rest(keepAliveMs: number): void {
    if (!this.isIdle) return;
    for (const resolve of this.#idle.splice(0)) resolve();
    if (this.#residence === null || this.#isClosed) return;
    if (keepAliveMs <= 0) {
      void this.#moveOut();
      return;
    }
    if (keepAliveMs > MAX_TIMER_MS) return;
    this.#expiresAtMs = this.#parts.clock.wallTime().getTime() + keepAliveMs;
    this.#cancelTimer = this.#parts.clock.schedule(keepAliveMs, () => void this.evict());
  }

  #stopTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#expiresAtMs = null;
  }
}

/** What the work comes to, unless the caller leaves first; the work goes on. @throws CANCELLED */
async function orCancelled<Result>(work: Promise<Result>, signal: Cancellation | undefined): Promise<Result> {
  if (signal === undefined) return work;
  const { promise: left, reject } = Promise.withResolvers<never>();
  const leave = (): void => reject(new AmaasError('CANCELLED', 'generate: the caller went away'));
  signal.addEventListener('abort', leave);
  if (signal.aborted) leave();
  try {
    return await Promise.race([work, left]);
  } finally {
    signal.removeEventListener('abort', leave);
  }
}

/** Timers run at once when its delay does not fit 31 bits; 25 days are as good as for ever. */
const MAX_TIMER_MS = 2 ** 31 - 1;
