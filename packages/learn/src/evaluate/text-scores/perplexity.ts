// How well a language model predicts text, from its summed log-likelihoods. Perplexity per token can be compared only
// between models of one tokenizer; bits per byte and per character between all.
import { AmaasError } from '@amaas/core';
import { type BootstrapEstimate, bootstrapIntervals, type Interval } from '../../statistics/index.ts';
import type { ResamplingOptions } from './text-metric.ts';

/** What was predicted, one entry per document; the counts are those of the predicted part alone. */
export interface LikelihoodRows {
  /** Sum of the natural logarithms of the predicted tokens' probabilities, ≤ 0. */
  readonly logLikelihoods: ArrayLike<number>;
  /** Tokens predicted, the end of text included where it is. */
  readonly tokens: ArrayLike<number>;
  /** UTF-8 bytes those tokens stand for. */
  readonly bytes?: ArrayLike<number>;
  /** Unicode code points those tokens stand for. */
  readonly characters?: ArrayLike<number>;
}

export interface LikelihoodScores {
  /** exp of the mean loss per token. */
  readonly perplexity: number;
  /** Mean loss per token in nats: what training shows as cross-entropy. */
  readonly nats: number;
  readonly bitsPerToken: number;
  /** Null where no byte counts were given. */
  readonly bitsPerByte: number | null;
  /** Null where no character counts were given. */
  readonly bitsPerCharacter: number | null;
}

/**
 * Scores over all documents together: long ones count more.
 * @throws INVALID_DATA without documents, on a positive or undefined log-likelihood, or on counts that are no whole
 *   numbers or add up to 0; INVALID_ARGUMENT on different lengths.
 */
export function computeLikelihoodScores(rows: LikelihoodRows): LikelihoodScores {
  checkRows(rows);
  const [nats = 0, bitsPerByte = 0, bitsPerCharacter = 0] = scoresUnder(rows);
  return {
    perplexity: Math.exp(nats),
    nats,
    bitsPerToken: nats / Math.LN2,
    bitsPerByte: rows.bytes === undefined ? null : bitsPerByte,
    bitsPerCharacter: rows.characters === undefined ? null : bitsPerCharacter,
  };
}

/** Bootstrap intervals over documents; null where there is nothing to compute from. */
export interface LikelihoodIntervals {
  readonly perplexity: Interval | null;
  readonly bitsPerByte: Interval | null;
  readonly bitsPerCharacter: Interval | null;
}

/** Intervals of {@link computeLikelihoodScores}; they mean something from some tens of documents on. @throws as it does. */
export function estimateLikelihoodIntervals(rows: LikelihoodRows, options: ResamplingOptions): LikelihoodIntervals {
  checkRows(rows);
  const [perplexity, bitsPerByte, bitsPerCharacter] = bootstrapIntervals({
    ...options,
    rows: rows.tokens.length,
    statistics: (weights) => {
      const [nats = 0, ...bits] = scoresUnder(rows, weights);
      return [Math.exp(nats), ...bits];
    },
  });
  const intervalOf = (estimate: BootstrapEstimate | undefined): Interval | null => estimate?.interval ?? null;
  return {
    perplexity: intervalOf(perplexity),
    bitsPerByte: intervalOf(bitsPerByte),
    bitsPerCharacter: intervalOf(bitsPerCharacter),
  };
}

/** Nats per token, bits per byte, bits per character; NaN where the counts are missing. */
function scoresUnder(rows: LikelihoodRows, weights?: Float64Array): readonly number[] {
  const loss = -weightedSum(rows.logLikelihoods, weights);
  const per = (counts: ArrayLike<number> | undefined): number =>
    counts === undefined ? Number.NaN : loss / Math.LN2 / weightedSum(counts, weights);
  return [loss / weightedSum(rows.tokens, weights), per(rows.bytes), per(rows.characters)];
}

function weightedSum(values: ArrayLike<number>, weights: Float64Array | undefined): number {
  let sum = 0;
  for (let row = 0; row < values.length; row++) {
    sum += (values[row] ?? 0) * (weights === undefined ? 1 : (weights[row] ?? 0));
  }
  return sum;
}

function checkRows({ logLikelihoods, tokens, bytes, characters }: LikelihoodRows): void {
  const rows = logLikelihoods.length;
  if (rows === 0) throw new AmaasError('INVALID_DATA', 'likelihood scores: expects at least one document, got none');
  for (let row = 0; row < rows; row++) {
    const value = logLikelihoods[row] ?? Number.NaN;
    if (!(value <= 0)) {
      throw new AmaasError(
        'INVALID_DATA',
        `likelihood scores: log-likelihood of document ${row} is ${value}, expected a number ≤ 0`,
      );
    }
  }
  for (const [name, counts] of Object.entries({ tokens, bytes, characters })) {
    if (counts !== undefined) checkCounts(counts, { name, rows });
  }
}

function checkCounts(counts: ArrayLike<number>, { name, rows }: { name: string; rows: number }): void {
  if (counts.length !== rows) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `likelihood scores: expects ${name} of ${rows} documents, got ${counts.length}`,
    );
  }
  let total = 0;
  for (let row = 0; row < rows; row++) {
    const count = counts[row] ?? Number.NaN;
    if (!Number.isSafeInteger(count) || count < 0) {
      throw new AmaasError(
        'INVALID_DATA',
        `likelihood scores: ${name} of document ${row} is ${count}, expected a whole number ≥ 0`,
      );
    }
    total += count;
  }
  if (total === 0) throw new AmaasError('INVALID_DATA', `likelihood scores: all documents have 0 ${name}`);
}
