// Who may send the next request to a model: batches in turn, never more requests at once than the model has room for
// beside its other callers.
import { AmaasError } from '@amaas/core';
import type { SlotsFor } from './ports.ts';

interface Waiting {
  grant(): void;
}

interface Lane {
  active: number;
  readonly waiting: Set<Waiting>;
}

export class Slots {
  readonly #slotsFor: SlotsFor;
  readonly #lanes = new Map<string, Lane>();

  constructor(slotsFor: SlotsFor) {
    this.#slotsFor = slotsFor;
  }

  /** Requests of batches under way. */
  get active(): number {
    let active = 0;
    for (const lane of this.#lanes.values()) active += lane.active;
    return active;
  }

  /**
   * Waits for a turn; a batch that asks again stands behind the others.
   * @returns how to give it back; idempotent
   * @throws CANCELLED when the signal fires first
   */
  async take(model: string, signal: AbortSignal): Promise<() => void> {
    const lane = this.#lane(model);
    await new Promise<void>((resolve, reject) => {
      const waiting: Waiting = {
        grant() {
          signal.removeEventListener('abort', leave);
          resolve();
        },
      };
      const leave = (): void => {
        lane.waiting.delete(waiting);
        this.#forgetIdle(model, lane);
        reject(new AmaasError('CANCELLED', 'batch: stopped while waiting for its turn'));
      };
      if (signal.aborted) {
        leave();
        return;
      }
      signal.addEventListener('abort', leave, { once: true });
      lane.waiting.add(waiting);
      this.#grant(model, lane);
    });
    let isGiven = false;
    return () => {
      if (isGiven) return;
      isGiven = true;
      lane.active--;
      this.#grant(model, lane);
      this.#forgetIdle(model, lane);
    };
  }

  #grant(model: string, lane: Lane): void {
    for (const waiting of lane.waiting) {
      if (lane.active >= Math.max(1, this.#slotsFor(model))) return;
      lane.waiting.delete(waiting);
      lane.active++;
      waiting.grant();
    }
  }

  #lane(model: string): Lane {
    let lane = this.#lanes.get(model);
    if (lane === undefined) {
      lane = { active: 0, waiting: new Set() };
      this.#lanes.set(model, lane);
    }
    return lane;
  }

  #forgetIdle(model: string, lane: Lane): void {
    if (lane.active === 0 && lane.waiting.size === 0 && this.#lanes.get(model) === lane) this.#lanes.delete(model);
  }
}
