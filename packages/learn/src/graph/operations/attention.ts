// Attention without projections, in plain operations: compiling turns its transpose and its scale into flags of a fused
// product, and softmax brings its own closed derivative.
import { AmaasError, formatShape } from '@amaas/core';
import { sameShape, broadcastShapes } from '../shape.ts';
import type { Value } from '../value.ts';
import { add, mul } from './arithmetic.ts';
import { and, cast, greaterOrEqual, where } from './comparison.ts';
import { scalar } from './constants.ts';
import { rangeOf } from './elements.ts';
import { matMul, swapLast } from './matrix.ts';
import { softmax } from './reduction.ts';
import { unsqueeze } from './shaping.ts';

export interface AttentionOptions {
  /**
   * Which positions may be attended to (bool; a row without any gives zeros), or what is added to the scores (float).
   * Broadcasts to [batch, heads, time, source].
   */
  readonly mask?: Value;
  /** Whether a position sees only itself and those before it; default false. Time and source are then equal. */
  readonly causal?: boolean;
  /** Factor on the scores; default 1 / √depth. */
  readonly scale?: number;
}

/**
 * softmax(q·kᵀ · scale) · v for every batch and head.
 * @param q - [batch, heads, time, depth]
 * @param k - [batch, heads, source, depth]
 * @param v - [batch, heads, source, width]
 * @returns [batch, heads, time, width]
 * @throws INVALID_GRAPH when they do not fit.
 * Source: Vaswani et al. 2017, equation 1.
 */
export function scaledDotProductAttention(q: Value, k: Value, v: Value, options: AttentionOptions = {}): Value {
  const depth = q.shape.at(-1);
  if (typeof depth !== 'number' && options.scale === undefined) {
    throw new AmaasError('INVALID_GRAPH', `attention: the depth of ${formatShape(q.shape)} must be known`);
  }
  const scores = mul(matMul(q, swapLast(k)), options.scale ?? 1 / Math.sqrt(Number(depth)));
  return matMul(attentionWeights(scores, options), v);
}

function attentionWeights(scores: Value, { mask, causal = false }: AttentionOptions): Value {
  const past = causal ? causalMask(scores) : null;
  if (mask?.dtype === 'bool') return maskedSoftmax(scores, past === null ? mask : and(mask, past));
  const biased = mask === undefined ? scores : add(scores, mask);
  // Every position sees itself: no row is empty.
  return softmax(past === null ? biased : where(past, biased, hiddenScore(scores)));
}

/** True (bool) [time, time] where the second position is not after the first. */
function causalMask(scores: Value): Value {
  const [time, source] = scores.shape.slice(-2);
  if (typeof time !== 'number' || time !== source) {
    throw new AmaasError(
      'INVALID_GRAPH',
      `attention: causal needs as many sources as times, got ${source} and ${time}`,
    );
  }
  return greaterOrEqual(unsqueeze(rangeOf(time), 1), rangeOf(time));
}

/**
 * Softmax over the elements a mask allows; the others get 0, and so does a row without any. No gradient reaches the others.
 * @param mask - bool, broadcasts to `x`
 */
export function maskedSoftmax(x: Value, mask: Value, axis = -1): Value {
  if (!sameShape(broadcastShapes(x.shape, mask.shape, 'maskedSoftmax'), x.shape)) {
    throw new AmaasError(
      'INVALID_GRAPH',
      `maskedSoftmax: the mask ${formatShape(mask.shape)} does not broadcast to ${formatShape(x.shape)}`,
    );
  }
  const weights = softmax(where(mask, x, hiddenScore(x)), axis);
  return mul(weights, cast(mask, x.dtype));
}

/** Vanishes in a softmax beside any score in use; finite, so that a row of nothing else does not become NaN. */
function hiddenScore({ dtype }: Value): Value {
  return scalar(dtype, dtype === 'float16' ? -6e4 : -1e30);
}
