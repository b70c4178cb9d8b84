// Beam search: the sequences of the highest probability that can be found by going on with only so many beginnings.
// A beginning that ends leaves the beam for the finished ones, if no more beginnings than the beam holds are better.
// Source: Graves, "Sequence Transduction with Recurrent Neural Networks" (2012); scores divided by length^penalty as in
// Wu et al. (2016), in the plain form most toolkits have.
import { AmaasError } from '@amaas/core';
import { computeLogProbabilities } from './log-probabilities.ts';
import { RankedTokens } from './ranked-tokens.ts';
import {
  checkDecoding,
  type DecodingLimits,
  type DecodingStart,
  type GeneratedSequence,
  type SequenceModel,
  takeStep,
} from './sequence-model.ts';

export interface BeamSearchOptions extends DecodingLimits {
  /** Beginnings gone on with per row, and sequences given at most, ≥ 1. */
  readonly beams: number;
  /** Exponent of the length that log-probabilities are divided by, 0 … 10; 0 favours short sequences; default 1: mean per token. */
  readonly lengthPenalty?: number;
}

export interface BeamSequence extends GeneratedSequence {
  /** logProbability / length ^ lengthPenalty, the end token counting as one. */
  readonly score: number;
}

/** A beginning, as its last token and the beginning before. */
interface Beginning {
  readonly token: number;
  readonly before: Beginning | null;
  readonly logProbability: number;
  /** Its row in the batch of the last step. */
  readonly row: number;
}

/** What is searched for one row of the start. */
interface Search {
  readonly live: readonly Beginning[];
  readonly finished: readonly BeamSequence[];
}

/**
 * The best sequences found for every row of the start, best first, at most `beams` of them. The search of a row stops as soon
 * as no beginning can pass the sequences found; that changes no result. Equal scores keep the order they were found in.
 * @throws INVALID_ARGUMENT on options out of range; INVALID_SHAPE or INVALID_DATA when the model gives no usable logits;
 *   CANCELLED when the signal was raised.
 */
export async function searchBeams<State>(
  model: SequenceModel<State>,
  start: DecodingStart<State>,
  options: BeamSearchOptions,
): Promise<readonly (readonly BeamSequence[])[]> {
  const settings = settingsOf(options);
  checkDecoding('beam search', options, { rows: start.tokens.length, vocabularySize: model.vocabularySize });
  let searches = Array.from(start.tokens, (token, row): Search => {
    return { live: [{ token, before: null, logProbability: 0, row }], finished: [] };
  });
  let { tokens, state } = start;
  for (let length = 1; ; length++) {
    const step = await takeStep('beam search', model, { tokens, state, signal: options.signal });
    searches = searches.map((search) => extend(search, { logits: step.rows, length, settings }));
    const live = searches.flatMap((search) => search.live);
    if (live.length === 0) return searches.map(({ finished }) => finished);
    state = await model.selectRows(
      step.state,
      Int32Array.from(live, ({ row }) => row),
    );
    tokens = Int32Array.from(live, ({ token }) => token);
    let row = 0;
    searches = searches.map((search) => ({
      ...search,
      live: search.live.map((beginning) => ({ ...beginning, row: row++ })),
    }));
  }
}

interface Settings {
  readonly beams: number;
  readonly lengthPenalty: number;
  readonly maxTokens: number;
  readonly ends: ReadonlySet<number>;
}

function settingsOf({ beams, lengthPenalty = 1, maxTokens, endTokens = [] }: BeamSearchOptions): Settings {
  if (!Number.isSafeInteger(beams) || beams < 1) {
    throw new AmaasError('INVALID_ARGUMENT', `beam search: beams must be a whole number ≥ 1, got ${beams}`);
  }
  if (!(lengthPenalty >= 0 && lengthPenalty <= 10)) {
    throw new AmaasError('INVALID_ARGUMENT', `beam search: lengthPenalty must lie in 0 … 10, got ${lengthPenalty}`);
  }
  return { beams, lengthPenalty, maxTokens, ends: new Set(endTokens) };
}

interface Extension {
  readonly logits: readonly ArrayLike<number>[];
  /** Of the sequences that this step makes. */
  readonly length: number;
  readonly settings: Settings;
}

function extend({ live, finished }: Search, { logits, length, settings }: Extension): Search {
  const { beams, lengthPenalty, maxTokens, ends } = settings;
  const candidates = live.flatMap((beginning) => bestExtensions(beginning, logits[beginning.row] ?? [], settings));
  candidates.sort((a, b) => b.logProbability - a.logProbability); // stable: equal ones stay in order
  const goingOn: Beginning[] = [];
  const found: BeamSequence[] = [...finished];
  for (const candidate of candidates) {
    const ended = ends.has(candidate.token);
    if (ended || length === maxTokens) {
      const score = candidate.logProbability / length ** lengthPenalty;
      found.push({ tokens: tokensOf(candidate, ended), ended, logProbability: candidate.logProbability, score });
    }
    if (!ended) goingOn.push(candidate);
    if (goingOn.length === beams) break;
  }
  found.sort((a, b) => b.score - a.score);
  const best = found.slice(0, beams);
  if (length === maxTokens) return { live: [], finished: best };
  const worst = best[beams - 1]?.score ?? Number.NEGATIVE_INFINITY;
  // Log-probabilities only fall, and weigh least when spread over the greatest length.
  const hopeful = goingOn.some(({ logProbability }) => logProbability / maxTokens ** lengthPenalty > worst);
  return { live: hopeful ? goingOn : [], finished: best };
}

/** As many tokens that go on as the beam holds, and the end tokens better than the last of them. */
function bestExtensions(beginning: Beginning, logits: ArrayLike<number>, { beams, ends }: Settings): Beginning[] {
  const logProbabilities = computeLogProbabilities('beam search', logits);
  const ranked = new RankedTokens(logProbabilities);
  const extensions: Beginning[] = [];
  for (let goingOn = 0; goingOn < beams; ) {
    const token = ranked.next();
    const logProbability = logProbabilities[token] ?? Number.NEGATIVE_INFINITY;
    if (logProbability === Number.NEGATIVE_INFINITY) break; // forbidden, or none left
    extensions.push({
      token,
      before: beginning,
      logProbability: beginning.logProbability + logProbability,
      row: beginning.row,
    });
    if (!ends.has(token)) goingOn++;
  }
  return extensions;
}

function tokensOf(last: Beginning, ended: boolean): readonly number[] {
  const tokens: number[] = [];
  for (let node: Beginning | null = ended ? last.before : last; node?.before; node = node.before) {
    tokens.push(node.token); // the first node is the token begun with
  }
  return tokens.reverse();
}
