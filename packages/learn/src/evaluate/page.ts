// A report as one self-contained page: no scripts, nothing loaded from anywhere, light or dark as the reader has it.
import { calibrationPlot, precisionRecallPlot, rocPlot, trainingPlots } from './curve-plots.ts';
import { escapeHtml, tableHtml, userHtml } from './html.ts';
import { confusionPlot } from './matrix-plot.ts';
import { describeMetric, type MetricName } from './metric-names.ts';
import {
  formatComparison,
  formatCount,
  formatInterval,
  formatMetric,
  formatNumber,
  formatPercent,
  formatPValue,
} from './number-text.ts';
import { pageHtml } from './page-frame.ts';
import type { BaselineResult, EvaluationReport, EvaluationTask, Fact } from './report.ts';
import { residualHistogram, residualPlot, scatterPlot } from './residual-plots.ts';
import { slicesHtml } from './slice-table.ts';

/** Renders a report as an HTML document. Equal reports give equal pages; every name in it is escaped. */
export function renderReportPage(report: EvaluationReport): string {
  return pageHtml({
    title: titleOf(report),
    about: aboutHtml(report),
    sections: [
      keyFiguresHtml(report),
      warningsHtml(report),
      metricsHtml(report),
      plotsHtml(report),
      classesHtml(report),
      slicesHtml(report),
      trainingHtml(report),
      factsHtml(report),
    ],
  });
}

function titleOf({ model }: EvaluationReport): string {
  return model === null ? 'Evaluation' : `Evaluation of ${model.name}`;
}

function aboutHtml({ data, n, weighted, task, classes, decision }: EvaluationReport): string {
  const kind = task === 'regression' ? 'regression' : `${classes.length} classes`;
  const positive =
    decision === null
      ? ''
      : `; positive class ${userHtml(decision.positiveClass)}, predicted from ${formatNumber(decision.threshold)} on`;
  return `On ${userHtml(data.name)}: ${formatCount(n)} ${weighted ? 'weighted ' : ''}row${n === 1 ? '' : 's'}, ${kind}${positive}.`;
}

/** What a reader asks first. */
const KEY_METRICS: Readonly<Record<EvaluationTask, readonly MetricName[]>> = {
  binary: ['accuracy', 'f1', 'rocAuc', 'averagePrecision'],
  multiclass: ['accuracy', 'f1Macro', 'rocAucMacro', 'logLoss'],
  regression: ['rootMeanSquaredError', 'meanAbsoluteError', 'r2', 'meanAbsolutePercentageError'],
};

function keyFiguresHtml({ task, metrics }: EvaluationReport): string {
  const shown = KEY_METRICS[task].flatMap((name) => metrics.filter((metric) => metric.name === name));
  const items = shown.map(
    (metric) =>
      `<li><span class="name">${escapeHtml(metric.title)}</span><b>${formatMetric(metric.name, metric.value)}</b><span>${formatInterval(metric)}</span></li>`,
  );
  return `<ul class="key-figures">${items.join('')}</ul>`;
}

function warningsHtml({ warnings }: EvaluationReport): string {
  if (warnings.length === 0) return '';
  const items = warnings.map((warning) => `<li>${userHtml(warning)}</li>`);
  return `<section class="mind"><h2>Mind</h2><ul>${items.join('')}</ul></section>`;
}

function metricsHtml({ metrics, baselines, estimation }: EvaluationReport): string {
  const valueIn = (baseline: BaselineResult, name: MetricName): string =>
    formatMetric(name, baseline.metrics.find((metric) => metric.name === name)?.value ?? null);
  const table = tableHtml({
    caption: 'Metrics',
    wideColumns: [2],
    header: [
      'Metric',
      'Value',
      `${formatPercent(estimation.confidence)} interval`,
      ...baselines.map(({ name }) => userHtml(name)),
    ],
    rows: metrics.map((metric) => [
      `${escapeHtml(metric.title)} <span class="about" aria-label="${metric.higherIsBetter ? 'higher is better' : 'lower is better'}">${metric.higherIsBetter ? '↑' : '↓'}</span>`,
      `<b>${formatMetric(metric.name, metric.value)}</b><small class="narrow">${formatInterval(metric)}</small>`,
      formatInterval(metric),
      ...baselines.map((baseline) => valueIn(baseline, metric.name)),
    ]),
  });
  const comparisons = baselines.map((baseline) => `<li>${comparisonHtml(baseline, estimation.confidence)}</li>`);
  return `<section id="metrics"><h2>Metrics</h2>
${table}
<ul class="note comparisons">${comparisons.join('')}</ul>
<p class="note">↑ higher is better, ↓ lower is better. Intervals: Wilson for shares of counted rows, else bootstrap with ${formatCount(estimation.resamples)} resamples, seed ${escapeHtml(estimation.seed)}.</p></section>`;
}

function comparisonHtml({ name, description, comparison }: BaselineResult, confidence: number): string {
  const { distance, interval } = formatComparison(comparison);
  const range = interval === null ? '' : ` (${formatPercent(confidence)}: ${interval})`;
  const p = formatPValue(comparison.pValue);
  const about = description === '' ? '' : ` — ${userHtml(description)}`;
  return `${escapeHtml(describeMetric(comparison.metric).title)} ${distance} ${userHtml(name)}${range}, p ${p.startsWith('<') ? escapeHtml(p) : `= ${p}`}${about}.`;
}

function plotsHtml(report: EvaluationReport): string {
  const { curves, calibration, residuals } = report;
  const plots = [
    ...(curves.length > 0 ? [rocPlot(report), precisionRecallPlot(report)] : []),
    confusionPlot(report),
    ...(calibration === null ? [] : [calibrationPlot(calibration)]),
    ...(residuals === null ? [] : [scatterPlot(residuals), residualPlot(residuals), residualHistogram(residuals)]),
  ].filter((plot) => plot !== '');
  if (plots.length === 0) return '';
  return `<section id="plots"><h2>Plots</h2><div class="plots">${plots.join('\n')}</div></section>`;
}

function classesHtml({ classes, confusions }: EvaluationReport): string {
  if (classes.length === 0) return '';
  const table = tableHtml({
    caption: 'Classes',
    header: ['Class', 'Rows', 'Precision', 'Recall', 'F1', 'ROC AUC', 'PR AUC'],
    rows: classes.map((one) => [
      userHtml(one.className),
      formatCount(one.support),
      formatMetric('precision', one.precision),
      formatMetric('recall', one.recall),
      formatMetric('f1', one.f1),
      formatMetric('rocAuc', one.rocAuc),
      formatMetric('averagePrecision', one.averagePrecision),
    ]),
  });
  const mistakes = tableHtml({
    caption: 'Most frequent mistakes',
    header: ['Actual', 'Predicted', 'Rows'],
    textColumns: [0, 1],
    rows: confusions
      .slice(0, 10)
      .map(({ actual, predicted, count }) => [userHtml(actual), userHtml(predicted), formatCount(count)]),
  });
  const listed = classes.length > 2 && confusions.length > 0 ? `<h3>Most frequent mistakes</h3>${mistakes}` : '';
  return `<section id="classes"><h2>Classes</h2>${table}${listed}</section>`;
}

function trainingHtml({ training }: EvaluationReport): string {
  if (training === null) return '';
  const plots = trainingPlots(training.curves ?? []);
  const facts = factList('', training.facts);
  if (plots === '' && facts === '') return '';
  return `<section id="training"><h2>Training</h2>${facts}<div class="plots">${plots}</div></section>`;
}

function factsHtml({ data, model }: EvaluationReport): string {
  const lists = [factList('Data', data.facts), factList('Model', model?.facts)].filter((list) => list !== '');
  return lists.length === 0
    ? ''
    : `<section id="facts"><h2>Data and model</h2><div class="facts">${lists.join('')}</div></section>`;
}

function factList(heading: string, facts: readonly Fact[] | undefined): string {
  if (facts === undefined || facts.length === 0) return '';
  const items = facts.map(({ label, value }) => `<dt>${userHtml(label)}</dt><dd>${userHtml(String(value))}</dd>`);
  return `<div>${heading === '' ? '' : `<h3>${heading}</h3>`}<dl>${items.join('')}</dl></div>`;
}
