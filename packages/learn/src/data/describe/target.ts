// Looks at the column to predict: what kind of task it makes, and what forbids or hinders learning it.
import { countOf, type DataFinding } from '../findings.ts';
import type { Cell } from '../table/index.ts';
import { type ColumnCounts, cellText } from './column-counts.ts';
import type { TargetSummary, TargetTask } from './summary.ts';

/** Whole numbers with more values than this are amounts rather than classes. */
const MAX_NUMBERED_CLASSES = 20;

/** A class with fewer rows can hardly be learned and tested at once. */
const MIN_ROWS_PER_CLASS = 5;

export interface TargetView {
  readonly summary: TargetSummary;
  readonly findings: readonly DataFinding[];
}

/**
 * The task a target makes, unless given: two different values are 'binary'; text, and at most 20 whole numbers with 5
 * rows each on average, 'multiclass'; other numbers 'regression'.
 */
export function describeTarget(counts: ColumnCounts, givenTask?: TargetTask): TargetView {
  const { field, missingCount } = counts;
  const task = givenTask ?? inferTask(counts);
  const isClasses = task !== 'regression';
  const classes = [...counts.counts]
    .sort(([a], [b]) => compareCells(a, b))
    .map(([cell, count]) => ({ value: cellText(cell, field), count }));
  return {
    summary: { name: field.name, task, missingCount, classes: isClasses ? classes : [] },
    findings: checkTarget(counts, task),
  };
}

function inferTask({ field, distinctCount, presentCount }: ColumnCounts): TargetTask {
  if (distinctCount <= 2) return 'binary';
  if (field.kind === 'string' || field.kind === 'boolean') return 'multiclass';
  const areClasses = field.integer && distinctCount <= MAX_NUMBERED_CLASSES && presentCount >= 5 * distinctCount;
  return areClasses ? 'multiclass' : 'regression';
}

function compareCells(a: Cell, b: Cell): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const [first, second] = [String(a), String(b)];
  return first < second ? -1 : first > second ? 1 : 0;
}

function checkTarget(counts: ColumnCounts, task: TargetTask): DataFinding[] {
  const { field, rowCount, missingCount, presentCount, distinctCount } = counts;
  const column = field.name;
  const findings: DataFinding[] = [];
  const add = (severity: DataFinding['severity'], code: DataFinding['code'], message: string): void => {
    findings.push({ severity, code, column, message: `target "${column}" ${message}` });
  };
  if (rowCount > 0 && presentCount === 0) {
    add('error', 'target-missing', `has no value in any of the ${countOf(rowCount, 'row')}; name another target`);
    return findings;
  }
  if (missingCount > 0) {
    const share = ((100 * missingCount) / rowCount).toFixed(1);
    const what = `has no value in ${countOf(missingCount, 'row')} of ${rowCount.toLocaleString('en-US')} (${share} %)`;
    add('warning', 'target-missing', `${what}; these rows can be neither trained nor tested on and are left out`);
  }
  if (field.kind === 'timestamp') {
    add('error', 'target-kind', 'holds times; predict a number derived from it, such as hours from now');
  } else if (task === 'regression' && field.kind !== 'number') {
    add('error', 'target-kind', `holds ${field.kind}s, and regression needs numbers; choose classification instead`);
  }
  if (presentCount > 0 && distinctCount === 1) {
    const [only] = counts.counts.keys();
    const what = `is "${cellText(only ?? null, field)}" in every row, so there is nothing to tell apart`;
    add('error', 'one-class', `${what}; add rows of another ${task === 'regression' ? 'value' : 'class'}`);
  } else if (task !== 'regression' && presentCount > 0) {
    if (!counts.distinctIsExact || distinctCount * 2 > presentCount) {
      const what = `has ${countOf(distinctCount, 'class', 'classes')} in ${countOf(presentCount, 'row')}`;
      add('error', 'many-categories', `${what}: hardly any class comes twice; name another target, or regression`);
    } else addRareClasses(counts, add);
  }
  if (task === 'binary' && distinctCount > 2) {
    const what = `has ${distinctCount} classes, and a binary task has two`;
    add('error', 'target-kind', `${what}; choose multiclass, or leave out the rows of the others`);
  }
  if (counts.infiniteCount > 0) {
    add(
      'error',
      'infinite-values',
      `is infinite in ${countOf(counts.infiniteCount, 'row')}; correct or leave them out`,
    );
  }
  return findings;
}

function addRareClasses(
  { counts, field }: ColumnCounts,
  add: (severity: 'warning', code: 'rare-class', message: string) => void,
): void {
  const rare = [...counts].filter(([, count]) => count < MIN_ROWS_PER_CLASS);
  if (rare.length === 0) return;
  const shown = rare.slice(0, 5).map(([cell, count]) => `"${cellText(cell, field)}" (${count})`);
  const more = rare.length > shown.length ? ` and ${rare.length - shown.length} more` : '';
  add(
    'warning',
    'rare-class',
    `has classes with very few rows: ${shown.join(', ')}${more}; collect more or merge them`,
  );
}
