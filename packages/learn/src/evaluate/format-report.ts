// A report as text for a terminal: aligned, without colours, at most what fits a screen or two.
import { describeMetric } from './metric-names.ts';
import {
  formatComparison,
  formatCount,
  formatInterval,
  formatMetric,
  formatNumber,
  formatPercent,
  formatPValue,
} from './number-text.ts';
import type { BaselineResult, EvaluationReport, Fact, SliceResult } from './report.ts';
import { formatTable, printable } from './text-table.ts';

/** Larger matrices do not fit a terminal; the most frequent mistakes are listed instead. */
const MOST_MATRIX_CLASSES = 12;
const MOST_CLASS_ROWS = 30;

/** Renders a report as lines of plain text, the last one ended by a line break. */
export function formatReport(report: EvaluationReport): string {
  const sections = [
    headLines(report),
    metricLines(report),
    report.baselines.map((baseline) => comparisonLine(baseline, report.estimation.confidence)),
    classLines(report),
    matrixLines(report),
    calibrationLines(report),
    residualLines(report),
    sliceLines(report),
    factLines('Data', report.data.facts),
    factLines('Model', report.model?.facts),
    factLines('Training', report.training?.facts),
    report.warnings.length === 0 ? [] : ['Mind', ...report.warnings.map((warning) => `  ! ${printable(warning, 400)}`)],
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function headLines({ model, data, n, task, weighted, decision }: EvaluationReport): readonly string[] {
  const subject = model === null ? 'Evaluation' : `Evaluation of ${printable(model.name, 60)}`;
  const rows = `${formatCount(n)} ${weighted ? 'weighted ' : ''}row${n === 1 ? '' : 's'}`;
  return [
    `${subject} on ${printable(data.name, 60)}: ${task}, ${rows}`,
    ...(decision === null
      ? []
      : [
          `Positive class: ${printable(decision.positiveClass)}, predicted from ${formatNumber(decision.threshold)} on`,
        ]),
  ];
}

function metricLines({ metrics, baselines, estimation }: EvaluationReport): readonly string[] {
  return formatTable({
    header: [
      'Metric',
      'Value',
      `${formatPercent(estimation.confidence)} interval`,
      ...baselines.map(({ name }) => printable(name, 20)),
    ],
    rows: metrics.map((metric) => [
      metric.title,
      formatMetric(metric.name, metric.value),
      formatInterval(metric),
      ...baselines.map((baseline) => {
        const found = baseline.metrics.find(({ name }) => name === metric.name);
        return formatMetric(metric.name, found?.value ?? null);
      }),
    ]),
  });
}

function comparisonLine({ name, description, comparison }: BaselineResult, confidence: number): string {
  const { title } = describeMetric(comparison.metric);
  const { distance, interval } = formatComparison(comparison);
  const range = interval === null ? '' : `, ${formatPercent(confidence)} ${interval}`;
  const about = description === '' ? '' : ` (${printable(description, 120)})`;
  return `${title} ${distance} ${printable(name)}${about}${range}, p ${withEquals(formatPValue(comparison.pValue))}`;
}

function withEquals(pValue: string): string {
  return pValue.startsWith('<') ? pValue : `= ${pValue}`;
}

function classLines({ classes }: EvaluationReport): readonly string[] {
  if (classes.length === 0) return [];
  const shown = classes.slice(0, MOST_CLASS_ROWS);
  const table = formatTable({
    header: ['Class', 'Rows', 'Precision', 'Recall', 'F1', 'ROC AUC', 'PR AUC'],
    rows: shown.map((one) => [
      printable(one.className),
      formatCount(one.support),
      formatMetric('precision', one.precision),
      formatMetric('recall', one.recall),
      formatMetric('f1', one.f1),
      formatMetric('rocAuc', one.rocAuc),
      formatMetric('averagePrecision', one.averagePrecision),
    ]),
  });
  return shown.length === classes.length ? table : [...table, `… and ${classes.length - shown.length} more classes`];
}

function matrixLines({ classes, confusionMatrix, confusions }: EvaluationReport): readonly string[] {
  if (classes.length === 0) return [];
  if (confusionMatrix !== null && classes.length <= MOST_MATRIX_CLASSES) {
    const names = classes.map(({ className }) => printable(className, 12));
    const table = formatTable({
      header: ['actual \\ predicted', ...names],
      rows: confusionMatrix.map((counts, k) => [names[k] ?? '', ...counts.map(formatCount)]),
    });
    return ['Confusion matrix', ...table];
  }
  if (confusions.length === 0) return ['No mistakes'];
  const table = formatTable({
    header: ['actual', 'predicted', 'rows'],
    leftColumns: [0, 1],
    rows: confusions.map(({ actual, predicted, count }) => [
      printable(actual),
      printable(predicted),
      formatCount(count),
    ]),
  });
  return ['Most frequent mistakes', ...table];
}

function calibrationLines({ calibration }: EvaluationReport): readonly string[] {
  if (calibration === null) return [];
  const table = formatTable({
    header: ['probability', 'rows', 'predicted', 'observed'],
    rows: calibration.bins.map(({ lower, upper, rows, meanProbability, observedShare }) => [
      `${formatNumber(lower)} … ${formatNumber(upper)}`,
      formatCount(rows),
      formatMetric('precision', meanProbability),
      formatMetric('precision', observedShare),
    ]),
  });
  return [`Calibration of the ${calibration.of}`, ...table];
}

function residualLines({ residuals }: EvaluationReport): readonly string[] {
  if (residuals === null) return [];
  const table = formatTable({
    header: residuals.quantiles.map(([level]) => (level === 0 ? 'least' : level === 1 ? 'most' : formatPercent(level))),
    leftColumns: [],
    rows: [residuals.quantiles.map(([, value]) => formatNumber(value))],
  });
  return ['Prediction − target, quantiles', ...table];
}

function sliceLines({ slices, estimation }: EvaluationReport): readonly string[] {
  const [first] = slices;
  if (first === undefined) return [];
  const rowOf = ({ name, n, metrics, pValue, significantlyWorse }: SliceResult): readonly string[] => [
    printable(name, 40),
    formatCount(n),
    ...metrics.flatMap((metric) => [formatMetric(metric.name, metric.value), formatInterval(metric)]),
    formatPValue(pValue),
    significantlyWorse ? 'worse' : '',
  ];
  const table = formatTable({
    header: [
      'Slice',
      'Rows',
      ...first.metrics.flatMap(({ title }) => [title, formatPercent(estimation.confidence)]),
      'p',
      '',
    ],
    leftColumns: [0, 3 + 2 * first.metrics.length],
    rows: slices.map(rowOf),
  });
  return table;
}

function factLines(heading: string, facts: readonly Fact[] | undefined): readonly string[] {
  if (facts === undefined || facts.length === 0) return [];
  const table = formatTable({
    header: [heading, ''],
    leftColumns: [0, 1],
    rows: facts.map(({ label, value }) => [`  ${printable(label)}`, printable(String(value), 80)]),
  });
  return table;
}
