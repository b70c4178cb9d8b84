// Decoding one token after the other: what a decoder must say of itself so that it can be exported as graphs whose states go
// in and out as tensors. Made for caches of keys and values and for recurrent states alike; knows no particular model and
// nothing of how states are kept between steps.
import { AmaasError, type DType } from '@amaas/core';
import { concat, gather, scalar, type Shape, type Value } from '../graph/index.ts';
import type { Scope } from './scope.ts';

/** The symbol of rows: what is decoded beside each other. */
export const ROWS_SYMBOL = 'N';
/** The symbol of the ids a step is given per row, where that is not known to be 1. */
export const IDS_SYMBOL = 'T';
/** The symbol of an axis that every step lengthens by its ids, from 0. */
export const PAST_SYMBOL = 'P';
/** The symbol of a source's length. */
export const SOURCE_SYMBOL = 'S';

/** The name of a state [N, P] float32, where a decoder has one, that is 1 where the past holds a token, else 0. */
export const PRESENT_STATE = 'present';

/** An id that stands for no token: what fills up rows that are given fewer ids than others. */
export const NO_TOKEN = -1;

/** A tensor, by what is known of it before anything runs. */
export interface TensorType {
  readonly dtype: DType;
  /** Rows ({@link ROWS_SYMBOL}) first. */
  readonly shape: Shape;
}

/**
 * What is carried from step to step.
 *
 * Besides rows a shape may have one more symbol: an axis that grows ({@link PAST_SYMBOL}), or is as long as `start` makes it.
 * Along it zeros at the front mean that nothing is there, so that rows of different lengths go together.
 */
export interface StepState extends TensorType {
  readonly name: string;
  /** True: `start` gives it; false: it begins as zeros, an axis that grows with length 0. */
  readonly isStarted: boolean;
  /** Whether a step gives it anew; the others stay as they were. */
  readonly isChanged: boolean;
}

export interface StepInputs {
  /**
   * [N, T] int64: the newest ids of every row. Of several, those that are {@link NO_TOKEN} come first in their row and change
   * nothing; T is 1 for decoders that take no chunks, and then no id is NO_TOKEN.
   */
  readonly ids: Value;
  /** One per {@link StepwiseDecoder.states}. */
  readonly states: ReadonlyMap<string, Value>;
  /** Whether logits are wanted of the last id alone. */
  readonly onlyLast: boolean;
}

export interface StepOutputs {
  /** [N, vocabulary] of the last id, or [N, T, vocabulary]. */
  readonly logits: Value;
  /** Those that change. */
  readonly states: ReadonlyMap<string, Value>;
}

/**
 * A decoder built step by step, of the same parameters as the network that was trained.
 *
 * It takes the sizes of what it is given from there: rows may be under another symbol, as beams are, and what is past may
 * be of known length, 0 at the first step.
 */
export interface StepwiseDecoder {
  /** How many logits there are. */
  readonly vocabularySize: number;
  /** What `start` reads, by name; empty for a language model. */
  readonly inputs: ReadonlyMap<string, TensorType>;
  readonly states: readonly StepState[];
  /** Whether a step takes more than one id per row; otherwise prompts go in one by one. */
  readonly takesChunks: boolean;
  /** Most ids a row may have, where there is a limit. */
  readonly mostIds?: number;
  /** The states that begin as something, from the inputs: an encoder. */
  start(inputs: ReadonlyMap<string, Value>, scope: Scope): ReadonlyMap<string, Value>;
  /** The next step. */
  step(inputs: StepInputs, scope: Scope): StepOutputs;
}

/** The last of [N, T, ...] along its second axis: [N, ...]. */
export function lastOf(sequence: Value): Value {
  return gather(sequence, scalar('int64', -1), 1);
}

/** What was, and behind it what is new. @param axis - the one that grows */
export function grown(past: Value, fresh: Value, axis: number): Value {
  return past.shape[axis] === 0 ? fresh : concat([past, fresh], axis);
}

/** @throws INVALID_GRAPH when it was not given */
export function stateOf(states: ReadonlyMap<string, Value>, name: string): Value {
  const state = states.get(name);
  if (state === undefined) throw new AmaasError('INVALID_GRAPH', `step: the state "${name}" is missing`);
  return state;
}
