// Attention layers and blocks held against PyTorch's. `torch-attention.json` holds what `multi_head_attention_forward`,
// `nn.TransformerEncoderLayer` and `nn.TransformerDecoderLayer` of PyTorch 2.13 gave in float64 (batch first, no dropout,
// `key_padding_mask` where a mask is 0), their kernels being ours transposed; grouped queries, rotary, ALiBi and alignment are
// the formulas written plainly. x is madeNumbers(1, …, 1.5), the source madeNumbers(2, …, 1.5), parameter k of the record
// madeNumbers(100 + k) as the test's `caseParameter` says. Per case: y, and gradients of Σ y · madeNumbers(3, …), of each parameter its product
// with madeNumbers(99, …) and the root of its sum of squares.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Value } from '../../graph/index.ts';
import {
  additiveAttention,
  multiHeadCrossAttention,
  multiHeadSelfAttention,
  multiplicativeAttention,
  type Scope,
  transformerBlock,
  transformerDecoderBlock,
} from '../index.ts';

export interface CaseInputs {
  readonly x: Value;
  readonly source: Value;
  readonly mask: Value;
  readonly sourceMask: Value;
}

export interface AttentionCase {
  readonly width: number;
  readonly sourceWidth?: number;
  /** What the layer is given besides x. */
  readonly uses: readonly ('mask' | 'source' | 'sourceMask')[];
  build(inputs: CaseInputs, scope: Scope): Value;
}

export const BATCH = 3;
export const TIME = 5;
export const SOURCE_TIME = 4;
/** Padding at the end, within and nowhere. */
export const MASK: readonly number[] = [1, 1, 1, 0, 0, 1, 0, 1, 1, 0, 1, 1, 1, 1, 1];
export const SOURCE_MASK: readonly number[] = [1, 1, 0, 0, 1, 1, 1, 1, 1, 0, 1, 0];

export const ATTENTION_CASES: Readonly<Record<string, AttentionCase>> = {
  self: {
    ...{ width: 8, uses: ['mask'] },
    build: ({ x, mask }, scope) => multiHeadSelfAttention({ heads: 2 }).run(x, scope, { mask }),
  },
  causal: {
    ...{ width: 6, uses: ['mask'] },
    build: ({ x, mask }, scope) => multiHeadSelfAttention({ heads: 3, causal: true }).run(x, scope, { mask }),
  },
  cross: {
    ...{ width: 8, sourceWidth: 6, uses: ['source', 'sourceMask'] },
    build: ({ x, source, sourceMask }, scope) =>
      multiHeadCrossAttention({ heads: 4 }).run(x, scope, { source, sourceMask }),
  },
  groupedRotary: {
    ...{ width: 16, uses: ['mask'] },
    build: ({ x, mask }, scope) =>
      multiHeadSelfAttention({
        ...{ heads: 4, keyValueHeads: 2, causal: true, useBias: false },
        rotary: { base: 100 },
      }).run(x, scope, { mask }),
  },
  groupedCross: {
    ...{ width: 12, sourceWidth: 5, uses: ['source', 'sourceMask'] },
    build: ({ x, source, sourceMask }, scope) =>
      multiHeadCrossAttention({ heads: 6, keyValueHeads: 2 }).run(x, scope, { source, sourceMask }),
  },
  alibi: {
    ...{ width: 12, uses: [] },
    build: ({ x }, scope) => multiHeadSelfAttention({ heads: 6, causal: true, alibi: true }).run(x, scope),
  },
  groupedAlibi: {
    ...{ width: 12, uses: ['mask'] },
    build: ({ x, mask }, scope) =>
      multiHeadSelfAttention({ heads: 6, keyValueHeads: 3, alibi: true }).run(x, scope, { mask }),
  },
  encoderBefore: {
    ...{ width: 8, uses: ['mask'] },
    build: ({ x, mask }, scope) => transformerBlock({ heads: 2, innerWidth: 10 }).run(x, scope, { mask }),
  },
  encoderAfter: {
    ...{ width: 8, uses: ['mask'] },
    build: ({ x, mask }, scope) =>
      transformerBlock({ heads: 4, normFirst: false, activation: 'relu', innerWidth: 10, epsilon: 0.01 }).run(
        x,
        scope,
        {
          mask,
        },
      ),
  },
  decoderBefore: {
    ...{ width: 8, uses: ['mask', 'source', 'sourceMask'] },
    build: ({ x, ...inputs }, scope) =>
      transformerDecoderBlock({ heads: 2, innerWidth: 10, activation: 'relu' }).run(x, scope, inputs),
  },
  decoderAfter: {
    ...{ width: 8, uses: ['source', 'sourceMask'] },
    build: ({ x, source, sourceMask }, scope) =>
      transformerDecoderBlock({ heads: 2, innerWidth: 10, normFirst: false }).run(x, scope, { source, sourceMask }),
  },
  llamaBlock: {
    ...{ width: 12, uses: ['mask'] },
    build: ({ x, mask }, scope) =>
      transformerBlock({
        ...{ heads: 6, keyValueHeads: 2, causal: true, rotary: true, useBias: false },
        ...{ norm: 'rms', activation: 'swiglu', innerWidth: 7, epsilon: 0.001 },
      }).run(x, scope, { mask }),
  },
  additive: {
    ...{ width: 5, sourceWidth: 6, uses: ['source', 'sourceMask'] },
    build: ({ x, source, sourceMask }, scope) =>
      additiveAttention({ units: 7 }).run(x, scope, { source, sourceMask }).y,
  },
  general: {
    ...{ width: 5, sourceWidth: 6, uses: ['source', 'sourceMask'] },
    build: ({ x, source, sourceMask }, scope) => multiplicativeAttention().run(x, scope, { source, sourceMask }).y,
  },
  scaledDot: {
    ...{ width: 6, uses: ['source'] },
    build: ({ x, source }, scope) =>
      multiplicativeAttention({ score: 'dot', scaled: true }).run(x, scope, { source }).y,
  },
};

export interface AttentionValues {
  readonly y: readonly number[];
  readonly x: readonly number[];
  readonly source?: readonly number[];
  readonly parameters: Readonly<Record<string, readonly [number, number]>>;
}

export const torchAttention: Readonly<Record<string, AttentionValues>> = JSON.parse(
  readFileSync(join(import.meta.dirname, 'torch-attention.json'), 'utf8'),
);
