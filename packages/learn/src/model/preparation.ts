// The two steps before every training by hand: holding rows out, and scaling columns. Tables with names and missing
// values go through `preprocess` instead, which becomes part of the served model.
// Source: scikit-learn's train_test_split and StandardScaler.
import { AmaasError } from '@amaas/core';
import { createRandom } from '../statistics/index.ts';

export interface TrainTestSplit<X, Y> {
  readonly xTrain: readonly X[];
  readonly xTest: readonly X[];
  readonly yTrain: readonly Y[];
  readonly yTest: readonly Y[];
}

export interface TrainTestSplitOptions {
  /** Share of the rows to hold out; default 0.2. */
  readonly testSize?: number;
  /** Default 0. */
  readonly seed?: string | number;
}

/** Splits rows and their targets at random. @throws INVALID_DATA when the lengths differ or a part would be empty */
export function trainTestSplit<X, Y>(
  x: readonly X[],
  y: readonly Y[],
  { testSize = 0.2, seed = 0 }: TrainTestSplitOptions = {},
): TrainTestSplit<X, Y> {
  const held = Math.ceil(x.length * testSize);
  if (x.length !== y.length || held < 1 || held >= x.length) {
    throw new AmaasError(
      'INVALID_DATA',
      `trainTestSplit: ${x.length} rows and ${y.length} targets cannot be split with testSize ${testSize}`,
    );
  }
  const order = createRandom(seed)
    .fork('trainTestSplit')
    .shuffle([...x.keys()]);
  const take = <T>(values: readonly T[], rows: readonly number[]): T[] =>
    rows.flatMap((row) => values.slice(row, row + 1));
  const [test, train] = [order.slice(0, held), order.slice(held)];
  return { xTrain: take(x, train), xTest: take(x, test), yTrain: take(y, train), yTest: take(y, test) };
}

/** Brings every column to mean 0 and variance 1, by the rows it was fitted on. */
export class StandardScaler {
  #means: readonly number[] = [];
  #stdDevs: readonly number[] = [];

  /**
   * Learns mean and standard deviation (divided by the count) of every column.
   * @throws INVALID_DATA for rows that differ in width, and numbers that are missing or not finite
   */
  fit(rows: readonly (readonly number[])[]): this {
    const [first] = rows;
    if (first === undefined) throw new AmaasError('INVALID_DATA', 'StandardScaler: expected at least one row');
    for (const [index, row] of rows.entries()) {
      if (row.length !== first.length) {
        throw new AmaasError(
          'INVALID_DATA',
          `StandardScaler: row 0 has ${first.length} columns, row ${index} has ${row.length}`,
        );
      }
      assertFinite(row, index);
    }
    this.#means = first.map((_, column) => average(rows.map((row) => row[column] ?? Number.NaN)));
    this.#stdDevs = this.#means.map(
      (mean, column) => Math.sqrt(average(rows.map((row) => ((row[column] ?? Number.NaN) - mean) ** 2))) || 1,
    );
    return this;
  }

  /** @throws INVALID_DATA before `fit`, for rows of another width, and for numbers that are missing or not finite */
  transform(rows: readonly (readonly number[])[]): number[][] {
    return rows.map((row, index) => {
      if (row.length !== this.#means.length) {
        throw new AmaasError(
          'INVALID_DATA',
          this.#means.length === 0
            ? 'StandardScaler: fit it first'
            : `StandardScaler: fitted on ${this.#means.length} columns, got a row of ${row.length}`,
        );
      }
      assertFinite(row, index);
      return row.map((value, column) => (value - (this.#means[column] ?? 0)) / (this.#stdDevs[column] ?? 1));
    });
  }

  fitTransform(rows: readonly (readonly number[])[]): number[][] {
    return this.fit(rows).transform(rows);
  }
}

function assertFinite(row: readonly number[], index: number): void {
  const column = row.findIndex((value) => !Number.isFinite(value));
  if (column === -1) return;
  throw new AmaasError(
    'INVALID_DATA',
    `StandardScaler: expected finite numbers, row ${index} has ${row[column]} in column ${column}; fill in missing values first`,
  );
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
