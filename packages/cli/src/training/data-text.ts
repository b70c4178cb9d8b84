// What was found in the data, as a few lines: enough to see that it was understood.
import { type DataFinding, formatFindings, formatTableSummary, type TableSummary } from '@amaas/learn/data';
import type { Preprocessing } from '@amaas/learn/preprocess';
import { pairs } from '../terminal.ts';
import { spellOptions } from './explain.ts';

/** Names shown of one list. */
const MAX_NAMES = 12;

export interface DataFacts {
  readonly summary: TableSummary;
  readonly preprocessing: Preprocessing;
  readonly rows: { readonly train: number; readonly validation: number; readonly test: number };
  /** Of the split. */
  readonly findings: readonly DataFinding[];
  /** Columns that the user left out. */
  readonly excluded: readonly string[];
  /** Columns whose kind the user has said. */
  readonly declared?: readonly string[];
}

/** `isVerbose`: every column with its values, and also what was merely noticed. */
export function dataText(facts: DataFacts, isVerbose: boolean): string {
  const { summary, preprocessing, rows } = facts;
  const isLeftOut = (column: string): boolean =>
    facts.excluded.includes(column) || preprocessing.dropped.some((each) => each.column === column);
  const noticed = summary.findings.filter(
    ({ code, column }) =>
      column === undefined ||
      !(isLeftOut(column) || (code === 'numbers-as-text' && facts.declared?.includes(column) === true)),
  );
  // That not all rows are in memory explains the numbers of rows below it.
  const ofSplit = facts.findings.filter((finding) => isWarning(finding) || finding.code === 'sampled');
  const own = isVerbose ? facts.findings : [...noticed.filter(isWarning), ...ofSplit];
  const head = isVerbose
    ? `${formatTableSummary(summary)}\n`
    : `${summary.name}: ${count(summary.rowCount)} rows, ${count(summary.columns.length)} columns`;
  const left = preprocessing.dropped.map(({ column, reason }) => `${column} (${reason})`);
  const text = pairs([
    ...(isVerbose ? [] : columnPairs(facts)),
    ...(left.length === 0 ? [] : [['left out', list(left)] as const]),
    ['rows', `${count(rows.train)} to train, ${count(rows.validation)} to validate, ${count(rows.test)} held out`],
  ]);
  const findings = spellOptions(formatFindings(own));
  return `${head}\n${text}${findings === '' ? '' : `\n${findings}`}`;
}

function columnPairs({ summary, preprocessing, excluded }: DataFacts): readonly (readonly [string, string])[] {
  const { steps } = preprocessing;
  const named = (kind: string): readonly string[] =>
    steps.filter((step) => step.kind === kind).map(({ column }) => column);
  const others = steps.filter(({ kind }) => !['numeric', 'categorical', 'datetime'].includes(kind));
  const lists: readonly (readonly [string, readonly string[]])[] = [
    ['numbers', named('numeric')],
    ['categories', named('categorical')],
    ['times', named('datetime')],
    ['texts', others.map(({ column }) => column)],
    ['excluded', excluded],
  ];
  return [
    ['predicts', targetText(summary)],
    ...lists.flatMap(([label, names]) => (names.length === 0 ? [] : [[label, list(names)] as const])),
  ];
}

function targetText({ target }: TableSummary): string {
  if (target === undefined) return 'nothing';
  const { name, task, classes } = target;
  if (task === 'regression') return `${name}, a number`;
  const total = classes.reduce((sum, { count: rows }) => sum + rows, 0);
  const shown = classes.slice(0, 6).map(({ value, count: rows }) => `${value} ${((100 * rows) / total).toFixed(0)} %`);
  const more = classes.length > shown.length ? `, and ${classes.length - shown.length} more` : '';
  return `${name}, one of ${classes.length} classes: ${shown.join(', ')}${more}`;
}

function isWarning({ severity }: DataFinding): boolean {
  return severity !== 'info';
}

function list(names: readonly string[]): string {
  const shown = names.slice(0, MAX_NAMES).join(', ');
  return names.length > MAX_NAMES ? `${shown}, and ${names.length - MAX_NAMES} more` : shown;
}

function count(rows: number): string {
  return rows.toLocaleString('en-US');
}
