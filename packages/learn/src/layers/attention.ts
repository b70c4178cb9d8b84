// Multi-head attention, of tokens to themselves and to those of another sequence. Inside, tokens are rows
// [time · batch, width], time first: projections are single matrix products over all tokens.
// Sources: Vaswani et al. 2017; Ainslie et al. 2023 (grouped queries).
import { AmaasError, formatShape } from '@amaas/core';
import { cast, equal, not, reshape, sameShape, type Size, split, transpose, type Value } from '../graph/index.ts';
import { type RotaryOptions, rotate } from './attention-positions.ts';
import { attend, type Operands } from './attention-scores.ts';
import { assertCount, dense } from './dense.ts';
import type { InitializerChoice } from './initializers.ts';
import type { Layer } from './layer.ts';
import type { Scope } from './scope.ts';

export interface CrossAttentionOptions {
  readonly heads: number;
  /** Heads of keys and values, a divisor of `heads`, shared by as many query heads each; default `heads`. */
  readonly keyValueHeads?: number;
  /** Share of the attention weights dropped in training; default 0. */
  readonly dropout?: number;
  /** Default true. */
  readonly useBias?: boolean;
  readonly kernelInitializer?: InitializerChoice;
  /** Default: as `kernelInitializer`. */
  readonly outputInitializer?: InitializerChoice;
}

export interface AttentionOptions extends CrossAttentionOptions {
  /** Whether a token sees only itself and those before it; default false. */
  readonly causal?: boolean;
  /** Turns queries and keys by their position; default no. */
  readonly rotary?: RotaryOptions | boolean;
  /** Lowers scores by the distance, more in some heads than in others; default false. */
  readonly alibi?: boolean;
}

/** What goes into self-attention besides its tokens. */
export interface TokenInputs {
  /** [batch, time], bool or numbers: tokens that are false or 0 are padding, which no token sees. Default: none is. */
  readonly mask?: Value | undefined;
}

/** What tokens attend to. */
export interface SourceInputs {
  /** [batch, source time, any width] */
  readonly source: Value;
  /** [batch, source time], as {@link TokenInputs.mask}. */
  readonly sourceMask?: Value | undefined;
}

/** A layer over tokens [batch, time, width]; `apply` is its `run` without a mask. */
export interface TokenLayer extends Layer {
  run(x: Value, scope: Scope, inputs?: TokenInputs): Value;
}

/** A layer over tokens [batch, time, width] that looks at those of another sequence. */
export interface SourceLayer<I extends SourceInputs = SourceInputs> {
  readonly name: string;
  run(x: Value, scope: Scope, inputs: I): Value;
}

/**
 * How tokens lie in rows: row `t · batch + b` is token `t` of sequence `b`. Where the number of sequences is not known, as
 * in exported models, the rows keep their two axes: [time, batch, width].
 */
export interface TokenRows {
  readonly time: number;
  readonly batch: Size;
}

/**
 * Self-attention over the tokens of each sequence, projected by `query key value` and `output`.
 * Shapes: x [batch, time, width] → the same; width is a multiple of `heads`. Tokens that see none give the output's bias.
 */
export function multiHeadSelfAttention(options: AttentionOptions): TokenLayer {
  return tokenLayer('attention', (rows, lie, inputs) => attendRows(rows, lie, { ...options, ...inputs }));
}

/**
 * Attention of tokens to those of a source, projected by `query`, `key value` and `output`.
 * Shapes: x [batch, time, width], source [batch, source time, any width] → x's; width is a multiple of `heads`.
 */
export function multiHeadCrossAttention(options: CrossAttentionOptions): SourceLayer {
  return {
    name: 'attention',
    run: (x, scope, inputs) =>
      onRows(x, (rows, lie) => attendSource(rows, lie, { ...options, scope, source: sourceRows(inputs, lie) })),
  };
}

/** Tokens of a source, and which there are. */
export interface SourceRows {
  readonly rows: Value;
  readonly lie: TokenRows;
  readonly present: Value | null;
}

export function sourceRows({ source, sourceMask }: SourceInputs, { batch }: TokenRows): SourceRows {
  const [sequences, time, width] = source.shape;
  if (sequences !== batch || typeof time !== 'number' || typeof width !== 'number' || source.shape.length !== 3) {
    throw new AmaasError(
      'INVALID_GRAPH',
      `attention: expected a source [${batch}, time, width], time and width of known sizes, got ${formatShape(source.shape)}`,
    );
  }
  const lie = { time, batch: sequences };
  return { rows: toRows(transpose(source, [1, 0, 2]), lie), lie, present: presentTokens(sourceMask, lie) };
}

/** Makes a layer of what works on rows. */
export function tokenLayer(
  name: string,
  build: (rows: Value, lie: TokenRows, inputs: { readonly scope: Scope; readonly present: Value | null }) => Value,
): TokenLayer {
  const run = (x: Value, scope: Scope, { mask }: TokenInputs = {}): Value =>
    onRows(x, (rows, lie) => build(rows, lie, { scope, present: presentTokens(mask, lie) }));
  return { name, run, apply: (x, scope) => run(x, scope) };
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

/** float32 [batch, time], 1 where there is a token; null where there are all. */
export function presentTokens(mask: Value | undefined, { time, batch }: TokenRows): Value | null {
  if (mask === undefined) return null;
  if (!sameShape(mask.shape, [batch, time])) {
    throw new AmaasError(
      'INVALID_GRAPH',
      `attention: expected a mask ${formatShape([batch, time])}, got ${formatShape(mask.shape)}`,
    );
  }
  return cast(mask.dtype === 'bool' ? mask : not(equal(mask, 0)), 'float32');
}

/** What the rows still need, folded into the first kernel; see transformer.ts. */
export interface Folded {
  readonly scaledBy?: Value | undefined;
  readonly shiftedBy?: Value | undefined;
}

/** Self-attention. @param present - which tokens there are, as {@link presentTokens} says */
export function attendRows(
  rows: Value,
  lie: TokenRows,
  options: AttentionOptions & Folded & { readonly scope: Scope; readonly present: Value | null },
): Value {
  const { heads, scope, causal = false, alibi = false, dropout = 0, present } = options;
  const { shared, depth, width } = headSizes(rows, options);
  const joined = project(rows, (heads + 2 * shared) * depth, { ...options, scope: scope.inside('query key value') });
  const operands =
    options.rotary === undefined || options.rotary === false
      ? splitHeads(joined, lie, { depth, counts: [heads, shared, shared] })
      : rotated(joined, lie, { depth, heads, shared, rotary: options.rotary === true ? {} : options.rotary });
  const group = heads / shared;
  const attended = attend(groupQueries(operands, lie, group), { scope, causal, alibi, dropout, present, group });
  return projectBack(attended, lie, { ...options, width, group });
}

/** Cross-attention. */
export function attendSource(
  rows: Value,
  lie: TokenRows,
  options: CrossAttentionOptions & Folded & { readonly scope: Scope; readonly source: SourceRows },
): Value {
  const { heads, scope, dropout = 0, source, scaledBy: _, shiftedBy: __, ...plain } = options;
  const { shared, depth, width } = headSizes(rows, options);
  const queries = project(rows, heads * depth, { ...options, scope: scope.inside('query') });
  const both = project(source.rows, 2 * shared * depth, { ...plain, heads, scope: scope.inside('key value') });
  const [query = rows] = splitParts(queries, lie, { depth, counts: [heads] });
  const [key = rows, value = rows] = splitParts(both, source.lie, { depth, counts: [shared, shared] });
  const group = heads / shared;
  const attended = attend(groupQueries({ query, key, value }, lie, group), {
    ...{ scope, dropout, group, causal: false, alibi: false },
    present: source.present,
  });
  return projectBack(attended, lie, { ...options, width, group });
}

export interface HeadSizes {
  /** Heads of keys and values. */
  readonly shared: number;
  readonly depth: number;
  readonly width: number;
}

export function headSizes(rows: Value, { heads, keyValueHeads = heads }: CrossAttentionOptions): HeadSizes {
  assertCount('attention: heads', heads);
  assertCount('attention: keyValueHeads', keyValueHeads);
  const width = rows.shape.at(-1);
  if (typeof width !== 'number' || width % heads !== 0) {
    throw new AmaasError('INVALID_GRAPH', `attention: a width of ${width} cannot be divided into ${heads} heads`);
  }
  if (heads % keyValueHeads !== 0) {
    throw new AmaasError(
      'INVALID_GRAPH',
      `attention: ${heads} heads cannot share ${keyValueHeads} heads of keys and values`,
    );
  }
  return { shared: keyValueHeads, depth: width / heads, width };
}

/** Tokens' queries, keys or values. */
export function project(
  rows: Value,
  units: number,
  { useBias = true, kernelInitializer, scaledBy, shiftedBy, scope }: CrossAttentionOptions & Folded & { scope: Scope },
): Value {
  return dense(units, {
    useBias,
    ...(kernelInitializer === undefined ? {} : { kernelInitializer }),
    ...(scaledBy ? { scaledBy } : {}),
    shiftedBy,
  }).apply(rows, scope);
}

interface Parts {
  readonly depth: number;
  /** Heads of each part. */
  readonly counts: readonly number[];
}

/** Each part as [time, batch, heads, depth]. */
function splitParts(joined: Value, { time, batch }: TokenRows, { depth, counts }: Parts): readonly Value[] {
  const sizes = counts.map((count) => count * depth);
  const parts = counts.length === 1 ? [joined] : split(joined, -1, sizes);
  return parts.map((part, index) => reshape(part, [time, batch, counts[index] ?? 1, depth]));
}

function splitHeads(joined: Value, lie: TokenRows, parts: Parts): Operands {
  const [query, key, value] = splitParts(joined, lie, parts);
  if (query === undefined || key === undefined || value === undefined)
    throw new AmaasError('INTERNAL', 'attention: no parts');
  return { query, key, value };
}

/** Queries and keys are turned together, while they still lie side by side. */
function rotated(
  joined: Value,
  lie: TokenRows,
  { depth, heads, shared, rotary }: Omit<HeadSizes, 'width'> & { heads: number; rotary: RotaryOptions },
): Operands {
  const [turning = joined, value = joined] = splitParts(joined, lie, { depth, counts: [heads + shared, shared] });
  const [query = turning, key = turning] = split(rotate(turning, rotary), 2, [heads, shared]);
  return { query, key, value };
}

/** Queries that share a key follow each other in time: [time · group, batch, shared heads, depth]. */
function groupQueries({ query, key, value }: Operands, { time, batch }: TokenRows, group: number): Operands {
  if (group === 1) return { query, key, value };
  const [, , heads, depth] = query.shape.map(Number);
  const apart = reshape(query, [time, batch, Number(heads) / group, group, depth ?? 1]);
  const grouped = reshape(transpose(apart, [0, 3, 1, 2, 4]), [time * group, batch, Number(heads) / group, depth ?? 1]);
  return { query: grouped, key, value };
}

function projectBack(
  attended: Value,
  lie: TokenRows,
  options: CrossAttentionOptions & { readonly scope: Scope; readonly width: number; readonly group: number },
): Value {
  const { width, group, scope, useBias = true } = options;
  const { time, batch } = lie;
  const [, , heads, depth] = attended.shape.map(Number);
  const ungrouped =
    group === 1
      ? attended
      : transpose(reshape(attended, [time, group, batch, heads ?? 1, depth ?? 1]), [0, 2, 3, 1, 4]);
  const output = options.outputInitializer ?? options.kernelInitializer;
  return dense(width, { useBias, ...(output === undefined ? {} : { kernelInitializer: output }) }).apply(
    toRows(reshape(ungrouped, [time, batch, width]), lie),
    scope.inside('output'),
  );
}
