// Scaled dot-product attention of operands that lie time first, with what hides tokens and what is added by distance, and a
// gradient in closed form. Operands need no copies, because ONNX Runtime's product reads [time, batch, heads, depth] as it
// lies. Knows no parameters.
// Source: Vaswani et al. 2017.
import {
  add,
  cast,
  constantOf,
  cumSum,
  gather,
  greater,
  greaterOrEqual,
  matMul,
  mul,
  reduceMax,
  reduceSum,
  softmax,
  sub,
  transpose,
  unsqueeze,
  type Value,
  withGradient,
} from '../graph/index.ts';
import { alibiSlopes } from './attention-positions.ts';
import type { Scope } from './scope.ts';

/** What hides a token from a softmax: small enough to vanish, finite so that 0 · it is 0. */
export const HIDDEN = -1e9;

/** [time, batch, heads, depth] as [batch, heads, time, depth]: no copy inside a product. */
const TIME_INSIDE = [1, 2, 0, 3];
/** The same with the last two axes exchanged. */
const TIME_LAST = [1, 2, 3, 0];
/** Back from [batch, heads, time, depth]. */
const TIME_FIRST = [2, 0, 1, 3];

/** Each [time, batch, heads, depth]; key and value share their time. */
export interface Operands {
  readonly query: Value;
  readonly key: Value;
  readonly value: Value;
}

export interface ScoreOptions {
  readonly scope: Scope;
  /** Whether a token sees only itself and those before it. */
  readonly causal: boolean;
  readonly dropout: number;
  /** Which keys there are: float32 [batch, time], 1 or 0; null: all. */
  readonly present: Value | null;
  /** Whether scores fall with the distance. */
  readonly alibi: boolean;
  /** Queries per head and token, one after the other along the time axis: those that share a key. */
  readonly group: number;
}

/** A query that sees no key at all gives zeros, and no gradient. @returns [time of query, batch, heads, depth] */
export function attend({ query, key, value }: Operands, options: ScoreOptions): Value {
  const { scope, dropout, present, causal } = options;
  const scale = 1 / Math.sqrt(Number(query.shape[3]));
  const scores = mul(matMul(transpose(query, TIME_INSIDE), transpose(key, TIME_LAST)), scale);
  const added = addedScores({ query, key }, options);
  const weights = softmax(added === null ? scores : add(scores, added));
  const kept =
    scope.training && dropout > 0
      ? mul(cast(greaterOrEqual(scope.uniform(weights.shape), dropout), 'float32'), 1 / (1 - dropout))
      : null;
  const dropped = kept === null ? weights : mul(weights, kept);
  const result = transpose(matMul(dropped, transpose(value, TIME_INSIDE)), TIME_FIRST);
  // Differentiating softmax through its rows' products with the gradient would pass over [time, time] once more; those
  // sums are also the products of the result with its gradient, which are smaller by the depth.
  const attended = withGradient(result, [query, key, value, weights, kept ?? weights], (dy, y, q, k, v, p, mask) => {
    const inside = transpose(dy, TIME_INSIDE);
    const used = kept === null ? p : mul(p, mask);
    const seen = matMul(inside, transpose(v, TIME_LAST));
    const sums = transpose(reduceSum(mul(dy, y), { axes: [3], keepAxes: true }), TIME_INSIDE);
    const ds = mul(p, sub(kept === null ? seen : mul(seen, mask), sums));
    return [
      transpose(mul(matMul(ds, transpose(k, TIME_INSIDE)), scale), TIME_FIRST),
      transpose(mul(matMul(transpose(ds, [0, 1, 3, 2]), transpose(q, TIME_INSIDE)), scale), TIME_FIRST),
      transpose(matMul(transpose(used, [0, 1, 3, 2]), inside), TIME_FIRST),
      null,
      null,
    ];
  });
  return present === null ? attended : mul(attended, sighted(present, { causal, group: options.group }));
}

/** What broadcasts to the scores [batch, heads, time, time of keys] and is added to them; null: nothing. */
function addedScores(
  { query, key }: Omit<Operands, 'value'>,
  { causal, alibi, group, present }: ScoreOptions,
): Value | null {
  const [times, keys, heads] = [Number(query.shape[0]), Number(key.shape[0]), Number(query.shape[2])];
  const absent = present === null ? null : mul(sub(1, present), HIDDEN);
  const hidden = absent === null ? null : unsqueeze(unsqueeze(absent, 1), 1);
  if (!causal && !alibi) return hidden;
  const slopes = alibi ? alibiSlopes(heads * group) : null;
  const planes = alibi ? heads : 1;
  const scores = new Float64Array(planes * times * keys);
  for (let at = 0; at < scores.length; at++) {
    const source = at % keys;
    const row = Math.floor(at / keys) % times;
    const time = Math.floor(row / group);
    const head = Math.floor(at / (keys * times)) * group + (row % group);
    const distance = Math.abs(time - source) * -(slopes?.[head] ?? 0);
    scores[at] = causal && source > time ? HIDDEN : distance;
  }
  const known = constantOf('float32', alibi ? [planes, times, keys] : [times, keys], scores);
  return hidden === null ? known : add(known, hidden);
}

/** 1 where a query sees a key, else 0: [time or 1, batch, 1, 1]. */
function sighted(present: Value, { causal, group }: Pick<ScoreOptions, 'causal' | 'group'>): Value {
  const so = causal
    ? cast(greater(cumSum(present, 1), 0), 'float32')
    : reduceMax(present, { axes: [1], keepAxes: true });
  const first = transpose(so);
  const each = causal && group > 1 ? repeatRows(first, group) : first;
  return unsqueeze(unsqueeze(each, 2), 3);
}

/** [time, batch] as [time · group, batch], each row `group` times. */
function repeatRows(rows: Value, group: number): Value {
  const places = Array.from({ length: Number(rows.shape[0]) * group }, (_, at) => Math.floor(at / group));
  return gather(rows, constantOf('int64', [places.length], places));
}
