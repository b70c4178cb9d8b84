// Sums along axes and their opposite, repetition along axes: each is the other's gradient.
import { AmaasError, formatShape } from '@amaas/core';
import { broadcastShapes, normalizeAxes, type Shape, sameShape } from '../shape.ts';
import { applyOne, defineOperation, type Value } from '../value.ts';
import { reshape } from './shaping.ts';

const EXPAND = defineOperation<{ readonly shape: Shape }>({
  name: 'Expand',
  attributes: { shape: { kind: 'shape', asInput: true } },
  infer([x], { shape }) {
    if (x === undefined) throw new AmaasError('INVALID_GRAPH', 'Expand: an input is missing');
    if (!sameShape(broadcastShapes(x.shape, shape, 'Expand'), shape)) {
      throw new AmaasError(
        'INVALID_GRAPH',
        `Expand: ${formatShape(x.shape)} does not broadcast to ${formatShape(shape)}`,
      );
    }
    return [{ dtype: x.dtype, shape }];
  },
  gradient: ({ inputs: [x] }, [dy]) => [x && dy ? sumToShape(dy, x.shape) : null],
});

/** Repeats axes of size 1 (and adds leading ones) to reach `shape`. */
export function expand(x: Value, shape: Shape): Value {
  return sameShape(x.shape, shape) ? x : applyOne(EXPAND, [x], { shape });
}

export interface ReductionAttributes {
  readonly [name: string]: number | readonly number[];
  readonly axes: readonly number[];
  /** 1: reduced axes stay with size 1; 0: they go. */
  readonly keepdims: number;
}

export const REDUCTION_ATTRIBUTES = { axes: { kind: 'ints', asInput: true }, keepdims: { kind: 'int' } } as const;

/** The shape after reducing `axes` (normalised). */
export function reducedShape(shape: Shape, { axes, keepdims }: ReductionAttributes): Shape {
  return keepdims === 1
    ? shape.map((size, axis) => (axes.includes(axis) ? 1 : size))
    : shape.filter((_, axis) => !axes.includes(axis));
}

/** A reduced value (or its gradient) with the reduced axes back as size 1. */
export function restoreAxes(reduced: Value, shape: Shape, axes: readonly number[]): Value {
  return reshape(reduced, reducedShape(shape, { axes, keepdims: 1 }));
}

const REDUCE_SUM = defineOperation<ReductionAttributes>({
  name: 'ReduceSum',
  attributes: REDUCTION_ATTRIBUTES,
  infer([x], attributes) {
    if (x === undefined) throw new AmaasError('INVALID_GRAPH', 'ReduceSum: an input is missing');
    return [{ dtype: x.dtype, shape: reducedShape(x.shape, attributes) }];
  },
  gradient: ({ inputs: [x], attributes: { axes } }, [dy]) => [
    x && dy ? expand(restoreAxes(dy, x.shape, axes), x.shape) : null,
  ],
});

export interface ReduceOptions {
  /** Default: all. */
  readonly axes?: readonly number[];
  /** Whether reduced axes stay with size 1; default false, as in NumPy. */
  readonly keepAxes?: boolean;
}

/** Axes and ONNX's keepdims from options. @throws INVALID_GRAPH for axes outside the rank */
export function reductionAttributes(x: Value, options: ReduceOptions, operation: string): ReductionAttributes {
  const axes = normalizeAxes(options.axes ?? [...x.shape.keys()], x.shape.length, operation);
  return { axes, keepdims: options.keepAxes === true ? 1 : 0 };
}

/** The sum over axes. */
export function reduceSum(x: Value, options: ReduceOptions = {}): Value {
  const attributes = reductionAttributes(x, options, 'ReduceSum');
  return attributes.axes.length === 0 ? x : applyOne(REDUCE_SUM, [x], attributes);
}

/** Sums what broadcasting repeated: the gradient's way back to an operand's own shape. */
export function sumToShape(x: Value, shape: Shape): Value {
  if (sameShape(x.shape, shape)) return x;
  const leading = x.shape.length - shape.length;
  const axes = [...x.shape.keys()].filter(
    (axis) => axis < leading || (shape[axis - leading] === 1 && x.shape[axis] !== 1),
  );
  return reshape(reduceSum(x, { axes, keepAxes: true }), shape);
}
