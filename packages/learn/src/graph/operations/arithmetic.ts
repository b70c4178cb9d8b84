// Elementwise arithmetic and the functions of one real variable. Operands broadcast; numbers become scalars of the other
// operand's dtype.
import { AmaasError } from '@amaas/core';
import { broadcastShapes } from '../shape.ts';
import { applyOne, defineOperation, type Operation, type Value } from '../value.ts';
import { cast, equal, greater, isFloat, not } from './comparison.ts';
import { asValue, type Operand } from './constants.ts';
import { sumToShape } from './summation.ts';

type Plain = Record<string, never>;

const ADD = binary('Add', ({ dy }) => [dy, dy]);
const SUB = binary('Sub', ({ dy }) => [dy, neg(dy)]);
const MUL = binary('Mul', ({ a, b, dy }) => [mul(dy, b), mul(dy, a)]);
const DIV = binary('Div', ({ b, y, dy }) => {
  const da = div(dy, b);
  return [da, neg(mul(da, y))];
});
const POW = binary('Pow', ({ a, b, y, dy }) => [mul(dy, mul(b, pow(a, sub(b, 1)))), mul(dy, mul(y, log(a)))]);
// Where both are equal the first gets the whole gradient: a subgradient, and the one that `relu(x) = max(0, x)` needs.
const MAX = binary('Max', ({ a, b, dy }) => {
  const second = cast(greater(b, a), dy.dtype);
  return [mul(dy, sub(1, second)), mul(dy, second)];
});
const MIN = binary('Min', ({ a, b, dy }) => {
  const second = cast(greater(a, b), dy.dtype);
  return [mul(dy, sub(1, second)), mul(dy, second)];
});

export const add = (a: Operand, b: Operand): Value => applyBinary(ADD, a, b);
export const sub = (a: Operand, b: Operand): Value => applyBinary(SUB, a, b);
export const mul = (a: Operand, b: Operand): Value => applyBinary(MUL, a, b);
export const div = (a: Operand, b: Operand): Value => applyBinary(DIV, a, b);
/** a to the power b; with respect to `b` it is differentiable only where a > 0. */
export const pow = (a: Operand, b: Operand): Value => applyBinary(POW, a, b);
export const maximum = (a: Operand, b: Operand): Value => applyBinary(MAX, a, b);
export const minimum = (a: Operand, b: Operand): Value => applyBinary(MIN, a, b);

const NEG = unary('Neg', ({ dy }) => neg(dy));
const ABS = unary('Abs', ({ x, dy }) => mul(dy, sign(x)));
const SIGN = unary('Sign', () => null);
const FLOOR = unary('Floor', () => null);
const CEIL = unary('Ceil', () => null);
const ROUND = unary('Round', () => null);
const EXP = unary('Exp', ({ y, dy }) => mul(dy, y));
const LOG = unary('Log', ({ x, dy }) => div(dy, x));
const SQRT = unary('Sqrt', ({ y, dy }) => div(mul(dy, 0.5), y));
const RECIPROCAL = unary('Reciprocal', ({ y, dy }) => neg(mul(dy, square(y))));
const SIN = unary('Sin', ({ x, dy }) => mul(dy, cos(x)));
const COS = unary('Cos', ({ x, dy }) => neg(mul(dy, sin(x))));
const TANH = unary('Tanh', ({ y, dy }) => mul(dy, sub(1, square(y))));
const SIGMOID = unary('Sigmoid', ({ y, dy }) => mul(dy, mul(y, sub(1, y))));
const SOFTPLUS = unary('Softplus', ({ x, dy }) => mul(dy, sigmoid(x)));
const ERF = unary('Erf', ({ x, dy }) => mul(dy, mul(exp(neg(square(x))), 2 / Math.sqrt(Math.PI))));
// The output decides, so that the input need not be kept for the backward pass.
const RELU = unary('Relu', ({ y, dy }) => mul(dy, cast(greater(y, 0), dy.dtype)));

export const neg = (x: Value): Value => applyOne(NEG, [x], {});
export const abs = (x: Value): Value => applyOne(ABS, [x], {});
/** −1, 0 or 1. Its gradient is zero everywhere. */
export const sign = (x: Value): Value => applyOne(SIGN, [x], {});
export const floor = (x: Value): Value => applyOne(FLOOR, [x], {});
export const ceil = (x: Value): Value => applyOne(CEIL, [x], {});
/** To the nearest whole number, halves to the even one. */
export const round = (x: Value): Value => applyOne(ROUND, [x], {});
export const exp = (x: Value): Value => applyOne(EXP, [x], {});
/** The natural logarithm. */
export const log = (x: Value): Value => applyOne(LOG, [x], {});
export const sqrt = (x: Value): Value => applyOne(SQRT, [x], {});
export const reciprocal = (x: Value): Value => applyOne(RECIPROCAL, [x], {});
export const sin = (x: Value): Value => applyOne(SIN, [x], {});
export const cos = (x: Value): Value => applyOne(COS, [x], {});
export const tanh = (x: Value): Value => applyOne(TANH, [x], {});
/** 1 / (1 + e^−x) */
export const sigmoid = (x: Value): Value => applyOne(SIGMOID, [x], {});
/** log(1 + e^x), without overflow. */
export const softplus = (x: Value): Value => applyOne(SOFTPLUS, [x], {});
/** The error function. */
export const erf = (x: Value): Value => applyOne(ERF, [x], {});
/** max(0, x); the gradient at 0 is 0. */
export const relu = (x: Value): Value => applyOne(RELU, [x], {});
export const square = (x: Value): Value => mul(x, x);

const IS_NAN = defineOperation({
  name: 'IsNaN',
  attributes: {},
  infer: ([x]) => [{ dtype: 'bool', shape: expectOne(x, 'IsNaN').shape }],
  gradient: () => [null],
});

/** True (bool) where a float is not a number: how missing values travel. */
export const isNan = (x: Value): Value => applyOne(IS_NAN, [x], {});

/** Between two bounds; outside them the gradient is zero. */
export function clip(x: Value, low: number, high: number): Value {
  return minimum(maximum(x, low), high);
}

/** True (bool) where the elements differ. */
export const notEqual = (a: Value, b: Operand): Value => not(equal(a, b));

interface BinaryContext {
  readonly a: Value;
  readonly b: Value;
  readonly y: Value;
  readonly dy: Value;
}

function binary(name: string, gradient: (context: BinaryContext) => readonly [Value, Value]): Operation<Plain> {
  return defineOperation<Plain>({
    name,
    attributes: {},
    isPermutable: true,
    infer([a, b]) {
      const { dtype, shape } = expectOne(a, name);
      const other = expectOne(b, name);
      if (dtype !== other.dtype) {
        throw new AmaasError('INVALID_GRAPH', `${name}: expected equal dtypes, got ${dtype} and ${other.dtype}`);
      }
      return [{ dtype, shape: broadcastShapes(shape, other.shape, name) }];
    },
    gradient({ inputs: [a, b], outputs: [y] }, [dy]) {
      if (!a || !b || !y || !dy || !isFloat(y.dtype)) return [null, null];
      const [da, db] = gradient({ a, b, y, dy });
      return [sumToShape(da, a.shape), sumToShape(db, b.shape)];
    },
  });
}

interface UnaryContext {
  readonly x: Value;
  readonly y: Value;
  readonly dy: Value;
}

function unary(name: string, gradient: (context: UnaryContext) => Value | null): Operation<Plain> {
  return defineOperation<Plain>({
    name,
    attributes: {},
    isPermutable: true,
    infer([x]) {
      const { dtype, shape } = expectOne(x, name);
      return [{ dtype, shape }];
    },
    gradient: ({ inputs: [x], outputs: [y] }, [dy]) => [x && y && dy ? gradient({ x, y, dy }) : null],
  });
}

function applyBinary(operation: Operation<Plain>, a: Operand, b: Operand): Value {
  const dtype = typeof a === 'number' ? (typeof b === 'number' ? 'float32' : b.dtype) : a.dtype;
  return applyOne(operation, [asValue(a, dtype), asValue(b, dtype)], {});
}

function expectOne(value: Value | undefined, operation: string): Value {
  if (value === undefined) throw new AmaasError('INVALID_GRAPH', `${operation}: an input is missing`);
  return value;
}
