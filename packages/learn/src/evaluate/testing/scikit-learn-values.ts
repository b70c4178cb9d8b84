// Values of scikit-learn 1.9.1 with default arguments, made once. Inputs have ties and uneven weights (one of them 0):
// `binary` 40 rows with scores mostly rounded to 0.1, `multiclass` 48 rows of 4 classes with probabilities in steps of
// 1/20, `regression` 26 rows. `plain` is without and `weighted` with sample_weight. `macro`, `micro`, `weighted`,
// `binary`: precision, recall, F1 of precision_recall_fscore_support(average=…); `classes`: the same per class with the
// support. roc: fpr, tpr, thresholds after the infinite one. pr: precision, recall, thresholds. calibration_*: prob_true,
// prob_pred of calibration_curve(n_bins=7). ece: by numpy, 10 bins. `gaps`: class 3 only predicted, class 2 never.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

type Numbers = readonly number[];
type Columns = readonly Numbers[];

export interface DecisionValues {
  readonly confusion: Numbers;
  readonly accuracy: number;
  readonly balancedAccuracy: number;
  readonly matthews: number;
  readonly macro: Numbers;
  readonly micro: Numbers;
  readonly weighted: Numbers;
  readonly classes: Columns;
}

export interface BinaryValues extends DecisionValues {
  readonly binary: Numbers;
  readonly rocAuc: number;
  readonly averagePrecision: number;
  readonly roc: Columns;
  readonly pr: Columns;
  readonly logLoss: number;
  readonly brier: number;
}

export interface MulticlassValues extends DecisionValues {
  readonly auc_macro: number;
  readonly auc_weighted: number;
  readonly ap_macro: number;
  readonly ap_weighted: number;
  readonly logLoss: number;
  readonly brier: number;
  /** For k = 1, 2, 3. */
  readonly topK: Numbers;
}

interface Decisions extends DecisionValues {
  readonly labels: Numbers;
  readonly predictions: Numbers;
}

interface ScikitLearnValues {
  readonly binary: {
    readonly labels: Numbers;
    readonly scores: Numbers;
    readonly weights: Numbers;
    readonly plain: BinaryValues;
    readonly weighted: BinaryValues;
    readonly float32LogLoss: number;
    readonly calibration_uniform: Columns;
    readonly calibration_quantile: Columns;
    readonly ece: number;
  };
  readonly multiclass: {
    readonly labels: Numbers;
    readonly scores: Numbers;
    readonly weights: Numbers;
    readonly classes: number;
    readonly plain: MulticlassValues;
    readonly weighted: MulticlassValues;
  };
  readonly gaps: Decisions;
  readonly oneClass: Decisions;
  readonly onePrediction: Decisions;
  readonly regression: {
    readonly targets: Numbers;
    readonly predictions: Numbers;
    readonly weights: Numbers;
    readonly plain: Readonly<Record<string, number>>;
    readonly weighted: Readonly<Record<string, number>>;
    readonly withZero: number;
    readonly constantWrong: number;
    readonly constantRight: number;
  };
  readonly none: { readonly ap_none: number; readonly pr_none: Columns };
}

const text = readFileSync(join(import.meta.dirname, 'scikit-learn-values.json'), 'utf8');

export const scikitLearnValues = JSON.parse(text) as ScikitLearnValues; // the file beside was written in this form

/** Asserts that numbers agree to a relative tolerance. */
export function assertClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance = 1e-12): void {
  assert.equal(actual.length, expected.length);
  for (let i = 0; i < expected.length; i++) {
    const [got = Number.NaN, wanted = Number.NaN] = [actual[i], expected[i]];
    assert(
      Math.abs(got - wanted) <= tolerance * Math.max(1e-3, Math.abs(wanted)),
      `[${i}]: ${got}, expected ${wanted}`,
    );
  }
}
