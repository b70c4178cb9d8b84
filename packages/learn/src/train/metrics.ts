// Metrics that training shows while it runs: one number per row, averaged over an epoch. The honest ones are `evaluate`'s.
import { AmaasError } from '@amaas/core';
import { abs, argMax, cast, equal, greater, mul, sameShape, square, sub, type Value } from '../graph/index.ts';
import { alignTarget, type LossBatch, rowMean } from './losses.ts';

export interface Metric {
  readonly name: string;
  /** Whether more is better. */
  readonly higherIsBetter: boolean;
  /** @param batch - training gives it always @returns float32 [batch] */
  perRow(prediction: Value, target: Value, batch?: LossBatch): Value;
  /**
   * How much each row counts, float32 [batch], for metrics whose rows differ in that; default: all the same.
   * @param target - as {@link perRow} is given it, and so is `batch`
   */
  rowWeights?(target: Value, batch?: LossBatch): Value;
}

/** A number per row whose sum over an epoch is needed for a metric. */
export interface MetricSum {
  readonly name: string;
  perRow(prediction: Value, target: Value, batch: LossBatch): Value;
}

/** Before a metric's name: the sum of what its rows count. */
export const WEIGHT_OF = 'weight of ';

/** What is added up for some metrics: each one's value, and where rows count differently, what they count. */
export function metricSums(metrics: readonly Metric[]): readonly MetricSum[] {
  return metrics.flatMap((metric): readonly MetricSum[] => {
    const { name } = metric;
    const weigh = metric.rowWeights?.bind(metric);
    if (weigh === undefined) return [metric];
    return [
      {
        name,
        perRow: (prediction, target, batch) => mul(metric.perRow(prediction, target, batch), weigh(target, batch)),
      },
      { name: `${WEIGHT_OF}${name}`, perRow: (_, target, batch) => weigh(target, batch) },
    ];
  });
}

/**
 * Share of right decisions: the largest of several scores against a class index or one-hot row, or a probability above
 * one half against 0/1.
 */
export const accuracy: Metric = {
  name: 'accuracy',
  higherIsBetter: true,
  perRow(prediction, target) {
    const classes = prediction.shape.at(-1);
    if (prediction.shape.length > 1 && classes !== 1) {
      const labels = sameShape(target.shape, prediction.shape) ? argMax(target) : cast(target, 'int64');
      const chosen = argMax(prediction);
      return rowMean(cast(equal(chosen, alignTarget(chosen, labels, 'accuracy')), 'float32'));
    }
    const positive = greater(prediction, 0.5);
    const truth = greater(alignTarget(prediction, cast(target, 'float32'), 'accuracy'), 0.5);
    return rowMean(cast(equal(cast(positive, 'int32'), cast(truth, 'int32')), 'float32'));
  },
};

/** Mean absolute error. */
export const absoluteError: Metric = {
  name: 'absoluteError',
  higherIsBetter: false,
  perRow: (prediction, target) =>
    rowMean(abs(sub(prediction, alignTarget(prediction, cast(target, prediction.dtype), 'absoluteError')))),
};

/** Mean squared error. */
export const squaredError: Metric = {
  name: 'squaredError',
  higherIsBetter: false,
  perRow: (prediction, target) =>
    rowMean(square(sub(prediction, alignTarget(prediction, cast(target, prediction.dtype), 'squaredError')))),
};

const BY_NAME = { accuracy, absoluteError, mae: absoluteError, squaredError, mse: squaredError } as const;

export type MetricName = keyof typeof BY_NAME;

/** @throws INVALID_ARGUMENT for a name that is none of the standard ones */
export function metricFor(choice: Metric | MetricName): Metric {
  if (typeof choice !== 'string') return choice;
  if (Object.hasOwn(BY_NAME, choice)) return BY_NAME[choice];
  throw new AmaasError(
    'INVALID_ARGUMENT',
    `metric: expected one of ${Object.keys(BY_NAME).join(', ')}, got ${String(choice)}`,
  );
}
