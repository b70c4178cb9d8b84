// The largest singular values of a sparse matrix with their left vectors, by subspace iteration from a random start.
// Source: Halko, Martinsson and Tropp (2011), "Finding Structure with Randomness", algorithms 4.4 and 5.1.
import type { Random } from '../statistics/index.ts';
import type { Pauses } from './pauses.ts';
import { decomposeSymmetric } from './symmetric-eigen.ts';

/** Compressed rows: row r holds columns[k], values[k] for starts[r] ≤ k < starts[r + 1]. */
export interface SparseMatrix {
  readonly rows: number;
  readonly columns: number;
  readonly starts: Int32Array;
  readonly places: Int32Array;
  readonly values: Float32Array;
}

export interface SvdOptions {
  readonly rank: number;
  /** Passes over the matrix and its transpose, ≥ 0; more separate values that lie close together. */
  readonly iterations: number;
  /** Further vectors carried along for accuracy. */
  readonly oversampling: number;
  readonly random: Random;
  readonly pauses: Pauses;
  readonly onProgress?: (done: number) => void;
}

export interface LeftSingular {
  /** Largest first; 0 beyond the matrix's rank. */
  readonly values: Float64Array;
  /** One per value, of length 1 or, beyond the rank, 0. */
  readonly vectors: readonly Float64Array[];
}

/** Memory: 16 bytes per row and vector carried along, and as much per column. */
export async function decomposeSparse(matrix: SparseMatrix, options: SvdOptions): Promise<LeftSingular> {
  const { rank, iterations, oversampling, random, pauses, onProgress } = options;
  const carried = Math.min(rank + oversampling, matrix.rows, matrix.columns);
  const passes = 2 + 2 * iterations;
  let passed = 0;
  const apply = async (vectors: readonly Float64Array[], transposed: boolean): Promise<Float64Array[]> => {
    const results: Float64Array[] = [];
    for (const vector of vectors) {
      results.push(transposed ? multiplyTransposed(matrix, vector) : multiply(matrix, vector));
      onProgress?.((passed + results.length / vectors.length) / passes);
      await pauses.takeIfLate();
    }
    passed++;
    return results;
  };
  const start = Array.from({ length: carried }, () =>
    Float64Array.from({ length: matrix.columns }, () => random.normal()),
  );
  let basis = await orthonormalize(await apply(start, false), pauses);
  for (let k = 0; k < iterations; k++) {
    const others = await orthonormalize(await apply(basis, true), pauses);
    basis = await orthonormalize(await apply(others, false), pauses);
  }
  // QᵀA is small on one side: its left singular vectors are the eigenvectors of QᵀA·AᵀQ.
  const projected = await apply(basis, true);
  const gram = new Float64Array(carried * carried);
  for (const [i, a] of projected.entries()) {
    for (let j = 0; j <= i; j++) {
      const product = dot(a, projected[j] ?? a);
      gram[i * carried + j] = product;
      gram[j * carried + i] = product;
    }
    await pauses.takeIfLate();
  }
  const { values, vectors } = await decomposeSymmetric(gram, carried, pauses);
  const kept = Math.min(rank, carried);
  const left: Float64Array[] = [];
  for (let k = 0; k < kept; k++) {
    const sum = new Float64Array(matrix.rows);
    for (const [row, vector] of basis.entries()) addScaled(sum, vector, vectors[row * carried + k] ?? 0);
    left.push(sum);
    await pauses.takeIfLate();
  }
  return { values: values.subarray(0, kept).map((value) => Math.sqrt(Math.max(0, value))), vectors: left };
}

function multiply({ rows, starts, places, values }: SparseMatrix, vector: Float64Array): Float64Array {
  const result = new Float64Array(rows);
  for (let row = 0; row < rows; row++) {
    const end = starts[row + 1] ?? 0;
    let sum = 0;
    for (let k = starts[row] ?? 0; k < end; k++) sum += (values[k] ?? 0) * (vector[places[k] ?? 0] ?? 0);
    result[row] = sum;
  }
  return result;
}

function multiplyTransposed(
  { rows, columns, starts, places, values }: SparseMatrix,
  vector: Float64Array,
): Float64Array {
  const result = new Float64Array(columns);
  for (let row = 0; row < rows; row++) {
    const factor = vector[row] ?? 0;
    const end = starts[row + 1] ?? 0;
    for (let k = starts[row] ?? 0; k < end; k++) {
      const place = places[k] ?? 0;
      result[place] = (result[place] ?? 0) + factor * (values[k] ?? 0);
    }
  }
  return result;
}

/** What is left of a vector that depends on those before it, as a part of its length. */
const DEPENDENT = 1e-10;

/** By Gram and Schmidt, each vector twice, which keeps them orthogonal to rounding. Works in place; dependent ones become 0. */
async function orthonormalize(vectors: Float64Array[], pauses: Pauses): Promise<Float64Array[]> {
  for (const [index, vector] of vectors.entries()) {
    const before = Math.sqrt(dot(vector, vector));
    for (let pass = 0; pass < 2; pass++) {
      for (let k = 0; k < index; k++) {
        const other = vectors[k] ?? vector;
        addScaled(vector, other, -dot(vector, other));
      }
    }
    const after = Math.sqrt(dot(vector, vector));
    const scale = after > DEPENDENT * before ? 1 / after : 0;
    for (let k = 0; k < vector.length; k++) vector[k] = (vector[k] ?? 0) * scale;
    await pauses.takeIfLate();
  }
  return vectors;
}

function dot(a: Float64Array, b: Float64Array): number {
  const whole = a.length - (a.length % 2);
  let even = 0;
  let odd = 0;
  for (let k = 0; k < whole; k += 2) {
    even += (a[k] ?? 0) * (b[k] ?? 0);
    odd += (a[k + 1] ?? 0) * (b[k + 1] ?? 0);
  }
  if (whole < a.length) even += (a[whole] ?? 0) * (b[whole] ?? 0);
  return even + odd;
}

function addScaled(to: Float64Array, vector: Float64Array, factor: number): void {
  for (let k = 0; k < to.length; k++) to[k] = (to[k] ?? 0) + factor * (vector[k] ?? 0);
}
