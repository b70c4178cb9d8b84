// Initial values of parameters by their standard names.
// Sources: Glorot & Bengio 2010 (glorot), He et al. 2015 (he), LeCun et al. 1998 (lecun), Saxe et al. 2014 (orthogonal);
// truncation at two standard deviations and its correction as in Keras.
import { AmaasError } from '@amaas/core';
import type { Random } from '../statistics/index.ts';

export interface Fans {
  /** Inputs that one output unit sums over. */
  readonly fanIn: number;
  /** Outputs that one input unit reaches. */
  readonly fanOut: number;
}

/** Draws the initial values of a tensor, row-major. */
export type Initializer = (shape: readonly number[], random: Random) => Float32Array;

/** What layers take: a standard name, or an initialiser of one's own. */
export type InitializerChoice = InitializerName | Initializer;

export const INITIALIZER_NAMES = [
  'zeros',
  'ones',
  'glorotUniform',
  'glorotNormal',
  'heUniform',
  'heNormal',
  'lecunUniform',
  'lecunNormal',
  'orthogonal',
] as const;

export type InitializerName = (typeof INITIALIZER_NAMES)[number];

/** All elements equal. */
export function constantInitializer(value: number): Initializer {
  return (shape) => new Float32Array(count(shape)).fill(value);
}

/** Uniform in [low, high). */
export function uniformInitializer(low: number, high: number): Initializer {
  return (shape, random) => fill(shape, () => low + (high - low) * random.uniform());
}

/** Normal. */
export function normalInitializer(mean: number, stdDev: number): Initializer {
  return (shape, random) => fill(shape, () => mean + stdDev * random.normal());
}

/** Normal, drawn again beyond two standard deviations of `stdDev`. */
export function truncatedNormalInitializer(mean: number, stdDev: number): Initializer {
  return (shape, random) =>
    fill(shape, () => {
      for (;;) {
        const drawn = random.normal();
        if (Math.abs(drawn) <= 2) return mean + stdDev * drawn;
      }
    });
}

/** A named initialiser for a tensor with these fans. */
export function initializerFor(choice: InitializerChoice, { fanIn, fanOut }: Fans): Initializer {
  if (typeof choice === 'function') return choice;
  switch (choice) {
    case 'zeros':
      return constantInitializer(0);
    case 'ones':
      return constantInitializer(1);
    case 'glorotUniform':
      return symmetric(Math.sqrt(6 / (fanIn + fanOut)));
    case 'glorotNormal':
      return scaledNormal(2 / (fanIn + fanOut));
    case 'heUniform':
      return symmetric(Math.sqrt(6 / fanIn));
    case 'heNormal':
      return scaledNormal(2 / fanIn);
    case 'lecunUniform':
      return symmetric(Math.sqrt(3 / fanIn));
    case 'lecunNormal':
      return scaledNormal(1 / fanIn);
    case 'orthogonal':
      return orthogonal;
    default:
      throw new AmaasError(
        'INVALID_ARGUMENT',
        `initializer: expected one of ${INITIALIZER_NAMES.join(', ')}, got ${String(choice satisfies never)}`,
      );
  }
}

function symmetric(limit: number): Initializer {
  return uniformInitializer(-limit, limit);
}

/** Truncation shrinks the variance; 0.8796… is the standard deviation of a standard normal cut at ±2. */
function scaledNormal(variance: number): Initializer {
  return truncatedNormalInitializer(0, Math.sqrt(variance) / 0.87962566103423978);
}

/** Rows (or columns, where there are fewer) orthonormal: Gram–Schmidt on normal draws. The first axis is the rows. */
const orthogonal: Initializer = (shape, random) => {
  const rows = shape[0] ?? 1;
  const columns = count(shape) / rows;
  const wide = columns >= rows;
  const vectors = wide ? rows : columns;
  const length = wide ? columns : rows;
  const basis: Float64Array[] = [];
  while (basis.length < vectors) {
    const vector = Float64Array.from({ length }, () => random.normal());
    // Twice is enough for float64. Kahan's rule, Parlett 1998.
    for (let pass = 0; pass < 2; pass++) {
      for (const other of basis) {
        const along = dot(vector, other);
        for (let k = 0; k < length; k++) vector[k] = (vector[k] ?? 0) - along * (other[k] ?? 0);
      }
    }
    const norm = Math.sqrt(dot(vector, vector));
    if (norm > 1e-8) basis.push(vector.map((value) => value / norm));
  }
  const result = new Float32Array(rows * columns);
  for (const [v, vector] of basis.entries()) {
    for (const [k, value] of vector.entries()) result[wide ? v * columns + k : k * columns + v] = value;
  }
  return result;
};

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += (a[k] ?? 0) * (b[k] ?? 0);
  return sum;
}

function count(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function fill(shape: readonly number[], draw: () => number): Float32Array {
  const values = new Float32Array(count(shape));
  for (let k = 0; k < values.length; k++) values[k] = draw();
  return values;
}
