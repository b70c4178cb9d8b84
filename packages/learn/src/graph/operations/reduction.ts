// Means, extremes and their positions along axes, and what is built on them: softmax and its logarithm.
import { AmaasError, formatShape } from '@amaas/core';
import { countElements, normalizeAxis, sizeAt } from '../shape.ts';
import { applyOne, defineOperation, type Operation, type Value } from '../value.ts';
import { add, div, exp, log, mul, sub } from './arithmetic.ts';
import { cast, equal } from './comparison.ts';
import {
  expand,
  REDUCTION_ATTRIBUTES,
  type ReduceOptions,
  type ReductionAttributes,
  reducedShape,
  reduceSum,
  reductionAttributes,
  restoreAxes,
} from './summation.ts';

const REDUCE_MEAN = reduction('ReduceMean', ({ x, dy, axes }) => {
  const count = countElements(
    axes.map((axis) => sizeAt(x.shape, axis, 'ReduceMean')),
    'ReduceMean',
  );
  return expand(mul(restoreAxes(dy, x.shape, axes), 1 / count), x.shape);
});
const REDUCE_MAX = reduction('ReduceMax', extremeGradient);
const REDUCE_MIN = reduction('ReduceMin', extremeGradient);

export const reduceMean = (x: Value, options: ReduceOptions = {}): Value => reduce(REDUCE_MEAN, x, options);
/** Ties share the gradient evenly. */
export const reduceMax = (x: Value, options: ReduceOptions = {}): Value => reduce(REDUCE_MAX, x, options);
/** Ties share the gradient evenly. */
export const reduceMin = (x: Value, options: ReduceOptions = {}): Value => reduce(REDUCE_MIN, x, options);

/** log Σ exp over axes, without overflow. */
export function logSumExp(x: Value, options: ReduceOptions = {}): Value {
  const { axes } = reductionAttributes(x, options, 'logSumExp');
  const peak = reduceMax(x, { axes, keepAxes: true });
  const sum = reduceSum(exp(sub(x, peak)), { axes, keepAxes: true });
  const kept = add(log(sum), peak);
  return options.keepAxes === true ? kept : reduceSum(kept, { axes });
}

const SOFTMAX = alongAxis('Softmax', ({ y, dy, axis }) => {
  const weighted = mul(dy, y);
  return sub(weighted, mul(y, reduceSum(weighted, { axes: [axis], keepAxes: true })));
});
const LOG_SOFTMAX = alongAxis('LogSoftmax', ({ y, dy, axis }) =>
  sub(dy, mul(exp(y), reduceSum(dy, { axes: [axis], keepAxes: true }))),
);

/** exp(x) / Σ exp(x) along an axis. */
export function softmax(x: Value, axis = -1): Value {
  return applyOne(SOFTMAX, [x], { axis: normalizeAxis(axis, x.shape.length, 'Softmax') });
}

/** log softmax along an axis. */
export function logSoftmax(x: Value, axis = -1): Value {
  return applyOne(LOG_SOFTMAX, [x], { axis: normalizeAxis(axis, x.shape.length, 'LogSoftmax') });
}

interface ArgAttributes {
  readonly [name: string]: number;
  readonly axis: number;
  readonly keepdims: number;
}

const ARG_MAX = argReduction('ArgMax');
const ARG_MIN = argReduction('ArgMin');

/** Position (int64) of the largest element along an axis, the first among equals; the axis goes. */
export function argMax(x: Value, axis = -1): Value {
  return applyOne(ARG_MAX, [x], { axis: normalizeAxis(axis, x.shape.length, 'ArgMax'), keepdims: 0 });
}

/** Position (int64) of the smallest element along an axis, the first among equals; the axis goes. */
export function argMin(x: Value, axis = -1): Value {
  return applyOne(ARG_MIN, [x], { axis: normalizeAxis(axis, x.shape.length, 'ArgMin'), keepdims: 0 });
}

interface ReductionContext {
  readonly x: Value;
  readonly y: Value;
  readonly dy: Value;
  readonly axes: readonly number[];
}

function extremeGradient({ x, y, dy, axes }: ReductionContext): Value {
  const hits = cast(equal(x, expand(restoreAxes(y, x.shape, axes), x.shape)), dy.dtype);
  const share = div(restoreAxes(dy, x.shape, axes), reduceSum(hits, { axes, keepAxes: true }));
  return mul(hits, share);
}

function reduction(name: string, gradient: (context: ReductionContext) => Value): Operation<ReductionAttributes> {
  return defineOperation<ReductionAttributes>({
    name,
    attributes: REDUCTION_ATTRIBUTES,
    infer([x], attributes) {
      if (x === undefined) throw new AmaasError('INVALID_GRAPH', `${name}: an input is missing`);
      return [{ dtype: x.dtype, shape: reducedShape(x.shape, attributes) }];
    },
    gradient: ({ inputs: [x], outputs: [y], attributes: { axes } }, [dy]) => [
      x && y && dy ? gradient({ x, y, dy, axes }) : null,
    ],
  });
}

function reduce(operation: Operation<ReductionAttributes>, x: Value, options: ReduceOptions): Value {
  const attributes = reductionAttributes(x, options, operation.name);
  return attributes.axes.length === 0 ? x : applyOne(operation, [x], attributes);
}

interface AxisContext {
  readonly y: Value;
  readonly dy: Value;
  readonly axis: number;
}

function alongAxis(name: string, gradient: (context: AxisContext) => Value): Operation<{ readonly axis: number }> {
  return defineOperation<{ readonly axis: number }>({
    name,
    attributes: { axis: { kind: 'int' } },
    infer([x], { axis }) {
      if (x === undefined) throw new AmaasError('INVALID_GRAPH', `${name}: an input is missing`);
      normalizeAxis(axis, x.shape.length, name);
      return [{ dtype: x.dtype, shape: x.shape }];
    },
    gradient: ({ outputs: [y], attributes: { axis } }, [dy]) => [y && dy ? gradient({ y, dy, axis }) : null],
  });
}

function argReduction(name: string): Operation<ArgAttributes> {
  return defineOperation<ArgAttributes>({
    name,
    attributes: { axis: { kind: 'int' }, keepdims: { kind: 'int' } },
    infer([x], { axis, keepdims }) {
      if (x === undefined || x.dtype === 'string') {
        throw new AmaasError('INVALID_GRAPH', `${name}: expected numbers, got ${x ? formatShape(x.shape) : 'nothing'}`);
      }
      return [{ dtype: 'int64', shape: reducedShape(x.shape, { axes: [axis], keepdims }) }];
    },
    gradient: () => [null],
  });
}
