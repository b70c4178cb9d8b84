// Convolutions as one matrix product of gathered patches; images have the batch last, so that a gather moves whole runs of
// it. Measured at LeNet's size: 2.1 times PyTorch's step, where convolution nodes in the usual layout reach 1.2.
import {
  col2Im,
  concat,
  constantOf,
  filled,
  gather,
  matMul,
  reduceSum,
  reshape,
  split,
  transpose,
  type Value,
  withGradient,
} from '../graph/index.ts';
import { TO_BATCH_LAST } from './image-layouts.ts';
import {
  type ConvolutionSizes,
  greatestOf,
  MAX_PATCH_ELEMENTS,
  type PooledConvolution,
  placesOf,
  routeToFirst,
  type Size,
  sizesOf,
} from './pooled-convolution.ts';

/**
 * The convolution without its bias, pooled: the places of a pool's window are so many kernels, each at its place in a
 * larger one, and the pooled result is the maximum of what they give.
 * @returns [filters, height, width, batch], or null where this form does not apply
 */
export function convolveByPatches({ node, x, weight, pool }: PooledConvolution): Value | null {
  const sizes = sizesOf(node, x);
  if (sizes === null) return null;
  const { batch, channels, filters, image, result } = sizes;
  const { windows, spreads } = enlargedKernel(sizes, pool);
  const area = windows.kernel[0] * windows.kernel[1];
  const pooled: Size = [result[0] / pool[0], result[1] / pool[1]];
  const places = pooled[0] * pooled[1];
  if (channels * area * places * batch > MAX_PATCH_ELEMENTS) return null;
  const spread = constantOf(x.dtype, [spreads.length, spreads[0]?.length ?? 1, area], spreads.flat(2));
  const kernel = reshape(matMul(reshape(weight, [1, filters * channels, -1]), spread), [
    spreads.length * filters,
    channels * area,
  ]);
  const lying = reshape(transpose(x, TO_BATCH_LAST), [channels, -1, batch]);
  const isPadded = sizes.padding.some((amount) => amount > 0);
  const padded = isPadded ? concat([lying, filled(x.dtype, [channels, 1, batch], 0)], 1) : lying;
  const positions = constantOf('int64', [area, places], positionsOf(image, pooled, windows));
  const patches = reshape(gather(padded, positions, 1), [channels * area, -1]);
  const products = matMul(kernel, patches);
  const candidates = spreads.length === 1 ? [products] : split(products, 0, Array(spreads.length).fill(filters));
  const greatest = greatestOf(candidates);
  return withGradient(
    reshape(greatest, [filters, ...pooled, batch]),
    [x, weight, kernel, patches, greatest, ...candidates],
    (dy, _, source, weights, matrix, columns, top, ...given) => {
      const parts = routeToFirst(given, top, reshape(dy, [filters, -1]));
      const dProducts = concat(parts, 0);
      const dKernel = reshape(matMul(dProducts, transpose(columns)), [spreads.length, filters * channels, area]);
      const dWeight = reduceSum(matMul(dKernel, transpose(spread, [0, 2, 1])), { axes: [0] });
      // One large product, then its images apart, is faster than a product per image.
      const dPatches = reshape(matMul(transpose(matrix), dProducts), [-1, batch]);
      const perImage = reshape(transpose(dPatches), [batch, -1, places]);
      const dx = col2Im(perImage, image, windows.kernel, windows);
      return [reshape(dx, source.shape), reshape(dWeight, weights.shape), null, null, null, ...given.map(() => null)];
    },
  );
}

interface EnlargedKernel {
  /** Of the enlarged kernel, as it goes over the image. */
  readonly windows: Pick<ConvolutionSizes, 'kernel' | 'strides' | 'dilations' | 'padding'>;
  /** Per place in the pool's window: [elements of the kernel, of the enlarged one], 1 where one becomes the other. */
  readonly spreads: readonly (readonly (readonly number[])[])[];
}

function enlargedKernel({ kernel, strides, dilations, padding }: ConvolutionSizes, pool: Size): EnlargedKernel {
  const isLone = pool[0] * pool[1] === 1;
  const along = (axis: 0 | 1): number => (kernel[axis] - 1) * dilations[axis] + (pool[axis] - 1) * strides[axis] + 1;
  const size: Size = isLone ? kernel : [along(0), along(1)];
  const step: Size = isLone ? [1, 1] : dilations;
  const spreads = placesOf(pool).map(([y, x]) =>
    placesOf(kernel).map(([row, column]) => {
      const spread = Array<number>(size[0] * size[1]).fill(0);
      spread[(y * strides[0] + row * step[0]) * size[1] + x * strides[1] + column * step[1]] = 1;
      return spread;
    }),
  );
  const windows = {
    kernel: size,
    strides: [strides[0] * pool[0], strides[1] * pool[1]] as const,
    dilations: isLone ? dilations : ([1, 1] as const),
    padding,
  };
  return { windows, spreads };
}

/** Per element of the kernel, which place of the image each place of the result sees; one past the end is a zero. */
function positionsOf(image: Size, result: Size, windows: EnlargedKernel['windows']): readonly number[] {
  const { kernel, strides, dilations, padding } = windows;
  const [top = 0, left = 0] = padding;
  return placesOf(kernel).flatMap(([y, x]) =>
    placesOf(result).map(([row, column]) => {
      const at = row * strides[0] + y * dilations[0] - top;
      const along = column * strides[1] + x * dilations[1] - left;
      const isInside = at >= 0 && at < image[0] && along >= 0 && along < image[1];
      return isInside ? at * image[1] + along : image[0] * image[1];
    }),
  );
}
