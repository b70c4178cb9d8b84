// Fully connected layers and embeddings.
import { AmaasError, formatShape } from '@amaas/core';
import { add, gather, matMul, mul, reshape, type Value } from '../graph/index.ts';
import { type Activation, activate } from './activations.ts';
import { type InitializerChoice, initializerFor, uniformInitializer } from './initializers.ts';
import { type Layer, layer } from './layer.ts';
import type { Regularizer } from './regularizers.ts';

export interface DenseOptions {
  /** Default `linear`. */
  readonly activation?: Activation;
  /** Default true. */
  readonly useBias?: boolean;
  /** Default `glorotUniform`, as in Keras. */
  readonly kernelInitializer?: InitializerChoice;
  /** Default `zeros`. */
  readonly biasInitializer?: InitializerChoice;
  readonly kernelRegularizer?: Regularizer;
  /**
   * A factor per column of x ([in], or one number), multiplied into the kernel instead of into x: the same result for
   * less work where x has more rows than the kernel.
   */
  readonly scaledBy?: Value | number;
  /** Added to every row of x after `scaledBy` ([in]), by way of the bias: kernels have fewer rows than activations. */
  readonly shiftedBy?: Value | undefined;
  /** A factor on the bias and on what `shiftedBy` makes; default 1. */
  readonly biasScaledBy?: number;
}

/**
 * activation(x · kernel + bias).
 *
 * Shapes: x [..., in] → [..., units]; parameters `kernel` [in, units], `bias` [units].
 * @example sequential([dense(128, { activation: 'relu' }), dense(1, { activation: 'sigmoid' })])
 */
export function dense(units: number, options: DenseOptions = {}): Layer {
  assertCount('dense: units', units);
  return layer('dense', (x, scope) => {
    if (x.shape.length < 2) {
      throw new AmaasError(
        'INVALID_GRAPH',
        `dense: expected rows that are arrays, [batch, ..., in], got ${formatShape(x.shape)}; a row of one number is [v], not v`,
      );
    }
    const fanIn = lastSize(x, 'dense');
    const fans = { fanIn, fanOut: units };
    const kernel = scope.parameter('kernel', [fanIn, units], {
      initializer: initializerFor(options.kernelInitializer ?? 'glorotUniform', fans),
      regularizer: options.kernelRegularizer,
    });
    const product = matMul(x, options.scaledBy === undefined ? kernel : scaleRows(kernel, options.scaledBy));
    const bias =
      options.useBias === false
        ? null
        : scope.parameter('bias', [units], {
            initializer: initializerFor(options.biasInitializer ?? 'zeros', fans),
            decays: false,
          });
    const shift =
      options.shiftedBy === undefined ? null : reshape(matMul(reshape(options.shiftedBy, [1, fanIn]), kernel), [units]);
    const constant = bias === null ? shift : shift === null ? bias : add(bias, shift);
    if (constant === null) return activate(product, options.activation ?? 'linear');
    const scaled = options.biasScaledBy === undefined ? constant : mul(constant, options.biasScaledBy);
    return activate(add(product, scaled), options.activation ?? 'linear');
  });
}

function scaleRows(kernel: Value, factor: Value | number): Value {
  return mul(kernel, typeof factor === 'number' ? factor : reshape(factor, [-1, 1]));
}

export interface EmbeddingOptions {
  /** Default: uniform in ±0.05, as in Keras. */
  readonly initializer?: InitializerChoice;
}

/**
 * A row of a trained table per index.
 *
 * Shapes: x [...] int32 or int64, 0 … vocabularySize − 1 → [..., units]; parameter `table` [vocabularySize, units].
 */
export function embedding(vocabularySize: number, units: number, options: EmbeddingOptions = {}): Layer {
  assertCount('embedding: vocabularySize', vocabularySize);
  assertCount('embedding: units', units);
  return layer('embedding', (x, scope) => {
    // Before there is a parameter: whoever tries dtypes sees by the parameters how far a network came.
    if (x.dtype !== 'int32' && x.dtype !== 'int64') {
      throw new AmaasError('INVALID_GRAPH', `embedding: expected ids of int32 or int64, got ${x.dtype}`);
    }
    const table = scope.parameter('table', [vocabularySize, units], {
      initializer: initializerFor(options.initializer ?? uniformInitializer(-0.05, 0.05), {
        fanIn: vocabularySize,
        fanOut: units,
      }),
    });
    return gather(table, x);
  });
}

/** The size of the last axis. @throws INVALID_GRAPH when it is not known */
export function lastSize(x: Value, operation: string): number {
  const size = x.shape.at(-1);
  if (typeof size === 'number') return size;
  throw new AmaasError(
    'INVALID_GRAPH',
    `${operation}: expected a last axis of known size, got ${formatShape(x.shape)}`,
  );
}

/** @throws INVALID_ARGUMENT unless `value` is a whole number ≥ 1 */
export function assertCount(what: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new AmaasError('INVALID_ARGUMENT', `${what} must be a whole number of at least 1, got ${value}`);
  }
}
