// A summary as text for a terminal: one line a column, then the findings, the worst first.
import { countOf, type DataFinding, type FindingSeverity } from '../findings.ts';
import type { ColumnSummary, NumberSummary, TableSummary, TargetSummary } from './summary.ts';

const SEVERITY_ORDER: readonly FindingSeverity[] = ['error', 'warning', 'info'];

/** Longest column name and value shown before it is cut. */
const MAX_NAME = 32;
const MAX_VALUE = 20;

/** Several lines without a trailing line end; needs about 110 columns. */
export function formatTableSummary(summary: TableSummary): string {
  const head = `${summary.name}: ${countOf(summary.rowCount, 'row')}, ${countOf(summary.columns.length, 'column')}`;
  const rows = [
    ['column', 'type', 'missing', 'distinct', 'values'],
    ...summary.columns.map((column) => [
      cut(column.name, MAX_NAME) + (column.name === summary.target?.name ? ' *' : ''),
      column.type,
      column.missingCount === 0 ? '' : `${percent(column.missingCount, summary.rowCount)}`,
      `${column.distinctCount.toLocaleString('en-US')}${column.distinctIsExact ? '' : '+'}`,
      describeValues(column),
    ]),
  ];
  const lines = [head, '', ...alignRows(rows)];
  if (summary.target !== undefined) lines.push('', describeTargetLine(summary.target));
  const findings = formatFindings(summary.findings);
  if (findings !== '') lines.push('', findings);
  return lines.join('\n');
}

/** One line a finding, the worst first; '' without any. */
export function formatFindings(findings: readonly DataFinding[]): string {
  return SEVERITY_ORDER.flatMap((severity) =>
    findings.filter((finding) => finding.severity === severity).map(({ message }) => `${severity}: ${message}`),
  ).join('\n');
}

function describeTargetLine({ name, task, classes }: TargetSummary): string {
  if (task === 'regression') return `* target "${name}": regression`;
  const total = classes.reduce((sum, { count }) => sum + count, 0);
  const shown = classes.slice(0, 10).map(({ value, count }) => `${cut(value, MAX_VALUE)} ${percent(count, total)}`);
  const more = classes.length > shown.length ? `, and ${classes.length - shown.length} more` : '';
  return `* target "${name}": ${task}, ${countOf(classes.length, 'class', 'classes')}: ${shown.join(', ')}${more}`;
}

function describeValues(column: ColumnSummary): string {
  if (column.type === 'empty') return '';
  if (column.numbers !== undefined && column.kind !== 'timestamp') return describeNumbers(column.numbers);
  if (column.numbers !== undefined) return `${time(column.numbers.min)} … ${time(column.numbers.max)}`;
  if (column.type === 'text') return `about ${Math.round(column.meanLength ?? 0)} characters`;
  const shown = column.topValues.slice(0, 4).map(({ value, count }) => `${cut(value, MAX_VALUE)} (${count})`);
  return shown.join(', ') + (column.distinctCount > shown.length ? ', …' : '');
}

function describeNumbers({ min, max, mean, quartiles, outliers }: NumberSummary): string {
  const range = `${short(min)} … ${short(max)}, mean ${short(mean)}, median ${short(quartiles[1])}`;
  return outliers.count === 0 ? range : `${range}, ${countOf(outliers.count, 'outlier')}`;
}

function alignRows(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) => {
    // Counts are read by their last digit, so the two number columns lean right.
    const cells = row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return column === 2 || column === 3 ? cell.padStart(width) : cell.padEnd(width);
    });
    return cells.join('  ').trimEnd();
  });
}

/** Four significant digits; from a thousand on no fraction. */
function short(value: number): string {
  const magnitude = Math.abs(value);
  if (magnitude < 1e9 && (magnitude >= 1000 || Number.isInteger(value))) {
    return Math.round(value).toLocaleString('en-US');
  }
  return String(Number(value.toPrecision(4)));
}

function time(value: number): string {
  const date = new Date(value);
  return Number.isNaN(+date)
    ? String(value)
    : date
        .toISOString()
        .replace('T', ' ')
        .replace(/\.000Z$/, '');
}

function percent(part: number, whole: number): string {
  const share = (100 * part) / whole;
  return `${share > 0 && share < 0.1 ? '<0.1' : share.toFixed(1)} %`;
}

/** Line ends and other control characters would break the table. */
function cut(text: string, length: number): string {
  const line = text.replace(/\p{Cc}+/gu, ' ');
  return line.length > length ? `${line.slice(0, length - 1)}…` : line;
}
