// What is done to each column before a network sees it, as plain data fitted on the training part. The same data builds
// the graph that training and serving share (build-features.ts), so that there is one definition of every step.

import type { TextVectoriser } from './text-features.ts';

/** A column of numbers [N] float32, NaN where missing. */
export interface NumericStep {
  readonly kind: 'numeric';
  readonly column: string;
  /** Values beyond are moved to the limit; null: no limit. */
  readonly clip: readonly [low: number, high: number] | null;
  /** What stands for a missing value: the training median. */
  readonly fill: number;
  /** `log`: sign(x) · log(1 + |x| / unit), for columns with a long tail; the scale is fitted after it. */
  readonly transform: { readonly kind: 'identity' } | { readonly kind: 'log'; readonly unit: number };
  readonly mean: number;
  readonly stdDev: number;
  /** Whether a second feature says that the value was missing: it was, somewhere in the training part. */
  readonly flagsMissing: boolean;
}

/** A column of values from a list; code 0 is everything else. */
export interface CategoricalStep {
  readonly kind: 'categorical';
  readonly column: string;
  /** Numbers [N] float32 that are names (`1`, `2`, `3`), booleans, or text [N] ('' where missing). */
  readonly input: 'number' | 'boolean' | 'string';
  /** Codes 1 … n in this order. Numbers as text; '' stands for missing. */
  readonly categories: readonly string[];
}

/** A moment in time, epoch milliseconds [N] float64, NaN where missing: trend, hour, weekday and season. */
export interface DatetimeStep {
  readonly kind: 'datetime';
  readonly column: string;
  readonly fillMs: number;
  readonly meanMs: number;
  readonly stdDevMs: number;
}

/** A column of prose [N], '' where missing: a feature per n-gram of words and characters. */
export interface TextStep {
  readonly kind: 'text';
  readonly column: string;
  readonly vectoriser: TextVectoriser;
}

export type ColumnStep = NumericStep | CategoricalStep | DatetimeStep | TextStep;

/** All steps of a table, and why other columns are left out. */
export interface Preprocessing {
  readonly steps: readonly ColumnStep[];
  readonly dropped: readonly { readonly column: string; readonly reason: string }[];
}
