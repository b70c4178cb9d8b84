// Language models made of Transformer blocks: GPT and Llama. Both give logits for the next token at each.
// Sources: Radford et al. 2019 and nanoGPT (Karpathy) for GPT's defaults; Touvron et al. 2023 for Llama.
import { AmaasError, formatShape } from '@amaas/core';
import { add, gather, matMul, mul, reshape, slice, transpose, type Value } from '../graph/index.ts';
import { fromRows, type TokenRows, toRows } from './attention.ts';
import type { RotaryOptions } from './attention-positions.ts';
import { assertCount, dense } from './dense.ts';
import { dropout } from './dropout.ts';
import { normalInitializer } from './initializers.ts';
import { type Layer, layer } from './layer.ts';
import { type BlockOptions, blockRows, type NormOptions, normalizedRows } from './transformer.ts';
import type { Scope } from './scope.ts';

export interface GptOptions {
  readonly vocabularySize: number;
  /** Tokens of context. */
  readonly blockSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly width: number;
  /** Default 0. */
  readonly dropout?: number;
  /** Of dense layers and normalisations; default false, as in nanoGPT. */
  readonly useBias?: boolean;
}

/**
 * A GPT: token and position tables, blocks, and logits by the token table again.
 * Shapes: ids [batch, time ≤ blockSize] int32 or int64 → logits [batch, time, vocabularySize]; train it with a
 * cross-entropy that is told so (`fromLogits`).
 */
export function gpt(options: GptOptions): Layer {
  const { vocabularySize, blockSize, layers, heads, width, dropout: rate = 0, useBias = false } = options;
  assertCounts('gpt', { vocabularySize, blockSize, layers, heads, width });
  return layer('gpt', (ids, scope) => {
    const lie = tokenRows('gpt', ids, blockSize);
    const { time } = lie;
    const initializer = normalInitializer(0, 0.02);
    const tokens = scope.parameter('tokens', [vocabularySize, width], { initializer });
    const positions = scope.parameter('positions', [blockSize, width], { initializer });
    const embedded = add(
      gather(tokens, transpose(ids)),
      reshape(time === blockSize ? positions : slice(positions, 0, 0, time), [time, 1, width]),
    );
    const first = dropout(rate).apply(toRows(embedded, lie), scope);
    const rows = languageBlocks(first, lie, { layers, scope, block: { heads, dropout: rate, useBias } });
    return logitsOf(rows, lie, { table: tokens, scope, useBias });
  });
}

export interface LlamaOptions {
  readonly vocabularySize: number;
  /** Most tokens of context; nothing is trained for it. */
  readonly blockSize: number;
  readonly layers: number;
  readonly heads: number;
  /** Heads of keys and values; default `heads`. */
  readonly keyValueHeads?: number;
  readonly width: number;
  /** Width of the gated dense part; default 8/3 of `width`, rounded up to a multiple of 8. */
  readonly innerWidth?: number;
  /** Default 0. */
  readonly dropout?: number;
  readonly rotary?: RotaryOptions;
  /** Default 1e-5. */
  readonly epsilon?: number;
  /** Whether logits are made by the token table, and not by a kernel of their own; default true, as in small Llamas. */
  readonly tied?: boolean;
}

/**
 * A Llama: blocks of RMS norm, rotary attention with shared keys and values, and SwiGLU; no biases.
 * Shapes: ids [batch, time ≤ blockSize] int32 or int64 → logits [batch, time, vocabularySize]. Kernels are [in, out], those
 * of query, key and value side by side, and gate and up; query and key columns turn in halves, as in Hugging Face's weights.
 */
export function llama(options: LlamaOptions): Layer {
  const { vocabularySize, blockSize, layers, width, dropout: rate = 0 } = options;
  const block = llamaBlock(options);
  return layer('llama', (ids, scope) => {
    const lie = tokenRows('llama', ids, blockSize);
    const initializer = normalInitializer(0, 0.02);
    const tokens = scope.parameter('tokens', [vocabularySize, width], { initializer });
    const first = dropout(rate).apply(toRows(gather(tokens, transpose(ids)), lie), scope);
    const rows = languageBlocks(first, lie, { layers, scope, block });
    return logitsOf(rows, lie, {
      ...block,
      scope,
      ...(options.tied === false ? { vocabularySize } : { table: tokens }),
    });
  });
}

/** @throws INVALID_ARGUMENT on counts that are none */
export function llamaBlock(options: LlamaOptions): BlockOptions {
  const { vocabularySize, blockSize, layers, heads, keyValueHeads = heads, width } = options;
  const innerWidth = options.innerWidth ?? 8 * Math.ceil(width / 3);
  assertCounts('llama', { vocabularySize, blockSize, layers, heads, keyValueHeads, width, innerWidth });
  return {
    ...{ heads, keyValueHeads, innerWidth, dropout: options.dropout ?? 0, useBias: false },
    ...{ rotary: options.rotary ?? true, norm: 'rms', activation: 'swiglu', epsilon: options.epsilon ?? 1e-5 },
  };
}

export function assertCounts(model: string, counts: Readonly<Record<string, number>>): void {
  for (const [name, value] of Object.entries(counts)) assertCount(`${model}: ${name}`, value);
}

function tokenRows(model: string, { shape }: Value, blockSize: number): TokenRows {
  const [batch, time] = shape;
  if (batch === undefined || typeof time !== 'number' || time > blockSize || shape.length !== 2) {
    throw new AmaasError(
      'INVALID_GRAPH',
      `${model}: expected ids [batch, time ≤ ${blockSize}] of a known time, got ${formatShape(shape)}`,
    );
  }
  return { time, batch };
}

/** Blocks that see no future, whose last kernels start the smaller the more there are. Source: Radford et al. 2019. */
function languageBlocks(
  first: Value,
  lie: TokenRows,
  { layers, scope, block }: { readonly layers: number; readonly scope: Scope; readonly block: BlockOptions },
): Value {
  let rows = first;
  for (let index = 0; index < layers; index++) {
    rows = blockRows(rows, lie, {
      ...block,
      causal: true,
      kernelInitializer: normalInitializer(0, 0.02),
      outputInitializer: normalInitializer(0, 0.02 / Math.sqrt(2 * layers)),
      scope: scope.inside(`${index}`),
      present: null,
    });
  }
  return rows;
}

export interface LogitOptions extends NormOptions {
  readonly scope: Scope;
  /** Tokens' rows; without it a kernel is made. */
  readonly table?: Value;
  readonly vocabularySize?: number;
}

/** [batch, time, vocabulary] */
export function logitsOf(rows: Value, lie: TokenRows, options: LogitOptions): Value {
  return transpose(fromRows(logitsOfRows(rows, options), lie), [1, 0, 2]);
}

/** [..., vocabulary] */
export function logitsOfRows(rows: Value, { scope, table, vocabularySize = 1, ...norm }: LogitOptions): Value {
  const { rows: normal, scaledBy, shiftedBy } = normalizedRows(rows, scope.inside('norm'), norm);
  if (table === undefined) {
    const kernelInitializer = normalInitializer(0, 0.02);
    return dense(vocabularySize, {
      ...{ useBias: false, kernelInitializer, shiftedBy },
      ...(scaledBy === undefined ? {} : { scaledBy }),
    }).apply(normal, scope.inside('logits'));
  }
  const logits = matMul(normal, transpose(scaledBy === undefined ? table : mul(table, scaledBy)));
  if (shiftedBy === undefined) return logits;
  return add(logits, reshape(matMul(table, reshape(shiftedBy, [-1, 1])), [-1]));
}
