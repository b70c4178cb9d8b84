// Finds features that tell the target all by themselves, which real features hardly ever do: copies of the target,
// codes of it, columns filled in after the fact. A suspicion for people to judge, not a proof.
import { computeRanks, pearsonCorrelation, spearmanCorrelation } from '../../statistics/index.ts';
import { type Cell, type Column, readCell } from '../table/index.ts';
import type { TargetTask } from './summary.ts';

/** Above this a feature is suspected, whatever the measure. */
export const LEAKAGE_THRESHOLD = 0.999;

/** With fewer rows a feature may separate the target by luck. */
const MIN_ROWS = 20;

export interface LeakageScore {
  /** How well the feature alone tells the target, 0 … 1. */
  readonly score: number;
  /** What the score is, for the message. */
  readonly measure: 'equal cells' | 'ROC AUC' | 'balanced accuracy' | 'R²';
}

/**
 * The strongest of the measures that fit the two columns:
 * equal cells: the share of rows where both are written alike;
 * ROC AUC of a number (either direction) for two classes;
 * balanced accuracy of guessing a row's class from the other rows with the same, else the nearest, feature value;
 * R² of the straight line, of ranks, or (adjusted) of the means of rows with the same value.
 * Undefined with fewer than 20 rows that have both cells.
 */
export function scoreLeakage(feature: Column, target: Column, task: TargetTask): LeakageScore | undefined {
  const rows = rowsWithBoth(feature, target);
  if (rows.length < MIN_ROWS) return undefined;
  const x = rows.map((row) => readCell(feature, row));
  const y = rows.map((row) => readCell(target, row));
  const scores: LeakageScore[] = [{ score: shareEqual(x, y), measure: 'equal cells' }];
  if (task === 'regression') {
    scores.push({ score: scoreRegression(x, y), measure: 'R²' });
  } else {
    if (task === 'binary' && isNumeric(x)) scores.push({ score: twoSidedAuc(x, y), measure: 'ROC AUC' });
    scores.push({ score: balancedAccuracy(neighbourGuessesRight(x, y), y), measure: 'balanced accuracy' });
  }
  return scores.reduce((best, other) => (other.score > best.score ? other : best));
}

function rowsWithBoth(feature: Column, target: Column): number[] {
  const rows: number[] = [];
  for (let row = 0; row < feature.valid.length; row++) {
    if (feature.valid[row] === 1 && target.valid[row] === 1) rows.push(row);
  }
  return rows;
}

function isNumeric(cells: readonly Cell[]): cells is readonly number[] {
  return typeof cells[0] === 'number'; // the cells of a column are of one kind
}

function shareEqual(x: readonly Cell[], y: readonly Cell[]): number {
  return x.filter((cell, i) => String(cell) === String(y[i])).length / x.length;
}

/** Of every class with two rows or more the share guessed right; their mean. */
function balancedAccuracy(right: readonly boolean[], classes: readonly Cell[]): number {
  const tally = new Map<Cell, { rows: number; right: number }>();
  classes.forEach((label, i) => {
    const entry = tally.get(label) ?? { rows: 0, right: 0 };
    entry.rows++;
    if (right[i] === true) entry.right++;
    tally.set(label, entry);
  });
  const recalls = [...tally.values()].filter(({ rows }) => rows > 1).map(({ rows, right: hits }) => hits / rows);
  return recalls.length < 2 ? 0 : recalls.reduce((sum, recall) => sum + recall, 0) / recalls.length;
}

/** For each row: do the others with its feature value, or without such the nearest numbers, have its class? */
function neighbourGuessesRight(x: readonly Cell[], y: readonly Cell[]): boolean[] {
  const groups = new Map<Cell, Map<Cell, number>>();
  x.forEach((cell, i) => {
    const counts = groups.get(cell) ?? new Map<Cell, number>();
    const label = y[i] ?? null;
    counts.set(label, (counts.get(label) ?? 0) + 1);
    groups.set(cell, counts);
  });
  const neighbours = isNumeric(x) ? nearestValues(x) : undefined;
  return x.map((cell, i) => {
    const label = y[i] ?? null;
    const counts = groups.get(cell) ?? new Map<Cell, number>();
    if (mass(counts) > 1) return winsWithoutOne(counts, label);
    const nearest = neighbours?.get(cell);
    return nearest !== undefined && winsWithoutOne(groups.get(nearest) ?? new Map(), label, 0);
  });
}

function mass(counts: ReadonlyMap<Cell, number>): number {
  let total = 0;
  for (const count of counts.values()) total += count;
  return total;
}

/** Whether `label` has most rows once `removed` of them (the row itself) are gone; a tie does not count. */
function winsWithoutOne(counts: ReadonlyMap<Cell, number>, label: Cell, removed = 1): boolean {
  const own = (counts.get(label) ?? 0) - removed;
  for (const [other, count] of counts) if (other !== label && count >= own) return false;
  return own > 0;
}

/** For every different number the nearest other one, the smaller of two. */
function nearestValues(x: readonly number[]): Map<Cell, number> {
  const sorted = [...new Set(x)].sort((a, b) => a - b);
  const nearest = new Map<Cell, number>();
  sorted.forEach((value, i) => {
    const below = sorted[i - 1];
    const above = sorted[i + 1];
    if (below === undefined && above === undefined) return;
    const useBelow = above === undefined || (below !== undefined && value - below <= above - value);
    nearest.set(value, useBelow ? (below ?? value) : above);
  });
  return nearest;
}

/** ROC AUC by ranks (Mann–Whitney), the better of both directions. */
function twoSidedAuc(x: readonly number[], y: readonly Cell[]): number {
  const ranks = computeRanks(x);
  const positive = y[0];
  let positives = 0;
  let rankSum = 0;
  y.forEach((label, i) => {
    if (label !== positive) return;
    positives++;
    rankSum += ranks[i] ?? 0;
  });
  const negatives = y.length - positives;
  if (negatives === 0) return 0;
  const auc = (rankSum - (positives * (positives + 1)) / 2) / (positives * negatives);
  return Math.max(auc, 1 - auc);
}

function scoreRegression(x: readonly Cell[], y: readonly Cell[]): number {
  const target = y.map(Number);
  const scores = [adjustedGroupR2(x, target)];
  if (isNumeric(x)) scores.push(pearsonCorrelation(x, target) ** 2, spearmanCorrelation(x, target) ** 2);
  return Math.max(0, ...scores.filter((score) => !Number.isNaN(score)));
}

/** Share of the target's variance explained by the means of rows with equal feature values, less what luck explains. */
function adjustedGroupR2(x: readonly Cell[], y: readonly number[]): number {
  const groups = new Map<Cell, { rows: number; sum: number }>();
  x.forEach((cell, i) => {
    const group = groups.get(cell) ?? { rows: 0, sum: 0 };
    group.rows++;
    group.sum += y[i] ?? 0;
    groups.set(cell, group);
  });
  if (groups.size * 2 > y.length) return 0; // hardly any value comes twice
  const mean = y.reduce((sum, value) => sum + value, 0) / y.length;
  let within = 0;
  let total = 0;
  y.forEach((value, i) => {
    const group = groups.get(x[i] ?? null);
    within += (value - (group === undefined ? mean : group.sum / group.rows)) ** 2;
    total += (value - mean) ** 2;
  });
  return total === 0 ? 0 : 1 - (within / (y.length - groups.size)) * ((y.length - 1) / total);
}
