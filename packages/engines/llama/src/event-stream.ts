// Events of one request on their way to whoever reads them: pushed as they come, read in their own time.
export class EventStream<Event> implements AsyncIterable<Event> {
  #events: Event[] = [];
  #isOver = false;
  #error: unknown = null;
  #wake: (() => void) | null = null;
  readonly #onLeave: () => void;

  /** @param onLeave - called when the reader goes before the end */
  constructor(onLeave: () => void) {
    this.#onLeave = onLeave;
  }

  push(event: Event): void {
    this.#events.push(event);
    this.#wake?.();
  }

  /** No further events come. */
  end(): void {
    this.#isOver = true;
    this.#wake?.();
  }

  /** What was pushed is read first; then reading throws. */
  fail(error: unknown): void {
    if (this.#isOver) return;
    this.#error = error;
    this.end();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Event> {
    try {
      for (;;) {
        const events = this.#events;
        this.#events = [];
        yield* events;
        if (this.#events.length > 0) continue;
        if (this.#isOver) break;
        await new Promise<void>((resolve) => (this.#wake = resolve));
        this.#wake = null;
      }
    } finally {
      if (!this.#isOver) this.#onLeave();
    }
    if (this.#error !== null) throw this.#error;
  }
}
