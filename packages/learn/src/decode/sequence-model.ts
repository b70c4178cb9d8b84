// What decoding needs of a model that writes token after token: one step of a batch, and rows of its state put in another
// order. The state is whatever the model keeps (a cache of keys and values, hidden vectors, a text so far); decoding only
// hands it back.
import { AmaasError } from '@amaas/core';

export interface SequenceModel<State> {
  /** How many tokens there are. */
  readonly vocabularySize: number;
  /**
   * One step of all rows.
   * @param tokens - [rows]: the newest token of every row
   * @param state - what came before those tokens
   */
  step(tokens: Int32Array, state: State): Promise<DecodingStep<State>>;
  /**
   * The state whose row i is row `rows[i]` of `state`; rows may come twice, in any order, or not at all. The given state is
   * not used again.
   */
  selectRows(state: State, rows: Int32Array): State | Promise<State>;
}

export interface DecodingStep<State> {
  /** [rows, vocabularySize] row-major: scores of the tokens that may follow; −Infinity forbids one. */
  readonly logits: Float32Array | Float64Array;
  /** The state with the tokens taken in. */
  readonly state: State;
}

/** Where decoding begins: for a prompt, its last token, and the state with all tokens before it taken in. */
export interface DecodingStart<State> {
  /** [rows]: the token each row goes on from, such as the beginning-of-sequence token. */
  readonly tokens: Int32Array;
  readonly state: State;
}

export interface DecodingLimits {
  /** Tokens written at most, ≥ 1, the end token included. */
  readonly maxTokens: number;
  /** Tokens that end a sequence; default none. */
  readonly endTokens?: readonly number[];
  /** Heard before every step. */
  readonly signal?: AbortSignal;
}

/** What was written for one row. */
export interface GeneratedSequence {
  /** Without the token begun with and without the end token. */
  readonly tokens: readonly number[];
  /** Whether an end token was reached; otherwise there was no room for more. */
  readonly ended: boolean;
  /** Sum of the natural logarithms of the model's own probabilities, the end token's included. */
  readonly logProbability: number;
}

/** @throws INVALID_ARGUMENT on limits out of range or no rows. */
export function checkDecoding(
  operation: string,
  { maxTokens, endTokens = [] }: DecodingLimits,
  { rows, vocabularySize }: { readonly rows: number; readonly vocabularySize: number },
): void {
  if (!Number.isSafeInteger(maxTokens) || maxTokens < 1) {
    throw new AmaasError('INVALID_ARGUMENT', `${operation}: maxTokens must be a whole number ≥ 1, got ${maxTokens}`);
  }
  const unknown = endTokens.find((token) => !Number.isSafeInteger(token) || token < 0 || token >= vocabularySize);
  if (unknown !== undefined) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `${operation}: end token ${unknown} is none of the model's ${vocabularySize} tokens`,
    );
  }
  if (rows === 0)
    throw new AmaasError('INVALID_ARGUMENT', `${operation}: expects at least one row to begin with, got none`);
}

/**
 * One step, its result checked.
 * @throws CANCELLED when the signal was raised; INVALID_SHAPE when the model gives another number of logits.
 */
export async function takeStep<State>(
  operation: string,
  model: SequenceModel<State>,
  { tokens, state, signal }: DecodingStart<State> & { readonly signal: AbortSignal | undefined },
): Promise<{ readonly rows: readonly ArrayLike<number>[]; readonly state: State }> {
  if (signal?.aborted) throw new AmaasError('CANCELLED', `${operation}: called off`, { cause: signal.reason });
  const { logits, state: next } = await model.step(tokens, state);
  const { vocabularySize } = model;
  if (logits.length !== tokens.length * vocabularySize) {
    throw new AmaasError(
      'INVALID_SHAPE',
      `${operation}: expects logits [${tokens.length},${vocabularySize}] of a step, got ${logits.length} numbers`,
    );
  }
  const rows = Array.from(tokens, (_, row) => logits.subarray(row * vocabularySize, (row + 1) * vocabularySize));
  return { rows, state: next };
}
