// Sound at another sample rate: the signal is interpolated by a windowed sinc at exactly the new instants, so that up- and
// downsampling by any ratio of whole numbers are one sum. The filter is that of scipy.signal.resample_poly.
// Source: J. O. Smith, "Digital Audio Resampling Home Page" (polyphase form); J. F. Kaiser, "Nonrecursive Digital Filter
// Design Using the I0-sinh Window Function" (1974).
import { AmaasError } from '@amaas/core';

/** Zero crossings of the sinc kept on each side, and the window's shape: about 50 dB of stop-band attenuation. */
const ZERO_CROSSINGS = 10;
const KAISER_BETA = 5;
/** Greatest term of the reduced ratio: the filter has 20 times as many values. Rates in use stay below 1,000. */
const MAX_TERM = 20_000;

/**
 * Samples taken at `fromHz` as they would be at `toHz`; ⌈n · toHz / fromHz⌉ of them. Beyond both ends the signal is zero.
 * @throws INVALID_DATA when the rates are not whole numbers ≥ 1 or their reduced ratio has a term above 20,000.
 */
export function resample(samples: Float32Array, fromHz: number, toHz: number): Float32Array {
  for (const rate of [fromHz, toHz]) {
    if (!Number.isSafeInteger(rate) || rate < 1)
      throw new AmaasError('INVALID_DATA', `resample: rates must be whole numbers ≥ 1, got ${rate} Hz`);
  }
  if (fromHz === toHz) return samples;
  const divisor = greatestCommonDivisor(fromHz, toHz);
  const up = toHz / divisor;
  const down = fromHz / divisor;
  if (Math.max(up, down) > MAX_TERM) {
    throw new AmaasError(
      'INVALID_DATA',
      `resample: ${fromHz} Hz to ${toHz} Hz is the ratio ${up} : ${down}; terms up to ${MAX_TERM} are supported`,
    );
  }
  const halfLength = ZERO_CROSSINGS * Math.max(up, down);
  const filter = lowPass(halfLength, 1 / Math.max(up, down), up);
  const resampled = new Float32Array(Math.ceil((samples.length * up) / down));
  for (let at = 0; at < resampled.length; at++) {
    // Both signals on the grid of `up · fromHz` instants: the new one stands at at · down, the old ones at index · up.
    const centre = at * down;
    const first = Math.max(0, Math.ceil((centre - halfLength) / up));
    const last = Math.min(samples.length - 1, Math.floor((centre + halfLength) / up));
    let sum = 0;
    for (let index = first; index <= last; index++)
      sum += (samples[index] ?? 0) * (filter[halfLength + centre - index * up] ?? 0);
    resampled[at] = sum;
  }
  return resampled;
}

/** Kaiser-windowed sinc of 2 · halfLength + 1 values that sum to `gain`; `cutoff` is relative to half the sample rate. */
function lowPass(halfLength: number, cutoff: number, gain: number): Float64Array {
  const filter = new Float64Array(2 * halfLength + 1);
  let sum = 0;
  for (let at = 0; at < filter.length; at++) {
    const distance = at - halfLength;
    const angle = Math.PI * cutoff * distance;
    const sinc = distance === 0 ? 1 : Math.sin(angle) / angle;
    const edge = distance / halfLength;
    const value = sinc * besselI0(KAISER_BETA * Math.sqrt(1 - edge * edge));
    filter[at] = value;
    sum += value;
  }
  return filter.map((value) => (value * gain) / sum);
}

/** Modified Bessel function of the first kind and order 0, by its power series; exact to double precision below 20. */
function besselI0(x: number): number {
  const quarter = (x * x) / 4;
  let term = 1;
  let sum = 1;
  for (let k = 1; term > sum * Number.EPSILON; k++) {
    term *= quarter / (k * k);
    sum += term;
  }
  return sum;
}

function greatestCommonDivisor(a: number, b: number): number {
  let [larger, smaller] = [a, b];
  while (smaller > 0) [larger, smaller] = [smaller, larger % smaller];
  return larger;
}
