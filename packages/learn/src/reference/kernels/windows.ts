// Convolutions, pools and patches by their definitions: every window, every place in it, one after the other.
import { type NumericArray, numbersOf, product, type ReferenceArray } from '../array.ts';
import type { Node } from '../../graph/index.ts';
import type { Kernel, KernelContext } from '../kernel.ts';
import { numberAttribute, numbersAttribute } from './attributes.ts';

export const WINDOW_KERNELS: ReadonlyMap<string, Kernel> = new Map<string, Kernel>([
  ['Conv', convolve],
  ['ConvTranspose', convolveTransposed],
  ['Col2Im', col2Im],
  ['MaxPool', maxPool],
  ['AveragePool', averagePool],
]);

interface Grid {
  /** Of each place in a window and each window (row-major both): the pixel, or −1 in the padding. */
  readonly pixels: Int32Array;
  readonly windows: number;
  readonly places: number;
}

function gridOf(
  node: Node,
  image: readonly number[],
  { kernel, counts }: { readonly kernel: readonly number[]; readonly counts: readonly number[] },
): Grid {
  const strides = numbersAttribute(node, 'strides');
  const pads = numbersAttribute(node, 'pads');
  const dilations = node.attributes['dilations'] === undefined ? [] : numbersAttribute(node, 'dilations');
  const [windows, places] = [product(counts), product(kernel)];
  const pixels = new Int32Array(windows * places);
  for (let window = 0; window < windows; window++) {
    for (let place = 0; place < places; place++) {
      let [w, p, pixel, stride] = [window, place, 0, 1];
      for (let axis = image.length - 1; axis >= 0; axis--) {
        const count = counts[axis] ?? 1;
        const extent = kernel[axis] ?? 1;
        const size = image[axis] ?? 1;
        const at = (w % count) * (strides[axis] ?? 1) + (p % extent) * (dilations[axis] ?? 1) - (pads[axis] ?? 0);
        if (at < 0 || at >= size || pixel < 0) pixel = -1;
        else pixel += at * stride;
        stride *= size;
        w = Math.floor(w / count);
        p = Math.floor(p / extent);
      }
      pixels[place * windows + window] = pixel;
    }
  }
  return { pixels, windows, places };
}

/** The image's axes of the first output, whose sizes the graph may know as symbols only: worked out from the input. */
function countsOf(node: Node, image: readonly number[], kernel: readonly number[]): readonly number[] {
  const [strides, pads] = [numbersAttribute(node, 'strides'), numbersAttribute(node, 'pads')];
  const dilations = node.attributes['dilations'] === undefined ? [] : numbersAttribute(node, 'dilations');
  return image.map((size, axis) => {
    const extent = ((kernel[axis] ?? 1) - 1) * (dilations[axis] ?? 1) + 1;
    const padded = size + (pads[axis] ?? 0) + (pads[axis + image.length] ?? 0);
    return Math.floor((padded - extent) / (strides[axis] ?? 1)) + 1;
  });
}

function convolve({ node, inputs: [x, weight, bias] }: KernelContext): readonly ReferenceArray[] {
  const [image, filter] = [numbersOf(x), numbersOf(weight)];
  const [batch = 1, channels = 1, ...sizes] = image.shape;
  const [filters = 1, perGroup = 1, ...kernel] = filter.shape;
  const counts = countsOf(node, sizes, kernel);
  const { pixels, windows, places } = gridOf(node, sizes, { kernel, counts });
  const filtersPerGroup = filters / numberAttribute(node, 'group');
  const area = product(sizes);
  const data = new Float64Array(batch * filters * windows);
  const added = bias === undefined ? null : numbersOf(bias).data;
  for (let n = 0; n < batch; n++) {
    for (let m = 0; m < filters; m++) {
      const firstChannel = Math.floor(m / filtersPerGroup) * perGroup;
      const result = data.subarray((n * filters + m) * windows, (n * filters + m + 1) * windows);
      result.fill(added?.[m] ?? 0);
      for (let c = 0; c < perGroup; c++) {
        const base = (n * channels + firstChannel + c) * area;
        for (let place = 0; place < places; place++) {
          const factor = filter.data[(m * perGroup + c) * places + place] ?? 0;
          for (let window = 0; window < windows; window++) {
            const pixel = pixels[place * windows + window] ?? -1;
            if (pixel >= 0) result[window] = (result[window] ?? 0) + factor * (image.data[base + pixel] ?? 0);
          }
        }
      }
    }
  }
  return [{ dtype: image.dtype, shape: [batch, filters, ...counts], data }];
}

function convolveTransposed({ node, inputs: [x, weight, bias] }: KernelContext): readonly ReferenceArray[] {
  const [image, filter] = [numbersOf(x), numbersOf(weight)];
  const [batch = 1, channels = 1, ...counts] = image.shape;
  const [, perGroup = 1, ...kernel] = filter.shape;
  const groups = numberAttribute(node, 'group');
  const filters = perGroup * groups;
  const sizes = (node.outputs[0]?.shape ?? []).slice(2).map(Number);
  const { pixels, windows, places } = gridOf(node, sizes, { kernel, counts });
  const area = product(sizes);
  const added = bias === undefined ? null : numbersOf(bias).data;
  const data = new Float64Array(batch * filters * area);
  if (added !== null) for (let at = 0; at < data.length; at++) data[at] = added[Math.floor(at / area) % filters] ?? 0;
  for (let n = 0; n < batch; n++) {
    for (let c = 0; c < channels; c++) {
      const firstFilter = Math.floor(c / (channels / groups)) * perGroup;
      for (let window = 0; window < windows; window++) {
        const value = image.data[(n * channels + c) * windows + window] ?? 0;
        for (let m = 0; m < perGroup; m++) {
          const base = (n * filters + firstFilter + m) * area;
          for (let place = 0; place < places; place++) {
            const pixel = pixels[place * windows + window] ?? -1;
            if (pixel < 0) continue;
            const product = value * (filter.data[(c * perGroup + m) * places + place] ?? 0);
            data[base + pixel] = (data[base + pixel] ?? 0) + product;
          }
        }
      }
    }
  }
  return [{ dtype: image.dtype, shape: [batch, filters, ...sizes], data }];
}

function col2Im({ node, inputs: [columns] }: KernelContext): readonly ReferenceArray[] {
  const x = numbersOf(columns);
  const [image, kernel] = [numbersAttribute(node, 'image_shape'), numbersAttribute(node, 'block_shape')];
  const { pixels, windows, places } = gridOf(node, image, { kernel, counts: countsOf(node, image, kernel) });
  const [batch = 1, rows = 1] = x.shape;
  const planes = (batch * rows) / places;
  const area = product(image);
  const data = new Float64Array(planes * area);
  for (let plane = 0; plane < planes; plane++) {
    for (let place = 0; place < places; place++) {
      for (let window = 0; window < windows; window++) {
        const pixel = pixels[place * windows + window] ?? -1;
        if (pixel < 0) continue;
        const at = plane * area + pixel;
        data[at] = (data[at] ?? 0) + (x.data[(plane * places + place) * windows + window] ?? 0);
      }
    }
  }
  return [{ dtype: x.dtype, shape: [batch, rows / places, ...image], data }];
}

/** Calls `visit` for every window of every channel with the positions (in the whole tensor) of its places in the image. */
function forEachWindow(
  node: Node,
  x: NumericArray,
  visit: (window: number, positions: readonly number[]) => void,
): void {
  const [batch = 1, channels = 1, ...sizes] = x.shape;
  const kernel = numbersAttribute(node, 'kernel_shape');
  const { pixels, windows, places } = gridOf(node, sizes, { kernel, counts: countsOf(node, sizes, kernel) });
  const area = product(sizes);
  for (let plane = 0; plane < batch * channels; plane++) {
    for (let window = 0; window < windows; window++) {
      const positions: number[] = [];
      for (let place = 0; place < places; place++) {
        const pixel = pixels[place * windows + window] ?? -1;
        if (pixel >= 0) positions.push(plane * area + pixel);
      }
      visit(plane * windows + window, positions);
    }
  }
}

function pooledShape(node: Node, { shape }: NumericArray): readonly number[] {
  return [...shape.slice(0, 2), ...countsOf(node, shape.slice(2), numbersAttribute(node, 'kernel_shape'))];
}

function maxPool({ node, inputs: [input] }: KernelContext): readonly ReferenceArray[] {
  const x = numbersOf(input);
  const shape = pooledShape(node, x);
  const data = new Float64Array(product(shape));
  const indices = new Float64Array(data.length);
  forEachWindow(node, x, (window, positions) => {
    let best = positions[0] ?? 0;
    for (const position of positions) if ((x.data[position] ?? 0) > (x.data[best] ?? 0)) best = position;
    data[window] = x.data[best] ?? Number.NaN;
    indices[window] = best;
  });
  const pooled: NumericArray = { dtype: x.dtype, shape, data };
  return node.outputs.length > 1 ? [pooled, { dtype: 'int64', shape, data: indices }] : [pooled];
}

function averagePool({ node, inputs: [input] }: KernelContext): readonly ReferenceArray[] {
  const x = numbersOf(input);
  const shape = pooledShape(node, x);
  const data = new Float64Array(product(shape));
  const places = product(numbersAttribute(node, 'kernel_shape'));
  const countPadding = numberAttribute(node, 'count_include_pad') === 1;
  forEachWindow(node, x, (window, positions) => {
    const sum = positions.reduce((total, position) => total + (x.data[position] ?? 0), 0);
    data[window] = sum / (countPadding ? places : positions.length);
  });
  return [{ dtype: x.dtype, shape, data }];
}
