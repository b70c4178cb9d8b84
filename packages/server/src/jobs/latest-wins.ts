// Passes values on at most so often: the first at once, then the newest of each interval, the last one always.
// Holds one value, however many come.
import type { CancelTimer, Clock } from '@amaas/core';

export class LatestWins<Value> {
  readonly #options: { readonly intervalMs: number; readonly clock: Clock; readonly pass: (value: Value) => void };
  #lastMs = Number.NEGATIVE_INFINITY;
  #waiting: { readonly value: Value } | null = null;
  #timer: CancelTimer | null = null;

  constructor(options: { readonly intervalMs: number; readonly clock: Clock; readonly pass: (value: Value) => void }) {
    this.#options = options;
  }

  put(value: Value): void {
    const { clock, intervalMs } = this.#options;
    const waitMs = this.#lastMs + intervalMs - clock.nowMs();
    this.#waiting = { value };
    // Looked at with every value as well: in a loop that never yields no timer would fire.
    if (waitMs <= 0) this.flush();
    else this.#timer ??= clock.schedule(waitMs, () => this.flush());
  }

  /** Passes on what waits, now. */
  flush(): void {
    this.#timer?.();
    this.#timer = null;
    const waiting = this.#waiting;
    this.#waiting = null;
    if (waiting === null) return;
    this.#lastMs = this.#options.clock.nowMs();
    this.#options.pass(waiting.value);
  }

  /** Forgets what waits. */
  stop(): void {
    this.#timer?.();
    this.#timer = null;
    this.#waiting = null;
  }
}
