// Fits preprocessing on the training part of a table; nothing else is ever looked at.
import { AmaasError } from '@amaas/core';
import {
  type Column,
  type ColumnSummary,
  fitOutlierLimits,
  type OutlierRule,
  readCell,
  requireColumn,
  type Table,
} from '../data/index.ts';
import { computeMoments, computeQuantiles } from '../statistics/index.ts';
import type {
  CategoricalStep,
  ColumnStep,
  DatetimeStep,
  NumericStep,
  Preprocessing,
  TextStep,
} from './column-steps.ts';
import { findTextVectoriser, type NgramOptions } from './text-features.ts';

export interface PreprocessingOptions {
  /** Columns that are not features: the target, weights, groups. */
  readonly exclude?: readonly string[];
  /** Limits beyond which numbers are clipped; default none. */
  readonly clip?: OutlierRule;
  /** Whole numbers with at most this many different values are taken as categories; default 10. */
  readonly maxNumericCategories?: number;
  /** Categories beyond the most frequent ones share one code; default 1,000. */
  readonly maxCategories?: number;
  /** Categories with fewer training rows share that code, too; default 2. */
  readonly minCategoryRows?: number;
}

/** From this skewness on a column of numbers is taken by its logarithm. */
const LONG_TAIL_SKEWNESS = 3;

/**
 * Decides and fits a step per column.
 * @param training - rows of the training part alone
 * @param columns - what is known of the columns, from `describeTable`
 * @throws INVALID_DATA when no column is left to learn from
 */
export function fitPreprocessing(
  training: Table,
  columns: readonly ColumnSummary[],
  options: PreprocessingOptions = {},
): Preprocessing {
  const steps: ColumnStep[] = [];
  const dropped: { column: string; reason: string }[] = [];
  const excluded = new Set(options.exclude);
  for (const summary of columns) {
    if (excluded.has(summary.name)) continue;
    const column = requireColumn(training, summary.name);
    const reason = reasonToDrop(summary, column);
    const step = reason === null ? fitColumn(column, summary, options) : null;
    // Every value is rare: there is nothing to tell rows apart by, and nothing a model could have learned about any.
    const isEmpty = step?.kind === 'categorical' && step.categories.length === 0;
    if (step !== null && !isEmpty) steps.push(step);
    else dropped.push({ column: summary.name, reason: reason ?? 'has no value that comes twice' });
  }
  if (steps.length === 0) {
    const why = dropped.map(({ column, reason }) => `"${column}" ${reason}`).join(', ');
    throw new AmaasError('INVALID_DATA', `preprocess: no column is left to learn from${why === '' ? '' : `: ${why}`}`);
  }
  return { steps, dropped };
}

function reasonToDrop({ type }: ColumnSummary, training: Column): string | null {
  if (type !== 'empty' && !training.valid.includes(1)) return 'has no value in the training part';
  switch (type) {
    case 'empty':
      return 'has no values';
    case 'constant':
      return 'has one value everywhere';
    case 'identifier':
      return 'names its row';
    default:
      return null;
  }
}

function fitColumn(column: Column, summary: ColumnSummary, options: PreprocessingOptions): ColumnStep {
  switch (column.kind) {
    case 'number': {
      const few = summary.integer && summary.distinctCount <= (options.maxNumericCategories ?? 10);
      return few || summary.type === 'categorical'
        ? fitCategories(column, 'number', options)
        : fitNumber(column, options);
    }
    case 'boolean':
      return fitCategories(column, column.valid.includes(0) ? 'string' : 'boolean', options);
    case 'string':
      return (summary.type === 'text' ? fitText(column) : null) ?? fitCategories(column, 'string', options);
    case 'timestamp':
      return fitDatetime(column);
    default:
      return column satisfies never;
  }
}

function fitNumber(column: Column & { readonly kind: 'number' }, { clip }: PreprocessingOptions): NumericStep {
  const present = column.values.filter((value, row) => column.valid[row] === 1 && Number.isFinite(value));
  if (present.length === 0)
    throw new AmaasError('INVALID_DATA', `preprocess: "${column.name}" has no value in the training part`);
  const table: Table = { rowCount: column.values.length, columns: [column] };
  const [limits] = clip === undefined ? [] : fitOutlierLimits(table, [column.name], clip);
  const bounded = limits === undefined ? null : ([limits.low, limits.high] as const);
  const fill = computeQuantiles(present, [0.5])[0] ?? 0;
  const filled = column.values.map((value, row) =>
    clamp(column.valid[row] === 1 && Number.isFinite(value) ? value : fill, bounded),
  );
  const transform = chooseTransform(filled);
  const { mean, populationVariance: variance } = computeMoments(
    filled.map((value) => applyTransform(value, transform)),
  );
  return {
    kind: 'numeric',
    column: column.name,
    clip: bounded,
    fill,
    transform,
    mean,
    stdDev: Math.sqrt(variance) || 1,
    flagsMissing: present.length < column.values.length,
  };
}

/** As the graph does it. */
function applyTransform(value: number, transform: NumericStep['transform']): number {
  return transform.kind === 'identity' ? value : Math.sign(value) * Math.log1p(Math.abs(value) / transform.unit);
}

function chooseTransform(values: Float64Array): NumericStep['transform'] {
  const { mean, populationVariance: variance } = computeMoments(values);
  if (!(variance > 0)) return { kind: 'identity' };
  const third = values.reduce((sum, value) => sum + (value - mean) ** 3, 0) / values.length;
  const skewness = third / variance ** 1.5;
  if (Math.abs(skewness) < LONG_TAIL_SKEWNESS) return { kind: 'identity' };
  // The unit is where the logarithm begins to bend: a typical size of what is not zero.
  const sizes = values.map(Math.abs).filter((value) => value > 0);
  return { kind: 'log', unit: computeQuantiles(sizes, [0.5])[0] || 1 };
}

function fitCategories(
  column: Column,
  input: CategoricalStep['input'],
  { maxCategories = 1000, minCategoryRows = 2 }: PreprocessingOptions,
): CategoricalStep {
  const counts = new Map<string, number>();
  for (let row = 0; row < column.valid.length; row++) {
    const text = categoryText(column, row);
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  const kept = [...counts]
    .filter(([, count]) => count >= minCategoryRows)
    // Ties by the text, so that the order of the rows does not matter.
    .toSorted(([a, left], [b, right]) => right - left || (a < b ? -1 : 1))
    .slice(0, maxCategories);
  return { kind: 'categorical', column: column.name, input, categories: kept.map(([text]) => text) };
}

/** A cell as the text its category has; '' where missing. */
export function categoryText(column: Column, row: number): string {
  const cell = readCell(column, row);
  return cell === null ? '' : String(cell);
}

/** Fewer than for texts alone: they stand beside other columns, and tables are small. */
const WORDS: NgramOptions = { lengths: [1, 2], maxFeatures: 1000 };
const CHARACTERS: NgramOptions = { lengths: [2, 4], maxFeatures: 2000 };

/** null when no piece of text comes twice. */
function fitText({ name, values }: Column & { readonly kind: 'string' }): TextStep | null {
  const vectoriser = findTextVectoriser(values, { words: WORDS, characters: CHARACTERS });
  return vectoriser === null ? null : { kind: 'text', column: name, vectoriser };
}

function fitDatetime(column: Column & { readonly kind: 'timestamp' }): DatetimeStep {
  const present = column.values.filter((value, row) => column.valid[row] === 1 && Number.isFinite(value));
  if (present.length === 0)
    throw new AmaasError('INVALID_DATA', `preprocess: "${column.name}" has no value in the training part`);
  const { mean, populationVariance: variance } = computeMoments(present);
  return {
    kind: 'datetime',
    column: column.name,
    fillMs: computeQuantiles(present, [0.5])[0] ?? mean,
    meanMs: mean,
    stdDevMs: Math.sqrt(variance) || 1,
  };
}

function clamp(value: number, limits: readonly [number, number] | null): number {
  return limits === null ? value : Math.min(Math.max(value, limits[0]), limits[1]);
}
