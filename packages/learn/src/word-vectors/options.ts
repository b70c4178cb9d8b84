// What the trainers of this room share: how far they are, and checks of their numbers.
import { AmaasError } from '@amaas/core';

export interface WordVectorProgress {
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
  /** Of the whole training, 0 … 1. */
  readonly done: number;
  /** Mean over the epoch so far. */
  readonly loss: number;
  readonly learningRate: number;
}

/** What training can be told besides what is learned. */
export interface TrainingControl {
  /** Default 0. Same seed and corpus, same vectors to the last bit. */
  readonly seed?: string | number;
  readonly signal?: AbortSignal;
  /** A few times a second, and at the end of each epoch. */
  readonly onProgress?: (progress: WordVectorProgress) => void;
}

/** @throws INVALID_ARGUMENT */
export function assertCount(name: string, value: number, most = Number.MAX_SAFE_INTEGER): void {
  if (!Number.isSafeInteger(value) || value < 1 || value > most) {
    const range = most === Number.MAX_SAFE_INTEGER ? '≥ 1' : `in 1 … ${most}`;
    throw new AmaasError('INVALID_ARGUMENT', `word vectors: ${name} must be a whole number ${range}, got ${value}`);
  }
}

/** @throws INVALID_ARGUMENT */
export function assertPositive(name: string, value: number): void {
  if (!(value > 0 && Number.isFinite(value))) {
    throw new AmaasError('INVALID_ARGUMENT', `word vectors: ${name} must be a number above 0, got ${value}`);
  }
}
