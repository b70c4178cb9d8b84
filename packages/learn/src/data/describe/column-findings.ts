// What is wrong with the columns, each with what to do about it.
import { countOf, type DataFinding, nameRows } from '../findings.ts';
import type { DataSource } from '../source.ts';
import { type Column, findColumn, type Table } from '../table/index.ts';
import type { ColumnCounts } from './column-counts.ts';
import { LEAKAGE_THRESHOLD, scoreLeakage } from './leakage.ts';
import type { ColumnSummary, TargetTask } from './summary.ts';

export interface CheckedColumns {
  readonly source: DataSource;
  readonly counts: readonly ColumnCounts[];
  readonly columns: readonly ColumnSummary[];
  readonly sample: Table;
  readonly target:
    | { readonly name: string; readonly task: TargetTask; readonly column: Column | undefined }
    | undefined;
  readonly manyCategories: number;
}

/** Everything suspicious in the columns; the target itself is looked at elsewhere, for leakage into the others here. */
export function checkColumns(checked: CheckedColumns): DataFinding[] {
  const { source, counts, columns, sample, target } = checked;
  const findings: DataFinding[] = [];
  if (source.rowCount === 0) {
    findings.push({ severity: 'error', code: 'no-rows', message: `${source.name} has no rows; check the file` });
    return findings;
  }
  if (sample.rowCount < source.rowCount) {
    const message = `quartiles, outliers and leakage are taken from ${countOf(sample.rowCount, 'sampled row')}`;
    findings.push({ severity: 'info', code: 'sampled', message });
  }
  columns.forEach((column, index) => {
    const count = counts[index];
    if (count === undefined || column.name === target?.name) return;
    const add: AddFinding = (severity, code, { message, rows }) => {
      const text = `column "${column.name}" ${message}`;
      findings.push({ severity, code, column: column.name, message: text, ...(rows === undefined ? {} : { rows }) });
    };
    checkColumn(column, { count, add, checked });
  });
  const features = columns.filter((column) => column.name !== target?.name);
  if (target !== undefined && features.every(({ type }) => type === 'empty' || type === 'constant')) {
    const message = `no column besides target "${target.name}" tells rows apart; add columns to learn from`;
    findings.push({ severity: 'error', code: 'no-features', message });
  }
  return findings;
}

type AddFinding = (
  severity: DataFinding['severity'],
  code: DataFinding['code'],
  what: { readonly message: string; readonly rows?: readonly number[] },
) => void;

interface ColumnCheck {
  readonly count: ColumnCounts;
  readonly add: AddFinding;
  readonly checked: CheckedColumns;
}

function checkColumn(column: ColumnSummary, { count, add, checked }: ColumnCheck): void {
  const { target, sample, manyCategories } = checked;
  if (column.type === 'empty') {
    add('warning', 'all-missing', { message: 'has no value in any row; leave it out' });
    return;
  }
  if (column.type === 'constant') {
    const [only] = column.topValues;
    const where = column.missingCount === 0 ? 'in every row' : 'wherever it has a value';
    add('warning', 'constant', { message: `is "${only?.value}" ${where} and tells nothing; leave it out` });
  }
  if (column.type === 'identifier') {
    const what = `is different in ${column.distinctCount === count.presentCount ? 'every row' : 'nearly every row'}`;
    add('warning', 'identifier', {
      message: `${what}, like an identifier: a model can only learn it by heart; leave it out`,
    });
  }
  if (column.type === 'categorical' && column.distinctCount >= manyCategories) {
    const many = `has ${column.distinctIsExact ? '' : 'more than '}${countOf(column.distinctCount, 'category', 'categories')}`;
    add('warning', 'many-categories', {
      message: `${many}, too many for one-hot: the ${manyCategories.toLocaleString('en-US')} most frequent are kept, the rest count as one; leave it out if it names rows`,
    });
  }
  const missingShare = column.missingCount / count.rowCount;
  if (missingShare > 0.5) {
    const message = `has no value in ${(100 * missingShare).toFixed(1)} % of the rows; check it, or leave it out`;
    add('warning', 'mostly-missing', { message });
  }
  if (count.infiniteCount > 0) {
    const message = `is infinite in ${countOf(count.infiniteCount, 'row')} (first in row ${(count.firstInfiniteRow ?? 0) + 1}); correct them or make them missing`;
    add('warning', 'infinite-values', { message, rows: [count.firstInfiniteRow ?? 0] });
  }
  checkNumbersAsText(count, { add, checked });
  const cells = findColumn(sample, column.name);
  if (target?.column !== undefined && cells !== undefined && column.type !== 'constant') {
    checkLeakage(cells, { target: target.column, task: target.task, add });
  }
}

/** Up to this share of texts a column was meant to hold numbers; more, and it may be codes of both kinds. */
const MAX_MISTAKEN_SHARE = 0.1;

function checkNumbersAsText(count: ColumnCounts, { add, checked }: Omit<ColumnCheck, 'count'>): void {
  const { field, presentCount, numbersInTextCount, rowsWithoutNumber } = count;
  if (field.kind !== 'string' || presentCount === 0 || numbersInTextCount < presentCount / 2) return;
  const exceptions = presentCount - numbersInTextCount;
  if (exceptions === 0) {
    // A reader that kept numbers as text on purpose has already said why.
    const isExplained = checked.source.findings.some(
      ({ column, code }) => column === field.name && (code === 'leading-zeros' || code === 'large-integers'),
    );
    if (!isExplained) {
      const message = 'holds numbers written as text and is used as categories; declare it a number to compute with it';
      add('info', 'numbers-as-text', { message });
    }
    return;
  }
  const column = findColumn(checked.sample, field.name);
  const examples = new Set<string>();
  for (const row of rowsWithoutNumber) {
    const text = checked.sample.rowCount === checked.source.rowCount ? column?.values[row] : undefined;
    if (typeof text === 'string') examples.add(`"${text.length > 30 ? `${text.slice(0, 30)}…` : text}"`);
  }
  const shown = examples.size === 0 ? '' : `: ${[...examples].join(', ')}`;
  const what = `is text because ${countOf(exceptions, 'value')} of ${presentCount.toLocaleString('en-US')} ${exceptions === 1 ? 'is no number' : 'are no numbers'}`;
  const message = `${what} (${nameRows(rowsWithoutNumber, exceptions)}${shown}); correct them, or name them as missing values so that the rest count as numbers`;
  // A few texts among numbers are a mistake, and would turn all of the numbers into names.
  const isMistake = exceptions <= MAX_MISTAKEN_SHARE * presentCount;
  add(isMistake ? 'error' : 'warning', 'numbers-as-text', {
    message: isMistake ? `${message}; or declare it text` : message,
    rows: rowsWithoutNumber,
  });
}

function checkLeakage(
  cells: Column,
  { target, task, add }: { readonly target: Column; readonly task: TargetTask; readonly add: AddFinding },
): void {
  const leakage = scoreLeakage(cells, target, task);
  if (leakage === undefined || leakage.score <= LEAKAGE_THRESHOLD) return;
  const how =
    leakage.measure === 'equal cells'
      ? leakage.score === 1
        ? 'equals'
        : 'nearly equals'
      : `alone tells (${leakage.measure} ${leakage.score.toFixed(4)})`;
  add('warning', 'leakage', {
    message: `${how} the target "${target.name}": it may be known only afterwards; leave it out unless it is known when predicting`,
  });
}
