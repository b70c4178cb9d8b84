// A counted resource handed out strictly in order of arrival; the line is bounded, and whoever goes away leaves it.
// Knows nothing of what the units stand for.
import { AmaasError, type Cancellation } from '@amaas/core';

interface InLine {
  readonly units: number;
  readonly enter: () => void;
}

export interface TurnstileOptions {
  /** What waits here, for messages. */
  readonly what: string;
  /** Units handed out at once. */
  readonly capacity: number;
  /** Most callers waiting; the next one is refused. */
  readonly maxWaiting: number;
}

export class Turnstile {
  readonly #options: TurnstileOptions;
  #free: number;
  #line: InLine[] = [];

  constructor(options: TurnstileOptions) {
    this.#options = options;
    this.#free = options.capacity;
  }

  get waiting(): number {
    return this.#line.length;
  }

  /**
   * Takes `units` (what exceeds the capacity takes all of it) and resolves with how to give them back, which works once.
   * @throws QUEUE_FULL, CANCELLED when `signal` fires first.
   */
  async acquire(units: number, signal?: Cancellation): Promise<() => void> {
    const { what, capacity, maxWaiting } = this.#options;
    if (signal?.aborted) throw wentAway(what);
    const taken = Math.min(units, capacity);
    if (this.#line.length === 0 && taken <= this.#free) this.#free -= taken;
    else {
      if (this.#line.length >= maxWaiting)
        throw new AmaasError('QUEUE_FULL', `${what}: ${maxWaiting} requests are waiting already`);
      await this.#wait(taken, signal);
    }
    let isReturned = false;
    return () => {
      if (isReturned) return;
      isReturned = true;
      this.#free += taken;
      this.#letIn();
    };
  }

  #wait(units: number, signal: Cancellation | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        this.#line = this.#line.filter((waiting) => waiting !== entry);
        reject(wentAway(this.#options.what));
        this.#letIn(); // who stood behind a large one may fit now
      };
      const entry: InLine = {
        units,
        enter: () => {
          signal?.removeEventListener('abort', leave);
          resolve();
        },
      };
      this.#line.push(entry);
      signal?.addEventListener('abort', leave);
    });
  }

  #letIn(): void {
    for (let first = this.#line[0]; first !== undefined && first.units <= this.#free; first = this.#line[0]) {
      this.#line.shift();
      this.#free -= first.units;
      first.enter();
    }
  }
}

function wentAway(what: string): AmaasError {
  return new AmaasError('CANCELLED', `${what}: the caller went away`);
}
