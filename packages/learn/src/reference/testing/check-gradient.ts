// Holds derivatives against central finite differences in float64, and forward values against another executor.
import assert from 'node:assert/strict';
import { gradients, input, mul, reduceSum, type Value, constantOf } from '../../graph/index.ts';
import { createRandom } from '../../statistics/index.ts';
import { evaluate, type NumericArray, numbersOf } from '../index.ts';

export interface GradientCase {
  /** Shapes of the inputs `build` is given, in order. */
  readonly shapes: readonly (readonly number[])[];
  readonly build: (...inputs: Value[]) => Value;
  /** Values of the inputs; default: normal, drawn from the seed. Keep away from kinks. */
  readonly values?: readonly (readonly number[] | null)[];
  /** Applied to drawn values, e.g. Math.exp to make them positive. */
  readonly transform?: (value: number, inputIndex: number) => number;
  readonly seed?: string;
  /** Largest |difference| / max(1, |numeric|); central differences of smooth float64 functions reach about 1e-9. */
  readonly tolerance?: number;
}

/** Compares every partial derivative of a random projection of the result. */
export function checkGradient({
  shapes,
  build,
  values,
  transform,
  seed = 'gradient',
  tolerance = 1e-6,
}: GradientCase): void {
  const random = createRandom(seed);
  const sources = shapes.map((shape, index) => input(`x${index}`, 'float64', shape));
  const result = build(...sources);
  const size = result.shape.reduce<number>((total, each) => total * Number(each), 1);
  const weights = constantOf(
    'float64',
    result.shape.map(Number),
    Array.from({ length: size }, () => random.normal()),
  );
  const projected = reduceSum(mul(result, weights));
  const arrays: NumericArray[] = shapes.map((shape, index) => {
    const count = shape.reduce((total, each) => total * each, 1);
    const given = values?.[index];
    const data =
      given ??
      Array.from({ length: count }, () => {
        const drawn = random.normal();
        return transform === undefined ? drawn : transform(drawn, index);
      });
    assert.equal(data.length, count, `input ${index} needs ${count} values`);
    return { dtype: 'float64', shape, data: Float64Array.from(data) };
  });
  const feeds = new Map(sources.map((source, index) => [source, arrays[index] ?? assert.fail()]));
  const analytic = evaluate(gradients(projected, sources), feeds).map(numbersOf);
  const step = 1e-5;
  const at = (): number => numbersOf(evaluate([projected], feeds)[0]).data[0] ?? Number.NaN;
  for (const [index, { data }] of arrays.entries()) {
    const gradient = analytic[index];
    assert.deepEqual(gradient?.shape, shapes[index]);
    for (let element = 0; element < data.length; element++) {
      const middle = data[element] ?? 0;
      data[element] = middle + step;
      const above = at();
      data[element] = middle - step;
      const below = at();
      data[element] = middle;
      const numeric = (above - below) / (2 * step);
      const found = gradient?.data[element] ?? Number.NaN;
      assert(
        Math.abs(found - numeric) <= tolerance * Math.max(1, Math.abs(numeric)),
        `d/dx${index}[${element}]: ${found}, finite differences give ${numeric}`,
      );
    }
  }
}
