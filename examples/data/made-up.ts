// Data made up by a seed, for examples that should run without any files.
import { createRandom } from '@amaas/learn';

export interface Rows {
  readonly x: number[][];
  readonly y: number[];
}

/** Two classes around two centres that overlap a little. */
export function makeBlobs({ rows, columns, seed }: { rows: number; columns: number; seed: number }): Rows {
  const random = createRandom(seed);
  const direction = Array.from({ length: columns }, () => random.normal() / Math.sqrt(columns));
  const y = Array.from({ length: rows }, () => random.integer(2));
  const x = y.map((label) => direction.map((along) => random.normal() + (label === 1 ? 2 : -2) * along));
  return { x, y };
}

/** Points of a plane with normal noise. */
export function makeLine(options: {
  rows: number;
  weights: readonly number[];
  bias: number;
  noiseStdDev: number;
  seed: number;
}): Rows {
  const random = createRandom(options.seed);
  const x = Array.from({ length: options.rows }, () => options.weights.map(() => random.normal()));
  const y = x.map((row) =>
    row.reduce(
      (sum, value, k) => sum + value * (options.weights[k] ?? 0),
      options.bias + options.noiseStdDev * random.normal(),
    ),
  );
  return { x, y };
}
