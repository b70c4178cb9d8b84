// Token after token for a batch of rows, the likeliest or drawn at random. Rows that have ended leave the batch.
import type { Random } from '../statistics/index.ts';
import { logProbabilityOf } from './log-probabilities.ts';
import { checkSamplingOptions, chooseLikeliest, type SamplingOptions, sampleToken } from './sampling.ts';
import {
  checkDecoding,
  type DecodingLimits,
  type DecodingStart,
  type GeneratedSequence,
  type SequenceModel,
  takeStep,
} from './sequence-model.ts';

export interface GenerationOptions extends DecodingLimits {
  /** How tokens are drawn; default: the likeliest each time. */
  readonly sampling?: SamplingOptions & {
    /** Forked per row, so that a row's text does not depend on the others: one generator always gives one text; fork it for another. */
    readonly random: Random;
  };
  /** Tokens before the first written one, per row, for the repetition penalty; default none. */
  readonly histories?: readonly (readonly number[])[];
  /** Told every token as it is written, the end token included. */
  readonly onToken?: (row: number, token: number) => void;
}

interface Row {
  readonly index: number;
  readonly random: Random | undefined;
  readonly history: number[];
  readonly tokens: number[];
  ended: boolean;
  logProbability: number;
}

/**
 * One sequence per row of the start, in its order.
 * @throws INVALID_ARGUMENT on options out of range; INVALID_SHAPE or INVALID_DATA when the model gives no usable logits;
 *   CANCELLED when the signal was raised.
 */
export async function generateSequences<State>(
  model: SequenceModel<State>,
  start: DecodingStart<State>,
  options: GenerationOptions,
): Promise<readonly GeneratedSequence[]> {
  const { maxTokens, endTokens = [], sampling, histories, signal } = options;
  checkDecoding('generate', options, { rows: start.tokens.length, vocabularySize: model.vocabularySize });
  if (sampling !== undefined) checkSamplingOptions(sampling);
  const ends = new Set(endTokens);
  const rows = Array.from(start.tokens, (_, index): Row => {
    const random = sampling?.random.fork('row', index);
    return { index, random, history: [...(histories?.[index] ?? [])], tokens: [], ended: false, logProbability: 0 };
  });
  let live = rows;
  let { tokens, state } = start;
  for (let written = 1; ; written++) {
    const step = await takeStep('generate', model, { tokens, state, signal });
    const chosen = live.map((row, position) => writeToken(row, step.rows[position] ?? [], options));
    live.forEach((row, position) => {
      const token = chosen[position] ?? 0;
      row.ended = ends.has(token);
      if (!row.ended) row.tokens.push(token);
      options.onToken?.(row.index, token);
    });
    const kept = Int32Array.from(live.keys()).filter((position) => live[position]?.ended === false);
    if (kept.length === 0 || written === maxTokens) break;
    state = kept.length === live.length ? step.state : await model.selectRows(step.state, kept);
    tokens = kept.map((position) => chosen[position] ?? 0);
    live = live.filter((row) => !row.ended);
  }
  return rows.map(({ tokens: writtenTokens, ended, logProbability }) => ({
    tokens: writtenTokens,
    ended,
    logProbability,
  }));
}

function writeToken(row: Row, logits: ArrayLike<number>, { sampling }: GenerationOptions): number {
  let token: number;
  if (sampling === undefined || row.random === undefined) token = chooseLikeliest(logits);
  else token = sampleToken(logits, row.random, { ...sampling, history: row.history });
  row.history.push(token);
  row.logProbability += logProbabilityOf('generate', logits, token);
  return token;
}
