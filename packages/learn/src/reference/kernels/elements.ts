// Kernels that choose, place, order and sum single elements along an axis; index equations.
import { AmaasError } from '@amaas/core';
import { forEachOffset, type NumericArray, numbersOf, product, type ReferenceArray, stridesOf } from '../array.ts';
import type { Kernel, KernelContext } from '../kernel.ts';
import { numberAttribute, numbersAttribute, textAttribute } from './attributes.ts';

export const ELEMENT_KERNELS: ReadonlyMap<string, Kernel> = new Map<string, Kernel>([
  ['GatherElements', gatherElements],
  ['ScatterElements', scatterElements],
  ['TopK', topK],
  ['CumSum', cumSum],
  ['Tile', tile],
  ['Trilu', trilu],
  ['Einsum', einsum],
]);

/** For every index the offset of the element it names. */
function elementOffsets(data: NumericArray, indices: NumericArray, axis: number): readonly number[] {
  const strides = stridesOf(data.shape);
  const size = data.shape[axis] ?? 0;
  const offsets: number[] = [];
  forEachOffset(indices.shape, strides.with(axis, 0), (position, offset) => {
    const index = indices.data[position] ?? 0;
    const at = index < 0 ? index + size : index;
    if (at < 0 || at >= size) throw new AmaasError('INPUT_MISMATCH', `reference: index ${index} is outside ${size}`);
    offsets.push(offset + at * (strides[axis] ?? 1));
  });
  return offsets;
}

function gatherElements({ node, inputs: [data, indices] }: KernelContext): readonly ReferenceArray[] {
  const base = numbersOf(data);
  const positions = numbersOf(indices);
  const offsets = elementOffsets(base, positions, numberAttribute(node, 'axis'));
  const picked = Float64Array.from(offsets, (offset) => base.data[offset] ?? Number.NaN);
  return [{ dtype: base.dtype, shape: positions.shape, data: picked }];
}

function scatterElements({ node, inputs: [data, indices, updates] }: KernelContext): readonly ReferenceArray[] {
  const base = numbersOf(data);
  const added = numbersOf(updates);
  const adds = textAttribute(node, 'reduction') === 'add';
  const result = Float64Array.from(base.data);
  for (const [at, offset] of elementOffsets(base, numbersOf(indices), numberAttribute(node, 'axis')).entries()) {
    result[offset] = (adds ? (result[offset] ?? 0) : 0) + (added.data[at] ?? Number.NaN);
  }
  return [{ ...base, data: result }];
}

/** Calls `visit` with the first offset of every line along an axis. */
function forEachLine(shape: readonly number[], axis: number, visit: (start: number) => void): void {
  forEachOffset(shape.with(axis, 1), stridesOf(shape), (_, offset) => visit(offset));
}

function topK({ node, inputs: [input] }: KernelContext): readonly ReferenceArray[] {
  const x = numbersOf(input);
  const axis = numberAttribute(node, 'axis');
  const sign = numberAttribute(node, 'largest') === 1 ? -1 : 1;
  const [k = 0] = numbersAttribute(node, 'k');
  const stride = stridesOf(x.shape)[axis] ?? 1;
  const shape = x.shape.with(axis, k);
  const values = new Float64Array(product(shape));
  const indices = new Float64Array(values.length);
  const outer = stridesOf(shape)[axis] ?? 1;
  const starts: number[] = [];
  forEachLine(shape, axis, (start) => starts.push(start));
  let line = 0;
  forEachLine(x.shape, axis, (start) => {
    const at = (index: number): number => x.data[start + index * stride] ?? Number.NaN;
    const order = Array.from({ length: x.shape[axis] ?? 0 }, (_, index) => index).sort(
      (a, b) => sign * (at(a) - at(b)) || a - b,
    );
    for (const [rank, index] of order.slice(0, k).entries()) {
      values[(starts[line] ?? 0) + rank * outer] = at(index);
      indices[(starts[line] ?? 0) + rank * outer] = index;
    }
    line++;
  });
  return [
    { dtype: x.dtype, shape, data: values },
    { dtype: 'int64', shape, data: indices },
  ];
}

function cumSum({ node, inputs: [input] }: KernelContext): readonly ReferenceArray[] {
  const x = numbersOf(input);
  const axis = numberAttribute(node, 'axis');
  const reverse = numberAttribute(node, 'reverse') === 1;
  const exclusive = numberAttribute(node, 'exclusive') === 1;
  const stride = stridesOf(x.shape)[axis] ?? 1;
  const size = x.shape[axis] ?? 0;
  const data = new Float64Array(x.data.length);
  forEachLine(x.shape, axis, (start) => {
    let sum = 0;
    for (let step = 0; step < size; step++) {
      const at = start + (reverse ? size - 1 - step : step) * stride;
      const before = sum;
      sum += x.data[at] ?? Number.NaN;
      data[at] = exclusive ? before : sum;
    }
  });
  return [{ ...x, data }];
}

function tile({ node, inputs: [input] }: KernelContext): readonly ReferenceArray[] {
  const x = numbersOf(input);
  const repeats = numbersAttribute(node, 'repeats');
  const shape = x.shape.map((size, axis) => size * (repeats[axis] ?? 1));
  // Seen as [times, size] per axis, every element is read once per time.
  const strides = stridesOf(x.shape);
  const data = new Float64Array(product(shape));
  forEachOffset(
    x.shape.flatMap((size, axis) => [repeats[axis] ?? 1, size]),
    strides.flatMap((stride) => [0, stride]),
    (index, offset) => {
      data[index] = x.data[offset] ?? Number.NaN;
    },
  );
  return [{ dtype: x.dtype, shape, data }];
}

function trilu({ node, inputs: [input] }: KernelContext): readonly ReferenceArray[] {
  const x = numbersOf(input);
  const upper = numberAttribute(node, 'upper') === 1;
  const diagonal = numberAttribute(node, 'k');
  const [rows = 1, columns = 1] = x.shape.slice(-2);
  const data = x.data.map((value, index) => {
    const distance = (index % columns) - (Math.floor(index / columns) % rows) - diagonal;
    return (upper ? distance >= 0 : distance <= 0) ? value : 0;
  });
  return [{ ...x, data }];
}

function einsum({ node, inputs }: KernelContext): readonly ReferenceArray[] {
  const [left = '', output = ''] = textAttribute(node, 'equation').split('->');
  const terms = left.split(',');
  const arrays = inputs.map(numbersOf);
  const sizes = new Map<string, number>();
  for (const [index, term] of terms.entries()) {
    for (const [axis, letter] of [...term].entries()) sizes.set(letter, arrays[index]?.shape[axis] ?? 1);
  }
  const order = [...output, ...[...sizes.keys()].filter((letter) => !output.includes(letter))];
  const all = order.map((letter) => sizes.get(letter) ?? 1);
  const shape = all.slice(0, output.length);
  const inner = product(all.slice(output.length));
  const data = new Float64Array(product(shape));
  const products = new Float64Array(product(all)).fill(1);
  for (const [index, term] of terms.entries()) {
    const array = arrays[index];
    const own = stridesOf(array?.shape ?? []);
    forEachOffset(
      all,
      order.map((letter) => (term.includes(letter) ? (own[term.indexOf(letter)] ?? 0) : 0)),
      (at, offset) => {
        products[at] = (products[at] ?? 1) * (array?.data[offset] ?? Number.NaN);
      },
    );
  }
  for (const [at, value] of products.entries())
    data[Math.floor(at / inner)] = (data[Math.floor(at / inner)] ?? 0) + value;
  return [{ dtype: arrays[0]?.dtype ?? 'float32', shape, data }];
}
