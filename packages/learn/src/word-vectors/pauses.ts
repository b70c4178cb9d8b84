// Long loops that let others run: every few milliseconds the event loop turns, and a cancelled signal ends the work.
// When a pause is taken depends on the clock; what is computed does not.
import { AmaasError, systemClock } from '@amaas/core';

/** Between pauses; a page or server stays responsive, and pauses cost a few percent even where one takes 1 ms. */
const BETWEEN_MS = 25;
/** Questions between looks at the clock. */
const LOOK_EVERY = 64;

export class Pauses {
  readonly #operation: string;
  readonly #signal: AbortSignal | undefined;
  #last = systemClock.nowMs();
  #questions = 0;

  constructor(operation: string, signal: AbortSignal | undefined) {
    this.#operation = operation;
    this.#signal = signal;
    this.#assertWanted();
  }

  /** Whether to {@link take} a pause; cheap enough to ask for every few thousand operations. */
  isDue(): boolean {
    if (++this.#questions < LOOK_EVERY) return false;
    this.#questions = 0;
    return systemClock.nowMs() - this.#last > BETWEEN_MS;
  }

  /** After work of a millisecond or more, when every look at the clock is cheap. @throws CANCELLED */
  async takeIfLate(): Promise<void> {
    if (systemClock.nowMs() - this.#last > BETWEEN_MS) await this.take();
  }

  /** @throws CANCELLED */
  async take(): Promise<void> {
    await new Promise<void>((resolve) => {
      setTimeout(resolve);
    });
    this.#last = systemClock.nowMs();
    this.#assertWanted();
  }

  #assertWanted(): void {
    if (this.#signal?.aborted) throw new AmaasError('CANCELLED', `${this.#operation} was cancelled`);
  }
}
