// The plots of a classifier: ROC, precision-recall, calibration; and the course of a training.
import { tableHtml, userHtml, valuesTable } from './html.ts';
import { formatCount, formatMetric, formatNumber, NO_VALUE } from './number-text.ts';
import { type Axis, type Legend, linePath, lineClass, plotHtml, round, shortNumber } from './plot.ts';
import type { CalibrationResult, ClassCurves, ClassResult, EvaluationReport, TrainingCurve } from './report.ts';

const SHARE_TICKS = [0, 0.2, 0.4, 0.6, 0.8, 1];

function shareAxis(label: string): Axis {
  return { label, lowest: 0, highest: 1, ticks: SHARE_TICKS };
}

/** ROC curves, with the diagonal of guessing. */
export function rocPlot({ curves, classes }: EvaluationReport): string {
  const areaOf = (name: string): string => formatMetric('rocAuc', classOf(classes, name)?.rocAuc ?? null);
  return plotHtml(
    {
      id: 'roc',
      title: 'ROC curve',
      description: `True positive rate against false positive rate. ${describeAreas(curves, areaOf)}`,
      x: shareAxis('False positive rate'),
      y: shareAxis('True positive rate'),
      legend: legendOf(curves, areaOf),
      draw: (x, y) =>
        `<path class="guide" d="${linePath(
          [
            [0, 0],
            [1, 1],
          ],
          x,
          y,
        )}"/>${curves
          .map(
            ({ roc }, i) =>
              `<path class="${lineClass(i)}" d="${linePath(
                roc.map(([fpr, tpr]) => [fpr, tpr]),
                x,
                y,
              )}"/>`,
          )
          .join('')}`,
    },
    curveTable('ROC curve', curves, {
      header: ['False positive rate', 'True positive rate', 'Threshold'],
      pointsOf: ({ roc }) => roc,
    }),
  );
}

/** Precision-recall curves, with the precision of guessing where there is one curve. */
export function precisionRecallPlot({ curves, classes }: EvaluationReport): string {
  const areaOf = (name: string): string =>
    formatMetric('averagePrecision', classOf(classes, name)?.averagePrecision ?? null);
  const [only] = curves;
  return plotHtml(
    {
      id: 'precision-recall',
      title: 'Precision-recall curve',
      description: `Precision against recall. ${describeAreas(curves, areaOf)}`,
      x: shareAxis('Recall'),
      y: shareAxis('Precision'),
      legend: legendOf(curves, areaOf),
      draw: (x, y) => {
        const chance = only !== undefined && curves.length === 1 ? only.prevalence : null;
        const guide =
          chance === null
            ? ''
            : `<path class="guide" d="${linePath(
                [
                  [0, chance],
                  [1, chance],
                ],
                x,
                y,
              )}"/>`;
        return `${guide}${curves.map(({ precisionRecall }, i) => `<path class="${lineClass(i)}" d="${linePath(steps(precisionRecall), x, y)}"/>`).join('')}`;
      },
    },
    curveTable('Precision-recall curve', curves, {
      header: ['Recall', 'Precision', 'Threshold'],
      pointsOf: ({ precisionRecall }) => precisionRecall,
    }),
  );
}

/** Average precision is the area under steps, so steps are drawn; the last one, up to precision 1 at recall 0, bounds none. */
function steps(points: ClassCurves['precisionRecall']): readonly (readonly [number, number])[] {
  return points.flatMap(([recall, precision], i) => {
    const before = points[i - 1];
    const corner: readonly (readonly [number, number])[] = before === undefined ? [] : [[recall, before[1]]];
    return i === points.length - 1 ? corner : [...corner, [recall, precision] as const];
  });
}

/** Predicted against observed frequency; a dot's area is its rows. */
export function calibrationPlot(calibration: CalibrationResult): string {
  const { bins, of } = calibration;
  const most = Math.max(...bins.map(({ rows }) => rows));
  return plotHtml(
    {
      id: 'calibration',
      title: `Calibration of the ${of}`,
      description: `Observed share against mean predicted probability in ${bins.length} bins; on the diagonal probabilities mean what they say. Expected calibration error ${formatMetric('expectedCalibrationError', calibration.expectedCalibrationError)}.`,
      x: shareAxis('Mean predicted probability'),
      y: shareAxis('Observed share'),
      draw: (x, y) => {
        const points = bins.map(({ meanProbability, observedShare }) => [meanProbability, observedShare] as const);
        const dots = bins.map(
          ({ meanProbability, observedShare, rows }) =>
            `<circle class="dot s0" cx="${round(x(meanProbability))}" cy="${round(y(observedShare))}" r="${round(2.5 + 6 * Math.sqrt(rows / most))}"><title>predicted ${formatMetric('precision', meanProbability)}, observed ${formatMetric('precision', observedShare)}, ${formatCount(rows)} rows</title></circle>`,
        );
        return `<path class="guide" d="${linePath(
          [
            [0, 0],
            [1, 1],
          ],
          x,
          y,
        )}"/><path class="${lineClass(0)} thin" d="${linePath(points, x, y)}"/>${dots.join('')}`;
      },
    },
    valuesTable(
      tableHtml({
        caption: `Calibration of the ${of}`,
        header: ['Probability', 'Rows', 'Predicted', 'Observed'],
        rows: bins.map(({ lower, upper, rows, meanProbability, observedShare }) => [
          `${formatNumber(lower)} … ${formatNumber(upper)}`,
          formatCount(rows),
          formatMetric('precision', meanProbability),
          formatMetric('precision', observedShare),
        ]),
      }),
    ),
  );
}

/** One plot per measured quantity; logarithmic where values spread over more than a factor of 50. */
export function trainingPlots(curves: readonly TrainingCurve[]): string {
  const quantities = [...new Set(curves.map(({ quantity }) => quantity))];
  return quantities
    .map((quantity, i) =>
      trainingPlot(
        quantity,
        curves.filter((curve) => curve.quantity === quantity),
        `training-${i}`,
      ),
    )
    .join('\n');
}

function trainingPlot(quantity: string, curves: readonly TrainingCurve[], id: string): string {
  const shown = curves.map((curve) => ({ ...curve, points: everyNth(curve.points, 400) }));
  const finite = shown.flatMap(({ points }) =>
    points.flatMap(([x, y]) => (Number.isFinite(x) && y !== null && Number.isFinite(y) ? [[x, y] as const] : [])),
  );
  if (finite.length === 0) return '';
  const [lowX, highX] = extent(finite.map(([x]) => x));
  const [low, high] = extent(finite.map(([, y]) => y));
  const isLog = low > 0 && high / low > 50;
  const pad = isLog ? 0 : (high - low) * 0.05 || Math.abs(high) * 0.05 || 1;
  const unit = curves[0]?.unit ?? '';
  const last = shown.map(({ part, points }) => `${part} ends at ${formatNumber(points.at(-1)?.[1] ?? Number.NaN)}`);
  return plotHtml(
    {
      id,
      title: `Training: ${quantity}`,
      description: `${quantity} by ${unit}; ${last.join(', ')}.`,
      x: { label: unit, lowest: lowX, highest: highX > lowX ? highX : lowX + 1, format: shortNumber },
      y: {
        label: quantity,
        lowest: low - pad,
        highest: (isLog ? high * 1.05 : high) + pad,
        scale: isLog ? 'log' : 'linear',
        format: shortNumber,
      },
      legend: shown.map(({ part }, series) => ({ name: part, series })),
      draw: (x, y) =>
        shown.map(({ points }, i) => `<path class="${lineClass(i)}" d="${linePath(points, x, y)}"/>`).join(''),
    },
    valuesTable(
      tableHtml({
        caption: `Training: ${quantity}`,
        header: ['Part', userHtml(unit), userHtml(quantity)],
        rows: shown.flatMap(({ part, points }) =>
          everyNth(points, 20).map(([x, y]) => [userHtml(part), formatNumber(x), formatNumber(y ?? Number.NaN)]),
        ),
      }),
    ),
  );
}

/** At most about `most` of the points, the last included. */
function everyNth<T>(points: readonly T[], most: number): readonly T[] {
  const step = Math.max(1, Math.ceil(points.length / most));
  return points.filter((_, i) => i % step === 0 || i === points.length - 1);
}

function extent(values: readonly number[]): readonly [number, number] {
  return [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
}

function classOf(classes: readonly ClassResult[], name: string): ClassResult | undefined {
  return classes.find(({ className }) => className === name);
}

function legendOf(curves: readonly ClassCurves[], areaOf: (name: string) => string): readonly Legend[] {
  return curves.map(({ className }, series) => ({ name: `${className} (area ${areaOf(className)})`, series }));
}

function describeAreas(curves: readonly ClassCurves[], areaOf: (name: string) => string): string {
  return `Area under the curve: ${curves.map(({ className }) => `${className} ${areaOf(className)}`).join(', ')}.`;
}

function curveTable(
  caption: string,
  curves: readonly ClassCurves[],
  { header, pointsOf }: { header: readonly string[]; pointsOf: (curve: ClassCurves) => ClassCurves['roc'] },
): string {
  const rows = curves.flatMap((curve) =>
    everyNth(pointsOf(curve), curves.length > 3 ? 8 : 20).map(([x, y, threshold]) => [
      userHtml(curve.className),
      formatMetric('precision', x),
      formatMetric('precision', y),
      threshold === null ? NO_VALUE : formatNumber(threshold),
    ]),
  );
  return valuesTable(tableHtml({ caption: `${caption}, some points`, header: ['Class', ...header], rows }));
}
