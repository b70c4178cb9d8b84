// Kernels that choose by index.
import { AmaasError } from '@amaas/core';
import { isText, numbersOf, product, type ReferenceArray, stridesOf } from '../array.ts';
import type { Kernel, KernelContext } from '../kernel.ts';
import { numberAttribute, textAttribute } from './attributes.ts';

export const SELECTION_KERNELS: ReadonlyMap<string, Kernel> = new Map<string, Kernel>([
  ['Gather', gather],
  ['ScatterND', scatterNd],
  ['GatherND', gatherNd],
]);

function gather({ node, inputs: [data, indices] }: KernelContext): readonly ReferenceArray[] {
  const positions = numbersOf(indices);
  const axis = numberAttribute(node, 'axis');
  if (data === undefined) throw new AmaasError('INVALID_GRAPH', 'reference: Gather has no data');
  const size = data.shape[axis] ?? 0;
  const outer = product(data.shape.slice(0, axis));
  const inner = product(data.shape.slice(axis + 1));
  const shape = data.shape.toSpliced(axis, 1, ...positions.shape);
  const offsets: number[] = [];
  for (let row = 0; row < outer; row++) {
    for (const position of positions.data) {
      const at = position < 0 ? position + size : position;
      if (at < 0 || at >= size) {
        throw new AmaasError('INPUT_MISMATCH', `reference: Gather position ${position} is outside ${size}`);
      }
      for (let k = 0; k < inner; k++) offsets.push((row * size + at) * inner + k);
    }
  }
  if (isText(data)) return [{ dtype: 'string', shape, texts: offsets.map((offset) => data.texts[offset] ?? '') }];
  return [{ dtype: data.dtype, shape, data: Float64Array.from(offsets, (offset) => data.data[offset] ?? Number.NaN) }];
}

/** Start of each index tuple's slice, and the slice's length. */
function slices(
  shape: readonly number[],
  tuples: ReferenceArray | undefined,
): { starts: readonly number[]; length: number } {
  const indices = numbersOf(tuples);
  const depth = indices.shape.at(-1) ?? 0;
  const strides = stridesOf(shape);
  const starts: number[] = [];
  for (let at = 0; at < indices.data.length; at += depth) {
    let start = 0;
    for (let axis = 0; axis < depth; axis++) {
      const size = shape[axis] ?? 0;
      const index = indices.data[at + axis] ?? 0;
      const positive = index < 0 ? index + size : index;
      if (positive < 0 || positive >= size) {
        throw new AmaasError('INPUT_MISMATCH', `reference: index ${index} is outside axis ${axis} of [${shape}]`);
      }
      start += positive * (strides[axis] ?? 1);
    }
    starts.push(start);
  }
  return { starts, length: product(shape.slice(depth)) };
}

function scatterNd({ node, inputs: [data, indices, updates] }: KernelContext): readonly ReferenceArray[] {
  const base = numbersOf(data);
  const added = numbersOf(updates);
  const result = Float64Array.from(base.data);
  const { starts, length } = slices(base.shape, indices);
  const adds = textAttribute(node, 'reduction') === 'add';
  for (const [tuple, start] of starts.entries()) {
    for (let k = 0; k < length; k++) {
      const update = added.data[tuple * length + k] ?? Number.NaN;
      result[start + k] = adds ? (result[start + k] ?? 0) + update : update;
    }
  }
  return [{ ...base, data: result }];
}

function gatherNd({ inputs: [data, indices] }: KernelContext): readonly ReferenceArray[] {
  const base = numbersOf(data);
  const { starts, length } = slices(base.shape, indices);
  const picked: number[] = [];
  for (const start of starts) for (let k = 0; k < length; k++) picked.push(base.data[start + k] ?? Number.NaN);
  const depth = indices?.shape.at(-1) ?? 0;
  const shape = [...(indices?.shape.slice(0, -1) ?? []), ...base.shape.slice(depth)];
  return [{ dtype: base.dtype, shape, data: Float64Array.from(picked) }];
}
