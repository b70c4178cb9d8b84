// Values of NumPy 2.4.6 in float64, made once: singular values and left vectors (numpy.linalg.svd) of a matrix of which 60 %
// are 0; a product of 12×3 and 3×10; symmetric counts with PPMI = max(0, log((C/n) / (p_w p_c)) − log shift), p_c being the
// column sums to the power and again of sum 1; and FNV-1a with bytes above 127 taken as negative, in Python's integers.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

interface NumpyValues {
  readonly matrix: readonly (readonly number[])[];
  readonly singularValues: readonly number[];
  readonly leftVectors: readonly (readonly number[])[];
  readonly lowRank: readonly (readonly number[])[];
  readonly counts: readonly (readonly number[])[];
  readonly ppmi: readonly {
    readonly contextSmoothing: number;
    readonly shift: number;
    readonly values: readonly (readonly number[])[];
  }[];
  readonly hashes: Readonly<Record<string, number>>;
}

export const numpyValues: NumpyValues = JSON.parse(
  readFileSync(join(import.meta.dirname, 'numpy-values.json'), 'utf8'),
);
