// Attention of one head as recurrent translators use it: how well a query fits each token of a source, by a small network
// (additive) or a product (multiplicative), and the source's mean by those weights. Works inside loops: what depends on the
// source alone is then computed once.
// Sources: Bahdanau, Cho & Bengio 2015 (additive); Luong, Pham & Manning 2015 (multiplicative).
import { AmaasError, formatShape } from '@amaas/core';
import {
  add,
  equal,
  matMul,
  maskedSoftmax,
  mul,
  not,
  reshape,
  sameShape,
  softmax,
  swapLast,
  tanh,
  unsqueeze,
  type Value,
} from '../graph/index.ts';
import type { SourceInputs } from './attention.ts';
import { assertCount, dense, lastSize } from './dense.ts';
import type { InitializerChoice } from './initializers.ts';
import type { Scope } from './scope.ts';

export interface Aligned {
  /** The source's mean by the weights: [batch, time, source width], or without time as the query is. */
  readonly y: Value;
  /** [batch, time, source time], or without time; each row sums to 1, or is 0 where the whole source is padding. */
  readonly weights: Value;
}

/** Aligns queries [batch, time, width] or [batch, width] with a source. */
export interface AlignmentLayer {
  readonly name: string;
  run(query: Value, scope: Scope, inputs: SourceInputs): Aligned;
}

export interface AdditiveAttentionOptions {
  /** Width of the network between. */
  readonly units: number;
  readonly kernelInitializer?: InitializerChoice;
}

/**
 * Scores vᵀ tanh(W query + U token). Parameters `query`, `key` and `score`, without biases.
 * @throws INVALID_ARGUMENT for units that are no count
 */
export function additiveAttention({ units, kernelInitializer }: AdditiveAttentionOptions): AlignmentLayer {
  assertCount('additiveAttention: units', units);
  const plain = { useBias: false, ...(kernelInitializer === undefined ? {} : { kernelInitializer }) };
  return alignmentLayer('additiveAttention', (query, source, scope) => {
    const queries = unsqueeze(dense(units, plain).apply(query, scope.inside('query')), 2);
    const keys = unsqueeze(dense(units, plain).apply(source, scope.inside('key')), 1);
    const scores = dense(1, plain).apply(tanh(add(queries, keys)), scope.inside('score'));
    return reshape(scores, scores.shape.slice(0, -1));
  });
}

export interface MultiplicativeAttentionOptions {
  /** `general`: query · W · token, W being trained as `query`; `dot`: query · token, of one width. Default `general`. */
  readonly score?: 'general' | 'dot';
  /** Whether scores are divided by the root of the width; default false, as in the paper. */
  readonly scaled?: boolean;
  readonly kernelInitializer?: InitializerChoice;
}

/** Scores by a product of query and token. */
export function multiplicativeAttention(options: MultiplicativeAttentionOptions = {}): AlignmentLayer {
  const { score = 'general', scaled = false, kernelInitializer } = options;
  return alignmentLayer('multiplicativeAttention', (query, source, scope) => {
    const width = lastSize(source, 'multiplicativeAttention');
    if (score === 'dot' && query.shape.at(-1) !== width) {
      throw new AmaasError(
        'INVALID_GRAPH',
        `multiplicativeAttention: dot needs a query and a source of one width, got ${query.shape.at(-1)} and ${width}`,
      );
    }
    const plain = { useBias: false, ...(kernelInitializer === undefined ? {} : { kernelInitializer }) };
    const turned = score === 'dot' ? query : dense(width, plain).apply(query, scope.inside('query'));
    const scores = matMul(turned, swapLast(source));
    return scaled ? mul(scores, 1 / Math.sqrt(width)) : scores;
  });
}

/** @param score - of query [batch, time, width] and source, [batch, time, source time] */
function alignmentLayer(name: string, score: (query: Value, source: Value, scope: Scope) => Value): AlignmentLayer {
  return {
    name,
    run(query, scope, { source, sourceMask }) {
      const [batch, time] = source.shape;
      if (source.shape.length !== 3 || (query.shape.length !== 2 && query.shape.length !== 3)) {
        throw new AmaasError(
          'INVALID_GRAPH',
          `${name}: expected a query [batch, width] or [batch, time, width] and a source [batch, time, width], got ${formatShape(query.shape)} and ${formatShape(source.shape)}`,
        );
      }
      if (sourceMask !== undefined && !sameShape(sourceMask.shape, [batch ?? 1, time ?? 1])) {
        throw new AmaasError(
          'INVALID_GRAPH',
          `${name}: expected a mask ${formatShape(source.shape.slice(0, 2))}, got ${formatShape(sourceMask.shape)}`,
        );
      }
      const isSingle = query.shape.length === 2;
      const scores = score(isSingle ? unsqueeze(query, 1) : query, source, scope);
      const weights = sourceMask === undefined ? softmax(scores) : maskedSoftmax(scores, present(sourceMask));
      const y = matMul(weights, source);
      const single = (value: Value): Value => reshape(value, value.shape.toSpliced(1, 1));
      return isSingle ? { y: single(y), weights: single(weights) } : { y, weights };
    },
  };
}

/** bool [batch, 1, source time] */
function present(mask: Value): Value {
  return unsqueeze(mask.dtype === 'bool' ? mask : not(equal(mask, 0)), 1);
}
