// What was predicted for what, counted; and every classification metric that needs nothing else.
// Definitions follow scikit-learn 1.9 with its default arguments.
import { checkLabels, checkLength, checkWeights } from './check-rows.ts';

/** Weighted counts of (actual class, predicted class) pairs. */
export interface ConfusionMatrix {
  readonly classes: number;
  /** [classes, classes] row-major: actual class by predicted class. */
  readonly counts: Float64Array;
}

export interface PredictedRows {
  /** Class index of every row, 0 … classes − 1. */
  readonly labels: ArrayLike<number>;
  /** Predicted class index of every row. */
  readonly predictions: ArrayLike<number>;
  readonly classes: number;
  /** Weight of every row, ≥ 0; default 1 each. */
  readonly weights?: ArrayLike<number> | undefined;
}

/** @throws INVALID_ARGUMENT on different lengths; INVALID_DATA on no rows, an unknown class or a bad weight. */
export function computeConfusionMatrix({ labels, predictions, classes, weights }: PredictedRows): ConfusionMatrix {
  checkLength('confusionMatrix', labels.length, { name: 'predictions', length: predictions.length });
  checkLabels('confusionMatrix', labels, { name: 'label', classes });
  checkLabels('confusionMatrix', predictions, { name: 'prediction', classes });
  checkWeights('confusionMatrix', labels.length, weights);
  return countPairs({ labels, predictions, classes, weights });
}

/** {@link computeConfusionMatrix} for rows that were checked before. */
export function countPairs({ labels, predictions, classes, weights }: PredictedRows): ConfusionMatrix {
  const counts = new Float64Array(classes * classes);
  for (let row = 0; row < labels.length; row++) {
    const cell = (labels[row] ?? 0) * classes + (predictions[row] ?? 0);
    counts[cell] = (counts[cell] ?? 0) + (weights === undefined ? 1 : (weights[row] ?? 0));
  }
  return { classes, counts };
}

/** Precision, recall and F1 of one class against the rest; each 0 where it would divide by zero. */
export interface ClassScores {
  /** Weight of the rows that are of the class. */
  readonly support: number;
  /** Weight of the rows predicted as the class. */
  readonly predicted: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

/** {@link ClassScores} of every class. */
export function computeClassScores({ classes, counts }: ConfusionMatrix): readonly ClassScores[] {
  const supports = new Float64Array(classes);
  const predicted = new Float64Array(classes);
  for (let actual = 0; actual < classes; actual++) {
    let support = 0;
    for (let other = 0; other < classes; other++) {
      const count = counts[actual * classes + other] ?? 0;
      support += count;
      predicted[other] = (predicted[other] ?? 0) + count;
    }
    supports[actual] = support;
  }
  return Array.from({ length: classes }, (_, k): ClassScores => {
    const right = counts[k * classes + k] ?? 0;
    const [support, called] = [supports[k] ?? 0, predicted[k] ?? 0];
    return {
      support,
      predicted: called,
      precision: divide(right, called),
      recall: divide(right, support),
      f1: divide(2 * right, support + called),
    };
  });
}

/** How the scores of the classes become one number. */
export type Averaging = 'macro' | 'weighted' | 'micro';

/**
 * Averaged precision, recall and F1. `macro`: plain mean over the classes that occur among labels or predictions;
 * `weighted`: by support; `micro`: over all decisions together (equal to accuracy, as every row has one class).
 * @param scores - of the matrix, where they are known already
 */
export function averageClassScores(
  matrix: ConfusionMatrix,
  averaging: Averaging,
  scores: readonly ClassScores[] = computeClassScores(matrix),
): Pick<ClassScores, 'precision' | 'recall' | 'f1'> {
  if (averaging === 'micro') {
    const accuracy = computeAccuracy(matrix, scores);
    return { precision: accuracy, recall: accuracy, f1: accuracy };
  }
  let total = 0;
  let [precision, recall, f1] = [0, 0, 0];
  for (const score of scores) {
    const weight = averaging === 'weighted' ? score.support : Number(score.support + score.predicted > 0);
    total += weight;
    precision += weight * score.precision;
    recall += weight * score.recall;
    f1 += weight * score.f1;
  }
  return { precision: divide(precision, total), recall: divide(recall, total), f1: divide(f1, total) };
}

/** Share of the rows that were predicted right; NaN without any weight. */
export function computeAccuracy(matrix: ConfusionMatrix, scores = computeClassScores(matrix)): number {
  return rightOf(matrix) / rowsOf(scores);
}

/** Mean recall of the classes that have rows. */
export function computeBalancedAccuracy(matrix: ConfusionMatrix, scores = computeClassScores(matrix)): number {
  const present = scores.filter(({ support }) => support > 0);
  return present.reduce((sum, { recall }) => sum + recall, 0) / present.length;
}

/** Matthews' correlation of labels and predictions, −1 … 1; 0 where either is of one class only. */
export function computeMatthewsCorrelation(matrix: ConfusionMatrix, scores = computeClassScores(matrix)): number {
  const rows = rowsOf(scores);
  let [together, labelSquares, predictedSquares] = [0, 0, 0];
  for (const { support, predicted } of scores) {
    together += support * predicted;
    labelSquares += support * support;
    predictedSquares += predicted * predicted;
  }
  const product = (rows * rows - labelSquares) * (rows * rows - predictedSquares);
  return product > 0 ? (rightOf(matrix) * rows - together) / Math.sqrt(product) : 0;
}

/** The class with the highest score of every row, the first of equal ones. @param scores - [rows, classes] row-major */
export function predictClasses(scores: ArrayLike<number>, classes: number): Int32Array {
  const predictions = new Int32Array(scores.length / classes);
  for (let row = 0; row < predictions.length; row++) {
    let best = 0;
    for (let k = 1; k < classes; k++) {
      if ((scores[row * classes + k] ?? 0) > (scores[row * classes + best] ?? 0)) best = k;
    }
    predictions[row] = best;
  }
  return predictions;
}

function rightOf({ classes, counts }: ConfusionMatrix): number {
  let right = 0;
  for (let k = 0; k < classes; k++) right += counts[k * classes + k] ?? 0;
  return right;
}

function rowsOf(scores: readonly ClassScores[]): number {
  return scores.reduce((sum, { support }) => sum + support, 0);
}

function divide(numerator: number, denominator: number): number {
  return denominator === 0 ? 0 : numerator / denominator;
}
