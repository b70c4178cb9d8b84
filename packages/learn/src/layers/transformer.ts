// Transformer blocks, their normalisation before each part or after it. Where it comes before, two factors never touch the
// tokens: a normalisation's scale and bias go into the kernel that follows it, and so do GELU's constants. All of it is
// exact; kernels are smaller than activations.
// Sources: Vaswani et al. 2017 (after), Radford et al. 2019 (before), Shazeer 2020 (SwiGLU).
import { AmaasError } from '@amaas/core';
import {
  add,
  erf,
  exp,
  layerNormalization,
  mul,
  rmsNormalization,
  rmsNormalizationOperator,
  silu,
  split,
  square,
  sub,
  type Value,
  withGradient,
} from '../graph/index.ts';
import {
  type AttentionOptions,
  attendRows,
  attendSource,
  type Folded,
  onRows,
  presentTokens,
  type SourceInputs,
  type SourceLayer,
  type SourceRows,
  sourceRows,
  type TokenInputs,
  type TokenLayer,
  type TokenRows,
  tokenLayer,
} from './attention.ts';
import { type Activation, activate } from './activations.ts';
import { dense, lastSize } from './dense.ts';
import { dropout } from './dropout.ts';
import { constantInitializer } from './initializers.ts';
import type { Scope } from './scope.ts';

export interface BlockOptions extends AttentionOptions {
  /** Width of the inner dense layer; default 4 times the tokens'. */
  readonly innerWidth?: number;
  /** Mean and variance, or the root mean square alone; default `layer`. */
  readonly norm?: 'layer' | 'rms';
  /** Whether parts get normalised tokens, and not their sum with a part's result is normalised; default true. */
  readonly normFirst?: boolean;
  /** Added to the variance or mean square; default 1e-5, as in PyTorch and Llama. */
  readonly epsilon?: number;
  /** Of the inner dense layer; `swiglu` is silu(x · gate) ⊙ (x · up), its kernels side by side. Default `gelu`. */
  readonly activation?: Activation | 'swiglu';
}

/**
 * x + attention(norm(x)), then + dense(gelu(dense(norm(x)))): an encoder's block, or with `causal` a decoder's without source.
 * Shapes: x [batch, time, width] → the same.
 */
export function transformerBlock(options: BlockOptions): TokenLayer {
  return tokenLayer('transformerBlock', (rows, lie, inputs) => blockRows(rows, lie, { ...options, ...inputs }));
}

/** What goes into a decoder's block besides its tokens. */
export interface DecoderInputs extends SourceInputs, TokenInputs {}

/**
 * Causal self-attention, attention to a source, and a dense part: a decoder's block.
 * Shapes: x [batch, time, width], source [batch, source time, any width] → x's.
 */
export function transformerDecoderBlock(options: BlockOptions): SourceLayer<DecoderInputs> {
  return {
    name: 'transformerDecoderBlock',
    run: (x, scope, inputs) =>
      onRows(x, (rows, lie) => {
        const present = presentTokens(inputs.mask, lie);
        return blockRows(rows, lie, { causal: true, ...options, scope, present, source: sourceRows(inputs, lie) });
      }),
  };
}

export interface BlockInputs extends ScopedBlock {
  readonly present: Value | null;
  readonly source?: SourceRows;
}

/** A block of tokens in rows; with a source a decoder's. */
export function blockRows(rows: Value, lie: TokenRows, options: BlockInputs): Value {
  const { scope, source } = options;
  return composeBlock(rows, options, {
    toTokens: (inside) => attendRows(inside.rows, lie, { ...options, ...inside, scope: scope.inside('attention') }),
    toSource:
      source === undefined
        ? null
        : (inside) =>
            attendSource(inside.rows, lie, { ...options, ...inside, source, scope: scope.inside('source attention') }),
  });
}

/** How a block attends, which depends on how tokens lie; names of parameters are the same everywhere. */
export interface BlockAttention {
  readonly toTokens: (inside: Inside) => Value;
  readonly toSource: ((inside: Inside) => Value) | null;
}

/** A block's parts around what attends. */
export function composeBlock(rows: Value, options: ScopedBlock, { toTokens, toSource }: BlockAttention): Value {
  const attended = part(rows, { ...options, name: 'attention norm' }, toTokens);
  const informed = toSource === null ? attended : part(attended, { ...options, name: 'source norm' }, toSource);
  return part(informed, { ...options, name: 'dense norm' }, (inside) => denseRows(inside, options));
}

export interface ScopedBlock extends BlockOptions, Pick<NormOptions, 'isDecoding'> {
  readonly scope: Scope;
}

/** Rows, and what is to be folded into the kernel that follows. */
export interface Inside extends Folded {
  readonly rows: Value;
}

/** rows + apply(rows), normalised before or after. @param options.name - of the normalisation */
function part(rows: Value, options: ScopedBlock & { readonly name: string }, apply: (inside: Inside) => Value): Value {
  const { name, scope, dropout: rate = 0, normFirst = true } = options;
  const dropped = (value: Value): Value => dropout(rate).apply(value, scope);
  if (normFirst) return add(dropped(apply(normalizedRows(rows, scope.inside(name), options))), rows);
  return normalize(add(dropped(apply({ rows })), rows), scope.inside(name), options);
}

export interface NormOptions extends Pick<BlockOptions, 'norm' | 'epsilon' | 'useBias'> {
  /** Whether a graph only computes and its rows are few: a normalisation is then one operator with its scale. Default false. */
  readonly isDecoding?: boolean;
}

/** Normalised, scale and bias left to the kernel that follows. */
export function normalizedRows(rows: Value, scope: Scope, options: NormOptions): Inside {
  if (options.isDecoding === true) return { rows: normalize(rows, scope, options) };
  const { norm = 'layer', epsilon, useBias = true } = options;
  const width = lastSize(rows, 'transformerBlock');
  const given = epsilon === undefined ? {} : { epsilon };
  const scaledBy = vector(scope, 'scale', width);
  if (norm === 'rms') return { rows: rmsNormalization(rows, given), scaledBy };
  const shiftedBy = useBias ? vector(scope, 'bias', width) : undefined;
  return { rows: layerNormalization(rows, given), scaledBy, shiftedBy };
}

/** Normalised, scaled and shifted. */
export function normalize(rows: Value, scope: Scope, options: NormOptions): Value {
  const { norm = 'layer', epsilon, useBias = true, isDecoding = false } = options;
  const width = lastSize(rows, 'transformerBlock');
  const given = { scale: vector(scope, 'scale', width), ...(epsilon === undefined ? {} : { epsilon }) };
  if (norm === 'rms') return isDecoding ? rmsNormalizationOperator(rows, given) : rmsNormalization(rows, given);
  return layerNormalization(rows, { ...given, ...(useBias ? { bias: vector(scope, 'bias', width) } : {}) });
}

/** A normalisation's scale or bias, one number per column. */
function vector(scope: Scope, name: 'scale' | 'bias', width: number): Value {
  return scope.parameter(name, [width], { initializer: constantInitializer(name === 'scale' ? 1 : 0), decays: false });
}

function denseRows({ rows, scaledBy, shiftedBy }: Inside, options: ScopedBlock): Value {
  const { scope, useBias = true, activation = 'gelu' } = options;
  const width = lastSize(rows, 'transformerBlock');
  const innerWidth = options.innerWidth ?? 4 * width;
  const kernel = options.kernelInitializer === undefined ? {} : { kernelInitializer: options.kernelInitializer };
  const output = options.outputInitializer ?? options.kernelInitializer;
  const last = { useBias, ...(output === undefined ? {} : { kernelInitializer: output }) };
  const folded = { ...(scaledBy === undefined ? {} : { scaledBy }), shiftedBy };
  if (activation === 'gelu') {
    const inner = dense(innerWidth, {
      ...{ useBias, ...kernel, shiftedBy },
      scaledBy: scaledBy === undefined ? Math.SQRT1_2 : mul(scaledBy, Math.SQRT1_2),
      biasScaledBy: Math.SQRT1_2,
    }).apply(rows, scope.inside('dense'));
    return dense(width, { ...last, scaledBy: Math.SQRT1_2 }).apply(scaledGelu(inner), scope.inside('output'));
  }
  if (activation === 'swiglu') {
    const both = dense(2 * innerWidth, { useBias, ...kernel, ...folded }).apply(rows, scope.inside('gate up'));
    const [gate, up] = split(both, -1, [innerWidth, innerWidth]);
    if (gate === undefined || up === undefined) throw new AmaasError('INTERNAL', 'transformerBlock: no gate');
    return dense(width, last).apply(mul(silu(gate), up), scope.inside('output'));
  }
  const inner = dense(innerWidth, { useBias, ...kernel, ...folded }).apply(rows, scope.inside('dense'));
  return dense(width, last).apply(activate(inner, activation), scope.inside('output'));
}

/** √2 · gelu(√2 · x): x · (1 + erf x), which is GELU without its constants. */
function scaledGelu(x: Value): Value {
  const share = add(erf(x), 1);
  return withGradient(mul(x, share), [x, share], (dy, _, at, cumulated) => {
    const density = exp(sub(Math.log(2 / Math.sqrt(Math.PI)), square(at)));
    return [mul(dy, add(cumulated, mul(at, density))), null];
  });
}
