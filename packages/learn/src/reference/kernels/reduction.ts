// Kernels that reduce axes, softmax, and positions of extremes.
import { forEachOffset, type NumericArray, numbersOf, product, type ReferenceArray, stridesOf } from '../array.ts';
import type { Kernel, KernelContext } from '../kernel.ts';
import { numberAttribute, numbersAttribute } from './attributes.ts';

export const REDUCTION_KERNELS: ReadonlyMap<string, Kernel> = new Map<string, Kernel>([
  ['ReduceSum', reduce((row) => row.reduce((a, b) => a + b, 0))],
  ['ReduceMean', reduce((row) => row.reduce((a, b) => a + b, 0) / row.length)],
  ['ReduceMax', reduce((row) => row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY))],
  ['ReduceMin', reduce((row) => row.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY))],
  ['Softmax', alongAxis((row) => normalize(row, Math.exp))],
  ['LogSoftmax', alongAxis((row) => normalize(row, Math.exp).map(Math.log))],
  ['ArgMax', argReduce((row) => row.indexOf(Math.max(...row)))],
  ['ArgMin', argReduce((row) => row.indexOf(Math.min(...row)))],
]);

function normalize(row: Float64Array, f: (x: number) => number): Float64Array {
  const peak = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const weights = row.map((value) => f(value - peak));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}

/** Calls `visit` once per position of the kept axes with the elements of the reduced ones. */
function forEachGroup(
  x: NumericArray,
  axes: readonly number[],
  visit: (group: number, row: Float64Array) => void,
): void {
  const strides = stridesOf(x.shape);
  const kept = [...x.shape.keys()].filter((axis) => !axes.includes(axis));
  const pick = (values: readonly number[], from: readonly number[]): number[] => from.map((axis) => values[axis] ?? 1);
  const rowShape = pick(x.shape, axes);
  const row = new Float64Array(product(rowShape));
  forEachOffset(pick(x.shape, kept), pick(strides, kept), (group, base) => {
    forEachOffset(rowShape, pick(strides, axes), (index, offset) => {
      row[index] = x.data[base + offset] ?? Number.NaN;
    });
    visit(group, row);
  });
}

function reduce(f: (row: Float64Array) => number): Kernel {
  return ({ node, inputs }: KernelContext): readonly ReferenceArray[] => {
    const x = numbersOf(inputs[0]);
    const axes = numbersAttribute(node, 'axes');
    const keep = numberAttribute(node, 'keepdims') === 1;
    const shape = keep
      ? x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
      : x.shape.filter((_, axis) => !axes.includes(axis));
    const data = new Float64Array(product(shape));
    forEachGroup(x, axes, (group, row) => {
      data[group] = f(row);
    });
    return [{ dtype: x.dtype, shape, data }];
  };
}

function alongAxis(f: (row: Float64Array) => Float64Array): Kernel {
  return ({ node, inputs }: KernelContext): readonly ReferenceArray[] => {
    const x = numbersOf(inputs[0]);
    const axis = numberAttribute(node, 'axis');
    const inner = product(x.shape.slice(axis + 1));
    const size = x.shape[axis] ?? 1;
    const data = new Float64Array(x.data.length);
    forEachGroup(x, [axis], (group, row) => {
      const start = Math.floor(group / inner) * inner * size + (group % inner);
      for (const [index, value] of f(row).entries()) data[start + index * inner] = value;
    });
    return [{ dtype: x.dtype, shape: x.shape, data }];
  };
}

function argReduce(f: (row: Float64Array) => number): Kernel {
  return ({ node, inputs }: KernelContext): readonly ReferenceArray[] => {
    const x = numbersOf(inputs[0]);
    const axis = numberAttribute(node, 'axis');
    const keep = numberAttribute(node, 'keepdims') === 1;
    const shape = keep ? x.shape.with(axis, 1) : x.shape.toSpliced(axis, 1);
    const data = new Float64Array(product(shape));
    forEachGroup(x, [axis], (group, row) => {
      data[group] = f(row);
    });
    return [{ dtype: 'int64', shape, data }];
  };
}
