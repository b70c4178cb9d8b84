// Operations that only rearrange: reshape, transpose, concat, split, slice, pad.
// Sizes are attributes here; ONNX takes most of them as inputs.
import { AmaasError, formatShape } from '@amaas/core';
import { isStatic, normalizeAxis, type Shape, type Size, sameShape, sizeAt } from '../shape.ts';
import { applyOne, applyOperation, defineOperation, type Value } from '../value.ts';
import { filled } from './constants.ts';

const RESHAPE = defineOperation<{ readonly shape: Shape }>({
  name: 'Reshape',
  attributes: { shape: { kind: 'shape', asInput: true } },
  infer([x], { shape }) {
    const from = typeOf(x, 'Reshape');
    if (isStatic(shape) && isStatic(from.shape)) {
      const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);
      if (product(shape) !== product(from.shape)) {
        throw new AmaasError(
          'INVALID_GRAPH',
          `Reshape: ${formatShape(from.shape)} does not have the elements of ${formatShape(shape)}`,
        );
      }
    }
    return [{ dtype: from.dtype, shape }];
  },
  gradient: ({ inputs: [x] }, [dy]) => [x && dy ? reshape(dy, x.shape) : null],
});

/**
 * The same elements in another shape.
 * @param shape - may hold one −1, worked out from the rest; symbols must come from `x`
 */
export function reshape(x: Value, shape: Shape): Value {
  const resolved = resolveShape(x.shape, shape);
  return sameShape(x.shape, resolved) ? x : applyOne(RESHAPE, [x], { shape: resolved });
}

function resolveShape(from: Shape, shape: Shape): Shape {
  const hole = shape.indexOf(-1);
  if (hole === -1) return shape;
  // Symbols on both sides cancel; what is left over on the left is the missing size.
  const left = [...from];
  let known = 1;
  for (const [axis, size] of shape.entries()) {
    if (axis === hole) continue;
    if (typeof size === 'number') {
      known *= size;
      continue;
    }
    const at = left.indexOf(size);
    if (at === -1) throw new AmaasError('INVALID_GRAPH', `Reshape: ${formatShape(from)} has no size ${size}`);
    left.splice(at, 1);
  }
  const symbols = left.filter((size) => typeof size === 'string');
  const rest = left.reduce<number>((product, size) => (typeof size === 'number' ? product * size : product), 1);
  const missing: Size | undefined =
    symbols.length === 0 && rest % known === 0
      ? rest / known
      : symbols.length === 1 && rest === known
        ? symbols[0]
        : undefined;
  if (missing === undefined) {
    throw new AmaasError('INVALID_GRAPH', `Reshape: ${formatShape(from)} cannot become ${formatShape(shape)}`);
  }
  return shape.with(hole, missing);
}

/** All axes from `from` on as one. Keras's Flatten is `flatten(x, 1)`. */
export function flatten(x: Value, from = 1): Value {
  return reshape(x, [...x.shape.slice(0, from), -1]);
}

/** A new axis of size 1 at `axis` of the result. */
export function unsqueeze(x: Value, axis: number): Value {
  const at = normalizeAxis(axis, x.shape.length + 1, 'unsqueeze');
  return reshape(x, x.shape.toSpliced(at, 0, 1));
}

/** Without the axis, whose size must be 1. */
export function squeeze(x: Value, axis: number): Value {
  const at = normalizeAxis(axis, x.shape.length, 'squeeze');
  if (x.shape[at] !== 1) {
    throw new AmaasError('INVALID_GRAPH', `squeeze: axis ${axis} of ${formatShape(x.shape)} is not of size 1`);
  }
  return reshape(x, x.shape.toSpliced(at, 1));
}

const TRANSPOSE = defineOperation<{ readonly perm: readonly number[] }>({
  name: 'Transpose',
  attributes: { perm: { kind: 'ints' } },
  infer([x], { perm }) {
    const { dtype, shape } = typeOf(x, 'Transpose');
    if (
      !sameShape(
        perm.toSorted((a, b) => a - b),
        [...shape.keys()],
      )
    ) {
      throw new AmaasError('INVALID_GRAPH', `Transpose: ${formatShape(perm)} does not permute ${formatShape(shape)}`);
    }
    return [{ dtype, shape: perm.map((axis) => sizeAt(shape, axis, 'Transpose')) }];
  },
  gradient: ({ attributes: { perm } }, [dy]) => [dy ? transpose(dy, invertPermutation(perm)) : null],
});

/** Axes in another order. @param perm - result axis → axis of `x`; default: reversed */
export function transpose(x: Value, perm: readonly number[] = [...x.shape.keys()].reverse()): Value {
  return perm.every((axis, index) => axis === index) && perm.length === x.shape.length
    ? x
    : applyOne(TRANSPOSE, [x], { perm });
}

export function invertPermutation(perm: readonly number[]): readonly number[] {
  const inverse = new Array<number>(perm.length).fill(0);
  for (const [index, axis] of perm.entries()) inverse[axis] = index;
  return inverse;
}

const CONCAT = defineOperation<{ readonly axis: number }>({
  name: 'Concat',
  attributes: { axis: { kind: 'int' } },
  infer(values, { axis }) {
    const first = typeOf(values[0], 'Concat');
    let total: Size = 0;
    for (const { dtype, shape } of values) {
      const size = sizeAt(shape, axis, 'Concat');
      if (dtype !== first.dtype || !sameShape(shape.with(axis, 0), first.shape.with(axis, 0))) {
        throw new AmaasError(
          'INVALID_GRAPH',
          `Concat: ${dtype} ${formatShape(shape)} does not fit ${first.dtype} ${formatShape(first.shape)} along axis ${axis}`,
        );
      }
      total =
        total === 0 ? size : typeof size === 'number' && typeof total === 'number' ? total + size : `${total}+${size}`;
    }
    return [{ dtype: first.dtype, shape: first.shape.with(axis, total) }];
  },
  gradient({ inputs, attributes: { axis } }, [dy]) {
    if (!dy) return inputs.map(() => null);
    const sizes = inputs.map(({ shape }) => numericSize(shape, axis, 'Concat'));
    return split(dy, axis, sizes);
  },
});

/** Tensors joined along an axis; their other sizes agree. */
export function concat(values: readonly Value[], axis: number): Value {
  const [first] = values;
  if (first === undefined) throw new AmaasError('INVALID_GRAPH', 'Concat: expected at least one value');
  return values.length === 1
    ? first
    : applyOne(CONCAT, values, { axis: normalizeAxis(axis, first.shape.length, 'Concat') });
}

const SPLIT = defineOperation<{ readonly axis: number; readonly split: readonly number[] }>({
  name: 'Split',
  attributes: { axis: { kind: 'int' }, split: { kind: 'ints', asInput: true } },
  infer([x], { axis, split: sizes }) {
    const { dtype, shape } = typeOf(x, 'Split');
    const total = sizes.reduce((sum, size) => sum + size, 0);
    if (shape[axis] !== total) {
      throw new AmaasError('INVALID_GRAPH', `Split: sizes ${formatShape(sizes)} do not add up to ${shape[axis]}`);
    }
    return sizes.map((size) => ({ dtype, shape: shape.with(axis, size) }));
  },
  gradient({ outputs, attributes: { axis } }, gradients) {
    return [
      concat(
        outputs.map((output, index) => gradients[index] ?? filled(output.dtype, output.shape, 0)),
        axis,
      ),
    ];
  },
});

/** Cuts a tensor along an axis. @param sizes - of the parts; they add up to the axis's size */
export function split(x: Value, axis: number, sizes: readonly number[]): readonly Value[] {
  return sizes.length === 1
    ? [x]
    : applyOperation(SPLIT, [x], { axis: normalizeAxis(axis, x.shape.length, 'Split'), split: sizes });
}

const SLICE = defineOperation<{
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  readonly axes: readonly number[];
  readonly steps: readonly number[];
}>({
  name: 'Slice',
  attributes: {
    starts: { kind: 'ints', asInput: true },
    ends: { kind: 'ints', asInput: true },
    axes: { kind: 'ints', asInput: true },
    steps: { kind: 'ints', asInput: true },
  },
  infer([x], { starts, ends, axes, steps }) {
    const { dtype, shape } = typeOf(x, 'Slice');
    const result = [...shape];
    for (const [index, axis] of axes.entries()) {
      const { start, end, step } = { start: starts[index] ?? 0, end: ends[index] ?? 0, step: steps[index] ?? 1 };
      const size = numericSize(shape, axis, 'Slice');
      if (step < 1 || start < 0 || end > size || start > end) {
        throw new AmaasError(
          'INVALID_GRAPH',
          `Slice: ${start}:${end}:${step} is outside axis ${axis} of ${formatShape(shape)}`,
        );
      }
      result[axis] = Math.ceil((end - start) / step);
    }
    return [{ dtype, shape: result }];
  },
  gradient({ inputs: [x], outputs: [y], attributes: { starts, axes, steps } }, [dy]) {
    if (!dy || !x || !y) return [null];
    const before = x.shape.map(() => 0);
    const after = x.shape.map(() => 0);
    let spread = dy;
    for (const [index, axis] of axes.entries()) {
      const step = steps[index] ?? 1;
      const start = starts[index] ?? 0;
      spread = insertZeros(spread, axis, step);
      before[axis] = start;
      after[axis] = numericSize(x.shape, axis, 'Slice') - start - numericSize(spread.shape, axis, 'Slice');
    }
    return [pad(spread, before, after)];
  },
});

/** `step − 1` zeros after every element of an axis but the last. */
function insertZeros(x: Value, axis: number, step: number): Value {
  const size = numericSize(x.shape, axis, 'Slice');
  if (step === 1 || size < 2) return x;
  const zeros = x.shape.map(() => 0);
  const spread = pad(unsqueeze(x, axis + 1), [...zeros, 0], [...zeros, 0].with(axis + 1, step - 1));
  return slice(reshape(spread, x.shape.with(axis, size * step)), axis, 0, (size - 1) * step + 1);
}

/** Elements `start … end − 1` of an axis, every `step`-th. Negative bounds count from the end. */
export function slice(x: Value, axis: number, start: number, end: number, step = 1): Value {
  const at = normalizeAxis(axis, x.shape.length, 'Slice');
  const size = x.shape[at];
  if (start === 0 && end === size && step === 1) return x;
  const fromFront = (bound: number): number => (bound < 0 ? bound + numericSize(x.shape, at, 'Slice') : bound);
  return applyOne(SLICE, [x], { starts: [fromFront(start)], ends: [fromFront(end)], axes: [at], steps: [step] });
}

const PAD = defineOperation<{ readonly pads: readonly number[] }>({
  name: 'Pad',
  attributes: { pads: { kind: 'ints', asInput: true } },
  infer([x], { pads }) {
    const { dtype, shape } = typeOf(x, 'Pad');
    if (pads.length !== 2 * shape.length || pads.some((amount) => amount < 0)) {
      throw new AmaasError(
        'INVALID_GRAPH',
        `Pad: ${formatShape(pads)} are not ${2 * shape.length} amounts of zero or more`,
      );
    }
    return [
      {
        dtype,
        shape: shape.map((size, axis) => {
          const extra = (pads[axis] ?? 0) + (pads[axis + shape.length] ?? 0);
          return extra === 0 ? size : numericSize(shape, axis, 'Pad') + extra;
        }),
      },
    ];
  },
  gradient({ inputs: [x], attributes: { pads } }, [dy]) {
    if (!dy || !x) return [null];
    let inner = dy;
    for (const [axis, size] of x.shape.entries()) {
      if (inner.shape[axis] === size) continue;
      const start = pads[axis] ?? 0;
      inner = slice(inner, axis, start, start + numericSize(x.shape, axis, 'Pad'));
    }
    return [inner];
  },
});

/** Zeros around a tensor. @param before,after - how many per axis */
export function pad(x: Value, before: readonly number[], after: readonly number[]): Value {
  const pads = [...before, ...after];
  return pads.every((amount) => amount === 0) ? x : applyOne(PAD, [x], { pads });
}

function numericSize(shape: Shape, axis: number, operation: string): number {
  const size = sizeAt(shape, axis, operation);
  if (typeof size === 'number') return size;
  throw new AmaasError(
    'INVALID_GRAPH',
    `${operation}: the size of axis ${axis} of ${formatShape(shape)} must be known`,
  );
}

function typeOf(value: Value | undefined, operation: string): Value {
  if (value === undefined) throw new AmaasError('INVALID_GRAPH', `${operation}: an input is missing`);
  return value;
}
