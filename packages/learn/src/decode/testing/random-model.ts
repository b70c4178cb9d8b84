// A sequence model for tests: its state is the tokens so far, and its logits are drawn from them, so that every beginning has
// a distribution of its own and sequences can be scored without decoding.
import { createRandom } from '../../statistics/index.ts';
import type { SequenceModel } from '../sequence-model.ts';

export type Beginnings = readonly (readonly number[])[];

export interface RandomModel extends SequenceModel<Beginnings> {
  /** Logits after these tokens, the first one included. */
  logitsAfter(tokens: readonly number[]): Float64Array;
  /** Rows of every step so far. */
  readonly batches: number[];
}

export function createRandomModel(seed: string, vocabularySize: number): RandomModel {
  const batches: number[] = [];
  const logitsAfter = (tokens: readonly number[]): Float64Array => {
    const random = createRandom(seed).fork(...tokens);
    return Float64Array.from({ length: vocabularySize }, () => 1.5 * random.normal());
  };
  return {
    vocabularySize,
    batches,
    logitsAfter,
    async step(tokens, state) {
      batches.push(tokens.length);
      const next = state.map((beginning, row) => [...beginning, tokens[row] ?? -1]);
      return { logits: Float64Array.from(next.flatMap((beginning) => [...logitsAfter(beginning)])), state: next };
    },
    selectRows: (state, rows) => Array.from(rows, (row) => state[row] ?? []),
  };
}

/** Log-softmax in the plainest form. */
export function logProbabilitiesOf(logits: ArrayLike<number>): readonly number[] {
  const values = Array.from(logits);
  const total = values.reduce((sum, logit) => sum + Math.exp(logit), 0);
  return values.map((logit) => logit - Math.log(total));
}
