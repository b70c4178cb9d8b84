// Attention of new tokens to those before them, whose keys and values are given: decoding step by step, with the parameters
// of attention.ts. Rows are [N, width] where each sequence has one new token, else [N, T, width]; neither N nor T need be known.
// Sources: Vaswani et al. 2017; Ainslie et al. 2023 (grouped queries).
import { AmaasError } from '@amaas/core';
import {
  add,
  and,
  cast,
  concat,
  constantOf,
  cumSum,
  gather,
  greater,
  greaterOrEqual,
  lessOrEqual,
  matMul,
  mul,
  reduceSum,
  reshape,
  type Shape,
  softmax,
  split,
  sub,
  swapLast,
  transpose,
  unsqueeze,
  type Value,
  where,
} from '../graph/index.ts';
import { type AttentionOptions, type CrossAttentionOptions, type Folded, headSizes, project } from './attention.ts';
import { alibiSlopes, type RotaryOptions, rotaryTables } from './attention-positions.ts';
import { HIDDEN } from './attention-scores.ts';
import { dense } from './dense.ts';
import type { Scope } from './scope.ts';
import { grown } from './stepwise.ts';

/** Keys and values, each [N, heads of keys and values, time, depth]. */
export interface Remembered {
  readonly key: Value;
  readonly value: Value;
}

/**
 * Where new tokens stand and what they see, made once for all layers. Scores lie [N, heads, T, keys], or where queries share
 * keys [N, shared heads, group, T, keys]; of one new token [N, shared heads, group, keys].
 */
export interface StepPlace {
  /** [N, P + T] float32: 1 where there is a token. */
  readonly present: Value;
  /** [N] or [N, T] int64: how many tokens are before each new one; −1 for what is none. */
  readonly positions: Value;
  /** Added to scores: 0 for tokens seen. */
  readonly hidden: Value;
  /** How many tokens back each is, as `hidden`. */
  distances(): Value;
}

/**
 * @param ids - [N, T], negative where there is no token
 * @param past - [N, P], {@link StepPlace.present} of the tokens before
 * @param isGrouped - whether queries share keys
 */
export function placeTokens(ids: Value, past: Value, isGrouped: boolean): StepPlace {
  const [rows = 1, time = 1] = ids.shape;
  const fresh = cast(greaterOrEqual(ids, 0), 'float32');
  const present = grown(past, fresh, 1);
  const keys = present.shape[1] ?? 1;
  if (time === 1) {
    const alongKeys = (x: Value): Value => reshape(x, [rows, 1, 1, keys]);
    const counted = reduceSum(present, { axes: [1] });
    return {
      present,
      positions: cast(sub(counted, 1), 'int64'),
      hidden: alongKeys(mul(sub(1, present), HIDDEN)),
      distances: () => sub(reshape(counted, [rows, 1, 1, 1]), alongKeys(cumSum(present, 1))),
    };
  }
  const planes = isGrouped ? [1, 1] : [1];
  const alongKeys = (x: Value): Value => reshape(x, [rows, ...planes, 1, keys]);
  const own = add(reduceSum(past, { axes: [1], keepAxes: true }), cumSum(fresh, 1));
  const alongTime = reshape(own, [rows, ...planes, time, 1]);
  const all = alongKeys(cumSum(present, 1));
  return {
    present,
    positions: cast(sub(own, 1), 'int64'),
    hidden: where(and(greater(alongKeys(present), 0), lessOrEqual(all, alongTime)), 0, HIDDEN),
    distances: () => sub(alongTime, all),
  };
}

/**
 * What hides absent tokens of a source from those that attend to it, as {@link StepPlace.hidden}.
 * @param present - [N, S] float32, 1 or 0
 * @param axes - of the scores: 4 or 5
 */
export function hideAbsent(present: Value, axes: number): Value {
  const [rows = 1, time = 1] = present.shape;
  return reshape(mul(sub(1, present), HIDDEN), [rows, ...new Array<number>(axes - 2).fill(1), time]);
}

/** Axes of the scores of rows [N, width] or [N, T, width]. */
export function scoreAxes(rows: Value, { heads, keyValueHeads = heads }: CrossAttentionOptions): number {
  return rows.shape.length === 2 || heads === keyValueHeads ? 4 : 5;
}

/** Cosines and sines of tokens' positions, [N, 1, depth] or [N, T, 1, depth]. */
export interface Turning {
  readonly cosines: Value;
  readonly sines: Value;
}

/** @param positions - as {@link StepPlace.positions}. @param options.most - positions there may be */
export function turningAt(
  positions: Value,
  { depth, most, ...rotary }: RotaryOptions & { readonly depth: number; readonly most: number },
): Turning {
  const tables = rotaryTables(most, depth, rotary);
  const at = (table: Float64Array): Value =>
    unsqueeze(gather(constantOf('float32', [most, depth], table), positions), positions.shape.length);
  return { cosines: at(tables.cosines), sines: at(tables.sines) };
}

export interface StepAttention extends AttentionOptions, Folded {
  readonly scope: Scope;
  /** Keys and values before; null: none. */
  readonly past: Remembered | null;
  /** Added to the scores, as {@link StepPlace.hidden}. */
  readonly hidden: Value;
  /** For ALiBi: as {@link StepPlace.distances}. */
  readonly distances?: Value | undefined;
  readonly turning?: Turning | undefined;
}

/** Attention of new tokens to themselves and those before. @returns also the keys and values of all of them */
export function attendSteps(
  rows: Value,
  options: StepAttention,
): { readonly y: Value; readonly remembered: Remembered } {
  const { heads, scope, past } = options;
  const { shared, depth, width } = headSizes(rows, options);
  const joined = project(rows, (heads + 2 * shared) * depth, { ...options, scope: scope.inside('query key value') });
  const leading = rows.shape.slice(0, -1);
  const parts = splitParts(joined, { leading, heads, shared, depth }, options.turning);
  const fresh = { key: byHead(parts.key, leading, shared), value: byHead(parts.value, leading, shared) };
  const remembered =
    past === null ? fresh : { key: grown(past.key, fresh.key, 2), value: grown(past.value, fresh.value, 2) };
  const attended = attendTo(parts.query, remembered, {
    leading,
    heads,
    shared,
    depth,
    added: addedScores(rows, options),
  });
  return { y: projectBack(attended, width, options), remembered };
}

/** What a source is attended to by, made once. @param rows - [N, S, any width]. @param width - of those that attend */
export function rememberSource(
  rows: Value,
  width: number,
  options: CrossAttentionOptions & { readonly scope: Scope },
): Remembered {
  const { heads, keyValueHeads: shared = heads, scope } = options;
  const units = shared * (width / heads);
  const both = project(rows, 2 * units, { ...options, scope: scope.inside('key value') });
  const [key = both, value = both] = split(both, -1, [units, units]);
  const leading = rows.shape.slice(0, -1);
  return { key: byHead(key, leading, shared), value: byHead(value, leading, shared) };
}

/** Attention of new tokens to a source. @param options.hidden - as {@link hideAbsent} */
export function attendRemembered(
  rows: Value,
  source: Remembered,
  options: CrossAttentionOptions & Folded & { readonly scope: Scope; readonly hidden: Value },
): Value {
  const { heads, scope, hidden } = options;
  const { shared, depth, width } = headSizes(rows, options);
  const query = project(rows, heads * depth, { ...options, scope: scope.inside('query') });
  const attended = attendTo(query, source, { leading: rows.shape.slice(0, -1), heads, shared, depth, added: hidden });
  return projectBack(attended, width, options);
}

function projectBack(
  attended: Value,
  width: number,
  { scope, useBias = true }: Pick<CrossAttentionOptions, 'useBias'> & { readonly scope: Scope },
): Value {
  return dense(width, { useBias }).apply(attended, scope.inside('output'));
}

interface Heads {
  /** The rows' axes but the last. */
  readonly leading: Shape;
  readonly heads: number;
  readonly shared: number;
  readonly depth: number;
}

/** Queries and keys are turned together, while they still lie side by side. */
function splitParts(
  joined: Value,
  { leading, heads, shared, depth }: Heads,
  turning: Turning | undefined,
): Remembered & { readonly query: Value } {
  const sizes = [heads * depth, shared * depth, shared * depth];
  if (turning === undefined) {
    const [query, key, value] = split(joined, -1, sizes);
    if (!query || !key || !value) throw new AmaasError('INTERNAL', 'attention: no parts');
    return { query, key, value };
  }
  const [straight = joined, value = joined] = split(joined, -1, [(heads + shared) * depth, shared * depth]);
  const x = reshape(straight, [...leading, heads + shared, depth]);
  const [first = x, second = x] = split(x, -1, [depth / 2, depth / 2]);
  const crossed = concat([second, first], x.shape.length - 1);
  const turned = add(mul(x, turning.cosines), mul(crossed, turning.sines));
  const [query = x, key = x] = split(turned, -2, [heads, shared]);
  return { query, key, value };
}

/** [..., heads · depth] or [..., heads, depth] as [N, heads, T, depth]. */
function byHead(x: Value, [rows = 1, time]: Shape, heads: number): Value {
  if (time === undefined) return reshape(x, [rows, heads, 1, -1]);
  return transpose(reshape(x, [rows, time, heads, -1]), [0, 2, 1, 3]);
}

function addedScores(rows: Value, options: StepAttention): Value {
  const { heads, keyValueHeads: shared = heads, hidden, distances, alibi = false } = options;
  if (!alibi || distances === undefined) return hidden;
  const slopes = alibiSlopes(heads).map((slope) => -slope);
  const planes = rows.shape.length === 2 ? [shared, heads / shared, 1] : [shared, heads / shared, 1, 1];
  const shape = rows.shape.length > 2 && heads === shared ? [heads, 1, 1] : planes;
  return add(mul(distances, constantOf('float32', shape, slopes)), hidden);
}

/**
 * @param query - [..., heads · depth] or [..., heads, depth]
 * @returns [..., heads · depth]
 */
function attendTo(
  query: Value,
  { key, value }: Remembered,
  { leading, heads, shared, depth, added }: Heads & { readonly added: Value },
): Value {
  const [rows = 1, time] = leading;
  const group = heads / shared;
  const scale = 1 / Math.sqrt(depth);
  const weigh = (queries: Value, keys: Value, values: Value): Value =>
    matMul(softmax(add(mul(matMul(queries, swapLast(keys)), scale), added)), values);
  if (time === undefined) {
    return reshape(weigh(reshape(query, [rows, shared, group, depth]), key, value), [rows, heads * depth]);
  }
  if (group === 1) {
    const queries = transpose(reshape(query, [rows, time, heads, depth]), [0, 2, 1, 3]);
    return reshape(transpose(weigh(queries, key, value), [0, 2, 1, 3]), [rows, time, heads * depth]);
  }
  const queries = transpose(reshape(query, [rows, time, shared, group, depth]), [0, 2, 3, 1, 4]);
  const attended = weigh(queries, unsqueeze(key, 2), unsqueeze(value, 2));
  return reshape(transpose(attended, [0, 3, 1, 2, 4]), [rows, time, heads * depth]);
}
