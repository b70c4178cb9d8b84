// Which rows train and which test in k-fold cross-validation, as index arrays decided by a seed; and what k results say.
import { AmaasError } from '@amaas/core';
import { computeMoments, createRandom, type Random } from '../statistics/index.ts';
import { checkFinite, checkLength } from './check-rows.ts';
import { metricOf, type EvaluationReport, type MetricResult } from './report.ts';

/** One round of cross-validation; row indices ascending. */
export interface Fold {
  readonly train: Int32Array;
  readonly test: Int32Array;
}

/** What the folds have to respect. */
export type FoldPlan =
  /** Nothing. */
  | { readonly kind: 'plain' }
  /** Every class is spread evenly over the folds. */
  | { readonly kind: 'stratified'; readonly labels: ArrayLike<string | number> }
  /** Rows of one group (a patient, a speaker) never stand on both sides. */
  | { readonly kind: 'grouped'; readonly groups: ArrayLike<string | number> }
  /** Test rows are later than all train rows, which grow from fold to fold; rows of one time stay together. */
  | { readonly kind: 'time'; readonly times: ArrayLike<number> };

export interface KFoldOptions {
  readonly rows: number;
  /** Default 5. */
  readonly folds?: number;
  /** Equal seeds give equal folds; `time` has nothing to decide. */
  readonly seed: string | number;
  /** Default `plain`. */
  readonly plan?: FoldPlan;
}

/**
 * Cuts rows into folds. All but `time` test every row exactly once, with fold sizes that differ by one at most
 * (`grouped`: as little as the groups allow).
 * @throws INVALID_ARGUMENT when folds is not a whole number in 2 … rows or a column has another length;
 * INVALID_DATA when there are too few groups or times, or every class has fewer rows than folds.
 */
export function kFold({ rows, folds = 5, seed, plan = { kind: 'plain' } }: KFoldOptions): readonly Fold[] {
  if (!Number.isSafeInteger(rows) || !Number.isSafeInteger(folds) || folds < 2 || folds > rows) {
    throw new AmaasError(
      'INVALID_ARGUMENT',
      `kFold: folds must be a whole number in 2 … rows, got ${folds} of ${rows}`,
    );
  }
  const random = createRandom(seed).fork('kFold');
  switch (plan.kind) {
    case 'plain':
      return foldsOf(dealRows([Int32Array.from({ length: rows }, (_, row) => row)], { rows, folds, random }), folds);
    case 'stratified':
      return foldsOf(dealRows(classMembers(plan.labels, { rows, folds }), { rows, folds, random }), folds);
    case 'grouped':
      return foldsOf(dealGroups(plan.groups, { rows, folds, random }), folds);
    case 'time':
      return timeFolds(plan.times, { rows, folds });
    default:
      return plan satisfies never;
  }
}

interface Deal {
  readonly rows: number;
  readonly folds: number;
  readonly random: Random;
}

/** Fold of every row: the members of each part, shuffled, go to the folds in turn, going on where the last part ended. */
function dealRows(parts: readonly Int32Array[], { rows, folds, random }: Deal): Int32Array {
  const foldOf = new Int32Array(rows);
  let dealt = 0;
  for (const part of parts) for (const row of random.shuffle(part)) foldOf[row] = dealt++ % folds;
  return foldOf;
}

function classMembers(
  labels: ArrayLike<string | number>,
  { rows, folds }: { rows: number; folds: number },
): Int32Array[] {
  checkLength('kFold', rows, { name: 'labels', length: labels.length });
  const members = [...membersOf(labels).values()];
  const largest = Math.max(...members.map(({ length }) => length));
  if (largest < folds) {
    throw new AmaasError('INVALID_DATA', `kFold: the largest class has ${largest} rows, fewer than the ${folds} folds`);
  }
  return members;
}

/** The largest group first, each to the fold that is smallest so far; equally large ones in random order. */
function dealGroups(groups: ArrayLike<string | number>, { rows, folds, random }: Deal): Int32Array {
  checkLength('kFold', rows, { name: 'groups', length: groups.length });
  const members = random.shuffle([...membersOf(groups).values()]);
  if (members.length < folds) {
    throw new AmaasError('INVALID_DATA', `kFold: ${members.length} groups cannot fill ${folds} folds`);
  }
  members.sort((a, b) => b.length - a.length);
  const sizes = new Array<number>(folds).fill(0);
  const foldOf = new Int32Array(rows);
  for (const group of members) {
    const smallest = sizes.indexOf(Math.min(...sizes));
    sizes[smallest] = (sizes[smallest] ?? 0) + group.length;
    for (const row of group) foldOf[row] = smallest;
  }
  return foldOf;
}

function timeFolds(times: ArrayLike<number>, { rows, folds }: { rows: number; folds: number }): readonly Fold[] {
  checkLength('kFold', rows, { name: 'times', length: times.length });
  checkFinite('kFold', 'time', times);
  const order = Int32Array.from({ length: rows }, (_, row) => row);
  order.sort((a, b) => (times[a] ?? 0) - (times[b] ?? 0));
  const testRows = Math.max(1, Math.floor(rows / (folds + 1)));
  // Where a test part would begin within rows of one time, it begins with the first of them.
  const starts = Array.from({ length: folds }, (_, fold) => {
    let start = rows - (folds - fold) * testRows;
    while (start > 0 && times[order[start] ?? 0] === times[order[start - 1] ?? 0]) start--;
    return start;
  });
  const ends = [...starts.slice(1), rows];
  return starts.map((start, fold) => {
    const end = ends[fold] ?? rows;
    if (start <= 0 || end <= start) {
      throw new AmaasError('INVALID_DATA', `kFold: too few different times for ${folds} folds in order of time`);
    }
    return { train: order.slice(0, start).sort(), test: order.slice(start, end).sort() };
  });
}

function membersOf(keys: ArrayLike<string | number>): ReadonlyMap<string | number, Int32Array> {
  const rowsOf = new Map<string | number, number[]>();
  for (let row = 0; row < keys.length; row++) {
    const key = keys[row] ?? '';
    const known = rowsOf.get(key);
    if (known === undefined) rowsOf.set(key, [row]);
    else known.push(row);
  }
  return new Map([...rowsOf].map(([key, rows]) => [key, Int32Array.from(rows)]));
}

function foldsOf(foldOf: Int32Array, folds: number): readonly Fold[] {
  const rows = Int32Array.from(foldOf, (_, row) => row);
  return Array.from({ length: folds }, (_, fold) => ({
    train: rows.filter((row) => foldOf[row] !== fold),
    test: rows.filter((row) => foldOf[row] === fold),
  }));
}

/** What the results of k folds say together. */
export interface FoldSummary {
  /** Mean over the folds with a result; NaN when there is none. */
  readonly mean: number;
  /** Sample standard deviation over the folds divided by √folds; NaN below two. */
  readonly standardError: number;
  /** Sample standard deviation (folds − 1) over the folds. */
  readonly standardDeviation: number;
  /** Folds with a result. */
  readonly folds: number;
  /** Folds in which the metric was undefined (null or NaN); they are left out. */
  readonly undefinedFolds: number;
}

/**
 * Mean and standard error of one metric over the folds. Folds share training rows, so the standard error is somewhat
 * too small (Bengio and Grandvalet, 2004); it is the customary one.
 */
export function summariseFolds(values: ArrayLike<number | null>): FoldSummary {
  const defined = Array.from(values).filter((value): value is number => value !== null && !Number.isNaN(value));
  const moments = computeMoments(defined);
  return {
    mean: moments.mean,
    standardError: moments.standardError,
    standardDeviation: moments.sampleStdDev,
    folds: defined.length,
    undefinedFolds: values.length - defined.length,
  };
}

/** One metric over the folds. */
export interface FoldMetric extends Pick<MetricResult, 'name' | 'title' | 'higherIsBetter'> {
  readonly summary: FoldSummary;
}

/** {@link summariseFolds} for every metric of the folds' reports, in the order of the first one. */
export function summariseFoldReports(reports: readonly EvaluationReport[]): readonly FoldMetric[] {
  return (reports[0]?.metrics ?? []).map(({ name, title, higherIsBetter }) => ({
    name,
    title,
    higherIsBetter,
    summary: summariseFolds(reports.map((report) => metricOf(report, name))),
  }));
}
