// Eigenvalues and eigenvectors of small symmetric matrices by Jacobi's rotations: slow for large ones, simple and accurate.
// Source: Golub and Van Loan, "Matrix Computations", 4th edition, section 8.5 (cyclic Jacobi).
import type { Pauses } from './pauses.ts';

export interface SymmetricEigen {
  /** Largest first. */
  readonly values: Float64Array;
  /** [size, size] row-major, an eigenvector per column. */
  readonly vectors: Float64Array;
}

/** Sweeps over all pairs; seven to ten are needed, whatever the size. */
const MAX_SWEEPS = 60;

/** @param matrix - [size, size] row-major; overwritten */
export async function decomposeSymmetric(matrix: Float64Array, size: number, pauses: Pauses): Promise<SymmetricEigen> {
  // Eigenvectors as rows while rotating: both then run along memory.
  const rows = new Float64Array(size * size);
  for (let k = 0; k < size; k++) rows[k * size + k] = 1;
  const scale = matrix.reduce((sum, value) => sum + value * value, 0);
  for (let sweep = 0; sweep < MAX_SWEEPS && offDiagonal(matrix, size) > 1e-30 * scale; sweep++) {
    for (let p = 0; p < size; p++) {
      for (let q = p + 1; q < size; q++) rotate(matrix, rows, { size, p, q });
      await pauses.takeIfLate();
    }
  }
  const diagonalAt = (k: number): number => matrix[k * size + k] ?? 0;
  const order = Array.from({ length: size }, (_, k) => k).sort((a, b) => diagonalAt(b) - diagonalAt(a));
  const vectors = new Float64Array(size * size);
  order.forEach((from, to) => {
    for (let k = 0; k < size; k++) vectors[k * size + to] = rows[from * size + k] ?? 0;
  });
  return { values: Float64Array.from(order, diagonalAt), vectors };
}

function offDiagonal(matrix: Float64Array, size: number): number {
  let sum = 0;
  for (let p = 0; p < size; p++) for (let q = 0; q < p; q++) sum += 2 * (matrix[p * size + q] ?? 0) ** 2;
  return sum;
}

interface Pair {
  readonly size: number;
  readonly p: number;
  readonly q: number;
}

/** Turns the plane of p and q so that their common element becomes 0. */
function rotate(matrix: Float64Array, vectors: Float64Array, { size, p, q }: Pair): void {
  const element = matrix[p * size + q] ?? 0;
  if (element === 0) return;
  const tau = ((matrix[q * size + q] ?? 0) - (matrix[p * size + p] ?? 0)) / (2 * element);
  const tangent = Math.sign(tau || 1) / (Math.abs(tau) + Math.sqrt(1 + tau * tau));
  const cosine = 1 / Math.sqrt(1 + tangent * tangent);
  const sine = tangent * cosine;
  turnRows(matrix, { from: p * size, to: q * size, length: size, cosine, sine });
  for (let k = 0; k < size; k++) {
    const [a, b] = [matrix[k * size + p] ?? 0, matrix[k * size + q] ?? 0];
    matrix[k * size + p] = cosine * a - sine * b;
    matrix[k * size + q] = sine * a + cosine * b;
  }
  turnRows(vectors, { from: p * size, to: q * size, length: size, cosine, sine });
}

interface Turn {
  readonly from: number;
  readonly to: number;
  readonly length: number;
  readonly cosine: number;
  readonly sine: number;
}

function turnRows(matrix: Float64Array, { from, to, length, cosine, sine }: Turn): void {
  for (let k = 0; k < length; k++) {
    const a = matrix[from + k] ?? 0;
    const b = matrix[to + k] ?? 0;
    matrix[from + k] = cosine * a - sine * b;
    matrix[to + k] = sine * a + cosine * b;
  }
}
