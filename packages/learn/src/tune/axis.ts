// One parameter as an axis: its values mapped to the unit interval and back, on a logarithmic scale where the
// distribution says so. Samplers work on axes only, so that scales and steps are known here and nowhere else.
import {
  buildConfiguration,
  type Configuration,
  type Distribution,
  type JsonValue,
  type SearchSpace,
  sameJson,
} from './search-space.ts';

/** What a sampler must know of a parameter. Ordinal values have an order and cells in [0, 1); categories do not. */
export type Axis =
  | { readonly kind: 'continuous' }
  | { readonly kind: 'ordinal'; readonly count: number }
  | { readonly kind: 'categorical'; readonly count: number };

/** The kind of axis a distribution spans; a constant is a single category. */
export function axisOf(distribution: Distribution): Axis {
  switch (distribution.kind) {
    case 'uniform':
      return distribution.step === null ? { kind: 'continuous' } : { kind: 'ordinal', count: stepCount(distribution) };
    case 'logUniform':
      return { kind: 'continuous' };
    case 'integer':
      return { kind: 'ordinal', count: stepCount(distribution) };
    case 'logInteger':
      return { kind: 'ordinal', count: distribution.high - distribution.low + 1 };
    case 'choice':
      return { kind: 'categorical', count: distribution.values.length };
    case 'boolean':
      return { kind: 'categorical', count: 2 };
    case 'constant':
      return { kind: 'categorical', count: 1 };
    default:
      return distribution satisfies never;
  }
}

/** The value at a point of the unit interval. @param unit - 0 … 1; 1 gives the last value */
export function valueAt(distribution: Distribution, unit: number): JsonValue {
  switch (distribution.kind) {
    case 'uniform':
      if (distribution.step !== null) break;
      return between(distribution, distribution.low + unit * (distribution.high - distribution.low));
    case 'logUniform': {
      const low = Math.log(distribution.low);
      return between(distribution, Math.exp(low + unit * (Math.log(distribution.high) - low)));
    }
    case 'logInteger': {
      const [low, high] = logBounds(distribution);
      return between(distribution, Math.round(Math.exp(low + unit * (high - low))));
    }
    default:
  }
  const axis = axisOf(distribution);
  const count = axis.kind === 'continuous' ? 1 : axis.count; // continuous axes were answered above
  return valueOfIndex(distribution, Math.min(count - 1, Math.floor(unit * count)));
}

/** The point of the unit interval a value stands at: for ordinal values and categories the middle of their cell. */
export function unitOf(distribution: Distribution, value: JsonValue): number {
  if (distribution.kind === 'uniform' && distribution.step === null) {
    return (Number(value) - distribution.low) / (distribution.high - distribution.low);
  }
  if (distribution.kind === 'logUniform') {
    const low = Math.log(distribution.low);
    return (Math.log(Number(value)) - low) / (Math.log(distribution.high) - low);
  }
  const [from, to] = cellOf(distribution, indexOfValue(distribution, value));
  return (from + to) / 2;
}

/** The unit interval's part that belongs to one ordinal value or category. */
export function cellOf(distribution: Distribution, index: number): readonly [from: number, to: number] {
  if (distribution.kind === 'logInteger') {
    const [low, high] = logBounds(distribution);
    const edge = (i: number): number => (Math.log(distribution.low + i - 0.5) - low) / (high - low);
    return [edge(index), edge(index + 1)];
  }
  const axis = axisOf(distribution);
  const count = axis.kind === 'continuous' ? 1 : axis.count;
  return [index / count, (index + 1) / count];
}

/** The value with a number; ordinal values count upwards, categories as listed. @param index - 0 … count − 1 */
export function valueOfIndex(distribution: Distribution, index: number): JsonValue {
  switch (distribution.kind) {
    case 'uniform':
      // Twelve digits, so that 0.1 · 3 is written 0.3.
      return between(distribution, Number((distribution.low + index * (distribution.step ?? 0)).toPrecision(12)));
    case 'integer':
      return distribution.low + index * distribution.step;
    case 'logInteger':
      return distribution.low + index;
    case 'choice':
      return distribution.values[index] ?? null; // an index in range has a value; null may be one itself
    case 'boolean':
      return index === 1;
    case 'constant':
      return distribution.value;
    case 'logUniform':
      return between(distribution, distribution.low);
    default:
      return distribution satisfies never;
  }
}

/** The number of a value on a finite axis, or −1 when it is none of the axis's values. */
export function indexOfValue(distribution: Distribution, value: JsonValue): number {
  switch (distribution.kind) {
    case 'uniform':
    case 'integer': {
      if (typeof value !== 'number') return -1;
      const index = Math.round((value - distribution.low) / (distribution.step ?? Number.POSITIVE_INFINITY));
      return index >= 0 && index < stepCount(distribution) && valueOfIndex(distribution, index) === value ? index : -1;
    }
    case 'logInteger':
      return Number.isInteger(value) && isInRange(distribution, value) ? Number(value) - distribution.low : -1;
    case 'choice':
      return distribution.values.findIndex((choice) => sameJson(choice, value));
    case 'boolean':
      return typeof value === 'boolean' ? Number(value) : -1;
    case 'constant':
      return sameJson(distribution.value, value) ? 0 : -1;
    case 'logUniform':
      return -1;
    default:
      return distribution satisfies never;
  }
}

/** Whether a parameter can have this value. */
export function isOnAxis(distribution: Distribution, value: JsonValue): boolean {
  if (distribution.kind === 'logUniform' || (distribution.kind === 'uniform' && distribution.step === null)) {
    return isInRange(distribution, value);
  }
  return indexOfValue(distribution, value) >= 0;
}

/** The configuration at a point of the unit cube. @param units - one coordinate per parameter; those of inactive ones are not read */
export function decodeConfiguration(space: SearchSpace, units: ArrayLike<number>): Configuration {
  return buildConfiguration(space, ({ distribution }, index) => valueAt(distribution, units[index] ?? 0));
}

/** The point of the unit cube a configuration stands at; NaN where a parameter is inactive. */
export function encodeConfiguration(space: SearchSpace, configuration: Configuration): Float64Array {
  return Float64Array.from(space.parameters, ({ name, distribution }) => {
    const value = configuration.get(name);
    return value === undefined ? Number.NaN : unitOf(distribution, value);
  });
}

function stepCount({
  low,
  high,
  step,
}: {
  readonly low: number;
  readonly high: number;
  readonly step: number | null;
}): number {
  // The allowance keeps high in the range where low + n · step misses it by rounding only.
  return step === null ? 1 : Math.floor((high - low) / step + 1e-9) + 1;
}

/** Half a unit beyond both ends, so that each whole number gets its fair share. */
function logBounds({ low, high }: { readonly low: number; readonly high: number }): readonly [number, number] {
  return [Math.log(low - 0.5), Math.log(high + 0.5)];
}

function between({ low, high }: { readonly low: number; readonly high: number }, value: number): number {
  return Math.min(high, Math.max(low, value));
}

function isInRange({ low, high }: { readonly low: number; readonly high: number }, value: JsonValue): boolean {
  return typeof value === 'number' && value >= low && value <= high;
}
