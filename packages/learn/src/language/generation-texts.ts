// Texts written inside a graph: a token for every row, until all rows have ended or there is no room for more. Which token
// is for others to say.
import {
  add,
  argMax,
  cast,
  concat,
  gatherElements,
  greater,
  logSoftmax,
  loop,
  not,
  or,
  reduceMax,
  reshape,
  scalar,
  sub,
  type Value,
  where,
} from '../graph/index.ts';
import { NO_TOKEN, ROWS_SYMBOL, type Scope, type StepwiseDecoder } from '../layers/index.ts';
import { changedStates, type GenerationStart, isAmong, namedValues } from './generation-start.ts';

export interface SearchLimits {
  readonly maxTokens: number;
  readonly endTokens: readonly number[];
  /** What is written behind a text's end. */
  readonly padding: number;
}

export interface Generated {
  /** [N, time] int64, without the end token. */
  readonly tokens: Value;
  /** [N] int64: of the texts, without the end token. */
  readonly lengths: Value;
  /** [N]: sums of the logarithms of the model's probabilities, those of end tokens included. */
  readonly logProbabilities: Value;
  /** [N] bool: whether an end token was reached. */
  readonly ended: Value;
}

interface Rows extends Generated {
  /** [N, 1] int64: the newest ids; what has ended is given none. */
  readonly fed: Value;
}

/**
 * Chooses tokens.
 * @param logits - [N, vocabulary]
 * @param index - of the token in its text, from 0: int64 scalar
 * @returns [N] int64
 */
export type PickTokens = (logits: Value, index: Value) => Value;

/** The likeliest, the first of equal ones. */
export const pickLikeliest: PickTokens = (logits) => argMax(logits);

export interface WritingLimits extends Omit<SearchLimits, 'maxTokens'> {
  readonly scope: Scope;
  readonly pick: PickTokens;
  /** Tokens at most, the end token included: a number or an int64 scalar. */
  readonly most: number | Value;
}

/** Texts that go on from a start. */
export function writeTexts(
  decoder: StepwiseDecoder,
  { logits, states, ones }: GenerationStart,
  { scope, most, ...limits }: WritingLimits,
): Generated & {
  /** After all tokens but the last. */
  readonly states: ReadonlyMap<string, Value>;
} {
  const never = greater(scalar('int64', 0), ones);
  const nothing = {
    ended: never,
    lengths: where(never, ones, scalar('int64', 0)),
    logProbabilities: where(never, 1, 0),
  };
  const idle = decoder.takesChunks ? NO_TOKEN : 0;
  const first = choose(logits, { ...nothing, tokens: null }, { ...limits, idle, index: scalar('int64', 0) });
  const names = changedStates(decoder);
  const carried = names.map((name) => states.get(name) ?? logits);
  const [tokens = ones, lengths = ones, logProbabilities = ones, ended = ones, , ...after] = loop(
    [first.tokens, first.lengths, first.logProbabilities, first.ended, first.fed, ...carried],
    ([written = ones, sizes = ones, sums = ones, over = ones, fed = ones, ...inner], index) => {
      const step = decoder.step(
        { ids: fed, states: new Map([...states, ...namedValues(names, inner)]), onlyLast: true },
        scope,
      );
      const rows = choose(
        step.logits,
        { tokens: written, lengths: sizes, logProbabilities: sums, ended: over },
        { ...limits, idle, index: add(index, 1) },
      );
      return {
        goesOn: goesOn(rows.ended),
        states: [
          ...[rows.tokens, rows.lengths, rows.logProbabilities, rows.ended, rows.fed],
          ...names.map((name, at) => step.states.get(name) ?? inner[at] ?? fed),
        ],
      };
    },
    { most: typeof most === 'number' ? most - 1 : sub(most, 1), begins: goesOn(first.ended), name: 'text' },
  );
  return { tokens, lengths, logProbabilities, ended, states: namedValues(names, after) };
}

function goesOn(ended: Value): Value {
  return greater(reduceMax(cast(not(ended), 'int64')), 0);
}

/** @param before - `tokens` null: none are written yet */
function choose(
  logits: Value,
  before: Omit<Rows, 'fed' | 'tokens'> & { readonly tokens: Value | null },
  {
    endTokens,
    padding,
    idle,
    index,
    pick,
  }: Omit<WritingLimits, 'most' | 'scope'> & { readonly idle: number; readonly index: Value },
): Rows {
  const token = pick(logits, index);
  const ended = or(before.ended, isAmong(token, endTokens, or));
  const column = (x: Value): Value => reshape(x, [ROWS_SYMBOL, 1]);
  const written = column(where(ended, scalar('int64', padding), token));
  const own = reshape(gatherElements(logSoftmax(logits), column(token), 1), [ROWS_SYMBOL]);
  const gained = where(before.ended, 0, own);
  return {
    ended,
    tokens: before.tokens === null ? written : concat([before.tokens, written], 1),
    lengths: add(before.lengths, cast(not(ended), 'int64')),
    logProbabilities: add(before.logProbabilities, gained),
    fed: column(where(ended, scalar('int64', idle), token)),
  };
}
