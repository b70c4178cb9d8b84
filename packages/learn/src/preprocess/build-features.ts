// Preprocessing as a graph: raw columns in, features out. It is part of the exported model, so that what is served is
// what was trained.
import { AmaasError, type DType } from '@amaas/core';
import {
  abs,
  add,
  cast,
  concat,
  cos,
  div,
  floor,
  input,
  isNan,
  labelEncoder,
  log,
  maximum,
  minimum,
  mul,
  reshape,
  sign,
  sin,
  sub,
  type Value,
  where,
} from '../graph/index.ts';
import type { CategoricalStep, ColumnStep, DatetimeStep, NumericStep, Preprocessing } from './column-steps.ts';
import { textFeatureCount } from './text-features.ts';
import { buildTextFeatures } from './text-graph.ts';

/** The symbol of the rows' axis. */
const ROWS = 'N';

export interface Features {
  /** float32 [N, width]; null when no column gives numbers. */
  readonly numeric: Value | null;
  /** int64 [N, columns] of codes; null when no column is categorical. */
  readonly categories: Value | null;
}

/** How wide the features are. */
export interface FeatureSizes {
  readonly numericWidth: number;
  /** Number of codes of each categorical column, 0 included. */
  readonly categoryCodes: readonly number[];
}

/** Inputs of the served model: each column by its name, [N]. */
export function rawInputs({ steps }: Preprocessing): ReadonlyMap<string, Value> {
  return new Map(steps.map((step) => [step.column, input(step.column, rawDType(step), [ROWS])]));
}

/** The dtype a column is served as. */
export function rawDType(step: ColumnStep): DType {
  switch (step.kind) {
    case 'numeric':
      return 'float32';
    case 'datetime':
      return 'float64';
    case 'text':
      return 'string';
    case 'categorical':
      return step.input === 'number' ? 'float32' : step.input === 'boolean' ? 'bool' : 'string';
    default:
      return step satisfies never;
  }
}

export function featureSizes({ steps }: Preprocessing): FeatureSizes {
  return {
    numericWidth: steps.reduce((sum, step) => sum + numericWidth(step), 0),
    categoryCodes: steps.flatMap((step) => (step.kind === 'categorical' ? [step.categories.length + 1] : [])),
  };
}

function numericWidth(step: ColumnStep): number {
  if (step.kind === 'numeric') return step.flagsMissing ? 2 : 1;
  if (step.kind === 'text') return textFeatureCount(step.vectoriser);
  return step.kind === 'datetime' ? DATETIME_FEATURES : 0;
}

/** The graph from raw columns to features. @param raw - by column name, [N] */
export function buildFeatures({ steps }: Preprocessing, raw: ReadonlyMap<string, Value>): Features {
  const numeric: Value[] = [];
  const codes: Value[] = [];
  for (const step of steps) {
    const x = raw.get(step.column);
    if (x === undefined) throw new AmaasError('INVALID_GRAPH', `preprocess: column ${step.column} is missing`);
    switch (step.kind) {
      case 'numeric':
        numeric.push(...numericFeatures(x, step));
        break;
      case 'datetime':
        numeric.push(...datetimeFeatures(x, step));
        break;
      case 'categorical':
        codes.push(categoryCodes(x, step));
        break;
      case 'text':
        numeric.push(buildTextFeatures(x, step.vectoriser, step.column));
        break;
      default:
        step satisfies never;
    }
  }
  const join = (columns: readonly Value[]): Value | null =>
    columns.length === 0
      ? null
      : concat(
          columns.map((column) => (column.shape.length === 2 ? column : reshape(column, [ROWS, 1]))),
          1,
        );
  return { numeric: join(numeric), categories: join(codes) };
}

function numericFeatures(
  x: Value,
  { clip, fill, transform, mean, stdDev, flagsMissing }: NumericStep,
): readonly Value[] {
  const missing = isNan(x);
  let value = where(missing, fill, x);
  if (clip !== null) {
    if (Number.isFinite(clip[0])) value = maximum(value, clip[0]);
    if (Number.isFinite(clip[1])) value = minimum(value, clip[1]);
  }
  if (transform.kind === 'log') value = mul(sign(value), log(add(mul(abs(value), 1 / transform.unit), 1)));
  const scaled = div(sub(value, mean), stdDev);
  return flagsMissing ? [scaled, cast(missing, 'float32')] : [scaled];
}

/** Trend, and the position in the day, the week and the year as points on circles. */
const DATETIME_FEATURES = 7;
const DAY_MS = 86_400_000;
/** 1970-01-01 was a Thursday; Monday begins the week. */
const FIRST_MONDAY_MS = 4 * DAY_MS;

function datetimeFeatures(x: Value, { fillMs, meanMs, stdDevMs }: DatetimeStep): readonly Value[] {
  const time = where(isNan(x), fillMs, x);
  const circle = (periodMs: number, originMs: number): readonly Value[] => {
    // The whole turns go first, in float64: float32 could not tell hours of this century apart.
    const turns = div(sub(time, originMs), periodMs);
    const angle = mul(cast(sub(turns, floor(turns)), 'float32'), 2 * Math.PI);
    return [sin(angle), cos(angle)];
  };
  return [
    cast(div(sub(time, meanMs), stdDevMs), 'float32'),
    ...circle(DAY_MS, 0),
    ...circle(7 * DAY_MS, FIRST_MONDAY_MS),
    ...circle(365.2425 * DAY_MS, 0),
  ];
}

/** 1 … n for the known categories, 0 for everything else. */
function categoryCodes(x: Value, { input: kind, categories }: CategoricalStep): Value {
  const table = new Map(categories.map((text, index) => [text, index + 1]));
  if (kind === 'string') return labelEncoder(x, table, { to: 'int64', fallback: 0 });
  if (kind === 'boolean') {
    const [yes = 0, no = 0] = [table.get('true'), table.get('false')];
    return add(mul(cast(x, 'int64'), yes - no), no);
  }
  // Names that are numbers: missing becomes a number that no category has.
  const numbers = new Map(categories.map((text, index) => [text === '' ? ABSENT_NUMBER : Number(text), index + 1]));
  return labelEncoder(cast(where(isNan(x), ABSENT_NUMBER, x), 'int64'), numbers, { to: 'int64', fallback: 0 });
}

/** Stands for missing among categories that are numbers; exact in float32 and far from every code in use. */
const ABSENT_NUMBER = -(2 ** 30);
