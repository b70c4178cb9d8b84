// Who of the language models is in memory: what is asked for is let in while there is room, and those idle for longest leave
// to make some. Knows bytes and turns, not models.
import { AmaasError } from '@amaas/core';

/** Something that takes memory and may be asked to leave. */
export interface MemoryHolder {
  readonly label: string;
  /** Whether nobody uses it at this moment. */
  readonly isIdle: boolean;
  /** When it was used last, by any one clock. */
  readonly lastUsedMs: number;
  /** Leaves memory; called for idle ones. */
  evict(): Promise<void>;
}

export class LanguageMemory {
  readonly maxBytes: number;
  readonly #held = new Map<MemoryHolder, number>();
  /** Claims are granted one after the other, so that two do not count on the same room. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  get heldBytes(): number {
    return [...this.#held.values()].reduce((sum, bytes) => sum + bytes, 0);
  }

  /**
   * Sets `bytes` aside for the holder, after others have left where that is needed.
   * @throws MEMORY_LIMIT with the numbers; retryable where those in the way are only busy
   */
  claim(holder: MemoryHolder, bytes: number): Promise<void> {
    const granted = this.#turn.then(() => this.#grant(holder, bytes));
    this.#turn = granted.catch(() => {});
    return granted;
  }

  /** Gives back what was claimed. Idempotent. */
  release(holder: MemoryHolder): void {
    this.#held.delete(holder);
  }

  async #grant(holder: MemoryHolder, bytes: number): Promise<void> {
    while (this.heldBytes + bytes > this.maxBytes) {
      const [oldest] = [...this.#held.keys()]
        .filter(({ isIdle }) => isIdle)
        .sort((a, b) => a.lastUsedMs - b.lastUsedMs);
      if (oldest === undefined) throw this.#noRoom(holder, bytes);
      await oldest.evict();
      this.#held.delete(oldest);
    }
    this.#held.set(holder, bytes);
  }

  #noRoom(holder: MemoryHolder, bytes: number): AmaasError {
    const busy = [...this.#held].map(([{ label }, held]) => `${label} ${megabytes(held)}`).join(', ');
    const others = busy === '' ? '' : `; ${busy} are busy`;
    return new AmaasError(
      'MEMORY_LIMIT',
      `load: model "${holder.label}" needs ${megabytes(bytes)}, and language models may take ${megabytes(this.maxBytes)} together${others}`,
      {
        retryable: busy !== '',
        details: { neededBytes: bytes, allowedBytes: this.maxBytes, heldBytes: this.heldBytes },
      },
    );
  }
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6).toLocaleString('en-US')} MB`;
}
