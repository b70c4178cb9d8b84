// Curves of reports: as many points as a plot can show, not as many as there are rows.
import type { ClassCurves } from './report.ts';
import { orNull } from './report.ts';
import { rankedPrecisionRecallCurve, rankedRocCurve, rankRows, type ScoredRows } from './ranking.ts';

/** Length of curve between kept points; a curve across the unit square is at most 2 long, so about 200 points stay. */
const STEP = 0.01;

/** ROC and precision-recall curve of one class against the rest, thinned. */
export function classCurves(className: string, rows: ScoredRows): ClassCurves {
  const ranking = rankRows(rows);
  const roc = rankedRocCurve(ranking, rows);
  const precision = rankedPrecisionRecallCurve(ranking, rows);
  const rocPoints = Array.from(roc.thresholds, (threshold, i): Point => {
    return [digits(roc.falsePositiveRates[i]), digits(roc.truePositiveRates[i]), orNull(digits(threshold))];
  });
  const precisionPoints = Array.from(precision.recalls, (recall, i): Point => {
    return [digits(recall), digits(precision.precisions[i]), orNull(digits(precision.thresholds[i]))];
  });
  // The precision where everything is called positive is the share of the class.
  return {
    className,
    roc: thin(rocPoints),
    precisionRecall: thin(precisionPoints),
    prevalence: precision.precisions[0] ?? 0,
  };
}

/** Five digits are more than a plot shows and half the JSON. */
function digits(value = Number.NaN): number {
  return Number(value.toPrecision(5));
}

type Point = readonly [number, number, number | null];

/** Keeps the ends and every point that lies a step further along the curve; undefined curves become empty. */
export function thin(points: readonly Point[]): readonly Point[] {
  if (points.some(([x, y]) => Number.isNaN(x) || Number.isNaN(y))) return [];
  let travelled = 0;
  return points.filter(([x, y], i) => {
    const [lastX, lastY] = points[i - 1] ?? [x, y];
    travelled += Math.abs(x - lastX) + Math.abs(y - lastY);
    const isEnd = i === 0 || i === points.length - 1;
    if (!isEnd && travelled < STEP) return false;
    travelled = 0;
    return true;
  });
}
