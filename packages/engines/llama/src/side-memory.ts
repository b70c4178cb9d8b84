// What a model takes beside its plan: held against the model's own limit, and asked for where all models share.
import { AmaasError, type ExtraMemory } from '@amaas/core';
import type { BoundContext } from './binding.ts';
import { megabytes } from './plan-memory.ts';

export interface SideMemoryParts {
  readonly label: string;
  /** Planned for what is loaded at once. */
  readonly plannedBytes: number;
  readonly maxMemoryBytes: number;
  readonly contextTokens: number;
  readonly memory: ExtraMemory;
}

/** A context that comes and goes. */
export interface LentContext {
  /** @throws MEMORY_LIMIT with the numbers */
  open(): Promise<BoundContext>;
  close(context: BoundContext): Promise<void>;
}

interface Opening<Opened> {
  readonly operation: string;
  readonly bytes: number;
  open(): Promise<Opened>;
}

export class SideMemory {
  readonly #parts: SideMemoryParts;
  /** Of what stays until the process ends, and of what comes and goes. */
  readonly #bytes = { kept: 0, lent: 0 };

  constructor(parts: SideMemoryParts) {
    this.#parts = parts;
  }

  /**
   * Opens what stays until the process ends.
   * @throws MEMORY_LIMIT with the numbers, retryable where what comes and goes is in the way
   */
  keep<Kept>(operation: string, bytes: number, open: () => Promise<Kept>): Promise<Kept> {
    return this.#take('kept', { operation, bytes, open });
  }

  /** A context whose bytes are given back when it is closed. */
  lend(operation: string, bytes: number, open: () => Promise<BoundContext>): LentContext {
    return {
      open: () => this.#take('lent', { operation, bytes, open }),
      close: async (context) => {
        await context.dispose();
        this.#bytes.lent -= bytes;
        this.#parts.memory.giveBack(bytes);
      },
    };
  }

  async #take<Opened>(kind: 'kept' | 'lent', { operation, bytes, open }: Opening<Opened>): Promise<Opened> {
    const { memory } = this.#parts;
    this.#assertRoom(operation, bytes);
    this.#bytes[kind] += bytes;
    try {
      await memory.claim(operation, bytes);
      try {
        return await open();
      } catch (thrown) {
        memory.giveBack(bytes);
        throw thrown;
      }
    } catch (thrown) {
      this.#bytes[kind] -= bytes;
      throw thrown;
    }
  }

  #assertRoom(operation: string, more: number): void {
    const { label, plannedBytes, maxMemoryBytes, contextTokens } = this.#parts;
    const lasting = plannedBytes + this.#bytes.kept;
    const taken = lasting + this.#bytes.lent;
    if (taken + more <= maxMemoryBytes) return;
    throw new AmaasError(
      'MEMORY_LIMIT',
      `${operation}: model "${label}" has ${megabytes(taken)} and needs ${megabytes(more)} more for texts of up to ${contextTokens} tokens, and ${megabytes(maxMemoryBytes)} are allowed`,
      {
        retryable: lasting + more <= maxMemoryBytes,
        details: { neededBytes: taken + more, allowedBytes: maxMemoryBytes, contextTokens },
      },
    );
  }
}
