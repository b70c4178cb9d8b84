// Who computes next: the contexts of one model take turns, so that none of them waits for more than one step of each other.
export class Turns {
  #last: Promise<void> = Promise.resolve();

  /** Does the work when all who asked before have done theirs; it should be short. */
  async take<Result>(work: () => Promise<Result>): Promise<Result> {
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    await before;
    try {
      return await work();
    } finally {
      resolve();
    }
  }
}
