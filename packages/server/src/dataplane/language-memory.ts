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

/** What is to be set aside for a holder. */
interface Wish {
  readonly holder: MemoryHolder;
  /** Begins the message where it is refused. */
  readonly operation: string;
  /** Beside what it has. */
  readonly moreBytes: number;
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
   * Sets `bytes` aside for a holder, in place of what it had, after idle others have left where that is needed.
   * @throws MEMORY_LIMIT with the numbers; retryable where others in the way are only busy
   */
  claim(holder: MemoryHolder, bytes: number): Promise<void> {
    return this.#inTurn(async () => {
      await this.#makeRoom({ holder, operation: 'load', moreBytes: bytes - this.#heldBy(holder) });
      this.#held.set(holder, bytes);
    });
  }

  /**
   * Sets so many bytes more aside for a holder, which itself does not leave for them.
   * @param operation - what they are for
   * @throws as {@link LanguageMemory.claim}; MODEL_NOT_READY where it holds nothing any more
   */
  grow(holder: MemoryHolder, moreBytes: number, operation: string): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#held.has(holder)) await this.#makeRoom({ holder, operation, moreBytes });
      // It may have left before its turn, or while others left for it.
      if (!this.#held.has(holder)) {
        throw new AmaasError('MODEL_NOT_READY', `${operation}: model "${holder.label}" is being unloaded`);
      }
      this.#held.set(holder, this.#heldBy(holder) + moreBytes);
    });
  }

  /** Gives back a part of what was claimed; nothing where all of it was given back before. */
  shrink(holder: MemoryHolder, bytes: number): void {
    if (this.#held.has(holder)) this.#held.set(holder, this.#heldBy(holder) - bytes);
  }

  /** Gives back all that was claimed. Idempotent. */
  release(holder: MemoryHolder): void {
    this.#held.delete(holder);
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => {});
    return done;
  }

  #heldBy(holder: MemoryHolder): number {
    return this.#held.get(holder) ?? 0;
  }

  async #makeRoom(wish: Wish): Promise<void> {
    const { holder, moreBytes } = wish;
    while (this.heldBytes + moreBytes > this.maxBytes) {
      const others = [...this.#held].filter(([other]) => other !== holder);
      const idle = others.map(([other]) => other).filter(({ isIdle }) => isIdle);
      const busyBytes = others.reduce((sum, [other, bytes]) => sum + (other.isIdle ? 0 : bytes), 0);
      const [oldest] = idle.sort((a, b) => a.lastUsedMs - b.lastUsedMs);
      // Nobody leaves for one who does not fit in the end.
      const isVain = busyBytes + this.#heldBy(holder) + moreBytes > this.maxBytes;
      if (oldest === undefined || isVain) throw this.#noRoom(wish);
      await oldest.evict();
      this.#held.delete(oldest);
    }
  }

  #noRoom({ holder, operation, moreBytes }: Wish): AmaasError {
    const own = this.#heldBy(holder);
    const busy = [...this.#held].filter(([other]) => other !== holder && !other.isIdle);
    const names = busy.map(([{ label }, bytes]) => `${label} ${megabytes(bytes)}`).join(', ');
    const needs = own === 0 ? megabytes(moreBytes) : `${megabytes(moreBytes)} beside its ${megabytes(own)}`;
    return new AmaasError(
      'MEMORY_LIMIT',
      `${operation}: model "${holder.label}" needs ${needs}, and language models may take ${megabytes(this.maxBytes)} together${names === '' ? '' : `; ${names} are busy`}`,
      {
        retryable: own + moreBytes <= this.maxBytes,
        details: { neededBytes: own + moreBytes, allowedBytes: this.maxBytes, heldBytes: this.heldBytes },
      },
    );
  }
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6).toLocaleString('en-US')} MB`;
}
