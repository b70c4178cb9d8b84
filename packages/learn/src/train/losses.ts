// Losses: from prediction and target to one number per row; training takes their weighted mean.
// Definitions as in Keras, computed from logits wherever the prediction ends in a sigmoid or softmax.
import { AmaasError, type DType, formatShape, type Tensor } from '@amaas/core';
import {
  abs,
  add,
  cast,
  clip,
  constantOf,
  div,
  gather,
  lessOrEqual,
  log,
  logSoftmax,
  maximum,
  mul,
  neg,
  nodeOf,
  oneHot,
  reduceMean,
  reduceSum,
  relu,
  reshape,
  scalar,
  type Shape,
  sameShape,
  softplus,
  square,
  sub,
  type Value,
  where,
} from '../graph/index.ts';
import { labelLosses } from './label-losses.ts';
import { assertEnding } from './loss-endings.ts';
import { assertClassIndices, assertFiniteTargets, assertShares, assertSigns } from './targets.ts';

/** What a batch holds besides prediction and target. */
export interface LossBatch {
  /** The network's inputs by their names, [batch, ...]: lengths and masks among them. */
  readonly inputs: ReadonlyMap<string, Value>;
  /** Weights of the rows, [batch]; 0 where a row only fills the batch up. */
  readonly weights: Value;
}

export interface Loss {
  readonly name: string;
  /** Dtype the targets are fed as. */
  readonly targetDType: DType;
  /**
   * One loss per row.
   * @param prediction - [batch, ...] @param target - as the loss says, [batch, ...]
   * @param batch - training gives it always
   * @returns [batch]
   */
  perRow(prediction: Value, target: Value, batch?: LossBatch): Value;
  /**
   * Factor on a row's weight, by its target; [batch].
   * @param target - as {@link perRow} is given it, and so is `batch`
   */
  rowWeights?(target: Value, batch?: LossBatch): Value;
  /**
   * Checks values before training.
   * @param prediction - shape of what the network gives for a batch
   * @throws INVALID_DATA naming the first row whose target the loss cannot take
   */
  assertTargets?(target: Tensor, prediction: Shape): void;
}

/** Mean squared error over everything but the batch. */
export const meanSquaredError: Loss = elementwise('meanSquaredError', (difference) => square(difference));

/** Mean absolute error over everything but the batch. */
export const meanAbsoluteError: Loss = elementwise('meanAbsoluteError', abs);

/** Quadratic within ±delta, linear beyond. Source: Huber 1964. */
export function huber(delta = 1): Loss {
  if (!(delta > 0 && Number.isFinite(delta))) {
    throw new AmaasError('INVALID_ARGUMENT', `huber: delta must be a positive number, got ${delta}`);
  }
  return elementwise('huber', (difference) => {
    const size = abs(difference);
    return where(lessOrEqual(size, delta), mul(square(difference), 0.5), mul(sub(size, delta / 2), delta));
  });
}

export interface CrossEntropyOptions {
  /** Share of the target spread evenly over the classes, 0 … 1; default 0. Source: Szegedy et al. 2016. */
  readonly labelSmoothing?: number;
  /** Weight of each class, by its index; the loss is then the weighted mean, as in PyTorch. Default: all 1. */
  readonly classWeights?: readonly number[];
  /** Whether predictions are logits, as language models give them, and not probabilities; default false. */
  readonly fromLogits?: boolean;
}

/**
 * Cross-entropy of independent yes/no outputs, mean over the outputs.
 * Prediction: probabilities [batch, n] (best straight from a sigmoid); target: 0/1 (or in between), [batch, n] or [batch].
 */
export function binaryCrossentropy({
  labelSmoothing = 0,
  classWeights,
  fromLogits = false,
}: CrossEntropyOptions = {}): Loss {
  const name = 'binaryCrossentropy';
  assertSmoothing(labelSmoothing);
  if (classWeights !== undefined) assertClassWeights(name, classWeights, 2);
  const weigh = (target: Value): Value | null => {
    const [negative = 1, positive = 1] = classWeights ?? [];
    return classWeights === undefined ? null : add(mul(target, positive - negative), negative);
  };
  return {
    name,
    targetDType: 'float32',
    perRow(prediction, target, batch) {
      assertEnding(prediction, { loss: name, activation: 'sigmoid', fromLogits, inputs: batch?.inputs.values() });
      const aligned = alignTarget(prediction, target, name);
      const smooth = labelSmoothing === 0 ? aligned : add(mul(aligned, 1 - labelSmoothing), labelSmoothing / 2);
      const logits = fromLogits ? prediction : inputOf(prediction, 'Sigmoid');
      if (logits !== null) return weightedRowMean(sub(softplus(logits), mul(logits, smooth)), weigh(aligned));
      const p = clip(prediction, 1e-7, 1 - 1e-7); // the bounds Keras uses
      const losses = neg(add(mul(smooth, log(p)), mul(sub(1, smooth), log(sub(1, p)))));
      return weightedRowMean(losses, weigh(aligned));
    },
    ...(classWeights === undefined ? {} : { rowWeights: (target: Value) => rowMean(weigh(target) ?? target) }),
    assertTargets: (target) => assertShares(name, target),
  };
}

/**
 * Cross-entropy against a distribution over classes.
 * Prediction: probabilities [batch, ..., classes] (best straight from a softmax); target: the same shape.
 */
export function categoricalCrossentropy({
  labelSmoothing = 0,
  classWeights,
  fromLogits = false,
}: CrossEntropyOptions = {}): Loss {
  const name = 'categoricalCrossentropy';
  assertSmoothing(labelSmoothing);
  const weigh = (target: Value): Value | null =>
    classWeights === undefined ? null : reduceSum(mul(target, weightRow(classWeights, target.dtype)), { axes: [-1] });
  return {
    name,
    targetDType: 'float32',
    perRow(prediction, target, batch) {
      assertEnding(prediction, { loss: name, activation: 'softmax', fromLogits, inputs: batch?.inputs.values() });
      if (!sameShape(prediction.shape, target.shape)) throw mismatch(name, prediction, target.shape);
      if (classWeights !== undefined) assertClassWeights(name, classWeights, classesOf(name, prediction));
      return weightedRowMean(crossEntropy(prediction, smoothed(target, labelSmoothing), fromLogits), weigh(target));
    },
    ...(classWeights === undefined ? {} : { rowWeights: (target: Value) => rowMean(weigh(target) ?? target) }),
    assertTargets: (target) => assertShares(name, target),
  };
}

/**
 * Cross-entropy against class indices.
 * Prediction: probabilities [batch, ..., classes] (best straight from a softmax); target: int64 [batch, ...].
 */
export function sparseCategoricalCrossentropy({
  labelSmoothing = 0,
  classWeights,
  fromLogits = false,
}: CrossEntropyOptions = {}): Loss {
  const name = 'sparseCategoricalCrossentropy';
  assertSmoothing(labelSmoothing);
  const weigh = (labels: Value): Value | null =>
    classWeights === undefined ? null : gather(weightRow(classWeights), labels);
  return {
    name,
    targetDType: 'int64',
    perRow(prediction, target, batch) {
      assertEnding(prediction, { loss: name, activation: 'softmax', fromLogits, inputs: batch?.inputs.values() });
      const classes = classesOf(name, prediction);
      if (classWeights !== undefined) assertClassWeights(name, classWeights, classes);
      const labels = reshapeTarget(target, prediction.shape.slice(0, -1), name);
      const logits = fromLogits ? prediction : inputOf(prediction, 'Softmax');
      const losses =
        classes >= MANY_CLASSES && logits !== null
          ? labelLosses(logits, labels, labelSmoothing)
          : crossEntropy(prediction, smoothed(oneHot(labels, classes, prediction.dtype), labelSmoothing), fromLogits);
      return weightedRowMean(losses, weigh(labels));
    },
    ...(classWeights === undefined ? {} : { rowWeights: (target: Value) => rowMean(weigh(target) ?? target) }),
    assertTargets: (target, prediction) => assertClassIndices(name, target, prediction),
  };
}

/** From so many classes on: a row of zeros and a one per target is taken from an identity matrix, classes by classes. */
const MANY_CLASSES = 256;

/** max(0, 1 − y · prediction) with y = ±1; targets of 0 and 1 are taken as −1 and 1. */
export const hinge: Loss = {
  name: 'hinge',
  targetDType: 'float32',
  perRow(prediction, target) {
    const aligned = alignTarget(prediction, target, 'hinge');
    const sign = where(lessOrEqual(aligned, 0), scalar(prediction.dtype, -1), 1);
    return rowMean(relu(sub(1, mul(sign, prediction))));
  },
  assertTargets: (target) => assertSigns('hinge', target),
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

/** @throws INVALID_ARGUMENT for what is no loss and none of the standard names */
export function lossFor(choice: Loss | LossName): Loss {
  if (typeof choice === 'object' && choice !== null) return choice;
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
    assertTargets: (target) => assertFiniteTargets(name, target),
  };
}

/** −Σ target · log prediction over the last axis. */
function crossEntropy(prediction: Value, distribution: Value, fromLogits: boolean): Value {
  return neg(reduceSum(mul(distribution, logProbabilities(prediction, fromLogits)), { axes: [-1] }));
}

/** Over the last axis; by the logits where the prediction is their softmax. */
export function logProbabilities(prediction: Value, fromLogits: boolean): Value {
  const logits = fromLogits ? prediction : inputOf(prediction, 'Softmax');
  return logits === null ? log(clip(prediction, 1e-7, 1)) : logSoftmax(logits);
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

/**
 * The mean over everything but the batch, each element counting by its weight. A row's own weight is then the mean of its
 * elements', so that the mean over rows is the weighted mean over all elements.
 */
function weightedRowMean(losses: Value, weights: Value | null): Value {
  if (weights === null || losses.shape.length < 2) return rowMean(losses);
  const typed = cast(weights, losses.dtype);
  return div(rowMean(mul(losses, typed)), maximum(rowMean(typed), 1e-12));
}

/** The target in the prediction's shape, where only axes of size 1 differ ([batch] against [batch, 1]). */
export function alignTarget(prediction: Value, target: Value, operation: string): Value {
  return reshapeTarget(target, prediction.shape, operation);
}

function reshapeTarget(target: Value, shape: Shape, operation: string): Value {
  if (sameShape(target.shape, shape)) return target;
  const significant = (sizes: Shape): Shape => sizes.filter((size) => size !== 1);
  if (!sameShape(significant(target.shape), significant(shape))) {
    throw new AmaasError(
      'INVALID_GRAPH',
      `${operation}: the targets have shape ${formatShape(target.shape)}, the network's output needs ${formatShape(shape)}`,
    );
  }
  return reshape(target, shape);
}

function weightRow(weights: readonly number[], dtype: DType = 'float32'): Value {
  return constantOf(dtype, [weights.length], weights);
}

function mismatch(operation: string, prediction: Value, target: Shape): AmaasError {
  return new AmaasError(
    'INVALID_GRAPH',
    `${operation}: expected predictions and targets of one shape with the classes last, got ${formatShape(prediction.shape)} and ${formatShape(target)}`,
  );
}

export function classesOf(operation: string, prediction: Value): number {
  const classes = prediction.shape.at(-1);
  if (typeof classes !== 'number' || prediction.shape.length < 2) throw mismatch(operation, prediction, []);
  return classes;
}

function assertClassWeights(operation: string, weights: readonly number[], classes: number): void {
  if (weights.length === classes && weights.every((weight) => Number.isFinite(weight) && weight >= 0)) return;
  throw new AmaasError(
    'INVALID_ARGUMENT',
    `${operation}: classWeights must be ${classes} finite numbers of at least 0, got ${weights.join(', ')}`,
  );
}

export function assertSmoothing(labelSmoothing: number): void {
  if (!(labelSmoothing >= 0 && labelSmoothing < 1)) {
    throw new AmaasError('INVALID_ARGUMENT', `loss: labelSmoothing must be in [0, 1), got ${labelSmoothing}`);
  }
}
