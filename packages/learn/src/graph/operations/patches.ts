// Patches: every window of an image written out, so that a convolution is one matrix product, and Col2Im, which adds
// them up again. Each is the other's gradient.
import { AmaasError, formatShape } from '@amaas/core';
import { countElements, type Shape, staticShape } from '../shape.ts';
import { applyOne, defineOperation, type Value } from '../value.ts';
import { constantOf } from './constants.ts';
import { pad, reshape, transpose } from './shaping.ts';
import { countWindows, resolveWindows, tensorPads, type WindowOptions, type Windows } from './windows.ts';

/** Windows over an image without padding, of which `counts` are taken along each axis. */
export interface PatchGrid extends Omit<Windows, 'pads'> {
  readonly image: readonly number[];
  readonly counts: readonly number[];
}

/**
 * Offsets of every place of every window into the flat image.
 * @returns int64 [places, windows], places and windows row-major
 */
function patchIndices({ image, counts, kernel, strides, dilations }: PatchGrid): Value {
  let offsets: readonly (readonly number[])[] = [[0]];
  // One axis at a time: [places so far][windows so far] → with the next axis's places and windows inside.
  for (const [axis, size] of image.entries()) {
    const along = Array.from({ length: kernel[axis] ?? 1 }, (_, place) =>
      Array.from(
        { length: counts[axis] ?? 1 },
        (__, window) => window * (strides[axis] ?? 1) + place * (dilations[axis] ?? 1),
      ),
    );
    offsets = offsets.flatMap((row) =>
      along.map((inner) => row.flatMap((base) => inner.map((at) => base * size + at))),
    );
  }
  return constantOf('int64', [offsets.length, offsets[0]?.length ?? 0], offsets.flat());
}

/**
 * Patches of flat images as one Gather, whose gradient is one Col2Im.
 * @param x - [N, C, pixels] with `pixelAxis` 2, or [C, pixels, N] with 1: there the gather copies runs of N elements,
 *   which is several times faster
 * @returns the pixels replaced by [places, windows]
 */
export function gatherPatches(x: Value, pixelAxis: 1 | 2, grid: PatchGrid): Value {
  const places = countElements(grid.kernel, 'im2col');
  const windows = countElements(grid.counts, 'im2col');
  // One operation per grid: ONNX's Gather has no room for what the gradient must know.
  const gatherWindows = defineOperation<{ readonly axis: number }>({
    name: 'Gather',
    attributes: { axis: { kind: 'int' } },
    infer([data], { axis }) {
      if (data === undefined || data.shape.length !== 3 || data.shape[axis] !== countElements(grid.image, 'im2col')) {
        throw new AmaasError(
          'INVALID_GRAPH',
          `im2col: expected ${formatShape(grid.image)} pixels in axis ${axis} of three, got ${formatShape(data?.shape ?? [])}`,
        );
      }
      return [{ dtype: data.dtype, shape: data.shape.toSpliced(axis, 1, places, windows) }];
    },
    gradient({ inputs: [data], attributes: { axis } }, [dy]) {
      if (!data || !dy) return [null, null];
      const batchFirst = axis === 2 ? dy : transpose(dy, [3, 0, 1, 2]);
      const [batch = 1, channels = 1] = batchFirst.shape;
      const merged = reshape(batchFirst, [batch, countElements([channels, places], 'im2col'), windows]);
      const added = reshape(col2Im(merged, grid.image, grid.kernel, grid), [batch, channels, -1]);
      return [axis === 2 ? added : transpose(added, [1, 2, 0]), null];
    },
  });
  return applyOne(gatherWindows, [x, patchIndices(grid)], { axis: pixelAxis });
}

/**
 * Every window written out: PyTorch's `unfold`.
 * @param x - [N, C, ...image], the image's sizes known
 * @returns [N, C · places of the kernel, windows]
 */
export function im2col(x: Value, kernel: readonly number[], options: WindowOptions = {}): Value {
  const windows = resolveWindows(x.shape.slice(2), kernel, { ...options, operation: 'im2col' });
  const counts = staticShape(countWindows(x.shape.slice(2), windows, 'im2col'), 'im2col');
  const { before, after } = tensorPads(windows);
  const padded = pad(x, before, after);
  const image = staticShape(padded.shape.slice(2), 'im2col');
  const [batch = 1, channels = 1] = x.shape;
  const flat = reshape(padded, [batch, channels, countElements(image, 'im2col')]);
  const patches = gatherPatches(flat, 2, { ...windows, image, counts });
  return reshape(patches, [batch, countElements([channels, ...kernel], 'im2col'), countElements(counts, 'im2col')]);
}

interface Col2ImAttributes {
  readonly [name: string]: readonly number[];
  readonly image_shape: readonly number[];
  readonly block_shape: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
  readonly strides: readonly number[];
}

const COL2IM = defineOperation<Col2ImAttributes>({
  name: 'Col2Im',
  attributes: {
    image_shape: { kind: 'ints', asInput: true },
    block_shape: { kind: 'ints', asInput: true },
    dilations: { kind: 'ints' },
    pads: { kind: 'ints' },
    strides: { kind: 'ints' },
  },
  infer([columns], attributes) {
    if (columns === undefined || columns.shape.length !== 3) {
      throw new AmaasError(
        'INVALID_GRAPH',
        `Col2Im: expected [N, C·places, windows], got ${columns?.shape.length} axes`,
      );
    }
    const [batch = 1, rows, windows] = columns.shape;
    const { image_shape: image, block_shape: kernel } = attributes;
    const counts = countWindows(image, windowsOf(attributes), 'Col2Im');
    const places = countElements(kernel, 'Col2Im');
    if (typeof rows !== 'number' || rows % places !== 0 || windows !== countElements(counts, 'Col2Im')) {
      throw new AmaasError(
        'INVALID_GRAPH',
        `Col2Im: ${formatShape(columns.shape)} are not windows of ${formatShape(kernel)} over ${formatShape(image)}`,
      );
    }
    return [{ dtype: columns.dtype, shape: [batch, rows / places, ...image] }];
  },
  gradient: ({ attributes }, [dy]) => [
    dy ? im2col(dy, attributes.block_shape, { ...windowsOf(attributes), padding: attributes.pads }) : null,
  ],
});

function windowsOf({ block_shape: kernel, strides, dilations, pads }: Col2ImAttributes): Windows {
  return { kernel, strides, dilations, pads };
}

/**
 * Adds windows up to an image: PyTorch's `fold`, the gradient of {@link im2col}.
 * @param columns - [N, C · places of the kernel, windows]
 * @returns [N, C, ...image]
 */
export function col2Im(columns: Value, image: Shape, kernel: readonly number[], options: WindowOptions = {}): Value {
  const sizes = staticShape(image, 'Col2Im');
  const { strides, dilations, pads } = resolveWindows(sizes, kernel, { ...options, operation: 'Col2Im' });
  return applyOne(COL2IM, [columns], { image_shape: sizes, block_shape: kernel, dilations, pads, strides });
}
