// The slices as a table in which intervals can be compared by eye.
import { escapeHtml, tableHtml, userHtml } from './html.ts';
import { formatCount, formatInterval, formatMetric, formatPercent, formatPValue } from './number-text.ts';
import { round } from './plot.ts';
import type { EvaluationReport, MetricResult, SliceResult } from './report.ts';

const BAR_WIDTH = 120;

/** Slices with the interval of their first metric drawn to one scale; empty without slices. */
export function slicesHtml({ slices, metrics, estimation }: EvaluationReport): string {
  const [first] = slices;
  const leading = first?.metrics[0];
  if (first === undefined || leading === undefined) return '';
  const overall = metrics.find(({ name }) => name === leading.name)?.value ?? null;
  const leads = slices.flatMap((slice) => slice.metrics.slice(0, 1));
  const ends = [
    ...leads.flatMap(({ value, interval }) => [interval?.lower ?? value, interval?.upper ?? value]),
    overall,
  ];
  const known = ends.filter((end) => end !== null);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const bar = (metric: MetricResult): string => intervalBar(metric, { low, high, overall });
  const worse = slices.filter(({ significantlyWorse }) => significantlyWorse);
  const cellsOf = (slice: SliceResult): readonly string[] => [
    userHtml(slice.name),
    formatCount(slice.n),
    slice.metrics[0] === undefined ? '' : bar(slice.metrics[0]),
    ...slice.metrics.map((metric) => valueCell(metric)),
    formatPValue(slice.pValue),
    slice.significantlyWorse ? '<strong class="worse">worse</strong>' : '',
  ];
  const table = tableHtml({
    caption: 'Slices',
    header: [
      'Slice',
      'Rows',
      `${escapeHtml(leading.title)}, ${formatPercent(estimation.confidence)}`,
      ...first.metrics.map(({ title }) => escapeHtml(title)),
      'p',
      '',
    ],
    rows: slices.map(cellsOf),
    textColumns: [0, 4 + first.metrics.length],
    rowClass: (row) => (slices[row]?.significantlyWorse ? 'is-worse' : ''),
  });
  const found =
    worse.length === 0
      ? 'No slice is significantly worse than the other rows.'
      : `${worse.length} of ${slices.length} slices ${worse.length === 1 ? 'is' : 'are'} significantly worse than the other rows.`;
  return `<section id="slices"><h2>Slices</h2>
<p>${found} p: how likely rows drawn by chance would do as badly, corrected for the number of slices. The vertical line is the value over all rows.</p>
${table}</section>`;
}

function valueCell(metric: MetricResult): string {
  return `${formatMetric(metric.name, metric.value)}<small>${formatInterval(metric)}</small>`;
}

function intervalBar(
  { value, interval }: MetricResult,
  { low, high, overall }: { low: number; high: number; overall: number | null },
): string {
  if (value === null) return '';
  const at = (position: number): number => round(5 + ((position - low) / (high - low || 1)) * (BAR_WIDTH - 10));
  const line = interval === null ? '' : `<path class="line s0" d="M${at(interval.lower)} 8H${at(interval.upper)}"/>`;
  const all = overall === null ? '' : `<path class="guide" d="M${at(overall)} 0V16"/>`;
  return `<svg class="interval" viewBox="0 0 ${BAR_WIDTH} 16" width="${BAR_WIDTH}" height="16" aria-hidden="true">${all}${line}<circle class="dot s0" cx="${at(value)}" cy="8" r="3.5"/></svg>`;
}
