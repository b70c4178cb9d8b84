// 3 × 3 convolutions by minimal filtering, F(4 × 4, 3 × 3): image and kernel are taken to a place where a convolution is
// one product per position, with a quarter of the multiplications. The ways there and back are products with small fixed
// matrices, and all that moves are whole rows, because images lie as [height, width, batch, channels] here. The weight's
// gradient is as cheap; the image's is the same convolution with the kernel turned. Rounding is some times that of the
// plain sum. Source: Lavin & Gray 2016, arXiv 1509.09308.
import {
  concat,
  constantOf,
  filled,
  gather,
  matMul,
  reshape,
  transpose,
  type Value,
  withGradient,
} from '../graph/index.ts';
import { FROM_SPACE_FIRST, TO_SPACE_FIRST } from './image-layouts.ts';
import {
  type ConvolutionSizes,
  greatestOf,
  MAX_PATCH_ELEMENTS,
  orderAmongPhases,
  phasesOf,
  type Place,
  type PooledConvolution,
  placesOf,
  routeToFirst,
  type Size,
  sizesOf,
} from './pooled-convolution.ts';

/** Side of the part of the result that one tile makes. */
const TILE = 4;
const KERNEL = 3;
/** Side of the part of the image that one tile is made from. */
const PATCH = TILE + KERNEL - 1;

/** Of one axis, for the points 0, ±1, ±2 and infinity. */
const IMAGE_TRANSFORM: Matrix = [
  [4, 0, -5, 0, 1, 0],
  [0, -4, -4, 1, 1, 0],
  [0, 4, -4, -1, 1, 0],
  [0, -2, -1, 2, 1, 0],
  [0, 2, -1, -2, 1, 0],
  [0, 4, 0, -5, 0, 1],
];
const KERNEL_TRANSFORM: Matrix = [
  [1 / 4, 0, 0],
  [-1 / 6, -1 / 6, -1 / 6],
  [-1 / 6, 1 / 6, -1 / 6],
  [1 / 24, 1 / 12, 1 / 6],
  [1 / 24, -1 / 12, 1 / 6],
  [0, 0, 1],
];
const TILE_TRANSFORM: Matrix = [
  [1, 1, 1, 1, 1, 0],
  [0, 1, -1, 2, -2, 0],
  [0, 1, 1, 4, 4, 0],
  [0, 1, -1, 8, -8, 1],
];

type Matrix = readonly (readonly number[])[];

/** Where a place is found among rows; null for nowhere: the zeros around an image. */
type Locate = (row: number, column: number) => number | null;

/**
 * The convolution without its bias, pooled.
 * @returns [height, width, batch, filters], or null where this form does not apply
 */
export function convolveByWinograd({ node, x, weight, pool }: PooledConvolution): Value | null {
  const sizes = sizesOf(node, x);
  if (sizes === null || !isFitting(sizes)) return null;
  const { image, result, batch, channels, filters, padding } = sizes;
  const rows = reshape(transpose(x, TO_SPACE_FIRST), [image[0] * image[1], batch * channels]);
  const kernel = transpose(spreadKernel(weight, KERNEL_TRANSFORM), [0, 2, 1]);
  const { spread, tiles } = filter({ rows, locate: locateIn(image), kernel, result, padding });
  const candidates = phasesOf(result, pool).map((places) => gatherRows(tiles, places.map(placeInTiles(result))));
  const greatest = greatestOf(candidates);
  return withGradient(
    reshape(greatest, [result[0] / pool[0], result[1] / pool[1], batch, filters]),
    [x, weight, spread, greatest, ...candidates],
    (dy, _, __, weights, seen, most, ...given) => {
      const perPlace = concat(routeToFirst(given, most, reshape(dy, [-1, batch * filters])), 0);
      const locate = locatePooled(result, pool);
      return [
        imageGradient({ perPlace, locate, weights, sizes }),
        kernelGradient({ perPlace, locate, spread: seen, sizes }),
        null,
        null,
        ...given.map(() => null),
      ];
    },
  );
}

interface ResultGradient {
  /** The gradient of the result before pooling: [places, batch · filters]. */
  readonly perPlace: Value;
  /** Where the places are among those rows. */
  readonly locate: Locate;
  readonly sizes: ConvolutionSizes;
}

/** The gradient is a convolution itself: with the kernel turned, and channels and filters in each other's place. */
function imageGradient({ perPlace, locate, weights, sizes }: ResultGradient & { readonly weights: Value }): Value {
  const { image, batch, channels, padding } = sizes;
  const turned = KERNEL_TRANSFORM.map((row) => row.toReversed());
  const { tiles } = filter({
    rows: perPlace,
    locate,
    kernel: spreadKernel(weights, turned),
    result: image,
    padding: padding.map((amount) => KERNEL - 1 - amount),
  });
  const rows = gatherRows(tiles, placesOf(image).map(placeInTiles(image)));
  return transpose(reshape(rows, [...image, batch, channels]), FROM_SPACE_FIRST);
}

/** @param spread - what {@link filter} made of the image */
function kernelGradient({ perPlace, locate, spread, sizes }: ResultGradient & { readonly spread: Value }): Value {
  const { result, filters, channels, kernel } = sizes;
  const dTiles = reshape(gatherRows(perPlace, gridOf(result, TILE, locate)), [TILE ** 2, -1]);
  const dProducts = reshape(matMul(transpose(bothAxes(TILE_TRANSFORM, perPlace)), dTiles), [PATCH ** 2, -1, filters]);
  const dSpread = reshape(matMul(transpose(dProducts, [0, 2, 1]), spread), [PATCH ** 2, -1]);
  const columns = matMul(transpose(bothAxes(KERNEL_TRANSFORM, perPlace)), dSpread);
  return reshape(transpose(columns), [filters, channels, ...kernel]);
}

function isFitting({ kernel, strides, dilations, image, batch, channels, filters }: ConvolutionSizes): boolean {
  const tiles = Math.ceil(image[0] / TILE) * Math.ceil(image[1] / TILE);
  return (
    kernel.every((size) => size === KERNEL) &&
    [...strides, ...dilations].every((step) => step === 1) &&
    PATCH ** 2 * tiles * batch * Math.max(channels, filters) <= MAX_PATCH_ELEMENTS
  );
}

/** @returns [36, filters, channels] */
function spreadKernel(weight: Value, transform: Matrix): Value {
  const [filters = 1, channels = 1] = weight.shape;
  const columns = transpose(reshape(weight, [-1, KERNEL ** 2]));
  return reshape(matMul(bothAxes(transform, weight), columns), [PATCH ** 2, filters, channels]);
}

interface Filter {
  /** [places of the image, batch · channels] */
  readonly rows: Value;
  readonly locate: Locate;
  /** [36, channels, filters] */
  readonly kernel: Value;
  readonly result: Size;
  /** Above and left of the image, and more. */
  readonly padding: readonly number[];
}

/** @returns the image's patches transformed, [36, tiles · batch, channels], and the result, [16 · tiles, batch · filters] */
function filter({
  rows,
  locate,
  kernel,
  result,
  padding: [top = 0, left = 0],
}: Filter): Record<'spread' | 'tiles', Value> {
  const [, channels = 1, filters = 1] = kernel.shape.map(Number);
  const batch = Number(rows.shape[1]) / channels;
  const patches = gatherRows(
    rows,
    gridOf(result, PATCH, (row, column) => locate(row - top, column - left)),
  );
  const transformed = matMul(bothAxes(IMAGE_TRANSFORM, rows), reshape(patches, [PATCH ** 2, -1]));
  const spread = reshape(transformed, [PATCH ** 2, -1, channels]);
  const products = reshape(matMul(spread, kernel), [PATCH ** 2, -1]);
  return { spread, tiles: reshape(matMul(bothAxes(TILE_TRANSFORM, rows), products), [-1, batch * filters]) };
}

/** The transform of rows and of columns at once, as a matrix. @param like - has the dtype */
function bothAxes(matrix: Matrix, like: Value): Value {
  const columns = matrix[0]?.length ?? 0;
  const products = matrix.flatMap((a) => matrix.flatMap((b) => a.flatMap((left) => b.map((right) => left * right))));
  return constantOf(like.dtype, [matrix.length ** 2, columns ** 2], products);
}

/** Something of every place of every tile's square of `side`, tiles last. */
function gridOf<T>(result: Size, side: number, of: (row: number, column: number) => T): readonly T[] {
  const found: T[] = [];
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      for (let row = 0; row < result[0]; row += TILE) {
        for (let column = 0; column < result[1]; column += TILE) found.push(of(row + y, column + x));
      }
    }
  }
  return found;
}

/** Where {@link filter} leaves a place of its result. */
function placeInTiles(result: Size): (place: Place) => number {
  const columns = Math.ceil(result[1] / TILE);
  const count = Math.ceil(result[0] / TILE) * columns;
  return ([row, column]) =>
    ((row % TILE) * TILE + (column % TILE)) * count + Math.floor(row / TILE) * columns + Math.floor(column / TILE);
}

function locateIn([height, width]: Size): Locate {
  return (row, column) => (row >= 0 && row < height && column >= 0 && column < width ? row * width + column : null);
}

/** Places of an image that lies phase after phase. */
function locatePooled(result: Size, pool: Size): Locate {
  const order = orderAmongPhases(result, pool);
  const inside = locateIn(result);
  return (row, column) => order[inside(row, column) ?? -1] ?? null;
}

/** Rows by number, zeros for null. */
function gatherRows(rows: Value, wanted: readonly (number | null)[]): Value {
  const [count = 0, width = 0] = rows.shape.map(Number);
  const padded = wanted.includes(null) ? concat([rows, filled(rows.dtype, [1, width], 0)], 0) : rows;
  return gather(
    padded,
    constantOf(
      'int64',
      [wanted.length],
      wanted.map((row) => row ?? count),
    ),
  );
}
