// How many rows each part of a split gets: whole numbers from shares, exactly and without rounding surprises.
import { AmaasError } from '@amaas/core';

/** Rows of the three parts; they add up to the rows split. */
export interface PartSizes {
  readonly train: number;
  readonly validation: number;
  readonly test: number;
}

/**
 * Sizes for shares (above 0, below 1) or counts (whole, from 1; 0 for no such part) of `rowCount` rows. A share of a
 * part is rounded up, so that no part asked for is empty, and training gets the rest, at least one row.
 * @throws INVALID_ARGUMENT on a share or count out of range; INVALID_DATA where nothing is left for training.
 */
export function computePartSizes(
  rowCount: number,
  { test, validation }: { readonly test: number; readonly validation: number },
): PartSizes {
  const testRows = partRows('test', test, rowCount);
  const validationRows = partRows('validation', validation, rowCount);
  const train = rowCount - testRows - validationRows;
  if (train < 1) {
    throw new AmaasError(
      'INVALID_DATA',
      `split: ${rowCount} rows cannot give ${testRows} for testing and ${validationRows} for validation ` +
        'and leave any for training; ask for smaller parts or add rows',
    );
  }
  return { train, validation: validationRows, test: testRows };
}

function partRows(part: string, size: number, rowCount: number): number {
  if (size >= 0 && Number.isInteger(size)) return size;
  // 0.55 × 100 is 55.000000000000007: what a share means must not depend on binary fractions.
  if (size > 0 && size < 1) return Math.ceil(size * rowCount - 1e-9 * rowCount);
  throw new AmaasError(
    'INVALID_ARGUMENT',
    `split: ${part} must be a share above 0 and below 1 or a whole number of rows, got ${size}`,
  );
}

/**
 * Shares `seats` out among classes in proportion to their sizes by the method of largest remainders; ties go to the
 * larger class, then to the earlier one.
 * @param sizes - rows of each class
 * @param seats - at most the sum of `sizes`
 */
export function allotSeats(sizes: readonly number[], seats: number): number[] {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total === 0) return sizes.map(() => 0);
  const allotted = sizes.map((size) => Math.floor((size * seats) / total));
  let left = seats - allotted.reduce((sum, count) => sum + count, 0);
  // Remainders as whole numbers of 1/total, so that equal ones compare equal.
  const order = sizes
    .map((size, index) => ({ index, size, remainder: (size * seats) % total }))
    .sort((a, b) => b.remainder - a.remainder || b.size - a.size || a.index - b.index);
  for (const { index } of order) {
    if (left === 0) break;
    allotted[index] = (allotted[index] ?? 0) + 1;
    left--;
  }
  return allotted;
}

/**
 * {@link allotSeats}, then corrected for rare classes: no class loses its last row to the part (it stays for the
 * others to learn from), and each class with at least `minSize` rows gets a seat, taken from the class with most
 * seats, while there are seats to take.
 */
export function allotStratifiedSeats(sizes: readonly number[], seats: number, minSize: number): number[] {
  const allotted = allotSeats(sizes, seats);
  const spare = (index: number): number => (sizes[index] ?? 0) - 1 - (allotted[index] ?? 0);
  sizes.forEach((_, index) => {
    if (spare(index) >= 0) return;
    const taker = indexOfMost(sizes.map((__, other) => spare(other)));
    if (spare(taker) < 1) return; // every class is down to its last row
    move(allotted, { from: index, to: taker });
  });
  sizes.forEach((size, index) => {
    if (size < minSize || (allotted[index] ?? 0) > 0) return;
    const giver = indexOfMost(allotted);
    if ((allotted[giver] ?? 0) > 1) move(allotted, { from: giver, to: index });
  });
  return allotted;
}

function move(seats: number[], { from, to }: { readonly from: number; readonly to: number }): void {
  seats[from] = (seats[from] ?? 0) - 1;
  seats[to] = (seats[to] ?? 0) + 1;
}

function indexOfMost(values: readonly number[]): number {
  let most = 0;
  values.forEach((value, index) => {
    if (value > (values[most] ?? 0)) most = index;
  });
  return most;
}
