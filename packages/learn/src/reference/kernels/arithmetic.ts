// Elementwise kernels: arithmetic, functions of one variable, comparisons, choices.
import { AmaasError } from '@amaas/core';
import {
  broadcastStrides,
  forEachOffset,
  isText,
  type NumericArray,
  numbersOf,
  product,
  type ReferenceArray,
  textOf,
} from '../array.ts';
import type { Kernel, KernelContext } from '../kernel.ts';
import { decodeDType } from './attributes.ts';

export const ARITHMETIC_KERNELS: ReadonlyMap<string, Kernel> = new Map<string, Kernel>([
  ...entries(binary, {
    Add: (a, b) => a + b,
    Sub: (a, b) => a - b,
    Mul: (a, b) => a * b,
    Pow: (a, b) => a ** b,
    Mod: (a, b) => a - b * Math.floor(a / b),
    Max: Math.max,
    Min: Math.min,
  }),
  ...entries(compare, {
    Greater: (a, b) => a > b,
    GreaterOrEqual: (a, b) => a >= b,
    Less: (a, b) => a < b,
    LessOrEqual: (a, b) => a <= b,
    And: (a, b) => a === 1 && b === 1,
    Or: (a, b) => a === 1 || b === 1,
  }),
  ...entries(unary, {
    Neg: (x) => -x,
    Abs: Math.abs,
    Sign: Math.sign,
    Floor: Math.floor,
    Ceil: Math.ceil,
    Round: roundHalfToEven,
    Exp: Math.exp,
    Log: Math.log,
    Sqrt: Math.sqrt,
    Reciprocal: (x) => 1 / x,
    Sin: Math.sin,
    Cos: Math.cos,
    Tanh: Math.tanh,
    Sigmoid: (x) => 1 / (1 + Math.exp(-x)),
    Softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
    Erf: erf,
    Relu: (x) => Math.max(x, 0),
    Identity: (x) => x,
  }),
  ['Div', divide],
  ['Equal', equal],
  ['Not', ({ inputs: [x] }) => [mapNumbers(numbersOf(x), (value) => 1 - value)]],
  [
    'IsNaN',
    ({ inputs: [x] }) => [{ ...mapNumbers(numbersOf(x), (value) => Number(Number.isNaN(value))), dtype: 'bool' }],
  ],
  ['Where', where],
  ['Cast', cast],
]);

function entries<F>(
  make: (f: F) => Kernel,
  functions: Readonly<Record<string, F>>,
): readonly (readonly [string, Kernel])[] {
  return Object.entries(functions).map(([name, f]) => [name, make(f)]);
}

function unary(f: (x: number) => number): Kernel {
  return ({ inputs: [x] }) => [mapNumbers(numbersOf(x), f)];
}

function mapNumbers({ dtype, shape, data }: NumericArray, f: (x: number) => number): NumericArray {
  return { dtype, shape, data: data.map(f) };
}

/** ONNX lets Max, Min and Sum take any number of operands; they are folded from the left. */
function binary(f: (a: number, b: number) => number): Kernel {
  return ({ inputs }) => [inputs.map(numbersOf).reduce((a, b) => zip(a, b, { dtype: a.dtype, f }))];
}

function compare(f: (a: number, b: number) => boolean): Kernel {
  return ({ inputs: [a, b] }) => [zip(numbersOf(a), numbersOf(b), { dtype: 'bool', f: (x, y) => Number(f(x, y)) })];
}

function zip(
  a: NumericArray,
  b: NumericArray,
  { dtype, f }: { readonly dtype: NumericArray['dtype']; readonly f: (a: number, b: number) => number },
): NumericArray {
  const shape = broadcast(a.shape, b.shape);
  const data = new Float64Array(product(shape));
  forEachOffset(shape, broadcastStrides(a.shape, shape), (index, offset) => {
    data[index] = a.data[offset] ?? Number.NaN;
  });
  forEachOffset(shape, broadcastStrides(b.shape, shape), (index, offset) => {
    data[index] = f(data[index] ?? Number.NaN, b.data[offset] ?? Number.NaN);
  });
  return { dtype, shape, data };
}

function divide({ inputs: [a, b] }: KernelContext): readonly ReferenceArray[] {
  const left = numbersOf(a);
  const whole = left.dtype.startsWith('int') || left.dtype.startsWith('uint');
  return [zip(left, numbersOf(b), { dtype: left.dtype, f: (x, y) => (whole ? Math.trunc(x / y) : x / y) })];
}

function equal({ inputs: [a, b] }: KernelContext): readonly ReferenceArray[] {
  if (a === undefined || !isText(a)) {
    return [zip(numbersOf(a), numbersOf(b), { dtype: 'bool', f: (x, y) => Number(x === y) })];
  }
  // Texts compare as the positions they have in one list of all of them.
  const other = textOf(b);
  const codes = new Map<string, number>();
  const encode = (texts: readonly string[]): Float64Array =>
    Float64Array.from(texts, (text) => {
      const code = codes.get(text) ?? codes.size;
      codes.set(text, code);
      return code;
    });
  const left: NumericArray = { dtype: 'int64', shape: a.shape, data: encode(a.texts) };
  const right: NumericArray = { dtype: 'int64', shape: other.shape, data: encode(other.texts) };
  return [zip(left, right, { dtype: 'bool', f: (x, y) => Number(x === y) })];
}

function where({ inputs: [condition, a, b] }: KernelContext): readonly ReferenceArray[] {
  const test = numbersOf(condition);
  if (a !== undefined && isText(a)) {
    const other = textOf(b);
    const all = [...a.texts, ...other.texts];
    // Texts are chosen as positions in one list of all of them.
    const left: NumericArray = { dtype: 'int64', shape: a.shape, data: Float64Array.from(a.texts.keys()) };
    const positions = Float64Array.from(other.texts.keys(), (position) => a.texts.length + position);
    const right: NumericArray = { dtype: 'int64', shape: other.shape, data: positions };
    const { shape, data } = choose(test, left, right);
    return [{ dtype: 'string', shape, texts: Array.from(data, (at) => all[at] ?? '') }];
  }
  return [choose(test, numbersOf(a), numbersOf(b))];
}

function choose(test: NumericArray, left: NumericArray, right: NumericArray): NumericArray {
  const shape = broadcast(test.shape, broadcast(left.shape, right.shape));
  const data = new Float64Array(product(shape));
  const chosen = new Uint8Array(data.length);
  forEachOffset(shape, broadcastStrides(test.shape, shape), (index, offset) => {
    chosen[index] = test.data[offset] ?? 0;
  });
  forEachOffset(shape, broadcastStrides(left.shape, shape), (index, offset) => {
    if (chosen[index] === 1) data[index] = left.data[offset] ?? Number.NaN;
  });
  forEachOffset(shape, broadcastStrides(right.shape, shape), (index, offset) => {
    if (chosen[index] === 0) data[index] = right.data[offset] ?? Number.NaN;
  });
  return { dtype: left.dtype, shape, data };
}

function cast({ node, inputs: [x] }: KernelContext): readonly ReferenceArray[] {
  const to = decodeDType(node.attributes['to']);
  if (x !== undefined && isText(x)) return [{ dtype: to, shape: x.shape, data: Float64Array.from(x.texts, Number) }];
  const { shape, data } = numbersOf(x);
  if (to === 'string') return [{ dtype: 'string', shape, texts: Array.from(data, String) }];
  if (to === 'bool') return [{ dtype: to, shape, data: data.map((value) => Number(value !== 0)) }];
  return [{ dtype: to, shape, data: to.startsWith('float') ? data : data.map(Math.trunc) }];
}

export function broadcast(a: readonly number[], b: readonly number[]): readonly number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1) {
      throw new AmaasError('INPUT_MISMATCH', `reference: [${a}] and [${b}] do not broadcast`);
    }
    return left === 1 ? right : left;
  });
}

function roundHalfToEven(x: number): number {
  const below = Math.floor(x);
  if (x - below !== 0.5) return Math.round(x);
  return below % 2 === 0 ? below : below + 1;
}

/** erf to about 1e-15: its series near zero, the continued fraction of erfc beyond. Source: Abramowitz & Stegun 7.1.5, 7.1.14. */
function erf(x: number): number {
  const size = Math.abs(x);
  if (size < 2.5) {
    let term = size;
    let sum = size;
    for (let n = 1; Math.abs(term) > 1e-17 * sum; n++) {
      term *= (-size * size) / n;
      sum += term / (2 * n + 1);
    }
    return (Math.sign(x) * 2 * sum) / Math.sqrt(Math.PI);
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (size + fraction);
  return Math.sign(x) * (1 - Math.exp(-size * size) / (Math.sqrt(Math.PI) * (size + fraction)));
}
