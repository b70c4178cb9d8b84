// Texts by a model that writes several tokens in one run: what `generateSequences` does over single steps, with fewer ways in
// and out of the runtime.
import { AmaasError } from '@amaas/core';
import type { DecodingStart, GeneratedSequence } from '../decode/index.ts';
import type { Random } from '../statistics/index.ts';
import type { StepModel } from './step-model.ts';
import type { StepStates } from './step-states.ts';

export interface WriteOptions {
  /** Tokens written at most, ≥ 1, the end token included. */
  readonly maxTokens: number;
  /** Tokens of one run; default 8, behind which little is left to gain: see docs/training.md. */
  readonly tokensPerRun?: number;
  /** What tokens are drawn by, for models that draw: forked per row as `generateSequences` does. */
  readonly random?: Random;
  /** Told the tokens of a run as they come, without end tokens. */
  readonly onTokens?: (row: number, tokens: readonly number[]) => void;
  /** Heard before every run. */
  readonly signal?: AbortSignal;
}

/**
 * One text per row of the start, in its order; end tokens are those of the exported model.
 * @throws INVALID_ARGUMENT on options out of range, or where a row has no room; CANCELLED when the signal was raised.
 */
export async function writeSequences(
  model: StepModel,
  start: DecodingStart<StepStates>,
  { maxTokens, tokensPerRun = 8, random, onTokens, signal }: WriteOptions,
): Promise<readonly GeneratedSequence[]> {
  const texts = Array.from(start.tokens, (_, row) => {
    return { row, random: random?.fork('row', row), tokens: [] as number[], ended: false, logProbability: 0 };
  });
  let live = texts;
  let { tokens, state } = start;
  for (let left = maxTokens; live.length > 0; ) {
    if (signal?.aborted) throw new AmaasError('CANCELLED', 'write: called off', { cause: signal.reason });
    const most = Math.min(tokensPerRun, left);
    const drawn = random === undefined ? {} : { uniforms: uniformsOf(live, most) };
    const written = await model.write({ tokens, state }, { most, ...drawn });
    for (const [position, text] of live.entries()) {
      const own = written.tokens[position] ?? [];
      text.tokens.push(...own);
      text.ended = written.ended[position] ?? false;
      text.logProbability += written.logProbabilities[position] ?? 0;
      if (own.length > 0) onTokens?.(text.row, own);
    }
    left -= most;
    if (left === 0) break;
    const kept = Int32Array.from(live.keys()).filter((position) => live[position]?.ended === false);
    if (kept.length === 0) break;
    live = live.filter(({ ended }) => !ended);
    state = kept.length === written.tokens.length ? written.state : model.selectRows(written.state, kept);
    tokens = Int32Array.from(live, (text) => text.tokens.at(-1) ?? 0);
  }
  return texts.map(({ tokens: own, ended, logProbability }) => ({ tokens: own, ended, logProbability }));
}

/** [rows · most] */
function uniformsOf(live: readonly { readonly random: Random | undefined }[], most: number): Float32Array {
  const drawn = live.flatMap((text) => Array.from({ length: most }, () => text.random?.uniform() ?? 0));
  // Rounding must not reach 1.
  return Float32Array.from(drawn, (each) => Math.min(Math.fround(each), 1 - 2 ** -24));
}
