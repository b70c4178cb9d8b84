// Who computes next: the contexts of one model take turns, so that none of them waits for more than one step of each other.

export interface TurnLimit {
  /** Longest a turn may take; steps are meant to take a fraction of a second. */
  readonly mostMs: number;
  /** Told of a turn that takes longer: native work cannot be ended from here. */
  onStuck(): void;
}

export class Turns {
  readonly #limit: TurnLimit | null;
  #last: Promise<void> = Promise.resolve();

  /** @param limit - null: turns may take what they take */
  constructor(limit: TurnLimit | null = null) {
    this.#limit = limit;
  }

  /** Does the work when all who asked before have done theirs; it should be short. */
  async take<Result>(work: () => Promise<Result>): Promise<Result> {
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    await before;
    const limit = this.#limit;
    const timer = limit === null ? null : setTimeout(() => limit.onStuck(), limit.mostMs);
    try {
      return await work();
    } finally {
      if (timer !== null) clearTimeout(timer);
      resolve();
    }
  }
}
