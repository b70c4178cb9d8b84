// Serialises work on the same key within this process; different keys do not wait for each other.

export class KeyedMutex {
  readonly #tails = new Map<string, Promise<void>>();

  /** Runs `work` after everything queued before it under the same key. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const result = before.then(work);
    const tail = result.then(
      () => {},
      () => {},
    );
    this.#tails.set(key, tail);
    try {
      return await result;
    } finally {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    }
  }
}
