// The normal distribution's cumulative function, to about 1e-14 absolute.
// Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.6 (series) and 7.1.14 (continued fraction).

/** Φ(x): the chance that a standard normal variate is at most x. */
export function normalCdf(x: number): number {
  const z = Math.abs(x) / Math.SQRT2;
  const upperTail = z < 2.5 ? 0.5 - 0.5 * erfSeries(z) : 0.5 * erfcFraction(z);
  return x > 0 ? 1 - upperTail : upperTail;
}

function erfSeries(z: number): number {
  let term = z;
  let sum = z;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum) && n < 200; n++) {
    term *= (2 * z * z) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-z * z) * sum;
}

function erfcFraction(z: number): number {
  let tail = z;
  for (let k = 60; k >= 1; k--) tail = z + k / 2 / tail;
  return Math.exp(-z * z) / (tail * Math.sqrt(Math.PI));
}
