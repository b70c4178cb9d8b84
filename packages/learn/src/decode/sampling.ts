// Choosing the next token from logits: at random among the likely ones, or the likeliest. The order is repetition penalty,
// temperature, top-k, top-p, min-p, as in Hugging Face Transformers.
// Source: Keskar et al. (2019) for the repetition penalty; Fan et al. (2018) top-k; Holtzman et al. (2020) top-p; Nguyen et
// al. (2024) min-p.
import { AmaasError } from '@amaas/core';
import type { Random } from '../statistics/index.ts';
import { largestLogit } from './log-probabilities.ts';
import { RankedTokens } from './ranked-tokens.ts';

export interface SamplingOptions {
  /** ≥ 0; below 1 favours the likely tokens, above 1 the others; 0 takes the likeliest. Default 1: as the model says. */
  readonly temperature?: number;
  /** Only that many tokens, the likeliest, ≥ 1; default all. */
  readonly topK?: number;
  /** Only the likeliest tokens that together reach this probability, in (0, 1]; at least one. Default 1: all. */
  readonly topP?: number;
  /** Only tokens at least this many times as likely as the likeliest, 0 … 1; default 0: all. */
  readonly minP?: number;
  /** Divides positive and multiplies negative logits of tokens that came before, > 0; default 1: no penalty. */
  readonly repetitionPenalty?: number;
}

export interface TokenChoiceOptions extends SamplingOptions {
  /** Tokens that the repetition penalty is for, such as the prompt and what was written; default none. */
  readonly history?: readonly number[];
}

/**
 * The token to go on with.
 * @param logits - one per token; −Infinity forbids one
 * @throws INVALID_DATA on NaN, on +Infinity, or where all logits are −Infinity; INVALID_ARGUMENT on options out of range.
 */
export function sampleToken(logits: ArrayLike<number>, random: Random, options: TokenChoiceOptions = {}): number {
  checkSamplingOptions(options);
  const { weights, kept } = weighTokens(logits, options);
  const count = kept?.length ?? weights.length;
  let left = random.uniform() * sumOf({ weights, kept });
  let chosen = kept?.[0] ?? 0;
  for (let i = 0; i < count; i++) {
    const token = kept === null ? i : (kept[i] ?? 0);
    const weight = weights[token] ?? 0;
    if (weight === 0) continue;
    chosen = token; // stays with the last where rounding leaves a remainder
    left -= weight;
    if (left < 0) break;
  }
  return chosen;
}

/** The likeliest token, the first of equal ones. @throws INVALID_DATA as {@link sampleToken}. */
export function chooseLikeliest(logits: ArrayLike<number>): number {
  const largest = largestLogit('greedy', logits);
  for (let token = 0; token < logits.length; token++) if (logits[token] === largest) return token;
  throw new AmaasError('INTERNAL', 'greedy: the largest logit is none of the logits');
}

/** What {@link sampleToken} draws from: a probability per token, 0 for those left out. @throws as it does. */
export function computeTokenProbabilities(logits: ArrayLike<number>, options: TokenChoiceOptions = {}): Float64Array {
  checkSamplingOptions(options);
  const { weights, kept } = weighTokens(logits, options);
  const total = sumOf({ weights, kept });
  if (kept === null) return weights.map((weight) => weight / total);
  const probabilities = new Float64Array(logits.length);
  for (const token of kept) probabilities[token] = (weights[token] ?? 0) / total;
  return probabilities;
}

/** @throws INVALID_ARGUMENT at the first option out of range. */
export function checkSamplingOptions(options: SamplingOptions): void {
  const { temperature = 1, topK = 1, topP = 1, minP = 0, repetitionPenalty = 1 } = options;
  const refuse = (name: string, expected: string, value: number): never => {
    throw new AmaasError('INVALID_ARGUMENT', `sampling: ${name} must be ${expected}, got ${value}`);
  };
  if (!(temperature >= 0 && Number.isFinite(temperature))) refuse('temperature', 'a number ≥ 0', temperature);
  if (!Number.isSafeInteger(topK) || topK < 1) refuse('topK', 'a whole number ≥ 1', topK);
  if (!(topP > 0 && topP <= 1)) refuse('topP', 'a number above 0 and at most 1', topP);
  if (!(minP >= 0 && minP <= 1)) refuse('minP', 'a number in 0 … 1', minP);
  if (!(repetitionPenalty > 0 && Number.isFinite(repetitionPenalty))) {
    refuse('repetitionPenalty', 'a number > 0', repetitionPenalty);
  }
}

interface WeighedTokens {
  /** Unnormalised probability of every token, 1 for the likeliest. */
  readonly weights: Float64Array;
  /** Tokens that may be drawn; null for all. */
  readonly kept: readonly number[] | null;
}

function sumOf({ weights, kept }: WeighedTokens): number {
  let total = 0;
  if (kept === null) for (let token = 0; token < weights.length; token++) total += weights[token] ?? 0;
  else for (const token of kept) total += weights[token] ?? 0;
  return total;
}

function weighTokens(logits: ArrayLike<number>, options: TokenChoiceOptions): WeighedTokens {
  const { temperature = 1, topK = logits.length, topP = 1, minP = 0, repetitionPenalty = 1 } = options;
  const penalised = penalise(logits, repetitionPenalty, options.history ?? []);
  const largest = largestLogit('sampling', penalised);
  const weights = new Float64Array(logits.length);
  if (temperature === 0) {
    const likeliest = chooseLikeliest(penalised);
    weights[likeliest] = 1;
    return { weights, kept: [likeliest] };
  }
  for (let token = 0; token < logits.length; token++) {
    weights[token] = Math.exp(((penalised[token] ?? 0) - largest) / temperature);
  }
  if (topK >= logits.length && topP === 1 && minP === 0) return { weights, kept: null };
  const ranked = new RankedTokens(weights);
  const best: number[] = [];
  let total = 0;
  if (topK < logits.length) {
    for (let rank = 0; rank < topK; rank++) {
      const token = ranked.next();
      best.push(token);
      total += weights[token] ?? 0;
    }
  } else {
    total = sumOf({ weights, kept: null });
  }
  const kept: number[] = [];
  let reached = 0;
  for (let rank = 0; rank < topK && (topP === 1 || reached < topP * total); rank++) {
    const token = best[rank] ?? ranked.next();
    const weight = weights[token] ?? 0;
    if (weight === 0 || weight < minP) break; // the likeliest weighs 1
    kept.push(token);
    reached += weight;
  }
  return { weights, kept };
}

function penalise(logits: ArrayLike<number>, penalty: number, history: readonly number[]): ArrayLike<number> {
  if (penalty === 1 || history.length === 0) return logits;
  const penalised = Float64Array.from(logits);
  for (const token of new Set(history)) {
    const logit = penalised[token];
    // The history may hold tokens of a larger vocabulary, such as those of a picture.
    if (logit !== undefined) penalised[token] = logit > 0 ? logit / penalty : logit * penalty;
  }
  return penalised;
}
