// What is known of a table after one look at all of it: plain data for reports, pipelines and JSON.
import type { DataFinding } from '../findings.ts';
import type { ColumnKind } from '../table/index.ts';

/**
 * What a column is good for. 'empty' has no value at all, 'constant' only one; 'identifier' names its row and so can
 * only be learned by heart; 'text' is prose, 'categorical' is text that repeats.
 */
export type ColumnType =
  | 'numeric'
  | 'categorical'
  | 'boolean'
  | 'text'
  | 'datetime'
  | 'identifier'
  | 'constant'
  | 'empty';

/** Numbers of a numeric column, or of a datetime column in epoch milliseconds. Exact, the quantiles apart. */
export interface NumberSummary {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** Of the values as a sample (divided by count − 1); NaN below two values. */
  readonly stdDev: number;
  /** 0.25, 0.5 and 0.75, by linear interpolation, from the sampled rows. */
  readonly quartiles: readonly [number, number, number];
  readonly outliers: OutlierSummary;
}

/** Values far from the rest, counted among the sampled rows. */
export interface OutlierSummary {
  /** Outside the quartiles by more than 3 times their distance (Tukey's "far out"). */
  readonly count: number;
  readonly low: number;
  readonly high: number;
}

export interface ValueCount {
  /** The cell as text; timestamps in ISO form. */
  readonly value: string;
  readonly count: number;
}

export interface ColumnSummary {
  readonly name: string;
  readonly kind: ColumnKind;
  readonly type: ColumnType;
  /** Whether every number is a whole one. */
  readonly integer: boolean;
  readonly missingCount: number;
  /** Different values, missing not counted; a lower bound where `distinctIsExact` is false. */
  readonly distinctCount: number;
  readonly distinctIsExact: boolean;
  /** The most frequent values, most frequent first, ties in order of appearance; at most ten. */
  readonly topValues: readonly ValueCount[];
  readonly numbers?: NumberSummary;
  /** Mean length in UTF-16 units of the sampled strings. */
  readonly meanLength?: number;
}

export type TargetTask = 'binary' | 'multiclass' | 'regression';

export interface TargetSummary {
  readonly name: string;
  readonly task: TargetTask;
  readonly missingCount: number;
  /** All classes, ascending (numbers by size, text by code unit); empty for regression. */
  readonly classes: readonly ValueCount[];
}

export interface TableSummary {
  readonly name: string;
  readonly rowCount: number;
  readonly digest: string | undefined;
  /** Rows that quartiles, outliers, text lengths and leakage were taken from; all of them up to a bound. */
  readonly sampledRows: number;
  readonly columns: readonly ColumnSummary[];
  readonly target?: TargetSummary;
  /** The source's own findings first, then what the look at the rows added. */
  readonly findings: readonly DataFinding[];
}
