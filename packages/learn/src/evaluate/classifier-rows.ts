// Checks what a caller says about a classifier's scores and brings it into one form.
import { AmaasError } from '@amaas/core';
import { checkFinite, checkLabels, checkMatrix, checkProbabilities, checkWeights } from './check-rows.ts';
import type { ClassifierRows } from './classifier-sample.ts';
import { predictClasses } from './confusion-matrix.ts';
import { checkNames, type EvaluationOptions } from './evaluation-options.ts';
import { MOST_RESAMPLED_ROWS } from './sample.ts';

/** Scores of a classifier: [rows, classes] row-major, or for two classes [rows] with the score of the second. */
export type ClassifierScores = Float32Array | Float64Array | readonly number[];

export interface ClassifierEvaluation extends EvaluationOptions {
  /** Class index of every row. */
  readonly labels: ArrayLike<number>;
  /** Name of every class, by index; at least two, all different. */
  readonly classNames: readonly string[];
  readonly scores: ClassifierScores;
  /** `margin`: any numbers, higher is more likely, so neither log loss nor calibration; default `probability`. */
  readonly scoreKind?: 'probability' | 'margin';
  /** Two classes only: the one that precision, recall and curves are about; default the second. */
  readonly positiveClass?: string;
  /** Two classes only: the positive class is predicted from this score of it on; default 0.5, of a margin 0. */
  readonly threshold?: number;
  /** More than two classes: which k to give top-k accuracy for; default 3 and 5, where there are more classes. */
  readonly topK?: readonly number[];
  /** Labels of the training rows: what the majority baseline learns from; default the evaluated labels. */
  readonly trainingLabels?: ArrayLike<number>;
  /** Further models to stand beside this one, with scores for the same rows. */
  readonly baselines?: readonly {
    readonly name: string;
    readonly description?: string;
    readonly scores: ClassifierScores;
  }[];
}

/** Row visits of 200 resamples beyond which areas under curves are left out: minutes. */
const MOST_RANKED_VISITS = 2e9;

/** Row visits of measuring such rows once, as far as they are resampled. */
export function visitsOf({ labels, classes, ranked }: ClassifierRows): number {
  const perRow = 5 + (ranked ? (classes === 2 ? 2 : classes) : 0);
  return Math.min(labels.length, MOST_RESAMPLED_ROWS) * perRow + 2 * classes * classes;
}

/** @throws INVALID_ARGUMENT and INVALID_DATA, naming what is wrong. */
export function prepareClassifier(input: ClassifierEvaluation): ClassifierRows {
  const operation = 'evaluateClassifier';
  const { labels, classNames } = input;
  const classes = classNames.length;
  if (classes < 2) {
    throw new AmaasError('INVALID_ARGUMENT', `${operation}: expects at least 2 classes, got ${classes}`);
  }
  checkNames(operation, 'class name', classNames);
  checkLabels(operation, labels, { name: 'label', classes });
  checkWeights(operation, labels.length, input.weights);
  const positive = classes === 2 ? positiveIndex(input) : null;
  for (const [name, isForTwo] of [
    ['threshold', true],
    ['positiveClass', true],
    ['topK', false],
  ] as const) {
    if (input[name] !== undefined && isForTwo !== (classes === 2)) {
      const wanted = isForTwo ? 'two classes' : 'more than two classes';
      throw new AmaasError('INVALID_ARGUMENT', `${operation}: ${name} is for ${wanted}, got ${classes}`);
    }
  }
  const areProbabilities = input.scoreKind !== 'margin';
  const scores = prepareScores(operation, input.scores, { rows: labels.length, classes, areProbabilities });
  return {
    labels,
    classes,
    scores,
    weights: input.weights,
    areProbabilities,
    positive,
    predictions: decide(scores, { classes, positive, threshold: thresholdOf(input) }),
    topK: classes === 2 ? [] : topKOf(input.topK ?? [3, 5].filter((k) => k < classes), classes),
    ranked: Math.min(labels.length, MOST_RESAMPLED_ROWS) * classes * 200 <= MOST_RANKED_VISITS,
  };
}

/** The same rows scored by another model. */
export function rescoreClassifier(
  rows: ClassifierRows,
  { input, name, scores: given }: { input: ClassifierEvaluation; name: string; scores: ClassifierScores },
): ClassifierRows {
  const { classes, positive, areProbabilities } = rows;
  const operation = `evaluateClassifier: baseline "${name}"`;
  const scores = prepareScores(operation, given, { rows: rows.labels.length, classes, areProbabilities });
  return { ...rows, scores, predictions: decide(scores, { classes, positive, threshold: thresholdOf(input) }) };
}

export function thresholdOf({ threshold, scoreKind }: ClassifierEvaluation): number {
  return threshold ?? (scoreKind === 'margin' ? 0 : 0.5);
}

interface Form {
  readonly rows: number;
  readonly classes: number;
  readonly areProbabilities: boolean;
}

function prepareScores(
  operation: string,
  given: ClassifierScores,
  { rows, classes, areProbabilities }: Form,
): Float32Array | Float64Array {
  const isSecondOnly = classes === 2 && given.length === rows && rows > 0;
  if (!isSecondOnly) checkMatrix(operation, [rows, classes], { name: 'scores', length: given.length });
  checkFinite(operation, 'score', given);
  if (areProbabilities) checkProbabilities(operation, given, { rows, classes });
  const scores = 'buffer' in given ? given : Float64Array.from(given);
  if (!isSecondOnly) return scores;
  const both = scores instanceof Float32Array ? new Float32Array(rows * 2) : new Float64Array(rows * 2);
  for (let row = 0; row < rows; row++) {
    const second = scores[row] ?? 0;
    both[row * 2] = areProbabilities ? 1 - second : -second;
    both[row * 2 + 1] = second;
  }
  return both;
}

function decide(
  scores: ArrayLike<number>,
  { classes, positive, threshold }: { classes: number; positive: number | null; threshold: number },
): Int32Array {
  if (positive === null) return predictClasses(scores, classes);
  return Int32Array.from({ length: scores.length / 2 }, (_, row) =>
    (scores[row * 2 + positive] ?? 0) >= threshold ? positive : 1 - positive,
  );
}

function positiveIndex({ positiveClass, classNames }: ClassifierEvaluation): number {
  if (positiveClass === undefined) return 1;
  const index = classNames.indexOf(positiveClass);
  if (index >= 0) return index;
  throw new AmaasError(
    'INVALID_ARGUMENT',
    `evaluateClassifier: positiveClass "${positiveClass}" is none of "${classNames.join('", "')}"`,
  );
}

function topKOf(topK: readonly number[], classes: number): readonly number[] {
  const wrong = topK.find((k) => !(Number.isSafeInteger(k) && k >= 1 && k < classes));
  if (wrong === undefined) return topK;
  throw new AmaasError(
    'INVALID_ARGUMENT',
    `evaluateClassifier: topK must be whole numbers in 1 … ${classes - 1}, got ${wrong}`,
  );
}
