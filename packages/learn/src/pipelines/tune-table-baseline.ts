// What no model at all achieves on the validation rows: the class shares or the mean of the training part.
import type { Tensor } from '@amaas/core';
import type { TableModelOptions } from './choose-network.ts';
import type { TableExamples } from './table-preparation.ts';

/** A candidate by what it does on the validation rows. */
export interface ValidatedCandidate {
  readonly name: string;
  /** Null for what was not trained. */
  readonly options: TableModelOptions | null;
  /** As in training: cross-entropy, or the squared error in standard deviations of the target. Null where infinite. */
  readonly validationLoss: number | null;
  readonly validationMetrics: Readonly<Record<string, number>>;
}

/** `Majority`: the class shares as probabilities; of a regression `Mean`. */
export function constantCandidate({ target, training, validation }: TableExamples): ValidatedCandidate {
  const known = numbersOf(training.target);
  const truth = numbersOf(validation.target);
  if (target.task === 'regression') {
    const mean = average(known);
    const squaredError = average(truth.map((value) => (value - mean) ** 2));
    return { name: 'Mean', options: null, validationLoss: squaredError, validationMetrics: { squaredError } };
  }
  const shares = target.classes.map((_, code) => known.filter((label) => label === code).length / known.length);
  const majority = shares.indexOf(Math.max(...shares));
  const loss = average(truth.map((label) => -Math.log(shares[label] ?? 0)));
  const accuracy = average(truth.map((label) => Number(label === majority)));
  return {
    name: 'Majority',
    options: null,
    validationLoss: Number.isFinite(loss) ? loss : null,
    validationMetrics: { accuracy },
  };
}

function numbersOf({ data }: Tensor): readonly number[] {
  return Array.from<unknown, number>(data, Number);
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
