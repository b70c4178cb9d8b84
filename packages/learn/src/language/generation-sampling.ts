// Tokens drawn inside a graph by numbers that are given, as `sampleToken` draws them: temperature, then top-k, top-p and min-p.
import { AmaasError } from '@amaas/core';
import type { SamplingOptions } from '../decode/index.ts';
import {
  and,
  cast,
  cumSum,
  div,
  exp,
  gather,
  gatherElements,
  greater,
  greaterOrEqual,
  input,
  less,
  lessOrEqual,
  minimum,
  mul,
  reduceMax,
  reduceSum,
  reshape,
  scalar,
  sub,
  topK as largestOf,
  unsqueeze,
  type Value,
  where,
} from '../graph/index.ts';
import { ROWS_SYMBOL } from '../layers/index.ts';
import type { PickTokens } from './generation-texts.ts';

/** As for `sampleToken`, without penalties for repetition. */
export type GeneratorSampling = Omit<SamplingOptions, 'repetitionPenalty'>;

/** [N, at least as many as tokens are written] float32, each in [0, 1). */
export const UNIFORMS_INPUT = 'uniforms';

/** A number this close to 1 draws the last token that may be drawn; sums of float32 are no more exact. */
const ALMOST_ONE = 1 - 2 ** -22;

/** @throws INVALID_ARGUMENT on options out of range */
export function sampleTokens(
  sampling: GeneratorSampling,
  vocabularySize: number,
): { readonly uniforms: Value; readonly pick: PickTokens } {
  checkSampling(sampling);
  const uniforms = input(UNIFORMS_INPUT, 'float32', [ROWS_SYMBOL, 'U']);
  const pick: PickTokens = (logits, index) => {
    const uniform = unsqueeze(minimum(gather(uniforms, index, 1), ALMOST_ONE), 1);
    const { weights, tokens } = weighTokens(logits, vocabularySize, sampling);
    const sums = cumSum(weights, 1);
    const total = unsqueeze(gather(sums, scalar('int64', -1), 1), 1);
    // How many sums the drawn number passes is the place of the token drawn.
    const place = reduceSum(cast(lessOrEqual(sums, mul(total, uniform)), 'int64'), { axes: [1] });
    return tokens === null ? place : reshape(gatherElements(tokens, unsqueeze(place, 1), 1), [ROWS_SYMBOL]);
  };
  return { uniforms, pick };
}

/** Unnormalised probabilities, 0 for what may not be drawn, and whose they are; null: the vocabulary in its order. */
function weighTokens(
  logits: Value,
  vocabularySize: number,
  { temperature = 1, topK = vocabularySize, topP = 1, minP = 0 }: GeneratorSampling,
): { readonly weights: Value; readonly tokens: Value | null } {
  const largest = reduceMax(logits, { axes: [1], keepAxes: true });
  const all = exp(div(sub(logits, largest), temperature));
  if (topK >= vocabularySize && topP === 1 && minP === 0) return { weights: all, tokens: null };
  const { values, indices } = largestOf(all, Math.min(topK, vocabularySize));
  const total = reduceSum(values, { axes: [1], keepAxes: true });
  const isReached = less(cumSum(values, 1, { exclusive: true }), mul(total, topP));
  const isLikely = greaterOrEqual(values, minP);
  const kept = topP === 1 ? isLikely : and(isReached, isLikely);
  return { weights: where(and(kept, greater(values, 0)), values, 0), tokens: indices };
}

function checkSampling({ temperature = 1, topK = 1, topP = 1, minP = 0 }: GeneratorSampling): void {
  const problem = !(temperature > 0 && Number.isFinite(temperature))
    ? `temperature must be a number > 0, got ${temperature}`
    : !(Number.isSafeInteger(topK) && topK >= 1)
      ? `topK must be a whole number ≥ 1, got ${topK}`
      : !(topP > 0 && topP <= 1)
        ? `topP must be a number above 0 and at most 1, got ${topP}`
        : !(minP >= 0 && minP <= 1)
          ? `minP must be a number in 0 … 1, got ${minP}`
          : null;
  if (problem !== null) throw new AmaasError('INVALID_ARGUMENT', `generation: ${problem}`);
}
