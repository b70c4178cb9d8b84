// Multi-head self-attention. Inside, tokens are rows [time · batch, width], time first: projections are single matrix
// products over all tokens, and attention's operands need no copies, because ONNX Runtime's product reads
// [time, batch, heads, depth] as it lies.
// Source: Vaswani et al. 2017.
import { AmaasError, formatShape } from '@amaas/core';
import {
  add,
  cast,
  constantOf,
  greaterOrEqual,
  matMul,
  mul,
  reduceSum,
  reshape,
  type Size,
  softmax,
  split,
  sub,
  transpose,
  type Value,
  withGradient,
} from '../graph/index.ts';
import { assertCount, dense } from './dense.ts';
import type { InitializerChoice } from './initializers.ts';
import { type Layer, layer } from './layer.ts';
import type { Scope } from './scope.ts';

export interface AttentionOptions {
  readonly heads: number;
  /** Whether a token sees only itself and those before it; default false. */
  readonly causal?: boolean;
  /** Share of the attention weights dropped in training; default 0. */
  readonly dropout?: number;
  /** Default true. */
  readonly useBias?: boolean;
  readonly kernelInitializer?: InitializerChoice;
  /** Default: as `kernelInitializer`. */
  readonly outputInitializer?: InitializerChoice;
}

/**
 * How tokens lie in rows: row `t · batch + b` is token `t` of sequence `b`. Where the number of sequences is not known, as
 * in exported models, the rows keep their two axes: [time, batch, width].
 */
export interface TokenRows {
  readonly time: number;
  readonly batch: Size;
}

/** What hides a token from a softmax: small enough to vanish, finite so that 0 · it is 0. */
const HIDDEN = -1e9;

/**
 * Self-attention over the tokens of each sequence, projected by `query key value` and `output`.
 * Shapes: x [batch, time, width] → the same; width is a multiple of `heads`.
 */
export function multiHeadSelfAttention(options: AttentionOptions): Layer {
  return layer('attention', (x, scope) => onRows(x, (rows, lie) => attendRows(rows, lie, { ...options, scope })));
}

/** Runs `build` on tokens as rows and puts them back. @param x - [batch, time, width]; only the batch may be unknown */
export function onRows(x: Value, build: (rows: Value, lie: TokenRows) => Value): Value {
  const [batch, time, width] = x.shape;
  if (batch === undefined || typeof time !== 'number' || typeof width !== 'number' || x.shape.length !== 3) {
    throw new AmaasError(
      'INVALID_GRAPH',
      `attention: expected [batch, time, width], time and width of known sizes, got ${formatShape(x.shape)}`,
    );
  }
  const lie: TokenRows = { time, batch };
  return transpose(fromRows(build(toRows(transpose(x, [1, 0, 2]), lie), lie), lie), [1, 0, 2]);
}

/** @param x - [time, batch, width] */
export function toRows(x: Value, { time, batch }: TokenRows): Value {
  return typeof batch === 'number' ? reshape(x, [time * batch, x.shape.at(-1) ?? 1]) : x;
}

/** @returns [time, batch, width] */
export function fromRows(rows: Value, { time, batch }: TokenRows): Value {
  return typeof batch === 'number' ? reshape(rows, [time, batch, rows.shape.at(-1) ?? 1]) : rows;
}

/** @param scaledBy - a factor on the rows' columns that is folded into the first kernel; see transformer.ts */
export function attendRows(
  rows: Value,
  lie: TokenRows,
  options: AttentionOptions & { readonly scope: Scope; readonly scaledBy?: Value },
): Value {
  const { heads, scope, useBias = true } = options;
  assertCount('attention: heads', heads);
  const width = rows.shape.at(-1);
  if (typeof width !== 'number' || width % heads !== 0) {
    throw new AmaasError('INVALID_GRAPH', `attention: a width of ${width} cannot be divided into ${heads} heads`);
  }
  const kernel = options.kernelInitializer === undefined ? {} : { kernelInitializer: options.kernelInitializer };
  const output = options.outputInitializer ?? options.kernelInitializer;
  const joined = dense(3 * width, {
    useBias,
    ...kernel,
    ...(options.scaledBy ? { scaledBy: options.scaledBy } : {}),
  }).apply(rows, scope.inside('query key value'));
  const [query, key, value] = split(joined, -1, [width, width, width]).map((part) =>
    reshape(part, [lie.time, lie.batch, heads, width / heads]),
  );
  if (query === undefined || key === undefined || value === undefined)
    throw new AmaasError('INTERNAL', 'attention: no parts');
  const attended = attend({ query, key, value }, options);
  return dense(width, { useBias, ...(output === undefined ? {} : { kernelInitializer: output }) }).apply(
    toRows(reshape(attended, [lie.time, lie.batch, width]), lie),
    scope.inside('output'),
  );
}

/** [time, batch, heads, depth] as [batch, heads, time, depth]: no copy inside a product. */
const TIME_INSIDE = [1, 2, 0, 3];
/** The same with the last two axes exchanged. */
const TIME_LAST = [1, 2, 3, 0];
/** Back from [batch, heads, time, depth]. */
const TIME_FIRST = [2, 0, 1, 3];

interface Operands {
  readonly query: Value;
  readonly key: Value;
  readonly value: Value;
}

/** Scaled dot-product attention; operands and result are [time, batch, heads, depth]. */
function attend(
  { query, key, value }: Operands,
  { causal = false, dropout = 0, scope }: AttentionOptions & { readonly scope: Scope },
): Value {
  const time = Number(query.shape[0]);
  const scale = 1 / Math.sqrt(Number(query.shape[3]));
  const scores = mul(matMul(transpose(query, TIME_INSIDE), transpose(key, TIME_LAST)), scale);
  const weights = softmax(causal ? add(scores, causalMask(time)) : scores);
  const kept =
    scope.training && dropout > 0
      ? mul(cast(greaterOrEqual(scope.uniform(weights.shape), dropout), 'float32'), 1 / (1 - dropout))
      : null;
  const dropped = kept === null ? weights : mul(weights, kept);
  const result = transpose(matMul(dropped, transpose(value, TIME_INSIDE)), TIME_FIRST);
  // Differentiating softmax through its rows' products with the gradient would pass over [time, time] once more; those
  // sums are also the products of the result with its gradient, which are smaller by the depth.
  return withGradient(result, [query, key, value, weights, kept ?? weights], (dy, y, q, k, v, p, mask) => {
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
}

function causalMask(time: number): Value {
  const mask = new Float64Array(time * time);
  for (let row = 0; row < time; row++)
    for (let column = row + 1; column < time; column++) mask[row * time + column] = HIDDEN;
  return constantOf('float32', [time, time], mask);
}
