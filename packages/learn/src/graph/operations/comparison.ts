// Conditions and choices: comparisons give booleans, `where` and `cast` use them.
import { AmaasError, type DType } from '@amaas/core';
import { broadcastShapes } from '../shape.ts';
import { applyOne, defineOperation, type Operation, type Value } from '../value.ts';
import { asValue, filled, type Operand } from './constants.ts';
import { sumToShape } from './summation.ts';

const EQUAL = comparison('Equal');
const GREATER = comparison('Greater');
const GREATER_OR_EQUAL = comparison('GreaterOrEqual');
const LESS = comparison('Less');
const LESS_OR_EQUAL = comparison('LessOrEqual');
const AND = comparison('And');
const OR = comparison('Or');

/** Elementwise, broadcasting; the result is bool. */
export const equal = (a: Value, b: Operand): Value => compare(EQUAL, a, b);
/** a > b, elementwise, broadcasting. */
export const greater = (a: Value, b: Operand): Value => compare(GREATER, a, b);
/** a ≥ b, elementwise, broadcasting. */
export const greaterOrEqual = (a: Value, b: Operand): Value => compare(GREATER_OR_EQUAL, a, b);
/** a < b, elementwise, broadcasting. */
export const less = (a: Value, b: Operand): Value => compare(LESS, a, b);
/** a ≤ b, elementwise, broadcasting. */
export const lessOrEqual = (a: Value, b: Operand): Value => compare(LESS_OR_EQUAL, a, b);
/** Both true (bool operands). */
export const and = (a: Value, b: Value): Value => compare(AND, a, b);
/** Either true (bool operands). */
export const or = (a: Value, b: Value): Value => compare(OR, a, b);

const NOT = defineOperation({
  name: 'Not',
  attributes: {},
  infer: ([x]) => [{ dtype: 'bool', shape: expectBool(x, 'Not').shape }],
});

/** True where `x` (bool) is false. */
export function not(x: Value): Value {
  return applyOne(NOT, [x], {});
}

const WHERE = defineOperation({
  name: 'Where',
  attributes: {},
  infer([condition, a, b]) {
    if (a === undefined || b === undefined || a.dtype !== b.dtype) {
      throw new AmaasError('INVALID_GRAPH', `Where: the choices have different dtypes, ${a?.dtype} and ${b?.dtype}`);
    }
    const chosen = broadcastShapes(a.shape, b.shape, 'Where');
    return [{ dtype: a.dtype, shape: broadcastShapes(expectBool(condition, 'Where').shape, chosen, 'Where') }];
  },
  gradient({ inputs: [condition, a, b] }, [dy]) {
    if (!condition || !a || !b || !dy) return [null, null, null];
    const zero = filled(dy.dtype, [], 0);
    return [null, sumToShape(where(condition, dy, zero), a.shape), sumToShape(where(condition, zero, dy), b.shape)];
  },
});

/** `a` where the condition holds, else `b`; all three broadcast. */
export function where(condition: Value, a: Operand, b: Operand): Value {
  const dtype = typeof a === 'number' ? (typeof b === 'number' ? 'float32' : b.dtype) : a.dtype;
  return applyOne(WHERE, [condition, asValue(a, dtype), asValue(b, dtype)], {});
}

const CAST = defineOperation<{ readonly to: DType }>({
  name: 'Cast',
  attributes: { to: { kind: 'dtype' } },
  infer([x], { to }) {
    if (x === undefined) throw new AmaasError('INVALID_GRAPH', 'Cast: an input is missing');
    return [{ dtype: to, shape: x.shape }];
  },
  gradient: ({ inputs: [x] }, [dy]) => [x && dy && isFloat(x.dtype) ? cast(dy, x.dtype) : null],
});

/** The same numbers in another dtype; floats are cut towards zero on the way to integers. */
export function cast(x: Value, to: DType): Value {
  return x.dtype === to ? x : applyOne(CAST, [x], { to });
}

export function isFloat(dtype: DType): boolean {
  return dtype === 'float32' || dtype === 'float64' || dtype === 'float16';
}

function comparison(name: string): Operation<Record<string, never>> {
  const logical = name === 'And' || name === 'Or';
  return defineOperation({
    name,
    attributes: {},
    infer([a, b]) {
      if (a === undefined || b === undefined || a.dtype !== b.dtype || (logical && a.dtype !== 'bool')) {
        throw new AmaasError(
          'INVALID_GRAPH',
          `${name}: expected two ${logical ? 'bool' : 'equal dtype'}s, got ${a?.dtype} and ${b?.dtype}`,
        );
      }
      return [{ dtype: 'bool', shape: broadcastShapes(a.shape, b.shape, name) }];
    },
    gradient: () => [null, null],
  });
}

function compare(operation: Operation<Record<string, never>>, a: Value, b: Operand): Value {
  return applyOne(operation, [a, asValue(b, a.dtype)], {});
}

function expectBool(value: Value | undefined, operation: string): Value {
  if (value?.dtype !== 'bool')
    throw new AmaasError('INVALID_GRAPH', `${operation}: expected bool, got ${value?.dtype}`);
  return value;
}
