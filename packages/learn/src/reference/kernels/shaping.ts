// Kernels that rearrange.
import { AmaasError } from '@amaas/core';
import {
  broadcastStrides,
  forEachOffset,
  isText,
  numbersOf,
  product,
  type ReferenceArray,
  stridesOf,
} from '../array.ts';
import type { Kernel, KernelContext } from '../kernel.ts';
import { broadcast } from './arithmetic.ts';
import { numberAttribute, numbersAttribute } from './attributes.ts';

export const SHAPING_KERNELS: ReadonlyMap<string, Kernel> = new Map<string, Kernel>([
  ['Reshape', reshape],
  ['Transpose', transpose],
  ['Expand', expand],
  ['Concat', concat],
  ['Split', split],
  ['Slice', slice],
  ['Pad', pad],
]);

/** An array of `shape` whose element `index` is the source's at the offset that `strides` (plus `start`) gives. */
function rearrange(
  x: ReferenceArray,
  shape: readonly number[],
  { strides, start = 0 }: { strides: readonly number[]; start?: number },
): ReferenceArray {
  if (isText(x)) {
    const texts: string[] = [];
    forEachOffset(shape, strides, (_, offset) => texts.push(x.texts[offset + start] ?? ''));
    return { dtype: 'string', shape, texts };
  }
  const data = new Float64Array(product(shape));
  forEachOffset(shape, strides, (index, offset) => {
    data[index] = x.data[offset + start] ?? Number.NaN;
  });
  return { dtype: x.dtype, shape, data };
}

function first({ inputs: [x], node }: KernelContext): ReferenceArray {
  if (x === undefined) throw new AmaasError('INVALID_GRAPH', `reference: ${node.operation.name} has no input`);
  return x;
}

/** The graph's own reshape knows every size except symbols; those are what is left over. */
function reshape(context: KernelContext): readonly ReferenceArray[] {
  const x = first(context);
  const wanted = context.node.outputs[0]?.shape ?? [];
  const from = context.node.inputs[0]?.shape ?? [];
  const shape = wanted.map((size) => (typeof size === 'number' ? size : (x.shape[from.indexOf(size)] ?? -1)));
  const known = shape.reduce((total, size) => (size === -1 ? total : total * size), 1);
  const resolved = shape.map((size) => (size === -1 ? product(x.shape) / known : size));
  if (product(resolved) !== product(x.shape)) {
    throw new AmaasError('INPUT_MISMATCH', `reference: Reshape of [${x.shape}] to [${resolved}]`);
  }
  return [{ ...x, shape: resolved }];
}

function transpose(context: KernelContext): readonly ReferenceArray[] {
  const x = first(context);
  const perm = numbersAttribute(context.node, 'perm');
  const strides = stridesOf(x.shape);
  return [
    rearrange(
      x,
      perm.map((axis) => x.shape[axis] ?? 1),
      { strides: perm.map((axis) => strides[axis] ?? 1) },
    ),
  ];
}

function expand(context: KernelContext): readonly ReferenceArray[] {
  const x = first(context);
  const wanted = (context.node.outputs[0]?.shape ?? []).map((size) => (typeof size === 'number' ? size : 1));
  const shape = broadcast(x.shape, wanted);
  return [rearrange(x, shape, { strides: broadcastStrides(x.shape, shape) })];
}

function concat({ node, inputs }: KernelContext): readonly ReferenceArray[] {
  const axis = numberAttribute(node, 'axis');
  const head = inputs[0];
  if (head === undefined) throw new AmaasError('INVALID_GRAPH', 'reference: Concat has no input');
  const outer = product(head.shape.slice(0, axis));
  const shape = head.shape.with(
    axis,
    inputs.reduce((total, { shape: each }) => total + (each[axis] ?? 0), 0),
  );
  const texts: string[] = [];
  const numbers: number[] = [];
  for (let row = 0; row < outer; row++) {
    for (const array of inputs) {
      const length = product(array.shape.slice(axis));
      if (isText(array)) texts.push(...array.texts.slice(row * length, (row + 1) * length));
      else for (const value of array.data.subarray(row * length, (row + 1) * length)) numbers.push(value);
    }
  }
  return [
    isText(head) ? { dtype: 'string', shape, texts } : { dtype: head.dtype, shape, data: Float64Array.from(numbers) },
  ];
}

function split(context: KernelContext): readonly ReferenceArray[] {
  const x = first(context);
  const axis = numberAttribute(context.node, 'axis');
  const strides = stridesOf(x.shape);
  let at = 0;
  return numbersAttribute(context.node, 'split').map((size) => {
    const start = at * (strides[axis] ?? 1);
    at += size;
    return rearrange(x, x.shape.with(axis, size), { strides, start });
  });
}

function slice(context: KernelContext): readonly ReferenceArray[] {
  const x = first(context);
  const { node } = context;
  const [starts, ends, axes, steps] = ['starts', 'ends', 'axes', 'steps'].map((name) => numbersAttribute(node, name));
  const shape = [...x.shape];
  const own = stridesOf(x.shape);
  const strides = [...own];
  let start = 0;
  for (const [index, axis] of (axes ?? []).entries()) {
    const step = steps?.[index] ?? 1;
    const from = starts?.[index] ?? 0;
    const to = Math.min(ends?.[index] ?? 0, x.shape[axis] ?? 0);
    shape[axis] = Math.max(0, Math.ceil((to - from) / step));
    strides[axis] = (own[axis] ?? 1) * step;
    start += from * (own[axis] ?? 1);
  }
  return [rearrange(x, shape, { strides, start })];
}

function pad(context: KernelContext): readonly ReferenceArray[] {
  const x = numbersOf(first(context));
  const pads = numbersAttribute(context.node, 'pads');
  const rank = x.shape.length;
  const shape = x.shape.map((size, axis) => size + (pads[axis] ?? 0) + (pads[axis + rank] ?? 0));
  const strides = stridesOf(shape);
  const start = strides.reduce((sum, stride, axis) => sum + stride * (pads[axis] ?? 0), 0);
  const data = new Float64Array(product(shape));
  forEachOffset(x.shape, strides, (index, offset) => {
    data[offset + start] = x.data[index] ?? Number.NaN;
  });
  return [{ dtype: x.dtype, shape, data }];
}
