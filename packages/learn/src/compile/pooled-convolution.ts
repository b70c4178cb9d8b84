// What the fast forms of convolutions share: their sizes, and pooling over side-by-side windows as the maximum of a few
// values, one per place within the window ("phase").
import { applyOne, cast, defineOperation, equal, isStatic, mul, type Node, sub, type Value } from '../graph/index.ts';
import { isNumbers } from './rule.ts';

/** Patches are several copies of an image, kept for the gradients; beyond this they cost more memory than they save time. */
export const MAX_PATCH_ELEMENTS = 2 ** 25;

export type Size = readonly [height: number, width: number];
export type Place = readonly [row: number, column: number];

export interface PooledConvolution {
  readonly node: Node;
  /** [batch, channels, height, width] */
  readonly x: Value;
  /** [filters, channels, kernel height, kernel width] */
  readonly weight: Value;
  /** Of the pool behind the convolution, whose windows lie side by side and cover the result; [1, 1] for none. */
  readonly pool: Size;
}

export interface ConvolutionSizes {
  readonly batch: number;
  readonly channels: number;
  readonly filters: number;
  readonly image: Size;
  /** Before pooling. */
  readonly result: Size;
  readonly kernel: Size;
  readonly strides: Size;
  readonly dilations: Size;
  /** Above, left, below, right. */
  readonly padding: readonly number[];
}

/** Sizes of a convolution of images in one group; null for others and where sizes are not known. */
export function sizesOf({ attributes, outputs: [y] }: Node, x: Value): ConvolutionSizes | null {
  const { kernel_shape: kernel, strides, dilations, pads, group } = attributes;
  if (!isNumbers(kernel) || !isNumbers(strides) || !isNumbers(dilations) || !isNumbers(pads)) return null;
  if (group !== 1 || kernel.length !== 2 || y === undefined || !isStatic(x.shape) || !isStatic(y.shape)) return null;
  const [batch = 1, channels = 1] = x.shape;
  const [, filters = 1] = y.shape;
  return {
    batch,
    channels,
    filters,
    image: sizeOf(x.shape.slice(2)),
    result: sizeOf(y.shape.slice(2)),
    kernel: sizeOf(kernel),
    strides: sizeOf(strides),
    dilations: sizeOf(dilations),
    padding: pads,
  };
}

function sizeOf([height = 1, width = 1]: readonly number[]): Size {
  return [height, width];
}

const MAX = defineOperation({
  name: 'Max',
  attributes: {},
  infer: ([first]) => (first === undefined ? [] : [{ dtype: first.dtype, shape: first.shape }]),
});

/** The greatest of values of one shape, elementwise; differentiated by whoever uses it. */
export function greatestOf(values: readonly Value[]): Value {
  const [only] = values;
  return only !== undefined && values.length === 1 ? only : applyOne(MAX, values, {});
}

/** The gradients of the candidates of {@link greatestOf}: of equal ones the first gets it. */
export function routeToFirst(candidates: readonly Value[], greatest: Value, dy: Value): readonly Value[] {
  if (candidates.length === 1) return [dy];
  let rest = dy;
  return candidates.map((candidate, index) => {
    const part = mul(cast(equal(candidate, greatest), dy.dtype), rest);
    if (index < candidates.length - 1) rest = sub(rest, part);
    return part;
  });
}

/** Every place, row by row. */
export function placesOf([height, width]: Size): readonly Place[] {
  return Array.from({ length: height * width }, (_, index) => [Math.floor(index / width), index % width] as const);
}

/** Per phase, the places of the result that it has, in the order of the pooled ones. */
export function phasesOf(result: Size, pool: Size): readonly (readonly Place[])[] {
  return placesOf(pool).map(([y, x]) =>
    placesOf(result).filter(([row, column]) => row % pool[0] === y && column % pool[1] === x),
  );
}

/** Per place of the result, row by row: which it is when one phase follows the other. */
export function orderAmongPhases(result: Size, pool: Size): readonly number[] {
  const order: number[] = [];
  for (const [index, [row, column]] of phasesOf(result, pool).flat().entries()) order[row * result[1] + column] = index;
  return order;
}
