// Beam search inside a graph, by the rules of `searchBeams`: beams are rows. A candidate that ends is found, if fewer than the
// beam's width of those that go on are better; a search is over when nothing that goes on can pass what was found.
// Texts lie time first, so that they grow at their end and are chosen along their last axis.
import {
  add,
  and,
  cast,
  concat,
  cumSum,
  div,
  gather,
  gatherElements,
  greater,
  less,
  logSoftmax,
  loop,
  mul,
  not,
  or,
  pow,
  reduceMax,
  reshape,
  scalar,
  type Size,
  sub,
  topK,
  transpose,
  unsqueeze,
  type Value,
  where,
} from '../graph/index.ts';
import { NO_TOKEN, ROWS_SYMBOL, type Scope, type StepwiseDecoder } from '../layers/index.ts';
import type { SearchLimits } from './generation-texts.ts';
import { changedStates, type GenerationStart, isAmong, namedValues } from './generation-start.ts';

export interface BeamLimits extends SearchLimits {
  readonly beams: number;
  readonly lengthPenalty: number;
}

/** What was found, best first; a place that nothing was found for has the score −Infinity. */
export interface FoundBeams {
  /** [N, beams, time] int64, without end tokens. */
  readonly tokens: Value;
  /** [N, beams] int64: of the texts, without the end token. */
  readonly lengths: Value;
  /** [N, beams] */
  readonly logProbabilities: Value;
  /** [N, beams]: logarithm of the probability / length ^ lengthPenalty, the end token counting as one. */
  readonly scores: Value;
}

/** Beginnings and what was found. */
interface Search {
  /** [N, beams]: logarithms of the probabilities; −Infinity where there is none. Best first. */
  readonly live: Value;
  /** [time, N · beams] int64 */
  readonly texts: Value;
  /** [N, beams] each */
  readonly scores: Value;
  readonly sums: Value;
  readonly lengths: Value;
  /** [time, N, beams] int64 */
  readonly found: Value;
}

interface Extended extends Search {
  /** [N · beams] int64: the rows that beginnings go on from. */
  readonly parents: Value;
  /** [N · beams, 1] int64: their newest tokens. */
  readonly fed: Value;
}

const NONE = Number.NEGATIVE_INFINITY;

/** The best texts that go on from a start. */
export function generateBeams(
  decoder: StepwiseDecoder,
  { logits, states, ones }: GenerationStart,
  { scope, ...limits }: BeamLimits & { readonly scope: Scope },
): FoundBeams {
  const row = unsqueeze(sub(cumSum(ones, 0), 1), 1);
  const idle = decoder.takesChunks ? NO_TOKEN : 0;
  const context = { ...limits, row, idle, vocabularySize: decoder.vocabularySize };
  const begun = unsqueeze(cast(sub(ones, ones), 'float32'), 1);
  const first = extend(logits, { live: begun, before: null }, { ...context, length: scalar('int64', 1) });
  // Every beam has its source's states, which stay; the others move as beams do.
  const fixed = new Map([...states].map(([name, value]) => [name, gather(value, first.parents)]));
  const names = changedStates(decoder);
  const order = ({ live, texts, scores, sums, lengths, found, fed }: Extended): readonly Value[] => [
    ...[live, texts, scores, sums, lengths, found, fed],
  ];
  const results = loop(
    [...order(first), ...names.map((name) => fixed.get(name) ?? logits)],
    (
      [live = ones, texts = ones, scores = ones, sums = ones, lengths = ones, found = ones, fed = ones, ...inner],
      index,
    ) => {
      const step = decoder.step(
        { ids: fed, states: new Map([...fixed, ...namedValues(names, inner)]), onlyLast: true },
        scope,
      );
      const before = { live, texts, scores, sums, lengths, found };
      const next = extend(step.logits, { live, before }, { ...context, length: add(index, 2) });
      const moved = names.map((name, at) => gather(step.states.get(name) ?? inner[at] ?? fed, next.parents));
      return { goesOn: isAnyLive(next.live), states: [...order(next), ...moved] };
    },
    { most: limits.maxTokens - 1, begins: isAnyLive(first.live), name: 'beams' },
  );
  const [, , scores = first.scores, sums = first.sums, lengths = first.lengths, found = first.found] = results;
  return { tokens: transpose(found, [1, 2, 0]), lengths, logProbabilities: sums, scores };
}

function isAnyLive(live: Value): Value {
  return greater(reduceMax(live), NONE);
}

/** @param live - of the beginnings that logits are of. @param before - null at the first step */
function extend(
  logits: Value,
  { live, before }: { readonly live: Value; readonly before: Search | null },
  context: Context,
): Extended {
  const { beams, maxTokens, lengthPenalty, length, row, idle } = context;
  const candidates = rankCandidates(logits, { live, texts: before?.texts ?? null }, context);
  const { values, indices } = topK(where(candidates.isKept, candidates.sums, NONE), beams);
  const kept = keepFound(candidates, before, context);
  // Log-probabilities only fall, and weigh least when spread over the greatest length.
  const best = div(gather(values, scalar('int64', 0), 1), maxTokens ** lengthPenalty);
  const worst = gather(kept.scores, scalar('int64', beams - 1), 1);
  const isHopeful = and(greater(best, worst), less(length, maxTokens));
  const alive = where(unsqueeze(isHopeful, 1), values, NONE);
  const newest = where(greater(alive, NONE), gatherElements(candidates.tokens, indices, 1), scalar('int64', idle));
  const rows = times(ROWS_SYMBOL, beams);
  const time = candidates.texts.shape[0] ?? 1;
  return {
    ...kept,
    live: alive,
    texts: reshape(pickTexts(candidates.texts, indices, row), [time, rows]),
    parents: reshape(gatherElements(candidates.parents, indices, 1), [rows]),
    fed: reshape(newest, [rows, 1]),
  };
}

interface Context extends BeamLimits {
  /** [N, 1] int64: number of the row. */
  readonly row: Value;
  /** Tokens of the texts that this step makes, an end token counting as one: int64 scalar. */
  readonly length: Value;
  readonly vocabularySize: number;
  /** What beams that are none are given. */
  readonly idle: number;
}

/** The best beginnings with one token more, best first. */
interface Candidates {
  /** [N, candidates]: logarithms of the probabilities. */
  readonly sums: Value;
  readonly tokens: Value;
  /** Rows that they go on from. */
  readonly parents: Value;
  /** bool: ends with an end token. */
  readonly isEnd: Value;
  /** bool: goes on, and is among the best that do. */
  readonly isKept: Value;
  /** bool: is a text of its own. */
  readonly isFound: Value;
  /** [time, N, candidates] */
  readonly texts: Value;
}

function rankCandidates(
  logits: Value,
  { live, texts }: { readonly live: Value; readonly texts: Value | null },
  { beams, endTokens, padding, row, length, maxTokens, vocabularySize }: Context,
): Candidates {
  const width = Number(live.shape[1]);
  const each = reshape(logSoftmax(logits), [ROWS_SYMBOL, width, vocabularySize]);
  const all = reshape(add(each, unsqueeze(live, 2)), [ROWS_SYMBOL, width * vocabularySize]);
  // No more candidates end than there are beginnings and end tokens.
  const count = Math.min(beams + width * endTokens.length, width * vocabularySize);
  const { values: sums, indices } = topK(all, count);
  const beam = div(indices, vocabularySize);
  const tokens = sub(indices, mul(beam, vocabularySize));
  const parents = add(mul(row, width), beam);
  const isEnd = isAmong(tokens, endTokens, or);
  const isAlive = greater(sums, NONE);
  const goes = and(isAlive, not(isEnd));
  const isNear = less(cumSum(cast(goes, 'int64'), 1, { exclusive: true }), beams);
  const isLast = not(less(length, maxTokens));
  const written = reshape(where(isEnd, scalar('int64', padding), tokens), [1, ROWS_SYMBOL, count]);
  return {
    ...{ sums, tokens, parents, isEnd, isKept: and(goes, isNear) },
    isFound: and(and(isAlive, isNear), or(isEnd, isLast)),
    texts: texts === null ? written : concat([gather(texts, parents, 1), written], 0),
  };
}

/** The best of what was found before and what is found now; among equals what came first. */
function keepFound(
  { sums, isEnd, isFound, texts }: Candidates,
  before: Search | null,
  { beams, lengthPenalty, length, padding, row }: Context,
): Pick<Search, 'scores' | 'sums' | 'lengths' | 'found'> {
  const scores = where(isFound, div(sums, pow(cast(length, 'float32'), lengthPenalty)), NONE);
  const lengths = sub(where(isEnd, length, add(length, 1)), 1);
  const join = (name: 'scores' | 'sums' | 'lengths', fresh: Value): Value =>
    before === null ? fresh : concat([before[name], fresh], 1);
  const all = { scores: join('scores', scores), sums: join('sums', sums), lengths: join('lengths', lengths) };
  const { values, indices } = topK(all.scores, beams);
  const longer = before === null ? null : concat([before.found, fillLast(before.lengths, padding)], 0);
  return {
    scores: values,
    sums: gatherElements(all.sums, indices, 1),
    lengths: gatherElements(all.lengths, indices, 1),
    found: pickTexts(longer === null ? texts : concat([longer, texts], 2), indices, row),
  };
}

/** [1, N, beams] of one number. */
function fillLast(like: Value, number: number): Value {
  const [rows = 1, beams = 1] = like.shape;
  return reshape(where(less(like, 0), scalar('int64', number), scalar('int64', number)), [1, rows, beams]);
}

/** @param texts - [time, N, width]. @param positions - [N, beams] of the last axis. @param row - [N, 1]. @returns [time, N, beams] */
function pickTexts(texts: Value, positions: Value, row: Value): Value {
  const [time = 1, rows = 1, width = 1] = texts.shape;
  const flat = reshape(texts, [time, times(rows, Number(width))]);
  return gather(flat, add(mul(row, Number(width)), positions), 1);
}

function times(size: Size, factor: number): Size {
  return typeof size === 'number' ? size * factor : `${size}*${factor}`;
}
