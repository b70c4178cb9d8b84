// Is a group of rows worse than chance would make it? A permutation test that stops early, and Holm's correction for
// asking about many groups at once.
import type { Random } from './random.ts';

export interface GroupTest {
  /** Loss of every row; larger is worse. */
  readonly losses: ArrayLike<number>;
  /** Weight of every row; default 1 each. */
  readonly weights?: ArrayLike<number> | undefined;
  /** Row indices of the group, each once. */
  readonly group: ArrayLike<number>;
  readonly random: Random;
  /** Draws at most; the smallest p-value that can come out is 1 / (maxDraws + 1). */
  readonly maxDraws: number;
}

/** A p-value is settled once this many draws were at least as bad: its standard error is then a fifth of it. */
const ENOUGH_EXCEEDANCES = 25;

/**
 * One-sided permutation test that a group's mean loss is no larger than that of a random group of the same size.
 * Source: Besag and Clifford, "Sequential Monte Carlo p-values" (1991).
 * @returns the p-value; 1 for a group without rows or without weight.
 */
export function permutationTest({ losses, weights, group, random, maxDraws }: GroupTest): number {
  const rows = losses.length;
  const order = Uint32Array.from({ length: rows }, (_, row) => row);
  const meanOf = (members: ArrayLike<number>, count: number): number => {
    let sum = 0;
    let total = 0;
    for (let i = 0; i < count; i++) {
      const row = members[i] ?? 0;
      const weight = weights === undefined ? 1 : (weights[row] ?? 0);
      sum += weight * (losses[row] ?? 0);
      total += weight;
    }
    return sum / total;
  };
  const observed = meanOf(group, group.length);
  if (Number.isNaN(observed)) return 1;
  // Summing the same rows in another order changes the last bits; those are ties, and ties count against the finding.
  const tied = observed - Math.abs(observed) * 1e-12;
  let exceedances = 0;
  for (let draw = 1; draw <= maxDraws; draw++) {
    for (let i = 0; i < group.length; i++) {
      const j = i + random.integer(rows - i);
      const held = order[i] ?? 0;
      order[i] = order[j] ?? 0;
      order[j] = held;
    }
    if (meanOf(order, group.length) >= tied) exceedances++;
    if (exceedances === ENOUGH_EXCEEDANCES) return exceedances / draw;
  }
  return (exceedances + 1) / (maxDraws + 1);
}

/**
 * Corrects p-values for their number, so that the chance of any false finding among them stays below the level
 * they are compared with.
 * Source: Holm, "A Simple Sequentially Rejective Multiple Test Procedure" (1979).
 */
export function holmAdjust(pValues: readonly number[]): readonly number[] {
  const order = pValues.map((_, index) => index).sort((a, b) => (pValues[a] ?? 1) - (pValues[b] ?? 1));
  const adjusted = new Array<number>(pValues.length).fill(1);
  let highest = 0;
  order.forEach((index, rank) => {
    highest = Math.max(highest, Math.min(1, (pValues[index] ?? 1) * (pValues.length - rank)));
    adjusted[index] = highest;
  });
  return adjusted;
}
