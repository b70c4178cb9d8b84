// Metrics that training shows while it runs: one number per row, averaged over an epoch. The honest ones are `evaluate`'s.
import { AmaasError } from '@amaas/core';
import { abs, argMax, cast, equal, greater, sameShape, square, sub, type Value } from '../graph/index.ts';
import { alignTarget, rowMean } from './losses.ts';

export interface Metric {
  readonly name: string;
  /** Whether more is better. */
  readonly higherIsBetter: boolean;
  /** @returns float32 [batch] */
  perRow(prediction: Value, target: Value): Value;
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
