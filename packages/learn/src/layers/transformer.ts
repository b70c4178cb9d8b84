// Transformer blocks before whose parts the input is normalised, and a GPT made of them.
// Two factors never touch the tokens: a normalisation's scale is multiplied into the kernel that follows it, and so are
// GELU's constants. Both are exact; kernels are smaller than activations.
// Sources: Radford et al. 2019; nanoGPT (Karpathy) for the defaults.
import { AmaasError, formatShape } from '@amaas/core';
import {
  add,
  erf,
  exp,
  gather,
  layerNormalization,
  matMul,
  mul,
  reshape,
  slice,
  square,
  sub,
  transpose,
  type Value,
  withGradient,
} from '../graph/index.ts';
import { type AttentionOptions, attendRows, fromRows, onRows, type TokenRows, toRows } from './attention.ts';
import { assertCount, dense, lastSize } from './dense.ts';
import { dropout } from './dropout.ts';
import { constantInitializer, normalInitializer } from './initializers.ts';
import { type Layer, layer } from './layer.ts';
import type { Scope } from './scope.ts';

export interface BlockOptions extends AttentionOptions {
  /** Width of the inner dense layer; default 4 times the tokens'. */
  readonly innerWidth?: number;
}

/**
 * x + attention(norm(x)), then + dense(gelu(dense(norm(x)))).
 * Shapes: x [batch, time, width] → the same.
 */
export function transformerBlock(options: BlockOptions): Layer {
  return layer('transformerBlock', (x, scope) => onRows(x, (rows, lie) => blockRows(rows, lie, { ...options, scope })));
}

function blockRows(rows: Value, lie: TokenRows, options: BlockOptions & { readonly scope: Scope }): Value {
  const { scope, dropout: rate = 0, useBias = true } = options;
  const width = lastSize(rows, 'transformerBlock');
  const kernel = options.kernelInitializer === undefined ? {} : { kernelInitializer: options.kernelInitializer };
  const output = options.outputInitializer ?? options.kernelInitializer;
  const last = output === undefined ? {} : { kernelInitializer: output };
  const attended = attendRows(layerNormalization(rows), lie, {
    ...options,
    scope: scope.inside('attention'),
    scaledBy: normScale(scope.inside('attention norm'), width),
  });
  const middle = add(dropout(rate).apply(attended, scope), rows);
  const inner = dense(options.innerWidth ?? 4 * width, {
    useBias,
    ...kernel,
    scaledBy: mul(normScale(scope.inside('dense norm'), width), Math.SQRT1_2),
    biasScaledBy: Math.SQRT1_2,
  }).apply(layerNormalization(middle), scope.inside('dense'));
  const outer = dense(width, { useBias, ...last, scaledBy: Math.SQRT1_2 }).apply(
    scaledGelu(inner),
    scope.inside('output'),
  );
  return add(dropout(rate).apply(outer, scope), middle);
}

/** √2 · gelu(√2 · x): x · (1 + erf x), which is GELU without its constants. */
function scaledGelu(x: Value): Value {
  const share = add(erf(x), 1);
  return withGradient(mul(x, share), [x, share], (dy, _, at, cumulated) => {
    const density = exp(sub(Math.log(2 / Math.sqrt(Math.PI)), square(at)));
    return [mul(dy, add(cumulated, mul(at, density))), null];
  });
}

/** A normalisation's scale, one factor per column. */
function normScale(scope: Scope, width: number): Value {
  return scope.parameter('scale', [width], { initializer: constantInitializer(1), decays: false });
}

export interface GptOptions {
  readonly vocabularySize: number;
  /** Tokens of context. */
  readonly blockSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly width: number;
  /** Default 0. */
  readonly dropout?: number;
  /** Default false, as in nanoGPT. */
  readonly useBias?: boolean;
}

/**
 * A GPT: token and position tables, blocks, and logits by the token table again.
 * Shapes: ids [batch, time ≤ blockSize] int32 or int64 → logits [batch, time, vocabularySize]; train it with a
 * cross-entropy that is told so (`fromLogits`).
 */
export function gpt(options: GptOptions): Layer {
  const { vocabularySize, blockSize, layers, heads, width, dropout: rate = 0, useBias = false } = options;
  for (const [name, value] of Object.entries({ vocabularySize, blockSize, layers, heads, width })) {
    assertCount(`gpt: ${name}`, value);
  }
  return layer('gpt', (ids, scope) => {
    const [batch, time] = ids.shape;
    if (batch === undefined || typeof time !== 'number' || time > blockSize || ids.shape.length !== 2) {
      throw new AmaasError(
        'INVALID_GRAPH',
        `gpt: expected ids [batch, time ≤ ${blockSize}] of a known time, got ${formatShape(ids.shape)}`,
      );
    }
    const initializer = normalInitializer(0, 0.02);
    const tokens = scope.parameter('tokens', [vocabularySize, width], { initializer });
    const positions = scope.parameter('positions', [blockSize, width], { initializer });
    const lie: TokenRows = { time, batch };
    const embedded = add(
      gather(tokens, transpose(ids)),
      reshape(time === blockSize ? positions : slice(positions, 0, 0, time), [time, 1, width]),
    );
    let rows = dropout(rate).apply(toRows(embedded, lie), scope);
    for (let index = 0; index < layers; index++) {
      rows = blockRows(rows, lie, {
        heads,
        causal: true,
        dropout: rate,
        useBias,
        kernelInitializer: initializer,
        outputInitializer: normalInitializer(0, 0.02 / Math.sqrt(2 * layers)),
        scope: scope.inside(`${index}`),
      });
    }
    const scale = normScale(scope.inside('norm'), width);
    const logits = matMul(layerNormalization(rows), transpose(mul(tokens, scale)));
    return transpose(fromRows(logits, lie), [1, 0, 2]);
  });
}
