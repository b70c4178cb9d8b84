// A clock that moves only when told to.
import type { CancelTimer, Clock } from '@amaas/core';

export class FakeClock implements Clock {
  #nowMs = 1000;

  nowMs(): number {
    return this.#nowMs;
  }

  wallTime(): Date {
    return new Date(Date.UTC(2026, 0, 1) + this.#nowMs);
  }

  /** Studies set no timers. */
  schedule(): CancelTimer {
    throw new Error('FakeClock has no timers');
  }

  advance(byMs: number): void {
    this.#nowMs += byMs;
  }
}
