// The parts of a classifier's report that are not metrics of the whole: classes, mistakes, curves, calibration, warnings.
import type { ClassifierRows } from './classifier-sample.ts';
import { computeClassScores, type ConfusionMatrix } from './confusion-matrix.ts';
import { columnOf, indicatorOf } from './multiclass.ts';
import { computeCalibrationCurve, computeExpectedCalibrationError } from './probability-metrics.ts';
import { rankedAreas, rankRows, type ScoredRows } from './ranking.ts';
import { type CalibrationResult, type ClassCurves, type ClassResult, type Confusion, orNull } from './report.ts';
import { classCurves } from './thin-curve.ts';

/** More rows and columns are not read; the most frequent mistakes are listed all the same. */
const MOST_MATRIX_CLASSES = 100;
/** More lines in one plot cannot be told apart. */
const MOST_CURVES = 10;

export function classResults(
  rows: ClassifierRows,
  matrix: ConfusionMatrix,
  names: readonly string[],
): readonly ClassResult[] {
  return computeClassScores(matrix).map(({ support, precision, recall, f1 }, k): ClassResult => {
    const areas = rows.ranked ? rankedAreas(rankRows(oneVsRest(rows, k)), rows.weights) : null;
    return {
      className: names[k] ?? '',
      support,
      precision,
      recall,
      f1,
      rocAuc: areas === null ? null : orNull(areas.rocAuc),
      // Without a row of the class its average precision is 0 by definition and says nothing.
      averagePrecision: areas === null || support === 0 ? null : areas.averagePrecision,
    };
  });
}

export function matrixRows({ classes, counts }: ConfusionMatrix): readonly (readonly number[])[] | null {
  if (classes > MOST_MATRIX_CLASSES) return null;
  return Array.from({ length: classes }, (_, k) => Array.from(counts.subarray(k * classes, (k + 1) * classes)));
}

export function frequentConfusions(
  { classes, counts }: ConfusionMatrix,
  names: readonly string[],
): readonly Confusion[] {
  const mistakes: Confusion[] = [];
  counts.forEach((count, cell) => {
    const [actual, predicted] = [Math.floor(cell / classes), cell % classes];
    if (actual !== predicted && count > 0) {
      mistakes.push({ actual: names[actual] ?? '', predicted: names[predicted] ?? '', count });
    }
  });
  return mistakes.sort((a, b) => b.count - a.count).slice(0, 20);
}

/** Curves of the positive class, or of the most frequent classes that are neither absent nor alone. */
export function curvesOf(
  rows: ClassifierRows,
  matrix: ConfusionMatrix,
  names: readonly string[],
): readonly ClassCurves[] {
  if (!rows.ranked) return [];
  const scores = computeClassScores(matrix);
  const wanted =
    rows.positive === null
      ? scores
          .map((_, k) => k)
          .sort((a, b) => (scores[b]?.support ?? 0) - (scores[a]?.support ?? 0))
          .slice(0, MOST_CURVES)
          .sort((a, b) => a - b)
      : [rows.positive];
  return wanted.map((k) => classCurves(names[k] ?? '', oneVsRest(rows, k))).filter(({ roc }) => roc.length > 0);
}

export function calibrationOf(rows: ClassifierRows): CalibrationResult | null {
  if (!rows.areProbabilities) return null;
  const { labels, predictions, scores, classes, positive, weights } = rows;
  const chosen = (row: number): number => positive ?? predictions[row] ?? 0;
  const probabilities = Float64Array.from(predictions, (_, row) => scores[row * classes + chosen(row)] ?? 0);
  const outcomes = Uint8Array.from(predictions, (_, row) => Number(labels[row] === chosen(row)));
  const bins = computeCalibrationCurve({ probabilities, outcomes, weights });
  return {
    of: positive === null ? 'predicted class' : 'positive class',
    bins: bins.map(({ lower, upper, rows: count, meanProbability, observedShare }) => ({
      lower,
      upper,
      rows: count,
      meanProbability,
      observedShare,
    })),
    expectedCalibrationError: computeExpectedCalibrationError(bins),
  };
}

/** What a reader has to know about absent, unpredicted and rare classes. */
export function classWarnings(
  rows: ClassifierRows,
  matrix: ConfusionMatrix,
  names: readonly string[],
): readonly string[] {
  const scores = computeClassScores(matrix);
  const namesWhere = (matches: (k: number) => boolean): readonly string[] => names.filter((_, k) => matches(k));
  const absent = namesWhere((k) => scores[k]?.support === 0);
  const unpredicted = namesWhere((k) => scores[k]?.predicted === 0 && (scores[k]?.support ?? 0) > 0);
  const rare = namesWhere((k) => {
    const { support = 0 } = scores[k] ?? {};
    return support > 0 && rows.weights === undefined && support < 10;
  });
  const warnings: string[] = [];
  if (absent.length === names.length - 1) {
    const [only] = names.filter((name) => !absent.includes(name));
    warnings.push(
      `All rows are of the class "${only}": ROC AUC is undefined, and nothing shows whether the model tells the classes apart.`,
    );
  } else if (absent.length > 0) {
    warnings.push(
      `No row is of ${listNames(absent)}: recall counts as 0 there, ROC AUC is undefined, macro means leave out what occurs neither as label nor as prediction.`,
    );
  }
  if (unpredicted.length > 0) {
    warnings.push(`Never predicted: ${listNames(unpredicted)}. Precision and F1 divide by zero there and count as 0.`);
  }
  if (rare.length > 0)
    warnings.push(`Fewer than 10 rows: ${listNames(rare)}. Their precision and recall are little more than anecdotes.`);
  if (!rows.ranked) {
    warnings.push('Areas under curves were left out: so many rows and classes would take minutes to resample.');
  }
  return warnings;
}

function listNames(names: readonly string[]): string {
  const shown = names.slice(0, 5).map((name) => `"${name}"`);
  return names.length > shown.length ? `${shown.join(', ')} and ${names.length - shown.length} more` : shown.join(', ');
}

function oneVsRest({ labels, scores, classes, weights }: ClassifierRows, k: number): ScoredRows {
  return { positives: indicatorOf(labels, k), scores: columnOf(scores, classes, k), weights };
}
