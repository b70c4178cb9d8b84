// Activation functions beyond those of arithmetic.ts. Those that ONNX has no operator for before opset 18 are composed,
// with the gradient in closed form.
import { AmaasError } from '@amaas/core';
import { broadcastShapes, sameShape } from '../shape.ts';
import { applyOne, defineOperation, type Operation, type Value } from '../value.ts';
import { abs, add, erf, exp, mul, sigmoid, softplus, square, sub, tanh } from './arithmetic.ts';
import { and, cast, greater, less, where } from './comparison.ts';
import { sumToShape } from './summation.ts';
import { withGradient } from './with-gradient.ts';

/**
 * x · Φ(x), Φ the normal distribution.
 * @param approximation - `none` (default) by the error function, `tanh` by 0.5 · (1 + tanh(√(2/π) · (x + 0.044715 · x³)))
 *   as GPT-2 has it
 */
export function gelu(x: Value, approximation: 'none' | 'tanh' = 'none'): Value {
  if (approximation === 'none') {
    const share = mul(add(erf(mul(x, Math.SQRT1_2)), 1), 0.5);
    // Φ + x · φ
    return withGradient(mul(x, share), [x, share], (dy, _, at, cumulated) => {
      const density = mul(exp(mul(square(at), -0.5)), 1 / Math.sqrt(2 * Math.PI));
      return [mul(dy, add(cumulated, mul(at, density))), null];
    });
  }
  const slope = Math.sqrt(2 / Math.PI);
  const bent = tanh(mul(x, add(mul(square(x), 0.044715 * slope), slope)));
  const share = mul(add(bent, 1), 0.5);
  // With s = (1 + t) / 2: s + x · s′, and s′ = 2 · s · (1 − s) · (slope + 3 · 0.044715 · slope · x²).
  return withGradient(mul(x, share), [x, share], (dy, y, at, s) => {
    const steepness = add(mul(square(at), 6 * 0.044715 * slope), 2 * slope);
    return [mul(dy, add(s, mul(mul(y, sub(1, s)), steepness))), null];
  });
}

/** x · sigmoid(x), also called swish. */
export function silu(x: Value): Value {
  const gate = sigmoid(x);
  return withGradient(mul(x, gate), [x, gate], (dy, y, _, s) => [mul(dy, add(s, mul(y, sub(1, s)))), null]);
}

/** x · tanh(softplus(x)) */
export function mish(x: Value): Value {
  const gate = tanh(softplus(x));
  return withGradient(mul(x, gate), [x, gate], (dy, _, at, t) => [
    mul(dy, add(t, mul(mul(at, sigmoid(at)), sub(1, square(t))))),
    null,
  ]);
}

const HARD_SIGMOID = activation<'alpha' | 'beta'>('HardSigmoid', ['alpha', 'beta'], ({ y, dy, attributes }) =>
  mul(cast(and(greater(y, 0), less(y, 1)), dy.dtype), mul(dy, attributes.alpha)),
);

/** max(0, min(1, slope · x + offset)); defaults 0.2 and 0.5 as in ONNX (PyTorch and Keras 3 have 1/6 and 0.5). */
export function hardSigmoid(x: Value, slope = 0.2, offset = 0.5): Value {
  return applyOne(HARD_SIGMOID, [x], { alpha: slope, beta: offset });
}

/** x · max(0, min(1, x / 6 + 0.5)) */
export function hardSwish(x: Value): Value {
  return mul(x, hardSigmoid(x, 1 / 6, 0.5));
}

const LEAKY_RELU = activation<'alpha'>('LeakyRelu', ['alpha'], ({ x, dy, attributes }) =>
  where(greater(x, 0), dy, mul(dy, attributes.alpha)),
);

/** x where positive, else slope · x; default slope 0.01 as in ONNX and PyTorch (Keras has 0.3). */
export function leakyRelu(x: Value, slope = 0.01): Value {
  return applyOne(LEAKY_RELU, [x], { alpha: slope });
}

const ELU = activation<'alpha'>('Elu', ['alpha'], ({ x, y, dy, attributes }) =>
  where(greater(x, 0), dy, mul(dy, add(y, attributes.alpha))),
);

/** x where positive, else alpha · (e^x − 1). */
export function elu(x: Value, alpha = 1): Value {
  return applyOne(ELU, [x], { alpha });
}

const SELU = activation<'alpha' | 'gamma'>('Selu', ['alpha', 'gamma'], ({ x, y, dy, attributes }) => {
  const { alpha, gamma } = attributes;
  return where(greater(x, 0), mul(dy, gamma), mul(dy, add(y, alpha * gamma)));
});

/** gamma · elu(x, alpha) with the constants that keep mean 0 and variance 1. Source: Klambauer et al. 2017. */
export function selu(x: Value, alpha = 1.6732632423543772, gamma = 1.0507009873554805): Value {
  return applyOne(SELU, [x], { alpha, gamma });
}

const SOFTSIGN = activation<never>('Softsign', [], ({ y, dy }) => mul(dy, square(sub(1, abs(y)))));

/** x / (1 + |x|) */
export function softsign(x: Value): Value {
  return applyOne(SOFTSIGN, [x], {});
}

const PRELU = defineOperation({
  name: 'PRelu',
  attributes: {},
  infer([x, slope]) {
    if (!x || !slope || x.dtype !== slope.dtype) {
      throw new AmaasError('INVALID_GRAPH', `PRelu: expected equal dtypes, got ${x?.dtype} and ${slope?.dtype}`);
    }
    if (!sameShape(broadcastShapes(x.shape, slope.shape, 'PRelu'), x.shape)) {
      throw new AmaasError('INVALID_GRAPH', 'PRelu: the slope must broadcast to x');
    }
    return [{ dtype: x.dtype, shape: x.shape }];
  },
  gradient({ inputs: [x, slope] }, [dy]) {
    if (!x || !slope || !dy) return [null, null];
    const positive = greater(x, 0);
    return [where(positive, dy, mul(dy, slope)), sumToShape(where(positive, 0, mul(dy, x)), slope.shape)];
  },
});

/** x where positive, else slope · x with a slope that is learned. @param slope - broadcasts to x: [C, 1, 1] for images */
export function prelu(x: Value, slope: Value): Value {
  return applyOne(PRELU, [x, slope], {});
}

interface ActivationContext<K extends string> {
  readonly x: Value;
  readonly y: Value;
  readonly dy: Value;
  readonly attributes: Readonly<Record<K, number>>;
}

function activation<K extends string>(
  name: string,
  numbers: readonly K[],
  gradient: (context: ActivationContext<K>) => Value,
): Operation<Readonly<Record<K, number>>> {
  // Object.fromEntries forgets that the keys are exactly K.
  const attributes = Object.fromEntries(numbers.map((each) => [each, { kind: 'float' }])) as {
    readonly [P in K]-?: { readonly kind: 'float' };
  };
  return defineOperation<Readonly<Record<K, number>>>({
    name,
    attributes,
    infer([x]) {
      if (x === undefined) throw new AmaasError('INVALID_GRAPH', `${name}: an input is missing`);
      return [{ dtype: x.dtype, shape: x.shape }];
    },
    gradient: ({ inputs: [x], outputs: [y], attributes: given }, [dy]) => [
      x && y && dy ? gradient({ x, y, dy, attributes: given }) : null,
    ],
  });
}
