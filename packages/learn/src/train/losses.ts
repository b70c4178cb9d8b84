// Losses: from prediction and target to one number per row; training takes their weighted mean.
// Definitions as in Keras, computed from logits wherever the prediction ends in a sigmoid or softmax.
import { AmaasError, type DType, formatShape } from '@amaas/core';
import {
  abs,
  add,
  clip,
  constantOf,
  gather,
  lessOrEqual,
  log,
  logSoftmax,
  mul,
  neg,
  nodeOf,
  oneHot,
  reduceMean,
  reduceSum,
  relu,
  reshape,
  type Shape,
  sameShape,
  softplus,
  square,
  sub,
  type Value,
  where,
} from '../graph/index.ts';

export interface Loss {
  readonly name: string;
  /** Dtype the targets are fed as. */
  readonly targetDType: DType;
  /**
   * One loss per row.
   * @param prediction - [batch, ...] @param target - as the loss says, [batch, ...]
   * @returns [batch]
   */
  perRow(prediction: Value, target: Value): Value;
  /** Factor on a row's weight, by its target; [batch], or null. */
  rowWeights?(target: Value): Value;
}

/** Mean squared error over everything but the batch. */
export const meanSquaredError: Loss = elementwise('meanSquaredError', (difference) => square(difference));

/** Mean absolute error over everything but the batch. */
export const meanAbsoluteError: Loss = elementwise('meanAbsoluteError', abs);

/** Quadratic within ±delta, linear beyond. Source: Huber 1964. */
export function huber(delta = 1): Loss {
  return elementwise('huber', (difference) => {
    const size = abs(difference);
    return where(lessOrEqual(size, delta), mul(square(difference), 0.5), mul(sub(size, delta / 2), delta));
  });
}

export interface CrossEntropyOptions {
  /** Share of the target spread evenly over the classes, 0 … 1; default 0. Source: Szegedy et al. 2016. */
  readonly labelSmoothing?: number;
  /** Weight of each class, by its index; the loss is then the weighted mean. */
  readonly classWeights?: readonly number[];
}

/**
 * Cross-entropy of independent yes/no outputs, mean over the outputs.
 * Prediction: probabilities [batch, n] (best straight from a sigmoid); target: 0/1 (or in between), [batch, n] or [batch].
 */
export function binaryCrossentropy({ labelSmoothing = 0, classWeights }: CrossEntropyOptions = {}): Loss {
  assertSmoothing(labelSmoothing);
  return {
    name: 'binaryCrossentropy',
    targetDType: 'float32',
    perRow(prediction, target) {
      const aligned = alignTarget(prediction, target, 'binaryCrossentropy');
      const smooth = labelSmoothing === 0 ? aligned : add(mul(aligned, 1 - labelSmoothing), labelSmoothing / 2);
      const logits = inputOf(prediction, 'Sigmoid');
      if (logits !== null) return rowMean(sub(softplus(logits), mul(logits, smooth)));
      const p = clip(prediction, 1e-7, 1 - 1e-7); // the bounds Keras uses
      return rowMean(neg(add(mul(smooth, log(p)), mul(sub(1, smooth), log(sub(1, p))))));
    },
    ...(classWeights === undefined
      ? {}
      : {
          rowWeights(target: Value) {
            const [negative = 1, positive = 1] = classWeights;
            return rowMean(add(mul(target, positive - negative), negative));
          },
        }),
  };
}

/**
 * Cross-entropy against a distribution over classes.
 * Prediction: probabilities [batch, ..., classes] (best straight from a softmax); target: the same shape.
 */
export function categoricalCrossentropy({ labelSmoothing = 0, classWeights }: CrossEntropyOptions = {}): Loss {
  assertSmoothing(labelSmoothing);
  return {
    name: 'categoricalCrossentropy',
    targetDType: 'float32',
    perRow(prediction, target) {
      if (!sameShape(prediction.shape, target.shape))
        throw mismatch('categoricalCrossentropy', prediction, target.shape);
      return rowMean(crossEntropy(prediction, smoothed(target, labelSmoothing)));
    },
    ...(classWeights === undefined
      ? {}
      : { rowWeights: (target: Value) => rowMean(reduceSum(mul(target, weightRow(classWeights)), { axes: [-1] })) }),
  };
}

/**
 * Cross-entropy against class indices.
 * Prediction: probabilities [batch, ..., classes] (best straight from a softmax); target: int64 [batch, ...].
 */
export function sparseCategoricalCrossentropy({ labelSmoothing = 0, classWeights }: CrossEntropyOptions = {}): Loss {
  assertSmoothing(labelSmoothing);
  const classesOf = (prediction: Value): number => {
    const classes = prediction.shape.at(-1);
    if (typeof classes !== 'number') throw mismatch('sparseCategoricalCrossentropy', prediction, []);
    return classes;
  };
  return {
    name: 'sparseCategoricalCrossentropy',
    targetDType: 'int64',
    perRow(prediction, target) {
      const shape = prediction.shape.slice(0, -1);
      const labels = sameShape(target.shape, shape)
        ? target
        : reshapeTarget(target, shape, 'sparseCategoricalCrossentropy');
      const distribution = oneHot(labels, classesOf(prediction), prediction.dtype);
      return rowMean(crossEntropy(prediction, smoothed(distribution, labelSmoothing)));
    },
    ...(classWeights === undefined
      ? {}
      : {
          rowWeights: (target: Value) => rowMean(gather(weightRow(classWeights), target)),
        }),
  };
}

/** max(0, 1 − y · prediction) with y = ±1; targets of 0 and 1 are taken as −1 and 1. */
export const hinge: Loss = {
  name: 'hinge',
  targetDType: 'float32',
  perRow(prediction, target) {
    const aligned = alignTarget(prediction, target, 'hinge');
    const sign = where(lessOrEqual(aligned, 0), -1, 1);
    return rowMean(relu(sub(1, mul(sign, prediction))));
  },
};

const BY_NAME = {
  meanSquaredError: () => meanSquaredError,
  mse: () => meanSquaredError,
  meanAbsoluteError: () => meanAbsoluteError,
  mae: () => meanAbsoluteError,
  huber: () => huber(),
  binaryCrossentropy: () => binaryCrossentropy(),
  categoricalCrossentropy: () => categoricalCrossentropy(),
  sparseCategoricalCrossentropy: () => sparseCategoricalCrossentropy(),
  hinge: () => hinge,
} as const;

export type LossName = keyof typeof BY_NAME;

/** @throws INVALID_ARGUMENT for a name that is none of the standard ones */
export function lossFor(choice: Loss | LossName): Loss {
  if (typeof choice !== 'string') return choice;
  if (Object.hasOwn(BY_NAME, choice)) return BY_NAME[choice]();
  throw new AmaasError(
    'INVALID_ARGUMENT',
    `loss: expected one of ${Object.keys(BY_NAME).join(', ')}, got ${String(choice)}`,
  );
}

function elementwise(name: string, measure: (difference: Value) => Value): Loss {
  return {
    name,
    targetDType: 'float32',
    perRow: (prediction, target) => rowMean(measure(sub(prediction, alignTarget(prediction, target, name)))),
  };
}

/** −Σ target · log prediction over the last axis. */
function crossEntropy(prediction: Value, distribution: Value): Value {
  const logits = inputOf(prediction, 'Softmax');
  const logProbabilities = logits === null ? log(clip(prediction, 1e-7, 1)) : logSoftmax(logits);
  return neg(reduceSum(mul(distribution, logProbabilities), { axes: [-1] }));
}

function smoothed(distribution: Value, smoothing: number): Value {
  const classes = distribution.shape.at(-1);
  if (smoothing === 0 || typeof classes !== 'number') return distribution;
  return add(mul(distribution, 1 - smoothing), smoothing / classes);
}

/** What an activation at the end of the network was applied to. */
function inputOf(prediction: Value, activation: string): Value | null {
  const node = nodeOf(prediction);
  return node?.operation.name === activation ? (node.inputs[0] ?? null) : null;
}

/** [batch, ...] → [batch] */
export function rowMean(x: Value): Value {
  const axes = [...x.shape.keys()].slice(1);
  return axes.length === 0 ? x : reduceMean(x, { axes });
}

/** The target in the prediction's shape, where only axes of size 1 differ ([batch] against [batch, 1]). */
export function alignTarget(prediction: Value, target: Value, operation: string): Value {
  return sameShape(prediction.shape, target.shape) ? target : reshapeTarget(target, prediction.shape, operation);
}

function reshapeTarget(target: Value, shape: Shape, operation: string): Value {
  const significant = (sizes: Shape): Shape => sizes.filter((size) => size !== 1);
  if (!sameShape(significant(target.shape), significant(shape))) {
    throw new AmaasError(
      'INVALID_GRAPH',
      `${operation}: the targets have shape ${formatShape(target.shape)}, the network's output needs ${formatShape(shape)}`,
    );
  }
  return reshape(target, shape);
}

function weightRow(weights: readonly number[]): Value {
  return constantOf('float32', [weights.length], weights);
}

function mismatch(operation: string, prediction: Value, target: Shape): AmaasError {
  return new AmaasError(
    'INVALID_GRAPH',
    `${operation}: expected predictions and targets of one shape with the classes last, got ${formatShape(prediction.shape)} and ${formatShape(target)}`,
  );
}

function assertSmoothing(labelSmoothing: number): void {
  if (!(labelSmoothing >= 0 && labelSmoothing < 1)) {
    throw new AmaasError('INVALID_ARGUMENT', `loss: labelSmoothing must be in [0, 1), got ${labelSmoothing}`);
  }
}
