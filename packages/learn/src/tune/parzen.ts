// A Parzen estimate of where configurations lie: one kernel per observed configuration and the distribution of the
// space itself as prior, which counts as much as one observation. A kernel is a product over parameters: a truncated
// normal on numeric axes, a smoothed point mass on categories.
// Source: Bergstra et al. 2011, "Algorithms for hyper-parameter optimization"; products of kernels as in Falkner et al.
// 2018 (BOHB); widths from neighbours with a floor as in Bergstra et al. 2013, "Making a science of model search".
import { normalCdf, type Random } from '../statistics/index.ts';
import { axisOf, cellOf, indexOfValue, unitOf, valueAt, valueOfIndex } from './axis.ts';
import type { Configuration, Distribution, JsonValue, Parameter } from './search-space.ts';

export interface ParzenEstimate {
  /** Values for the parameters, in their order. */
  sample(random: Random): readonly JsonValue[];
  /** Density at these values relative to the prior's; above 0. */
  density(values: readonly JsonValue[]): number;
}

/** The kernels of all observations along one parameter. */
interface KernelColumn {
  sample(observation: number, random: Random): JsonValue;
  /** Multiplies each observation's product by its kernel's density at the value. */
  multiply(products: Float64Array, value: JsonValue): void;
}

/** No kernel is narrower than this part of the range over (observations + 2); half of hyperopt's, which searched better. */
const WIDTH_FLOOR = 0.5;
const MAX_FLOOR_OBSERVATIONS = 100;

/** @param observations - configurations in which all `parameters` are active; may be empty. */
export function createParzenEstimate(
  parameters: readonly Parameter[],
  observations: readonly Configuration[],
): ParzenEstimate {
  const columns = parameters.map(({ name, distribution }) => {
    const values = observations.map((configuration) => configuration.get(name) ?? null); // active, so never null for lack of one
    return axisOf(distribution).kind === 'categorical'
      ? createCategoryColumn(distribution, values)
      : createNumericColumn(distribution, values);
  });
  const count = observations.length;
  return {
    sample(random) {
      const observation = random.integer(count + 1);
      if (observation === count) return parameters.map(({ distribution }) => valueAt(distribution, random.uniform()));
      return columns.map((column) => column.sample(observation, random));
    },
    density(values) {
      const products = new Float64Array(count).fill(1);
      for (const [axis, column] of columns.entries()) column.multiply(products, values[axis] ?? null);
      return products.reduce((sum, product) => sum + product, 1) / (count + 1);
    },
  };
}

function createCategoryColumn(distribution: Distribution, values: readonly JsonValue[]): KernelColumn {
  const axis = axisOf(distribution);
  const categories = axis.kind === 'continuous' ? 1 : axis.count;
  const centres = Int32Array.from(values, (value) => indexOfValue(distribution, value));
  // One observation's worth of doubt, shared by all kernels and given to every category.
  const doubt = 1 / (values.length + 1);
  const total = 1 + doubt * categories;
  return {
    sample(observation, random) {
      const keep = random.uniform() * total < 1;
      return valueOfIndex(distribution, keep ? (centres[observation] ?? 0) : random.integer(categories));
    },
    multiply(products, value) {
      const index = indexOfValue(distribution, value);
      const elsewhere = (doubt / total) * categories;
      const here = ((1 + doubt) / total) * categories;
      for (const [i, centre] of centres.entries())
        products[i] = (products[i] ?? 0) * (centre === index ? here : elsewhere);
    },
  };
}

function createNumericColumn(distribution: Distribution, values: readonly JsonValue[]): KernelColumn {
  const isOrdinal = axisOf(distribution).kind === 'ordinal';
  const cellAround = (value: JsonValue): readonly [number, number] => {
    if (isOrdinal) return cellOf(distribution, indexOfValue(distribution, value));
    const unit = unitOf(distribution, value);
    return [unit, unit];
  };
  const cells = values.map(cellAround);
  const centres = Float64Array.from(cells, ([from, to]) => (from + to) / 2);
  const widths = kernelWidths(centres).map((width, i) => {
    const [from, to] = cells[i] ?? [0, 0];
    return Math.max(width, (to - from) / 2); // narrower than its own cell, a kernel would never leave it
  });
  const insides = centres.map((centre, i) => normalMass(0, 1, { centre, width: widths[i] ?? 1 }));
  return {
    sample(observation, random) {
      const centre = centres[observation] ?? 0.5;
      const width = widths[observation] ?? 1;
      for (;;) {
        const unit = centre + width * random.normal(); // inside at least every third time: centre in [0, 1], width ≤ 1
        if (unit >= 0 && unit < 1) return valueAt(distribution, unit);
      }
    },
    multiply(products, value) {
      const [from, to] = cellAround(value);
      for (const [i, centre] of centres.entries()) {
        const width = widths[i] ?? 1;
        const density = meanDensity(from, to, { centre, width });
        products[i] = ((products[i] ?? 0) * density) / (insides[i] ?? 1);
      }
    },
  };
}

/** Each kernel reaches to the farther of its neighbours; the outermost ones have but one. */
function kernelWidths(centres: Float64Array): Float64Array {
  const order = [...centres.keys()].sort((a, b) => (centres[a] ?? 0) - (centres[b] ?? 0));
  const floor = WIDTH_FLOOR / Math.min(MAX_FLOOR_OBSERVATIONS, order.length + 2);
  const widths = new Float64Array(order.length);
  for (const [rank, i] of order.entries()) {
    const centre = centres[i] ?? 0;
    const before = order[rank - 1];
    const after = order[rank + 1];
    const alone = order.length === 1 ? Math.max(centre, 1 - centre) : 0;
    const toBefore = before === undefined ? alone : centre - (centres[before] ?? 0);
    const toAfter = after === undefined ? alone : (centres[after] ?? 0) - centre;
    widths[i] = Math.min(1, Math.max(toBefore, toAfter, floor));
  }
  return widths;
}

interface Normal {
  readonly centre: number;
  readonly width: number;
}

function normalMass(from: number, to: number, { centre, width }: Normal): number {
  return normalCdf((to - centre) / width) - normalCdf((from - centre) / width);
}

/** Mean density of a normal over a cell, or its density at a point where the cell is narrow beside the kernel. */
function meanDensity(from: number, to: number, normal: Normal): number {
  if (to - from > 0.25 * normal.width) return normalMass(from, to, normal) / (to - from);
  const z = ((from + to) / 2 - normal.centre) / normal.width;
  return Math.exp(-0.5 * z * z) / (normal.width * Math.sqrt(2 * Math.PI));
}
