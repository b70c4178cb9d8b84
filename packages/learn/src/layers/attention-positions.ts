// Where tokens stand: what is added to them (sinusoids, a trained table), turns their queries and keys (rotary), or is added
// to the scores by distance (ALiBi). Knows nothing of attention itself.
// Sources: Vaswani et al. 2017; Su et al. 2021 (RoFormer); Press, Smith & Lewis 2022 (ALiBi).
import { AmaasError, formatShape } from '@amaas/core';
import { add, concat, constantOf, mul, slice, split, type Value } from '../graph/index.ts';
import { assertCount } from './dense.ts';
import { type InitializerChoice, initializerFor, normalInitializer } from './initializers.ts';
import { type Layer, layer } from './layer.ts';

/**
 * x + sinusoids of the position: sines at even columns, cosines at odd ones, wavelengths from 2π to 20,000π.
 * Shapes: x [batch, time, width], time and width known → the same.
 */
export function sinusoidalPositions(): Layer {
  return layer('sinusoidalPositions', (x) => {
    const { time, width } = timeAndWidth('sinusoidalPositions', x);
    return add(x, constantOf('float32', [time, width], sinusoids(time, width)));
  });
}

/** [time, width], row by row. */
export function sinusoids(time: number, width: number): Float64Array {
  return Float64Array.from({ length: time * width }, (_, index) => {
    const column = index % width;
    const angle = Math.floor(index / width) / 10_000 ** ((column - (column % 2)) / width);
    return column % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
  });
}

export interface LearnedPositionsOptions {
  /** Default: normal, deviation 0.02. */
  readonly initializer?: InitializerChoice;
}

/**
 * x + a trained row per position; parameter `positions` [most, width].
 * Shapes: x [batch, time ≤ most, width] → the same.
 */
export function learnedPositions(most: number, options: LearnedPositionsOptions = {}): Layer {
  assertCount('learnedPositions: most', most);
  return layer('learnedPositions', (x, scope) => {
    const { time, width } = timeAndWidth('learnedPositions', x);
    if (time > most) {
      throw new AmaasError('INVALID_GRAPH', `learnedPositions: expected at most ${most} positions, got ${time}`);
    }
    const initializer = initializerFor(options.initializer ?? normalInitializer(0, 0.02), {
      fanIn: most,
      fanOut: width,
    });
    return add(x, slice(scope.parameter('positions', [most, width], { initializer }), 0, 0, time));
  });
}

function timeAndWidth(operation: string, x: Value): { readonly time: number; readonly width: number } {
  const [time, width] = x.shape.slice(1);
  if (x.shape.length === 3 && typeof time === 'number' && typeof width === 'number') return { time, width };
  throw new AmaasError(
    'INVALID_GRAPH',
    `${operation}: expected [batch, time, width], time and width of known sizes, got ${formatShape(x.shape)}`,
  );
}

export interface RotaryOptions {
  /** Wavelengths go from 2π to 2π · base; default 10,000, as in RoFormer and Llama 2 (Llama 3 has 500,000). */
  readonly base?: number;
}

/**
 * Turns columns i and i + depth/2 against each other by position · base^(−2i/depth): the order of Hugging Face's and
 * GPT-NeoX's weights.
 * @param x - [time, batch, heads, depth]
 */
export function rotate(x: Value, { base = 10_000 }: RotaryOptions): Value {
  const [time, , , depth] = x.shape;
  if (typeof time !== 'number' || typeof depth !== 'number' || depth % 2 !== 0 || !(base > 0)) {
    throw new AmaasError(
      'INVALID_GRAPH',
      `rotary: expected [time, batch, heads, an even depth] and a base above 0, got ${formatShape(x.shape)} and ${base}`,
    );
  }
  const half = depth / 2;
  const { cosines, sines } = rotaryTables(time, depth, { base });
  const table = (numbers: Float64Array): Value => constantOf('float32', [time, 1, 1, depth], numbers);
  const [first = x, second = x] = split(x, 3, [half, half]);
  return add(mul(x, table(cosines)), mul(concat([second, first], 3), table(sines)));
}

/** What columns are multiplied by at each position, and what those half a depth away are; both [time, depth], row by row. */
export function rotaryTables(
  time: number,
  depth: number,
  { base = 10_000 }: RotaryOptions = {},
): { readonly cosines: Float64Array; readonly sines: Float64Array } {
  const half = depth / 2;
  const table = (of: (angle: number, isFirstHalf: boolean) => number): Float64Array =>
    Float64Array.from({ length: time * depth }, (_, index) => {
      const column = index % depth;
      return of(Math.floor(index / depth) / base ** ((2 * (column % half)) / depth), column < half);
    });
  return { cosines: table(Math.cos), sines: table((angle, isFirst) => (isFirst ? -Math.sin(angle) : Math.sin(angle))) };
}

/** How much a step back costs each head: powers of 2^(−8 / heads), between them where heads are no power of two. */
export function alibiSlopes(heads: number): readonly number[] {
  const whole = 2 ** Math.floor(Math.log2(heads));
  const powers = (count: number): readonly number[] =>
    Array.from({ length: count }, (_, head) => 2 ** ((-8 * (head + 1)) / count));
  const between = powers(2 * whole).filter((_, index) => index % 2 === 0);
  return [...powers(whole), ...between].slice(0, heads);
}
