// Window functions for short-time spectra, periodic: the first value of the next period would follow the last one.
// Source: F. J. Harris, "On the Use of Windows for Harmonic Analysis with the Discrete Fourier Transform" (1978).
import { AmaasError } from '@amaas/core';

export const WINDOW_KINDS = ['hann', 'hamming', 'blackman', 'rectangular'] as const;
export type WindowKind = (typeof WINDOW_KINDS)[number];

/** Weights of cos(2πkn/N) for k = 0, 1, 2. */
const COSINES: Readonly<Record<WindowKind, readonly number[]>> = {
  hann: [0.5, -0.5],
  hamming: [0.54, -0.46],
  blackman: [0.42, -0.5, 0.08],
  rectangular: [1],
};

/** The window's values, float64 [length]. @throws INVALID_CONFIG unless `length` is a whole number ≥ 1 */
export function windowValues(kind: WindowKind, length: number): Float64Array {
  if (!Number.isSafeInteger(length) || length < 1)
    throw new AmaasError('INVALID_CONFIG', `window: length must be a whole number ≥ 1, got ${length}`);
  return Float64Array.from({ length }, (_, at) =>
    COSINES[kind].reduce((sum, weight, k) => sum + weight * Math.cos((2 * Math.PI * k * at) / length), 0),
  );
}
