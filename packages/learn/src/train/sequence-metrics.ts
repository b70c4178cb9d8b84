// Metrics of sequences whose rows differ in length: they count the steps that the losses of sequences count.
import { AmaasError, formatShape } from '@amaas/core';
import { argMax, cast, div, equal, maximum, mul, sameShape } from '../graph/index.ts';
import { rowMean } from './losses.ts';
import type { Metric } from './metrics.ts';
import { countingSteps, type SequenceSteps } from './sequence-losses.ts';

/**
 * Share of right steps among all steps of the epoch that count, shown as `accuracy`.
 * Prediction: scores [batch, steps, classes]; target: ids [batch, steps].
 */
export function sequenceAccuracy(steps: SequenceSteps = {}): Metric {
  const name = 'sequenceAccuracy';
  return {
    name: 'accuracy',
    higherIsBetter: true,
    perRow(prediction, target, batch) {
      if (prediction.shape.length !== 3 || !sameShape(prediction.shape.slice(0, -1), target.shape)) {
        throw new AmaasError(
          'INVALID_GRAPH',
          `${name}: expected predictions [batch, steps, classes] and targets [batch, steps], got ${formatShape(prediction.shape)} and ${formatShape(target.shape)}`,
        );
      }
      const counts = countingSteps(target, batch, { ...steps, name });
      const right = cast(equal(argMax(prediction), cast(target, 'int64')), 'float32');
      return div(rowMean(mul(right, counts)), maximum(rowMean(counts), 1e-12));
    },
    rowWeights: (target, batch) => rowMean(countingSteps(target, batch, { ...steps, name })),
  };
}
