// The standard normal distribution to almost float64 precision, in both tails.

const SQRT_2 = Math.SQRT2;
const SQRT_PI = Math.sqrt(Math.PI);

/** P(Z ≤ z) of a standard normal Z; relative error below 1e-13, in the lower tail too. */
export function normalCdf(z: number): number {
  return 0.5 * complementaryErrorFunction(-z / SQRT_2);
}

/**
 * The z with P(Z ≤ z) = probability; ∓Infinity at 0 and 1, NaN outside.
 * Source: a rational start (Abramowitz and Stegun 26.2.23, error below 5e-4), then Halley's iteration.
 */
export function normalQuantile(probability: number): number {
  if (!(probability >= 0 && probability <= 1)) return Number.NaN;
  if (probability === 0) return Number.NEGATIVE_INFINITY;
  if (probability === 1) return Number.POSITIVE_INFINITY;
  if (probability > 0.5) return -normalQuantile(1 - probability); // keeps the iteration in the precise tail
  const t = Math.sqrt(-2 * Math.log(probability));
  const numerator = 2.515517 + t * (0.802853 + t * 0.010328);
  const denominator = 1 + t * (1.432788 + t * (0.189269 + t * 0.001308));
  let z = numerator / denominator - t;
  for (let i = 0; i < 3; i++) {
    const step = (normalCdf(z) - probability) * SQRT_2 * SQRT_PI * Math.exp((z * z) / 2);
    z -= step / (1 + (z * step) / 2);
  }
  return z;
}

/** 1 − erf(x). */
function complementaryErrorFunction(x: number): number {
  if (Number.isNaN(x)) return Number.NaN;
  if (x < 0) return 2 - complementaryErrorFunction(-x);
  return x < 2 ? 1 - errorFunctionSeries(x) : errorTail(x);
}

/** erf for small x by a series of positive terms only: e^(−x²) · Σ 2ⁿ x^(2n+1) / (1·3·…·(2n+1)) · 2/√π. */
function errorFunctionSeries(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; term > sum * 1e-17; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / SQRT_PI) * Math.exp(-x * x) * sum;
}

/** erfc for x ≥ 2 by its continued fraction, evaluated from the far end; 60 levels are past float64 there. */
function errorTail(x: number): number {
  let fraction = x;
  for (let k = 60; k >= 1; k--) fraction = x + k / 2 / fraction;
  return Math.exp(-x * x) / (SQRT_PI * fraction);
}
